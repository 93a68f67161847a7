//! `yanma audit FILE...`: finds decisions.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use keyring::code::Subject;
use keyring::time::UnixMillis;

use crate::cli::failure::Failure;
use crate::cli::input;
use record::SubjectKey;
use record::offline::{Query, SearchError, SearchStats, Summary, find, search};
use sys::log;

/// A number, with room for what editors put around it.
const SUBJECT_BYTES_MAX: usize = 1_024;

#[derive(Args)]
pub(super) struct Search {
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

impl Search {
    pub(super) fn run(self) -> Result<(), Failure> {
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
