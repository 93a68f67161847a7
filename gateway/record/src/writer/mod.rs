//! The writer's thread: decisions become lines, lines become files.
//!
//! It looks every [`FLUSH`], earlier if a queue is half full. While the record cannot be
//! written it takes nothing more out of the queues; they fill, and what happens then is
//! `record.when_full`.

mod events;

use std::{
    io,
    sync::{
        Arc,
        atomic::Ordering::{Acquire, Relaxed},
        mpsc::{Receiver, TryRecvError},
    },
};

use keyring::time::UnixMillis;

use clock::Clock;
use sys::{disk, failpoint, log};

use crate::{
    decision::Labels,
    files::{Previous, Sink},
    format::{Chain, Fields},
    limits::{FLUSH, PATIENCE, RETRY, WRITE_BYTES},
    queue::{Inner, Notice},
    subject_key::SubjectKey,
};

pub(crate) use self::events::Author;
use self::events::Opening;

/// How often files are looked through for those that are no longer kept.
const EXPIRE_MS: i64 = 3_600_000;
/// How often it is said that the disk is too slow.
const SLOW_MS: i64 = 60_000;

pub(crate) struct Writer {
    pub(crate) inner: Arc<Inner>,
    pub(crate) notices: Receiver<Notice>,
    pub(crate) clock: Clock,
    pub(crate) who: Author,
    pub(crate) subject_key: Option<SubjectKey>,
    pub(crate) sink: Sink,
    pub(crate) chain: Chain,
    /// What is in force, for the first line of each file.
    pub(crate) labels: Arc<Labels>,
    pub(crate) keys: usize,
    pub(crate) previous: Option<Previous>,
    /// When the record could not be written any more.
    pub(crate) trouble_since: Option<UnixMillis>,
    /// Dropped decisions that are in a line already.
    pub(crate) told_dropped: u64,
    pub(crate) expired_at: Option<UnixMillis>,
    pub(crate) said_slow_at: Option<UnixMillis>,
    /// The last line is written, or pending.
    pub(crate) has_ended: bool,
}

impl Writer {
    /// The first line: a process that cannot write it does not start, unless it is only room that
    /// is missing. Then it goes on as one that ran when the disk became full.
    pub(crate) fn begin(&mut self) -> io::Result<()> {
        let now = self.clock.now();
        self.open_file(now);
        match self.write_out(now) {
            Err(error) if disk::is_full(&error) => {
                self.judge(Err(error), now);
                Ok(())
            }
            written => written,
        }
    }

    /// Until the process leaves.
    pub(crate) fn run(mut self) {
        let mut leaving_since = None;
        loop {
            let now = self.clock.now();
            // Read before the queues are: whatever came before it is in them.
            let leaving = self.inner.leaving.load(Acquire);
            let outcome =
                self.turn(now).and_then(|()| if leaving { self.end(now) } else { Ok(()) });
            let failed = outcome.is_err();
            self.judge(outcome, now);
            if leaving {
                let since = *leaving_since.get_or_insert(now);
                if !failed {
                    return;
                }
                if u128::from(now.ms_since(since).unsigned_abs()) >= PATIENCE.as_millis() {
                    let lost = self.inner.queued();
                    log::error(format_args!(
                        "{lost} decisions are not in the record: it could not be written until \
                         the end"
                    ));
                    return;
                }
            }
            std::thread::park_timeout(if failed { RETRY } else { FLUSH });
        }
    }

    fn turn(&mut self, now: UnixMillis) -> io::Result<()> {
        failpoint::panic_at("record");
        self.write_out(now)?;
        self.sink.rotate(now)?;
        self.take_notices(now)?;
        self.take_decisions(now)?;
        self.tell_dropped(now);
        self.write_out(now)?;
        self.sink.sync_if_due(now)?;
        self.expire(now)
    }

    /// The last line, safe on the disk.
    fn end(&mut self, now: UnixMillis) -> io::Result<()> {
        // Once, also if it cannot be written at once.
        if !std::mem::replace(&mut self.has_ended, true) {
            let left_out = self.inner.unverified_left_out();
            self.line(now, |fields, who| events::stop(fields, who, now, left_out));
        }
        self.write_out(now)?;
        self.sink.sync()
    }

