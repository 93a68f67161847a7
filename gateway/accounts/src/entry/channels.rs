//! The channels of floors that are in memory, by their index: a word has room for the index alone.

use std::sync::OnceLock;

use keyring::key::{CHANNELS_MAX, Channel};

static MET: [OnceLock<Channel>; CHANNELS_MAX] = [const { OnceLock::new() }; CHANNELS_MAX];

pub(super) fn remember(channel: Channel) {
    if let Some(cell) = MET.get(channel.index()) {
        cell.get_or_init(|| channel);
    }
}

/// `None`: no floor of it was ever in memory.
pub(super) fn at(index: usize) -> Option<Channel> {
    MET.get(index)?.get().copied()
}
