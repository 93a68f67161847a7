//! What a query asks for.

use std::str::FromStr;

use keyring::code::{IssuedAt, RELATION_MAX};
use keyring::mint::{Spec, Spoil};
use keyring::time::UnixMillis;

use super::fields::Fields;
use super::name::Name;
use super::wrong::Wrong;
use crate::cli::codes::order::Order;

/// How old a code may be, in seconds. What is below 0 is in the future.
const AGE_S_MIN: i64 = -3_600;
const AGE_S_MAX: i64 = 86_400;

/// How a code is written.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Format {
    Digits,
    Json,
    Svg,
    Png,
}

pub(super) struct Ask {
    pub(super) order: Order,
    pub(super) format: Format,
}

impl Ask {
    /// # Errors
    /// The first thing that is wrong with the query.
    pub(super) fn parse(query: &str, now: UnixMillis) -> Result<Self, Wrong> {
        let fields = Fields::read(query)?;
        let subject = fields.get(Name::Subject, value)?.ok_or(Wrong::NoSubject)?;
        let age_s = fields.get(Name::AgeS, age_s)?.unwrap_or(0);
        let issued_at = IssuedAt::from_time(now.plus_ms(-1_000 * age_s));
        let Order { spec, .. } = Order::of(subject, issued_at.ok_or(Wrong::Value(Name::AgeS))?);
        let spec = Spec {
            kind: fields.get(Name::Kind, value)?.unwrap_or(spec.kind),
            region: fields.get(Name::Region, value)?.unwrap_or(spec.region),
            auth: fields.get(Name::Auth, value)?.unwrap_or(spec.auth),
            relation: fields.get(Name::Relation, relation)?.unwrap_or(spec.relation),
            epoch: fields.get(Name::Epoch, value)?.unwrap_or(spec.epoch),
            ..spec
        };
        let order = Order { spec, spoil: fields.get(Name::Spoil, spoil)? };
        Ok(Self { order, format: fields.get(Name::Format, format)?.unwrap_or(Format::Digits) })
    }
}

fn value<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn relation(text: &str) -> Option<u8> {
    value(text).filter(|relation| *relation <= RELATION_MAX)
}

fn age_s(text: &str) -> Option<i64> {
    value(text).filter(|age_s| (AGE_S_MIN..=AGE_S_MAX).contains(age_s))
}

fn spoil(text: &str) -> Option<Spoil> {
    match text {
        "signature" => Some(Spoil::Signature),
        "seal" => Some(Spoil::Seal),
        "key" => Some(Spoil::Key),
        _ => None,
    }
}

fn format(text: &str) -> Option<Format> {
    match text {
        "digits" => Some(Format::Digits),
        "json" => Some(Format::Json),
        "svg" => Some(Format::Svg),
        "png" => Some(Format::Png),
        _ => None,
    }
}
