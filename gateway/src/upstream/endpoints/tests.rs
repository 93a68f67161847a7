use std::{net::TcpListener, os::unix::net::UnixListener, path::Path, thread};

use super::*;
use crate::{config::Config, limits};

const START: UnixMillis = UnixMillis::from_seconds(1_800_000_000);
const THREE: &str = "\"unix:/a\", \"unix:/b\", \"unix:/c\"";

/// Backend `settlement` with these endpoints, two requests at once.
fn config(endpoints: &str) -> BackendConfig {
    let text = format!(
        "replay.store = \"local\"
        [[backend]]\nname = \"settlement\"\nendpoints = [{endpoints}]\nconnections_max = 2
        [[route]]\npath = \"/\"\ncode = \"redeem\"\nbackend = \"settlement\""
    );
    Config::parse(&text, Path::new("/"), Path::new("test")).unwrap().backends.remove(0)
}

fn backend(endpoints: &str) -> Arc<Backend> {
    Endpoints::default().backend(&config(endpoints))
}

fn later(ms: i64) -> UnixMillis {
    START.plus_ms(ms)
}

/// How often each endpoint is chosen by numbers that are spread over the whole range.
fn chosen(backend: &Backend) -> Vec<usize> {
    let mut counts = vec![0; backend.endpoints().len()];
    for n in 0..6_000_u64 {
        let choice = backend.choose(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).unwrap();
        let index = backend.endpoints().iter().position(|other| Arc::ptr_eq(other, choice));
        counts[index.unwrap()] += 1;
    }
    counts
}

#[test]
fn equals_are_chosen_alike() {
    let counts = chosen(&backend(THREE));
    assert!(counts.iter().all(|count| (1_800..2_200).contains(count)), "{counts:?}");
}

#[test]
fn the_busiest_is_never_chosen_and_the_idlest_most_often() {
    let backend = backend(THREE);
    let [a, b, _] = backend.endpoints() else { panic!("three endpoints") };
    for busy in [a, a, b] {
        busy.enter();
    }
    let counts = chosen(&backend);
    // Of the three pairs, two hold the idle one, and one pair is the two busy ones.
    assert_eq!(counts[0], 0, "{counts:?}");
    assert!((3_700..4_300).contains(&counts[2]), "{counts:?}");
}

#[test]
fn an_endpoint_that_is_down_is_not_chosen() {
    let backend = backend(THREE);
    backend.endpoints()[0].record_connect_failure(START);
    let counts = chosen(&backend);
    assert!(counts[0] == 0 && counts[1] > 2_700 && counts[2] > 2_700, "{counts:?}");
    backend.endpoints()[2].record_connect_failure(START);
    assert_eq!(chosen(&backend), [0, 6_000, 0]);
}

#[test]
fn with_all_down_any_is_chosen() {
    let backend = backend(THREE);
    for endpoint in backend.endpoints() {
        endpoint.record_connect_failure(START);
    }
    let counts = chosen(&backend);
    assert!(counts.iter().all(|count| *count > 1_800), "{counts:?}");
}

#[test]
fn places_are_bounded_and_given_back() {
    let backend = backend("\"unix:/a\"");
    let endpoint = &backend.endpoints()[0];
    let first = backend.reserve().unwrap();
    let second = backend.reserve().unwrap();
    assert_eq!(backend.reserve().unwrap_err(), Full);
    second.at(endpoint);
    assert_eq!((backend.in_flight(), endpoint.in_flight()), (2, 1));
    drop(second);
    assert_eq!((backend.in_flight(), endpoint.in_flight()), (1, 0));
    let _third = backend.reserve().unwrap();
    assert_eq!(backend.reserve().unwrap_err(), Full);
    drop(first);
    assert!(backend.reserve().is_ok());
}

