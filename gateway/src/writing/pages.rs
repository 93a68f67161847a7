//! Which page answers a request to the API, and who may ask for it.

use accounts::change::Held;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use keyring::code::Subject;
use serde::Serialize;
use tokio::time::timeout;

use super::{
    answer::{self, Body, Problem, json},
    caller::Caller,
    changes,
    desk::Desk,
    export, import,
};
use crate::{
    config::{AccountsConfig, Right},
    limits::{WRITING_BODY_BYTES_MAX, WRITING_BODY_TIME},
};

const PAGES: &str = "there are POST /accounts/changes, GET /accounts/<subject>, POST \
                     /accounts/import and GET /accounts/export";

/// Answers a request. Cancel safe but for changes: those that were sent to the store are made.
pub(super) async fn answer(desk: &Desk, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let current = desk.current();
    let answered = find(desk, &current.config().accounts, &head, body).await;
    answered.unwrap_or_else(|problem| answer::problem(&problem))
}

async fn find(
    desk: &Desk,
    config: &AccountsConfig,
    head: &Parts,
    body: Incoming,
) -> Result<Response<Body>, Problem> {
    let caller = Caller::read(&head.headers, config)?;
    match head.uri.path() {
        "/accounts/changes" => {
            check_method(&head.method, "POST")?;
            changes::make(desk, &caller, &read(body).await?).await
        }
        "/accounts/import" => {
            check_method(&head.method, "POST")?;
            caller.check_may(Right::Import)?;
            import::merge(desk, &caller, &read(body).await?).await
        }
        "/accounts/export" => {
            check_method(&head.method, "GET")?;
            caller.check_may(Right::Export)?;
            Ok(export::all(desk.accounts().table()))
        }
        path => match path.strip_prefix("/accounts/").map(str::parse) {
            Some(Ok(subject)) => {
                check_method(&head.method, "GET")?;
                caller.check_may(Right::Show)?;
                show(desk, subject).await
            }
            _ => Err(Problem::new(StatusCode::NOT_FOUND, "not_found", PAGES)),
        },
    }
}

async fn show(desk: &Desk, subject: Subject) -> Result<Response<Body>, Problem> {
    let held = desk.store().read(subject).await?;
    let entry = |held: &Held| EntryShown {
        facet: held.entry.facet().to_string(),
        value: held.entry.value().to_string(),
        number: held.number.to_string(),
    };
    let mut entries: Vec<_> = held.iter().map(entry).collect();
    entries.sort_by(|one, other| one.facet.cmp(&other.facet));
    Ok(json(StatusCode::OK, &Shown { subject: subject.to_string(), entries }))
}

#[derive(Serialize)]
struct Shown {
    subject: String,
    entries: Vec<EntryShown>,
}

#[derive(Serialize)]
struct EntryShown {
    facet: String,
    value: String,
    number: String,
}

fn check_method(method: &Method, allowed: &'static str) -> Result<(), Problem> {
    if method.as_str() == allowed {
        return Ok(());
    }
    let (status, detail) = (StatusCode::METHOD_NOT_ALLOWED, format!("allowed: {allowed}"));
    Err(Problem { allow: Some(allowed), ..Problem::new(status, "method_not_allowed", detail) })
}

/// The whole body.
async fn read(body: Incoming) -> Result<Bytes, Problem> {
    let collected =
        timeout(WRITING_BODY_TIME, Limited::new(body, WRITING_BODY_BYTES_MAX).collect());
    match collected.await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let detail = format!("at most {WRITING_BODY_BYTES_MAX} bytes a request");
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail))
        }
        Ok(Err(_)) => Err(Problem::malformed("the body broke off")),
        Err(_) => {
            let detail = "the body did not come in time";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail))
        }
    }
}
