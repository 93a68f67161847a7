//! The app or service that shows codes, interned: a process knows few and forgets none.

use std::{fmt, str::FromStr, sync::OnceLock};

/// Distinct channels that one process can know: one per key at the most.
pub const CHANNELS_MAX: usize = 500;
const NAME_BYTES_MAX: usize = 32;

static NAMES: Names<CHANNELS_MAX> = Names::new();

/// A channel: `wechat`, `alipay`, `nhsa-app`, a province's app.
///
/// Small and `Copy`; its [`index`](Self::index) is dense and stays the same for the process, so
/// that metrics can be kept in an array.
#[derive(Copy, Clone, Eq, PartialEq, Hash)]
pub struct Channel {
    index: usize,
    name: &'static str,
}

/// A name that cannot be a channel's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChannelError {
    /// Not of the allowed characters and length.
    #[error("{0:?} is not a channel; allowed: 1 to 32 of a-z, 0-9 and -")]
    Name(String),
    /// One channel too many.
    #[error("channel {0:?} is one too many; allowed: {CHANNELS_MAX} different channels")]
    TooMany(String),
}

impl Channel {
    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.name
    }

    /// 0 for the first channel that the process met, then 1, and so on; below [`CHANNELS_MAX`].
    pub const fn index(self) -> usize {
        self.index
    }
}

impl FromStr for Channel {
    type Err = ChannelError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(allowed) {
            return Err(ChannelError::Name(name.to_owned()));
        }
        NAMES.intern(name).ok_or_else(|| ChannelError::TooMany(name.to_owned()))
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel({})", self.name)
    }
}

/// Names in the order of their first use. Cells fill from the front and never change, so two
/// threads that bring the same name end at the same cell without a lock around the search.
struct Names<const N: usize>([OnceLock<Box<str>>; N]);

impl<const N: usize> Names<N> {
    const fn new() -> Self {
        Self([const { OnceLock::new() }; N])
    }

    /// `None` when all cells hold other names.
    fn intern(&'static self, name: &str) -> Option<Channel> {
        let mut cells = self.0.iter().enumerate();
        cells.find_map(|(index, cell)| {
            let found = cell.get_or_init(|| name.into());
            (**found == *name).then_some(Channel { index, name: found })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_is_the_same_channel() {
        let first: Channel = "wechat".parse().unwrap();
        let again: Channel = "wechat".parse().unwrap();
        let other: Channel = "alipay".parse().unwrap();
        assert_eq!((first, first.as_str()), (again, "wechat"));
        assert_ne!(first, other);
        assert_ne!(first.index(), other.index());
    }

    #[test]
    fn names_are_short_and_plain() {
        let longest = "a".repeat(NAME_BYTES_MAX);
        assert_eq!(longest.parse::<Channel>().unwrap().as_str(), longest);
        for wrong in ["", "WeChat", "we chat", "we_chat", "微信", &"a".repeat(33)] {
            assert!(matches!(wrong.parse::<Channel>(), Err(ChannelError::Name(_))), "{wrong}");
        }
    }

    #[test]
    fn one_name_too_many_is_refused_and_the_known_ones_stay() {
        static TWO: Names<2> = Names::new();
        let indexes = ["a", "b", "a", "c", "b"].map(|name| TWO.intern(name).map(Channel::index));
        assert_eq!(indexes, [Some(0), Some(1), Some(0), None, Some(1)]);
    }

    #[test]
    fn racing_threads_agree() {
        static NAMES: Names<8> = Names::new();
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let forwards = || names.map(|name| NAMES.intern(name).unwrap());
        let backwards = || {
            let mut channels = names;
            channels.reverse();
            let mut channels = channels.map(|name| NAMES.intern(name).unwrap());
            channels.reverse();
            channels
        };
        let (mine, theirs) = std::thread::scope(|scope| {
            let other = scope.spawn(backwards);
            (forwards(), other.join().unwrap())
        });
        assert_eq!(mine, theirs);
    }
}
