//! What a service manager such as systemd is told (sd_notify(3)). Without one these do nothing.

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    thread,
};

use sys::log::{self, Event};

/// Where the manager listens.
const VARIABLE: &str = "NOTIFY_SOCKET";

/// This process serves, and is the service's main process: after a takeover the manager watched
/// another one until now.
pub(crate) fn tell_serving() {
    tell(format!("MAINPID={}\nREADY=1\n", std::process::id()));
}

/// The service leaves. Not to be told by a process that has handed over.
pub(crate) fn tell_leaving() {
    tell("STOPPING=1\n".to_owned());
}

/// On a thread of its own: a manager that does not read must not hold the gateway up.
fn tell(states: String) {
    let Some(name) = env::var_os(VARIABLE) else { return };
    let tell = move || {
        if let Err(error) = send(&name, &states) {
            unheard(&error);
        }
    };
    if let Err(error) = thread::Builder::new().name("notify".to_owned()).spawn(tell) {
        unheard(&error);
    }
}

fn unheard(error: &io::Error) {
    log::event(Event::ManagerSilent, format_args!("{VARIABLE}: {error}"));
}

/// One datagram. Waits while the manager does not read.
fn send(name: &OsStr, states: &str) -> io::Result<()> {
    let address = address(name)?;
    UnixDatagram::unbound()?.send_to_addr(states.as_bytes(), &address).map(drop)
}

/// A path, or after `@` a name in the abstract space, which has no file.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        [b'/', ..] => SocketAddr::from_pathname(name),
        _ => Err(io::Error::other(format!("{name:?} is neither /path nor @name"))),
    }
}
