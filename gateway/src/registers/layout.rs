//! Which registers there are: what all gateways and registers must agree on before a vote counts.

use std::fmt;

use keyring::code::CodeIdentity;
use keyring::time::UnixMillis;
use sha2::{Digest as _, Sha256};

use super::rules::{Rule, Rules};
use crate::{
    config::{RegisterAddress, RegistersConfig},
    limits::BORN_MARGIN_MS,
};

/// The key that holds the layout, on every register. It has no time to live.
pub(crate) const LAYOUT_KEY: &[u8] = b"yanma:layout";

/// Begins a register's memory, as conditions 3 to 5 want it, and answers with what the register then holds.
/// `ARGV`: fingerprint, epoch, our time, whether to begin anew, whether a lower epoch may be replaced.
///
/// One script, so that nothing comes between looking and writing; born is the later of two clocks.
pub(crate) const ADOPT: &[u8] = br"local held = redis.call('GET', KEYS[1])
local mine = ARGV[1] .. ' ' .. ARGV[2] .. ' '
if held then
  if string.sub(held, 1, #mine) == mine then
    if ARGV[4] ~= '1' then return held end
  else
    local epoch = tonumber(string.match(held, '^%x+ (%d+) %d+$'))
    if ARGV[5] ~= '1' or not epoch or epoch >= tonumber(ARGV[2]) then return held end
  end
end
local time = redis.call('TIME')
local born = math.max(time[1] * 1000 + math.ceil(time[2] / 1000), tonumber(ARGV[3]))
local layout = mine .. string.format('%.0f', born)
redis.call('SET', KEYS[1], layout)
return layout";

/// What gateways must agree on: which registers, in which groups, and which change this is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Layout {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) epoch: u32,
    /// Whether the configuration names the groups of the epoch before, and may replace it.
    pub(crate) has_old: bool,
    groups: u32,
}

/// Eight bytes of SHA-256 over all registers' names, as 16 hexadecimal digits.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fingerprint([u8; 8]);

/// What a register's `yanma:layout` says to a gateway that holds a [`Layout`].
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Held {
    /// Nothing: its memory is new, or was lost.
    Nothing,
    /// This layout; the register's memory began then.
    Mine { born: UnixMillis },
    /// A layout of an earlier epoch.
    Lower,
    /// A later epoch, or this one with other registers, or something that is no layout.
    Foreign,
}

/// From when on, and until when, a new epoch may vote (condition 4).
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Opening {
    /// The moment at which a majority of each old group had adopted the new layout.
    pub(crate) since: UnixMillis,
    /// The registers' time at which that was seen to hold still.
    pub(crate) seen: UnixMillis,
}

/// An old register, as it was last read.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Adopted {
    pub(crate) born: UnixMillis,
    /// Its TIME when that was read.
    pub(crate) time: UnixMillis,
}

impl Layout {
    pub(crate) fn new(config: &RegistersConfig) -> Self {
        let mut hash = Sha256::new();
        for group in &config.groups {
            let mut names: Vec<String> = group.iter().map(RegisterAddress::to_string).collect();
            // Who stands first in a group does not matter; which group comes first does.
            names.sort_unstable();
            hash.update(names.join(" "));
            hash.update("\n");
        }
        let digest: [u8; 32] = hash.finalize().into();
        let (first, _) = digest.split_first_chunk().expect("32 bytes hold 8");
        let groups = u32::try_from(config.groups.len()).expect("groups are bounded");
        let has_old = !config.old_groups.is_empty();
        Self { fingerprint: Fingerprint(*first), epoch: config.epoch, has_old, groups }
    }

    #[cfg(test)]
    pub(crate) fn of_test(id: u8, epoch: u32, has_old: bool, groups: u32) -> Self {
        Self { fingerprint: Fingerprint([id; 8]), epoch, has_old, groups }
    }

    /// The group that a code's claim goes to (condition 9): by a public hash, so that every gateway
    /// chooses alike. The local table's hash has a key of its own and must not decide this.
    pub(crate) fn group_of(&self, identity: &CodeIdentity) -> usize {
        if self.groups <= 1 {
            return 0;
        }
        let digest: [u8; 32] = Sha256::digest(identity.to_bytes()).into();
        let (first, _) = digest.split_first_chunk().expect("32 bytes hold 4");
        usize::try_from(u32::from_be_bytes(*first) % self.groups).expect("u32 fits")
    }

    /// Reads what a register answered to `GET yanma:layout`.
    pub(crate) fn read(&self, held: Option<&[u8]>) -> Held {
        let Some(held) = held else { return Held::Nothing };
        let Some((fingerprint, epoch, born)) = parts(held) else { return Held::Foreign };
        if epoch == u64::from(self.epoch) && self.fingerprint.is_written(fingerprint) {
            Held::Mine { born }
        } else if epoch < u64::from(self.epoch) {
            Held::Lower
        } else {
            Held::Foreign
        }
    }

    /// Should this gateway write its layout there? A higher epoch replaces a lower one, never the
    /// reverse, and only by who knows the old groups.
    pub(crate) fn wants_to_adopt(&self, held: Held) -> bool {
        match held {
            Held::Nothing => true,
            Held::Lower => self.has_old,
            Held::Mine { .. } | Held::Foreign => false,
        }
    }

