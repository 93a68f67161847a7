//! The JSON bodies of the verbs. Each member has a default, so that `{}` is a body of each.

use std::fmt;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::regions::JINAN;

/// The payment password that a phone has if none is named. It is never a real one.
const PASSWORD: &str = "246810";

/// A payment password as a person types it.
#[derive(Clone, Deserialize, Eq, PartialEq)]
#[serde(from = "String")]
pub(super) struct Typed(Zeroizing<String>);

impl From<String> for Typed {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl Typed {
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Six digits, as payment passwords have.
    pub(super) fn is_six_digits(&self) -> bool {
        self.0.len() == 6 && self.0.bytes().all(|byte| byte.is_ascii_digit())
    }

    fn usual() -> Self {
        Self::from(PASSWORD.to_owned())
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Typed")
    }
}

/// How a person proves who he is.
#[derive(Copy, Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Proof {
    Face,
    Password,
}

/// What became of the look at a face.
#[derive(Copy, Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Look {
    Ok,
    /// 光线
    Light,
    /// 网络
    Network,
    /// 照片不全
    Photo,
}

/// Why an activation does not come to its end.
#[derive(Copy, Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Hindrance {
    /// 未开通
    NotOpen,
    /// 未同步
    NotSynced,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Activate {
    /// 1 to 5. Absent: the person of the phone's number.
    pub(super) person: Option<u8>,
    pub(super) consent: bool,
    pub(super) identity: Proof,
    pub(super) face: Look,
    pub(super) failure: Option<Hindrance>,
    /// Six digits; null: later.
    pub(super) region: Option<String>,
    pub(super) password: Typed,
    /// Absent: the same.
    pub(super) password_again: Option<Typed>,
}

impl Default for Activate {
    fn default() -> Self {
        Self {
            person: None,
            consent: true,
            identity: Proof::Face,
            face: Look::Ok,
            failure: None,
            region: Some(JINAN.to_owned()),
            password: Typed::usual(),
            password_again: None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ChooseRegion {
    /// Six digits; null: none.
    pub(super) region: Option<String>,
}

impl Default for ChooseRegion {
    fn default() -> Self {
        Self { region: Some(JINAN.to_owned()) }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ChangePassword {
    pub(super) old: Typed,
    pub(super) new: Typed,
    /// Absent: the same.
    pub(super) again: Option<Typed>,
}

impl Default for ChangePassword {
    fn default() -> Self {
        Self { old: Typed::usual(), new: Typed::usual(), again: None }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Show {
    /// `payment` or `display`. Absent: `payment`.
    pub(super) kind: Option<String>,
    /// `none`, `password`, `fingerprint` or `face`. Absent: `password`, and `none` for display.
    pub(super) auth: Option<String>,
    /// If it is there, it must be right.
    pub(super) password: Option<Typed>,
    /// Whose code is shown from now on. Absent: as before.
    pub(super) relation: Option<u8>,
    /// Shows a code of region 000000 although no place of insurance is chosen.
    pub(super) without_region: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Freeze {
    /// 0: all; 1 to 5: a member.
    pub(super) relation: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Unfreeze {
    /// `holder`, `hotline`, `operator` or `pending`. Absent: those of the holder and the hotline.
    pub(super) cause: Option<String>,
    /// 0: all; 1 to 5: a member.
    pub(super) relation: u8,
}

/// A body without members.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Nothing {}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AddMember {
    /// Absent: one of the invented people.
    pub(super) name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RemoveMember {
    /// 1 to 5. Absent: the member that came last.
    pub(super) relation: Option<u8>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SetClock {
    /// How far the clock is ahead, in seconds.
    pub(super) ahead_s: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn an_empty_object_is_a_body_of_each_verb() {
        let activate: Activate = read("{}");
        assert!(activate.consent && activate.password.is_six_digits());
        assert_eq!(activate.region.as_deref(), Some(JINAN));
        assert_eq!(read::<ChooseRegion>("{}").region.as_deref(), Some(JINAN));
        assert_eq!(read::<ChangePassword>("{}").old, activate.password);
        assert_eq!(read::<Freeze>("{}").relation, 0);
        assert_eq!(read::<SetClock>("{}").ahead_s, 0);
        assert!(!read::<Show>("{}").without_region);
        assert!(read::<Unfreeze>("{}").cause.is_none());
        assert!(read::<AddMember>("{}").name.is_none());
        assert!(read::<RemoveMember>("{}").relation.is_none());
        let Nothing {} = read("{}");
    }

    #[test]
    fn null_is_no_place_and_other_members_are_wrong() {
        assert_eq!(read::<Activate>(r#"{"region":null,"face":"photo"}"#).region, None);
        assert!(serde_json::from_str::<Activate>(r#"{"regoin":"370100"}"#).is_err());
        assert!(serde_json::from_str::<Activate>(r#"{"face":"dark"}"#).is_err());
    }

    #[test]
    fn a_password_is_six_digits_and_never_told() {
        for (text, is_one) in
            [("000000", true), ("12345", false), ("1234567", false), ("12345a", false), ("", false)]
        {
            assert_eq!(Typed::from(text.to_owned()).is_six_digits(), is_one, "{text}");
        }
        let body: ChangePassword = read(r#"{"old":"135790","again":"135791"}"#);
        assert!(!format!("{body:?}").contains("13579"));
    }
}
