use super::*;

const ISSUED: i64 = 1_700_000_000;

fn outages() -> Outages {
    let outages = Outages::default();
    outages.set_up(&[ISSUED; 2], 0, 0);
    outages
}

fn fenced_off(outages: &Outages, sent_ns: u64, issued_s: i64) -> bool {
    outages.trouble(0, sent_ns, clock::now_ns(), issued_s).is_fenced_off
}

#[test]
fn nothing_is_excused_while_a_gateway_lives() {
    let outages = outages();
    outages.begin(1);
    assert!(!outages.excuse_loss(0, 1) && outages.excuse_loss(1, 1));
    assert!(!fenced_off(&outages, 1, ISSUED + 1) && fenced_off(&outages, 1, ISSUED));
    let Trouble { is_down, paused_ms, ahead_ms, votes, .. } = outages.trouble(0, 1, 2, ISSUED);
    assert_eq!((is_down, paused_ms, ahead_ms, votes), (false, 0, 0, Votes::All));
}

#[test]
fn what_was_sent_before_the_end_of_an_outage_may_be_lost_and_nothing_later() {
    let outages = outages();
    outages.begin(0);
    assert!(outages.excuse_loss(0, 5_000));
    outages.end(0, ISSUED, Memory::Kept);
    assert!(outages.excuse_loss(0, 5_000) && !outages.excuse_loss(0, clock::now_ns() + 1));
    assert!(outages.broken().is_empty());
}

#[test]
fn codes_are_fenced_off_up_to_the_second_that_the_new_life_names() {
    let outages = outages();
    outages.begin(0);
    assert!(fenced_off(&outages, 1, i64::MAX));
    let fence_s = clock::unix_s() + 1;
    outages.end(0, fence_s, Memory::Lost);
    let later = clock::now_ns() + 1;
    assert!(fenced_off(&outages, later, fence_s) && !fenced_off(&outages, later, fence_s + 1));
    assert!(outages.broken().is_empty());
}

#[test]
fn a_fence_that_rises_over_a_kept_directory_is_a_fault() {
    let outages = outages();
    outages.begin(0);
    outages.end(0, ISSUED + 1, Memory::Kept);
    assert!(outages.broken()[0].contains("forgot which codes were used"));
}

#[test]
fn a_fence_that_does_not_rise_over_a_lost_one_is_a_fault() {
    let outages = outages();
    outages.begin(0);
    outages.end(0, ISSUED, Memory::Lost);
    assert!(outages.broken()[0].contains("takes codes of before"));
}

#[test]
fn a_gateway_that_refuses_more_than_its_fence_while_it_starts_is_a_fault() {
    let outages = outages();
    outages.begin(0);
    outages.note_fenced_off(0, ISSUED + 1);
    outages.end(0, ISSUED, Memory::Kept);
    assert!(outages.broken()[0].contains("would not know a code"));
}

#[test]
fn a_pause_is_as_long_as_it_was_and_leaves_votes_open() {
    let outages = Outages::default();
    outages.set_up(&[0; 2], 3, 3);
    let sent_ns = clock::now_ns();
    outages.pause(0);
    outages.resume(0);
    let now_ns = clock::now_ns();
    assert_eq!(outages.trouble(1, sent_ns, now_ns, ISSUED).votes, Votes::All);
    let long = outages.trouble(0, sent_ns, now_ns + 1, ISSUED);
    assert_eq!((long.paused_ms, long.votes), (0, Votes::All));
    outages.pause(0);
    let long = outages.trouble(0, sent_ns, clock::now_ns() + 5 * NS_PER_MS, ISSUED);
    assert!((5..100).contains(&long.paused_ms) && long.votes == Votes::Open);
}

#[test]
fn a_directory_that_was_taken_away_excuses_until_the_next_life() {
    let outages = outages();
    let astray = |sent_ns| outages.trouble(0, sent_ns, clock::now_ns(), ISSUED).is_astray;
    assert!(!astray(1));
    outages.lead_astray(0);
    assert!(astray(clock::now_ns()));
    outages.begin(0);
    outages.end(0, clock::unix_s() + 1, Memory::Lost);
    assert!(!astray(clock::now_ns() + 1));
}

#[test]
fn a_gateway_that_wakes_may_refuse_up_to_the_fence_that_it_names() {
    let outages = outages();
    outages.pause(0);
    assert!(!outages.resume(0));
    let waking = outages.trouble(0, 1, clock::now_ns(), i64::MAX);
    assert!(waking.is_astray && waking.is_fenced_off);
    outages.end_waking(0, ISSUED);
    let awake = outages.trouble(0, clock::now_ns() + 1, clock::now_ns() + 2, ISSUED + 1);
    assert!(!awake.is_astray && !awake.is_fenced_off && outages.broken().is_empty());
    // It stood still for no time at all.
    outages.pause(0);
    outages.resume(0);
    outages.end_waking(0, ISSUED + 1);
    assert!(outages.broken()[0].contains("more than its pause explains"));
}
