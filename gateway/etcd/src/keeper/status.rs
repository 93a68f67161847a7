//! Each second: which members answer, and whose answers count.

use std::convert::Infallible;

use sys::log::{Event, Field, event_of};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    limits::STATUS_EVERY,
    members::{MemberReport, Shared, Writable, reports},
};

/// Why each member does not count; `None`: it does.
pub(super) type Faults = Vec<Option<String>>;

/// `faults` are those that were told.
pub(super) async fn watch_members(shared: &Shared, mut faults: Faults) -> Infallible {
    let mut tick = interval(STATUS_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        faults = ask_all(shared, &faults).await;
    }
}

/// Asks each member once, and tells what is another than before.
pub(super) async fn ask_all(shared: &Shared, before: &[Option<String>]) -> Faults {
    let reports = reports(&shared.members, shared.settings.any_version).await;
    for (index, report) in reports.iter().enumerate() {
        note(shared, index, report);
        tell(report, before.get(index).and_then(Option::as_deref));
    }
    reports.into_iter().map(|report| report.fault).collect()
}

fn note(shared: &Shared, index: usize, report: &MemberReport) {
    let is_up = report.fault.is_none();
    if let Some(member) = shared.members.list().get(index) {
        member.set_counts(is_up || member.counts() && report.version.is_empty());
    }
    let Some(source) = shared.accounts.status().sources().get(index) else { return };
    source.set_up(is_up);
    if !report.version.is_empty() {
        let life = match shared.writable() {
            Writable::Life(life) => life.to_string(),
            Writable::No(_) => String::new(),
        };
        source.set_info(&report.version, &life);
    }
}

fn tell(report: &MemberReport, before: Option<&str>) {
    let name = &report.name;
    match (&report.fault, before) {
        (Some(fault), None) => {
            let what = format_args!("{name}: {fault}");
            event_of(Event::AccountsSourceLost, &[(Field::Member, name)], what);
        }
        (None, Some(_)) => {
            let what = format_args!("{name}, version {}", report.version);
            event_of(Event::AccountsSourceAnswers, &[(Field::Member, name)], what);
        }
        _ => {}
    }
}
