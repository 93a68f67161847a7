//! The rows of the table: which proxy, how it is started, and what it is asked.

use std::io;
use std::process::Command;

use crate::load::{Figures, Load};
use benches::process::Process;
use benches::site::{ADMIN_PORT, PORT, Site};

/// One row.
pub(crate) struct Row {
    name: &'static str,
    proxy: Proxy,
    asked: Asked,
}

enum Proxy {
    Nginx,
    Haproxy { port: u16 },
    Envoy { port: u16 },
    BareHyper,
    Yanma { engine: Option<&'static str>, workers: u32, backend: &'static str },
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
const BEST: Proxy = Proxy::Yanma { engine: None, workers: 1, backend: TCP };

impl Row {
    /// All rows, in the table's order.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [
            Self { name: "nginx, plain", proxy: Proxy::Nginx, asked: REDEEM },
            Self { name: "yanma, redeem", proxy: BEST, asked: REDEEM },
            Self {
                name: "yanma, redeem, UNIX backend",
                proxy: Proxy::Yanma { engine: None, workers: 1, backend: UNIX },
                asked: REDEEM,
            },
            Self { name: "yanma, check", proxy: BEST, asked: Asked::Codes { route: "/check" } },
            Self { name: "yanma, none", proxy: BEST, asked: Asked::Codes { route: "/none" } },
            Self {
                name: "yanma, redeem, two workers",
                proxy: Proxy::Yanma { engine: None, workers: 2, backend: TCP },
                asked: REDEEM,
            },
            Self::of_engine("yanma, redeem, engine portable", "portable"),
            Self::of_engine("yanma, redeem, engine reference", "reference"),
            Self { name: "bare hyper, plain", proxy: Proxy::BareHyper, asked: REDEEM },
            Self { name: "haproxy, plain", proxy: Proxy::Haproxy { port: 9003 }, asked: REDEEM },
            Self {
                name: "haproxy, jwt_verify + stick table",
                proxy: Proxy::Haproxy { port: 9005 },
                asked: Asked::Tokens,
            },
            Self { name: "envoy, plain", proxy: Proxy::Envoy { port: 9020 }, asked: REDEEM },
            Self {
                name: "envoy, jwt_authn",
                proxy: Proxy::Envoy { port: 9021 },
                asked: Asked::Tokens,
            },
        ]
        .into_iter()
    }

    fn of_engine(name: &'static str, engine: &'static str) -> Self {
        let proxy = Proxy::Yanma { engine: Some(engine), workers: 1, backend: TCP };
        Self { name, proxy, asked: REDEEM }
    }

    /// What the table calls it.
    pub(crate) fn name(&self) -> &'static str {
        self.name
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
        let found = Command::new("which").arg(&program).output().is_ok_and(|o| o.status.success());
        if !found {
            eprintln!("{}: not measured, {} is not here", self.name, program.display());
        }
        found
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
            Proxy::Yanma { engine, workers, backend } => {
                let cores = if *workers == 1 { "0" } else { "0,1" };
                let mut command = site.command(cores, site.program("yanma"));
                command.arg("serve").arg("--config").arg(site.write_gateway(*workers, backend)?);
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
