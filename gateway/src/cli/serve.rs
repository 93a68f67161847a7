//! `yanma serve`: the gateway.

use std::path::{Path, PathBuf};

use clap::Args;
use keyring::key_set::KeySet;
use keyring::store;
use keyring::time::UnixMillis;

use super::engine::Choice;
use super::{Failure, check, host};
use crate::config::Config;
use crate::start::{self, Start};
use crate::state::Fence;
use crate::takeover::CommandLine;
use crate::{descriptors, notify};
use clock::Clock;
use record::SubjectKey;
use sys::{disk, log};

/// The environment of keys that anybody can make codes with.
pub(super) const SANDBOX: &str = "sandbox";

const AFTER_HELP: &str = "\
Signals: SIGTERM drains and ends, SIGHUP reads configuration and keyring again, SIGUSR2 starts the \
program anew (a new version, if there is one), hands it all listening sockets, finishes and ends; \
SIGUSR1 does nothing.
What a configuration would do, without doing it: yanma check --config FILE
The file that documents every setting: config/gateway.toml
YANMA_VERIFY=ifma|portable|reference in the environment forces an engine; else the fastest runs.

Golden rule for clients: sent this code before and got no answer? Query first, whatever the reason \
says now.";

/// Run the gateway
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Configuration; relative paths in it are relative to its directory
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    begin_log()?;
    disk::keep_from_others();
    let file = &arguments.config;
    let config = Config::load(file)?;
    refuse_sandbox(&config, file)?;
    let now = Clock::system().now();
    let choice = Choice::of_environment()?;
    let keys = load_usable_keys(&config, now)?.with_verifier(choice.verifier()?);
    check_subject_key(&config)?;
    host::check_groups(&config)?;
    let of_host = host::warnings(&config, descriptors::highest_limit());
    for warning in config.warnings().iter().chain(&of_host) {
        log::warning(format_args!("{}: {warning}", file.display()));
    }
    let mut summary = Vec::new();
    check::write_summary(&config, &keys, choice, now, &mut summary)?;
    log::text(&String::from_utf8_lossy(&summary));
    let command_line = Some(CommandLine::of_this_process());
    let fence = Fence::UntilNow;
    let start = Start { config, keys, config_file: file.clone(), fence, command_line };
    start::serve(start, |_| {
        log::info(format_args!("serving"));
        notify::tell_serving();
    })?;
    Ok(())
}

/// From now on no line waits for standard error.
pub(super) fn begin_log() -> Result<(), Failure> {
    log::start().map_err(|error| Failure::of("the system refused a thread for the log", &error))
}

/// Sees that the record's key can be read: what is wrong with it is wrong with the configuration.
pub(super) fn check_subject_key(config: &Config) -> Result<(), Failure> {
    let key = config.record.subject_key.as_deref().filter(|_| config.record.enabled);
    let read = key.map(SubjectKey::read).transpose();
    read.map_err(|error| Failure::Unfit(format!("[record] subject_key: {error}"))).map(drop)
}

/// In the sandbox everybody can make codes, so nobody's money may depend on them.
fn refuse_sandbox(config: &Config, file: &Path) -> Result<(), Failure> {
    if config.server.environment != SANDBOX {
        return Ok(());
    }
    Err(Failure::Unfit(format!(
        "{}: server.environment = \"{SANDBOX}\" is for `yanma sandbox` alone; allowed here: any \
         other name, such as \"production\", with keys of that environment",
        file.display()
    )))
}

/// The keyring of the configuration, if a code issued at `now` could pass.
pub(super) fn load_usable_keys(config: &Config, now: UnixMillis) -> Result<KeySet, Failure> {
    let dir = &config.server.keyring;
    let keys = store::load(dir, Some(&config.server.environment))?;
    if keys.usable_at(now) == 0 {
        return Err(Failure::Unfit(format!(
            "{}: no key accepts a code issued at {now}; needed: one that is active or retiring \
             and within its dates (yanma keys list --keyring {})",
            dir.join(store::MANIFEST).display(),
            dir.display()
        )));
    }
    Ok(keys)
}
