//! What became of it? For operators: by the redemption's id, or by the message. This node tells what it
//! knows itself; it does not ask the registers.

use bytes::Bytes;
use http::{Method, Response, StatusCode, Uri};
use http_body_util::Full;

use super::answers::{get, json, text};
use crate::{code::status::Asked, http::path::CheckedPath, refusal::Refused, worker::Shared};

/// `None`: the path is another one, or the configuration has no `[status]`.
pub(super) fn answer(shared: &Shared, method: &Method, uri: &Uri) -> Option<Response<Full<Bytes>>> {
    let current = shared.current.load();
    let (config, path) = (current.config(), CheckedPath::check(uri.path()).ok()?);
    let status = config.status.as_ref().filter(|status| path.is_within(&status.path))?;
    let asked = Asked::read(path.as_str().get(status.path.len()..)?, uri.query())?;
    let sources = shared.sources(config);
    Some(get(method, || {
        let fate = match asked {
            Ok(Asked::Of(Some(id))) => sources.of_redemption(&id),
            Ok(Asked::OfMessage { institution, msgid }) => {
                let institution = institution.as_str();
                sources.of_message(Some(institution).filter(|name| !name.is_empty()), &msgid)
            }
            Ok(Asked::Of(None)) => return text(StatusCode::BAD_REQUEST, NO_ID),
            Ok(Asked::OfHolder(_)) => return text(StatusCode::BAD_REQUEST, NOT_NAMED),
            Err(refused) => Err(refused),
        };
        fate.map_or_else(|refused| problem(&refused), |fate| json(StatusCode::OK, fate.to_json()))
    }))
}

const NO_ID: &str = "no redemption id: it is <key id>-<issued at>-<serial, 16 hex digits> of a code, \
                     or p<key id>-<minted at>-<tag, 16 hex digits> of a pass\n";
const NOT_NAMED: &str =
    "name a redemption: add /<id> to the path, or ?institution=<..>&msgid=<..>\n";

fn problem(refused: &Refused) -> Response<Full<Bytes>> {
    let (reason, title) = (refused.refusal.reason(), refused.refusal.title());
    let detail = refused.detail.unwrap_or(title);
    text(refused.refusal.status(), format!("{reason}: {detail}\n"))
}
