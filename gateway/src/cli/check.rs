//! `yanma check`: what a configuration would do, and how much memory by part.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use keyring::key_set::KeySet;
use keyring::suite::Engine;

use super::keys;
use super::preflight::{engine::Choice, host, summary, unfit};
use crate::cli::failure::Failure;
use crate::config::{AccountStore, Config, EtcdConfig};
use crate::process::accounts::{etcd_settings, local_file};
use crate::process::reload::load_usable_keys;
use clock::Clock;
use sys::descriptors;

/// Read configuration and keyring, say what the gateway would do, and how much memory it may take
#[derive(Args)]
pub(crate) struct Arguments {
    /// Configuration; relative paths in it are relative to its directory
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::load(&arguments.config)?;
    let now = Clock::system().now();
    let choice = Choice::of_environment()?;
    let keys = load_usable_keys(&config, now)?.with_verifier(choice.verifier()?);
    unfit::check_subject_key(&config)?;
    host::check_groups(&config)?;
    let mut out = std::io::stdout().lock();
    summary::write_summary(&config, &keys, choice, now, &mut out)?;
    build_tables(&config, &keys, &mut out)?;
    summary::write_backends(&config.backends, &mut out)?;
    summary::write_routes(&config, &mut out)?;
    writeln!(out, "keys")?;
    keys::write_table(&keys, now, &mut out)?;
    summary::write_memory(&config, keys.table_bytes(), &mut out)?;
    summary::write_warnings(&config, &mut out)?;
    for warning in host::warnings(&config, descriptors::highest_limit()) {
        writeln!(out, "warning: {warning}")?;
    }
    warn_of_keys_without_table(&keys, &mut out)?;
    survey_accounts(&config, &mut out)?;
    survey_registers(&config, &arguments.config, &mut out)
}

/// Reads the store of this node, or asks the members of etcd how they stand. What a gateway could not
/// start with is an error.
fn survey_accounts(config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
    match &config.accounts.store {
        AccountStore::Off => Ok(()),
        AccountStore::Local => {
            let file = local_file(config);
            if !file.exists() {
                writeln!(out, "accounts       {} is made at the first start", file.display())?;
                return Ok(());
            }
            let read = accounts::local::check(&file);
            read.map_err(|error| Failure::Unfit(format!("{}: {error}", file.display())))?;
            writeln!(out, "accounts       {} was read and is whole", file.display())?;
            Ok(())
        }
        AccountStore::Etcd(etcd) => survey_etcd(etcd, config, out),
    }
}

fn survey_etcd(etcd: &EtcdConfig, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
    let settings = etcd_settings(etcd, config);
    let settings = settings.map_err(|error| Failure::Unfit(format!("[accounts] {error}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::of("the system refused a runtime", &error))?;
    let reports = runtime.block_on(etcd::check(&settings));
    let counting = reports.iter().filter(|report| report.fault.is_none()).count();
    writeln!(out, "accounts       {counting} of {} members of etcd count", reports.len())?;
    for report in &reports {
        if let Some(fault) = &report.fault {
            writeln!(out, "warning: {}: {fault}", report.name)?;
        }
    }
    let mut clusters = reports.iter().map(|report| report.cluster).filter(|cluster| *cluster != 0);
    let first = clusters.next();
    if clusters.any(|cluster| Some(cluster) != first) {
        let text = "accounts.etcd: the members are not of one cluster";
        return Err(Failure::Unfit(text.to_owned()));
    }
    Ok(())
}

/// Asks the registers how they stand. One that cannot be reached is a warning, as the others may do
/// without it; one that may forget what it was told is an error.
fn survey_registers(config: &Config, file: &Path, out: &mut dyn Write) -> Result<(), Failure> {
    let Some(registers) = &config.replay.registers else { return Ok(()) };
    let failed = |error| Failure::of("cannot ask the registers", &error);
    let survey = registers::preflight(registers, &config.server.data_dir).map_err(failed)?;
    let all: usize = registers.groups.iter().map(Vec::len).sum();
    writeln!(out, "registers      {} of {all} may vote, epoch {}", survey.voting, registers.epoch)?;
    for warning in &survey.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    let lines = survey.refusals.iter().map(|sentence| format!("{}: {sentence}", file.display()));
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() { Ok(()) } else { Err(Failure::Unfit(lines.join("\n"))) }
}

/// Builds the tables as the gateway would, to see that it can, and how long it takes.
fn build_tables(config: &Config, keys: &KeySet, out: &mut dyn Write) -> Result<(), Failure> {
    let clock = Clock::system();
    let begun = clock.instant();
    let built = keys.build_tables(config.server.verify_table_bytes());
    let ms = begun.elapsed_ns(&clock) / 1_000_000;
    match built {
        Ok(0) => {}
        Ok(tables) => writeln!(out, "               {tables} tables built in {ms} ms")?,
        Err(error) => writeln!(out, "warning: verification tables cannot be built: {error}")?,
    }
    Ok(())
}

fn warn_of_keys_without_table(keys: &KeySet, out: &mut dyn Write) -> Result<(), Failure> {
    let (ready, wanted) = (keys.tables_ready(), keys.tabled().count());
    if keys.verifier().engine() != Engine::Reference && ready < wanted {
        writeln!(
            out,
            "warning: server.verify_table_mib is too small: {} of {wanted} keys have no table \
             and are verified slowly (p256)",
            wanted - ready
        )?;
    }
    Ok(())
}
