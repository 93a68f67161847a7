//! `yanma audit key`: the key that subjects are hashed with.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::Failure;
use record::SubjectKey;

/// Make the key that subjects are hashed with; all nodes get the same one
#[derive(Args)]
pub(super) struct Arguments {
    /// Where it is written, mode 0600; never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Arguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        SubjectKey::generate(&self.out).map_err(|error| Failure::Other(error.to_string()))?;
        writeln!(
            io::stdout(),
            "{}: made. Copy it to every node and name it there: [record] subject_key = \"...\". \
             Who has it can find out whose decision a line is.",
            self.out.display()
        )?;
        Ok(())
    }
}
