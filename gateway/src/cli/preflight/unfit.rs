//! Why a configuration that is right in itself may not be run.

use std::path::Path;

use crate::cli::failure::Failure;
use crate::config::Config;
use record::SubjectKey;

/// The environment of keys with which every person can make codes.
pub(in crate::cli) const SANDBOX: &str = "sandbox";

/// Sees that the record's key can be read: what is wrong with it is wrong with the configuration.
pub(in crate::cli) fn check_subject_key(config: &Config) -> Result<(), Failure> {
    let key = config.record.subject_key.as_deref().filter(|_| config.record.enabled);
    let read = key.map(SubjectKey::read).transpose();
    read.map_err(|error| Failure::Unfit(format!("[record] subject_key: {error}"))).map(drop)
}

/// In the sandbox every person can make codes, so no money may depend on them.
pub(in crate::cli) fn refuse_sandbox(config: &Config, file: &Path) -> Result<(), Failure> {
    if config.server.environment != SANDBOX {
        return Ok(());
    }
    Err(Failure::Unfit(format!(
        "{}: server.environment = \"{SANDBOX}\" is for `yanma sandbox` alone; allowed here: any \
         other name, such as \"production\", with keys of that environment",
        file.display()
    )))
}
