//! What is spent once: codes, passes, and reservations of opaque codes. And how long a table
//! remembers each.

mod retention;

use std::fmt;
use std::ops::RangeInclusive;

use keyring::code::{CodeIdentity, IssuedAt, Kind};
use keyring::pass::{LIFE_S_MAX, PassId};
use keyring::time::UnixMillis;
use keyring::verify::TimeRules;

use self::retention::PASS_LIFE_MS_MAX;
pub(crate) use self::retention::kind::TableKind;
pub use self::retention::{Codes, Passes, Retention};

/// The identity of what may be spent once: 16 bytes, and the second from which its life counts.
///
/// # What an implementation must keep
/// Every copy has the same bytes and the same second. It is accepted from its second less 10 s at
/// the earliest. Its end of life, by any rules, is no later than its second +
/// [`Retention::REMEMBER_S`] - 10 s.
pub trait SingleUse: Copy + fmt::Debug {
    /// Which table it is spent in.
    type Retention: Retention;
    /// What its end of life depends on.
    type Rules;

    /// So many seconds before and after its own second the same bytes may be spent already, and
    /// then it is used. `None`: its second is part of it, so that there is no other.
    const NEIGHBOUR_S: Option<u32> = None;

    /// What it is known by. It is hashed with a key of the table.
    fn to_bytes(self) -> [u8; 16];

    /// The second from which its life counts.
    fn second(self) -> IssuedAt;

    /// The first moment at which it is over.
    fn end_of_life(self, rules: &Self::Rules) -> UnixMillis;

    /// The earliest second in which it may have been spent, in any table. A fence at or after it
    /// refuses it. This is its own second, where that is signed or proved.
    #[inline]
    fn earliest_use(self) -> IssuedAt {
        self.second()
    }
}

impl SingleUse for CodeIdentity {
    type Retention = Codes;
    type Rules = TimeRules;

    #[inline]
    fn to_bytes(self) -> [u8; 16] {
        Self::to_bytes(self)
    }

    #[inline]
    fn second(self) -> IssuedAt {
        self.issued_at
    }

    #[inline]
    fn end_of_life(self, rules: &TimeRules) -> UnixMillis {
        rules.end_of_life(Kind::Payment, self.issued_at)
    }
}

impl SingleUse for PassId {
    type Retention = Passes;
    type Rules = PassLife;

    #[inline]
    fn to_bytes(self) -> [u8; 16] {
        Self::to_bytes(self)
    }

    #[inline]
    fn second(self) -> IssuedAt {
        self.minted_at
    }

    #[inline]
    fn end_of_life(self, life: &PassLife) -> UnixMillis {
        life.end_of_life(self.minted_at)
    }
}

/// How long a pass may be spent, counted from the second in which it was minted: 60 to 900 s.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct PassLife {
    ms: i64,
}

impl PassLife {
    /// The lives that are allowed, in seconds.
    pub const SECONDS: RangeInclusive<u32> = 60..=LIFE_S_MAX;

    /// `None` if it is not one of [`Self::SECONDS`].
    pub fn new(seconds: u32) -> Option<Self> {
        Self::SECONDS.contains(&seconds).then(|| Self { ms: i64::from(seconds) * 1_000 })
    }

    /// The first moment at which a pass of that second is over.
    #[inline]
    pub fn end_of_life(self, minted_at: IssuedAt) -> UnixMillis {
        minted_at.millis().plus_ms(self.ms)
    }
}

const _: () = assert!(PASS_LIFE_MS_MAX == 900_000, "the largest of `PassLife::SECONDS`");

/// The reservation of an opaque code: a code that this program cannot read, and so cannot date.
///
/// Its second is its *generation*: the begin of the window of 460 s in which it was judged. A code
/// is refused as used if it was reserved in this window, or in one of the two beside it. So of all
/// that are judged within 460 s, at most one is let pass. Nothing is known of whether it is
/// genuine.
///
/// - 460 s is half of 920 s: an entry is remembered until the next window is over. A pass that was
///   minted by a clock up to 10 s ahead may overwrite it that much earlier. A look that meets such
///   a pass takes the code for used.
/// - A fence holds for [`Self::SHOWN_S`] longer than for passes.
/// - Many codes have the second of their window in common. So once in about 5 x 10^7 one is refused
///   as used by chance.
#[derive(Copy, Clone, Eq, PartialEq, Hash)]
pub struct Reservation {
    digest: [u8; 16],
    judged_at: UnixMillis,
}

