//! How many instructions a request costs the gateway, as a ratchet against growth: see
//! `benches/instructions.toml`.
//!
//! The real binary runs under callgrind, which counts the instructions of its one worker. One
//! client asks one request after the other, a few hundred and then a thousand more: the difference
//! is what a request costs, without start and end. Verification is left out, because it has its own
//! bench and because its canary verifies some codes twice, at random. Neither other load nor the
//! clock's speed changes the figures; another compiler or another version of a dependency may.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use benches::process::Process;
use benches::site::{ADMIN_PORT, PORT, Site, Store};
use clap::Parser;

/// Counts the instructions of a request and compares them with the figures on record.
#[derive(Parser)]
struct Arguments {
    /// The directory of the configurations.
    #[arg(long)]
    config: PathBuf,
    /// Where the programs of this project are.
    #[arg(long)]
    programs: PathBuf,
    /// A directory that is made anew for the run.
    #[arg(long)]
    work: PathBuf,
    /// The figures on record.
    #[arg(long)]
    figures: PathBuf,
}

/// What is asked: each is a table of the figures' file.
const ROUTES: [(&str, &str); 2] = [("redeem", "/"), ("none", "/none")];
/// Where callgrind stops to count until the function is left.
const LEFT_OUT: &str = "--toggle-collect=*p256::verifier::Verifier::verify_group*";
/// A function that runs in a worker and in no other thread.
const WORKERS_TASK: &str = "gateway::edge::worker_thread::keep_flushing";
/// More threads than a gateway with one worker has.
const THREADS_MAX: u32 = 20;
const FEW: u64 = 300;
const MANY: u64 = 1_300;
/// More than this above the figure on record fails; so much below it, and it should be lowered.
const TOLERANCE: f64 = 0.03;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let figures: toml::Table = fs::read_to_string(&arguments.figures)?.parse()?;
    let backend = start_backend()?;
    let site = Site::make(&arguments.work, &arguments.config, &arguments.programs)?;
    let mut holds = true;
    for (name, path) in ROUTES {
        let on_record = figures.get(name).and_then(toml::Value::as_integer);
        let on_record = on_record.ok_or_else(|| format!("no figure for {name}"))?;
        let few = count(&site, &backend, path, FEW)?;
        let many = count(&site, &backend, path, MANY)?;
        holds &= judge(name, many.saturating_sub(few), on_record);
    }
    Ok(holds)
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "far below 2^52")]
fn judge(name: &str, instructions: u64, on_record: i64) -> bool {
    let counted = instructions as f64 / (MANY - FEW) as f64;
    let ratio = counted / on_record as f64;
    println!("{name}: {counted:.0} instructions a request, {on_record} on record ({ratio:.3})");
    if ratio < 1.0 - TOLERANCE {
        println!("  less than on record: lower the figure, so that it stays so");
    }
    if ratio > 1.0 + TOLERANCE {
        println!(
            "  MORE than on record. If the request path grew for a good reason, or compiler or\n  \
             dependencies changed, raise the figure and say why in the commit"
        );
    }
    ratio <= 1.0 + TOLERANCE
}

/// The instructions of a worker's whole life in which it answers so many requests.
fn count(site: &Site, backend: &str, path: &str, requests: u64) -> Result<u64, Box<dyn Error>> {
    let config = site.write_gateway(1, backend, Store::Local)?;
    let out = site.path("callgrind.out");
    let mut command = site.command("0,1", "valgrind");
    command.args(["--tool=callgrind", "--separate-threads=yes", LEFT_OUT, "--collect-atstart=yes"]);
    command.arg(format!("--callgrind-out-file={}", out.display()));
    command.arg(site.program("yanma")).arg("serve").arg("--config").arg(config);
    command.env("YANMA_VERIFY", "portable");
    let gateway = Process::start(&mut command, &site.path("instructions.log"), PORT)?;
    gateway.wait_until_it_redeems(ADMIN_PORT)?;
    let codes = fs::read_to_string(site.codes(requests)?)?;
    ask_each(path, codes.lines())?;
    drop(gateway);
    (1..=THREADS_MAX)
        .filter_map(|thread| {
            instructions_of_a_worker(&site.path(&format!("callgrind.out-{thread:02}")))
        })
        .max()
        .ok_or_else(|| "callgrind wrote no file about a worker".into())
}

/// The sum of a thread's instructions, if the thread is a worker.
fn instructions_of_a_worker(file: &Path) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok();
    text.contains(WORKERS_TASK).then_some(total).flatten()
}

fn ask_each<'a>(path: &str, codes: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let mut gateway = BufReader::new(TcpStream::connect(("127.0.0.1", PORT))?);
    for code in codes {
        let body = "x".repeat(165);
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nYanma-Code: {code}\r\n\r\n{body}",
            body.len()
        );
        gateway.get_mut().write_all(request.as_bytes())?;
        let head = read_message(&mut gateway)?;
        if !head.starts_with("HTTP/1.1 200 ") {
            return Err(io::Error::other(format!("not approved: {head}")));
        }
    }
    Ok(())
}

/// A backend that costs nothing worth counting: it is not in the gateway's process.
fn start_backend() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer_all(stream));
        }
    });
    Ok(format!("http://{address}"))
}

fn answer_all(stream: TcpStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        read_message(&mut stream)?;
        stream.get_mut().write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 38\r\n\r\n\
              {\"infcode\":0,\"output\":{\"setl_id\":\"1\"}}",
        )?;
    }
}

/// Reads one message with a `Content-Length` and returns its head.
fn read_message(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut head = String::new();
    let mut body_bytes = 0;
    loop {
        let begin = head.len();
        if stream.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = head.get(begin..).unwrap_or_default().trim_end().to_ascii_lowercase();
        if let Some(length) = line.strip_prefix("content-length:") {
            body_bytes = length.trim().parse().map_err(io::Error::other)?;
        }
        if line.is_empty() {
            io::copy(&mut stream.by_ref().take(body_bytes), &mut io::sink())?;
            return Ok(head);
        }
    }
}
