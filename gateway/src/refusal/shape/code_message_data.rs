//! The envelope in which the platform decodes a code.

use serde::Serialize;

use super::ascii::to_json;

/// The fields, in the order in which they go out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a, D> {
    org_id: &'static str,
    code: i32,
    success: bool,
    message: &'a str,
    data: Option<D>,
    extra: Option<()>,
}

/// The whole message. Code 0 alone is a success.
pub(super) fn message(code: i32, message: &str, data: Option<impl Serialize>) -> Vec<u8> {
    to_json(&Fields { org_id: "", code, success: code == 0, message, data, extra: None })
}
