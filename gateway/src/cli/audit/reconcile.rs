//! `yanma audit reconcile`: is the record whole, was anything forwarded twice, what is unknown?

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::csv::Table;
use crate::cli::failure::Failure;
use record::offline::{
    Demands, Finding, ReconcileError, ReconcileVerdict, find, read_anchors, reconcile,
};
use sys::{disk, log};

const RECONCILE_HELP: &str = "\
Give it the records of all nodes: what only one of them knows, only its record tells.

It shows, a finding each:
  DOUBLE   a redemption of which two requests went to a backend (or that was spent twice)
  BROKEN   a line that was changed, lines that are missing, doubled or out of order, an empty file
  UNKNOWN  a redemption that was sent and has no whole answer: query the backend, then reverse
  NOTE     what is no fault and should be known: a process that was killed, dropped decisions

Each line holds the hash of the line before it, over all files of a process; the first line of a \
process holds the last hash of the process before it. Who can write the files can write all of them \
anew, with hashes that fit. Keep what `yanma audit anchor` prints elsewhere, and --anchor shows even \
that.

--csv writes the findings as a table for a spreadsheet (RFC 4180, UTF-8, a header): with it each \
UNKNOWN is queried at its backend and reversed. The record knows no amount: msgid, redemption and \
institution name the transaction there. A cell that a spreadsheet would run as a formula, or whose \
digits it would round, has an apostrophe in front.

  yanma audit reconcile node-a/record node-b/record --csv findings.csv
  yanma audit reconcile data/record --anchor /elsewhere/anchors

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
    /// What `yanma audit anchor` printed earlier: each such line must be there as it was. May be given
    /// several times. With --may-begin-late, a line whose file is archived elsewhere is only said
    #[arg(long, value_name = "FILE")]
    anchor: Vec<PathBuf>,
    /// Writes the findings as CSV to a new or emptied file of mode 0600; `-` is standard output, and
    /// the verdict then goes to standard error
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let files = find(&self.files).map_err(Failure::Other)?;
        let mut anchors = Vec::new();
        for list in &self.anchor {
            anchors.extend(read_anchors(list).map_err(Failure::Other)?);
        }
        let demands = Demands { may_begin_late: self.may_begin_late, anchors: &anchors };
        let verdict = match self.csv.as_deref() {
            None => with_text(&files, demands, None),
            Some(path) if path == Path::new("-") => as_csv(&files, demands),
            Some(path) => with_text(&files, demands, Some(path)),
        }?;
        if verdict.is_clean() { Ok(()) } else { Err(Failure::Found) }
    }
}

/// Findings and verdict as text, and the findings as CSV to a file.
fn with_text(
    files: &[PathBuf],
    demands: Demands<'_>,
    csv: Option<&Path>,
) -> Result<ReconcileVerdict, Failure> {
    let mut table = None;
    if let Some(path) = csv {
        let failed = |error| Failure::of(path.display(), &error);
        if path.canonicalize().is_ok_and(|path| files.contains(&path)) {
            let text = format!("--csv {}: a file of the record that is read", path.display());
            return Err(Failure::Usage(text));
        }
        let file = disk::open_private(path).map_err(failed)?;
        file.set_len(0).map_err(failed)?;
        table = Some(Table::begin(BufWriter::new(file)).map_err(failed)?);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let verdict = run(files, demands, &mut |finding| {
        if let Some(table) = &mut table {
            table.add(&finding)?;
        }
        writeln!(out, "{finding}")
    })?;
    if let Some(table) = table {
        table.end()?;
    }
    write_verdict(&verdict, demands.anchors.len(), &mut out)?;
    out.flush()?;
    Ok(verdict)
}

/// The findings as CSV to standard output, the verdict to standard error.
fn as_csv(files: &[PathBuf], demands: Demands<'_>) -> Result<ReconcileVerdict, Failure> {
    let mut table = Table::begin(BufWriter::new(io::stdout().lock()))?;
    let verdict = run(files, demands, &mut |finding| table.add(&finding))?;
    table.end()?;
    let mut text = Vec::new();
    write_verdict(&verdict, demands.anchors.len(), &mut text)?;
    log::text(&String::from_utf8_lossy(&text));
    Ok(verdict)
}

fn run(
    files: &[PathBuf],
    demands: Demands<'_>,
    show: &mut dyn FnMut(Finding) -> io::Result<()>,
) -> Result<ReconcileVerdict, Failure> {
    reconcile(files, demands, show).map_err(|error| match error {
        ReconcileError::Read(path, error) => Failure::of(path.display(), &error),
        ReconcileError::Show(error) => Failure::Output(error),
    })
}

fn write_verdict(
    verdict: &ReconcileVerdict,
    anchors: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
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
    let proven = verdict.anchors_proven;
    match anchors {
        0 => {}
        all if all == proven => writeln!(out, "anchors   all {all} are there as they were")?,
        all => writeln!(out, "anchors   {proven} of {all} are proven; the others are named above")?,
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
