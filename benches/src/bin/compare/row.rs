//! The rows of the table: which proxy, how it is started, and what it is asked.

use std::io;
use std::process::Command;

use crate::load::{Figures, Load};
use benches::process::Process;
use benches::site::{ADMIN_PORT, PORT, Site, Store};

/// One row.
pub(crate) struct Row {
    name: &'static str,
    proxy: Proxy,
    asked: Asked,
    /// Requests a second; as many as it answers if there is none.
    rate: Option<u32>,
}

enum Proxy {
    Nginx,
    Haproxy { port: u16 },
    Envoy { port: u16 },
    BareHyper,
    Yanma { engine: Option<&'static str>, workers: u32, backend: &'static str, store: Store },
}

/// What each request carries, and where it goes.
enum Asked {
    Codes { route: &'static str },
    Tokens,
}

/// More than a core serves.
const CODES_PER_S: u64 = 120_000;
const TCP: &str = "http://127.0.0.1:9001";
const UNIX: &str = "unix:backend.sock";
const REDEEM: Asked = Asked::Codes { route: "/" };
const BEST: Proxy = Proxy::Yanma { engine: None, workers: 1, backend: TCP, store: Store::Local };
const SHARING: Proxy =
    Proxy::Yanma { engine: None, workers: 1, backend: TCP, store: Store::Registers };
const CHECK: Asked = Asked::Codes { route: "/check" };
const NONE: Asked = Asked::Codes { route: "/none" };
/// A rate at which every proxy is mostly idle.
const MODERATE: u32 = 10_000;

impl Row {
    /// All rows, in the table's order.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [
            Self::new("nginx, plain", Proxy::Nginx, REDEEM),
            Self::new("yanma, redeem", BEST, REDEEM),
            Self::new(
                "yanma, redeem, UNIX backend",
                Proxy::Yanma { engine: None, workers: 1, backend: UNIX, store: Store::Local },
                REDEEM,
            ),
            Self::new("yanma, redeem, three registers", SHARING, REDEEM),
            Self::new("yanma, check", BEST, CHECK),
            Self::new("yanma, none", BEST, NONE),
            Self::new(
                "yanma, redeem, two workers",
                Proxy::Yanma { engine: None, workers: 2, backend: TCP, store: Store::Local },
                REDEEM,
            ),
            Self::of_engine("yanma, redeem, engine portable", "portable"),
            Self::of_engine("yanma, redeem, engine reference", "reference"),
            Self::new("bare hyper, plain", Proxy::BareHyper, REDEEM),
            Self::new("haproxy, plain", Proxy::Haproxy { port: 9003 }, REDEEM),
            Self::new(
                "haproxy, jwt_verify + stick table",
                Proxy::Haproxy { port: 9005 },
                Asked::Tokens,
            ),
            Self::new("envoy, plain", Proxy::Envoy { port: 9020 }, REDEEM),
            Self::new("envoy, jwt_authn", Proxy::Envoy { port: 9021 }, Asked::Tokens),
            Self::new("nginx, plain, 10,000/s", Proxy::Nginx, REDEEM).at(MODERATE),
            Self::new("yanma, redeem, 10,000/s", BEST, REDEEM).at(MODERATE),
            Self::new("yanma, three registers, 10,000/s", SHARING, REDEEM).at(MODERATE),
        ]
        .into_iter()
    }

    fn new(name: &'static str, proxy: Proxy, asked: Asked) -> Self {
        Self { name, proxy, asked, rate: None }
    }

    fn of_engine(name: &'static str, engine: &'static str) -> Self {
        let proxy =
            Proxy::Yanma { engine: Some(engine), workers: 1, backend: TCP, store: Store::Local };
        Self::new(name, proxy, REDEEM)
    }

    fn at(self, rate: u32) -> Self {
        Self { rate: Some(rate), ..self }
    }

    /// What the table calls it.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Requests a second, where they are not as many as it answers.
    pub(crate) fn rate(&self) -> Option<u32> {
        self.rate
    }

    /// Whether its program could be installed here; if not, that is said.
    pub(crate) fn is_there(&self, site: &Site) -> bool {
        let program = match self.proxy {
            Proxy::Nginx => "nginx".into(),
            Proxy::Haproxy { .. } => "haproxy".into(),
            Proxy::Envoy { .. } => "envoy".into(),
            Proxy::BareHyper => site.program("bare-proxy"),
            Proxy::Yanma { .. } => site.program("yanma"),
        };
        let missing = std::iter::once(program)
            .chain(self.needs_registers().then(|| "redis-server".into()))
            .find(|program| {
                let found = Command::new("which").arg(program).output();
                !found.is_ok_and(|output| output.status.success())
            });
        if let Some(program) = &missing {
            eprintln!("{}: not measured, {} is not here", self.name, program.display());
        }
        missing.is_none()
    }

    /// Starts the gateway once, so that registers which are new take its layout, and waits until they
    /// judge codes that are issued then: a register knows nothing of codes older than its memory.
    pub(crate) fn introduce(&self, site: &Site) -> io::Result<()> {
        self.start(site)?.wait_until_registers_judge();
        Ok(())
    }

    pub(crate) fn needs_registers(&self) -> bool {
        matches!(self.proxy, Proxy::Yanma { store: Store::Registers, .. })
    }

    /// Starts the proxy, loads it, stops it.
    pub(crate) fn measure(
        &self,
        site: &Site,
        seconds: u32,
        connections: u32,
    ) -> io::Result<Figures> {
        let proxy = self.start(site)?;
        let (lines, header, route) = match self.asked {
            Asked::Codes { route } => {
                (site.codes(u64::from(seconds + 1) * CODES_PER_S)?, "Yanma-Code: ", route)
            }
            Asked::Tokens => (site.path("tokens"), "Authorization: Bearer ", "/"),
        };
        let script = site.config("load.lua");
        let load = Load {
            script: &script,
            lines: &lines,
            header,
            port: self.port(),
            route,
            seconds,
            connections,
            rate: self.rate,
        };
        load.run(&proxy).map_err(|error| io::Error::other(format!("{}: {error}", self.name)))
    }

    fn start(&self, site: &Site) -> io::Result<Process> {
        let log = site.path("proxy.log");
        let mut command = self.command(site)?;
        let process = Process::start(&mut command, &log, self.port())?;
        if matches!(self.proxy, Proxy::Yanma { .. }) {
            process.wait_until_it_redeems(ADMIN_PORT)?;
        }
        Ok(process)
    }

    fn command(&self, site: &Site) -> io::Result<Command> {
        Ok(match &self.proxy {
            Proxy::Nginx => site.nginx("0", "nginx.conf"),
            Proxy::Haproxy { .. } => {
                let mut command = site.command("0", "haproxy");
                command.arg("-f").arg(site.config("haproxy.cfg"));
                command.env("PUBLIC_KEY", site.path("token.pem"));
                command
            }
            Proxy::Envoy { .. } => {
                let mut command = site.command("0", "envoy");
                command.args(["-c", "envoy.json", "--concurrency", "1", "-l", "off"]);
                command.args(["--disable-hot-restart"]);
                command
            }
            Proxy::BareHyper => {
                let mut command = site.command("0", site.program("bare-proxy"));
                command.args(["127.0.0.1:9004", "127.0.0.1:9001"]);
                command
            }
            Proxy::Yanma { engine, workers, backend, store } => {
                let cores = if *workers == 1 { "0" } else { "0,1" };
                let mut command = site.command(cores, site.program("yanma"));
                let config = site.write_gateway(*workers, backend, *store)?;
                command.arg("serve").arg("--config").arg(config);
                command.envs(engine.map(|engine| ("YANMA_VERIFY", engine)));
                command
            }
        })
    }

    fn port(&self) -> u16 {
        match self.proxy {
            Proxy::Nginx => 9002,
            Proxy::Haproxy { port } | Proxy::Envoy { port } => port,
            Proxy::BareHyper => 9004,
            Proxy::Yanma { .. } => PORT,
        }
    }
}
