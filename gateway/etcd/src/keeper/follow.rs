//! Follows the store from one load to the next: the watch, the polls, and what they prove.

use std::{sync::Arc, time::Duration};

use accounts::status::LoadReason;
use tokio::{
    task::JoinSet,
    time::{Instant, Interval, MissedTickBehavior, interval},
};

use super::{
    memory::{Memory, Trouble},
    revision::{Revision, revisions},
    watch::Watch,
};
use crate::{
    history::{Asked, Follower, Found, Shown, Step},
    limits::{POLL_EVERY, POLL_PATIENCE, STATUS_EVERY, WATCH_BEHIND, WATCH_PAUSE},
    members::{CallError, Shared},
    messages::WatchResponse,
};

/// Why following ended.
pub(super) enum Ended {
    Load(LoadReason),
    Trouble(Trouble),
}

type Answered = (Asked, Result<Shown, CallError>);

/// Follows the store.
pub(super) struct Follow<'a> {
    shared: &'a Arc<Shared>,
    memory: &'a mut Memory,
    follower: Follower,
    /// The last revision that the table holds.
    applied: i64,
    polls: JoinSet<Answered>,
    watches: JoinSet<()>,
    watch: Option<Watch>,
    /// The member that was asked last, and the one that was watched last.
    polled: usize,
    watched: usize,
    /// A version that a poll showed, not applied since this moment.
    late: Option<(u64, Instant)>,
}

impl<'a> Follow<'a> {
    /// `applied` is the revision of which everything was loaded.
    pub(super) fn new(
        shared: &'a Arc<Shared>,
        memory: &'a mut Memory,
        follower: Follower,
        applied: i64,
    ) -> Self {
        Self {
            shared,
            memory,
            follower,
            applied,
            polls: JoinSet::new(),
            watches: JoinSet::new(),
            watch: None,
            polled: 0,
            watched: 0,
            late: None,
        }
    }

