//! `yanma audit`: who did what, and was anything done twice? Reads the decision record.

mod anchor;
mod csv;
mod duration;
mod export;
mod groups;
mod key;
mod reconcile;
mod search;

use clap::{Args, Subcommand};

use crate::cli::failure::Failure;

const AFTER_HELP: &str = "\
The record is a directory of files with a line of JSON for each decision ([record] directory, by \
default data/record). It holds no code, no name and no voucher number.

  yanma audit data/record --last 15m --by outcome
      what happens now? How many of each, their share, median and slowest
  yanma audit data/record --last 15m --where outcome=code_used --top 10
      who sends used codes? --top alone counts by client
  yanma audit data/record --last 1h --slower 1s
      from an outlier in a chart to its requests
  yanma audit data/record --redemption 7001-1795658521-000000000000002a
      what became of one code: the id is in the answer, in the backend's request and on its books
  yanma audit data/record --msgid H37010000001202611260930211234
      what became of a message, and what reverses it
  yanma audit data/record --outcome outcome_unknown --from 2026-11-26T00:00:00+08:00
      what must be queried at the backend (reconcile --csv makes a table of it)
  yanma audit data/record --subject 42 --key audit.key
      one person's decisions; `--subject -` reads the number from standard input
  yanma audit reconcile node-a/record node-b/record
      is every line there and as it was written, was anything forwarded twice, what is unknown?
  yanma audit export --otlp --follow data/record
      decisions of sampled traces as spans, for an OpenTelemetry collector
  grep and jq read the files too.";

/// Search and count the decision record, and reconcile the records of all nodes
#[derive(Args)]
#[command(after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    search: search::Search,
}

#[derive(Subcommand)]
enum Task {
    Reconcile(reconcile::Arguments),
    Export(export::Arguments),
    Anchor(anchor::Arguments),
    Key(key::Arguments),
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.task {
        Some(Task::Reconcile(arguments)) => arguments.run(),
        Some(Task::Export(arguments)) => arguments.run(),
        Some(Task::Anchor(arguments)) => arguments.run(),
        Some(Task::Key(arguments)) => arguments.run(),
        None => arguments.search.run(),
    }
}
