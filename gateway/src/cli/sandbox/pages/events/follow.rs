//! The thread that reads the record, and the task that takes what it reads.
//!
//! An earlier run's record may be large, and a disk slow. So files are read on a thread of their
//! own, and it waits where the pages' thread does not take what it has read.

use std::{collections::HashSet, io, path::PathBuf, rc::Rc, thread};

use record::offline::Tail;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{
    bounds::{BATCH_LINES, BATCHES, LOOK},
    feed::Feed,
};

/// What the thread hands over.
#[derive(Debug)]
pub(super) enum Look {
    /// Lines, each with the name of its chain.
    Lines(Vec<(String, String)>),
    /// The record was read to its end.
    End,
}

/// Begins to look at directories. The thread ends within [`LOOK`] after the receiver was dropped.
///
/// # Errors
/// The system gives no thread.
pub(super) fn start(directories: Vec<PathBuf>) -> io::Result<Receiver<Look>> {
    let (sender, receiver) = channel(BATCHES);
    let thread = thread::Builder::new().name("pages-record".to_owned());
    thread.spawn(move || follow(&directories, &sender))?;
    Ok(receiver)
}

fn follow(directories: &[PathBuf], sender: &Sender<Look>) {
    let mut tails: Vec<(&PathBuf, Option<Tail>)> =
        directories.iter().map(|directory| (directory, None)).collect();
    while !sender.is_closed() {
        for (directory, tail) in &mut tails {
            // A gateway makes its directory when it starts.
            if tail.is_none() {
                *tail = Tail::new(std::slice::from_ref(*directory)).ok();
            }
            if let Some(tail) = tail {
                look(tail, sender);
            }
        }
        if sender.blocking_send(Look::End).is_err() {
            return;
        }
        thread::park_timeout(LOOK);
    }
}

fn look(tail: &mut Tail, sender: &Sender<Look>) {
    let mut lines = Vec::new();
    let send = |lines: &mut Vec<_>| {
        let sent = sender.blocking_send(Look::Lines(std::mem::take(lines)));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    };
    // What cannot be read now is looked for again: a file may be moved or made meanwhile.
    let _ = tail.look_at_lines(|chain, text| {
        lines.push((chain.to_owned(), text.to_owned()));
        if lines.len() < BATCH_LINES { Ok(()) } else { send(&mut lines) }
    });
    if !lines.is_empty() {
        let _ = send(&mut lines);
    }
}

/// Takes what the thread reads, for as long as it reads.
pub(super) async fn feed(mut looks: Receiver<Look>, feed: Rc<Feed>) {
    let mut chains: HashSet<Rc<str>> = HashSet::new();
    while let Some(look) = looks.recv().await {
        match look {
            Look::Lines(lines) => take(&feed, &mut chains, &lines),
            Look::End => feed.is_read(),
        }
    }
}

fn take(feed: &Feed, chains: &mut HashSet<Rc<str>>, lines: &[(String, String)]) {
    for (chain, _) in lines {
        if !chains.contains(chain.as_str()) {
            chains.insert(chain.as_str().into());
        }
    }
    let known = |chain: &String| chains.get(chain.as_str());
    feed.take(lines.iter().filter_map(|(chain, text)| Some((known(chain)?, text.as_str()))));
}
