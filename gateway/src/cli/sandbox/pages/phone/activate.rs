//! Activation: consent, identity, place of insurance, payment password.

use serde_json::{Value, json};

use super::{
    account::change,
    bodies::{Activate, Hindrance, Look, Proof},
    kept, regions,
    words::Word,
};
use crate::cli::sandbox::pages::{
    messages::{Asked, Problem},
    people::{Activation, PasswordHash, Person},
    site::Site,
};

/// The channel of the sandbox's key.
const CHANNEL: &str = "wechat";

/// An activation that nothing hinders.
#[derive(Debug)]
struct Plan {
    person: &'static Person,
    region: Option<String>,
    is_synced: bool,
}

/// Activates a person's code. His phone before is unbound: its codes are refused from then on.
/// Returns what the gateway has acknowledged, if something was asked of it.
///
/// Not cancel safe: the old phone may be unbound, and the new one not active.
///
/// # Errors
/// The step that failed, as its sentence. Nothing is activated.
pub(super) async fn activate(site: &Site, id: u8, asked: &Asked) -> Result<Option<Value>, Problem> {
    let body: Activate = asked.json()?;
    let Plan { person, region, is_synced } = plan(id, &body).map_err(|word| word.problem(asked))?;
    let password = PasswordHash::of(body.password.text()).map_err(|error| {
        Problem::new(http::StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    })?;
    let epoch = take_epoch(site, id, person, asked)?;
    let mut changed = None;
    if epoch > 1 {
        let unbind = json!({ "op": "unbind", "channel": CHANNEL, "epoch": epoch - 1 });
        changed = Some(change(site, person, unbind).await?);
    }
    if !is_synced {
        let pending = json!({ "op": "freeze", "cause": "pending" });
        changed = Some(change(site, person, pending).await?);
    }
    let activation = Activation {
        person: person.id,
        channel: CHANNEL.to_owned(),
        epoch,
        region,
        password: Some(password),
        shown_relation: 0,
    };
    kept::keep(site, asked, |contents| {
        let phone = contents.phone_mut(id).ok_or_else(|| Word::NoPhone.problem(asked))?;
        phone.activation = Some(activation);
        Ok(())
    })?;
    site.shown.borrow_mut().remove(&id);
    Ok(changed)
}

/// Goes through the steps in the order in which a person meets them.
fn plan(id: u8, body: &Activate) -> Result<Plan, Word> {
    if !body.consent {
        return Err(Word::NoConsent);
    }
    let usual = if Person::of(id).is_some() { id } else { 1 };
    let person = Person::of(body.person.unwrap_or(usual)).ok_or(Word::WrongPerson)?;
    if let Some(word) = Some(body.face).filter(|_| body.identity == Proof::Face).and_then(failed) {
        return Err(word);
    }
    if body.failure == Some(Hindrance::NotOpen) {
        return Err(Word::NotOpen);
    }
    let region = regions::chosen(body.region.as_deref())?;
    if !body.password.is_six_digits() {
        return Err(Word::PasswordForm);
    }
    if body.password_again.as_ref().is_some_and(|again| *again != body.password) {
        return Err(Word::PasswordsDiffer);
    }
    Ok(Plan { person, region, is_synced: body.failure != Some(Hindrance::NotSynced) })
}

/// Why a face was not known.
pub(super) const fn failed(look: Look) -> Option<Word> {
    match look {
        Look::Ok => None,
        Look::Light => Some(Word::FaceLight),
        Look::Network => Some(Word::FaceNetwork),
        Look::Photo => Some(Word::FacePhoto),
    }
}

/// Takes the person's next epoch. A new phone is there from then on. An epoch that an activation then
/// does not use is left out: epochs only grow.
fn take_epoch(site: &Site, id: u8, person: &'static Person, asked: &Asked) -> Result<u16, Problem> {
    kept::keep(site, asked, |contents| {
        if contents.phone(id).is_none() && contents.add_phone() != Some(id) {
            return Err(Word::NoPhone.problem(asked));
        }
        let family = contents.family_mut(person.id);
        let family = family.ok_or_else(|| Word::WrongPerson.problem(asked))?;
        // The highest epoch of a code cannot be unbound.
        let epoch = family.last_epoch.checked_add(1).filter(|epoch| *epoch < u16::MAX);
        family.last_epoch = epoch.ok_or_else(|| Word::NoEpoch.problem(asked))?;
        Ok(family.last_epoch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &str) -> Option<Word> {
        plan(3, &serde_json::from_str(body).unwrap()).err()
    }

    #[test]
    fn each_step_can_fail_with_its_own_sentence() {
        for (body, word) in [
            (r#"{"consent":false}"#, Word::NoConsent),
            (r#"{"person":6}"#, Word::WrongPerson),
            (r#"{"face":"light"}"#, Word::FaceLight),
            (r#"{"face":"network"}"#, Word::FaceNetwork),
            (r#"{"face":"photo"}"#, Word::FacePhoto),
            (r#"{"failure":"not-open"}"#, Word::NotOpen),
            (r#"{"region":"990100"}"#, Word::NotOpen),
            (r#"{"region":"37"}"#, Word::WrongRegion),
            (r#"{"password":"12345"}"#, Word::PasswordForm),
            (r#"{"password":"123456","password_again":"123457"}"#, Word::PasswordsDiffer),
            (r#"{"consent":false,"face":"light","region":"37"}"#, Word::NoConsent),
        ] {
            assert_eq!(told(body), Some(word), "{body}");
        }
        for body in [
            "{}",
            r#"{"identity":"password","face":"light"}"#,
            r#"{"password":"123456","password_again":"123456"}"#,
        ] {
            assert_eq!(told(body), None, "{body}");
        }
    }

    #[test]
    fn the_person_is_that_of_the_phones_number_unless_named() {
        let person = |id, body| plan(id, &serde_json::from_str(body).unwrap()).unwrap().person.id;
        assert_eq!((person(3, "{}"), person(9, "{}")), (3, 1));
        assert_eq!(person(3, r#"{"person":5}"#), 5);
        let later = plan(1, &serde_json::from_str(r#"{"region":null}"#).unwrap()).unwrap();
        assert!(later.region.is_none() && later.is_synced);
        let body = serde_json::from_str(r#"{"failure":"not-synced"}"#).unwrap();
        assert!(!plan(1, &body).unwrap().is_synced);
    }
}
