use std::net::TcpListener;

use super::*;
use crate::metrics::tests::{START, backend};

fn later(ms: i64) -> UnixMillis {
    START.plus_ms(ms)
}

fn one(endpoints: &str) -> (Endpoints, Arc<Backend>) {
    let all = Endpoints::default();
    let backend = all.apply(&[backend(endpoints)]).remove(0);
    (all, backend)
}

/// How often each endpoint is chosen by numbers that are spread over the whole range.
fn chosen(backend: &Backend) -> Vec<usize> {
    let mut counts = vec![0; backend.endpoints().len()];
    for n in 0..6_000_u64 {
        let choice = backend.choose(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), START);
        let index = backend.endpoints().iter().position(|other| Arc::ptr_eq(other, choice));
        counts[index.unwrap()] += 1;
    }
    counts
}

const THREE: &str = "\"unix:/a\", \"unix:/b\", \"unix:/c\"";

#[test]
fn equals_are_chosen_alike() {
    let (_, backend) = one(THREE);
    assert!(chosen(&backend).iter().all(|count| (1_800..2_200).contains(count)), "{backend:?}");
}

#[test]
fn the_busiest_is_never_chosen_and_the_idlest_twice_as_often() {
    let (_, backend) = one(THREE);
    let [mut a, mut b] = [backend.reserve().unwrap(), backend.reserve().unwrap()];
    a.go_to(&backend.endpoints()[0]);
    b.go_to(&backend.endpoints()[0]);
    b.go_to(&backend.endpoints()[1]);
    backend.endpoints()[0].enter();
    let counts = chosen(&backend);
    assert_eq!(counts[0], 0, "{counts:?}");
    assert!((3_600..4_400).contains(&counts[2]), "{counts:?}");
}

#[test]
fn an_endpoint_that_is_down_is_not_chosen() {
    let (_, backend) = one(THREE);
    backend.endpoints()[0].record_connect_failure(START);
    let counts = chosen(&backend);
    assert_eq!(counts[0], 0, "{counts:?}");
    assert!(counts[1] > 2_700 && counts[2] > 2_700, "{counts:?}");
    backend.endpoints()[2].record_connect_failure(START);
    assert_eq!(chosen(&backend), [0, 6_000, 0]);
}

#[test]
fn with_all_down_any_is_chosen() {
    let (_, backend) = one(THREE);
    for endpoint in backend.endpoints() {
        endpoint.record_connect_failure(START);
    }
    assert!(chosen(&backend).iter().all(|count| *count > 1_800), "{backend:?}");
}

#[test]
fn places_are_bounded_and_given_back() {
    let (_, backend) = one("\"unix:/a\", \"unix:/b\"");
    let [a, b] = backend.endpoints() else { panic!("two endpoints") };
    let first = backend.reserve().unwrap();
    let mut second = backend.reserve().unwrap();
    assert_eq!(backend.reserve().unwrap_err(), Full);
    second.go_to(a);
    assert_eq!((a.in_flight(), b.in_flight()), (1, 0));
    second.go_to(b);
    assert_eq!((a.in_flight(), b.in_flight()), (0, 1));
    drop(second);
    assert_eq!((b.in_flight(), backend.in_flight()), (0, 1));
    let _third = backend.reserve().unwrap();
    assert_eq!(backend.reserve().unwrap_err(), Full);
    drop(first);
    assert!(backend.reserve().is_ok());
}

#[test]
fn no_more_places_are_given_than_there_are_to_all_threads_at_once() {
    let (_, backend) = one("\"unix:/a\"");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    let place = backend.reserve();
                    assert!(backend.in_flight() <= backend.connections_max());
                    drop(place);
                }
            });
        }
    });
    assert_eq!(backend.in_flight(), 0);
}

#[test]
fn ejections_double_up_to_30_s_and_a_success_ends_them() {
    let (_, backend) = one("\"unix:/a\"");
    let endpoint = &backend.endpoints()[0];
    let mut at_ms = 0;
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        endpoint.record_connect_failure(later(at_ms));
        assert!(!endpoint.is_up(later(at_ms + seconds * 1_000 - 1)), "{seconds} s");
        at_ms += seconds * 1_000;
        assert!(endpoint.is_up(later(at_ms)), "{seconds} s");
    }
    endpoint.record_success();
    endpoint.record_connect_failure(later(at_ms));
    assert!(endpoint.is_up(later(at_ms + 1_000)));
}

#[test]
fn failures_that_were_on_their_way_count_once() {
    let (_, backend) = one("\"unix:/a\"");
    let endpoint = &backend.endpoints()[0];
    for _ in 0..100 {
        endpoint.record_connect_failure(START);
    }
    assert!(!endpoint.is_up(later(999)));
    assert!(endpoint.is_up(later(1_000)));
}

#[test]
fn two_failed_probes_in_a_row_mean_down_and_one_good_one_means_up() {
    let (_, backend) = one("\"unix:/a\"");
    let endpoint = &backend.endpoints()[0];
    for (connected, up) in
        [(false, true), (true, true), (false, true), (false, false), (false, false), (true, true)]
    {
        endpoint.record_probe(connected);
        assert_eq!(endpoint.is_up(START), up);
    }
    endpoint.record_connect_failure(START);
    endpoint.record_probe(true);
    assert!(endpoint.is_up(START), "a good probe ends an ejection");
}

#[test]
fn a_reload_keeps_what_is_still_named() {
    let (all, old) = one("\"unix:/a\", \"unix:/b\"");
    let place = old.reserve().unwrap();
    old.endpoints()[1].record_connect_failure(START);
    let new = all.apply(&[backend("\"unix:/b\", \"unix:/c\"")]).remove(0);
    assert!(Arc::ptr_eq(&new.endpoints()[0], &old.endpoints()[1]));
    assert!(!new.endpoints()[0].is_up(START) && new.endpoints()[1].is_up(START));
    let _second = new.reserve().unwrap();
    assert_eq!(old.reserve().unwrap_err(), Full, "places are shared over the reload");
    drop(place);
    assert_eq!((old.in_flight(), new.in_flight()), (1, 1));
}

#[test]
fn a_reload_forgets_what_is_no_more_named() {
    let (all, old) = one("\"unix:/a\"");
    let mut renamed = backend("\"unix:/a\"");
    renamed.name = "central".to_owned();
    let new = all.apply(&[renamed]).remove(0);
    assert!(!Arc::ptr_eq(&new.endpoints()[0], &old.endpoints()[0]));
    let names: Vec<_> = all.backends().iter().map(|backend| backend.name().to_owned()).collect();
    assert_eq!(names, ["central"]);
}

/// A runtime as the admin thread has it.
fn probe(all: &Endpoints) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(probe::probe_all(all));
}

#[test]
fn probes_find_out_who_listens() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let unix = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    let (all, backend) =
        one(&format!("\"http://localhost:{port}\", \"unix:{}\", \"unix:/no\"", socket.display()));
    let up = || -> Vec<_> { backend.endpoints().iter().map(|it| it.is_up(START)).collect() };
    probe(&all);
    probe(&all);
    assert_eq!(up(), [true, true, false]);
    drop((tcp, unix));
    probe(&all);
    probe(&all);
    assert_eq!(up(), [false, false, false]);
    let _tcp = TcpListener::bind(("127.0.0.1", port)).unwrap();
    probe(&all);
    assert_eq!(up(), [true, false, false]);
}
