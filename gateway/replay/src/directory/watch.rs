//! Two threads that keep a process's right to redeem. One checks that the tables are still those of
//! the data directory; one keeps a later time on disk. Two threads, because a stalled disk must not
//! stop the check.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::thread;

use clock::Clock;
use sys::failpoint;
use sys::log::{self, Event, Field};
use sys::threads::{Part, Threads};

use super::high_water::HighWaterFile;
use super::table_file::Files;
use super::tables::Tables;
use crate::limits::CHECK_PERIOD;

/// This process's hold on its data directory; [`DataDirectory::watch`] keeps it until the process
/// ends.
#[derive(Debug)]
pub struct DataDirectory {
    pub(super) files: Files,
    pub(super) high_water: HighWaterFile,
}

impl DataDirectory {
    /// Begins to check the tables of `node`, four times a second. The first check is made before
    /// this returns, so that the process may redeem.
    ///
    /// `set_kept` is called after each check: with true while the directory still holds the
    /// tables. After a false there are no more checks, and no table redeems anything again.
    ///
    /// # Errors
    /// The system's, if it starts no thread.
    pub fn watch<N>(
        self,
        node: &Arc<N>,
        clock: &Clock,
        set_kept: impl Fn(bool) + Send + 'static,
    ) -> io::Result<()>
    where
        N: AsRef<Tables> + AsRef<Threads> + Send + Sync + 'static,
    {
        let Self { files, mut high_water } = self;
        let (node, clock) = (Arc::clone(node), clock.clone());
        let mut checks = Checks { files, node: Arc::clone(&node), clock: clock.clone(), set_kept };
        checks.check();
        thread::Builder::new().name("data-dir".to_owned()).spawn(move || {
            let node = Arc::clone(&checks.node);
            threads(&*node).keep(Part::DataDir, || checks.run())
        })?;
        thread::Builder::new().name("mark".to_owned()).spawn(move || {
            let tables: &Tables = (*node).as_ref();
            threads(&*node).keep(Part::Mark, || keep_ahead(&mut high_water, tables, &clock))
        })?;
        Ok(())
    }
}

fn threads(node: &impl AsRef<Threads>) -> &Threads {
    node.as_ref()
}

/// It may go on after a panic: a promise counts only when it is on disk.
fn keep_ahead(high_water: &mut HighWaterFile, tables: &Tables, clock: &Clock) -> Infallible {
    let mut is_logged = false;
    loop {
        thread::park_timeout(CHECK_PERIOD);
        failpoint::panic_at("mark");
        let kept = high_water.keep_ahead(tables, clock);
        if let Err(error) = &kept
            && !is_logged
        {
            let path = high_water.path.display();
            let what = format_args!("{path}: {error}; no code is spent until it can be written");
            log::event_of(Event::DataDirectoryFailing, &[(Field::Path, &path)], what);
        }
        is_logged = kept.is_err();
    }
}

/// What the checking thread needs.
struct Checks<N, F> {
    files: Files,
    node: Arc<N>,
    clock: Clock,
    set_kept: F,
}

impl<N: AsRef<Tables>, F: Fn(bool)> Checks<N, F> {
    /// It may go on after a panic: only a check that finds the tables in place renews the
    /// leases.
    fn run(&mut self) -> Infallible {
        while self.check() {
            thread::park_timeout(CHECK_PERIOD);
            failpoint::panic_at("data_dir");
        }
        // The lock is kept until the process ends. This process may have accepted codes a moment
        // ago: another that finds the directory back in its place must see it.
        loop {
            thread::park();
        }
    }

    /// One check; false if a table is lost.
    fn check(&mut self) -> bool {
        let tables: &Tables = (*self.node).as_ref();
        // Read before the files are checked: the lease counts from a moment when all was in place.
        let reading = self.clock.reading();
        let checked = self.files.check(tables);
        match &checked {
            Ok(()) => {
                if tables.renew_leases(reading) {
                    log::event(
                        Event::ProcessPaused,
                        format_args!(
                            "this process stood still for more than 5 s: codes issued until now \
                             are refused as warming_up"
                        ),
                    );
                }
                self.files.note_marks(tables);
            }
            Err(lost) => {
                tables.revoke_leases();
                let what = format_args!("{lost}");
                log::event_of(Event::DataDirectoryLost, &[(Field::Path, &lost.path)], what);
            }
        }
        let is_kept = checked.is_ok();
        (self.set_kept)(is_kept);
        is_kept
    }
}
