//! `yanma-loadtest mint`: codes for other load generators.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::sync::watch;

use super::failure::{Failure, say};
use crate::clock;
use crate::judge::ledger::Ledger;
use crate::load::codes::Mill;
use crate::load::signer::Nonces;
use crate::report::float;
use crate::rng::Rng;
use crate::scenario::settings::Scenario;
use crate::site::Site;
use crate::site::active_keys::ActiveKeys;

const VALID: &str =
    "about = \"Valid codes.\"\n[[phase]]\nduration_s = 1\nrate = 1\n[mix]\nvalid = 1\n";
/// One write for many codes.
const BUFFER_BYTES: usize = 1 << 18;

const AFTER_HELP: &str = "\
A code lives 60 seconds and pays once. Its serial is 64 random bits and a count, so what several of \
these make never meets.

Example:
  yanma-loadtest mint --dir load --count 1000000 --time > codes.txt";

/// Make valid codes with the keys of a prepared directory, 255 digits a line
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// The directory that `prepare` made
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: u64,
    /// Say on standard error how many codes one core makes in a second
    #[arg(long)]
    time: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut mill = mill(&arguments.dir)?;
    let before_ns = clock::thread_cpu_ns();
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, std::io::stdout().lock());
    for _ in 0..arguments.count {
        out.write_all(mill.next_of_mix().text.as_bytes())?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    if arguments.time {
        let spent = Duration::from_nanos(clock::thread_cpu_ns().saturating_sub(before_ns).max(1));
        let rate = float(arguments.count) / spent.as_secs_f64();
        say(format_args!("{rate:.0} codes a second on one core"));
    }
    Ok(())
}

fn mill(dir: &Path) -> Result<Mill, Failure> {
    let site = Site::open(dir)?;
    let (_, active_keys) = watch::channel(Arc::new(ActiveKeys::read(&site)?));
    let scenario = Scenario::parse(Path::new("mint"), VALID)?;
    let ledger = Arc::new(Ledger::new(Rng::random().next_u64()));
    Ok(Mill::new(&scenario, active_keys, ledger, Nonces::new())?)
}
