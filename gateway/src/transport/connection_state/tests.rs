use super::*;

const TIMEOUTS: Timeouts =
    Timeouts { header_ms: 5_000, body_ms: 15_000, idle_ms: 60_000, write_ms: 15_000 };

/// Limits are never early, and so late by a sweep at the most.
const LATE: u64 = limits::SWEEP_MS;

fn connection() -> Rc<Connection> {
    Connection::new(Rc::new(Sweep::default()), Peer::Local, Shape::Problem)
}

#[test]
fn a_socket_that_says_nothing_is_ended_as_silent() {
    let connection = connection();
    assert_eq!(connection.overdue(4_999 + LATE, &TIMEOUTS, None), None);
    assert_eq!(connection.overdue(5_000 + LATE, &TIMEOUTS, None), Some(End::Silent));
}

#[test]
fn a_head_that_does_not_end_is_slow_and_its_request_is_not() {
    let connection = connection();
    connection.has_read();
    assert_eq!(connection.overdue(5_000 + LATE, &TIMEOUTS, None), Some(End::SlowHead));
    let active = connection.begin();
    assert_eq!(connection.overdue(500_000, &TIMEOUTS, Some(0)), None);
    drop(active);
    assert_eq!(connection.overdue(59_999 + LATE, &TIMEOUTS, None), None);
    assert_eq!(connection.overdue(60_000 + LATE, &TIMEOUTS, None), Some(End::Idle));
}

#[test]
fn a_reader_that_stands_still_is_ended_in_the_midst_of_its_request() {
    let connection = connection();
    let _active = connection.begin();
    connection.has_written(false);
    assert_eq!(connection.overdue(15_000 + LATE, &TIMEOUTS, None), Some(End::SlowReader));
    connection.has_written(true);
    assert_eq!(connection.overdue(15_000 + LATE, &TIMEOUTS, None), None);
}

#[test]
fn only_a_quiet_http_1_connection_parks_and_only_once() {
    let connection = connection();
    let at = |now_ms| connection.overdue(now_ms + LATE, &TIMEOUTS, None);
    assert_eq!(at(2_000), None, "hyper does not serve it");
    connection.engine_begins(Engine::Http1);
    connection.has_read();
    assert_eq!(at(2_000), None, "a head has begun");
    let active = connection.begin();
    assert_eq!(at(2_000), None, "a request is under way");
    drop(active);
    assert_eq!(at(limits::PARK_MS - 1), None);
    assert_eq!(at(limits::PARK_MS), Some(End::Quiet));
    connection.has_written(false);
    assert_eq!(at(2_000), None, "its answer is not read");
    connection.has_written(true);
    connection.finish(End::Quiet);
    connection.stays();
    connection.has_read();
    assert!(!connection.engine_leaves(), "bytes came between the sweep and its verdict");
    drop(connection.begin());
    assert!(connection.engine_leaves());
    connection.engine_left();
    assert_eq!((at(2_000), connection.end.get()), (None, None), "parked already");
    assert_eq!(at(60_000), Some(End::Idle), "and idle since its last request");
}

#[test]
fn requests_that_are_cut_end_an_http_2_connection_if_they_are_many_at_a_time() {
    let cut = |engine, is_answered, count| {
        let connection = connection();
        connection.engine_begins(engine);
        for _ in 0..count {
            let mut active = connection.begin();
            if is_answered {
                active.mark_answered();
            }
        }
        (connection.end.get(), connection.engine())
    };
    let most = limits::H2_CUTS_MAX;
    assert_eq!(cut(Engine::Http2, false, most - 1), (None, Engine::Http2));
    assert_eq!(cut(Engine::Http2, false, most), (Some(End::CutFlood), Engine::Deaf));
    assert_eq!(cut(Engine::Http2, true, 2 * most), (None, Engine::Http2));
    assert_eq!(cut(Engine::Http1, false, 2 * most), (None, Engine::Http1), "one each");

    let connection = connection();
    connection.engine_begins(Engine::Http2);
    for second in 0..u64::from(most) {
        connection.sweep.advance_to(second * limits::H2_FLOOD_MS / 10);
        drop(connection.begin());
    }
    assert_eq!(connection.end.get(), None, "ten in a span");
}

#[test]
fn while_leaving_a_quiet_connection_is_closed_late() {
    let connection = connection();
    drop(connection.begin());
    let late_ms = limits::DRAIN_IDLE_MS;
    assert_eq!(connection.overdue(late_ms + LATE - 1, &TIMEOUTS, Some(0)), None);
    assert_eq!(connection.overdue(late_ms + LATE, &TIMEOUTS, Some(0)), Some(End::Drained));
}