    fn take_notices(&mut self, now: UnixMillis) -> io::Result<()> {
        loop {
            match self.notices.try_recv() {
                Ok(Notice::Reloaded { at, labels, keys, changes }) => {
                    (self.labels, self.keys) = (labels, keys);
                    let labels = Arc::clone(&self.labels);
                    self.line(now, |fields, who| events::reload(fields, who, at, &labels));
                    for change in &changes {
                        self.line(now, |fields, who| events::key_change(fields, who, at, change));
                    }
                }
                Ok(Notice::ReloadRefused { at, why }) => {
                    self.line(now, |fields, who| events::reload_refused(fields, who, at, &why));
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return Ok(()),
            }
            self.write_if_enough(now)?;
        }
    }

    /// At most as many of each queue as it has places: a turn ends however fast they come.
    fn take_decisions(&mut self, now: UnixMillis) -> io::Result<()> {
        let inner = Arc::clone(&self.inner);
        for lane in &inner.lanes {
            for _ in 0..lane.queue.capacity() {
                let Some(entry) = lane.queue.pop() else { break };
                let key = self.subject_key.take();
                self.line(now, |fields, who| events::decision(fields, who, key.as_ref(), &entry));
                self.subject_key = key;
                inner.lines.fetch_add(1, Relaxed);
                self.write_if_enough(now)?;
            }
        }
        Ok(())
    }

    fn tell_dropped(&mut self, now: UnixMillis) {
        let dropped = self.inner.dropped();
        let more = dropped - self.told_dropped;
        if more == 0 {
            return;
        }
        self.told_dropped = dropped;
        self.line(now, |fields, who| events::dropped(fields, who, now, more));
        if self.said_slow_at.is_none_or(|at| now.ms_since(at) >= SLOW_MS) {
            self.said_slow_at = Some(now);
            log::warning(format_args!(
                "{more} decisions are missing in the record: the queue was full, because the disk \
                 of {} is slow or could not be written to (yanma_record_dropped_total; \
                 record.queue_entries)",
                self.sink.place().directory.display()
            ));
        }
    }

    /// One line, after the first one of its file if that is to come.
    fn line(&mut self, now: UnixMillis, write: impl FnOnce(&mut Fields<'_>, &Author)) {
        self.open_file(now);
        let Self { sink, chain, who, .. } = self;
        chain.append(sink.pending(), |fields| write(fields, who));
    }

    fn open_file(&mut self, at: UnixMillis) {
        let Some(file_number) = self.sink.announces() else { return };
        let Self { sink, chain, who, labels, subject_key, previous, keys, .. } = self;
        let (subject_key, previous, keys) = (subject_key.as_ref(), previous.as_ref(), *keys);
        let opening = Opening { at, file_number, labels, subject_key, previous, keys };
        let is_first = chain.seq == 0;
        chain.append(sink.pending(), |fields| match is_first {
            true => events::start(fields, who, &opening),
            false => events::resume(fields, who, &opening),
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
        self.inner.bytes.fetch_add(u64::try_from(bytes).unwrap_or(0), Relaxed);
        Ok(())
    }

    /// A line says that a file is deleted, then it is: nobody can take one away unseen. A file that
    /// cannot be deleted is no reason to stop recording.
    fn expire(&mut self, now: UnixMillis) -> io::Result<()> {
        if self.expired_at.is_some_and(|at| now.ms_since(at) < EXPIRE_MS) {
            return Ok(());
        }
        self.expired_at = Some(now);
        let expired = self.sink.place().expired(now).unwrap_or_else(|error| {
            self.warn_of_old_files(&error);
            Vec::new()
        });
        for file in &expired {
            self.line(now, |fields, who| events::expired(fields, who, now, file));
        }
        self.write_out(now)?;
        if !expired.is_empty() {
            self.sink.sync()?;
        }
        for file in &expired {
            if let Err(error) = self.sink.place().remove(file) {
                self.warn_of_old_files(&error);
            }
        }
        Ok(())
    }

    fn warn_of_old_files(&self, error: &io::Error) {
        log::warning(format_args!(
            "files of the decision record that are older than record.keep_days cannot be deleted: \
             {}: {error}",
            self.sink.place().directory.display()
        ));
    }

    /// Says once that the record cannot be written, and once that it can again.
    fn judge(&mut self, outcome: io::Result<()>, now: UnixMillis) {
        match (outcome, self.trouble_since) {
            (Ok(()), None) => {}
            (Ok(()), Some(since)) => {
                self.trouble_since = None;
                self.inner.failing.store(false, Relaxed);
                let s = now.ms_since(since) / 1_000;
                log::info(format_args!("the decision record is written again, after {s} s"));
            }
            (Err(error), before) => {
                self.inner.errors.fetch_add(1, Relaxed);
                self.inner.failing.store(true, Relaxed);
                self.trouble_since = before.or(Some(now));
                if before.is_none() {
                    let meanwhile = self.inner.meanwhile();
                    let path = self.sink.path().display();
                    log::error(format_args!(
                        "the decision record cannot be written: {path}: {error}; it is tried again \
                         until it can; until then {meanwhile}"
                    ));
                }
            }
        }
    }
}
