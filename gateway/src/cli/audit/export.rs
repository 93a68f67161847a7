//! `yanma audit export`: decisions of sampled traces as spans, for a collector.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use keyring::time::UnixMillis;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::cli::failure::Failure;
use crate::refusal::Refusal;
use record::offline::{Facts, SearchError, Tail, find, span};
use sys::log;

/// How long nothing is read when there was nothing new.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

const AFTER_HELP: &str = "\
One line of JSON a span, as the receiver `otlpjsonfile` of the OpenTelemetry collector reads it. A \
decision has a span where [trace] spans = true and the client's traceparent said sampled; others \
are left out. Nothing of a person is in it. The span's id is the one that the backend got as its \
parent.

  yanma audit export --otlp data/record >spans.jsonl
  yanma audit export --otlp --follow --from $(date +%s) data/record >>/var/log/yanma/spans.jsonl

With --follow it goes on until it is interrupted or its reader is gone. It looks for new lines and \
new files five times a second. Started anew it begins at the first line again: --from leaves out \
what was shown before.";

/// Show decisions of sampled traces as OpenTelemetry spans
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Files of the record, or directories that hold them
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// OTLP as JSON, a line each: the only format
    #[arg(long)]
    otlp: bool,
    /// Go on with what is written from now on, in new files too
    #[arg(long)]
    follow: bool,
    /// Not before this moment, RFC 3339 or Unix seconds
    #[arg(long, value_name = "TIME")]
    from: Option<UnixMillis>,
}

impl Arguments {
    pub(super) fn run(&self) -> Result<(), Failure> {
        if !self.otlp {
            return Err(Failure::Usage("in which format? --otlp is the only one".to_owned()));
        }
        if !self.follow {
            find(&self.files).map_err(Failure::Other)?;
        }
        let mut tail = Tail::new(&self.files).map_err(Failure::Other)?;
        let mut out = BufWriter::new(io::stdout().lock());
        loop {
            let looked = tail.look(|line| match self.span_of(line) {
                Some(span) => writeln!(out, "{span}"),
                None => Ok(()),
            });
            looked.map_err(|error| match error {
                SearchError::Read(path, error) => Failure::of(path.display(), &error),
                SearchError::Show(error) => Failure::Output(error),
            })?;
            out.flush()?;
            if !self.follow {
                break;
            }
            wait()?;
        }
        if tail.unreadable() > 0 {
            log::notice(format_args!(
                "{} lines could not be read; yanma audit reconcile says which",
                tail.unreadable()
            ));
        }
        Ok(())
    }

    fn span_of(&self, line: &Facts<'_>) -> Option<String> {
        let is_asked = self.from.is_none_or(|from| line.is_from(from));
        is_asked.then(|| span(line, is_fault)).flatten()
    }
}

/// Whether a refusal's reason is the gateway's or a backend's fault: its own status is 5xx.
fn is_fault(reason: &str) -> bool {
    let known = Refusal::ALL.into_iter().find(|refusal| refusal.reason() == reason);
    known.is_some_and(|refusal| refusal.status().is_server_error())
}

/// Waits for a moment. It is an error if the reader of standard output is gone: else a process that has
/// nothing to write would never notice.
fn wait() -> io::Result<()> {
    let stdout = io::stdout();
    // These two are told without being asked for.
    let mut reader = [PollFd::new(&stdout, PollFlags::empty())];
    match poll(&mut reader, Some(&PAUSE)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => Ok(()),
        Ok(_) => Err(io::ErrorKind::BrokenPipe.into()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_did_is_no_fault() {
        for (reason, is) in [
            ("code_used", false),
            ("outcome_unknown", true),
            ("overloaded", true),
            ("approved", false),
            ("a later version's", false),
        ] {
            assert_eq!(is_fault(reason), is, "{reason}");
        }
    }
}
