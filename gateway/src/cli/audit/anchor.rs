//! `yanma audit anchor`: the last hash of each chain, to be kept elsewhere.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::Failure;
use record::offline::{anchors, find};
use sys::log;

const AFTER_HELP: &str = "\
Each line of the record holds the hash of the line before it. So one hash, kept where those who can \
write the record cannot write, proves all lines before it. Without it all files could be written \
anew, with hashes that fit. Once a day, and before files are archived:

  yanma audit anchor data/record >> /elsewhere/anchors        (or by mail, to another team)
  yanma audit reconcile data/record --anchor /elsewhere/anchors

A line is: time, node, process, number of the line, its hash, file. It holds nothing of a person. It \
says what the files are now: run `yanma audit reconcile` first.";

/// Print the last hash of each chain, to be kept elsewhere: it shows a record that was written anew
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Files of the record, or directories that hold them
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// A line of JSON for each; `reconcile --anchor` reads both
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let files = find(&self.files).map_err(Failure::Other)?;
        let made = anchors(&files);
        let (anchors, without) =
            made.map_err(|(path, error)| Failure::of(path.display(), &error))?;
        let mut out = BufWriter::new(io::stdout().lock());
        for anchor in &anchors {
            match self.json {
                true => writeln!(out, "{}", anchor.to_json())?,
                false => writeln!(out, "{anchor}")?,
            }
        }
        out.flush()?;
        for path in &without {
            log::notice(format_args!(
                "warning: {}: it ends with no sound line of the record, so it gets no anchor; yanma \
                 audit reconcile says more",
                path.display()
            ));
        }
        if anchors.is_empty() {
            return Err(Failure::Other("no file ends with a line of the record".to_owned()));
        }
        Ok(())
    }
}
