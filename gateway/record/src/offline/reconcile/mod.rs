//! Reconciling the records of all nodes. It answers: is each chain whole, was a redemption
//! forwarded twice, which outcomes are unknown?
//!
//! Each file is streamed once, after its first line was read. Memory holds the 16 bytes of each
//! redemption that was forwarded or spent, and the place of its line: about 50 bytes for each.

mod anchor;
mod chains;
mod finding;
mod head;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
    path::PathBuf,
};

use keyring::time::UnixMillis;

pub use self::{
    anchor::{Anchor, AnchorError, anchors, read_anchors},
    finding::{Finding, FindingKind, FoundDecision},
};
use self::{
    chains::Chains,
    finding::Incident,
    head::{ChainName, FileHead, LineReference},
};
use super::{
    facts::{Facts, or_dash},
    lines::{LineReader, RawLine},
};
use crate::format::CheckedLine;

/// What was read, and what was found.
#[derive(Debug, Default, Clone, Eq, PartialEq)]
pub struct ReconcileVerdict {
    /// Files read.
    pub files: usize,
    /// Processes that wrote them.
    pub processes: usize,
    /// Lines of decisions.
    pub decisions: u64,
    /// Redemptions of which bytes left, each counted once.
    pub forwarded: u64,
    /// Redemptions that were forwarded or spent again, each time counted.
    pub doubles: u64,
    /// Lines that were changed, are missing, doubled or out of order, and empty files.
    pub broken: u64,
    /// Decisions whose outcome is unknown.
    pub unknown: u64,
    /// Decisions that were dropped.
    pub dropped: u64,
    /// Anchors whose lines are there as they were.
    pub anchors_proven: usize,
    /// The first and the last decision's time.
    pub span: Option<(UnixMillis, UnixMillis)>,
}

impl ReconcileVerdict {
    /// No double and no broken chain. Unknown outcomes are no fault of the record.
    pub fn is_clean(&self) -> bool {
        self.doubles == 0 && self.broken == 0
    }
}

/// Why the records could not be reconciled.
#[derive(Debug)]
pub enum ReconcileError {
    /// A file could not be read.
    Read(PathBuf, io::Error),
    /// `show` failed.
    Show(io::Error),
}

/// Called with each finding at once.
pub type Show<'a> = &'a mut dyn FnMut(Finding) -> io::Result<()>;

/// What reconciling asks of the files.
#[derive(Debug, Default, Copy, Clone)]
pub struct Demands<'a> {
    /// The first files of a process may be missing, and so may the process before it.
    pub may_begin_late: bool,
    /// Lines that must be there as they were.
    pub anchors: &'a [Anchor],
}

/// Reconciles `files`.
///
/// # Errors
/// The file that could not be read, or where `show` could not write.
pub fn reconcile(
    files: &[PathBuf],
    demands: Demands<'_>,
    show: Show<'_>,
) -> Result<ReconcileVerdict, ReconcileError> {
    let mut run = Reconciliation::new(demands.may_begin_late, show);
    let read =
        |path: &PathBuf| FileHead::read(path).map_err(|e| ReconcileError::Read(path.clone(), e));
    let mut heads = files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    heads.sort_by(|a, b| a.order().cmp(&b.order()));
    heads.dedup_by(|later, earlier| {
        let is_copy = later.is_copy_of(earlier);
        if is_copy {
            run.skipped.push(later.path.clone());
        }
        is_copy
    });
    for copy in std::mem::take(&mut run.skipped) {
        run.show(Finding::note(format!("{}: a copy of a file that is read", copy.display())))?;
    }
    for reference in heads.iter().filter_map(|head| head.refers.clone()) {
        run.chains.add_named(reference);
    }
    demands.anchors.iter().filter_map(Anchor::reference).for_each(|one| run.chains.add_named(one));
    for head in &heads {
        run.file(head)?;
    }
    let mut found = Vec::new();
    run.verdict.processes = run.chains.finish(&mut found);
    found.into_iter().try_for_each(|finding| run.show(finding))?;
    run.verdict.anchors_proven = run.chains.anchors_proven();
    Ok(run.verdict)
}

