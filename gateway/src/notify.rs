//! What a service manager such as systemd is told (sd_notify(3)). Without one these do nothing.

use sd_notify::NotifyState;

use crate::log;

/// This process serves, and is the service's main process: after a takeover the manager watched
/// another one until now.
pub(crate) fn is_serving() {
    tell(&[NotifyState::MainPid(std::process::id()), NotifyState::Ready]);
}

/// The service leaves. Not to be told by a process that has handed over.
pub(crate) fn is_leaving() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::info(format_args!("the service manager does not listen (NOTIFY_SOCKET): {error}"));
    }
}
