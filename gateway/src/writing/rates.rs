//! How many changes a writer may make: in a second, and freezes in an hour.
//!
//! Each change takes its part of a second. A request is let in while those before it are at most a
//! second ahead: a thousand changes at 200 a second keep the next one out for 4 s. Freezes count in
//! hours that begin with the first freeze, so what a stolen token can do ends there.

use std::collections::HashMap;

use http::StatusCode;

use super::answer::Problem;
use crate::config::WriterConfig;

const SECOND_NS: i64 = 1_000_000_000;
const HOUR_NS: i64 = 3_600 * SECOND_NS;

/// What each writer has done, by its name.
#[derive(Default)]
pub(super) struct Rates(HashMap<String, Rate>);

#[derive(Default)]
struct Rate {
    /// When the changes so far have had their time.
    busy_until_ns: i64,
    hour_began_ns: i64,
    freezes: u64,
}

impl Rates {
    /// Counts a request's changes and freezes, or none of them. `now_ns` never runs back.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(super) fn count(
        &mut self,
        writer: &WriterConfig,
        (changes, freezes): (usize, usize),
        now_ns: i64,
    ) -> Result<(), Problem> {
        let rate = self.0.entry(writer.name.clone()).or_default();
        let refuse = |max: u64, what: &str| {
            let detail = format!("writer {}: at most {max} {what}", writer.name);
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail))
        };
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let per_second = writer.changes_per_second_max;
        let busy_ns = rate.busy_until_ns.max(now_ns);
        if busy_ns - now_ns >= SECOND_NS {
            return refuse(per_second, "changes a second; send it again later");
        }
        if now_ns - rate.hour_began_ns >= HOUR_NS {
            (rate.hour_began_ns, rate.freezes) = (now_ns, 0);
        }
        let frozen = rate.freezes.saturating_add(number(freezes));
        if freezes > 0 && frozen > writer.freezes_per_hour_max {
            return refuse(writer.freezes_per_hour_max, "freezes an hour (freezes_per_hour_max)");
        }
        rate.freezes = frozen;
        let time_ns = i128::from(number(changes)) * i128::from(SECOND_NS) / i128::from(per_second);
        rate.busy_until_ns = busy_ns.saturating_add(i64::try_from(time_ns).unwrap_or(i64::MAX));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Rights, TokenDigest};

    fn writer() -> WriterConfig {
        WriterConfig {
            name: "hotline".to_owned(),
            token: TokenDigest::of(b"t"),
            may: Rights::default(),
            freezes_per_hour_max: 1_500,
            changes_per_second_max: 200,
        }
    }

    #[test]
    fn a_large_request_keeps_the_next_one_out_for_its_time() {
        let mut rates = Rates::default();
        assert!(rates.count(&writer(), (1_000, 0), HOUR_NS).is_ok());
        assert!(rates.count(&writer(), (1, 0), HOUR_NS + 4 * SECOND_NS).is_err());
        assert!(rates.count(&writer(), (1, 0), HOUR_NS + 4 * SECOND_NS + 1).is_ok());
    }

    #[test]
    fn small_requests_may_come_at_once_up_to_a_seconds_worth() {
        let mut rates = Rates::default();
        let let_in = (0..1_000).filter(|_| rates.count(&writer(), (1, 0), HOUR_NS).is_ok());
        assert_eq!(let_in.count(), 200);
        assert!(rates.count(&writer(), (1, 0), HOUR_NS + SECOND_NS / 200).is_ok());
    }

    #[test]
    fn freezes_of_an_hour_end_and_a_refused_request_counts_nothing() {
        let mut rates = Rates::default();
        assert!(rates.count(&writer(), (1_000, 1_000), HOUR_NS).is_ok());
        let later = HOUR_NS + 10 * SECOND_NS;
        let refused = rates.count(&writer(), (501, 501), later).unwrap_err();
        assert!(refused.detail.contains("1500 freezes an hour"), "{}", refused.detail);
        assert!(rates.count(&writer(), (500, 500), later).is_ok());
        assert!(rates.count(&writer(), (1, 1), later + 10 * SECOND_NS).is_err());
        assert!(rates.count(&writer(), (1, 1), 2 * HOUR_NS).is_ok());
    }
}
