//! The law: what each class must get, and what the scenario's own faults excuse.
//!
//! Everything that is tolerated stands here, in [`Terms`], [`fit`] and [`twins`]. A test that
//! tolerates something elsewhere tolerates too much.

pub mod account;
pub mod terms;
pub mod twins;

use self::terms::{Asked, First, Terms};
use crate::judge::class::Class;
use crate::judge::outage::Votes;
use crate::judge::outcome::{Answer, Outcome};

/// How an answer fits its class.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Fit {
    /// What the class must get.
    Expected,
    /// Another answer, which the scenario's own faults explain.
    Tolerated,
    /// A promise was broken.
    Wrong,
}

const LIFE_MS: i64 = 60_000;
/// `passes.life_s` of every gateway here, counted from the second in which the code was spent.
const PASS_LIFE_MS: i64 = 900_000;
/// A code is made when it is sent, and its second of issue may be nearly over then. A code that is
/// sent later had to wait for a free connection.
const SENT_WITHIN_MS: i64 = 1_000 + MARGIN_MS;
/// Two processes do not read the clock at the same moment.
const MARGIN_MS: i64 = 250;
/// A gateway refuses if its clock and its registers' clocks differ by more than a second. Registers
/// tell whole milliseconds, and their answer takes time.
const REGISTERS_OFF_MS: i64 = 1_000 - MARGIN_MS;
/// The slots that one code may take can be full a little before the whole table is.
const FULL_OF: [u64; 2] = [3, 4];

/// Compares an answer with what its class must get.
pub fn fit(asked: &Asked, answer: Answer, terms: &Terms) -> Fit {
    if answer.outcome.status().is_some_and(|status| status != answer.status) {
        return Fit::Wrong;
    }
    if answer.is_replayed {
        return if is_stored(asked, answer, terms) { Fit::Expected } else { Fit::Wrong };
    }
    if let Some(fit) = fit_account(asked, answer, terms) {
        return fit;
    }
    // No majority can have said that the code was unused, so the gateway guessed.
    let asks_registers = asked.class.call().spends();
    if answer.is_approval() && asks_registers && asked.trouble.votes == Votes::Missing {
        return Fit::Wrong;
    }
    if answer.is_approval() && asked.class.call().shows_pass() && is_long_over(asked, terms) {
        return Fit::Wrong;
    }
    if is_expected(asked, answer, terms) {
        Fit::Expected
    } else if is_tolerated(asked, answer, terms) {
        Fit::Tolerated
    } else {
        Fit::Wrong
    }
}

/// How an answer fits the person's account; `None` if the account has no part in it.
fn fit_account(asked: &Asked, answer: Answer, terms: &Terms) -> Option<Fit> {
    let standing = &asked.standing;
    let with_cause = |is_one: bool| if is_one { Fit::Expected } else { Fit::Wrong };
    match answer.outcome {
        Outcome::Approved if standing.must_be_refused => Some(Fit::Wrong),
        Outcome::AccountFrozen => Some(with_cause(standing.may_be_frozen)),
        Outcome::DeviceUnbound => Some(with_cause(standing.may_be_unbound)),
        Outcome::AccountStateUnavailable if terms.may_be_stale && asked.class.is_looked_up() => {
            Some(Fit::Tolerated)
        }
        _ => None,
    }
}

/// Whether this may be the stored answer to the first request.
fn is_stored(asked: &Asked, answer: Answer, terms: &Terms) -> bool {
    if !asked.is_same {
        return false;
    }
    let may_be = match answer.outcome {
        Outcome::Approved => is_relayed(answer, terms),
        Outcome::OutcomeUnknown => may_be_unknown(asked, terms),
        _ => false,
    };
    match (asked.class, asked.first) {
        (Class::ReplayAtOnce, _) | (_, Some(First::Lost | First::InDoubt)) => may_be,
        (_, Some(First::Answered(first))) => {
            (first.status, first.outcome) == (answer.status, answer.outcome)
        }
        (_, None) => false,
    }
}

