//! The writer's thread: decisions become lines, lines become files.
//!
//! It empties the queues every [`FLUSH`], and earlier if one is half full. While the record cannot
//! be written it leaves the queues alone. They fill, and then `record.when_full` says what happens.

mod events;

use std::{
    io,
    sync::{
        Arc,
        atomic::Ordering::{Acquire, Relaxed},
        mpsc::{Receiver, TryRecvError},
    },
};

use clock::Clock;
use keyring::time::UnixMillis;
use sys::{
    disk, failpoint,
    log::{self, Event, Field},
};

use crate::{
    account::AccountEvent,
    decision::Labels,
    files::{ChainEnd, Sink},
    format::{Chain, Fields},
    limits::{FLUSH, PATIENCE, RETRY, WRITE_BYTES},
    queue::{Notice, Queues, ROOM_UNKNOWN},
    subject_key::SubjectKey,
};

pub(crate) use self::events::Author;
use self::events::Opening;

/// How often expired files are deleted.
const EXPIRE_MS: i64 = 3_600_000;
/// How often the free room is measured. A disk that hangs holds up this thread, and no scrape.
const MEASURE_MS: i64 = 1_000;
/// How often the log says that decisions were dropped.
const SLOW_MS: i64 = 60_000;

pub(crate) struct Writer {
    pub(crate) queues: Arc<Queues>,
    pub(crate) notices: Receiver<Notice>,
    pub(crate) account_events: Receiver<AccountEvent>,
    pub(crate) clock: Clock,
    pub(crate) author: Author,
    pub(crate) subject_key: Option<SubjectKey>,
    pub(crate) sink: Sink,
    pub(crate) chain: Chain,
    /// The names in force, for the first line of each file.
    pub(crate) labels: Arc<Labels>,
    pub(crate) keys: usize,
    pub(crate) previous: Option<ChainEnd>,
    /// Since when the record cannot be written.
    pub(crate) failing_since: Option<UnixMillis>,
    /// Dropped decisions that a line has told already.
    pub(crate) dropped_written: u64,
    /// When the last round began that took all that waited: what comes later is not older.
    pub(crate) emptied_at: UnixMillis,
    pub(crate) expired_at: Option<UnixMillis>,
    pub(crate) warned_at: Option<UnixMillis>,
    /// When the free room was measured last.
    pub(crate) measured_at: Option<UnixMillis>,
    /// The last line is written, or pending.
    pub(crate) has_ended: bool,
}

impl Writer {
    /// Writes the first line. A process that cannot write it does not start, unless the disk is
    /// full: then it starts as if the disk had become full later.
    pub(crate) fn begin(&mut self) -> io::Result<()> {
        let now = self.clock.now();
        self.measure_room(now);
        self.open_file();
        match self.write_out(now) {
            Err(error) if disk::is_full(&error) => {
                self.note_outcome(Err(error), now);
                Ok(())
            }
            written => written,
        }
    }

    /// Writes until the process ends.
    pub(crate) fn run(mut self) {
        let mut leaving_since = None;
        loop {
            let now = self.clock.now();
            // Read before the queues: decisions that were made before it are in them.
            let leaving = self.queues.is_leaving.load(Acquire);
            self.measure_room(now);
            let outcome =
                self.write_round(now).and_then(|()| if leaving { self.end(now) } else { Ok(()) });
            let failed = outcome.is_err();
            self.note_outcome(outcome, now);
            if leaving {
                let since = *leaving_since.get_or_insert(now);
                if !failed {
                    return;
                }
                if u128::from(now.ms_since(since).unsigned_abs()) >= PATIENCE.as_millis() {
                    let lost = self.queues.queued();
                    log::event_of(
                        Event::RecordDecisionsMissing,
                        &[
                            (Field::Missing, &lost),
                            (Field::Path, &self.sink.directory().path.display()),
                        ],
                        format_args!(
                            "{lost} decisions are not in the record: it could not be written \
                             until the end"
                        ),
                    );
                    return;
                }
            }
            std::thread::park_timeout(if failed { RETRY } else { FLUSH });
        }
    }

