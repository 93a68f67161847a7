//! `yanma audit`: who did what, and was anything done twice? Reads the decision record.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use keyring::code::Subject;
use keyring::time::UnixMillis;

use super::input;
use crate::cli::failure::Failure;
use record::SubjectKey;
use record::offline::{
    Query, ReconcileError, ReconcileVerdict, SearchError, SearchStats, Summary, find, reconcile,
    search,
};
use sys::log;

const AFTER_HELP: &str = "\
The record is a directory of files with a line of JSON for each decision ([record] directory, by \
default data/record). It holds no code, no name and no voucher number.

  yanma audit data/record --redemption 7001-1795658521-000000000000002a
      what became of one code: the id is in the answer, in the backend's request and on its books
  yanma audit data/record --outcome outcome_unknown --from 2026-11-26T00:00:00+08:00
      what must be queried at the backend
  yanma audit data/record --subject 42 --key audit.key
      one person's decisions; `--subject -` reads the number from standard input
  yanma audit reconcile node-a/record node-b/record
      is every line there and as it was written, was anything forwarded twice, what is unknown?
  grep and jq read the files too.";

/// A number, with room for what editors put around it.
const SUBJECT_BYTES_MAX: usize = 1_024;

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

/// Search the decision record, and reconcile the records of all nodes
#[derive(Args)]
#[command(after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    search: Search,
}

#[derive(Subcommand)]
enum Task {
    Reconcile(Reconcile),
    Key(Key),
}

#[derive(Args)]
struct Search {
    /// Files of the record, or directories that hold them
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The redemption, as `Yanma-Redemption` names it
    #[arg(long, value_name = "ID")]
    redemption: Option<String>,
    /// The holder's voucher number; `-` reads it from standard input. Needs --key
    #[arg(long, value_name = "NUMBER", requires = "key")]
    subject: Option<String>,
    /// The key that the record's subjects are hashed with ([record] subject_key)
    #[arg(long, value_name = "FILE", requires = "subject")]
    key: Option<PathBuf>,
    /// The request: `Yanma-Request-Id`, or what the client sent as `X-Request-Id`
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// The trace: 32 hex digits of `traceparent`
    #[arg(long, value_name = "ID")]
    trace_id: Option<String>,
    /// What became of it: approved, replayed, observed, or a refusal's reason such as code_used
    #[arg(long, value_name = "NAME")]
    outcome: Option<String>,
    /// Not before this moment, RFC 3339 or Unix seconds
    #[arg(long, value_name = "TIME")]
    from: Option<UnixMillis>,
    /// Before this moment
    #[arg(long, value_name = "TIME")]
    to: Option<UnixMillis>,
    /// Other lines too: starts, stops, reloads, key changes, what was dropped
    #[arg(long)]
    events: bool,
    /// The lines as they are in the files, instead of text for a person
    #[arg(long)]
    json: bool,
}

/// Prove that nothing was forwarded twice and no line is missing, and list unknown outcomes
#[derive(Args)]
#[command(after_help = RECONCILE_HELP)]
struct Reconcile {
    /// Files of the record, or directories that hold them, of all nodes
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The first files of a process need not be among them: they are archived elsewhere
    #[arg(long)]
    may_begin_late: bool,
}

/// Make the key that subjects are hashed with; all nodes get the same one
#[derive(Args)]
struct Key {
    /// Where it is written, mode 0600; never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.task {
        Some(Task::Reconcile(reconcile)) => reconcile.run(),
        Some(Task::Key(key)) => key.run(),
        None => arguments.search.run(),
    }
}

impl Search {
    fn run(self) -> Result<(), Failure> {
        if self.files.is_empty() {
            return Err(Failure::Usage(
                "which record? give its files or directories, such as data/record \
                 (yanma audit --help)"
                    .to_owned(),
            ));
        }
        let files = find(&self.files).map_err(Failure::Other)?;
        let json = self.json;
        let query = self.query()?;
        let mut out = BufWriter::new(io::stdout().lock());
        let searched = search(&files, &query, |line, facts| {
            if json {
                out.write_all(line)?;
                out.write_all(b"\n")
            } else {
                writeln!(out, "{}", Summary(facts))
            }
        });
        let SearchStats { lines, found, unreadable, empty, other_key } =
            searched.map_err(|error| match error {
                SearchError::Read(path, error) => Failure::of(path.display(), &error),
                SearchError::Show(error) => Failure::Output(error),
            })?;
        out.flush()?;
        log::notice(format_args!("{found} found in {lines} lines of {} files", files.len()));
        if unreadable > 0 {
            log::notice(format_args!(
                "{unreadable} lines could not be read; yanma audit reconcile says which"
            ));
        }
        if empty > 0 {
            log::notice(format_args!(
                "warning: {empty} files hold no line, which no process leaves behind: what they held cannot \
                 be found; yanma audit reconcile says which"
            ));
        }
        if other_key > 0 {
            log::notice(format_args!(
                "warning: subjects of {other_key} files are hashed with another key than this one, or not \
                 recorded: they cannot be found there"
            ));
        }
        Ok(())
    }

    fn query(self) -> Result<Query, Failure> {
        let mut query = Query::default();
        if let (Some(subject), Some(key)) = (&self.subject, &self.key) {
            let key = SubjectKey::read(key).map_err(|error| Failure::Other(error.to_string()))?;
            query.subject_hash = Some(hex(&key.hash(subject_of(subject)?)));
            query.subject_key = Some(hex(&key.fingerprint()));
        }
        let Self { redemption, request_id, trace_id, outcome, from, to, events, .. } = self;
        Ok(Query { redemption, request_id, trace_id, outcome, from, to, events, ..query })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The number itself, or that on standard input: what stands in a command line is seen by others.
fn subject_of(text: &str) -> Result<Subject, Failure> {
    let given;
    let number = if text == "-" {
        given = input::read(SUBJECT_BYTES_MAX, "Type the voucher number, then press Enter:")?;
        str::from_utf8(&given).ok().and_then(|given| given.lines().next()).unwrap_or_default()
    } else {
        text
    };
    number
        .trim_matches(|letter: char| letter.is_whitespace() || letter == '\0')
        .parse()
        .ok()
        .and_then(Subject::new)
        .ok_or_else(|| {
            Failure::Usage(
                "--subject: no voucher number; allowed: 1 to 18446744073709551615".into(),
            )
        })
}

impl Reconcile {
    fn run(self) -> Result<(), Failure> {
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

impl Key {
    fn run(self) -> Result<(), Failure> {
        SubjectKey::generate(&self.out).map_err(|error| Failure::Other(error.to_string()))?;
        writeln!(
            io::stdout(),
            "{}: made. Copy it to every node and name it there: [record] subject_key = \"...\". \
             Who has it can find out whose decision a line is.",
            self.out.display()
        )?;
        Ok(())
    }
}