    /// Was the code issued so late that a register whose memory began at `born` knows whether it
    /// is spent, and can no gateway of the epoch before have spent it?
    pub(crate) fn may_judge(
        &self,
        rules: Rules,
        issued_at: UnixMillis,
        born: UnixMillis,
        opening: Option<Opening>,
    ) -> bool {
        let is_after = |moment: UnixMillis| issued_at > moment.plus_ms(BORN_MARGIN_MS);
        if rules.hold(Rule::Born) && !is_after(born) {
            return false;
        }
        if !self.has_old || !rules.hold(Rule::Majorities) {
            return true;
        }
        // An old register that lost its memory since `seen` may have been given the old layout
        // again by an old gateway. It was born anew then, so it does not judge this code.
        opening.is_some_and(|opening| {
            is_after(opening.since) && issued_at < opening.seen.plus_ms(BORN_MARGIN_MS)
        })
    }
}

/// Condition 4: whether the new epoch is open, by what the old groups' registers said last. `None`
/// in a group is a register that has not adopted it, or was not read lately.
pub(crate) fn opening<'a>(
    old_groups: impl IntoIterator<Item = &'a [Option<Adopted>]>,
) -> Option<Opening> {
    let openings = old_groups.into_iter().map(|group| {
        let mut adopted: Vec<Adopted> = group.iter().flatten().copied().collect();
        adopted.sort_unstable_by_key(|register| register.born);
        // A majority of the old group: every majority that votes for the old layout shares one of
        // these, and that one's vote was given before it adopted, so for a code of before.
        let majority = adopted.get(..group.len() / 2 + 1)?;
        let since = majority.iter().map(|register| register.born).max()?;
        let seen = majority.iter().map(|register| register.time).min()?;
        Some(Opening { since, seen })
    });
    openings.reduce(|all, one| {
        let (all, one) = (all?, one?);
        Some(Opening { since: all.since.max(one.since), seen: all.seen.min(one.seen) })
    })?
}

fn parts(held: &[u8]) -> Option<(&str, u64, UnixMillis)> {
    let mut parts = std::str::from_utf8(held).ok()?.split(' ');
    let (fingerprint, epoch, born) = (parts.next()?, parts.next()?, parts.next()?);
    let number = |text: &str| text.parse::<u64>().ok();
    let born = UnixMillis::new(i64::try_from(number(born)?).ok()?);
    parts.next().is_none().then_some((fingerprint, number(epoch)?, born))
}

impl Fingerprint {
    fn is_written(self, text: &str) -> bool {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits && u64::from_str_radix(text, 16).is_ok_and(|number| number.to_be_bytes() == self.0)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: &str = "0707070707070707 2 1000";

    fn layout() -> Layout {
        Layout::of_test(7, 2, true, 1)
    }

    #[test]
    fn a_layout_is_read_back_and_nothing_else_is_taken_for_one() {
        let read = |text: &str| layout().read(Some(text.as_bytes()));
        assert_eq!(read(MINE), Held::Mine { born: UnixMillis::new(1000) });
        assert_eq!(read("0101010101010101 1 1000"), Held::Lower);
        for foreign in [
            "0707070707070707 3 1000",
            "0101010101010101 2 1000",
            "",
            "x",
            "7 2 1000",
            "0707070707070707 2 1000 5",
            "0707070707070707 2 -5",
            "+707070707070707 2 1000",
        ] {
            assert_eq!(read(foreign), Held::Foreign, "{foreign}");
        }
        assert_eq!(layout().read(None), Held::Nothing);
    }

    #[test]
    fn the_fingerprint_knows_groups_and_not_the_order_within() {
        let group = |names: [&str; 3]| {
            let address = |name: &str| RegisterAddress {
                host: name.to_owned(),
                port: 1,
                database: 0,
                credentials: None,
            };
            names.map(address).to_vec()
        };
        let layout = |groups: Vec<Vec<RegisterAddress>>| {
            let config = RegistersConfig { timeout_ms: 1, epoch: 1, groups, old_groups: vec![] };
            Layout::new(&config).fingerprint
        };
        let (abc, cab) = (group(["a", "b", "c"]), group(["c", "a", "b"]));
        let def = group(["d", "e", "f"]);
        assert_eq!(layout(vec![abc.clone()]), layout(vec![cab]));
        assert_ne!(layout(vec![abc.clone(), def.clone()]), layout(vec![def, abc]));
    }

    #[test]
    fn an_epoch_opens_when_a_majority_of_each_old_group_has_adopted_it() {
        let at =
            |born, time| Some(Adopted { born: UnixMillis::new(born), time: UnixMillis::new(time) });
        let open = |since, seen| {
            Some(Opening { since: UnixMillis::new(since), seen: UnixMillis::new(seen) })
        };
        let one: &[_] = &[at(5, 90), None, at(9, 80)];
        assert_eq!(opening([one]), open(9, 80));
        let all: &[_] = &[at(5, 90), at(7, 95), at(9, 80)];
        assert_eq!(opening([all]), open(7, 90));
        assert_eq!(opening([one, &[at(2, 70), at(50, 60), None]]), open(50, 60));
        assert_eq!(opening([one, &[at(2, 70), None, None]]), None);
    }

    #[test]
    fn codes_of_before_a_memory_began_are_not_for_it() {
        let layout = Layout::of_test(7, 1, false, 1);
        let judge = |issued| {
            layout.may_judge(Rules::default(), UnixMillis::new(issued), UnixMillis::new(0), None)
        };
        assert!(!judge(BORN_MARGIN_MS) && judge(BORN_MARGIN_MS + 1));
    }
}
