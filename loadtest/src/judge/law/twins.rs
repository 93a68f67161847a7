//! The law for one code that was sent twice at the same time.

use crate::judge::outage::{Trouble, Votes};
use crate::judge::outcome::{Answer, Outcome};

/// What was wrong with gateways and registers while either request was under way.
#[derive(Copy, Clone, Debug, Default)]
pub struct Meanwhile {
    /// The fewest registers that voted.
    pub votes: Votes,
    /// A gateway was stopped, or could not be sure of its table.
    pub was_in_doubt: bool,
}

impl Meanwhile {
    /// Adds what was wrong for one of the two requests.
    #[must_use]
    pub fn and(self, trouble: &Trouble) -> Self {
        Self {
            votes: self.votes.min(trouble.votes),
            was_in_doubt: self.was_in_doubt || trouble.paused_ms > 0 || trouble.is_astray,
        }
    }
}

/// Whether the answers fit together: one passed, and the other was refused or got the stored
/// answer. `None` stands for a lost answer. Whether it may be lost is judged elsewhere.
///
/// Two nodes that ask at once while not all registers vote may both be denied. A claim in doubt can
/// leave a code used although neither request passed. A gateway may be stopped between claiming a
/// code and forwarding it. It may then find the code expired or its table in doubt. It does not
/// forward the request, and the code stays used.
pub fn twins_fit(answers: [Option<Answer>; 2], meanwhile: Meanwhile) -> bool {
    let is_fresh = |answer: Option<Answer>, outcome: Outcome| {
        answer.is_some_and(|answer| answer.outcome == outcome && !answer.is_replayed)
    };
    let both = |outcome| answers.iter().all(|answer| is_fresh(*answer, outcome));
    // Forwarded twice.
    if both(Outcome::Approved) || both(Outcome::OutcomeUnknown) {
        return false;
    }
    let [one, other] = answers;
    needs(one, other, meanwhile) && needs(other, one, meanwhile)
}

/// Whether an answer that tells something of its twin is explained by the twin's answer.
fn needs(answer: Option<Answer>, twin: Option<Answer>, meanwhile: Meanwhile) -> bool {
    let (Some(answer), Some(twin)) = (answer, twin) else { return true };
    let was_forwarded = matches!(twin.outcome, Outcome::Approved | Outcome::OutcomeUnknown);
    let was_held_back = meanwhile.was_in_doubt
        && matches!(
            twin.outcome,
            Outcome::CodeExpired | Outcome::WarmingUp | Outcome::ReplayStoreUnavailable
        );
    match answer.outcome {
        _ if answer.is_replayed => !twin.is_replayed && twin.outcome == answer.outcome,
        // Only its twin can have used the code.
        Outcome::CodeUsed => was_forwarded || meanwhile.votes < Votes::All || was_held_back,
        // Its twin was running. An error that ended the twin has a reason of its own.
        Outcome::RequestInFlight => {
            let is_strange = matches!(twin.outcome, Outcome::RequestInFlight | Outcome::CodeUsed);
            !is_strange || meanwhile.votes < Votes::All
        }
        _ => true,
    }
}
