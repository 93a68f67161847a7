//! The thread's loop: polls, requests, the daily clean-up, and what is told of them.

use std::{path::Path, sync::Arc};

use clock::Clock;
use sys::{
    failpoint,
    log::{self, Event},
};
use tokio::time::{MissedTickBehavior, interval};

use super::{LocalStore, StoreError, clean_up::CleanUp};
use crate::{
    accounts::Accounts,
    limits::POLL,
    status::LoadReason,
    store::{Failure, Request, Requests},
};

/// Keeps the accounts by a database. It is whole also after a panic in [`run`](Self::run), which
/// may then be called again.
pub struct Keeper {
    store: LocalStore,
    clock: Clock,
    requests: Requests,
    display_days: Box<dyn Fn() -> u32 + Send>,
    clean_up: CleanUp,
    /// What was told last: the database can be used, or why it cannot.
    told: Told,
    /// `run` has begun and not ended: if it begins again, it panicked.
    is_running: bool,
    /// Only what is opened and loaded anew may be trusted.
    must_reopen: bool,
}

#[derive(Copy, Clone, Eq, PartialEq)]
enum Told {
    Answers,
    Failing,
    SetBack,
}

impl Keeper {
    /// Opens the database and loads all of it, which took 6 s for ten million people.
    /// `display_days` is asked at each clean-up: how long a display code lives.
    ///
    /// # Errors
    /// The database cannot be used, in words for the operator. Nothing should be served then.
    pub fn open(
        path: &Path,
        accounts: Arc<Accounts>,
        clock: Clock,
        requests: Requests,
        display_days: impl Fn() -> u32 + Send + 'static,
    ) -> Result<Self, StoreError> {
        let begin = clock.reading();
        let store = LocalStore::open(path, accounts, begin)?;
        let keeper = Self {
            store,
            clock,
            requests,
            display_days: Box::new(display_days),
            clean_up: CleanUp::default(),
            told: Told::Answers,
            is_running: false,
            must_reopen: false,
        };
        keeper.show_up(true);
        Ok(keeper)
    }

    /// Keeps the accounts fresh and serves the requests, until no [`Store`](crate::store::Store)
    /// is left. It blocks its thread: it must be the only task of a runtime of its own, which needs
    /// a timer. Not cancel safe.
    pub async fn run(&mut self) {
        // Half of a change may be applied.
        self.must_reopen |= self.is_running;
        self.is_running = true;
        let mut polls = interval(POLL);
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // Requests without a pause must not make polls late.
                biased;
                _ = polls.tick() => self.poll(),
                request = self.requests.recv() => match request {
                    Some(request) => self.serve(request),
                    None => break,
                }
            }
        }
        self.is_running = false;
    }

    fn poll(&mut self) {
        failpoint::panic_at("accounts");
        let polled = self.follow();
        self.show_up(polled.is_ok());
        self.tell(polled.as_ref().err());
        if polled.is_ok() && self.clock.trusted() {
            let now = self.clock.reading();
            let step = self.clean_up.step(&mut self.store, now, (self.display_days)());
            if let Err(error) = step {
                let what = format_args!("the daily clean-up waits for an hour: {error}");
                log::event(Event::AccountsFailing, what);
            }
        }
    }

    fn follow(&mut self) -> Result<(), StoreError> {
        let begin = self.clock.reading();
        if self.must_reopen {
            self.store.reopen(LoadReason::Gap)?;
            self.must_reopen = false;
        }
        self.store.poll(begin)
    }

    fn serve(&mut self, request: Request) {
        // An asker that has left is no error.
        match request {
            Request::Change { changes, names, answer } => {
                let now = self.clock.reading();
                let names = (names.writer.as_str(), names.request.as_str());
                let done = self
                    .usable()
                    .and_then(|store| store.change(&changes, names, now).map_err(Failure::from));
                let _ = answer.send(done);
            }
            Request::Read { subject, answer } => {
                let read = self.usable().and_then(|store| Ok(store.read(subject)?));
                let _ = answer.send(read);
            }
        }
    }

    fn usable(&mut self) -> Result<&mut LocalStore, Failure> {
        if self.must_reopen {
            return Err(Failure::Unavailable("it is being loaded anew".to_owned()));
        }
        Ok(&mut self.store)
    }

    fn show_up(&self, is_up: bool) {
        if let Some(source) = self.store.accounts().status().sources().first() {
            source.set_up(is_up);
        }
    }

    /// Tells the log when the state changes.
    fn tell(&mut self, error: Option<&StoreError>) {
        let state = match error {
            None => Told::Answers,
            Some(StoreError::SetBack { .. }) => Told::SetBack,
            Some(_) => Told::Failing,
        };
        if state == self.told {
            return;
        }
        self.told = state;
        match error {
            None => log::event(
                Event::AccountsSourceAnswers,
                format_args!("the account database can be used again"),
            ),
            Some(error @ StoreError::SetBack { .. }) => {
                log::event(Event::AccountsSetBack, format_args!("{error}"));
            }
            Some(error) => log::event(Event::AccountsFailing, format_args!("{error}")),
        }
    }
}
