//! When requests start in the open loop. The times are fixed beforehand, whatever the gateway does.
//!
//! A closed loop slows down with the gateway, and so hides the moments in which it is slow. Here a
//! start is due at a fixed time, and response time counts from then.

use crate::clock::{NS_PER_MS, NS_PER_S};
use crate::rng::Rng;
use crate::scenario::settings::{Arrivals, Phase};

/// Start times in nanoseconds after the run's beginning, in order.
#[derive(Clone, Debug)]
pub struct Schedule {
    phases: std::vec::IntoIter<Phase>,
    arrivals: Arrivals,
    rng: Rng,
    /// The phase that runs: its rate, first moment and end.
    rate: u64,
    begin_ns: u64,
    end_ns: u64,
    /// Starts of this phase so far, and the time of the last. Poisson counts on from there.
    count: u64,
    last_ns: u64,
}

impl Schedule {
    /// The starts of phases, one after the other. The same seed gives the same gaps.
    pub fn new(phases: Vec<Phase>, arrivals: Arrivals, seed: u64) -> Self {
        let mut schedule = Self {
            phases: phases.into_iter(),
            arrivals,
            rng: Rng::new(seed),
            rate: 1,
            begin_ns: 0,
            end_ns: 0,
            count: 0,
            last_ns: 0,
        };
        schedule.next_phase();
        schedule
    }

    /// The share of one of several threads: every `threads`-th start.
    pub fn share(self, thread: usize, threads: usize) -> impl Iterator<Item = u64> {
        self.skip(thread).step_by(threads.max(1))
    }

    fn next_phase(&mut self) -> bool {
        let Some(Phase { duration_ms, rate }) = self.phases.next() else { return false };
        self.rate = rate.max(1);
        self.begin_ns = self.end_ns;
        self.end_ns = self.begin_ns + duration_ms * NS_PER_MS;
        self.count = 0;
        self.last_ns = self.begin_ns;
        true
    }

    /// When the phase's next start would be, if the phase lasts so long.
    fn candidate(&mut self) -> u64 {
        match self.arrivals {
            Arrivals::Constant => self.begin_ns + self.count * NS_PER_S / self.rate,
            Arrivals::Poisson => self.last_ns + exponential_ns(&mut self.rng, self.rate),
        }
    }
}

impl Iterator for Schedule {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        loop {
            let at = self.candidate();
            if at < self.end_ns {
                self.count += 1;
                self.last_ns = at;
                return Some(at);
            }
            if !self.next_phase() {
                return None;
            }
        }
    }
}

/// A gap of a Poisson process: -ln(u) / rate.
fn exponential_ns(rng: &mut Rng, rate: u64) -> u64 {
    let rate = f64::from(u32::try_from(rate).unwrap_or(u32::MAX));
    let gap = std::time::Duration::from_secs_f64(-rng.fraction().ln() / rate);
    u64::try_from(gap.as_nanos()).expect("a fraction is at least 2^-32, so 23 / rate seconds")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: [Phase; 2] =
        [Phase { duration_ms: 1_000, rate: 10 }, Phase { duration_ms: 500, rate: 1_000 }];

    fn schedule(arrivals: Arrivals) -> Schedule {
        Schedule::new(PHASES.to_vec(), arrivals, 1)
    }

    #[test]
    fn a_constant_rate_has_equal_gaps_and_no_start_at_the_end() {
        let starts: Vec<u64> = schedule(Arrivals::Constant).collect();
        assert_eq!(starts.len(), 510);
        assert_eq!(&starts[..3], [0, 100 * NS_PER_MS, 200 * NS_PER_MS]);
        assert_eq!(&starts[9..12], [900 * NS_PER_MS, NS_PER_S, NS_PER_S + NS_PER_MS]);
        assert_eq!(starts.last(), Some(&(NS_PER_S + 499 * NS_PER_MS)));
    }

    #[test]
    fn poisson_keeps_the_rate_and_the_order() {
        let phases = vec![Phase { duration_ms: 100_000, rate: 1_000 }];
        let starts: Vec<u64> = Schedule::new(phases, Arrivals::Poisson, 7).collect();
        assert!((98_500..101_500).contains(&starts.len()), "{}", starts.len());
        assert!(starts.is_sorted());
        // Of exponential gaps, 1 in e is longer than the mean.
        let long = starts.windows(2).filter(|pair| pair[1] - pair[0] > NS_PER_MS).count();
        let share = long * 1_000 / starts.len();
        assert!((358..378).contains(&share), "{share}");
    }

    #[test]
    fn rates_that_do_not_divide_a_second_do_not_drift() {
        let phases = vec![Phase { duration_ms: 60_000, rate: 7 }];
        assert_eq!(Schedule::new(phases, Arrivals::Constant, 1).count(), 420);
    }

    #[test]
    fn threads_share_all_starts_and_none_twice() {
        for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
            let whole: Vec<u64> = schedule(arrivals).collect();
            let mut shares: Vec<u64> =
                (0..3).flat_map(|thread| schedule(arrivals).share(thread, 3)).collect();
            shares.sort_unstable();
            assert_eq!(shares, whole);
        }
    }

    #[test]
    fn no_phase_has_no_start() {
        assert_eq!(Schedule::new(Vec::new(), Arrivals::Constant, 1).count(), 0);
    }
}
