//! What each code must get, what excuses another answer, and the verdict over all of them.

pub mod class;
pub mod counters;
pub mod law;
pub mod ledger;
pub mod outage;
pub mod outcome;
pub mod seen;
pub mod verdict;
