//! What each code must get, what excuses another answer, and the verdict over all of them.
//!
//! | module | what is there |
//! |---|---|
//! | [`outcome`] | the contract's outcomes, copied; a test compares them with the contract's file |
//! | [`class`], [`call`] | the classes of requests, and what they ask for |
//! | [`outage`] | which faults were made, and when |
//! | [`law`] | what each class must get, and **all** that is tolerated |
//! | [`ledger`] | one byte for each code: how often it arrived and was approved |
//! | [`redemption`], [`passes`] | what is spent; the passes that were handed out |
//! | [`accounts`] | the people whose accounts are changed, and what they were answered |
//! | [`seen`], [`counters`] | what senders have seen and counted |
//! | [`verdict`] | ledger against senders, when the run is over |

pub mod accounts;
pub mod call;
pub mod class;
pub mod counters;
pub mod law;
pub mod ledger;
pub mod outage;
pub mod outcome;
pub mod passes;
pub mod redemption;
pub mod seen;
pub mod verdict;