struct Reconciliation<'a> {
    verdict: ReconcileVerdict,
    show: Show<'a>,
    chains: Chains,
    paths: Vec<PathBuf>,
    skipped: Vec<PathBuf>,
    spent: HashMap<[u8; IDENTITY_BYTES], FirstUse>,
}

/// Of what stands for a redemption's id in memory.
const IDENTITY_BYTES: usize = 17;

/// Where a redemption was first forwarded or spent.
#[derive(Debug, Copy, Clone)]
struct FirstUse {
    /// An index into the paths.
    file: u32,
    line: u32,
    sent: bool,
}

impl<'a> Reconciliation<'a> {
    fn new(may_begin_late: bool, show: Show<'a>) -> Self {
        Self {
            verdict: ReconcileVerdict::default(),
            show,
            chains: Chains::new(may_begin_late),
            paths: Vec::new(),
            skipped: Vec::new(),
            spent: HashMap::new(),
        }
    }

    fn show(&mut self, finding: Finding) -> Result<(), ReconcileError> {
        match finding.kind {
            FindingKind::Double => self.verdict.doubles += 1,
            FindingKind::Broken => self.verdict.broken += 1,
            FindingKind::Unknown => self.verdict.unknown += 1,
            FindingKind::Note => {}
        }
        (self.show)(finding).map_err(ReconcileError::Show)
    }

    fn file(&mut self, head: &FileHead) -> Result<(), ReconcileError> {
        let failed = |error| ReconcileError::Read(head.path.clone(), error);
        self.verdict.files += 1;
        self.paths.push(head.path.clone());
        let mut lines = LineReader::open(&head.path).map_err(failed)?;
        let (mut space, mut found) = (Vec::new(), Vec::new());
        while let Some(line) = lines.next(&mut space).map_err(failed)? {
            self.line(&head.chain, &line, &mut found);
            for finding in found.drain(..) {
                let place = Some(format!("{}:{}", head.path.display(), line.number));
                self.show(Finding { place, ..finding })?;
            }
        }
        if lines.is_empty() {
            self.show(Finding::broken(format!(
                "{}: an empty file: it was emptied, or its process was killed in the moment \
                 in which it made it; what it held is lost",
                head.path.display()
            )))?;
        }
        Ok(())
    }

    fn line(&mut self, chain: &ChainName, line: &RawLine<'_>, found: &mut Vec<Finding>) {
        let path = self.paths.last().map(|path| path.display().to_string());
        let place = format!("{}:{}", path.unwrap_or_default(), line.number);
        match CheckedLine::check(line.text) {
            Ok(sound) => self.chains.follow(chain, sound, &place, found),
            // The end of a file without a line feed: a machine that stops can leave only this.
            Err(_) if line.is_torn => return self.chains.mark_torn(chain, &place, found),
            // Its fields are not read.
            Err(why) => return found.push(self.chains.skip_line(chain, why, line.text, &place)),
        }
        let Some(facts) = Facts::parse(line.text) else {
            return found.push(Finding::broken(format!("{place}: it lacks what each line has")));
        };
        match &*facts.event {
            "decision" => self.decision(&facts, line.number, &place, found),
            "expired" => {
                let (process, hash) = (&facts.expired_process, &facts.expired_hash);
                let (process, hash) = (process.as_deref(), hash.as_deref());
                LineReference::new(&facts.node, process, facts.expired_seq, hash, &place)
                    .into_iter()
                    .for_each(|reference| self.chains.add_expired(reference));
            }
            "dropped" => found.push(self.dropped(&facts, &place)),
            "stop" => self.chains.mark_stopped(chain),
            _ => {}
        }
    }