    fn measure_room(&mut self, now: UnixMillis) {
        if self.measured_at.is_some_and(|at| now.ms_since(at) < MEASURE_MS) {
            return;
        }
        self.measured_at = Some(now);
        self.queues.free_bytes.store(self.sink.free_bytes().unwrap_or(ROOM_UNKNOWN), Relaxed);
    }

    fn write_round(&mut self, now: UnixMillis) -> io::Result<()> {
        failpoint::panic_at("record");
        self.write_out(now)?;
        self.sink.rotate(now)?;
        self.write_notices(now)?;
        self.write_account_events(now)?;
        self.write_decisions(now)?;
        self.write_dropped(now);
        self.emptied_at = now;
        self.write_out(now)?;
        self.sink.sync_if_due(now)?;
        self.expire(now)
    }

    /// Writes the last line and syncs the file.
    fn end(&mut self, now: UnixMillis) -> io::Result<()> {
        // The line is added once, even if writing it takes several tries.
        if !std::mem::replace(&mut self.has_ended, true) {
            let queues = Arc::clone(&self.queues);
            let left_out = queues.unverified_left_out();
            let outcomes = queues.outcomes.get().map(Vec::as_slice).unwrap_or_default();
            // Anew: nothing in this process's files is younger.
            let now = self.clock.now();
            self.write_line(|fields, author| {
                events::stop(fields, author, now, left_out, outcomes);
            });
        }
        self.write_out(now)?;
        self.sink.sync()
    }

