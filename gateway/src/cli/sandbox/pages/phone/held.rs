//! What the gateway holds against a person: account states, as its API tells them.

use accounts::entry::Day;
use keyring::time::UnixMillis;
use serde::Serialize;
use serde_json::Value;

/// A hold that is in force.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Hold {
    /// `holder`, `hotline`, `operator` or `pending`.
    pub(super) cause: String,
    /// 0: all; 1 to 5: a member.
    pub(super) relation: u8,
    /// The last day, of Beijing. Absent: without end.
    pub(super) until: Option<String>,
}

/// All that is held.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Held {
    pub(super) holds: Vec<Hold>,
    /// Members that are removed.
    removed: Vec<u8>,
    /// Members, each with the second up to which codes are refused.
    since: Vec<(u8, i64)>,
    /// Channels, each with the epoch up to which phones are unbound.
    floors: Vec<(String, u16)>,
}

impl Held {
    /// Reads the answer of `GET /accounts/<subject>`. What it does not know is left out.
    pub(super) fn read(answer: &Value, now: UnixMillis) -> Self {
        let mut held = Self::default();
        let today = Day::of(now).to_string();
        for entry in answer.get("entries").and_then(Value::as_array).into_iter().flatten() {
            let text = |name| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            // A facet is a name, a full stop, and a relation or a channel.
            if let Some((name, of)) = text("facet").split_once('.') {
                held.take(name, of, text("value"), &today);
            }
        }
        held
    }

    fn take(&mut self, name: &str, of: &str, value: &str, today: &str) {
        // Days have one form, so texts compare as days do.
        let is_in_force = value == "-" || value >= today;
        match (name, of.parse::<u8>()) {
            ("floor", _) => {
                let epoch = value.split(' ').next().and_then(|epoch| epoch.parse().ok());
                self.floors.extend(epoch.map(|epoch| (of.to_owned(), epoch)));
            }
            ("since", Ok(member)) => {
                self.since.extend(value.parse().ok().map(|second| (member, second)));
            }
            ("removed", Ok(member)) if is_in_force => self.removed.push(member),
            ("holder" | "hotline" | "operator" | "pending", Ok(relation)) if is_in_force => {
                let until = Some(value.to_owned()).filter(|day| day != "-");
                self.holds.push(Hold { cause: name.to_owned(), relation, until });
            }
            _ => {}
        }
    }

    /// Whether codes of this phone are refused because it is unbound.
    pub(super) fn is_unbound(&self, channel: &str, epoch: u16) -> bool {
        self.floors.iter().any(|(of, floor)| of == channel && *floor >= epoch)
    }

    pub(super) fn is_removed(&self, relation: u8) -> bool {
        self.removed.contains(&relation)
    }

    /// How long codes of a member are still refused after he was bound, in seconds.
    pub(super) fn wait_s(&self, relation: u8, now: UnixMillis) -> i64 {
        let since = self.since.iter().find(|(member, _)| *member == relation);
        since.map_or(0, |(_, second)| (second + 1 - now.seconds()).max(0))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// 2027-01-15 in Beijing.
    const NOW: UnixMillis = UnixMillis::from_seconds(1_800_000_000);

    fn held(entries: &[(&str, &str)]) -> Held {
        let entries: Vec<Value> = entries
            .iter()
            .map(|(facet, value)| json!({"facet": facet, "value": value, "number": "7"}))
            .collect();
        Held::read(&json!({"subject": "42", "entries": entries}), NOW)
    }

    #[test]
    fn holds_end_with_their_last_day() {
        let held = held(&[
            ("holder.0", "2027-01-15"),
            ("hotline.2", "2027-01-14"),
            ("pending.0", "-"),
            ("removed.3", "2027-01-14"),
            ("removed.4", "-"),
            ("new.0", "-"),
        ]);
        let holds: Vec<_> = held.holds.iter().map(|hold| hold.cause.as_str()).collect();
        assert_eq!(holds, ["holder", "pending"]);
        assert_eq!(held.holds[0].until.as_deref(), Some("2027-01-15"));
        assert_eq!(held.holds[1].until, None);
        assert!(held.is_removed(4) && !held.is_removed(3) && !held.is_removed(1));
    }

    #[test]
    fn a_floor_is_of_one_channel_and_holds_up_to_its_epoch() {
        let held = held(&[("floor.wechat", "3 1800000000")]);
        assert!(held.is_unbound("wechat", 3) && !held.is_unbound("wechat", 4));
        assert!(!held.is_unbound("alipay", 3));
    }

    #[test]
    fn a_new_member_waits_until_no_old_code_can_come() {
        let held = held(&[("since.1", "1800000010")]);
        assert_eq!((held.wait_s(1, NOW), held.wait_s(2, NOW)), (11, 0));
        assert_eq!(held.wait_s(1, NOW.plus_ms(11_000)), 0);
    }
}
