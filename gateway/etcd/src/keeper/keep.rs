//! The keeper's outer loop: load, follow until that ends, load again.

use std::{convert::Infallible, sync::Arc, time::Duration};

use accounts::{Accounts, status::LoadReason, store::Requests};
use clock::Clock;
use sys::log::{Event, event};
use tokio::time::sleep;

use super::{
    follow::{Ended, Follow},
    load::{LoadError, load},
    memory::{Memory, Trouble},
    status,
};
use crate::{
    changes, clean_up,
    history::{Begin, Follower, Known, Place, judge},
    limits::{LIFE_PAUSE, LOAD_PAUSE, LOAD_PAUSE_MAX, SURVEY_PATIENCE},
    members::{CallError, Shared, Writable, survey},
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

/// Loads and follows the store.
struct Keeper<'a> {
    shared: &'a Arc<Shared>,
    memory: Memory,
    pause: Duration,
}

impl<'a> Keeper<'a> {
    fn new(shared: &'a Arc<Shared>) -> Self {
        let memory = Memory::new(shared.settings.seen.clone());
        Self { shared, memory, pause: LOAD_PAUSE }
    }

    async fn run(mut self) -> Infallible {
        let mut reason = LoadReason::Start;
        loop {
            let trouble = match self.begin(reason).await {
                Ok((follower, applied)) => {
                    match Follow::new(self.shared, &mut self.memory, follower, applied).run().await
                    {
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
        let known = self.memory.known()?;
        let members = &self.shared.members;
        let shown = survey(members, SURVEY_PATIENCE).await.map_err(|error| unreachable(&error))?;
        let there = match known {
            Some(known) if known.cluster == shown.cluster && Some(known.life) == shown.life => {
                self.there(known.place.revision).await.map_err(|error| unreachable(&error))?
            }
            _ => None,
        };
        let begin = judge(known, &shown, there);
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
        let cluster = shown.cluster;
        self.memory.begin(Known { cluster, life, place, is_set_back: false }).await;
        self.shared.set_writable(Writable::Life(life));
        event(
            Event::AccountsLoaded,
            format_args!("{entries} entries as of revision {}, {}", shown.revision, reason.name()),
        );
        self.memory.forget_trouble();
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
            Trouble::Unreachable(_) | Trouble::Unseen(_) => LOAD_PAUSE,
            Trouble::NoLife => LIFE_PAUSE,
            Trouble::SetBack(_) => {
                accounts.status().set_set_back(true);
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
            self.memory.set_back().await;
        }
        self.memory.tell(trouble);
        sleep(pause).await;
    }
}
