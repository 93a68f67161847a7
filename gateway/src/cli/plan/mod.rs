//! `yanma plan`: from a rate and a topology to nodes, registers, memory, disk and a configuration.

mod figures;
mod fragment;
mod measured;
mod sums;
mod text;
mod topology;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use self::measured::Measured;
use self::sums::{Cost, Demand, Plan};
use crate::cli::failure::Failure;
use crate::cli::preflight::summary::{self, Bytes};
use crate::config::{Config, ConfigError};
use sys::log;

const AFTER_HELP: &str = "\
  yanma plan --rate 2000 --nodes-lost 0
      one node that remembers alone
  yanma plan --rate 100000 --cities 2 --rtt-ms 2
      two cities; any node, any register or one of the cities may be lost
  yanma-loadtest run config/loadtest/registers.toml --json measured.json
  yanma plan --rate 100000 --measured measured.json
      with what a request costs on your machines, by a scenario like your traffic

Each figure stands with its formula. The end is a [replay] section: put it in the place of yours, with \
the addresses of your registers. `yanma check` then reads the whole. It is a plan for the highest rate \
of a day; measure before you rely on it.";

/// How many nodes, registers, memory and disk a rate takes, each with its formula, and [replay] for it
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Codes that are spent in the busiest second, over all nodes
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    rate: u64,
    /// Cities with nodes, 1 to 3. With 2, one register of each group stands in a third place
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = cities)]
    cities: u32,
    /// Nodes that may be lost at the same time, the rate still served. With several cities a whole
    /// city may be lost as well, though not at once with these
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..1_000))]
    nodes_lost: u32,
    /// Round trip between the places of the registers, in milliseconds: 2, 0.5
    #[arg(long = "rtt-ms", value_name = "MS", default_value = "2", value_parser = milliseconds)]
    rtt_us: u64,
    /// Cores of a node, 1 to 512 [default: 8, or what --nodes makes necessary]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=512))]
    cores: Option<u32>,
    /// Nodes that there are, 1 to 1000 [default: as few as suffice]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    nodes: Option<u32>,
    /// What a request costs, as `yanma-loadtest run SCENARIO --json FILE` measured it
    #[arg(long, value_name = "FILE")]
    measured: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (cost_ns, origin) = cost(arguments.measured.as_deref())?;
    let demand = Demand {
        rate: arguments.rate,
        cities: arguments.cities,
        nodes_lost: arguments.nodes_lost,
        rtt_us: arguments.rtt_us,
        cores: arguments.cores,
        nodes: arguments.nodes,
        cost_ns,
    };
    let plan = Plan::new(&demand).map_err(Failure::Usage)?;
    let fragment = plan.fragment();
    let config = rest_of_an_example(&fragment)?;
    let mut out = std::io::stdout().lock();
    text::write_plan(&demand, &plan, &origin(&plan), &mut out)?;
    let tables = config.server.verify_table_bytes();
    let parts = summary::memory(&config, tables);
    let sum = parts.iter().map(|part| part.bytes).sum();
    writeln!(
        out,
        "memory         at most {} for each node: the sum that `yanma check` makes",
        Bytes(sum)
    )?;
    for part in &parts {
        writeln!(out, "               {part}")?;
    }
    writeln!(
        out,
        "\n# In place of [replay] in each node's gateway.toml, and the same on all nodes.{}\n{fragment}",
        if plan.shared.is_some() {
            "\n# The addresses are examples (RFC 5737): write your registers'."
        } else {
            ""
        }
    )?;
    Ok(())
}

/// The cost of a request, and where it is from.
fn cost(measured: Option<&Path>) -> Result<(Cost, impl Fn(&Plan) -> String), Failure> {
    let measured = measured.map(Measured::read).transpose().map_err(Failure::Other)?;
    if measured.as_ref().is_some_and(|measured| !measured.is_clean) {
        log::notice(format_args!(
            "warning: the judge of this run found faults; what it cost may mean little"
        ));
    }
    let cost_ns = match &measured {
        Some(measured) => Cost { alone: measured.ns, shared: measured.ns },
        None => Cost { alone: figures::LOCAL_NS, shared: figures::REGISTERS_NS },
    };
    let origin = move |plan: &Plan| match &measured {
        Some(measured) => format!("measured with scenario {:?}", measured.scenario),
        None => {
            let of =
                if plan.shared.is_some() { "with three registers" } else { "without registers" };
            format!("measured {of}, one core of an AMD EPYC (Zen 4); yours: --measured FILE")
        }
    };
    Ok((cost_ns, origin))
}

/// What the fragment decides, and defaults.
fn rest_of_an_example(fragment: &str) -> Result<Config, ConfigError> {
    const REST: &str = "\
[[backend]]
name = \"settlement\"
endpoints = [\"http://127.0.0.1:9001\"]

[[route]]
path = \"/\"
code = \"redeem\"
backend = \"settlement\"
";
    Config::parse(&format!("{fragment}\n{REST}"), Path::new(""), Path::new("the plan's [replay]"))
}

fn cities(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (1..=topology::CITIES_MAX).contains(number));
    number.ok_or_else(|| {
        "allowed: 1, 2 or 3; a spend waits for a majority of registers, so more cities add distance and \
         no safety"
            .to_owned()
    })
}

/// Milliseconds with up to three decimals, as microseconds.
fn milliseconds(text: &str) -> Result<u64, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = !whole.is_empty() && whole.len() <= 6 && part.len() <= 3;
    let us = format!("{whole}{part:0<3}").parse().ok();
    let us = us.filter(|_| is_number && digits(whole) && digits(part));
    us.ok_or_else(|| "allowed: milliseconds with up to three decimals, such as 2 or 0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_may_have_decimals() {
        let us = |text: &str| milliseconds(text).ok();
        assert_eq!(
            ["0", "2", "0.5", "12.345", "1."].map(us),
            [Some(0), Some(2_000), Some(500), Some(12_345), Some(1_000)]
        );
        assert_eq!(["", ".5", "-1", "1.2345", "1e3", "2ms", "+1", "9999999"].map(us), [None; 8]);
    }

    #[test]
    fn cities_are_one_to_three() {
        assert_eq!(["1", "3"].map(|text| cities(text).ok()), [Some(1), Some(3)]);
        for wrong in ["0", "4", "two", ""] {
            assert!(cities(wrong).unwrap_err().contains("allowed: 1, 2 or 3"));
        }
    }
}