    fn write_notices(&mut self, now: UnixMillis) -> io::Result<()> {
        loop {
            match self.notices.try_recv() {
                Ok(Notice::Reloaded { at, labels, keys, changes }) => {
                    (self.labels, self.keys) = (labels, keys);
                    let labels = Arc::clone(&self.labels);
                    self.write_line(|fields, author| events::reload(fields, author, at, &labels));
                    for change in &changes {
                        self.write_line(|fields, author| {
                            events::key_change(fields, author, at, change)
                        });
                    }
                }
                Ok(Notice::ReloadRefused { at, why }) => {
                    self.write_line(|fields, author| {
                        events::reload_refused(fields, author, at, &why)
                    });
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return Ok(()),
            }
            self.write_if_enough(now)?;
        }
    }

    fn write_account_events(&mut self, now: UnixMillis) -> io::Result<()> {
        while let Ok(event) = self.account_events.try_recv() {
            self.queues.free_account_event();
            let key = self.subject_key.take();
            match &event {
                AccountEvent::Changes(changes) => {
                    for change in &changes.changes {
                        self.write_line(|fields, author| {
                            events::account(fields, author, key.as_ref(), changes, change);
                        });
                    }
                }
                AccountEvent::Import(import) => {
                    self.write_line(|fields, author| {
                        events::account_import(fields, author, import)
                    });
                }
            }
            self.subject_key = key;
            self.write_if_enough(now)?;
        }
        Ok(())
    }

    /// Takes at most as many decisions from a queue as it has places, so that a round ends.
    fn write_decisions(&mut self, now: UnixMillis) -> io::Result<()> {
        let queues = Arc::clone(&self.queues);
        for lane in &queues.lanes {
            for _ in 0..lane.queue.capacity() {
                let Some(entry) = lane.queue.pop() else { break };
                let key = self.subject_key.take();
                self.write_line(|fields, author| {
                    events::decision(fields, author, key.as_ref(), &entry)
                });
                self.subject_key = key;
                queues.decisions.fetch_add(1, Relaxed);
                self.write_if_enough(now)?;
            }
        }
        Ok(())
    }

    fn write_dropped(&mut self, now: UnixMillis) {
        let dropped = self.queues.dropped();
        let more = dropped - self.dropped_written;
        if more == 0 {
            return;
        }
        self.dropped_written = dropped;
        self.write_line(|fields, author| events::dropped(fields, author, now, more));
        if self.warned_at.is_none_or(|at| now.ms_since(at) >= SLOW_MS) {
            self.warned_at = Some(now);
            let path = self.sink.directory().path.display();
            log::event_of(
                Event::RecordDecisionsMissing,
                &[(Field::Missing, &more), (Field::Path, &path)],
                format_args!(
                    "{more} decisions are missing in the record: the queue was full, because the \
                     disk of {path} is slow or could not be written to \
                     (yanma_record_dropped_total; record.queue_entries)"
                ),
            );
        }
    }

    /// Adds one line. If its file is new, the first line of that file is added before it.
    fn write_line(&mut self, write: impl FnOnce(&mut Fields<'_>, &Author)) {
        self.open_file();
        let Self { sink, chain, author, .. } = self;
        chain.append(sink.pending(), |fields| write(fields, author));
    }

    /// Reads the clock anew: what stands in the files before is not younger, however long the round
    /// has taken so far.
    fn open_file(&mut self) {
        let Some(file_number) = self.sink.announce_file() else { return };
        let (at, none_before) = (self.clock.now(), self.emptied_at);
        let Self { sink, chain, author, labels, subject_key, previous, keys, .. } = self;
        let (subject_key, previous, keys) = (subject_key.as_ref(), previous.as_ref(), *keys);
        let opening = Opening { at, none_before, file_number, labels, subject_key, previous, keys };
        let is_first = chain.seq == 0;
        chain.append(sink.pending(), |fields| match is_first {
            true => events::start(fields, author, &opening),
            false => events::resume(fields, author, &opening),
        });
    }

    fn write_if_enough(&mut self, now: UnixMillis) -> io::Result<()> {
        if self.sink.pending().len() < WRITE_BYTES {
            return Ok(());
        }
        self.write_out(now)?;
        self.sink.rotate(now)
    }

    fn write_out(&mut self, now: UnixMillis) -> io::Result<()> {
        let bytes = self.sink.flush(now)?;
        self.queues.bytes.fetch_add(u64::try_from(bytes).unwrap_or(0), Relaxed);
        Ok(())
    }

    /// Deletes expired files, each after a synced line that says so: a file that is missing
    /// otherwise was taken away. If a file cannot be deleted, recording goes on.
    fn expire(&mut self, now: UnixMillis) -> io::Result<()> {
        if self.expired_at.is_some_and(|at| now.ms_since(at) < EXPIRE_MS) {
            return Ok(());
        }
        self.expired_at = Some(now);
        let expired = self.sink.directory().expired_files(now).unwrap_or_else(|error| {
            self.warn_of_old_files(&error);
            Vec::new()
        });
        for file in &expired {
            self.write_line(|fields, author| events::expired(fields, author, now, file));
        }
        self.write_out(now)?;
        if !expired.is_empty() {
            self.sink.sync()?;
        }
        for file in &expired {
            if let Err(error) = self.sink.directory().remove(file) {
                self.warn_of_old_files(&error);
            }
        }
        Ok(())
    }

    fn warn_of_old_files(&self, error: &io::Error) {
        let path = self.sink.directory().path.display();
        log::event_of(
            Event::RecordFilesKept,
            &[(Field::Path, &path)],
            format_args!(
                "files of the decision record that are older than record.keep_days cannot be \
                 deleted: {path}: {error}"
            ),
        );
    }

    /// Counts a failure. Logs once that the record cannot be written, and once that it can again.
    fn note_outcome(&mut self, outcome: io::Result<()>, now: UnixMillis) {
        match (outcome, self.failing_since) {
            (Ok(()), None) => {}
            (Ok(()), Some(since)) => {
                self.failing_since = None;
                self.queues.is_failing.store(false, Relaxed);
                let ms = now.ms_since(since);
                let s = ms / 1_000;
                let what = format_args!("the decision record is written again, after {s} s");
                log::event_of(Event::RecordWritten, &[(Field::DurationMs, &ms)], what);
            }
            (Err(error), before) => {
                self.queues.errors.fetch_add(1, Relaxed);
                self.queues.is_failing.store(true, Relaxed);
                self.failing_since = before.or(Some(now));
                if before.is_none() {
                    let meanwhile = self.queues.meanwhile();
                    let path = self.sink.path().display();
                    log::event_of(
                        Event::RecordFailing,
                        &[(Field::Path, &path)],
                        format_args!(
                            "the decision record cannot be written: {path}: {error}; it is tried \
                             again until it can; until then {meanwhile}"
                        ),
                    );
                }
            }
        }
    }
}
