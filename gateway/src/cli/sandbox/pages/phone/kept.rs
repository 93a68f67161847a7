//! What the phones themselves know: read, and changed.

use http::StatusCode;

use super::words::Word;
use crate::cli::sandbox::pages::{
    messages::{Asked, Problem},
    people::{Activation, Contents, PHONES_MAX, Person},
    site::Site,
};

/// The number that the next new phone will have, if there is room for one.
pub(super) fn next_phone(site: &Site) -> Option<u8> {
    let people = site.people.borrow();
    let phones = &people.contents().phones;
    let last = phones.iter().map(|phone| phone.id).max().unwrap_or(0);
    last.checked_add(1).filter(|_| phones.len() < PHONES_MAX)
}

/// Whether a phone is there, or would be the next new one.
pub(super) fn is_phone(site: &Site, id: u8) -> bool {
    site.people.borrow().contents().phone(id).is_some() || next_phone(site) == Some(id)
}

/// The code on a phone.
///
/// # Errors
/// 409: none is activated on it.
pub(super) fn activation(site: &Site, id: u8, asked: &Asked) -> Result<Activation, Problem> {
    let people = site.people.borrow();
    let activation = people.contents().phone(id).and_then(|phone| phone.activation.clone());
    activation.ok_or_else(|| Word::NotActivated.problem(asked))
}

/// Whose code is on a phone.
///
/// # Errors
/// 409: none is activated on it.
pub(super) fn person(site: &Site, id: u8, asked: &Asked) -> Result<&'static Person, Problem> {
    let activation = activation(site, id, asked)?;
    Person::of(activation.person).ok_or_else(|| Word::WrongPerson.problem(asked))
}

/// Changes what is known and keeps it.
///
/// # Errors
/// What `change` says, or 500 if the disk fails. Then nothing is changed.
pub(super) fn keep<T>(
    site: &Site,
    asked: &Asked,
    change: impl FnOnce(&mut Contents) -> Result<T, Problem>,
) -> Result<T, Problem> {
    site.people.borrow_mut().change(change, |error| {
        let what = Word::NotKept.in_language(asked.language);
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{what}: {error}"))
    })
}

/// The same of the code on one phone.
///
/// # Errors
/// As [`keep`], or 409: no code is activated on it.
pub(super) fn keep_activation(
    site: &Site,
    id: u8,
    asked: &Asked,
    change: impl FnOnce(&mut Activation),
) -> Result<(), Problem> {
    keep(site, asked, |contents| {
        let activation = contents.phone_mut(id).and_then(|phone| phone.activation.as_mut());
        change(activation.ok_or_else(|| Word::NotActivated.problem(asked))?);
        Ok(())
    })
}
