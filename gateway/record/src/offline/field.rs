//! Fields of a decision by which decisions are chosen and counted.

use std::{borrow::Cow, fmt, str::FromStr};

use super::facts::Facts;

/// A field of a decision, of a closed list.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub enum Field {
    /// The client's address.
    Client,
    /// `approved`, or why it was refused.
    Outcome,
    /// The path in the configuration.
    Route,
    /// Of the key that the code names.
    Channel,
    /// The id of the key of a genuine code.
    Key,
    /// The id of the key that a code names which is not genuine.
    ClaimedKey,
    /// Where it was sent, or would have been.
    Backend,
    /// The address there.
    Endpoint,
    /// Of the backend's answer.
    Status,
    /// Who decided.
    Node,
    /// The number of the interface that a message asks for.
    Infno,
    /// Who sent the message.
    Institution,
    /// The place of insurance.
    Region,
    /// Of the code, or `pass`.
    Kind,
    /// What a route that only observes would have refused it for.
    Observed,
    /// The code or pass: who sends one again and again?
    Redemption,
    /// In UTC.
    Hour,
    /// In UTC.
    Minute,
}

impl Field {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 18] = [
        ("client", Self::Client),
        ("outcome", Self::Outcome),
        ("route", Self::Route),
        ("channel", Self::Channel),
        ("key", Self::Key),
        ("claimed-key", Self::ClaimedKey),
        ("backend", Self::Backend),
        ("endpoint", Self::Endpoint),
        ("status", Self::Status),
        ("node", Self::Node),
        ("infno", Self::Infno),
        ("institution", Self::Institution),
        ("region", Self::Region),
        ("kind", Self::Kind),
        ("observed", Self::Observed),
        ("redemption", Self::Redemption),
        ("hour", Self::Hour),
        ("minute", Self::Minute),
    ];

    /// The field's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name)
    }

    /// What a decision has there; `None` if it has nothing.
    #[must_use]
    pub fn of<'a>(self, line: &'a Facts<'_>) -> Option<Cow<'a, str>> {
        let text = match self {
            Self::Client => &line.client,
            Self::Outcome => &line.outcome,
            Self::Route => &line.route,
            Self::Channel => &line.channel,
            Self::Backend => &line.backend,
            Self::Endpoint => &line.endpoint,
            Self::Infno => &line.infno,
            Self::Institution => &line.institution,
            Self::Region => &line.region,
            Self::Kind => &line.kind,
            Self::Observed => &line.observed,
            Self::Redemption => &line.redemption,
            Self::Node => return Some(Cow::Borrowed(&*line.node)),
            Self::Key => return line.key_id.map(|id| Cow::Owned(id.to_string())),
            Self::ClaimedKey => return line.claimed_key_id.map(|id| Cow::Owned(id.to_string())),
            Self::Status => return line.status.map(|status| Cow::Owned(status.to_string())),
            // `2026-11-26T02` and `2026-11-26T02:02` of `2026-11-26T02:02:12.123Z`.
            Self::Hour => return line.time.get(..13).map(|hour| Cow::Owned(format!("{hour}:00Z"))),
            Self::Minute => {
                return line.time.get(..16).map(|minute| Cow::Owned(format!("{minute}Z")));
            }
        };
        text.as_deref().map(Cow::Borrowed)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of a field.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{name:?} is no field; allowed: {}", Field::ALL.map(|(name, _)| name).join(", "))]
pub struct UnknownField {
    name: String,
}

impl FromStr for Field {
    type Err = UnknownField;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, field)| *field).ok_or_else(|| UnknownField { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"event":"decision","time":"2026-11-26T02:02:12.123Z","node":"a",
        "client":"10.1.2.3","route":"/pay","outcome":"approved","redemption":"7001-1-000000000000002a",
        "key_id":7001,"claimed_key_id":7002,"channel":"wechat","region":"370100","kind":"payment",
        "backend":"b","endpoint":"http://b:1","status":200,"infno":"2207","institution":"H37",
        "observed":"code_used"}"#;

    #[test]
    fn each_field_is_read_and_one_that_is_not_there_is_none() {
        let facts = Facts::parse(LINE.as_bytes()).unwrap();
        let found = Field::ALL.map(|(name, _)| {
            let field: Field = name.parse().unwrap();
            format!("{field}={}", field.of(&facts).unwrap_or_default())
        });
        let expected = [
            "client=10.1.2.3",
            "outcome=approved",
            "route=/pay",
            "channel=wechat",
            "key=7001",
            "claimed-key=7002",
            "backend=b",
            "endpoint=http://b:1",
            "status=200",
            "node=a",
            "infno=2207",
            "institution=H37",
            "region=370100",
            "kind=payment",
            "observed=code_used",
            "redemption=7001-1-000000000000002a",
            "hour=2026-11-26T02:00Z",
            "minute=2026-11-26T02:02Z",
        ];
        assert_eq!(found, expected);
        let empty = br#"{"event":"decision","time":"x","node":"a","status":null,"key_id":null}"#;
        let empty = Facts::parse(empty).unwrap();
        for (name, field) in Field::ALL {
            assert_eq!(field.of(&empty).is_some(), name == "node", "{name}");
        }
        assert!("subject".parse::<Field>().unwrap_err().to_string().contains("allowed: client, "));
    }
}
