//! All that is held, in and out: some thousand lines a request.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
};

use clap::Args;
use http::Method;
use http_body_util::BodyExt as _;
use serde_json::Value;
use sys::log;

use super::api::{Answered, Api, At, told};
use crate::cli::failure::Failure;
use clock::Clock;

/// Lines of one request: about half of what the API takes.
const LINES: usize = 5_000;
/// How often the progress is told.
const TELL_NS: u64 = 1_000_000_000;

#[derive(Args)]
pub(super) struct Import {
    /// Lines of an export
    file: PathBuf,
    /// Begin at this line, counted from 1: where an earlier import ended
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    from_line: u64,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(super) struct Export {
    #[command(flatten)]
    at: At,
}

pub(super) async fn import(task: &Import) -> Result<(), Failure> {
    let name = task.file.display();
    let file = File::open(&task.file).map_err(|error| Failure::of(&name, &error))?;
    let mut lines = BufReader::new(file).split(b'\n').skip(skipped(task.from_line));
    let mut api = Api::connect(&task.at).await?;
    let (clock, mut next, mut changed) = (Clock::system(), task.from_line.max(1), 0);
    let begun = clock.instant();
    let mut told_ns = 0;
    loop {
        let (mut body, mut count) = (Vec::new(), 0_u64);
        for line in lines.by_ref().take(LINES) {
            body.extend(line.map_err(|error| Failure::of(&name, &error))?);
            body.push(b'\n');
            count += 1;
        }
        if count == 0 {
            break;
        }
        let merged = api.ask_for(Method::POST, "/accounts/import", body).await;
        let merged = merged.map_err(|failure| {
            Failure::Other(format!("{failure}; go on with --from-line {next}"))
        })?;
        changed += merged.get("changed").and_then(Value::as_u64).unwrap_or(0);
        next += count;
        let ns = begun.elapsed_ns(&clock);
        if ns - told_ns >= TELL_NS {
            told_ns = ns;
            let lines = next - task.from_line.max(1);
            log::text(&format!("{lines} lines, {} a second\n", lines * 1_000 / (ns / 1_000_000)));
        }
    }
    let lines = next - task.from_line.max(1);
    writeln!(std::io::stdout(), "{lines} lines merged, {changed} entries changed")?;
    Ok(())
}

fn skipped(from_line: u64) -> usize {
    usize::try_from(from_line.saturating_sub(1)).unwrap_or(usize::MAX)
}

pub(super) async fn export(task: &Export) -> Result<(), Failure> {
    let mut api = Api::connect(&task.at).await?;
    let response = match api.ask(Method::GET, "/accounts/export", "").await? {
        Answered::Done(response) => response,
        Answered::Refused(problem) => return Err(told(&problem)),
    };
    let mut body = response.into_body();
    let mut out = std::io::stdout().lock();
    while let Some(frame) = body.frame().await {
        let broke = |error| Failure::Other(format!("the export broke off ({error})"));
        if let Ok(data) = frame.map_err(broke)?.into_data() {
            out.write_all(&data)?;
        }
    }
    out.flush()?;
    Ok(())
}
