//! The facets of a person: `holder.0`, `removed.3`, `floor.wechat`.

use std::{fmt, str::FromStr};

use keyring::key::Channel;

use super::{FormatError, channels, number};

const ALLOWED: &str = "holder.R, hotline.R, operator.R or pending.R with R 0 to 5; removed.M or \
                       since.M with M 1 to 5; floor.<channel>";
const RELATIONS: u16 = 6;
/// Numbers of the facets: holds 0 to 23, removals from 32, `since` from 40, floors from 64.
const HOLDS: u16 = 24;
const PENDING: u16 = 3 * RELATIONS;
const REMOVED: u16 = 32;
const SINCE: u16 = 40;
const FLOOR: u16 = 64;

/// 0 is the holder, and a hold of 0 is one of all relations; 1 to 5 are members.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Relation(u8);

/// A member of a family account: 1 to 5.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Member(u8);

/// On whose word an account is held.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub enum Cause {
    /// The holder's own.
    Holder,
    /// The hotline's.
    Hotline,
    /// The operator's.
    Operator,
    /// Enrolment is not finished.
    Pending,
}

/// What of a person an entry is of.
#[derive(Copy, Clone, Eq, PartialEq, Hash)]
pub enum Facet {
    /// Nothing is admitted through the last day of the value.
    Hold(Cause, Relation),
    /// This member is removed.
    Removed(Member),
    /// What was issued for this member then or before belongs to an earlier one.
    Since(Member),
    /// Codes of this channel need a higher epoch.
    Floor(Channel),
}

impl Relation {
    /// All relations of the account.
    pub const ALL: Self = Self(0);

    /// `None` above 5.
    pub const fn new(relation: u8) -> Option<Self> {
        if relation <= 5 { Some(Self(relation)) } else { None }
    }

    /// 0 to 5.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The member; `None` for the holder.
    pub const fn member(self) -> Option<Member> {
        Member::new(self.0)
    }
}

impl Member {
    /// `None` for 0 and above 5.
    pub const fn new(member: u8) -> Option<Self> {
        if member >= 1 && member <= 5 { Some(Self(member)) } else { None }
    }

    /// 1 to 5.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Cause {
    /// Each cause.
    pub const ALL: [Self; 4] = [Self::Holder, Self::Hotline, Self::Operator, Self::Pending];

    /// As in a facet.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Holder => "holder",
            Self::Hotline => "hotline",
            Self::Operator => "operator",
            Self::Pending => "pending",
        }
    }

    const fn number(self) -> u16 {
        match self {
            Self::Holder => 0,
            Self::Hotline => 1,
            Self::Operator => 2,
            Self::Pending => 3,
        }
    }

    const fn of_number(number: u16) -> Option<Self> {
        match number {
            0 => Some(Self::Holder),
            1 => Some(Self::Hotline),
            2 => Some(Self::Operator),
            3 => Some(Self::Pending),
            _ => None,
        }
    }
}

impl FromStr for Cause {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = FormatError::new("the cause", "holder, hotline, operator or pending");
        Self::ALL.into_iter().find(|cause| cause.as_str() == text).ok_or(error)
    }
}

impl Facet {
    /// A number below 4,096. It is of this process alone: channels are numbered as they are met.
    pub(crate) fn number(self) -> u16 {
        match self {
            Self::Hold(cause, relation) => cause.number() * RELATIONS + u16::from(relation.0),
            Self::Removed(member) => REMOVED + u16::from(member.0),
            Self::Since(member) => SINCE + u16::from(member.0),
            Self::Floor(channel) => {
                FLOOR.saturating_add(u16::try_from(channel.index()).unwrap_or(u16::MAX))
            }
        }
    }
}

impl Facet {
    /// The hold of this number.
    #[inline]
    pub(crate) fn hold_of(number: u16) -> Option<(Cause, Relation)> {
        let [cause, relation] = [number / RELATIONS, number % RELATIONS];
        let relation = u8::try_from(relation).ok().and_then(Relation::new)?;
        if number < HOLDS { Some((Cause::of_number(cause)?, relation)) } else { None }
    }

    /// What entries of this number do, as a place in the table's list of states.
    pub(crate) const fn state_of(number: u16) -> usize {
        match number {
            ..PENDING => 0,
            PENDING..REMOVED => 1,
            REMOVED..SINCE => 2,
            SINCE..FLOOR => 3,
            FLOOR.. => 4,
        }
    }

    /// The facet of this number; `None` if no entry in memory has it.
    pub(crate) fn of_number(number: u16) -> Option<Self> {
        let member = |first: u16| Member::new(u8::try_from(number - first).ok()?);
        match number {
            ..HOLDS => Self::hold_of(number).map(|(cause, relation)| Self::Hold(cause, relation)),
            HOLDS..REMOVED => None,
            REMOVED..SINCE => member(REMOVED).map(Self::Removed),
            SINCE..FLOOR => member(SINCE).map(Self::Since),
            FLOOR.. => channels::at(usize::from(number - FLOOR)).map(Self::Floor),
        }
    }
}

impl fmt::Display for Facet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hold(cause, relation) => write!(f, "{}.{}", cause.as_str(), relation.0),
            Self::Removed(member) => write!(f, "removed.{}", member.0),
            Self::Since(member) => write!(f, "since.{}", member.0),
            Self::Floor(channel) => write!(f, "floor.{channel}"),
        }
    }
}

impl FromStr for Facet {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = FormatError::new("the facet", ALLOWED);
        let (kind, rest) = text.split_once('.').ok_or(error)?;
        let member = || number(rest).and_then(Member::new).ok_or(error);
        Ok(match kind {
            "removed" => Self::Removed(member()?),
            "since" => Self::Since(member()?),
            "floor" => Self::Floor(rest.parse().map_err(|_| error)?),
            _ => {
                let relation = number(rest).and_then(Relation::new).ok_or(error)?;
                Self::Hold(kind.parse().map_err(|_| error)?, relation)
            }
        })
    }
}
