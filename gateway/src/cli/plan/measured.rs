//! What a request costs on the machine of the person who plans: a report of the load tool.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;

/// Bytes of a report; one of an hour has some 400,000.
const REPORT_BYTES_MAX: u64 = 64 << 20;

/// The cost of a request.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(super) struct Measured {
    pub(super) ns: u64,
    /// The name of the scenario.
    pub(super) scenario: String,
    /// The judge found no fault.
    pub(super) is_clean: bool,
}

/// The fields of `yanma-loadtest run --json` that tell it.
#[derive(Deserialize)]
struct Report {
    scenario: String,
    answered_per_s: f64,
    gateways: Vec<Gateway>,
    verdict: Verdict,
}

#[derive(Deserialize)]
struct Gateway {
    /// Seconds of CPU time for a second of the run.
    cpu_share: f64,
}

#[derive(Deserialize)]
struct Verdict {
    clean: bool,
}

impl Measured {
    /// Reads what `yanma-loadtest run SCENARIO --json FILE` wrote.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let mut bytes = Vec::new();
        let read =
            File::open(path).and_then(|file| file.take(REPORT_BYTES_MAX).read_to_end(&mut bytes));
        read.map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&bytes).map_err(|why| {
            format!(
                "{}: {why}; allowed: what `yanma-loadtest run SCENARIO --json FILE` writes",
                path.display()
            )
        })
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let report: Report = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let cpu: f64 = report.gateways.iter().map(|gateway| gateway.cpu_share).sum();
        if report.answered_per_s < 1.0 {
            return Err("the gateway answered less than one request a second".to_owned());
        }
        let ns = cpu / report.answered_per_s * 1e9;
        // Below a microsecond, or above ten milliseconds, it is no cost of a request.
        if !(1e3..=1e7).contains(&ns) {
            return Err(format!("its gateways used {:.1} us of CPU a request", ns / 1e3));
        }
        let ns = format!("{ns:.0}").parse().map_err(|_| "its figures are none".to_owned())?;
        Ok(Self { ns, scenario: report.scenario, is_clean: report.verdict.clean })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"{"tool_version":"0.1.0","scenario":"monday","answered_per_s":20000.0,
        "gateways":[{"pid":1,"cpu_us_per_request":80.0,"cpu_share":0.5},{"cpu_share":0.3}],
        "verdict":{"clean":true,"faults":[]}}"#;

    #[test]
    fn the_cost_is_all_gateways_time_over_all_answers() {
        let measured = Measured::parse(REPORT.as_bytes()).unwrap();
        assert_eq!((measured.ns, measured.is_clean), (40_000, true));
        assert_eq!(measured.scenario, "monday");
    }

    #[test]
    fn what_is_no_measurement_is_told() {
        for (text, why) in [
            (REPORT.replace("20000.0", "0.0"), "less than one request"),
            (REPORT.replace("0.5}", "0.0}").replace("0.3}", "0.0}"), "0.0 us of CPU a request"),
            (REPORT.replace("gateways", "nodes"), "missing field `gateways`"),
            ("| redeem | 44.0 µs |".to_owned(), "expected value"),
        ] {
            let said = Measured::parse(text.as_bytes()).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