fn is_expected(asked: &Asked, answer: Answer, terms: &Terms) -> bool {
    match (asked.class, answer.outcome) {
        (class, Outcome::Approved) if class.outcome() == Outcome::Approved => {
            is_relayed(answer, terms)
        }
        (Class::ReplayAtOnce, Outcome::CodeUsed) => true,
        (Class::ReplayAtOnce, Outcome::RequestInFlight) => asked.is_same,
        // Also after the code's time, as long as the table remembers it. That prevents a second
        // charge.
        (class, outcome) if class.is_replay() && outcome == class.outcome() => true,
        (class, outcome) if class.is_replay() && outcome == class.over() => is_over(asked, terms),
        // A visit may last longer than its pass.
        (Class::PassCheck | Class::Pass, Outcome::PassExpired) => is_over(asked, terms),
        // Where nodes share registers, a node may not have seen the first request. It may have two
        // copies at once that equal each other and differ from the first.
        (class, Outcome::RequestInFlight) if class.is_replay() => {
            let is_open = asked.first.is_some_and(First::is_open);
            let is_alike = asked.is_same || terms.has_registers;
            is_alike && asked.is_beside_another || asked.is_same && is_open
        }
        (class, outcome) => outcome == class.outcome() && outcome != Outcome::Approved,
    }
}

/// Whether the code or pass may have been past its time when the gateway read its clock.
fn is_over(asked: &Asked, terms: &Terms) -> bool {
    asked.answered_ms + asked.trouble.ahead_ms > over_at_ms(asked, terms) - MARGIN_MS
}

/// Whether it was past its time before it was sent.
fn is_long_over(asked: &Asked, terms: &Terms) -> bool {
    asked.sent_ms > over_at_ms(asked, terms) + MARGIN_MS
}

fn over_at_ms(asked: &Asked, terms: &Terms) -> i64 {
    let is_pass = asked.class.call().shows_pass();
    let life_ms = if is_pass { PASS_LIFE_MS } else { LIFE_MS + terms.skew_ms };
    asked.issued_at_s * 1_000 + life_ms
}

/// Whether the backend may have answered so.
fn is_relayed(answer: Answer, terms: &Terms) -> bool {
    answer.status == 200 || (terms.backend_errs && answer.status == 500)
}

/// Only a forwarded request can have an unknown outcome. The judge counts how many may.
fn may_be_unknown(asked: &Asked, terms: &Terms) -> bool {
    let is_first = asked.class.may_arrive();
    let is_open = asked.first.is_some_and(First::is_open);
    let slept = asked.trouble.paused_ms + 1_000 > terms.backend_timeout_ms;
    let is_orphan = terms.has_registers && is_open;
    ((terms.backend_breaks || slept) && (is_first || is_open)) || is_orphan
}

fn is_tolerated(asked: &Asked, answer: Answer, terms: &Terms) -> bool {
    let trouble = &asked.trouble;
    let is_spending = asked.class.is_replay() || asked.class.may_arrive();
    let has_no_majority = terms.has_registers && trouble.votes <= Votes::Open;
    match answer.outcome {
        // The first request may not have reached the backend. If it did, the ledger shows the
        // second arrival.
        Outcome::Approved => {
            asked.first.is_some_and(First::is_open)
                && asked.class.is_replay()
                && is_relayed(answer, terms)
        }
        Outcome::OutcomeUnknown => may_be_unknown(asked, terms),
        // A gateway or a majority of registers lost its memory. A replay then looks like a first
        // use, so neither may pass.
        Outcome::WarmingUp => is_spending && (trouble.is_fenced_off || has_no_majority),
        Outcome::ReplayStoreUnavailable => {
            let is_off = terms.has_registers && trouble.ahead_ms > REGISTERS_OFF_MS;
            is_spending && (has_no_majority || is_off || trouble.is_astray)
        }
        Outcome::ReplayFull => {
            let [part, whole] = FULL_OF;
            is_spending
                && terms.small_table.is_some_and(|slots| asked.arrived * whole >= slots * part)
        }
        // The code waited in a gateway that was stopped or whose clock was stepped. Or it waited in
        // this tool, because all connections waited for such a gateway.
        Outcome::CodeExpired => {
            let waited_here = asked.sent_ms - asked.issued_at_s * 1_000 > SENT_WITHIN_MS;
            let is_late = trouble.paused_ms > 0 || trouble.ahead_ms > 0 || waited_here;
            is_spending && is_late && is_over(asked, terms)
        }
        Outcome::KeyRevoked => asked.key_is_leaving,
        Outcome::Overloaded => terms.may_overload,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
