//! Two threads that keep a process's right to redeem: one looks that the table is still the data
//! directory's, one keeps a later time on disk. Not one, because a disk may stall for seconds.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use keyring::time::UnixMillis;

use super::limits::LOOK_MS;
use super::mark::MarkFile;
use super::{Lost, State, TableFile};
use crate::{LEASE_MS, Replay};
use clock::Clock;
use sys::failpoint;
use sys::log;
use sys::threads::{Part, Threads};

/// How often each of the two wakes.
const PERIOD: Duration = Duration::from_millis(LOOK_MS);
#[allow(clippy::as_conversions, reason = "`From` cannot be used in constants yet")]
const _: () = assert!(LOOK_MS as i64 * 4 <= LEASE_MS, "a late look or two must not matter");

impl State {
    /// Begins to look after the table of `node`. The first look is made before this returns, so
    /// that the process may redeem. `tell_kept` is called after each look: true while the table is
    /// the data directory's. Nothing follows a false.
    ///
    /// # Errors
    /// The system's, if a thread cannot be had.
    pub fn watch<N>(
        self,
        node: &Arc<N>,
        clock: &Clock,
        tell_kept: impl Fn(bool) + Send + 'static,
    ) -> io::Result<()>
    where
        N: AsRef<Replay> + AsRef<Threads> + Send + Sync + 'static,
    {
        let Self { table, mark } = self;
        let mut looks = Looks {
            table,
            mark_before: UnixMillis::new(0),
            node: Arc::clone(node),
            clock: clock.clone(),
            tell_kept,
        };
        looks.look();
        thread::Builder::new().name("data-dir".to_owned()).spawn(move || {
            let node = Arc::clone(&looks.node);
            let threads: &Threads = (*node).as_ref();
            threads.keep(Part::DataDir, || looks.go_on())
        })?;
        let (mut mark, node, clock) = (mark, Arc::clone(node), clock.clone());
        thread::Builder::new().name("mark".to_owned()).spawn(move || {
            let threads: &Threads = (*node).as_ref();
            threads.keep(Part::Mark, || keep_ahead(&mut mark, (*node).as_ref(), &clock))
        })?;
        Ok(())
    }
}

/// After a panic it may go on: a promise counts when it is on disk, and not before.
fn keep_ahead(mark: &mut MarkFile, replay: &Replay, clock: &Clock) -> Infallible {
    let mut said = false;
    loop {
        thread::park_timeout(PERIOD);
        failpoint::panic_at("mark");
        let kept = mark.keep_ahead(replay, clock);
        if let Err(error) = &kept
            && !said
        {
            let path = mark.path.display();
            log::error(format_args!("{path}: {error}; no code is spent until it can be written"));
        }
        said = kept.is_err();
    }
}

/// What the looking thread needs.
struct Looks<N, F> {
    table: TableFile,
    /// The mark as the last look left it; it must not fall.
    mark_before: UnixMillis,
    node: Arc<N>,
    clock: Clock,
    tell_kept: F,
}

impl<N: AsRef<Replay>, F: Fn(bool)> Looks<N, F> {
    /// After a panic it may go on: only a look that found all well gives the right to redeem.
    fn go_on(&mut self) -> Infallible {
        while self.look() {
            thread::park_timeout(PERIOD);
            failpoint::panic_at("data_dir");
        }
        // The lock is kept to the end of the process. This one may have accepted codes a moment
        // ago: a process that finds the directory back in its place must see it.
        loop {
            thread::park();
        }
    }

    /// One look; false when the table is lost.
    fn look(&mut self) -> bool {
        let replay: &Replay = (*self.node).as_ref();
        // Before the files are looked at, so that the lease counts from a moment when all was well.
        let reading = self.clock.reading();
        let looked = self.table.look(replay, self.mark_before);
        match &looked {
            Ok(()) => {
                if replay.renew(reading) {
                    log::info(format_args!(
                        "this process stood still for more than 5 s: codes issued until now are \
                         refused as warming_up"
                    ));
                }
                self.mark_before = replay.mark();
            }
            Err(lost) => {
                replay.revoke();
                log::error(format_args!("{lost}"));
            }
        }
        let is_kept = looked.is_ok();
        (self.tell_kept)(is_kept);
        is_kept
    }
}

impl TableFile {
    fn look(&self, replay: &Replay, mark_before: UnixMillis) -> Result<(), Lost> {
        let lost = |why: String| Lost { path: self.path.display().to_string(), why };
        match self.is_in_place() {
            Ok(true) => {}
            Ok(false) => return Err(lost("it was deleted or replaced".to_owned())),
            Err(error) => return Err(lost(error.to_string())),
        }
        match replay.is_intact(self.boot, self.id, mark_before) {
            true => Ok(()),
            false => Err(lost("somebody wrote over it".to_owned())),
        }
    }
}