impl Reservation {
    /// The length of a window, in seconds.
    pub const WINDOW_S: u32 = 460;
    /// How long an opaque code may be shown, in seconds: it is an assumption. A code that is judged
    /// so long after a fence, or later, was not spent before the fence.
    pub const SHOWN_S: u32 = 120;

    /// `digest` is the first half of a SHA-256 over the code; `judged_at` is the time by which the
    /// code is judged.
    #[inline]
    pub fn new(digest: [u8; 16], judged_at: UnixMillis) -> Self {
        Self { digest, judged_at }
    }

    fn judged_s(self) -> u32 {
        u32::try_from(self.judged_at.seconds().max(0)).unwrap_or(u32::MAX)
    }
}

const _: () = assert!(
    Passes::REMEMBER_S == 920 && Reservation::WINDOW_S * 2 == 920,
    "a window is remembered for as long as the next one lasts"
);

impl SingleUse for Reservation {
    type Retention = Passes;
    type Rules = ();

    const NEIGHBOUR_S: Option<u32> = Some(Self::WINDOW_S);

    #[inline]
    fn to_bytes(self) -> [u8; 16] {
        self.digest
    }

    #[inline]
    fn second(self) -> IssuedAt {
        IssuedAt::new(self.judged_s() / Self::WINDOW_S * Self::WINDOW_S)
    }

    #[inline]
    fn end_of_life(self, (): &()) -> UnixMillis {
        self.second().millis().plus_ms(PASS_LIFE_MS_MAX)
    }

    #[inline]
    fn earliest_use(self) -> IssuedAt {
        IssuedAt::new(self.judged_s().saturating_sub(Self::SHOWN_S))
    }
}

/// The digest is not shown: a code has few digits that are not known.
impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("generation", &self.second()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;

    fn reserved_at(ms: i64) -> Reservation {
        Reservation::new([7; 16], UnixMillis::new(ms))
    }

    #[test]
    fn a_life_of_a_pass_is_one_to_fifteen_minutes() {
        for (seconds, is_allowed) in
            [(0, false), (59, false), (60, true), (900, true), (901, false)]
        {
            assert_eq!(PassLife::new(seconds).is_some(), is_allowed, "{seconds}");
        }
        let life = PassLife::new(900).expect("the longest");
        let end = life.end_of_life(IssuedAt::new(1_800_000_012));
        assert_eq!(end, UnixMillis::from_seconds(1_800_000_912));
    }

    #[test]
    fn a_generation_is_the_begin_of_its_window() {
        for (ms, generation) in [
            (0, 0),
            (459_999, 0),
            (460_000, 460),
            (1_800_000_239_999, 1_799_999_780),
            (1_800_000_240_000, 1_800_000_240),
            (-1, 0),
            (i64::MAX, u32::MAX / 460 * 460),
        ] {
            assert_eq!(reserved_at(ms).second().get(), generation, "{ms}");
        }
        let end = reserved_at(1_800_000_699_999).end_of_life(&());
        assert_eq!(end, UnixMillis::from_seconds(1_800_000_240 + 900));
    }

    #[test]
    fn a_fence_counts_for_the_time_in_which_a_code_is_shown() {
        assert_eq!(reserved_at(1_800_000_120_999).earliest_use().get(), 1_800_000_000);
        assert_eq!(reserved_at(60_000).earliest_use().get(), 0);
    }

    #[test]
    fn a_reservation_does_not_show_its_code() {
        let text = format!("{:?}", reserved_at(500_000));
        assert_eq!(text, "Reservation { generation: IssuedAt(460), .. }");
    }
}
