//! The switchboard: what goes wrong on purpose.

mod switches;

pub(super) use self::switches::Switches;
use super::{
    messages::{Answer, Asked, Problem, json},
    site::Site,
};
use http::StatusCode;

/// `GET /faults`.
pub(super) fn page(_: &Site, _: &Asked) -> Answer {
    json(StatusCode::OK, &"")
}

/// `POST /sandbox/fault`.
pub(super) async fn set(site: &Site, _: &Asked) -> Result<Answer, Problem> {
    Ok(json(StatusCode::OK, &site.state()))
}

/// Everything works again.
///
/// # Errors
/// The gateway does not take its settings back.
pub(super) async fn switch_off(site: &Site) -> Result<(), Problem> {
    *site.switches.borrow_mut() = Switches::default();
    Ok(())
}
