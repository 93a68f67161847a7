//! The phone: `GET /phone`, `POST /sandbox/phone/ID/VERB`.
//!
//! It activates, shows codes and asks for account states, as a person's phone does. What it asks for
//! is done by the gateway's own API of account states.
//!
//! | file | what is there |
//! |---|---|
//! | `act.rs`, `bodies.rs` | from a request to its answer; what can be asked for, in which JSON |
//! | `kept.rs` | what the phones themselves know, read and changed |
//! | `activate.rs`, `choices.rs` | the phone's own rules: activation; place, password, clock |
//! | `account.rs`, `held.rs` | account states: changed, and as they are |
//! | `show.rs` | the code on the screen |
//! | `usage.rs` | 使用明细 |
//! | `view.rs` | all that a page may know of a phone |
//! | `regions.rs`, `words.rs` | places of insurance; the texts |
//! | `page/` | the page |

mod account;
mod act;
mod activate;
mod bodies;
mod choices;
mod held;
mod kept;
mod page;
mod regions;
mod show;
mod usage;
mod view;
mod words;

pub(super) use self::account::lift_all;
pub(super) use self::act::{PREFIX, act};
pub(super) use self::page::page;
