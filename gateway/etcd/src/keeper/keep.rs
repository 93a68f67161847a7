//! The keeper's outer loop: load, follow until that ends, load again.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use accounts::{Accounts, status::LoadReason, store::Requests};
use clock::Clock;
use sys::log::{Event, event};
use tokio::{task::JoinHandle, time::sleep};

use super::{
    follow::{Ended, Follow},
    load::{LoadError, load},
    status,
};
use crate::{
    changes, clean_up,
    history::{Begin, Follower, Known, Place, Sign, judge},
    limits::{LIFE_PAUSE, LOAD_PAUSE, LOAD_PAUSE_MAX, SURVEY_PATIENCE},
    members::{CallError, Shared, Writable, survey},
    seen,
    settings::Settings,
};

/// Keeps the account states fresh and answers requests, for ever. It needs a thread and a
/// current-thread runtime (with time and I/O) of its own. `accounts` has a source for each of
/// [`Settings::names`].
///
/// After a panic it may be called again with the same arguments: it loads anew. Dropped, it stops;
/// a change under way may hold or not.
pub async fn keep(
    settings: &Settings,
    accounts: &Arc<Accounts>,
    clock: &Clock,
    requests: &mut Requests,
) -> Infallible {
    let shared = Arc::new(Shared::new(settings.clone(), Arc::clone(accounts), clock.clone()));
    let faults = status::ask_all(&shared, &[]).await;
    let (never, ..) = tokio::join!(
        Keeper::new(&shared).run(),
        status::watch_members(&shared, faults),
        changes::serve(&shared, requests),
        clean_up::daily(&shared),
    );
    never
}

/// Why the store cannot be followed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Trouble {
    /// What is held only grows old.
    #[error("the account store cannot be loaded: {0}")]
    Unreachable(String),
    #[error("the account store cannot be held: {0}")]
    Failing(String),
    #[error("the account store has no life; nothing is admitted until `yanma accounts init` ends")]
    NoLife,
    #[error(
        "the account store was set back: {0}; nothing is admitted until `yanma accounts init` ends"
    )]
    SetBack(Sign),
}

/// Follows the store, and remembers what was followed.
pub(super) struct Keeper<'a> {
    pub(super) shared: &'a Arc<Shared>,
    known: Option<Known>,
    has_read_seen: bool,
    told: Option<Trouble>,
    written: Option<Known>,
    writing: Option<JoinHandle<io::Result<()>>>,
    pause: Duration,
}

impl<'a> Keeper<'a> {
    fn new(shared: &'a Arc<Shared>) -> Self {
        Self {
            shared,
            known: None,
            has_read_seen: false,
            told: None,
            written: None,
            writing: None,
            pause: LOAD_PAUSE,
        }
    }

    async fn run(mut self) -> Infallible {
        let mut reason = LoadReason::Start;
        loop {
            let trouble = match self.begin(reason).await {
                Ok((follower, applied)) => {
                    match Follow::new(&mut self, follower, applied).run().await {
                        Ended::Load(why) => {
                            reason = why;
                            continue;
                        }
                        Ended::Trouble(trouble) => trouble,
                    }
                }
                Err(trouble) => trouble,
            };
            self.stop(trouble).await;
        }
    }

    /// Loads everything, if what the members show is not less than was known; and of which revision.
    async fn begin(&mut self, reason: LoadReason) -> Result<(Follower, i64), Trouble> {
        let unreachable = |error: &dyn std::error::Error| Trouble::Unreachable(error.to_string());
        if !self.has_read_seen {
            let known = seen::read(&self.shared.settings.seen);
            self.known = known.map_err(|error| Trouble::Failing(error.to_string()))?;
            self.has_read_seen = true;
        }
        let members = &self.shared.members;
        let shown = survey(members, SURVEY_PATIENCE).await.map_err(|error| unreachable(&error))?;
        let there = match self.known {
            Some(known) if known.cluster == shown.cluster && Some(known.life) == shown.life => {
                self.there(known.place.revision).await.map_err(|error| unreachable(&error))?
            }
            _ => None,
        };
        let begin = judge(self.known, &shown, there);
        let (life, place) = match begin {
            Begin::NoLife => return Err(Trouble::NoLife),
            Begin::SetBack(sign) => return Err(Trouble::SetBack(sign)),
            Begin::Load { life, place, .. } => (life, place),
        };
        let capacity = self.shared.accounts.table().capacity();
        let (table, entries) =
            load(members, shown.revision, capacity).await.map_err(|error| match error {
                LoadError::Call(_) => unreachable(&error),
                _ => Trouble::Failing(error.to_string()),
            })?;
        let reason = begin.reason(reason);
        let accounts = &self.shared.accounts;
        if reason == LoadReason::Life {
            // What was proved was of another life.
            accounts.withdraw();
        }
        accounts.put_in_place(table);
        accounts.status().loaded(reason);
        accounts.status().set_set_back(false);
        self.known = Some(Known { cluster: shown.cluster, life, place, is_set_back: false });
        self.write_seen().await;
        self.shared.set_writable(Writable::Life(life));
        event(
            Event::AccountsLoaded,
            format_args!("{entries} entries as of revision {}, {}", shown.revision, reason.name()),
        );
        self.told = None;
        self.pause = LOAD_PAUSE;
        let follower = Follower::loaded(shown.cluster, life, place, members.list().len());
        Ok((follower, shown.revision))
    }

