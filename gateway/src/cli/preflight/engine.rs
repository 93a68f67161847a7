//! Which engine verifies: the fastest that this CPU has, or the one that `YANMA_VERIFY` names.

use std::sync::Arc;

use keyring::suite::{Engine, Verifier};

use crate::cli::failure::Failure;
use crate::process::key_tables;

/// Names an engine: for comparing, and for getting out of trouble.
const VARIABLE: &str = "YANMA_VERIFY";

/// The engine, and whether it was forced.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(in crate::cli) struct Choice {
    pub(in crate::cli) engine: Engine,
    forced: bool,
}

impl Choice {
    /// What the environment says.
    pub(in crate::cli) fn of_environment() -> Result<Self, Failure> {
        let Some(word) = std::env::var_os(VARIABLE) else {
            return Ok(Self { engine: Engine::best(), forced: false });
        };
        let engine = word.to_string_lossy().parse::<Engine>();
        let engine = engine.map_err(|error| unfit(&error))?;
        if !engine.is_available() {
            return Err(unfit(&keyring::suite::NotOnThisCpu));
        }
        Ok(Self { engine, forced: true })
    }

    /// The verifier of this process.
    pub(in crate::cli) fn verifier(self) -> Result<Arc<Verifier>, Failure> {
        let verifier = Verifier::new(self.engine, key_tables::report_mismatch);
        Ok(Arc::new(verifier.map_err(|error| unfit(&error))?))
    }
}

fn unfit(error: &dyn std::error::Error) -> Failure {
    Failure::Unfit(format!("environment variable {VARIABLE}: {error}"))
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.engine {
            Engine::Ifma => "tables and AVX-512 IFMA, eight signatures at once",
            Engine::Portable => "tables, one signature at a time",
            Engine::Reference => "the p256 crate, without tables",
        };
        let why = if self.forced { ", forced by YANMA_VERIFY" } else { "" };
        write!(f, "{} ({what}{why})", self.engine)
    }
}
