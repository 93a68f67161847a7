//! Connections to gateways, and the places on them that take one request at a time.

mod http1;
mod http2;
mod idle;
mod job;
mod load;

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;

pub use idle::Idle;
pub use job::Job;
pub use load::Load;

use crate::clock;
use crate::net::address::Address;
use crate::scenario::settings::Protocol;

/// The path that spends codes.
const PATH: &str = "/pay";
const HOST: &str = "yanma.loadtest";
/// A settlement request as HIS systems send it, cut to its usual size.
const BODY: &[u8] = br#"{"infno":"2207","msgid":"H37010000001202601010800000001","insuplc_admdvs":"370100","input":{"data":{"mdtrt_id":"202601010001","chrg_bchno":"0001","medfee_sumamt":120}}}"#;
/// Another one of the same length: what a copy asks for that is no retry.
const OTHER_BODY: &[u8] = br#"{"infno":"2207","msgid":"H37010000001202601010800000002","insuplc_admdvs":"370100","input":{"data":{"mdtrt_id":"202601010001","chrg_bchno":"0001","medfee_sumamt":120}}}"#;
const _: () = assert!(BODY.len() == OTHER_BODY.len());
/// On stored answers only.
const REPLAYED: &str = "idempotent-replayed";
/// Between two attempts to connect; a killed gateway is back in less than a second.
const RETRY: Duration = Duration::from_millis(5);

/// A place on a connection that can take one request.
#[derive(Clone)]
pub enum Slot {
    /// A connection.
    Http1(Rc<http1::Connection>),
    /// A stream of a connection.
    Http2(Rc<http2::Connection>),
}

/// Where a connection goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// The node's number.
    pub node: usize,
    /// Its address.
    pub address: Address,
    /// How requests travel.
    pub protocol: Protocol,
    /// Requests at once on one HTTP/2 connection.
    pub streams: usize,
}

impl Slot {
    /// Sends; the answer goes to the connection's load.
    pub fn send(&self, job: Job) {
        match self {
            Self::Http1(connection) => connection.send(job),
            Self::Http2(connection) => connection.send(job),
        }
    }

    /// Whether the gateway has hung up already: nothing is sent there any more.
    pub fn is_over(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.is_over(),
            Self::Http2(connection) => connection.is_over(),
        }
    }

    /// The number of the node that it leads to.
    pub fn node(&self) -> usize {
        match self {
            Self::Http1(connection) => connection.node(),
            Self::Http2(connection) => connection.node(),
        }
    }

    /// Whether both are places on the same connection.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Http1(one), Self::Http1(other)) => Rc::ptr_eq(one, other),
            (Self::Http2(one), Self::Http2(other)) => Rc::ptr_eq(one, other),
            _ => false,
        }
    }
}

/// Holds one connection, made again whenever it ends, until the task is dropped.
pub async fn keep_connected(target: Target, load: Rc<Load>, first_error: watch::Sender<String>) {
    loop {
        let begun_ns = clock::now_ns();
        let ended = match target.protocol {
            Protocol::Http1 => http1::converse(&target, &load).await,
            Protocol::Http2 => http2::converse(&target, &load).await,
        };
        if let Err(error) = ended {
            load.unconnected(target.node, begun_ns);
            first_error.send_if_modified(|first| {
                let is_first = first.is_empty();
                if is_first {
                    *first = format!("{}: {error}", target.address);
                }
                is_first
            });
            tokio::time::sleep(RETRY).await;
        }
    }
}
