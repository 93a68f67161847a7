//! `yanma keys`: the keys ceremony.

mod directory;
mod pass;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use keyring::ceremony::{self, NewKey};
use keyring::code::KeyId;
use keyring::key::{Channel, IssuerKey, KeyState};
use keyring::key_set::KeySet;
use keyring::time::UnixMillis;

use self::directory::Keyring;
use self::pass::PassCeremony;
use crate::cli::failure::Failure;
use clock::Clock;

const MS_PER_DAY: i64 = 86_400_000;

const AFTER_HELP: &str = "\
The life of a key:
  generate              both halves are made here; active at once
  add                   an issuer's public key; announced: known everywhere, not yet accepted
  activate              its codes are accepted
  retire                its codes are still accepted, no more are made
  revoke                refused at once and for ever, whatever its dates
  remove                when its last code is over; the id stays taken

The keys of passes, which the gateways make themselves, live the same way:
  pass-generate         a new secret; announced: its passes open everywhere, none is made yet
  pass-activate         passes are made with it; the one before retires
  pass-remove           15 minutes after the last gateway has taken up the change

Running gateways take up a change at the next SIGHUP or POST /reload.";

/// Make, add, activate, retire, revoke and list issuer keys and pass keys
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    ceremony: Ceremony,
}

#[derive(Subcommand)]
enum Ceremony {
    /// Make a key pair: the public half goes into the keyring, the private half to a file
    Generate(Generate),
    /// Take in an issuer's public key, as announced
    Add(Add),
    /// Accept codes of a key
    Activate(One),
    /// Accept codes of a key still, but let no more be made
    Retire(One),
    /// Refuse all codes of a key, at once and for ever
    Revoke(One),
    /// Take a key out of the keyring; its id is never given to another key
    Remove(Remove),
    /// Show all keys, their states and how long they last
    List(List),
    /// Write the seal key that an issuer is given with its key id
    ExportSealKey(ExportSealKey),
    #[command(flatten)]
    Pass(PassCeremony),
}

#[derive(Args)]
struct One {
    #[command(flatten)]
    keyring: Keyring,
    /// Which key
    #[arg(long, value_name = "ID")]
    key_id: KeyId,
}

/// What the keyring says of a new key.
#[derive(Args)]
struct New {
    #[command(flatten)]
    keyring: Keyring,
    /// The new key's id, 1 to 4294967295; one that no key has or had
    #[arg(long, value_name = "ID")]
    key_id: KeyId,
    /// Whose app shows the codes: wechat, alipay, nhsa-app, a province's app
    #[arg(long, value_name = "NAME")]
    channel: Channel,
    /// Where the key belongs; a gateway takes only keys of its own environment
    #[arg(long, value_name = "NAME", default_value = "production")]
    environment: String,
    /// First moment at which codes may be issued, RFC 3339 or Unix seconds [default: now]
    #[arg(long, value_name = "TIME")]
    not_before: Option<UnixMillis>,
    /// First moment at which they may no longer [default: 365 days later]
    #[arg(long, value_name = "TIME")]
    not_after: Option<UnixMillis>,
}

#[derive(Args)]
struct Generate {
    #[command(flatten)]
    new: New,
    /// Where the private key is written, mode 0600; outside of the keyring, never overwritten
    #[arg(long, value_name = "FILE")]
    signing_key: PathBuf,
}

#[derive(Args)]
struct Add {
    #[command(flatten)]
    new: New,
    /// The issuer's public key: SPKI PEM or JWK, P-256
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
    /// A code that the issuer made with the new key and its seal key: proves that both are right
    #[arg(long, value_name = "DIGITS")]
    proof: Option<String>,
}

#[derive(Args)]
struct Remove {
    #[command(flatten)]
    one: One,
    /// Remove it although its display codes may still be shown
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    keyring: Keyring,
}

