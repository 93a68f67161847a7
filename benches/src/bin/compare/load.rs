//! One run of the load generator `wrk`, and what it and the proxy's CPU clock say.

use std::io;
use std::path::Path;
use std::process::Command;

use benches::process::Process;

/// The figures of one run.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) requests_per_s: f64,
    pub(crate) cpu_us: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// What is asked of a proxy.
pub(crate) struct Load<'a> {
    pub(crate) script: &'a Path,
    pub(crate) lines: &'a Path,
    /// The header before the line's value.
    pub(crate) header: &'a str,
    pub(crate) port: u16,
    pub(crate) route: &'a str,
    pub(crate) seconds: u32,
    pub(crate) connections: u32,
    /// Requests a second; as many as the proxy answers if there is none.
    pub(crate) rate: Option<u32>,
}

impl Load<'_> {
    /// Runs the load on core 1 against `proxy`. Every answer must be a success.
    pub(crate) fn run(&self, proxy: &Process) -> io::Result<Figures> {
        let before_ns = proxy.cpu_ns()?;
        let output = Command::new("taskset")
            .args(["-c", "1", "wrk", "-t1", "--latency"])
            .arg(format!("-c{}", self.connections))
            .arg(format!("-d{}s", self.seconds))
            .arg("-s")
            .arg(self.script)
            .arg(format!("http://127.0.0.1:{}{}", self.port, self.route))
            .env("LINES", self.lines)
            .env("HEADER", self.header)
            .env("ROUTE", self.route)
            .env("RATE", self.rate.unwrap_or(0).to_string())
            .output()?;
        let cpu_ns = proxy.cpu_ns()? - before_ns;
        let said = String::from_utf8_lossy(&output.stdout);
        figures(&said, cpu_ns).ok_or_else(|| {
            let complaint = String::from_utf8_lossy(&output.stderr);
            io::Error::other(format!("wrk: not every answer was a success:\n{said}{complaint}"))
        })
    }
}

/// `None` if the load generator failed, or if one answer was no success.
#[expect(clippy::as_conversions, reason = "counts far below 2^52")]
fn figures(said: &str, cpu_ns: u64) -> Option<Figures> {
    let line = said.lines().find_map(|line| line.strip_prefix("figures "))?;
    let numbers: Option<Vec<f64>> = line.split(' ').map(|text| text.parse().ok()).collect();
    let [requests, duration_us, refused, broken, p50_us, p99_us] = numbers?.try_into().ok()?;
    let is_clean = requests > 0.0 && refused == 0.0 && broken == 0.0;
    is_clean.then_some(Figures {
        requests_per_s: requests / duration_us * 1e6,
        cpu_us: cpu_ns as f64 / 1e3 / requests,
        p50_us,
        p99_us,
    })
}
