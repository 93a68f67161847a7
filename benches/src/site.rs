//! The directory of a run: keys, configurations, sockets, files of codes and tokens.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyring::ceremony::{self, NewKey};
use keyring::code::KeyId;
use keyring::mint::Minter;
use keyring::store;
use loadtest::load::signer::{Nonces, ThrowAwaySigner};
use loadtest::site::plan::ENVIRONMENT;
use p256::ecdsa::SigningKey;
use p256::pkcs8::{EncodePublicKey as _, LineEnding};

use crate::lines;
use crate::process::Process;

/// Where the gateway listens, and its admin listener: as `gateway.toml` says.
pub const PORT: u16 = 9006;
/// See [`PORT`].
pub const ADMIN_PORT: u16 = 9007;

const REGISTER_PORTS: [u16; 3] = [9011, 9012, 9013];

/// What remembers which codes are spent.
#[derive(Debug, Clone, Copy, Eq, PartialEq)]
pub enum Store {
    /// The gateway's own table.
    Local,
    /// A quorum of three registers as well.
    Registers,
}

impl Store {
    /// A table of one store is no other's.
    fn data_dir(self) -> &'static str {
        match self {
            Self::Local => "data",
            Self::Registers => "data-of-registers",
        }
    }

    fn to_toml(self) -> String {
        match self {
            Self::Local => "store = \"local\"".to_owned(),
            Self::Registers => {
                let registers = REGISTER_PORTS.map(|port| format!("\"redis://127.0.0.1:{port}\""));
                let registers = registers.join(", ");
                format!("store = \"registers\"\n[[replay.group]]\nregisters = [{registers}]")
            }
        }
    }
}

const KEYS: u32 = 8;
const FIRST_KEY: u32 = 7001;
/// More than the peers verify in a run.
const TOKENS: u64 = 100_000;

/// All that a run needs.
pub struct Site {
    work: PathBuf,
    config: PathBuf,
    programs: PathBuf,
    minters: Vec<Minter<ThrowAwaySigner>>,
}

impl Site {
    /// Makes the directory `work` anew, with keys.
    ///
    /// # Errors
    /// A directory is not there, or cannot be written.
    pub fn make(work: &Path, config: &Path, programs: &Path) -> Result<Self, Box<dyn Error>> {
        if work.exists() {
            fs::remove_dir_all(work)?;
        }
        fs::create_dir_all(work)?;
        Ok(Self {
            work: work.canonicalize()?,
            config: config.canonicalize()?,
            programs: programs.canonicalize()?,
            minters: make_keys(work)?,
        })
    }

    /// A file of the run.
    pub fn path(&self, name: &str) -> PathBuf {
        self.work.join(name)
    }

    /// A file of the peers' configurations.
    pub fn config(&self, name: &str) -> PathBuf {
        self.config.join(name)
    }

    /// A program of this project.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// A command pinned to a core, in the directory of the run.
    pub fn command(&self, core: &str, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("taskset");
        command.arg("-c").arg(core).arg(program.as_ref()).current_dir(&self.work);
        command
    }

    /// A file of codes of this second, in lines.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn codes(&self, count: u64) -> io::Result<PathBuf> {
        let path = self.path("codes");
        lines::write_codes(&path, &self.minters, count)?;
        Ok(path)
    }

    /// The backend that all proxies share.
    ///
    /// # Errors
    /// nginx does not start.
    pub fn start_backend(&self) -> io::Result<Process> {
        let mut command = self.nginx("1", "backend.conf");
        Process::start(&mut command, &self.path("backend.log"), 9001)
    }

    /// nginx with one of the configurations, and a place of its own for what it writes.
    pub fn nginx(&self, core: &str, config: &str) -> Command {
        let mut command = self.command(core, "nginx");
        command.arg("-p").arg(&self.work).arg("-c").arg(self.config(config));
        command
    }

    /// Three registers, empty.
    ///
    /// # Errors
    /// `redis-server` does not start.
    pub fn start_registers(&self) -> io::Result<Vec<Process>> {
        let start = |port: u16| {
            let mut command = self.command("1", "redis-server");
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
            command.args(["--appendonly", "no", "--maxmemory-policy", "noeviction"]);
            Process::start(&mut command, &self.path(&format!("register-{port}.log")), port)
        };
        REGISTER_PORTS.into_iter().map(start).collect()
    }

    /// A gateway's configuration with so many workers, this backend, and what remembers codes.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_gateway(&self, workers: u32, backend: &str, store: Store) -> io::Result<PathBuf> {
        let text = fs::read_to_string(self.config("gateway.toml"))?;
        let text = text.replace("WORKERS", &workers.to_string()).replace("BACKEND", backend);
        let text = text.replace("STORE", &store.to_toml()).replace("DATA", store.data_dir());
        let path = self.path("gateway.toml");
        fs::write(&path, text)?;
        Ok(path)
    }

    /// What peers that verify tokens need: the tokens, their key in two forms, and a
    /// configuration that names it.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn make_tokens(&self) -> Result<(), Box<dyn Error>> {
        let key = SigningKey::from_slice(&[7; 32])?;
        let public = key.verifying_key();
        fs::write(self.path("token.pem"), public.to_public_key_pem(LineEnding::LF)?)?;
        fs::write(self.path("jwks.json"), lines::key_set(public))?;
        lines::write_tokens(&self.path("tokens"), &key, TOKENS)?;
        let envoy = fs::read_to_string(self.config("envoy.json"))?;
        let jwks = self.path("jwks.json");
        fs::write(self.path("envoy.json"), envoy.replace("JWKS_FILE", &jwks.to_string_lossy()))?;
        Ok(())
    }
}

fn make_keys(work: &Path) -> Result<Vec<Minter<ThrowAwaySigner>>, Box<dyn Error>> {
    let keyring = work.join("keyring");
    let now = lines::now();
    for id in FIRST_KEY..FIRST_KEY + KEYS {
        let new = NewKey {
            id: KeyId::new(id).expect("not 0"),
            channel: "wechat".parse()?,
            environment: ENVIRONMENT,
            now,
            not_before: None,
            not_after: None,
        };
        ceremony::generate(&keyring, &new, &work.join(format!("{id}.pem")))?;
    }
    let keys = store::load(&keyring, Some(ENVIRONMENT))?;
    let nonces = Nonces::new();
    let minter = |key: &keyring::key::IssuerKey| -> Result<_, Box<dyn Error>> {
        let signing_key = store::read_signing_key(&work.join(format!("{}.pem", key.id())))?;
        Ok(ThrowAwaySigner::minter(key, &signing_key, &nonces)?)
    };
    keys.iter().map(minter).collect()
}
