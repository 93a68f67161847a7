//! The configuration: TOML in, a [`Config`] out whose every value is in its range.
//!
//! Strict: a key that is not known is an error, and all problems of a file are reported at once.
//! `config/gateway.toml` documents each key; the ranges are in [`crate::limits`].

mod address;
mod descriptors;
mod error;
mod place;
mod region;
mod sections;
mod table;
#[cfg(test)]
mod tests;
pub mod warnings;

use std::fmt;
use std::io::Read;
use std::path::Path;

use ::replay::Store;
use ::replay::directory::Settings as DirectorySettings;
use keyring::text;
use keyring::verify::TimeRules;
use sha2::{Digest as _, Sha256};

pub use self::address::{Address, Endpoint, EndpointAddress};
pub use self::descriptors::Budget as DescriptorBudget;
pub use self::error::{ConfigError, Problem};
pub use self::region::RegionPrefix;
pub use self::sections::accounts::writer::{Right, Rights, TokenDigest, WriterConfig};
pub use self::sections::accounts::{AccountStore, AccountsConfig, EtcdConfig, WhenStale};
pub use self::sections::backend::BackendConfig;
pub use self::sections::passes::PassesConfig;
pub use self::sections::replay::ReplayConfig;
pub use self::sections::retry::RetryConfig;
pub use self::sections::route::message::{InfnoConfig, MessageConfig, MessageRule, Places};
pub use self::sections::route::rule::{CodeUse, MinAuth, Opaque, PassUse, RuleConfig};
pub use self::sections::route::{RouteConfig, all_methods, is_served};
pub use self::sections::server::{AdminConfig, Limits, ListenerConfig, ServerConfig, Timeouts};
pub use self::sections::status::StatusConfig;
pub use self::sections::trace::TraceConfig;
use self::table::{Source, Table};
use crate::limits;
pub use crate::web::guard::HostName;

/// A whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The process: environment, workers, directories, drain.
    pub server: ServerConfig,
    /// Where clients connect: at least one.
    pub listeners: Vec<ListenerConfig>,
    /// The admin listener.
    pub admin: AdminConfig,
    /// How long codes live. Changes only at start.
    pub codes: TimeRules,
    /// What remembers spent codes.
    pub replay: ReplayConfig,
    /// What is kept for those who ask again.
    pub retry: RetryConfig,
    /// The passes of visits. Changes only at start.
    pub passes: PassesConfig,
    /// What is known of accounts, and who may change it.
    pub accounts: AccountsConfig,
    /// Where clients ask what became of a code or pass.
    pub status: Option<StatusConfig>,
    /// The decision record. Changes only at start.
    pub record: ::record::Settings,
    /// What the lines of the log are, and which are written.
    pub log: sys::log::Settings,
    /// Spans of ours in the traces of others.
    pub trace: TraceConfig,
    /// What clients may use up.
    pub limits: Limits,
    /// How long clients may take.
    pub timeouts: Timeouts,
    /// Where requests go: at least one.
    pub backends: Vec<BackendConfig>,
    /// Which requests go where, and what they need: at least one.
    pub routes: Vec<RouteConfig>,
    /// Names this text among others.
    pub digest: Digest,
    /// What the readers found that is allowed and yet looks like a mistake.
    notes: Vec<String>,
}

impl Config {
    /// Reads and checks a file; relative paths in it are relative to its directory.
    ///
    /// # Errors
    /// The file cannot be read, is no TOML, or has problems: all of them, a line each.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path)?;
        Self::parse(&text, path.parent().unwrap_or(Path::new("")), path)
    }

    /// Checks a text. `base` is what relative paths are relative to, `file` names the text in
    /// errors.
    ///
    /// # Errors
    /// The text is no TOML, or has problems: all of them, a line each.
    pub fn parse(text: &str, base: &Path, file: &Path) -> Result<Self, ConfigError> {
        let document = table::document(text, file)?;
        let source = Source::new(text, base);
        let mut config = Self::read(&mut Table::root(&source, document.get_ref()), text);
        config.notes = source.notes();
        source.into_result(config, file)
    }

    /// What the data directory is opened with.
    pub fn data_directory(&self) -> DirectorySettings {
        DirectorySettings {
            dir: self.server.data_dir.clone(),
            capacity: self.replay.capacity,
            passes: self.has_passes_table().then_some(self.passes.capacity),
            skew_ms: self.codes.skew_ms,
            store: match self.replay.registers {
                Some(_) => Store::Registers,
                None => Store::Local,
            },
        }
    }

    /// Whether any route makes, opens or spends passes.
    pub fn takes_passes(&self) -> bool {
        self.routes.iter().flat_map(RouteConfig::rules).any(RuleConfig::takes_passes)
    }

    /// Whether there is a table of passes: reservations of opaque codes stand in it too.
    pub fn has_passes_table(&self) -> bool {
        let mut rules = self.routes.iter().flat_map(RouteConfig::rules);
        rules.any(|rule| rule.takes_passes() || rule.opaque == Opaque::Reserve)
    }

    /// What could not be read stands at its default; the source then holds a problem.
    fn read(root: &mut Table<'_>, text: &str) -> Self {
        let server = ServerConfig::read(&mut root.table("server"));
        let listeners = sections::server::listeners(root);
        let admin = AdminConfig::read(&mut root.table("admin"), &listeners);
        let codes = time_rules(&mut root.table("codes"));
        let replay = ReplayConfig::read(&mut root.table("replay"));
        let passes = PassesConfig::read(&mut root.table("passes"));
        let accounts = &mut root.table("accounts");
        let accounts = AccountsConfig::read(accounts, &server.data_dir, &listeners, &admin);
        let retry = RetryConfig::read(&mut root.table("retry"));
        let record = sections::record::read(&mut root.table("record"), &server.data_dir);
        let log = sections::log::read(&mut root.table("log"));
        let trace = TraceConfig::read(&mut root.table("trace"));
        let limits = Limits::read(&mut root.table("limits"));
        let timeouts = Timeouts::read(&mut root.table("timeouts"));
        let backends = sections::backend::read_all(root);
        let routes = sections::route::read_all(root, &backends);
        let status = StatusConfig::read(root, &routes);
        root.finish();
        Self {
            server,
            listeners,
            admin,
            codes,
            replay,
            passes,
            retry,
            accounts,
            status,
            record,
            log,
            trace,
            limits,
            timeouts,
            backends,
            routes,
            digest: Digest::of(text),
            notes: Vec::new(),
        }
    }
}

/// Eight bytes of the SHA-256 of a configuration's text: `yanma_config_info` shows which runs.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Digest([u8; 8]);

impl Digest {
    fn of(text: &str) -> Self {
        let whole: [u8; 32] = Sha256::digest(text).into();
        Self(*whole.first_chunk().expect("32 bytes hold 8"))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(limits::CONFIG_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| ConfigError::unreadable(path, error))?;
    if u64::try_from(bytes.len()).is_ok_and(|bytes| bytes <= limits::CONFIG_BYTES_MAX) {
        text::read_toml(bytes).map_err(|error| ConfigError::of_file(path, error.to_string()))
    } else {
        let max = limits::CONFIG_BYTES_MAX;
        Err(ConfigError::of_file(path, format!("the file must have at most {max} bytes")))
    }
}

fn time_rules(table: &mut Table<'_>) -> TimeRules {
    let rules = TimeRules {
        skew_ms: table.number("skew_ms", limits::SKEW_MS),
        display_days: table.number("display_days", limits::DISPLAY_DAYS),
    };
    table.finish();
    rules
}
