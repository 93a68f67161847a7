//! Yanma beside other proxies, in one run on one machine: see `benches/compare/run`.
//!
//! The proxy has core 0 to itself; load and backend share core 1. What is compared is the CPU time
//! that a proxy's threads took, divided by the requests answered: on a shared machine that is far
//! steadier than requests a second. Rounds go over all rows in turn, and a row's figure is the
//! median of its rounds.

mod load;
mod row;
mod table;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::load::Figures;
use crate::row::Row;
use crate::table::Line;
use benches::site::Site;

/// Measures proxies side by side and prints one table.
#[derive(Parser)]
struct Arguments {
    /// The directory of the peers' configurations.
    #[arg(long)]
    config: PathBuf,
    /// Where the programs of this project are.
    #[arg(long)]
    programs: PathBuf,
    /// A directory that is made anew for the run.
    #[arg(long)]
    work: PathBuf,
    /// How often each row is measured.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds of load a round.
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Connections of the load.
    #[arg(long, default_value_t = 32)]
    connections: u32,
    /// Only rows of this name.
    #[arg(long)]
    only: Vec<String>,
    /// Where the table goes as Markdown.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Where the chart goes as SVG.
    #[arg(long)]
    svg: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let site = Site::make(&arguments.work, &arguments.config, &arguments.programs)?;
    site.make_tokens()?;
    let _backend = site.start_backend()?;
    let wanted = |row: &Row| {
        arguments.only.is_empty() || arguments.only.iter().any(|name| row.name() == name)
    };
    let rows: Vec<Row> = Row::all().filter(wanted).filter(|row| row.is_there(&site)).collect();
    let sharing = rows.iter().find(|row| row.needs_registers());
    let _registers = match sharing {
        Some(_) => site.start_registers()?,
        None => Vec::new(),
    };
    if let Some(row) = sharing {
        row.introduce(&site)?;
    }
    let mut rounds: Vec<Vec<Figures>> = rows.iter().map(|_| Vec::new()).collect();
    for round in 1..=arguments.rounds {
        for (row, figures) in rows.iter().zip(&mut rounds) {
            eprint!("\rround {round} of {}: {:<40}", arguments.rounds, row.name());
            figures.push(row.measure(&site, arguments.seconds, arguments.connections)?);
        }
    }
    eprint!("\r{:<70}\r", "");
    let lines: Vec<Line> = rows.iter().zip(&rounds).map(|(row, all)| Line::new(row, all)).collect();
    print!("{}", table::text(&lines));
    if let Some(path) = &arguments.markdown {
        std::fs::write(path, table::markdown(&lines))?;
    }
    if let Some(path) = &arguments.svg {
        std::fs::write(path, table::chart(&lines))?;
    }
    Ok(())
}
