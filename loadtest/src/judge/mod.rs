//! What each code must get, what excuses another answer, and the verdict over all of them.
//!
//! | module | what is there |
//! |---|---|
//! | [`outcome`] | the contract's outcomes, copied; a test compares them with the contract's file |
//! | [`class`] | the classes of codes |
//! | [`outage`] | which faults were made, and when |
//! | [`law`] | what each class must get, and **all** that is tolerated |
//! | [`ledger`] | one byte for each code: how often it arrived and was approved |
//! | [`seen`], [`counters`] | what senders have seen and counted |
//! | [`verdict`] | ledger against senders, when the run is over |

pub mod class;
pub mod counters;
pub mod law;
pub mod ledger;
pub mod outage;
pub mod outcome;
pub mod seen;
pub mod verdict;
