//! `yanma accounts`: freezes and lifts accounts, moves what is held in and out.

mod api;
mod changes;
mod init;
mod transfer;

use clap::{Args, Subcommand};

use crate::cli::failure::Failure;

const AFTER_HELP: &str = "\
A command talks to the API of a running gateway ([accounts] listen), as a writer whose token is in a \
file ([[accounts.writer]] token_file).

  yanma accounts freeze 42 --cause hotline --token-file hotline.token
      a patient has lost the phone: nothing is paid from 1 s later on, through 15 days
  yanma accounts unfreeze 42 --cause hotline --freeze 817 --token-file hotline.token
      the number is what the freeze was answered with; a later freeze stays
  yanma accounts export --token-file operator.token > accounts.ndjson
  yanma accounts import accounts.ndjson --token-file operator.token

A subject of - is read from standard input: it then stands in no list of processes.
Exit status: 0 acknowledged, 64 wrong arguments, 1 anything else: the sentence says whether the change \
may hold. To send it again does no harm.";

/// Freeze and lift accounts, unbind devices, bind and remove family members
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Hold an account: nothing is admitted
    Freeze(changes::Freeze),
    /// End one hold
    Unfreeze(changes::Unfreeze),
    /// Refuse the codes of a device up to an epoch
    Unbind(changes::Unbind),
    /// Bind a family member; codes of an earlier one stay refused
    BindMember(changes::BindMember),
    /// Remove a family member
    RemoveMember(changes::RemoveMember),
    /// What the store holds for a person
    Show(changes::Show),
    /// Merge the lines of an export, with progress
    Import(transfer::Import),
    /// Write all that is held, a line each
    Export(transfer::Export),
    /// Begin a new life of an etcd store: at the first start, and after a restore
    Init(init::Init),
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::of("the system refused a runtime", &error))?;
    runtime.block_on(async {
        match arguments.task {
            Task::Freeze(task) => changes::freeze(task).await,
            Task::Unfreeze(task) => changes::unfreeze(task).await,
            Task::Unbind(task) => changes::unbind(task).await,
            Task::BindMember(task) => changes::bind_member(task).await,
            Task::RemoveMember(task) => changes::remove_member(task).await,
            Task::Show(task) => changes::show(task).await,
            Task::Import(task) => transfer::import(&task).await,
            Task::Export(task) => transfer::export(&task).await,
            Task::Init(task) => init::init(&task).await,
        }
    })
}
