//! `yanma keys pass-…`: the keys that gateways make passes with.

use std::io::Write;

use clap::{Args, Subcommand};
use keyring::ceremony::{self, pass};
use keyring::key_set::KeySet;
use keyring::pass::{LIFE_S_MAX, PassKeyId, PassKeyState};

use super::directory::Keyring;
use crate::cli::failure::Failure;

#[derive(Subcommand)]
pub(super) enum PassCeremony {
    /// Make a pass key in the keyring, as announced: its passes open, none is made yet
    #[command(name = "pass-generate")]
    Generate(Generate),
    /// Make passes with a pass key; the one that is active now retires
    #[command(name = "pass-activate")]
    Activate(One),
    /// Make no more passes with the active pass key; those that it made still open
    #[command(name = "pass-retire")]
    Retire(One),
    /// Open no pass of a pass key, at once and for ever
    #[command(name = "pass-revoke")]
    Revoke(One),
    /// Take a pass key that is not active out of the keyring
    #[command(name = "pass-remove")]
    Remove(One),
    /// Show all pass keys and what each serves for
    #[command(name = "pass-list")]
    List(List),
}

#[derive(Args)]
pub(super) struct Generate {
    #[command(flatten)]
    keyring: Keyring,
    /// The new pass key's id, 1 to 15 [default: the one after the highest; 1 after 15]
    #[arg(long, value_name = "ID")]
    pass_key_id: Option<PassKeyId>,
}

#[derive(Args)]
pub(super) struct One {
    #[command(flatten)]
    keyring: Keyring,
    /// Which pass key
    #[arg(long, value_name = "ID")]
    pass_key_id: PassKeyId,
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    keyring: Keyring,
}

impl PassCeremony {
    /// Does it, and writes what was done and what comes next.
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let done = match self {
            Self::Generate(generate) => generate.run()?,
            Self::Activate(one) => one.activate()?,
            Self::Retire(one) => one.retire()?,
            Self::Revoke(one) => one.revoke()?,
            Self::Remove(one) => one.remove()?,
            Self::List(list) => return write_table(&ceremony::list(&list.keyring.dir)?, out),
        };
        writeln!(out, "{done}")?;
        Ok(())
    }
}

impl Generate {
    fn run(&self) -> Result<String, Failure> {
        let id = pass::generate(&self.keyring.dir, self.pass_key_id)?;
        Ok(format!(
            "pass key {id} is announced; next: give the keyring to every gateway, reload them, and \
             then: yanma keys pass-activate --pass-key-id {id}"
        ))
    }
}

impl One {
    fn activate(&self) -> Result<String, Failure> {
        let id = self.pass_key_id;
        let before = pass::activate(&self.keyring.dir, id)?;
        let done = format!("pass key {id} is active; gateways know at their next reload");
        Ok(match before {
            None => done,
            Some(before) => format!(
                "{done}. Pass key {before} is retiring, and its passes still open; remove it {} \
                 after the last gateway has reloaded",
                life(),
            ),
        })
    }

    fn retire(&self) -> Result<String, Failure> {
        let dir = &self.keyring.dir;
        pass::retire(dir, self.pass_key_id)?;
        let done = format!("pass key {} is retiring", self.pass_key_id);
        Ok(if ceremony::list(dir)?.has_active_pass_key() {
            format!("{done}; gateways know at their next reload")
        } else {
            format!(
                "{done}, and no pass key is active: gateways whose routes make or take passes \
                 refuse this keyring until one is (yanma keys pass-activate)"
            )
        })
    }

    fn revoke(&self) -> Result<String, Failure> {
        pass::revoke(&self.keyring.dir, self.pass_key_id)?;
        Ok(format!(
            "pass key {} is revoked; its passes are refused once gateways reload",
            self.pass_key_id
        ))
    }

    fn remove(&self) -> Result<String, Failure> {
        let file = pass::remove(&self.keyring.dir, self.pass_key_id)?;
        Ok(format!(
            "pass key {} is removed; {} after the last gateway has reloaded no pass of it lives. \
             Then delete {}, which makes its id free",
            self.pass_key_id,
            life(),
            file.display(),
        ))
    }
}

/// How long a pass lives at most.
fn life() -> String {
    format!("{} minutes", LIFE_S_MAX / 60)
}

/// One line a key.
fn write_table(keys: &KeySet, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "{:>8}  {:<9}  ITS PASSES", "PASS KEY", "STATE")?;
    for (id, state) in keys.pass_keys() {
        let serves_for = match state {
            PassKeyState::Announced => "open; none is made yet",
            PassKeyState::Active => "are made, and open",
            PassKeyState::Retiring => "open; no more are made",
            PassKeyState::Revoked => "are refused",
        };
        writeln!(out, "{:>8}  {state:<9}  {serves_for}", id.get())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