    pub(super) async fn run(mut self) -> Ended {
        let (mut poll, mut second) = (every(POLL_EVERY), every(STATUS_EVERY));
        self.open_watch(Duration::ZERO);
        loop {
            let ended = tokio::select! {
                _ = poll.tick() => {
                    self.mind_watch();
                    self.poll();
                    None
                }
                Some(answer) = self.polls.join_next() => {
                    self.answered(answer.unwrap_or_else(|ended| std::panic::resume_unwind(ended.into_panic())))
                }
                message = next(&mut self.watch) => self.delivered(message),
                Some(task) = self.watches.join_next() => {
                    if let Err(ended) = task && ended.is_panic() {
                        std::panic::resume_unwind(ended.into_panic());
                    }
                    None
                }
                _ = second.tick() => {
                    self.memory.write_if_idle().await;
                    None
                }
            };
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    /// The moment is read before the question is sent.
    fn poll(&mut self) {
        let shared = self.shared;
        let Some(member) = shared.members.counting_from(self.polled.wrapping_add(1)) else {
            return;
        };
        self.polled = member;
        let asked = self.follower.ask(member, shared.clock.reading().boot_ns);
        let members = shared.members.clone();
        self.polls.spawn(async move {
            let shown = match members.list().get(member) {
                Some(member) => member.shown(POLL_PATIENCE).await,
                None => Err(CallError::Silent(String::new())),
            };
            (asked, shown)
        });
    }

    fn answered(&mut self, (asked, shown): Answered) -> Option<Ended> {
        let shown = match shown {
            Ok(shown) => shown,
            Err(CallError::Foreign { key, why, .. }) => {
                return Some(failing(format!("the value of {key} {why}")));
            }
            // The next member is asked in a moment; the status tells of this one.
            Err(_) => return None,
        };
        let place = self.follower.place();
        if let Some(source) = self.shared.accounts.status().sources().get(asked.member) {
            let version = shown.last.map_or(0, |last| last.version);
            source.set_behind(version.saturating_sub(place.version));
        }
        match self.follower.answered(asked, &shown) {
            Found::Fresh(at_ns) => self.shared.accounts.prove_fresh(at_ns),
            Found::Ahead(version) => {
                self.late = self.late.or_else(|| Some((version, Instant::now())));
            }
            Found::Nothing => {}
            Found::NoLife => return Some(Ended::Trouble(Trouble::NoLife)),
            Found::OtherLife => return Some(Ended::Load(LoadReason::Life)),
            Found::SetBack(sign) => return Some(Ended::Trouble(Trouble::SetBack(sign))),
        }
        None
    }

    fn delivered(&mut self, message: Result<WatchResponse, CallError>) -> Option<Ended> {
        let message = match message {
            Ok(message) if !message.canceled || message.compact_revision != 0 => message,
            _ => {
                self.open_watch(WATCH_PAUSE);
                return None;
            }
        };
        let cluster = message.header.as_ref().map_or(0, |header| header.cluster_id);
        if cluster != self.follower.cluster() {
            // The polls decide what that means.
            self.open_watch(WATCH_PAUSE);
            return None;
        }
        if message.compact_revision != 0 {
            return Some(Ended::Load(LoadReason::Compacted));
        }
        match revisions(message.events, self.applied) {
            Ok(revisions) => revisions.into_iter().find_map(|revision| self.take(&revision)),
            Err(error) => Some(failing(error.to_string())),
        }
    }

    fn take(&mut self, revision: &Revision) -> Option<Ended> {
        let ended = self.take_in(revision);
        self.applied = self.applied.max(revision.number);
        ended
    }

    fn take_in(&mut self, revision: &Revision) -> Option<Ended> {
        if self.follower.is_verified() && revision.change.is_none() {
            // An operator's own change: it holds, but no version counts it.
            return self.apply(revision).or_else(|| self.life(revision));
        }
        match self.follower.delivered(revision.change) {
            Step::Verified => None,
            Step::Gap => Some(Ended::Load(LoadReason::Gap)),
            Step::SetBack(sign) => Some(Ended::Trouble(Trouble::SetBack(sign))),
            Step::Apply => self
                .apply(revision)
                .or_else(|| self.prove(revision))
                .or_else(|| self.life(revision)),
        }
    }

    fn apply(&self, revision: &Revision) -> Option<Ended> {
        let accounts = &self.shared.accounts;
        revision.entries.iter().find_map(|(subject, facet, entry)| {
            accounts.apply(*subject, *facet, *entry).err().map(|full| failing(full.to_string()))
        })
    }

    /// The change is applied: what waited for it is proved.
    fn prove(&mut self, revision: &Revision) -> Option<Ended> {
        let change = revision.change?;
        let proved = match self.follower.applied(change) {
            Ok(proved) => proved,
            Err(sign) => return Some(Ended::Trouble(Trouble::SetBack(sign))),
        };
        if let Some(at_ns) = proved {
            self.shared.accounts.prove_fresh(at_ns);
        }
        self.late = self.late.filter(|(version, _)| *version > change.version);
        self.memory.remember(change);
        None
    }

    fn life(&self, revision: &Revision) -> Option<Ended> {
        match revision.life? {
            None => Some(Ended::Trouble(Trouble::NoLife)),
            Some(life) if life != self.follower.life() => Some(Ended::Load(LoadReason::Life)),
            Some(_) => None,
        }
    }

    /// Turns to another member if this one is behind.
    fn mind_watch(&mut self) {
        let is_behind = self.late.is_some_and(|(_, since)| since.elapsed() >= WATCH_BEHIND);
        let is_silent = !self.follower.is_verified()
            && self.watch.as_ref().is_none_or(|watch| watch.patience_ends <= Instant::now());
        if is_behind || is_silent {
            self.open_watch(Duration::ZERO);
        }
    }

    fn open_watch(&mut self, pause: Duration) {
        self.late = None;
        self.follower.watch_opened();
        let members = &self.shared.members;
        let from = self.follower.place().revision;
        let next = members.counting_from(self.watched.wrapping_add(1));
        self.watch = next.map(|member| {
            self.watched = member;
            Watch::open(&mut self.watches, members, member, from, pause)
        });
    }
}

fn failing(why: String) -> Ended {
    Ended::Trouble(Trouble::Failing(why))
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// The next message; without a watch, never.
async fn next(watch: &mut Option<Watch>) -> Result<WatchResponse, CallError> {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}
