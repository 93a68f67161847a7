//! How long a code is remembered, at the edges.
//!
//! Several processes have skews of 0 to 10 s. Codes are issued a second around every limit apart,
//! and presented a millisecond around every limit. A set with exact times is the reference.

use keyring::code::Kind;

use super::*;

/// One presentation of a code.
#[derive(Clone, Debug)]
struct Visit {
    /// Which of the processes, each with a skew of its own.
    process: usize,
    /// The code's issue second after [`T`].
    issued_s: u32,
    serial: u64,
    /// When it is presented: near a limit of this code or of another.
    at_ms: i64,
    /// How long the thread was paused since it judged the code.
    paused_ms: i64,
}

const SKEWS_S: [u32; 3] = [0, 2, 10];

fn visit() -> impl Strategy<Value = Visit> {
    // Codes a second around a life, and the life of an entry, apart.
    let issued_s = prop::sample::select(vec![0_u32, 1, 59, 60, 61, 69, 70, 79, 80, 81, 140, 160]);
    let limit_s = prop::sample::select(vec![-10_i64, -2, 0, 49, 58, 60, 62, 70, 80, 90]);
    let beside_ms = prop::sample::select(vec![-1_i64, 0, 1, 500]);
    let paused_ms = prop_oneof![3 => Just(0), 1 => 0..90_000_i64];
    (0..SKEWS_S.len(), issued_s, 0..3_u64, limit_s, beside_ms, paused_ms).prop_map(
        |(process, issued_s, serial, limit_s, beside_ms, paused_ms)| {
            let at_ms = (i64::from(issued_s) + limit_s) * 1_000 + beside_ms;
            Visit { process, issued_s, serial, at_ms, paused_ms }
        },
    )
}

/// Presents codes in the order of time. Every answer must be the set's, except that a crowded table
/// may refuse a code that the set would take.
fn run(slots: usize, mut visits: Vec<Visit>) -> Result<(), TestCaseError> {
    visits.sort_by_key(|visit| visit.at_ms);
    let first = Replay::new(slots, None).expect("a small table");
    let processes = [first.in_another_process(), first.in_another_process(), first];
    for replay in &processes {
        replay.guard.renew(i64::MAX);
        replay.guard.promise(UnixMillis::new(i64::MAX));
    }
    let (clock, hand) = Clock::hand_set(seconds(T - 20));
    let (mut spent, mut taken) = (HashSet::new(), HashSet::new());
    for Visit { process, issued_s, serial, at_ms, paused_ms } in visits {
        hand.set(seconds(T).plus_ms(at_ms).max(clock.now()));
        let (now, rules) = (clock.now(), rules(SKEWS_S[process]));
        let (code, judged_at) = (code(T + issued_s, serial), now.plus_ms(-paused_ms));
        if rules.judge(Kind::Payment, code.issued_at, judged_at).is_err() {
            continue;
        }
        let answer = processes[process].redeem(&code, judged_at, &rules, &clock).map(drop);
        let is_over = now >= rules.end_of_life(Kind::Payment, code.issued_at);
        match answer {
            Ok(()) => {
                prop_assert!(spent.insert(code), "{} was spent twice", code);
                prop_assert!(!is_over, "{} was over", code);
            }
            Err(RedeemError::Full) => prop_assert_eq!(slots, 8),
            // Whether it was found or not, it is over.
            Err(RedeemError::Expired) => prop_assert!(is_over, "{} was in its time", code),
            Err(error) => {
                prop_assert_eq!(error, RedeemError::Used);
                prop_assert!(taken.contains(&code), "{} was not used", code);
            }
        }
        // A code that was over after the swap has taken a slot too.
        if answer.is_ok() || is_over {
            taken.insert(code);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 512 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn with_room_every_answer_is_a_sets(visits in prop::collection::vec(visit(), 1..120)) {
        run(8_192, visits)?;
    }

    #[test]
    fn without_room_nothing_is_spent_twice(visits in prop::collection::vec(visit(), 1..120)) {
        run(8, visits)?;
    }
}
