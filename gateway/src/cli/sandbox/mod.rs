//! `yanma sandbox`: a gateway, its keys and a backend on this machine, to try everything.
//!
//! | what | where |
//! |---|---|
//! | what a person may choose | `arguments.rs` |
//! | keys and files, kept between runs | `directory/` |
//! | where everything listens | `ports.rs` |
//! | the gateway's settings | `settings.rs` |
//! | the stand-in backend | `backend/`, on the thread of `standin.rs` |
//! | pages for a browser | `pages/` |
//! | commands to paste | `examples/` |
//! | what is printed | `sight.rs` |

mod arguments;
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

use rustix::process::{Signal, getpid, kill_process};

pub(crate) use self::arguments::Arguments;
use self::arguments::PagesAt;
use self::backend::{Arrivals, Switch};
use self::directory::Directory;
use self::examples::Examples;
use self::pages::listener::{Door, Share, ShareName};
use self::pages::{Pages, Plan};
use self::ports::Ports;
use self::settings::Settings;
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
