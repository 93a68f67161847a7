//! A second gateway whose table of spent codes has eight slots, as a process of its own.
//!
//! It has keys of its own, so no code is good at both gateways: each is spent once all the same. When
//! it starts again after a pause it has a fence: it refuses as `warming_up` what it cannot know.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    rc::Rc,
    time::Duration,
};

use http::{Method, StatusCode};
use tokio::time::sleep;

use super::words::Word;
use crate::cli::sandbox::{
    directory::Files,
    pages::{
        messages::{Call, Problem, exchange},
        site::{Front, Process, SMALL, Second, Site},
    },
    settings::Addresses,
};
use sys::disk;

/// The fewest that a table may have.
const SLOTS: u32 = 8;
/// How often, and how long, it is asked whether it is ready.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS_MAX: u32 = 150;

/// # Errors
/// It does not start, or is not ready within 15 s.
pub(super) async fn start(site: &Site, say: fn(Word) -> &'static str) -> Result<Second, Problem> {
    let failed = |why: String| {
        let sentence = format!("{}: {why}", say(Word::NoSmallTable));
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, sentence)
    };
    let of_system = |error: io::Error| failed(error.to_string());
    let directory = site.files.directory.join(SMALL);
    prepare(&directory, &site.files.subject_key).map_err(of_system)?;
    let addresses = addresses(site.addresses.backend).map_err(of_system)?;
    let mut process = Process::new(spawn(&directory, &addresses).map_err(of_system)?);
    ready(site, &mut process, addresses.admin).await.map_err(failed)?;
    let front = Front::load(addresses, Files::of(&directory));
    let front = front.map_err(|failure| failed(failure.to_string()))?;
    Ok(Second { process, front: Rc::new(front) })
}

/// Persons have the same hashes in both records, so that a phone finds its lines in both.
fn prepare(directory: &Path, subject_key: &Path) -> io::Result<()> {
    disk::make_private_dir(directory)?;
    let copy = Files::of(directory).subject_key;
    if copy.exists() {
        return Ok(());
    }
    disk::open_private(&copy)?.write_all(&fs::read(subject_key)?)
}

/// Free ports. They are let go before the gateway takes them, which another program could do first.
fn addresses(backend: SocketAddr) -> io::Result<Addresses> {
    let listen = || TcpListener::bind("127.0.0.1:0");
    let (gateway, admin, accounts) = (listen()?, listen()?, listen()?);
    Ok(Addresses {
        gateway: gateway.local_addr()?,
        admin: admin.local_addr()?,
        backend,
        accounts: accounts.local_addr()?,
    })
}

/// It ends when its standard input does: with this process too.
fn spawn(directory: &Path, addresses: &Addresses) -> io::Result<Child> {
    let log = File::create(directory.join("log"))?;
    let Addresses { gateway, admin, backend, accounts } = addresses;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("sandbox").arg("--data").arg(directory);
    for (option, address) in [
        ("--listen", gateway),
        ("--admin", admin),
        ("--accounts", accounts),
        ("--standin", backend),
    ] {
        command.arg(option).arg(address.to_string());
    }
    command.args(["--pages", "none", "--slots"]).arg(SLOTS.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn()
}

async fn ready(site: &Site, process: &mut Process, admin: SocketAddr) -> Result<(), String> {
    let target = "/readyz".to_owned();
    let call = Call { method: Method::GET, target, headers: Vec::new(), body: Default::default() };
    for _ in 0..LOOKS_MAX {
        if let Some(status) = process.ended() {
            return Err(status.to_string());
        }
        let heard = exchange(admin, call.clone(), &site.clock).await.heard;
        if heard.is_ok_and(|heard| heard.status == StatusCode::OK) {
            return Ok(());
        }
        sleep(LOOK).await;
    }
    Err("/readyz".to_owned())
}
