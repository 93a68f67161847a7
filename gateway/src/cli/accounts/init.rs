//! A new life of an etcd store: without one no node admits anything.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
};

use accounts::entry::Entry;
use clap::Args;
use clock::Clock;
use keyring::code::Subject;

use crate::cli::failure::Failure;
use crate::config::{AccountStore, Config};
use crate::process::accounts::etcd_settings;
use crate::writing::line;

#[derive(Args)]
pub(super) struct Init {
    /// Configuration: which members, and the files of TLS
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Lines of an export that are merged first: what was changed since the snapshot was taken
    #[arg(long, value_name = "EXPORT")]
    from: Option<PathBuf>,
}

pub(super) async fn init(task: &Init) -> Result<(), Failure> {
    let config = Config::load(&task.config)?;
    let AccountStore::Etcd(etcd) = &config.accounts.store else {
        let text = "accounts.store is not \"etcd\": the store of one node needs no init";
        return Err(Failure::Unfit(text.to_owned()));
    };
    let settings = etcd_settings(etcd, &config);
    let settings = settings.map_err(|error| Failure::Unfit(format!("[accounts] {error}")))?;
    let entries = task.from.as_deref().map(read).transpose()?.unwrap_or_default();
    let begun = etcd::init(&settings, entries, &Clock::system()).await;
    let begun = begun.map_err(|error| Failure::Other(error.to_string()))?;
    let (life, merged) = (begun.life, begun.merged);
    writeln!(std::io::stdout(), "life {life}: {merged} entries merged; each node loads it")?;
    Ok(())
}

fn read(path: &Path) -> Result<Vec<(Subject, Entry)>, Failure> {
    let name = path.display();
    let file = File::open(path).map_err(|error| Failure::of(&name, &error))?;
    let lines = BufReader::new(file).split(b'\n').enumerate();
    let entry = |(i, text): (usize, std::io::Result<Vec<u8>>)| {
        let text = text.map_err(|error| Failure::of(&name, &error))?;
        line::parse(&text).map_err(|why| Failure::Other(format!("{name}: line {}: {why}", i + 1)))
    };
    lines.map(entry).collect()
}
