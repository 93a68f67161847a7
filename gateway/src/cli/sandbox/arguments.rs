//! What the command line of the sandbox takes.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::pages::listener::ShareName;
use super::settings::SLOTS;

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
    pub(super) data: PathBuf,
    /// Where the gateway listens; port 0: any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7460")]
    pub(super) listen: SocketAddr,
    /// Where the live page, metrics and health are; port 0: any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7461")]
    pub(super) admin: SocketAddr,
    /// Where the stand-in settlement backend listens; port 0: any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7462")]
    pub(super) backend: SocketAddr,
    /// Where the API of writers of account states listens; port 0: any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(super) accounts: SocketAddr,
    /// Where the pages are; port 0: any free one; none: no pages
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7463", value_parser = PagesAt::parse)]
    pub(super) pages: PagesAt,
    /// Other machines may look, by a link with this name or address of this machine. No camera then
    #[arg(long, value_name = "NAME", value_parser = ShareName::parse)]
    pub(super) share: Option<ShareName>,
    /// Slots of the table of spent codes
    #[arg(long, hide = true, value_name = "NUMBER", default_value_t = SLOTS)]
    pub(super) slots: u32,
    /// A stand-in that runs already. The sandbox then ends with its standard input
    #[arg(long, hide = true, value_name = "ADDRESS")]
    pub(super) standin: Option<SocketAddr>,
}

/// Where the pages are.
#[derive(Copy, Clone)]
pub(super) enum PagesAt {
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
