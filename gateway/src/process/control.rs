//! What the front thread receives while it serves: signals, reloads, and a process that takes over.

use std::{io, time::Duration};

use tokio::{sync::mpsc, time::interval};

use crate::{
    admin::ReloadRequest,
    limits,
    process::observing::Reminder,
    process::reload::Reloader,
    process::signals::{Signal, Signals},
    process::takeover::{CommandLine, Named, Predecessor, Successor},
    upstream::endpoints,
    worker::Shared,
};
use sys::{
    failpoint,
    log::{self, Event, Field},
    threads::Part,
};

/// Where orders come from, and the parts that carry them out.
#[derive(Debug)]
pub(crate) struct Orders {
    pub(crate) signals: Signals,
    pub(crate) reloader: Reloader,
    pub(crate) reloads: mpsc::Receiver<ReloadRequest>,
    /// Absent: SIGUSR2 is refused.
    pub(crate) command_line: Option<CommandLine>,
}

/// Why this process leaves.
pub(crate) enum Leave {
    /// It got a signal, or it lost a part that it cannot serve without.
    Told,
    /// Another process takes over. It serves once it knows that the sockets are its own.
    Relieved(Successor),
}

/// Waits until this process has to leave. Meanwhile it reloads, and prepares a successor.
pub(crate) async fn obey(shared: &Shared, orders: &mut Orders, sockets: &[Named<'_>]) -> Leave {
    let mut ticks = interval(Duration::from_millis(limits::SWEEP_MS));
    let mut successor: Option<Successor> = None;
    let mut reminder = Reminder::default();
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                look_around(shared);
                reminder.remind(shared.current.load().config(), shared.clock.now());
                failpoint::panic_at("front");
                // A successor that is starting may still take over.
                if shared.health.threads.must_leave() && successor.is_none() {
                    return Leave::Told;
                }
            }
            signal = orders.signals.next() => match signal {
                Signal::Leave => {
                    if let Some(unready) = successor {
                        unready.end();
                    }
                    return Leave::Told;
                }
                Signal::Reload => {
                    drop(reload(&orders.reloader, shared, successor.as_ref()));
                    reminder.renew();
                }
                Signal::Upgrade if successor.is_some() => {
                    let what = "SIGUSR2: a new process is on its way already";
                    log::event(Event::UpgradeRefused, format_args!("{what}"));
                }
                Signal::Upgrade => successor = orders.start_successor(sockets),
                Signal::Nothing => say_nothing(),
            },
            Some(request) = orders.reloads.recv() => {
                // The requester may have left; the reload has happened all the same.
                let outcome = reload(&orders.reloader, shared, successor.as_ref());
                reminder.renew();
                let _ = request.answer.send(outcome);
            }
            readiness = ready(&mut successor) => match (readiness, successor.take()) {
                (Ok(()), Some(successor)) => {
                    let id = successor.id();
                    let what = format_args!("to process {id}");
                    log::event_of(Event::HandedOver, &[(Field::Process, &id)], what);
                    return Leave::Relieved(successor);
                }
                (Err(why), Some(failed)) => {
                    let id = failed.id();
                    let what = format_args!("process {id} does not take over: {why}; this one goes on");
                    log::event_of(Event::UpgradeRefused, &[(Field::Process, &id)], what);
                    failed.end();
                }
                (_, None) => {}
            },
        }
    }
}

/// Log files go through standard error, so there is none to open again.
fn say_nothing() {
    let what = format_args!("SIGUSR1 asks for nothing here; SIGHUP reloads, SIGUSR2 hands over");
    log::event(Event::SignalIgnored, what);
}

/// Reloads here and updates the successor. Otherwise the successor could serve with an old keyring.
fn reload(
    reloader: &Reloader,
    shared: &Shared,
    successor: Option<&Successor>,
) -> Result<String, String> {
    if let Some(successor) = successor {
        successor.signal(rustix::process::Signal::HUP);
    }
    reloader.reload(shared)
}

/// Ends when the successor is ready or has failed. Cancel safe.
async fn ready(successor: &mut Option<Successor>) -> Result<(), String> {
    match successor {
        Some(successor) => successor.ready().await,
        None => std::future::pending().await,
    }
}

impl Orders {
    /// Starts a successor. Logs the reason and returns `None` if that is not possible.
    fn start_successor(&self, sockets: &[Named<'_>]) -> Option<Successor> {
        let Some(command_line) = &self.command_line else {
            let what =
                format_args!("SIGUSR2: a sandbox does not hand over; start it again instead");
            log::event(Event::UpgradeRefused, what);
            return None;
        };
        if let Some(why) = command_line.cannot_be_outlived() {
            log::event(Event::UpgradeRefused, format_args!("SIGUSR2: {why}; this one goes on"));
            return None;
        }
        match Successor::start(command_line, sockets) {
            Ok(successor) => {
                let id = successor.id();
                let what = format_args!("SIGUSR2: process {id} is to take over");
                log::event_of(Event::UpgradeStarted, &[(Field::Process, &id)], what);
                Some(successor)
            }
            Err(error) => {
                let what =
                    format_args!("SIGUSR2: cannot start a new process: {error}; this one goes on");
                log::event(Event::UpgradeRefused, what);
                None
            }
        }
    }

    /// Makes this process ready, and takes over from its predecessor. False if it was told to leave
    /// before.
    pub(crate) async fn take_over(
        &mut self,
        predecessor: Predecessor,
        shared: &Shared,
    ) -> io::Result<bool> {
        let ready = async {
            let mut ticks = interval(Duration::from_millis(limits::SWEEP_MS));
            while !shared.health.is_ready() {
                tokio::select! {
                    _ = ticks.tick() => look_around(shared),
                    signal = self.signals.next() => match signal {
                        Signal::Leave => return false,
                        Signal::Reload => drop(self.reloader.reload(shared)),
                        Signal::Upgrade => {}
                        Signal::Nothing => say_nothing(),
                    },
                }
            }
            true
        };
        predecessor.take_over(ready).await
    }
}

/// Compares the clocks. Reports to health whether keys can be used now and whether the log is
/// written. Gives the canary its allowance until the next call.
pub(crate) fn look_around(shared: &Shared) {
    let threads = &shared.health.threads;
    if log::has_ended() && threads.times(Part::Log) == 0 {
        threads.ended(Part::Log);
    }
    shared.clock.tick();
    shared.health.set_clock(shared.clock.trusted());
    shared.health.set_record(shared.record.is_well());
    if let Some(states) = &shared.accounts {
        shared.health.set_accounts(states.accounts().status().has_loaded());
    }
    let (current, now) = (shared.current.load(), shared.clock.now());
    endpoints::readmit(current.backends(), now);
    shared.health.set_keys(current.keys().usable_at(now) > 0);
    current.keys().verifier().allow_rechecks(limits::REJECT_RECHECKS_MAX);
}
