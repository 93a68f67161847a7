//! Reading configuration and keyring again: all of it, or nothing changes.

use std::path::PathBuf;

use keyring::{
    key_set::KeySet,
    store::{self, KeyringError},
    time::UnixMillis,
};

use crate::{
    config::{Config, DescriptorBudget},
    process::key_tables::Builder,
    snapshot::Snapshot,
    worker::Shared,
};
use sys::{
    descriptors,
    log::{self, Event, Field},
};

/// Knows where configuration and keyring come from.
#[derive(Debug)]
pub struct Reloader {
    config_file: PathBuf,
    tables: Builder,
}

impl Reloader {
    /// Reloads from `config_file`, and from the keyring that it names; `tables` is told.
    #[must_use]
    pub fn new(config_file: PathBuf, tables: Builder) -> Self {
        Self { config_file, tables }
    }

    /// Puts new configuration and keyring in force, or keeps the last good ones and says why.
    /// The sentence also goes to standard error, and the metrics show which digest runs.
    ///
    /// # Errors
    ///
    /// A sentence that names file, key and value.
    pub fn reload(&self, shared: &Shared) -> Result<String, String> {
        let outcome = self.load(shared);
        match &outcome {
            Ok(_) => {
                let current = shared.current.load();
                shared.metrics.reloaded(shared.clock.now());
                log::event_of(
                    Event::Reloaded,
                    &[
                        (Field::Configuration, &current.config().digest),
                        (Field::Keyring, &current.keys().digest()),
                    ],
                    format_args!("{}", describe(&current, shared.clock.now())),
                );
                let budget = DescriptorBudget::new(current.config(), descriptors::limit());
                if let Some(warning) = budget.warning() {
                    log::event(Event::DescriptorsFew, format_args!("{warning}"));
                }
            }
            Err(why) => {
                shared.metrics.reload_failed();
                shared.record.note_refused_reload(shared.clock.now(), why);
                let what = format_args!("the last good state stays in force: {why}");
                log::event(Event::ReloadRefused, what);
            }
        }
        outcome
    }

    fn load(&self, shared: &Shared) -> Result<String, String> {
        let config = Config::load(&self.config_file).map_err(|error| error.to_string())?;
        let in_force = shared.current.load();
        if let Some(what) = needs_restart(in_force.config(), &config) {
            return Err(format!("{what} changes only with a restart"));
        }
        let now = shared.clock.now();
        let keys = load_keys(&config).map_err(|why| why.to_string())?;
        // Revocations hold at once, though they leave no key: a stolen one must not go on.
        if !keys.revokes_usable_of(in_force.keys(), now) {
            assert_usable(&config, &keys, now).map_err(|why| why.to_string())?;
        }
        let keys = keys.succeeding(in_force.keys());
        let snapshot = Snapshot::new(config, keys, &shared.endpoints, &shared.metrics);
        let sentence = describe(&snapshot, now);
        log::set(snapshot.config().log);
        shared.endpoints.forget_others(snapshot.backends());
        let labels = snapshot.record_labels();
        shared.record.note_reload(shared.clock.now(), labels, in_force.keys(), snapshot.keys());
        shared.current.replace(snapshot);
        self.tables.wake();
        Ok(sentence)
    }
}

/// Why there are no keys to verify with.
#[derive(Debug, thiserror::Error)]
pub enum NoKeys {
    /// The keyring cannot be read, or is not right.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// It is right, and no key in it accepts a code now.
    #[error(
        "{}: no key accepts a code issued at {now}; needed: one that is active or retiring and \
         within its dates (yanma keys list --keyring {})",
        .dir.join(store::MANIFEST).display(),
        .dir.display()
    )]
    NoneUsable {
        /// The keyring's directory.
        dir: PathBuf,
        /// The time of issue that was tried.
        now: UnixMillis,
    },
    /// A route makes or takes passes, and no key makes any.
    #[error(
        "{}: a [[route]] takes passes, and no [[pass_secret]] is active; needed: one (yanma keys \
         pass-generate and pass-activate --keyring {})",
        .dir.join(store::MANIFEST).display(),
        .dir.display()
    )]
    NoneMakesPasses {
        /// The keyring's directory.
        dir: PathBuf,
    },
}

/// Reads the keyring that `config` names, for the environment that it names, if a code issued at
/// `now` could pass.
///
/// # Errors
/// [`NoKeys`], in a sentence that names file, key and value.
pub fn load_usable_keys(config: &Config, now: UnixMillis) -> Result<KeySet, NoKeys> {
    let keys = load_keys(config)?;
    assert_usable(config, &keys, now)?;
    Ok(keys)
}

fn load_keys(config: &Config) -> Result<KeySet, NoKeys> {
    let dir = &config.server.keyring;
    let keys = store::load(dir, Some(&config.server.environment))?;
    if config.takes_passes() && !keys.has_active_pass_key() {
        return Err(NoKeys::NoneMakesPasses { dir: dir.clone() });
    }
    Ok(keys)
}

fn assert_usable(config: &Config, keys: &KeySet, now: UnixMillis) -> Result<(), NoKeys> {
    if keys.usable_at(now) == 0 {
        return Err(NoKeys::NoneUsable { dir: config.server.keyring.clone(), now });
    }
    Ok(())
}

fn describe(snapshot: &Snapshot, now: UnixMillis) -> String {
    let keys = snapshot.keys();
    let usable = if keys.usable_at(now) == 0 { ", none of which accepts a code now" } else { "" };
    format!(
        "configuration {}, keyring {} with {} keys{usable}",
        snapshot.config().digest,
        keys.digest(),
        keys.iter().count()
    )
}

/// What was fixed at start and is different now.
fn needs_restart(old: &Config, new: &Config) -> Option<&'static str> {
    if old.listeners != new.listeners {
        return Some("[[listener]]");
    }
    if !old.admin.starts_like(&new.admin) {
        return Some("[admin] address or reload");
    }
    if old.codes.skew_ms != new.codes.skew_ms {
        return Some("[codes] skew_ms");
    }
    if old.replay != new.replay {
        return Some("[replay]");
    }
    if old.passes != new.passes {
        return Some("[passes]");
    }
    if old.has_passes_table() != new.has_passes_table() {
        return Some("whether any [[route]] takes passes or reserves opaque codes");
    }
    if !old.accounts.starts_like(&new.accounts) {
        return Some("[accounts] store, capacity or listen");
    }
    if old.record != new.record {
        return Some("[record]");
    }
    let (old, new) = (&old.server, &new.server);
    if old.workers != new.workers {
        return Some("[server] workers");
    }
    if old.environment != new.environment {
        return Some("[server] environment");
    }
    (old.data_dir != new.data_dir).then_some("[server] data_dir")
}
