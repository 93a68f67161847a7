//! Gateways and registers as processes, and the faults that a scenario makes in them.
//!
//! | module | what is there |
//! |---|---|
//! | [`child`] | a process: started, followed, signalled, waited for |
//! | [`node`] | a gateway: kills, restarts, upgrades, pauses, its clock and its data directory |
//! | [`measured`] | CPU time and memory of gateways and tool |
//! | [`register`], [`register_proxy`], [`registers`] | `redis-server`s, the proxies before them, and faults in both |
//! | [`injector`] | plays the events of a scenario |

pub mod child;
pub mod injector;
pub mod measured;
pub mod node;
pub mod register;
pub mod register_proxy;
pub mod registers;
