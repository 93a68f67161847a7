//! `yanma audit reconcile`: is the record whole, was anything forwarded twice, what is unknown?

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::Failure;
use record::offline::{ReconcileError, ReconcileVerdict, find, reconcile};

const RECONCILE_HELP: &str = "\
Give it the records of all nodes: what only one of them knows, only its record tells.

It shows, a finding each:
  DOUBLE   a redemption of which two requests went to a backend (or that was spent twice)
  BROKEN   a line that was changed, lines that are missing, doubled or out of order, an empty file
  UNKNOWN  a redemption that was sent and has no whole answer: query the backend, then reverse
  NOTE     what is no fault and should be known: a process that was killed, dropped decisions

Each line holds the hash of the line before it, over all files of a process; the first line of a \
process holds the last hash of the process before it. Who can write the files can rewrite all of \
them: copy the last hash of a day elsewhere, and even that shows.

Exit status: 0 no double and every chain whole (unknown outcomes are listed and are no fault), \
1 otherwise.";

/// Prove that nothing was forwarded twice and no line is missing, and list unknown outcomes
#[derive(Args)]
#[command(after_help = RECONCILE_HELP)]
pub(super) struct Arguments {
    /// Files of the record, or directories that hold them, of all nodes
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The first files of a process need not be among them: they are archived elsewhere
    #[arg(long)]
    may_begin_late: bool,
}

impl Arguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let files = find(&self.files).map_err(Failure::Other)?;
        let mut out = BufWriter::new(io::stdout().lock());
        let mut show = |finding| writeln!(out, "{finding}");
        let verdict = reconcile(&files, self.may_begin_late, &mut show);
        let verdict = verdict.map_err(|error| match error {
            ReconcileError::Read(path, error) => Failure::of(path.display(), &error),
            ReconcileError::Show(error) => Failure::Output(error),
        })?;
        write_verdict(&verdict, &mut out)?;
        out.flush()?;
        if verdict.is_clean() { Ok(()) } else { Err(Failure::Found) }
    }
}

fn write_verdict(verdict: &ReconcileVerdict, out: &mut dyn Write) -> io::Result<()> {
    let ReconcileVerdict {
        files, processes, decisions, forwarded, doubles, broken, unknown, ..
    } = verdict;
    writeln!(out, "read      {files} files of {processes} processes, {decisions} decisions")?;
    if let Some((first, last)) = verdict.span {
        writeln!(out, "          from {first} to {last}")?;
    }
    match doubles {
        0 => writeln!(out, "doubles   none: {forwarded} redemptions were forwarded, each once")?,
        _ => writeln!(out, "doubles   {doubles} of {forwarded} redemptions that were forwarded")?,
    }
    match broken {
        0 => writeln!(out, "chains    whole: no line is missing or changed")?,
        _ => writeln!(out, "chains    broken in {broken} places")?,
    }
    match unknown {
        0 => writeln!(out, "unknown   none")?,
        _ => writeln!(
            out,
            "unknown   {unknown} outcomes: ask each backend by the redemption id, reverse what it \
             does not know"
        )?,
    }
    if verdict.dropped > 0 {
        let dropped = verdict.dropped;
        writeln!(out, "missing   {dropped} decisions were not recorded; nothing is said of them")?;
    }
    let word = if verdict.is_clean() { "clean" } else { "FAILED" };
    writeln!(out, "verdict   {word}")
}
