//! Which registers there are: what all gateways and registers must agree on before a vote counts,
//! and whether a register's memory is still the one that it was (condition 3).
//!
//! A register holds `<fingerprint> <epoch> <born> <run id> <beats>`. It has no time to live.
//!
//! **What is lost is lost with it.** FLUSHALL, an empty restart and a resync from an empty server take
//! the layout too. The next gateway writes it anew, born at that moment.
//!
//! **What is read from a file is lost as well.** A dump, a log, a copied directory, a restored volume and
//! a replica's copy bring the layout back with its old birth, and not the claims that were made since.
//! So the layout names the process that remembers, by the run id that `INFO` tells. A server draws 160
//! random bits for each start, keeps them in memory only, and stores them nowhere. A gateway reads
//! `INFO` first on each connection, and a connection ends with its process. So a gateway knows which
//! process answers, and a layout that names another one was not written by this memory. No vote comes
//! of it, and any gateway begins it anew. The start time adds nothing: it follows the wall clock.
//!
//! **A process may set its own memory back**: `DEBUG RELOAD NOSAVE`, `REPLICAOF` a copy of itself and back, a
//! machine that goes on from a snapshot. The run id stays, and no field of `INFO` tells it for certain. So
//! each worker adds one to `beats` each second, and remembers the highest number that it has read of a
//! process. Fewer beats than that: the memory was set back. This rides on a reading that each batch has
//! anyway. It has a limit: what was set back by less than about two seconds is not seen, nor by
//! a gateway that began since, until another one has seen it.
//!
//! **Beginning anew has no window.** One script looks and writes, and both are in the register's order of
//! commands. A claim whose layout is read before the script is no vote of this process. One whose
//! layout is read after it is judged by the new birth: codes issued up to 15 s after it are not for
//! this register. Old claims may still lie there, and can only deny. Two gateways that begin it at
//! once are harmless: the second finds its process named and adds a beat.
//!
//! A layout of three parts, as versions before this one wrote it, names no process. So it is
//! begun anew. Those versions take five parts for a foreign layout, and do not vote.

use std::fmt;

use keyring::time::UnixMillis;
use sha2::{Digest as _, Sha256};

use super::{
    claim_id::{ClaimId, Issued},
    conditions::{Condition, Conditions},
    eligibility::RunId,
};
use crate::{
    limits::BORN_MARGIN_MS,
    settings::{RegisterAddress, Settings},
};

/// The key that holds the layout, on every register.
pub(crate) const LAYOUT_KEY: &[u8] = b"yanma:layout";

/// Begins a register's memory, as conditions 3 to 5 want it, or adds a beat to the one that it has.
/// Answers with what the register then holds.
/// `ARGV`: fingerprint, epoch, our time, whether to begin anew, whether a lower epoch may be replaced,
/// run id, the highest number of beats that was read.
///
/// One script, so that nothing comes between looking and writing; born is the later of two clocks.
/// Beats begin at the birth in microseconds, so that those of a later memory are more.
pub(crate) const ADOPT: &[u8] = br"local held = redis.call('GET', KEYS[1])
local mine = ARGV[1] .. ' ' .. ARGV[2] .. ' '
local run, seen = ARGV[6], tonumber(ARGV[7])
local time = redis.call('TIME')
local born = math.max(time[1] * 1000 + math.ceil(time[2] / 1000), tonumber(ARGV[3]))
local beats = math.max(born * 1000, seen + 1)
if held and string.sub(held, 1, #mine) == mine then
  local since, named, count = string.match(held, '^%x+ %d+ (%d+) (%x+) (%d+)$')
  if named == run then
    since, count = tonumber(since), tonumber(count)
    if ARGV[4] ~= '1' and count >= seen then
      born, beats = since, count + 1
    else
      born, beats = math.max(born, since), math.max(beats, count + 1)
    end
  end
elseif held then
  local epoch = string.match(held, '^%x+ (%d+) %d+$') or string.match(held, '^%x+ (%d+) %d+ %x+ %d+$')
  if ARGV[5] ~= '1' or not epoch or tonumber(epoch) >= tonumber(ARGV[2]) then return held end
end
local layout = mine .. string.format('%.0f %s %.0f', born, run, beats)
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
    /// Nothing, or a memory that names no process: it is new, or was lost.
    Nothing,
    /// This layout, and the process that wrote it; its memory began then.
    Mine { born: UnixMillis },
    /// This layout, and another process, or fewer beats than there were: the memory was read from
    /// somewhere, or set back.
    Inherited,
    /// A layout of an earlier epoch.
    Lower,
    /// A later epoch, or this one with other registers, or something that is no layout.
    Foreign,
}

