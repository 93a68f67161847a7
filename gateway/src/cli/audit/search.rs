//! `yanma audit FILE...`: finds decisions, or counts them.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use keyring::code::Subject;
use keyring::time::UnixMillis;

use super::duration::Duration;
use super::groups;
use crate::cli::failure::Failure;
use crate::cli::input;
use clock::Clock;
use record::SubjectKey;
use record::offline::{
    Facts, Field, Groups, Query, SearchError, SearchStats, Summary, find, search,
};
use sys::log;

/// Groups that are shown if nothing else is said.
const GROUPS_SHOWN: u32 = 10;
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
    /// The message, as it calls itself in its body; finds what reverses it too
    #[arg(long, value_name = "ID")]
    msgid: Option<String>,
    /// What became of it: approved, replayed, observed, or a refusal's reason such as code_used
    #[arg(long, value_name = "NAME")]
    outcome: Option<String>,
    /// Not before this moment, RFC 3339 or Unix seconds
    #[arg(long, value_name = "TIME")]
    from: Option<UnixMillis>,
    /// Before this moment
    #[arg(long, value_name = "TIME")]
    to: Option<UnixMillis>,
    /// So long before now, or before --to: 90s, 15m, 2h, 7d
    #[arg(long, value_name = "DURATION", conflicts_with = "from")]
    last: Option<Duration>,
    /// Took at least so long, from the head of the request to its outcome: 250ms, 1s
    #[arg(long, value_name = "DURATION")]
    slower: Option<Duration>,
    /// A field of --by has this value: client=10.1.2.3. May be given several times; all must hold
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = equal)]
    equal: Vec<(Field, String)>,
    /// Counts what is found by a field, the largest groups first. Hours and minutes are UTC
    #[arg(long, value_name = "FIELD", value_parser = field(), conflicts_with = "events")]
    by: Option<Field>,
    /// Groups that are shown, 1 to 100000 [default: 10]. Without --by: by client
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    #[arg(conflicts_with = "events")]
    top: Option<u32>,
    /// Other lines too: starts, stops, reloads, key changes, what was dropped
    #[arg(long)]
    events: bool,
    /// The lines as they are in the files, instead of text for a person; of groups, a line of JSON each
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
        let count = usize::try_from(self.top.unwrap_or(GROUPS_SHOWN)).unwrap_or(usize::MAX);
        let by = self.by.or(self.top.map(|_| Field::Client));
        let query = self.query(Clock::system().now())?;
        let mut out = BufWriter::new(io::stdout().lock());
        let Some(field) = by else {
            let searched = look(&files, &query, |line, facts| {
                if json {
                    out.write_all(line)?;
                    out.write_all(b"\n")
                } else {
                    writeln!(out, "{}", Summary(facts))
                }
            })?;
            out.flush()?;
            tell(&searched, files.len());
            return Ok(());
        };
        let mut groups = Groups::new(field);
        let searched = look(&files, &query, |_, facts| {
            groups.add(facts);
            Ok(())
        })?;
        match json {
            true => groups::write_json(field, &groups, count, &mut out)?,
            false => groups::write_table(field, &groups, count, &mut out)?,
        }
        out.flush()?;
        tell(&searched, files.len());
        if groups.decisions() > groups.lines() {
            log::notice(format_args!(
                "{} decisions: of those without a genuine code one in record.unverified_one_in has a \
                 line, which counts for all of them",
                groups.decisions()
            ));
        }
        if let Some(warning) = groups::inexact(&groups) {
            log::notice(format_args!("{warning}"));
        }
        Ok(())
    }

    fn query(self, now: UnixMillis) -> Result<Query, Failure> {
        let mut query = Query::default();
        if let (Some(subject), Some(key)) = (&self.subject, &self.key) {
            let key = SubjectKey::read(key).map_err(|error| Failure::Other(error.to_string()))?;
            query.subject_hash = Some(hex(&key.hash(subject_of(subject)?)));
            query.subject_key = Some(hex(&key.fingerprint()));
        }
        query.slower_us = self.slower.map(Duration::us);
        let since = |last: Duration| self.to.unwrap_or(now).plus_ms(-last.ms());
        let from = self.from.or(self.last.map(since));
        if let (Some(from), Some(to)) = (from, self.to)
            && from >= to
        {
            let text = format!("--from {from} is not before --to {to}: nothing lies between");
            return Err(Failure::Usage(text));
        }
        let Self { redemption, request_id, trace_id, msgid, outcome, to, equal, events, .. } = self;
        Ok(Query {
            redemption,
            request_id,
            trace_id,
            msgid,
            outcome,
            from,
            to,
            equal,
            events,
            ..query
        })
    }
}

fn look(
    files: &[PathBuf],
    query: &Query,
    show: impl FnMut(&[u8], &Facts<'_>) -> io::Result<()>,
) -> Result<SearchStats, Failure> {
    search(files, query, show).map_err(|error| match error {
        SearchError::Read(path, error) => Failure::of(path.display(), &error),
        SearchError::Show(error) => Failure::Output(error),
    })
}

/// Says what was read, and what could not be found.
fn tell(searched: &SearchStats, files: usize) {
    let SearchStats { lines, found, unreadable, empty, other_key, skipped } = searched;
    match skipped {
        0 => log::notice(format_args!("{found} found in {lines} lines of {files} files")),
        _ => log::notice(format_args!(
            "{found} found in {lines} lines of {files} files; {skipped} of them hold nothing of this time \
             and were not read"
        )),
    }
    if *unreadable > 0 {
        log::notice(format_args!(
            "{unreadable} lines could not be read; yanma audit reconcile says which"
        ));
    }
    if *empty > 0 {
        log::notice(format_args!(
            "warning: {empty} files hold no line, which no process leaves behind: what they held cannot \
             be found; yanma audit reconcile says which"
        ));
    }
    if *other_key > 0 {
        log::notice(format_args!(
            "warning: subjects of {other_key} files are hashed with another key than this one, or not \
             recorded: they cannot be found there"
        ));
    }
}

/// One of the closed list of fields.
fn field() -> impl clap::builder::TypedValueParser<Value = Field> {
    let names = PossibleValuesParser::new(Field::ALL.map(|(name, _)| name));
    names.try_map(|name| name.parse::<Field>())
}

/// `FIELD=VALUE`.
fn equal(text: &str) -> Result<(Field, String), String> {
    let allowed = "allowed: FIELD=VALUE with a field of --by, such as client=10.1.2.3";
    let (field, value) = text.split_once('=').ok_or_else(|| format!("it has no =; {allowed}"))?;
    let field = field.parse::<Field>().map_err(|error| error.to_string())?;
    Ok((field, value.to_owned()))
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