#[derive(Args)]
struct ExportSealKey {
    #[command(flatten)]
    one: One,
    /// Where it is written, mode 0600; outside of the keyring, never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let now = Clock::system().now();
    let done = match &arguments.ceremony {
        Ceremony::Generate(generate) => generate.run(now)?,
        Ceremony::Add(add) => add.run(now)?,
        Ceremony::Activate(one) => one.set(KeyState::Active)?,
        Ceremony::Retire(one) => one.set(KeyState::Retiring)?,
        Ceremony::Revoke(one) => one.set(KeyState::Revoked)?,
        Ceremony::Remove(remove) => remove.run(now)?,
        Ceremony::ExportSealKey(export) => export.run()?,
        Ceremony::List(list) => {
            let keys = ceremony::list(&list.keyring.dir)?;
            return write_table(&keys, now, &mut std::io::stdout().lock());
        }
        Ceremony::Pass(ceremony) => return ceremony.run(&mut std::io::stdout().lock()),
    };
    writeln!(std::io::stdout(), "{done}")?;
    Ok(())
}

impl New {
    fn key(&self, now: UnixMillis) -> NewKey<'_> {
        NewKey {
            id: self.key_id,
            channel: self.channel,
            environment: &self.environment,
            now,
            not_before: self.not_before,
            not_after: self.not_after,
        }
    }
}

impl Generate {
    fn run(&self, now: UnixMillis) -> Result<String, Failure> {
        let New { keyring, key_id, .. } = &self.new;
        ceremony::generate(&keyring.dir, &self.new.key(now), &self.signing_key)?;
        Ok(format!("key {key_id} is active; its private half is {}", self.signing_key.display()))
    }
}

impl Add {
    fn run(&self, now: UnixMillis) -> Result<String, Failure> {
        let New { keyring, key_id, .. } = &self.new;
        let proof = self.proof.as_ref().map(String::as_bytes);
        ceremony::add(&keyring.dir, &self.new.key(now), &self.public_key, proof)?;
        let proven = if proof.is_some() { ", and the proof holds" } else { "" };
        Ok(format!("key {key_id} is announced{proven}; next: yanma keys activate"))
    }
}

impl One {
    fn set(&self, state: KeyState) -> Result<String, Failure> {
        ceremony::set_state(&self.keyring.dir, self.key_id, state)?;
        Ok(format!("key {} is {state}; gateways know at their next reload", self.key_id))
    }
}

impl Remove {
    fn run(&self, now: UnixMillis) -> Result<String, Failure> {
        let One { keyring, key_id } = &self.one;
        ceremony::remove(&keyring.dir, *key_id, now, self.force)?;
        Ok(format!("key {key_id} is removed; no other key will have its id"))
    }
}

impl ExportSealKey {
    fn run(&self) -> Result<String, Failure> {
        let One { keyring, key_id } = &self.one;
        ceremony::export_seal_key(&keyring.dir, *key_id, &self.out)?;
        Ok(format!("the seal key of key {key_id} is {}", self.out.display()))
    }
}

/// One line a key. "Days left" counts down to the end of what the key may issue.
pub(super) fn write_table(
    keys: &KeySet,
    now: UnixMillis,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let width = keys.iter().map(|key| key.channel().as_str().len()).max().unwrap_or(0).max(7);
    writeln!(
        out,
        "{:>10}  {:<width$}  {:<9}  {:<9}  {:<24}  {:<24}  {:>9}  ENVIRONMENT",
        "KEY", "CHANNEL", "ALGORITHM", "STATE", "NOT BEFORE", "NOT AFTER", "DAYS LEFT",
    )?;
    for key in keys.iter() {
        writeln!(
            out,
            "{:>10}  {:<width$}  {:<9}  {:<9}  {:<24}  {:<24}  {:>9}  {}",
            key.id().to_string(),
            key.channel().as_str(),
            key.algorithm(),
            key.state(),
            key.not_before().to_string(),
            key.not_after().to_string(),
            days_left(key, now),
            key.environment(),
        )?;
    }
    Ok(())
}

fn days_left(key: &IssuerKey, now: UnixMillis) -> String {
    if key.state() == KeyState::Revoked {
        return "-".to_owned();
    }
    match key.not_after().ms_since(now) {
        ..=0 => "over".to_owned(),
        left_ms => (left_ms / MS_PER_DAY).to_string(),
    }
}

#[cfg(test)]
mod tests;