/// What a gateway knows of a register's process, to tell its memory from one that was read somewhere.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Witness {
    /// What `INFO` told on this connection.
    process: RunId,
    /// The process that `beats` are of.
    counted: RunId,
    /// The highest number that was read of it.
    beats: u64,
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
    pub(crate) fn new(config: &Settings) -> Self {
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
    pub(crate) fn group_of(&self, id: ClaimId) -> usize {
        if self.groups <= 1 {
            return 0;
        }
        let digest: [u8; 32] = Sha256::digest(id.to_bytes()).into();
        let (first, _) = digest.split_first_chunk().expect("32 bytes hold 4");
        usize::try_from(u32::from_be_bytes(*first) % self.groups).expect("u32 fits")
    }

    /// Reads what a register answered to `GET yanma:layout`, and remembers its beats.
    pub(crate) fn read(
        &self,
        conditions: Conditions,
        held: Option<&[u8]>,
        witness: &mut Witness,
    ) -> Held {
        let Some(held) = held else { return Held::Nothing };
        let Some(parts) = Parts::read(held) else { return Held::Foreign };
        let Parts { fingerprint, epoch, born, memory } = parts;
        // Beats of other layouts count as well: a memory that is set back may bring this one back.
        let is_known = memory.is_some_and(|(run, beats)| witness.knows(conditions, run, beats));
        if epoch == u64::from(self.epoch) && self.fingerprint.is_written(fingerprint) {
            match memory {
                Some((run, _)) if run.as_bytes() == RunId::NONE.as_bytes() => Held::Nothing,
                _ if is_known => Held::Mine { born },
                _ => Held::Inherited,
            }
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
            Held::Nothing | Held::Inherited => true,
            Held::Lower => self.has_old,
            Held::Mine { .. } | Held::Foreign => false,
        }
    }

    /// Was the code issued so late that a register whose memory began at `born` knows whether it
    /// is spent, and can no gateway of the epoch before have spent it?
    ///
    /// Of an opaque code the earliest moment counts for the one, and the latest for the other.
    pub(crate) fn may_judge(
        &self,
        conditions: Conditions,
        issued: Issued,
        born: UnixMillis,
        opening: Option<Opening>,
    ) -> bool {
        let is_after = |moment: UnixMillis| issued.earliest > moment.plus_ms(BORN_MARGIN_MS);
        if conditions.hold(Condition::Born) && !is_after(born) {
            return false;
        }
        if !self.has_old || !conditions.hold(Condition::Majorities) {
            return true;
        }
        // An old register that lost its memory since `seen` may have been given the old layout
        // again by an old gateway. It was born anew then, so it does not judge this code.
        opening.is_some_and(|opening| {
            is_after(opening.since) && issued.latest < opening.seen.plus_ms(BORN_MARGIN_MS)
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

impl Witness {
    /// A connection ends: who answers the next one is not known.
    pub(crate) fn connection_lost(&mut self) {
        self.process = RunId::NONE;
    }

    /// The process says who it is.
    pub(crate) fn set_process(&mut self, process: RunId) {
        self.process = process;
    }

    pub(crate) fn process(&self) -> RunId {
        self.process
    }

    /// The highest number of beats that was read of this process.
    pub(crate) fn beats(&self) -> u64 {
        if self.counted == self.process { self.beats } else { 0 }
    }

    /// Does a layout that names this process, with so many beats, tell of the memory that this
    /// connection speaks to?
    fn knows(&mut self, conditions: Conditions, run: &str, beats: u64) -> bool {
        let is_named = self.process.is_written(run.as_bytes());
        if conditions.hold(Condition::SameProcess) && !is_named {
            return false;
        }
        if conditions.hold(Condition::Beats) && is_named && beats < self.beats() {
            return false;
        }
        if is_named {
            (self.counted, self.beats) = (self.process, beats);
        }
        true
    }
}

/// A layout as a register holds it.
struct Parts<'a> {
    fingerprint: &'a str,
    epoch: u64,
    born: UnixMillis,
    /// The process that remembers, and its beats. Versions before this one wrote neither.
    memory: Option<(&'a str, u64)>,
}

impl<'a> Parts<'a> {
    fn read(held: &'a [u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(held).ok()?.split(' ');
        let (fingerprint, epoch, born) = (parts.next()?, parts.next()?, parts.next()?);
        let number = |text: &str| text.parse::<u64>().ok();
        let memory = match parts.next() {
            Some(run) => Some((run, number(parts.next()?)?)),
            None => None,
        };
        let born = UnixMillis::new(i64::try_from(number(born)?).ok()?);
        let is_whole = parts.next().is_none();
        is_whole.then_some(Self { fingerprint, epoch: number(epoch)?, born, memory })
    }
}

/// When the memory began that a register says it holds.
pub(crate) fn born(held: &[u8]) -> Option<UnixMillis> {
    Parts::read(held).map(|parts| parts.born)
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
    use keyring::code::IssuedAt;

    use super::*;

    const RUN: &str = "0123456789abcdef0123456789abcdef01234567";
    const OTHER: &str = "f123456789abcdef0123456789abcdef01234567";

    fn layout() -> Layout {
        Layout::of_test(7, 2, true, 1)
    }

    fn witness() -> Witness {
        let mut witness = Witness::default();
        witness.set_process(RunId::parse(RUN).unwrap());
        witness
    }

    fn read(text: &str, witness: &mut Witness) -> Held {
        layout().read(Conditions::default(), Some(text.as_bytes()), witness)
    }

    #[test]
    fn a_layout_is_read_back_and_nothing_else_is_taken_for_one() {
        let mine = format!("0707070707070707 2 1000 {RUN} 5");
        let born = UnixMillis::new(1000);
        assert_eq!(read(&mine, &mut witness()), Held::Mine { born });
        for lower in ["0101010101010101 1 1000", &format!("0101010101010101 1 1000 {RUN} 5")] {
            assert_eq!(read(lower, &mut witness()), Held::Lower);
        }
        for foreign in [
            "0707070707070707 3 1000",
            "0101010101010101 2 1000",
            "",
            "x",
            "7 2 1000",
            "0707070707070707 2 1000 5",
            &format!("{mine} 5"),
            "0707070707070707 2 -5",
            "+707070707070707 2 1000",
        ] {
            assert_eq!(read(foreign, &mut witness()), Held::Foreign, "{foreign}");
        }
        assert_eq!(layout().read(Conditions::default(), None, &mut witness()), Held::Nothing);
    }

    #[test]
    fn a_layout_that_another_process_wrote_is_none_of_this_memory() {
        let named = |run: &str| format!("0707070707070707 2 1000 {run} 5");
        let older = "0707070707070707 2 1000";
        for inherited in [older, &named(OTHER), &named(""), &named(&RUN.to_uppercase())] {
            assert_eq!(read(inherited, &mut witness()), Held::Inherited, "{inherited}");
        }
        // Before INFO is read nothing counts, not even a layout that names no process.
        let mut unknown = witness();
        unknown.connection_lost();
        assert_eq!(read(&named(RUN), &mut unknown), Held::Inherited);
        assert_eq!(read(&named(&format!("{:?}", RunId::NONE)), &mut unknown), Held::Nothing);
    }

    #[test]
    fn fewer_beats_of_the_same_process_are_a_memory_set_back() {
        let beats = |run: &str, beats: u64| format!("0707070707070707 2 1000 {run} {beats}");
        let mine = Held::Mine { born: UnixMillis::new(1000) };
        let mut witness = witness();
        assert_eq!(read(&beats(RUN, 7), &mut witness), mine);
        assert_eq!(read(&beats(RUN, 7), &mut witness), mine);
        assert_eq!(read(&beats(RUN, 6), &mut witness), Held::Inherited);
        // A new connection to the same process remembers them.
        let process = witness.process();
        witness.connection_lost();
        witness.set_process(process);
        assert_eq!(read(&beats(RUN, 6), &mut witness), Held::Inherited);
        assert_eq!(witness.beats(), 7);
        assert_eq!(read(&beats(RUN, 8), &mut witness), mine);
        // A later epoch's beats count too: an earlier layout that comes back after it is an old one.
        assert_eq!(read(&format!("0101010101010101 3 1000 {RUN} 9"), &mut witness), Held::Foreign);
        assert_eq!(read(&beats(RUN, 8), &mut witness), Held::Inherited);
        // Another process has its own.
        witness.set_process(RunId::parse(OTHER).unwrap());
        assert_eq!(witness.beats(), 0);
        assert_eq!(read(&beats(OTHER, 1), &mut witness), mine);
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
            let config = Settings { timeout_ms: 1, epoch: 1, groups, old_groups: vec![] };
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
        let born = UnixMillis::new(1_800_000_000_000);
        let judge = |id: ClaimId, now: UnixMillis| {
            layout.may_judge(Conditions::default(), id.issued(now), born, None)
        };
        let minted = |second| ClaimId::pass([0; 16], IssuedAt::new(second), &"p1").unwrap();
        let late = born.plus_ms(900_000);
        assert!(!judge(minted(1_800_000_015), late) && judge(minted(1_800_000_016), late));
        // Nothing tells when an opaque code was issued: it may have been shown for 120 s.
        let opaque = ClaimId::opaque([0; 16]);
        assert!(!judge(opaque, born.plus_ms(135_000)) && judge(opaque, born.plus_ms(135_001)));
    }

    /// Where a new epoch has opened, an opaque code counts by its earliest moment for the opening,
    /// and by its latest for how long that is known to hold.
    #[test]
    fn an_opaque_code_waits_for_an_epoch_as_for_a_memory() {
        let layout = Layout::of_test(7, 2, true, 1);
        let (born, opaque) = (UnixMillis::new(1_800_000_000_000), ClaimId::opaque([0; 16]));
        let judge = |now: UnixMillis, seen: UnixMillis| {
            let opening = Some(Opening { since: born, seen });
            layout.may_judge(Conditions::default(), opaque.issued(now), born, opening)
        };
        let [early, late] = [135_000, 135_001].map(|ms| born.plus_ms(ms));
        assert!(!judge(early, early) && judge(late, late));
        assert!(judge(late, late.plus_ms(-14_999)) && !judge(late, late.plus_ms(-15_000)));
    }
}
