//! The JSON of a request, and what it asks for.

use std::collections::HashSet;

use accounts::{
    change::{Change, Operation},
    entry::{Cause, Day, Facet, Member, Relation},
};
use keyring::{code::Subject, key::Channel, time::UnixMillis};
use serde::{Deserialize, Deserializer};

use crate::{
    config::Right,
    limits::{CHANGES_MAX, HOLD_DAYS, REQUEST_NAME_CHARS_MAX},
    writing::answer::Problem,
};

/// A request that is well formed.
pub(super) struct Request {
    /// What its writer calls it.
    pub(super) request: String,
    /// At least one; no facet of a person twice.
    pub(super) changes: Vec<Asked>,
}

/// One change, with what is needed to allow and to record it.
pub(super) struct Asked {
    pub(super) change: Change,
    pub(super) operation_name: &'static str,
    pub(super) right: Right,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRequest {
    request: String,
    changes: Vec<WireChange>,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
enum WireChange {
    Freeze {
        subject: String,
        cause: String,
        #[serde(default)]
        relation: u8,
        /// Absent: see [`last_day`]. Null: without end.
        #[serde(default, deserialize_with = "present")]
        until: Option<Option<String>>,
    },
    Unfreeze {
        subject: String,
        cause: String,
        #[serde(default)]
        relation: u8,
        freeze: Option<String>,
    },
    Unbind {
        subject: String,
        channel: String,
        epoch: u16,
    },
    BindMember {
        subject: String,
        relation: u8,
    },
    RemoveMember {
        subject: String,
        relation: u8,
        #[serde(default)]
        until: Option<String>,
    },
}

/// Tells null from a key that is not there.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// Reads a request.
///
/// # Errors
/// `malformed` or `too_many_changes`, with the number of the change.
pub(super) fn read(body: &[u8], now: UnixMillis) -> Result<Request, Problem> {
    let wire: WireRequest = serde_json::from_slice(body)
        .map_err(|error| Problem::malformed(format!("the body: {error}")))?;
    let is_name = |name: &str| {
        let chars = name.chars().count();
        (1..=REQUEST_NAME_CHARS_MAX).contains(&chars) && !name.contains(char::is_control)
    };
    if !is_name(&wire.request) {
        let max = REQUEST_NAME_CHARS_MAX;
        return Err(Problem::malformed(format!("request: must have 1 to {max} characters")));
    }
    if wire.changes.len() > CHANGES_MAX {
        let detail = format!("at most {CHANGES_MAX} changes a request");
        let status = http::StatusCode::PAYLOAD_TOO_LARGE;
        return Err(Problem::new(status, "too_many_changes", detail));
    }
    if wire.changes.is_empty() {
        return Err(Problem::malformed("changes: must be 1 or more"));
    }
    let (mut changes, mut seen) = (Vec::with_capacity(wire.changes.len()), HashSet::new());
    for (i, change) in wire.changes.iter().enumerate() {
        let asked = asked(change, now);
        let asked = asked.map_err(|why| Problem::malformed(format!("changes[{i}]: {why}")))?;
        let (subject, operation) = (asked.change.subject, asked.change.operation);
        let removal = match operation {
            Operation::BindMember(member) => Some(Facet::Removed(member)),
            _ => None,
        };
        for facet in [Some(operation.facet()), removal].into_iter().flatten() {
            if !seen.insert((subject, facet)) {
                let why = "an earlier change of this request is of the same person and thing";
                return Err(Problem::malformed(format!("changes[{i}]: {why}")));
            }
        }
        changes.push(asked);
    }
    Ok(Request { request: wire.request, changes })
}

fn asked(change: &WireChange, now: UnixMillis) -> Result<Asked, String> {
    Ok(match change {
        WireChange::Freeze { subject, cause, relation, until } => {
            let (subject, cause) = (self::subject(subject)?, self::cause(cause)?);
            let until = last_day(until.as_ref(), cause, now)?;
            let operation =
                Operation::Freeze { cause, relation: self::relation(*relation)?, until };
            Asked::new("freeze", Right::Freeze(cause), subject, operation)
        }
        WireChange::Unfreeze { subject, cause, relation, freeze } => {
            let (subject, cause) = (self::subject(subject)?, self::cause(cause)?);
            let freeze = freeze.as_deref().map(number).transpose()?;
            let operation = Operation::Lift { cause, relation: self::relation(*relation)?, freeze };
            Asked::new("unfreeze", Right::Unfreeze(cause), subject, operation)
        }
        WireChange::Unbind { subject, channel, epoch } => {
            let channel = channel.parse().map_err(|_| "channel: no channel's name".to_owned())?;
            let operation = Operation::Unbind { channel, epoch: *epoch };
            Asked::new("unbind", Right::Unbind, self::subject(subject)?, operation)
        }
        WireChange::BindMember { subject, relation } => {
            let operation = Operation::BindMember(member(*relation)?);
            Asked::new("bind-member", Right::BindMember, self::subject(subject)?, operation)
        }
        WireChange::RemoveMember { subject, relation, until } => {
            let until = until.as_deref().map(day).transpose()?;
            let operation = Operation::RemoveMember(member(*relation)?, until);
            Asked::new("remove-member", Right::RemoveMember, self::subject(subject)?, operation)
        }
    })
}

impl Asked {
    fn new(name: &'static str, right: Right, subject: Subject, operation: Operation) -> Self {
        Self { change: Change { subject, operation }, operation_name: name, right }
    }

    /// On whose word, of a hold.
    pub(super) fn cause(&self) -> Option<Cause> {
        match self.change.operation {
            Operation::Freeze { cause, .. } | Operation::Lift { cause, .. } => Some(cause),
            _ => None,
        }
    }

    /// Whose voucher of the account.
    pub(super) fn relation(&self) -> Option<u8> {
        match self.change.operation {
            Operation::Freeze { relation, .. } | Operation::Lift { relation, .. } => {
                Some(relation.get())
            }
            Operation::BindMember(member) | Operation::RemoveMember(member, _) => {
                Some(member.get())
            }
            _ => None,
        }
    }

    /// Of the device.
    pub(super) fn channel(&self) -> Option<Channel> {
        match self.change.operation {
            Operation::Unbind { channel, .. } => Some(channel),
            _ => None,
        }
    }
}

/// A loss that a patient reports holds for 15 days (临时挂失) unless the request says otherwise.
fn last_day(
    until: Option<&Option<String>>,
    cause: Cause,
    now: UnixMillis,
) -> Result<Option<Day>, String> {
    match (until, cause) {
        (Some(until), _) => until.as_deref().map(day).transpose(),
        (None, Cause::Holder | Cause::Hotline) => Ok(Some(Day::of(now).plus(HOLD_DAYS))),
        (None, Cause::Operator | Cause::Pending) => Ok(None),
    }
}

fn subject(text: &str) -> Result<Subject, String> {
    text.parse().map_err(|_| "subject: must be a number from 1 to 2^64 - 1, in quotes".to_owned())
}

fn cause(text: &str) -> Result<Cause, String> {
    text.parse().map_err(|error| format!("cause: {error}"))
}

fn relation(number: u8) -> Result<Relation, String> {
    Relation::new(number).ok_or_else(|| "relation: must be 0 (all) to 5".to_owned())
}

fn member(number: u8) -> Result<Member, String> {
    Member::new(number).ok_or_else(|| "relation: must be 1 to 5".to_owned())
}

fn day(text: &str) -> Result<Day, String> {
    text.parse().map_err(|error| format!("until: {error}"))
}

fn number(text: &str) -> Result<u64, String> {
    let has_form = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| has_form);
    number.ok_or_else(|| "freeze: must be the number that the freeze was answered with".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "2026-12-01T12:00:00+08:00";

    fn refused(changes: &str) -> String {
        let body = format!("{{\"request\":\"H-1\",\"changes\":[{changes}]}}");
        let refused = read(body.as_bytes(), NOON.parse().unwrap()).err();
        refused.map_or_else(|| "nothing".to_owned(), |problem| problem.detail.into_owned())
    }

    fn one(change: &str) -> Asked {
        let body = format!("{{\"request\":\"H-1\",\"changes\":[{change}]}}");
        let request = read(body.as_bytes(), NOON.parse().unwrap());
        request.map_or_else(|problem| panic!("{}", problem.detail), |mut all| all.changes.remove(0))
    }

    fn until(change: &str) -> Option<String> {
        match one(change).change.operation {
            Operation::Freeze { until, .. } => until.map(|day| day.to_string()),
            _ => panic!("no freeze"),
        }
    }

    #[test]
    fn a_loss_holds_for_15_days_and_an_operators_hold_without_end() {
        let lost = r#"{"op":"freeze","subject":"42","cause":"hotline"}"#;
        assert_eq!(until(lost), Some("2026-12-16".to_owned()));
        let operators = r#"{"op":"freeze","subject":"42","cause":"operator"}"#;
        assert_eq!(until(operators), None);
        let endless = r#"{"op":"freeze","subject":"42","cause":"holder","until":null}"#;
        assert_eq!(until(endless), None);
        let day = r#"{"op":"freeze","subject":"42","cause":"holder","until":"2026-12-02"}"#;
        assert_eq!(until(day), Some("2026-12-02".to_owned()));
    }

    #[test]
    fn what_is_asked_needs_a_right_and_tells_what_is_recorded() {
        let lift = one(r#"{"op":"unfreeze","subject":"42","cause":"holder","freeze":"817"}"#);
        assert_eq!(lift.right, Right::Unfreeze(Cause::Holder));
        assert_eq!((lift.cause(), lift.relation()), (Some(Cause::Holder), Some(0)));
        assert!(matches!(lift.change.operation, Operation::Lift { freeze: Some(817), .. }));
        let unbind = one(r#"{"op":"unbind","subject":"42","channel":"wechat","epoch":3}"#);
        assert_eq!(unbind.channel(), "wechat".parse().ok());
        let bind = one(r#"{"op":"bind-member","subject":"42","relation":2}"#);
        assert_eq!((bind.right, bind.relation()), (Right::BindMember, Some(2)));
    }

    #[test]
    fn what_is_malformed_is_told_with_its_place() {
        let freeze = r#"{"op":"freeze","subject":"42","cause":"hotline"}"#;
        for (changes, why) in [
            (r#"{"op":"freeze","subject":"0","cause":"hotline"}"#, "changes[0]: subject: must be"),
            (r#"{"op":"freeze","subject":42,"cause":"hotline"}"#, "invalid type: integer"),
            (r#"{"op":"freeze","subject":"42","cause":"me"}"#, "changes[0]: cause:"),
            (r#"{"op":"freeze","subject":"42","cause":"holder","relation":6}"#, "0 (all) to 5"),
            (r#"{"op":"freeze","subject":"42","cause":"holder","until":"soon"}"#, "until: the day"),
            (r#"{"op":"freeze","subject":"42","cause":"holder","till":"x"}"#, "unknown field"),
            (r#"{"op":"thaw","subject":"42"}"#, "unknown variant"),
            (r#"{"op":"bind-member","subject":"42","relation":0}"#, "1 to 5"),
            (r#"{"op":"unfreeze","subject":"42","cause":"holder","freeze":"+1"}"#, "answered with"),
            (&format!("{freeze},{freeze}"), "changes[1]: an earlier change"),
            ("", "1 or more"),
        ] {
            let said = refused(changes);
            assert!(said.contains(why), "{changes}: {said}");
        }
        let many = [freeze; CHANGES_MAX + 1].join(",");
        assert_eq!(refused(&many), "at most 1000 changes a request");
        let long = format!("{{\"request\":\"{}\",\"changes\":[{freeze}]}}", "x".repeat(65));
        assert!(read(long.as_bytes(), NOON.parse().unwrap()).is_err());
    }
}
