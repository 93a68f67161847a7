//! The threads and long-lived tasks of the process, and what happens when one of them panics.
//!
//! None of them returns but in a drain; the types say so ([`Infallible`]). So an end that nothing
//! expects is a panic, and each is caught here: it is counted (`yanma_threads_ended_total`), said,
//! and by [`Part::after`] the node is unready or the process leaves. What keeps its state outside
//! its loop begins anew meanwhile, so that what runs is finished and `/readyz` can tell.
//!
//! A panic in a connection's or an exchange's own task is that one's alone: the runtime catches it,
//! `Call` counts its request when it is dropped, and `yanma_panics_total` counts the panic.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    convert::Infallible,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook},
    pin::pin,
    sync::atomic::{
        AtomicBool, AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
    task::Poll,
    thread,
    time::Duration,
};

use crate::log::{self, Event, Field};

/// How long a thread or task that panicked pauses before it begins anew.
pub const ANEW_PAUSE: Duration = Duration::from_millis(50);

/// A kind of thread or task that the process must not lose unseen.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// Obeys signals and reloads.
    Front,
    /// Serves requests.
    Worker,
    /// Accepts on one listener.
    Accept,
    /// Looks after the replay table's file.
    DataDir,
    /// Keeps a later time on disk.
    Mark,
    /// Answers operators and probes endpoints.
    Admin,
    /// Writes the decision record.
    Record,
    /// Builds and checks verification tables.
    Tables,
    /// Writes the log.
    Log,
    /// Verifies the codes of one turn.
    Flusher,
    /// Speaks with the registers.
    Registers,
    /// Keeps the account states.
    Accounts,
}

/// What follows when a part panics.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum After {
    /// The node is unready, finishes what runs, and ends with status 1.
    Leave,
    /// The node is unready and goes on.
    Unready,
    /// It begins anew and the node stays ready. For parts that work on bytes from outside: a
    /// client that finds bytes at which they panic must not take nodes out of service.
    Anew,
}

impl Part {
    /// Every part; the first ones are the gravest.
    pub const ALL: [Self; 12] = [
        Self::Front,
        Self::Worker,
        Self::Accept,
        Self::DataDir,
        Self::Mark,
        Self::Admin,
        Self::Record,
        Self::Tables,
        Self::Log,
        Self::Flusher,
        Self::Registers,
        Self::Accounts,
    ];

    /// The label of `yanma_threads_ended_total`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Front => "front",
            Self::Worker => "worker",
            Self::Accept => "accept",
            Self::DataDir => "data_dir",
            Self::Mark => "mark",
            Self::Admin => "admin",
            Self::Record => "record",
            Self::Tables => "tables",
            Self::Log => "log",
            Self::Flusher => "flusher",
            Self::Registers => "registers",
            Self::Accounts => "accounts",
        }
    }

    /// What follows when it panics. A record without which nothing may be spent makes the process
    /// leave as well: [`Threads::leave`].
    pub const fn after(self) -> After {
        match self {
            Self::Front
            | Self::Worker
            | Self::Accept
            | Self::DataDir
            | Self::Mark
            | Self::Admin => After::Leave,
            Self::Record | Self::Tables | Self::Log => After::Unready,
            Self::Flusher | Self::Registers | Self::Accounts => After::Anew,
        }
    }

    /// What it means, for an operator.
    pub const fn sentence(self) -> &'static str {
        macro_rules! leaves {
            ($part:literal) => {
                concat!($part, " panicked: the gateway finishes what runs and ends with status 1")
            };
        }
        match self {
            Self::Front => leaves!("front"),
            Self::Worker => leaves!("worker"),
            Self::Accept => leaves!("accept"),
            Self::DataDir => leaves!("data_dir"),
            Self::Mark => leaves!("mark"),
            Self::Admin => leaves!("admin"),
            Self::Record => {
                "record panicked: no decision is recorded any more; with record.when_full = \
                 \"refuse\" none is made, and the gateway ends with status 1; else restart it"
            }
            Self::Tables => {
                "tables panicked and began anew: keys may lack a verification table; restart the \
                 gateway"
            }
            Self::Log => "log ended: no log line is written any more; restart the gateway",
            Self::Flusher => "flusher panicked and began anew: codes of one turn were refused",
            Self::Registers => "registers panicked and began anew",
            Self::Accounts => {
                "accounts panicked and began anew: all account states were loaded anew"
            }
        }
    }

    #[expect(clippy::as_conversions, reason = "From does not offer an enum's number")]
    const fn index(self) -> usize {
        self as usize
    }
}

/// Which parts have panicked. No thread of a request's way looks here.
#[derive(Debug, Default)]
pub struct Threads {
    ended: [AtomicU64; Part::ALL.len()],
    leaves: AtomicBool,
}

