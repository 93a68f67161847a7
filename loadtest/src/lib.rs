//! Load for the gateway, and a judge of what it promised.
//!
//! In the order of a run:
//!
//! | module | what is there |
//! |---|---|
//! | [`cli`] | commands; one run from start to verdict; the search for the highest rate |
//! | [`scenario`] | the TOML file and its checks; when starts are due |
//! | [`site`] | the directory of a run: throw-away keys and each gateway's configuration |
//! | [`backend`] | the stand-in backend, which counts every redemption |
//! | [`load`] | codes as they are sent, connections, the pacer, the load threads |
//! | [`faults`] | gateways and registers as processes, and what a scenario does to them |
//! | [`judge`] | the law: what each class must get, and what excuses another answer; the verdict |
//! | [`report`] | the report as text, JSON and page |
//! | [`clock`], [`net`], [`procfs`], [`rng`] | clocks, sockets, use of CPU and memory, random numbers |
//!
//! Imports run one way, from low to high: `rng`, `clock`, `procfs`, `net`, `judge`, `scenario`,
//! `site`, `load`, `faults`, `backend`, `report`, `cli`.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod backend;
pub mod cli;
pub mod clock;
pub mod faults;
pub mod judge;
pub mod load;
pub mod net;
pub mod procfs;
pub mod report;
pub mod rng;
pub mod scenario;
pub mod site;