    fn dropped(&mut self, facts: &Facts<'_>, place: &str) -> Finding {
        let count = facts.count.unwrap_or(0);
        self.verdict.dropped += count;
        Finding::note(format!(
            "{place}: {count} decisions before {} are not recorded: the disk was slow or full \
             (record.when_full = \"drop\")",
            facts.time
        ))
    }

    fn decision(&mut self, facts: &Facts<'_>, number: u64, place: &str, found: &mut Vec<Finding>) {
        self.verdict.decisions += 1;
        if let Ok(at) = facts.time.parse::<UnixMillis>() {
            let (first, last) = self.verdict.span.unwrap_or((at, at));
            self.verdict.span = Some((first.min(at), last.max(at)));
        }
        if !matches!(facts.route_use.as_deref(), Some("redeem" | "exchange" | "pass")) {
            return;
        }
        if facts.outcome.as_deref() == Some("outcome_unknown") {
            let text = format!("{}  {place}", Incident(facts));
            found.push(Finding::of_decision(FindingKind::Unknown, text, facts));
        }
        // Its route only observes, and forwards a used code too: that is no double.
        if facts.observed.is_some() {
            return;
        }
        let is_spent = facts.spending.as_deref() == Some("spent");
        let (true, Some(text)) = (is_spent || facts.bytes_sent, &facts.redemption) else { return };
        match identity(text) {
            Some(redemption) => found.extend(self.used(redemption, facts, number, place)),
            None => found.push(Finding::broken(format!("{place}: {text:?} is no redemption id"))),
        }
    }

    /// Notes a redemption that was spent or sent. It is a double if it was noted before.
    fn used(
        &mut self,
        redemption: [u8; IDENTITY_BYTES],
        facts: &Facts<'_>,
        number: u64,
        place: &str,
    ) -> Option<Finding> {
        let sent = facts.bytes_sent;
        let file = u32::try_from(self.paths.len() - 1).unwrap_or(u32::MAX);
        let line = u32::try_from(number).unwrap_or(u32::MAX);
        let first = match self.spent.entry(redemption) {
            Entry::Vacant(vacant) => {
                vacant.insert(FirstUse { file, line, sent });
                self.verdict.forwarded += u64::from(sent);
                return None;
            }
            Entry::Occupied(mut first) => {
                let before = *first.get();
                first.get_mut().sent |= sent;
                self.verdict.forwarded += u64::from(sent && !before.sent);
                before
            }
        };
        let what = if first.sent && sent { "forwarded twice" } else { "spent twice" };
        let path = usize::try_from(first.file).ok().and_then(|file| self.paths.get(file));
        let path = path.map_or_else(String::new, |path| path.display().to_string());
        let text = format!(
            "redemption {} was {what}\n         first  {path}:{}\n         again  {place}  {}",
            or_dash(&facts.redemption),
            first.line,
            Incident(facts)
        );
        Some(Finding::of_decision(FindingKind::Double, text, facts))
    }
}

/// `<key id>-<issued at>-<serial as 16 hex>` as 16 bytes.
/// Of a code, or with a `p` in front of a pass. The first byte tells the two apart.
fn identity(text: &str) -> Option<[u8; IDENTITY_BYTES]> {
    let (is_pass, text) = match text.strip_prefix('p') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut parts = text.split('-');
    let key: u32 = parts.next()?.parse().ok()?;
    let issued: u32 = parts.next()?.parse().ok()?;
    let serial = u64::from_str_radix(parts.next()?, 16).ok()?;
    let number = u128::from(key) << 96 | u128::from(issued) << 64 | u128::from(serial);
    let mut bytes = [u8::from(is_pass); IDENTITY_BYTES];
    bytes.iter_mut().skip(1).zip(number.to_be_bytes()).for_each(|(to, byte)| *to = byte);
    parts.next().is_none().then_some(bytes)
}
