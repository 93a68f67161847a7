//! Follows each chain, line after line.

use std::collections::{BTreeMap, HashMap};

use super::{
    finding::Finding,
    head::{ChainName, LineReference},
};
use crate::format::{CheckedLine, LineError, LineHash};

/// All chains, and what other chains say of them.
#[derive(Debug, Default)]
pub(super) struct Chains {
    followed: BTreeMap<ChainName, FollowedChain>,
    /// What the first lines of processes say of the process before, and what anchors say, by the line
    /// that each names.
    named: HashMap<(ChainName, u64), Vec<NamedLine>>,
    expired: Vec<LineReference>,
    may_begin_late: bool,
}

#[derive(Debug)]
struct NamedLine {
    reference: LineReference,
    is_found: bool,
    /// It was found, each time with the hash that is named.
    is_proven: bool,
}

/// Where a chain has been followed to.
#[derive(Debug, Clone)]
struct FollowedChain {
    first: CheckedLine,
    first_place: String,
    next: u64,
    hash: LineHash,
    /// The file and number of the last line.
    place: String,
    stopped: bool,
    torn: Option<String>,
}

impl Chains {
    /// With `may_begin_late` the first files of a process and the process before it may be
    /// missing.
    pub(super) fn new(may_begin_late: bool) -> Self {
        Self { may_begin_late, ..Self::default() }
    }

    /// Adds what a process found when it started, or an anchor. All are added before any line is
    /// followed.
    pub(super) fn add_named(&mut self, reference: LineReference) {
        let key = (reference.chain.clone(), reference.seq);
        let named = NamedLine { reference, is_found: false, is_proven: false };
        self.named.entry(key).or_default().push(named);
    }

    /// Adds that a file was deleted for its age; `reference` is its last line.
    pub(super) fn add_expired(&mut self, reference: LineReference) {
        self.expired.push(reference);
    }

    pub(super) fn mark_stopped(&mut self, chain: &ChainName) {
        if let Some(followed) = self.followed.get_mut(chain) {
            followed.stopped = true;
        }
    }

    /// Notes a file that ends without a line feed: a machine that stops, or a full disk, leaves
    /// this. If the chain has no other line, that is all that is known of it.
    pub(super) fn mark_torn(&mut self, chain: &ChainName, place: &str, found: &mut Vec<Finding>) {
        match self.followed.get_mut(chain) {
            Some(followed) => followed.torn = Some(place.to_owned()),
            None => {
                found.push(Finding::note(format!("{place}: half a line, and no other of {chain}")))
            }
        }
    }

    /// Reports a damaged line. It counts as one line, so that the next one is not reported too.
    pub(super) fn skip_line(
        &mut self,
        chain: &ChainName,
        why: LineError,
        text: &[u8],
        place: &str,
    ) -> Finding {
        if let Some(followed) = self.followed.get_mut(chain) {
            followed.next += 1;
            followed.hash = end_of(text).unwrap_or_default();
            followed.place = place.to_owned();
        }
        Finding::broken(format!("{place}: {why}"))
    }

    /// Checks that a sound line continues its chain.
    pub(super) fn follow(
        &mut self,
        chain: &ChainName,
        sound: CheckedLine,
        place: &str,
        found: &mut Vec<Finding>,
    ) {
        self.check_named(chain, sound, found);
        let Some(followed) = self.followed.get_mut(chain) else {
            let first = FollowedChain {
                first: sound,
                first_place: place.to_owned(),
                next: sound.seq + 1,
                hash: sound.hash,
                place: place.to_owned(),
                stopped: false,
                torn: None,
            };
            self.followed.insert(chain.clone(), first);
            return;
        };
        let before = std::mem::replace(&mut followed.place, place.to_owned());
        if let Some(torn) = followed.torn.take() {
            found.push(Finding::broken(format!(
                "{torn}: half a line, and yet the process wrote on"
            )));
        }
        if std::mem::take(&mut followed.stopped) {
            found.push(Finding::broken(format!(
                "{place}: the process had said at {before} that its record ends"
            )));
        }
        let next = followed.next;
        if sound.seq > next {
            let last = sound.seq - 1;
            let gap = format!("{place}: before this line, lines {next} to {last} of {chain}");
            found.push(Finding::broken(format!("{gap} are missing (after {before})")));
        } else if sound.seq < next {
            found.push(Finding::broken(format!(
                "{place}: line {} of {chain} again, or in the wrong place (after {before})",
                sound.seq
            )));
        } else if sound.prev != followed.hash {
            found.push(Finding::broken(format!(
                "{place}: not written after the line that stands before it ({before})"
            )));
        }
        (followed.next, followed.hash) = (sound.seq + 1, sound.hash);
    }

