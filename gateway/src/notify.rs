//! What a service manager such as systemd is told (sd_notify(3)). Without one these do nothing.

use std::thread;

use sd_notify::NotifyState;

use crate::log;

/// This process serves, and is the service's main process: after a takeover the manager watched
/// another one until now.
pub(crate) fn is_serving() {
    tell(vec![NotifyState::MainPid(std::process::id()), NotifyState::Ready]);
}

/// The service leaves. Not to be told by a process that has handed over.
pub(crate) fn is_leaving() {
    tell(vec![NotifyState::Stopping]);
}

/// On a thread of its own: a manager that does not read holds nobody up.
fn tell(states: Vec<NotifyState<'static>>) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let tell = move || {
        if let Err(error) = sd_notify::notify(&states) {
            unheard(&error);
        }
    };
    if let Err(error) = thread::Builder::new().name("notify".to_owned()).spawn(tell) {
        unheard(&error);
    }
}

fn unheard(error: &std::io::Error) {
    log::info(format_args!("the service manager does not listen (NOTIFY_SOCKET): {error}"));
}
