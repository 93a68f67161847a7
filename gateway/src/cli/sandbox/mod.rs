//! `yanma sandbox`: a gateway, its keys and a backend on this machine, to try everything.
//!
//! | what | where |
//! |---|---|
//! | keys and files, kept between runs | `directory/` |
//! | where everything listens | `ports.rs` |
//! | the gateway's settings | `settings.rs` |
//! | the stand-in backend | `backend/`, on the thread of `standin.rs` |
//! | pages for a browser | `pages/` |
//! | commands to paste | `examples/` |
//! | what is printed | `sight.rs` |

pub mod backend;
mod directory;
mod examples;
mod pages;
mod ports;
mod settings;
mod sight;
mod standin;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use rustix::process::{Signal, getpid, kill_process};

use self::backend::{Arrivals, Switch};
use self::directory::Directory;
use self::examples::Examples;
use self::pages::listener::{Door, Share, ShareName};
use self::pages::{Pages, Plan};
use self::ports::Ports;
use self::settings::{SLOTS, Settings};
use self::sight::Sight;
use self::standin::Standin;
use super::preflight::engine::Choice;
use super::serve;
use crate::cli::failure::Failure;
use crate::config::Config;
use crate::process::reload::load_usable_keys;
use crate::process::start::{self, Start};
use clock::Clock;
use replay::directory::Fence;
use sys::{disk, log};

const AFTER_HELP: &str = "\
It makes a keyring, a seal secret and an issuer's signing key in DIR (kept between runs), starts a \
stand-in settlement backend, the gateway in front of it and pages for a browser: a phone that shows \
codes, two tills, a switchboard of faults, and what the gateway decides. Open the link that it prints.

The same by hand: DIR/commands.txt has commands to paste.

The keys are of environment \"sandbox\", which `yanma serve` refuses.
The stand-in obeys the request header `Sandbox-Fault: stall | reset | half | error`: it does nothing, \
and its answer is lost. With `stall-booked`, `reset-booked` or `half-booked` it charges before.

Golden rule: sent this code before and got no answer? Query first, whatever the reason says now.";

/// Run everything on this machine, to try it: keys, gateway, backend, pages
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
    /// Where the pages are; port 0: any free one; none: no pages
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7463", value_parser = PagesAt::parse)]
    pages: PagesAt,
    /// Other machines may look, by a link with this name or address of this machine. No camera then
    #[arg(long, value_name = "NAME", value_parser = ShareName::parse)]
    share: Option<ShareName>,
    /// Slots of the table of spent codes
    #[arg(long, hide = true, value_name = "NUMBER", default_value_t = SLOTS)]
    slots: u32,
    /// A stand-in that runs already. The sandbox then ends with its standard input
    #[arg(long, hide = true, value_name = "ADDRESS")]
    standin: Option<SocketAddr>,
}

/// Where the pages are.
#[derive(Copy, Clone)]
enum PagesAt {
    None,
    Address(SocketAddr),
}

impl PagesAt {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::None);
        }
        let address = text.parse().map(Self::Address);
        address
            .map_err(|_| "allowed: an address and port such as 127.0.0.1:7463, or none".to_owned())
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    check_share(arguments)?;
    serve::begin_log()?;
    disk::keep_from_others();
    let directory = Directory::open(&arguments.data)?;
    let Ports { addresses, backend, pages } = Ports::find(arguments)?;
    let now = Clock::system().now();
    let keys_are_new = directory.make_keys(now)?;
    directory.make_pass_key()?;
    directory.make_audit_key()?;
    directory.make_accounts_token()?;
    let settings = Settings { addresses, slots: arguments.slots, maintenance: false };
    let config_file = directory.write_settings(&settings.text())?;
    let config = Config::load(&config_file)?;
    log::set(config.log);
    let verifier = Choice::of_environment()?.verifier()?;
    let keys = load_usable_keys(&config, now)?.with_verifier(verifier);

    let examples = Examples::new(&directory, &addresses)?;
    let commands = directory.write_commands(&examples.to_string())?;
    let (arrivals, switch) = (Arrivals::default(), Switch::default());
    let start = |listener| Standin::start(listener, arrivals.clone(), switch.clone());
    let standin = backend.map(start).transpose()?;
    if standin.is_none() {
        end_with_input()?;
    }
    let audit = examples::audit(&directory, &addresses)?;
    let pages = pages.map(|listener| {
        let address = listener.local_addr();
        let address = address.map_err(|error| Failure::of("cannot read a port", &error))?;
        let (door, link) = door(address, arguments.share.clone())?;
        let files = directory.files();
        let settings = settings.clone();
        let plan = Plan { listener, door, settings, files, arrivals, switch, examples };
        Ok::<_, Failure>((Pages::start(plan)?, link))
    });
    let pages = pages.transpose()?;
    let sight =
        Sight { link: pages.as_ref().map(|(_, link)| link.clone()), addresses, commands, audit };
    // No code of a key that was made just now can have been redeemed.
    let fence = if keys_are_new { Fence::NotNeeded } else { Fence::UntilNow };
    let start = Start { config, keys, config_file, fence, command_line: None };
    let left = start::serve(start, |_| sight.show());
    if let Some((pages, _)) = pages {
        pages.stop();
    }
    standin.into_iter().for_each(Standin::stop);
    Ok(left?)
}

/// Leaves when the process that started this one has ended, or has let go of it.
fn end_with_input() -> Result<(), Failure> {
    let wait = || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        // A signal to ourselves cannot fail.
        let _ = kill_process(getpid(), Signal::TERM);
    };
    let thread = std::thread::Builder::new().name("stdin".to_owned()).spawn(wait);
    thread.map(drop).map_err(|error| Failure::of("cannot start a thread", &error))
}

/// Pages that other machines can reach need a link.
fn check_share(arguments: &Arguments) -> Result<(), Failure> {
    match (arguments.pages, &arguments.share) {
        (PagesAt::Address(address), None) if !address.ip().is_loopback() => {
            Err(Failure::Usage(format!(
                "--pages {address}: other machines could reach it; allowed: a loopback address, or \
                 --share NAME beside it, which makes a link that only those can open who have it"
            )))
        }
        _ => Ok(()),
    }
}

/// How the pages are reached, and their link.
fn door(address: SocketAddr, name: Option<ShareName>) -> Result<(Door, String), Failure> {
    let port = address.port();
    let Some(name) = name else {
        return Ok((Door { port, share: None }, format!("http://{address}/")));
    };
    let host = name.as_str().to_owned();
    let share =
        Share::new(name).map_err(|error| Failure::of("cannot read random bytes", &error.into()))?;
    let link = format!("http://{host}:{port}/{}", share.query());
    Ok((Door { port, share: Some(share) }, link))
}
