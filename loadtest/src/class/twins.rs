//! One code that was sent twice at the same time.

use crate::outage::Votes;
use crate::outcome::{Answer, Outcome};

/// Whether the answers fit together: one passed, and the other is refused or shows its answer.
/// `None` stands for an answer that was lost; whoever tolerates that says so elsewhere.
///
/// Two nodes that ask at once while not all registers vote may both be denied, and a claim in doubt
/// leaves a code used by nobody.
pub fn twins_fit(answers: [Option<Answer>; 2], votes: Votes) -> bool {
    let is_fresh = |answer: Option<Answer>, outcome: Outcome| {
        answer.is_some_and(|answer| answer.outcome == outcome && !answer.is_replayed)
    };
    let both = |outcome| answers.iter().all(|answer| is_fresh(*answer, outcome));
    // Forwarded twice.
    if both(Outcome::Approved) || both(Outcome::OutcomeUnknown) {
        return false;
    }
    let [one, other] = answers;
    needs(one, other, votes) && needs(other, one, votes)
}

/// Whether an answer that speaks of its twin has one that explains it.
fn needs(answer: Option<Answer>, twin: Option<Answer>, votes: Votes) -> bool {
    let (Some(answer), Some(twin)) = (answer, twin) else { return true };
    let was_forwarded = matches!(twin.outcome, Outcome::Approved | Outcome::OutcomeUnknown);
    match answer.outcome {
        _ if answer.is_replayed => !twin.is_replayed && twin.outcome == answer.outcome,
        // Nobody but its twin can have used it.
        Outcome::CodeUsed => was_forwarded || votes < Votes::All,
        // Its twin ran; whatever stopped that one had a reason of its own.
        Outcome::RequestInFlight => {
            let is_strange = matches!(twin.outcome, Outcome::RequestInFlight | Outcome::CodeUsed);
            !is_strange || votes < Votes::All
        }
        _ => true,
    }
}