    /// Compares a line with what later processes and anchors say of it.
    fn check_named(&mut self, chain: &ChainName, sound: CheckedLine, found: &mut Vec<Finding>) {
        if self.named.is_empty() {
            return;
        }
        for named in self.named.get_mut(&(chain.clone(), sound.seq)).into_iter().flatten() {
            let is_same = named.reference.hash == sound.hash;
            named.is_proven = is_same && (named.is_proven || !named.is_found);
            named.is_found = true;
            if is_same {
                continue;
            }
            let (place, seq) = (&named.reference.place, sound.seq);
            found.push(Finding::broken(match &named.reference.anchored {
                None => format!(
                    "{place}: line {seq} of {chain} is not the one that this process found when it \
                     started"
                ),
                Some(time) => format!(
                    "{place}: line {seq} of {chain} is not the one of {time} that was anchored: it, or \
                     lines before it, were written anew"
                ),
            }));
        }
    }

    /// Anchors whose lines were found as they were.
    pub(super) fn anchors_proven(&self) -> usize {
        let named = self.named.values().flatten();
        named.filter(|named| named.is_proven && named.reference.anchored.is_some()).count()
    }

    /// Reports what is known only when every file was read. Returns the number of processes.
    pub(super) fn finish(&self, found: &mut Vec<Finding>) -> usize {
        for (chain, followed) in &self.followed {
            self.report_beginning(chain, followed, found);
            if let Some(torn) = &followed.torn {
                found.push(Finding::note(format!(
                    "{torn}: half a line: the process was killed, or the machine stopped, while \
                     it was written"
                )));
            }
            if !followed.stopped {
                found.push(Finding::note(format!(
                    "{}: {chain} has not said that it ends: it runs, or it was killed; of a \
                     killed process what it decided in its last moment may be missing",
                    followed.place
                )));
            }
        }
        let unmet = self.named.values().flatten().filter(|named| !named.is_found);
        unmet.for_each(|named| match &named.reference.anchored {
            None => self.report_missing(&named.reference, found),
            Some(time) => found.push(self.missing_anchor(&named.reference, time)),
        });
        self.followed.len()
    }

    fn report_beginning(&self, chain: &ChainName, first: &FollowedChain, found: &mut Vec<Finding>) {
        let Some(last) = first.first.seq.checked_sub(1) else { return };
        let missing = format!("{}: lines 0 to {last} of {chain}", first.first_place);
        let is_expired = |file: &LineReference| {
            file.chain == *chain && file.seq == last && file.hash == first.first.prev
        };
        found.push(if self.expired.iter().any(is_expired) {
            Finding::note(format!("{missing} were deleted for their age"))
        } else if self.may_begin_late {
            Finding::note(format!("{missing} are not among these files"))
        } else {
            Finding::broken(format!(
                "{missing} are missing (if their files are archived elsewhere: --may-begin-late)"
            ))
        });
    }

    /// Reports that a process names a line which was not found.
    fn report_missing(&self, start: &LineReference, found: &mut Vec<Finding>) {
        let LineReference { chain, seq, place, .. } = start;
        // A line before the first one: `report_beginning` has reported it.
        let followed = self.followed.get(chain);
        if followed.is_some_and(|followed| followed.first.seq > *seq) {
            return;
        }
        let is_expired = |file: &LineReference| file.chain == *chain && file.seq >= *seq;
        let missing = format!("{place}: this process was started after line {seq} of {chain}");
        found.push(match followed {
            Some(followed) => Finding::broken(format!(
                "{missing}, whose record ends before that ({})",
                followed.place
            )),
            None if self.expired.iter().any(is_expired) => {
                Finding::note(format!("{missing}, whose files were deleted for their age"))
            }
            None if self.may_begin_late => {
                Finding::note(format!("{missing}, which is not among these files"))
            }
            None => Finding::broken(format!(
                "{missing}, whose files are missing (if they are archived elsewhere: \
                 --may-begin-late)"
            )),
        });
    }
}

impl Chains {
    /// What an anchor tells whose line was not found.
    fn missing_anchor(&self, anchor: &LineReference, time: &str) -> Finding {
        let LineReference { chain, seq, place, .. } = anchor;
        let line = format!("{place}: line {seq} of {chain}, anchored at {time},");
        let is_expired = |file: &LineReference| file.chain == *chain && file.seq >= *seq;
        let may_lack = if self.expired.iter().any(is_expired) {
            Some("was deleted for its age")
        } else if self.may_begin_late {
            Some("is not among these files: it is not proven")
        } else {
            None
        };
        match (self.followed.get(chain), may_lack) {
            (Some(followed), _) if followed.next > *seq && followed.first.seq <= *seq => {
                Finding::broken(format!("{line} is damaged or missing"))
            }
            (Some(followed), _) if followed.next <= *seq => Finding::broken(format!(
                "{line} is missing: the record of this process ends before it ({})",
                followed.place
            )),
            (_, Some(why)) => Finding::note(format!("{line} {why}")),
            (_, None) => Finding::broken(format!(
                "{line} is missing, with its file (if that is archived elsewhere: \
                 --may-begin-late)"
            )),
        }
    }
}

/// The hash at the end of a line, unchecked.
fn end_of(text: &[u8]) -> Option<LineHash> {
    let rest = text.strip_suffix(b"\"}")?;
    LineHash::parse(rest.get(rest.len().checked_sub(32)?..)?)
}