impl Threads {
    /// Runs a part's thread, and begins it anew after a panic, until `body` returns.
    ///
    /// What `body` holds on to must be whole also after a panic in it.
    pub fn keep<T>(&self, part: Part, mut body: impl FnMut() -> T) -> T {
        loop {
            match catch_unwind(AssertUnwindSafe(&mut body)) {
                Ok(done) => return done,
                Err(_) => self.ended(part),
            }
            // One that panics again and again must not take a core.
            thread::park_timeout(ANEW_PAUSE);
        }
    }

    /// The same for a task. Cancel safe: dropping it drops the task, which is no panic.
    pub async fn keep_task(
        &self,
        part: Part,
        mut body: impl AsyncFnMut() -> Infallible,
    ) -> Infallible {
        loop {
            match unwound(body()).await {
                Ok(never) => match never {},
                Err(Unwound) => self.ended(part),
            }
            tokio::time::sleep(ANEW_PAUSE).await;
        }
    }

    /// A part has panicked, or has ended in another way that nothing expected.
    pub fn ended(&self, part: Part) {
        self.count(part).fetch_add(1, Relaxed);
        if part.after() == After::Leave {
            self.leave();
        }
        let what = format_args!("{}", part.sentence());
        log::event_of(Event::PartEnded, &[(Field::Part, &part.name())], what);
    }

    /// The process cannot serve any more: it finishes what runs and ends.
    pub fn leave(&self) {
        self.leaves.store(true, SeqCst);
    }

    /// Is the process to finish what runs and end with status 1?
    pub fn must_leave(&self) -> bool {
        self.leaves.load(SeqCst)
    }

    /// The gravest loss for which the node is unready.
    pub fn lost(&self) -> Option<Part> {
        let unready = Part::ALL.into_iter().filter(|part| part.after() != After::Anew);
        unready.into_iter().find(|part| self.times(*part) > 0)
    }

    /// How often a part panicked.
    pub fn times(&self, part: Part) -> u64 {
        self.count(part).load(Relaxed)
    }

    fn count(&self, part: Part) -> &AtomicU64 {
        self.ended.get(part.index()).expect("a count for each part")
    }
}

/// A future panicked; what it was has been said.
#[derive(Debug)]
pub struct Unwound;

/// The output of `future`, or that it panicked. Cancel safe as the future is.
pub async fn unwound<F: Future>(future: F) -> Result<F::Output, Unwound> {
    let mut future = pin!(future);
    poll_fn(move |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(_) => Poll::Ready(Err(Unwound)),
    })
    .await
}

/// All panics of the process, those of single requests too.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// From now on panics are counted, and told in the log: the standard library's own message would
/// wait for the reader of standard error.
pub fn tell_panics() {
    set_hook(Box::new(tell));
}

/// How many panics there were.
pub fn panics() -> u64 {
    PANICS.load(Relaxed)
}

fn tell(info: &PanicHookInfo<'_>) {
    PANICS.fetch_add(1, Relaxed);
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let what = info.payload_as_str().unwrap_or("no text");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    // Only where RUST_BACKTRACE asks for it.
    let trace = Backtrace::capture();
    let trace = match trace.status() {
        BacktraceStatus::Captured => format!("\n{trace}"),
        _ => String::new(),
    };
    let what = format_args!(
        "a bug: thread {name} panicked at {place}: {what}; please report this line{trace}"
    );
    log::event_of(Event::Panic, &[(Field::Thread, &name), (Field::Place, &place)], what);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_part_has_a_name_an_index_and_a_sentence_that_begins_with_the_name() {
        let names: BTreeSet<_> = Part::ALL.map(Part::name).into_iter().collect();
        assert_eq!(names.len(), Part::ALL.len());
        assert!(Part::ALL.map(Part::index).into_iter().eq(0..Part::ALL.len()));
        for part in Part::ALL {
            assert!(part.sentence().starts_with(part.name()), "{}", part.sentence());
        }
    }

    #[test]
    fn a_thread_begins_anew_and_is_counted() {
        let (threads, mut rounds) = (Threads::default(), 0);
        let done = threads.keep(Part::Tables, || {
            rounds += 1;
            assert!(rounds > 2, "two times");
            rounds
        });
        assert_eq!((done, threads.times(Part::Tables)), (3, 2));
        assert_eq!((threads.lost(), threads.must_leave()), (Some(Part::Tables), false));
        threads.ended(Part::Worker);
        assert_eq!((threads.lost(), threads.must_leave()), (Some(Part::Worker), true));
    }

    #[tokio::test]
    async fn a_task_begins_anew_and_one_that_is_dropped_has_not_panicked() {
        let (threads, mut rounds) = (Threads::default(), 0);
        let third = tokio::sync::Notify::new();
        {
            let task = threads.keep_task(Part::Flusher, async || {
                rounds += 1;
                tokio::task::yield_now().await;
                assert!(rounds > 2, "two times");
                third.notify_one();
                std::future::pending().await
            });
            tokio::select! {
                never = task => match never {},
                () = third.notified() => {}
            }
        }
        assert_eq!((rounds, threads.times(Part::Flusher)), (3, 2));
        assert_eq!((threads.lost(), threads.must_leave()), (None, false), "bytes from outside");
    }
}