#[test]
fn no_more_places_are_given_than_there_are_to_all_threads_at_once() {
    let backend = backend("\"unix:/a\"");
    thread::scope(|scope| {
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
fn pauses_double_up_to_30_s_and_a_success_ends_them() {
    let backend = backend("\"unix:/a\"");
    let endpoint = &backend.endpoints()[0];
    let mut at_ms = 0;
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        endpoint.record_connect_failure(later(at_ms));
        at_ms += seconds * 1_000;
        readmit(std::slice::from_ref(&backend), later(at_ms - 1));
        assert!(!endpoint.is_up(), "{seconds} s");
        readmit(std::slice::from_ref(&backend), later(at_ms));
        assert!(endpoint.is_up(), "{seconds} s");
    }
    endpoint.record_connect_failure(later(at_ms));
    endpoint.record_success();
    assert!(endpoint.is_up());
    endpoint.record_connect_failure(later(at_ms));
    endpoint.readmit(later(at_ms + 1_000));
    assert!(endpoint.is_up());
}

#[test]
fn failures_that_were_on_their_way_count_once() {
    let backend = backend("\"unix:/a\"");
    let endpoint = &backend.endpoints()[0];
    for ms in 0..100 {
        endpoint.record_connect_failure(later(ms));
    }
    endpoint.readmit(later(999));
    assert!(!endpoint.is_up());
    endpoint.readmit(later(1_000));
    assert!(endpoint.is_up());
}

#[test]
fn two_failed_probes_in_a_row_lose_an_endpoint_and_a_good_one_finds_it() {
    let backend = backend("\"unix:/a\"");
    let endpoint = &backend.endpoints()[0];
    for (reached, up) in
        [(false, true), (true, true), (false, true), (false, false), (false, false), (true, true)]
    {
        endpoint.record_probe(reached);
        endpoint.readmit(later(3_600_000));
        assert_eq!(endpoint.is_up(), up);
    }
    endpoint.record_connect_failure(START);
    endpoint.record_probe(true);
    assert!(endpoint.is_up(), "a good probe ends a pause");
}

#[test]
fn a_reload_keeps_what_is_still_named() {
    let endpoints = Endpoints::default();
    let old = endpoints.backend(&config("\"unix:/a\", \"unix:/b\""));
    let place = old.reserve().unwrap();
    old.endpoints()[1].record_connect_failure(START);
    let new = endpoints.backend(&config("\"unix:/b\", \"unix:/c\""));
    endpoints.forget_others(std::slice::from_ref(&new));
    assert!(Arc::ptr_eq(&new.endpoints()[0], &old.endpoints()[1]));
    assert!(!new.endpoints()[0].is_up() && new.endpoints()[1].is_up());
    let _second = new.reserve().unwrap();
    assert_eq!(old.reserve().unwrap_err(), Full, "places are shared over the reload");
    drop(place);
    assert_eq!((old.in_flight(), new.in_flight()), (1, 1));
}

#[test]
fn a_reload_forgets_what_is_no_more_named() {
    let endpoints = Endpoints::default();
    let old = endpoints.backend(&config("\"unix:/a\", \"unix:/b\""));
    let new = endpoints.backend(&config("\"unix:/b\""));
    endpoints.forget_others(&[new]);
    let again = endpoints.backend(&config("\"unix:/a\", \"unix:/b\""));
    assert!(!Arc::ptr_eq(&again.endpoints()[0], &old.endpoints()[0]));
    assert!(Arc::ptr_eq(&again.endpoints()[1], &old.endpoints()[1]));
}

#[test]
fn probes_find_out_who_listens() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let unix = UnixListener::bind(&socket).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    let socket = socket.display();
    let backend = backend(&format!("\"http://127.0.0.1:{port}\", \"unix:{socket}\", \"unix:/no\""));
    let up = || -> Vec<_> { backend.endpoints().iter().map(|one| one.is_up()).collect() };
    let look = || runtime().block_on(probe(std::slice::from_ref(&backend)));
    look();
    look();
    assert_eq!(up(), [true, true, false]);
    drop((tcp, unix));
    look();
    assert_eq!(up(), [true, true, false]);
    look();
    assert_eq!(up(), [false, false, false]);
    let _tcp = TcpListener::bind(("127.0.0.1", port)).unwrap();
    look();
    assert_eq!(up(), [true, false, false]);
}

/// More endpoints than are probed at once: none is left out.
#[test]
fn every_endpoint_is_probed() {
    let many: Vec<_> = (0..limits::ENDPOINTS_MAX).map(|n| format!("\"unix:/no/{n}\"")).collect();
    let backends = [backend(&many.join(", ")), backend(&many.join(", "))];
    for _ in 0..limits::PROBE_FAILURES {
        runtime().block_on(probe(&backends));
    }
    let probed = backends.iter().flat_map(|backend| backend.endpoints());
    assert_eq!(probed.filter(|endpoint| !endpoint.is_up()).count(), 2 * limits::ENDPOINTS_MAX);
}

/// As the admin thread has it.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
