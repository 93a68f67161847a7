//! Two threads that keep a process's right to redeem: one looks that the table is still the data
//! directory's, one keeps a later time on disk. Not one, because a disk may stall for seconds.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use keyring::time::UnixMillis;

use super::mark::MarkFile;
use super::{Lost, State, TableFile};
use crate::limits;
use crate::replay::{LEASE_MS, Replay};
use crate::worker::Shared;
use sys::failpoint;
use sys::log;
use sys::threads::Part;

/// How often each of the two wakes.
const PERIOD: Duration = Duration::from_millis(limits::LOOK_MS);
#[allow(clippy::as_conversions, reason = "`From` cannot be used in constants yet")]
const _: () = assert!(limits::LOOK_MS as i64 * 4 <= LEASE_MS, "a late look or two must not matter");

impl State {
    /// Begins to look after the table. The first look is made before this returns, so that the
    /// process may redeem.
    ///
    /// # Errors
    /// The system's, if a thread cannot be had.
    pub fn watch(self, shared: &Arc<Shared>) -> io::Result<()> {
        let Self { table, mark } = self;
        let mut looks =
            Looks { table, mark_before: UnixMillis::new(0), shared: Arc::clone(shared) };
        looks.look();
        let shared = Arc::clone(shared);
        thread::Builder::new().name("data-dir".to_owned()).spawn(move || {
            let health = Arc::clone(&looks.shared.health);
            health.threads.keep(Part::DataDir, || looks.go_on())
        })?;
        let mut mark = mark;
        thread::Builder::new().name("mark".to_owned()).spawn(move || {
            shared.health.threads.keep(Part::Mark, || keep_ahead(&mut mark, &shared))
        })?;
        Ok(())
    }
}

/// After a panic it may go on: a promise counts when it is on disk, and not before.
fn keep_ahead(mark: &mut MarkFile, shared: &Shared) -> Infallible {
    let mut said = false;
    loop {
        thread::park_timeout(PERIOD);
        failpoint::panic_at("mark");
        let kept = mark.keep_ahead(&shared.replay, &shared.clock);
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
struct Looks {
    table: TableFile,
    /// The mark as the last look left it; it must not fall.
    mark_before: UnixMillis,
    shared: Arc<Shared>,
}

impl Looks {
    /// After a panic it may go on: only a look that found all well gives the right to redeem.
    fn go_on(&mut self) -> Infallible {
        while self.look() {
            thread::park_timeout(PERIOD);
            failpoint::panic_at("data_dir");
        }
        // The lock is kept to the end of the process: this one may have accepted codes a moment
        // ago, and must be seen by whoever finds the directory back in its place.
        loop {
            thread::park();
        }
    }

    /// One look; false when the table is lost.
    fn look(&mut self) -> bool {
        let Shared { clock, replay, health, .. } = &*self.shared;
        // Before the files are looked at, so that the lease counts from a moment when all was well.
        let reading = clock.reading();
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
        health.set_table(is_kept);
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