    /// What stands at a revision now; `None`: it is compacted.
    async fn there(&self, revision: i64) -> Result<Option<Option<Place>>, CallError> {
        let members = &self.shared.members;
        let mut error = CallError::Silent("no member".to_owned());
        for member in members.list().iter().filter(|member| member.counts()) {
            match member.head_at(revision, SURVEY_PATIENCE).await {
                Ok(place) => return Ok(Some(place)),
                Err(CallError::Compacted(_)) => return Ok(None),
                Err(CallError::Future(_)) => return Ok(Some(None)),
                Err(other) => error = other,
            }
        }
        Err(error)
    }

    async fn stop(&mut self, trouble: Trouble) {
        let accounts = &self.shared.accounts;
        let pause = match &trouble {
            Trouble::Unreachable(_) => LOAD_PAUSE,
            Trouble::NoLife => LIFE_PAUSE,
            Trouble::SetBack(_) => {
                accounts.status().set_set_back(true);
                self.known = self.known.map(|known| Known { is_set_back: true, ..known });
                LIFE_PAUSE
            }
            Trouble::Failing(_) => {
                let pause = self.pause;
                self.pause = (pause * 2).min(LOAD_PAUSE_MAX);
                pause
            }
        };
        if !matches!(trouble, Trouble::Unreachable(_)) {
            accounts.withdraw();
            self.shared.set_writable(Writable::No(trouble.to_string()));
        }
        if matches!(trouble, Trouble::SetBack(_)) {
            self.write_seen().await;
        }
        self.tell(trouble);
        sleep(pause).await;
    }

    /// Each state is told once.
    fn tell(&mut self, trouble: Trouble) {
        let is_same = self
            .told
            .as_ref()
            .is_some_and(|told| std::mem::discriminant(told) == std::mem::discriminant(&trouble));
        if is_same {
            return;
        }
        let kind = match trouble {
            Trouble::SetBack(_) => Event::AccountsSetBack,
            _ => Event::AccountsFailing,
        };
        event(kind, format_args!("{trouble}"));
        self.told = Some(trouble);
    }

    /// Remembers that all changes up to this one are applied.
    pub(super) fn remember(&mut self, place: Place) {
        if let Some(known) = &mut self.known {
            known.place = place;
        }
    }

    /// Writes what is known, unless it is written or being written.
    pub(super) async fn write_seen_if_idle(&mut self) {
        if self.writing.as_ref().is_none_or(JoinHandle::is_finished) {
            self.begin_write().await;
        }
    }

    async fn write_seen(&mut self) {
        self.begin_write().await;
        self.end_write().await;
    }

    async fn begin_write(&mut self) {
        self.end_write().await;
        if self.known == self.written {
            return;
        }
        let Some(known) = self.known else { return };
        self.written = self.known;
        let path = self.shared.settings.seen.clone();
        // The disk may be slow, and polls must go on.
        self.writing = Some(tokio::task::spawn_blocking(move || seen::write(&path, &known)));
    }

    async fn end_write(&mut self) {
        let Some(writing) = self.writing.take() else { return };
        let written = writing.await.unwrap_or_else(|ended| Err(io::Error::other(ended)));
        if let Err(error) = written {
            self.written = None;
            let path = self.shared.settings.seen.display();
            let trouble = Trouble::Unreachable(format!("{path} cannot be written: {error}"));
            self.tell(trouble);
        }
    }
}
