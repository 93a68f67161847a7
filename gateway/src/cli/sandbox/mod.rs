//! `yanma sandbox`: a gateway, its keys and a backend on this machine, to try everything.

pub mod backend;
mod directory;
mod examples;
pub mod pages;
mod settings;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::thread::JoinHandle;

use clap::Args;
use keyring::code::IssuedAt;
use tokio::sync::oneshot;

use self::backend::{Arrivals, Switch};
use self::directory::Directory;
use self::examples::Examples;
use self::settings::Addresses;
use super::preflight::engine::Choice;
use super::serve;
use crate::cli::failure::Failure;
use crate::config::Config;
use crate::process::reload::load_usable_keys;
use crate::process::start::{self, Start};
use clock::Clock;
use replay::directory::Fence;
use sys::disk;
use sys::log::{self, Event};

const AFTER_HELP: &str = "\
It makes a keyring, a seal secret and an issuer's signing key in DIR (kept between runs), starts a \
stand-in settlement backend and the gateway in front of it, and prints commands to paste: mint a \
code, show it, pay with it, pay again, and see every refusal.

The keys are of environment \"sandbox\", which `yanma serve` refuses.
The stand-in obeys the request header `Sandbox-Fault: stall | reset | half | error`: it does nothing, \
and its answer is lost. With `stall-booked`, `reset-booked` or `half-booked` it charges before.

Golden rule: sent this code before and got no answer? Query first, whatever the reason says now.";

/// Run everything on this machine, to try it: keys, gateway, backend
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Where keys and configuration are kept; made if missing
    #[arg(long, value_name = "DIR", default_value = "./sandbox")]
    data: PathBuf,
    /// Where the gateway listens; port 0: any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7460")]
    listen: SocketAddr,
    /// Where the live page, metrics and health are; port 0: any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7461")]
    admin: SocketAddr,
    /// Where the stand-in settlement backend listens; port 0: any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7462")]
    backend: SocketAddr,
    /// Where the API of writers of account states listens; port 0: any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    accounts: SocketAddr,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    serve::begin_log()?;
    disk::keep_from_others();
    let directory = Directory::open(&arguments.data)?;
    let (addresses, backend) = find_addresses(arguments)?;
    let now = Clock::system().now();
    let keys_are_new = directory.make_keys(now)?;
    directory.make_pass_key()?;
    directory.make_audit_key()?;
    directory.make_accounts_token()?;
    let config_file = directory.write_settings(&settings::text(&addresses))?;
    let config = Config::load(&config_file)?;
    log::set(config.log);
    let verifier = Choice::of_environment()?.verifier()?;
    let keys = load_usable_keys(&config, now)?.with_verifier(verifier);

    let standin = Standin::start(backend)?;
    let examples = Examples::new(&directory, &addresses)?;
    // No code of a key that was made just now can have been redeemed.
    let fence = if keys_are_new { Fence::NotNeeded } else { Fence::UntilNow };
    let start = Start { config, keys, config_file, fence, command_line: None };
    let left = start::serve(start, |shared| {
        let fence =
            shared.tables.codes.fence().filter(|fence| fence.millis() >= shared.clock.now());
        let situation = Situation { directory: &directory, addresses, fence };
        tell(format!("{examples}{situation}"));
    });
    standin.stop();
    Ok(left?)
}

/// Prints on its own thread: a sandbox runs on if no program reads its output.
fn tell(text: String) {
    let print = move || {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    };
    // If the thread cannot be started, nothing is printed.
    let _ = std::thread::Builder::new().name("stdout".to_owned()).spawn(print);
}

/// Replaces each port 0 with a number. Opens the stand-in's listener. The gateway opens its own two
/// after it has read its configuration.
fn find_addresses(arguments: &Arguments) -> Result<(Addresses, TcpListener), Failure> {
    let backend = listen("--backend", arguments.backend)?;
    // Both sockets stay open until both ports are known. Otherwise the second could get the first
    // one's port.
    let gateway = listen("--listen", arguments.listen)?;
    let admin = listen("--admin", arguments.admin)?;
    let accounts = listen("--accounts", arguments.accounts)?;
    let address = |listener: &TcpListener| {
        listener.local_addr().map_err(|error| Failure::of("cannot read a port", &error))
    };
    let addresses = Addresses {
        gateway: address(&gateway)?,
        admin: address(&admin)?,
        backend: address(&backend)?,
        accounts: address(&accounts)?,
    };
    Ok((addresses, backend))
}

fn listen(option: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::Other(format!(
            "{address} is taken, perhaps by another sandbox; stop what listens there or choose \
             another address: {option} 127.0.0.1:0 takes any free port"
        )),
        _ => Failure::of(format!("cannot listen on {address} ({option})"), &error),
    })
}

/// The stand-in backend. It runs on its own thread, as another program would.
struct Standin {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Standin {
    fn start(listener: TcpListener) -> Result<Self, Failure> {
        let failed = |error| Failure::of("cannot start the stand-in backend", &error);
        listener.set_nonblocking(true).map_err(failed)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            backend::run(listener, Arrivals::default(), Switch::default(), async {
                let _ = stopped.await;
            })
            .await;
            Ok::<_, std::io::Error>(())
        };
        let thread = std::thread::Builder::new().name("standin".to_owned()).spawn(move || {
            if let Err(error) = runtime.block_on(serve) {
                let what = format_args!("the stand-in backend cannot run: {error}");
                log::event(Event::SandboxBackendFailed, what);
            }
        });
        Ok(Self { stop, thread: thread.map_err(failed)? })
    }

    fn stop(self) {
        // If it has ended by itself, there is no receiver left.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

/// Reports what runs where, in a few lines.
struct Situation<'a> {
    directory: &'a Directory,
    addresses: Addresses,
    /// Codes issued at or before this moment are refused, if it is set.
    fence: Option<IssuedAt>,
}

impl std::fmt::Display for Situation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Addresses { gateway, admin, backend, accounts } = self.addresses;
        writeln!(f, "The sandbox runs. Above are commands to paste, the first steps last.")?;
        writeln!(f, "  gateway           http://{gateway}")?;
        writeln!(f, "  admin             http://{admin}/  live page; /metrics /readyz /healthz")?;
        writeln!(f, "  stand-in backend  http://{backend}")?;
        writeln!(f, "  account states    http://{accounts}  yanma accounts --help")?;
        let data = self.directory.path().display();
        writeln!(f, "  keys and settings {data}")?;
        writeln!(f, "  decisions         yanma audit {data}/data/record")?;
        if let Some(fence) = self.fence {
            writeln!(
                f,
                "Its keys are older than its table of spent codes, so codes issued up to {} are \
                 refused as warming_up: they could have been used before.",
                fence.millis()
            )?;
        }
        writeln!(
            f,
            "Golden rule: sent this code before and got no answer? Query first, whatever the \
             reason says now."
        )?;
        writeln!(f, "Ctrl-C ends the sandbox.")
    }
}
