//! `yanma serve`: the gateway.

use std::path::PathBuf;

use clap::Args;

use super::preflight::{engine::Choice, host, summary, unfit};
use crate::cli::failure::Failure;
use crate::config::{Config, warnings};
use crate::process::reload::load_usable_keys;
use crate::process::start::{self, Start};
use crate::process::systemd;
use crate::process::takeover::CommandLine;
use clock::Clock;
use replay::directory::Fence;
use sys::{
    descriptors, disk,
    log::{self, Event},
};

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
    log::set(config.log);
    unfit::refuse_sandbox(&config, file)?;
    let now = Clock::system().now();
    let choice = Choice::of_environment()?;
    let keys = load_usable_keys(&config, now)?.with_verifier(choice.verifier()?);
    unfit::check_subject_key(&config)?;
    host::check_groups(&config)?;
    let of_host = host::warnings(&config, descriptors::highest_limit());
    for warning in warnings::of(&config).iter().chain(&of_host) {
        let what = format_args!("{}: {warning}", file.display());
        log::event(Event::ConfigurationDoubtful, what);
    }
    let mut summary = Vec::new();
    summary::write_summary(&config, &keys, choice, now, &mut summary)?;
    for line in String::from_utf8_lossy(&summary).lines() {
        log::event(Event::Configuration, format_args!("{line}"));
    }
    let command_line = Some(CommandLine::of_this_process());
    let fence = Fence::UntilNow;
    let start = Start { config, keys, config_file: file.clone(), fence, command_line };
    start::serve(start, |_| {
        log::event(Event::Serving, format_args!("requests are accepted"));
        systemd::tell_serving();
    })?;
    Ok(())
}

/// From now on no line waits for standard error.
pub(super) fn begin_log() -> Result<(), Failure> {
    log::start().map_err(|error| Failure::of("the system refused a thread for the log", &error))
}
