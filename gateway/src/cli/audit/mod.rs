//! `yanma audit`: who did what, and was anything done twice? Reads the decision record.

mod export;
mod key;
mod reconcile;
mod search;

use clap::{Args, Subcommand};

use crate::cli::failure::Failure;

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
  yanma audit export --otlp --follow data/record
      decisions of sampled traces as spans, for an OpenTelemetry collector
  grep and jq read the files too.";

/// Search the decision record, and reconcile the records of all nodes
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
    Key(key::Arguments),
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.task {
        Some(Task::Reconcile(arguments)) => arguments.run(),
        Some(Task::Export(arguments)) => arguments.run(),
        Some(Task::Key(arguments)) => arguments.run(),
        None => arguments.search.run(),
    }
}
