//! How the keeper of account states fares: for metrics, the log and `/readyz`.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use arc_swap::ArcSwap;

/// Why everything was loaded.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum LoadReason {
    /// The process began.
    Start,
    /// A change is missing between the last one and the next.
    Gap,
    /// The store keeps the changes behind ours no more.
    Compacted,
    /// The store began another life.
    Life,
}

impl LoadReason {
    /// Each reason.
    pub const ALL: [Self; 4] = [Self::Start, Self::Gap, Self::Compacted, Self::Life];

    /// The label of `yanma_accounts_loads_total`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Gap => "gap",
            Self::Compacted => "compacted",
            Self::Life => "life",
        }
    }
}

/// What is known of one member of the store.
#[derive(Debug, Default)]
pub struct Source {
    name: String,
    is_up: AtomicBool,
    behind: AtomicU64,
    info: ArcSwap<(String, String)>,
}

impl Source {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// As the configuration names it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Did it answer when it was last asked?
    pub fn is_up(&self) -> bool {
        self.is_up.load(Relaxed)
    }

    /// Keeper: it answered, or did not.
    pub fn set_up(&self, is_up: bool) {
        self.is_up.store(is_up, Relaxed);
    }

    /// Changes that it showed and that are not applied here yet.
    pub fn behind(&self) -> u64 {
        self.behind.load(Relaxed)
    }

    /// Keeper: what [`behind`](Self::behind) tells.
    pub fn set_behind(&self, changes: u64) {
        self.behind.store(changes, Relaxed);
    }

    /// The version of its program, and the life of the store; empty while unknown.
    pub fn info(&self) -> (String, String) {
        self.info.load().as_ref().clone()
    }

    /// Keeper: what [`info`](Self::info) tells.
    pub fn set_info(&self, version: &str, life: &str) {
        self.info.store(Arc::new((version.to_owned(), life.to_owned())));
    }
}

/// How the keeper fares. The keeper writes it, all others read.
#[derive(Debug, Default)]
pub struct Status {
    sources: Box<[Source]>,
    has_loaded: AtomicBool,
    is_set_back: AtomicBool,
    loads: [AtomicU64; LoadReason::ALL.len()],
}

impl Status {
    pub(crate) fn new(sources: &[&str]) -> Self {
        let sources = sources.iter().map(|name| Source::new(name)).collect();
        Self { sources, ..Self::default() }
    }

    /// The members of the store.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Was everything loaded once? `/readyz` waits for it.
    pub fn has_loaded(&self) -> bool {
        self.has_loaded.load(Relaxed)
    }

    /// Does the store show less than it did?
    pub fn is_set_back(&self) -> bool {
        self.is_set_back.load(Relaxed)
    }

    /// Keeper: what [`is_set_back`](Self::is_set_back) tells.
    pub fn set_set_back(&self, is_set_back: bool) {
        self.is_set_back.store(is_set_back, Relaxed);
    }

    /// How often everything was loaded for this reason.
    pub fn loads(&self, reason: LoadReason) -> u64 {
        self.load_count(reason).load(Relaxed)
    }

    /// Keeper: everything was loaded.
    pub fn loaded(&self, reason: LoadReason) {
        self.load_count(reason).fetch_add(1, Relaxed);
        self.has_loaded.store(true, Relaxed);
    }

    fn load_count(&self, reason: LoadReason) -> &AtomicU64 {
        let [start, gap, compacted, life] = &self.loads;
        match reason {
            LoadReason::Start => start,
            LoadReason::Gap => gap,
            LoadReason::Compacted => compacted,
            LoadReason::Life => life,
        }
    }
}
