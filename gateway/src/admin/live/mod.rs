//! The live page: what this node does now, for a person. `GET /`, `GET /live.json` and their files.
//!
//! Once a second the admin thread adds up what workers have counted ([`sums`]) and keeps five minutes
//! of it ([`ring`]). Only when a browser asks does it make the [`document`], which is `/live.json`.
//! The [`page`] is rendered from the document, and so is what `assets/live.js` shows later. Several
//! browsers get the same bytes for a quarter of a second, so many of them cost little more than one.

mod class;
mod document;
mod facts;
mod key_uses;
mod page;
mod problems;
mod ring;
mod sums;
#[cfg(test)]
mod tests;
mod words;

#[expect(clippy::disallowed_types, reason = "the admin thread alone locks it")]
use std::sync::Mutex;
use std::{
    convert::Infallible,
    fs,
    sync::{MutexGuard, PoisonError},
};

use bytes::Bytes;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};

use self::{facts::Source, key_uses::KeyUses, ring::Ring, sums::Sums};
use crate::{
    limits,
    web::{
        files::{File, SCRIPT, SHARED},
        language::Language,
    },
    worker::Shared,
};

/// The page's own module.
pub(super) const SCRIPT_FILE: File =
    File { path: "/assets/live.js", kind: SCRIPT, text: include_str!("assets/live.js") };

/// What the page knows beyond this moment.
#[derive(Debug)]
#[expect(clippy::disallowed_types, reason = "the admin thread alone locks it")]
pub(super) struct Live {
    state: Mutex<State>,
    /// The machine's name.
    host: String,
    started_ms: i64,
}

#[derive(Debug)]
struct State {
    ring: Ring,
    key_uses: KeyUses,
    made: Option<Made>,
}

/// The document, and the pages that were made of it.
#[derive(Debug)]
struct Made {
    at_ns: i64,
    document: Value,
    json: Bytes,
    pages: [Option<Bytes>; Language::ALL.len()],
}

impl Live {
    /// Begins to count from now.
    pub(super) fn new(shared: &Shared) -> Self {
        let ring = Ring::new(Sums::read(shared));
        let state = State { ring, key_uses: KeyUses::begin(shared), made: None };
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        #[expect(clippy::disallowed_types, reason = "the admin thread alone locks it")]
        let state = Mutex::new(state);
        Self { state, host: host.trim().to_owned(), started_ms: shared.clock.now().get() }
    }

    /// Adds up what was counted.
    pub(super) fn tick(&self, shared: &Shared) {
        let mut state = self.state();
        state.ring.push(Sums::read(shared));
        state.key_uses.look(shared);
    }

    /// `/live.json`.
    pub(super) fn json(&self, shared: &Shared) -> Bytes {
        self.made(&mut self.state(), shared).json.clone()
    }

    /// The page in a language.
    pub(super) fn page(&self, shared: &Shared, language: Language) -> Bytes {
        let mut state = self.state();
        let Made { document, pages, .. } = self.made(&mut state, shared);
        let (mut all, make) =
            (pages.iter_mut(), || page::render(document, language, SCRIPT_FILE.path).into());
        let place = all.nth(usize::from(language == Language::Chinese));
        place.map_or_else(make, |page| page.get_or_insert_with(make).clone())
    }

    fn made<'a>(&self, state: &'a mut State, shared: &Shared) -> &'a mut Made {
        let now_ns = shared.clock.reading().boot_ns;
        let is_fresh = |made: &Made| now_ns - made.at_ns < limits::LIVE_FRESH_MS * 1_000_000;
        let State { ring, key_uses, made } = state;
        if !made.as_ref().is_some_and(is_fresh) {
            let now = Sums::read(shared);
            let source = Source {
                shared,
                ring,
                now: &now,
                key_uses,
                host: &self.host,
                started_ms: self.started_ms,
            };
            let document = document::make(&source);
            let json = document.to_string().into();
            *made = Some(Made { at_ns: now_ns, document, json, pages: Default::default() });
        }
        made.as_mut().expect("it was just made")
    }

    /// A panic while it was held leaves sums that are whole: they are replaced, never changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file at a path.
pub(super) fn file(path: &str) -> Option<&'static File> {
    static FILES: [File; SHARED.len()] = SHARED;
    static OWN: File = SCRIPT_FILE;
    FILES.iter().chain([&OWN]).find(|file| file.path == path)
}

/// Adds up once a second for as long as the process runs. A late tick delays those that follow it.
pub(super) async fn keep_sums(live: &Live, shared: &Shared) -> Infallible {
    let mut ticks = interval(limits::LIVE_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        live.tick(shared);
    }
}
