//! What several nodes share: which codes and passes are spent, in Redis or Valkey servers that know nothing of
//! each other.
//!
//! A server is a **register**: it says who was first to claim a code. Three or five make a group,
//! and a claim holds when a majority says "you are first". Any two majorities share a register, so
//! two claims on one code cannot both hold. There is no leader, no election and no replication,
//! so nothing is lost by failing over. The promise rests on ten conditions:
//!
//! | # | condition | enforced in |
//! |--:|---|---|
//! | 1 | a claim is `SET`, then `GET yanma:layout`, then `TIME`, on one connection; each request claims with an attempt of its own | `Connection::end_batch`, `resp::claim`, `Machine::claim` |
//! | 2 | which answer is a vote; for how long, and of which memory, goes by the kind of what is claimed | `claim::judge`, `claim_id::ClaimId` |
//! | 3 | lost memory is seen, whatever its cause: the layout goes with it, and names the process that remembers | `Layout::read`, `layout::Witness`, `layout::ADOPT`, `Layout::may_judge` |
//! | 4 | a change of members opens when a majority of each old group has adopted it | `layout::opening`, `Layout::wants_to_adopt` |
//! | 5 | a register that may forget a key and keep its layout is ineligible, and is born anew; a server that is not the very process that remembered has lost its memory, whatever file it read | `eligibility`, `Machine::take_info`, `layout::Witness` |
//! | 6 | time is read again just before forwarding | `Tally::may_forward`, `Machine::conclude` |
//! | 7 | in doubt is sent again with the same attempt, or denied; a missing answer is no vote | `Machine::lost`, `Tally::verdict_without_waiting` |
//! | 8 | a claim is released only where it is one's own | `resp::release` |
//! | 9 | all gateways choose the same group for a code | `Layout::group_of` |
//! | 10 | a gateway whose clock is off refuses, and is not ready | `RegisterReading::clock_agrees`, `Machine::tick` |
//!
//! `machine` is the protocol as a pure state machine, of the rules in `protocol`; `client` drives it
//! with sockets and a clock. `simulation` drives the same machine and runs gateways and registers
//! by seeded schedules of crashes, pauses, losses, late and repeated commands, and shows for each
//! condition a schedule that breaks the promise without it.

mod client;
pub mod counts;
pub mod limits;
mod machine;
mod preflight;
mod protocol;
mod settings;

#[cfg(test)]
mod simulation;

pub use self::{
    client::{Claiming, Node, Registers, Reports},
    machine::{Claimed, NoMajority},
    preflight::{Preflight, preflight},
    protocol::{
        claim::{ClaimNote, ClaimVerdict},
        claim_id::ClaimId,
    },
    settings::{Credentials, RegisterAddress, Settings},
};
