use super::*;

const REQUEST: &[u8] = b"POST /pay HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\
    yanma-redemption: 7001-1800000000-0000000000000007\r\n\r\nbody";

fn ledger() -> Arc<Ledger> {
    let ledger = Ledger::new(7);
    ledger.enter(true);
    Arc::new(ledger)
}

fn arrivals(ledger: &Ledger) -> u8 {
    ledger.entries().next().unwrap().arrivals()
}

#[test]
fn pre_rendered_answers_say_their_true_length() {
    for answer in [SETTLED, FAILED] {
        let text = str::from_utf8(answer).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }
}

#[test]
fn a_request_arrives_when_its_last_byte_does() {
    let ledger = ledger();
    for end in 0..REQUEST.len() {
        assert_eq!(arrived(&REQUEST[..end], &ledger).unwrap(), None);
    }
    assert_eq!(arrivals(&ledger), 0);
    assert_eq!(arrived(REQUEST, &ledger).unwrap(), Some(REQUEST.len()));
    assert_eq!(arrivals(&ledger), 1);
}

#[test]
fn fates_have_their_shares() {
    let faults =
        BackendSettings { error_per_mille: 10, stall_per_mille: 5, ..BackendSettings::default() };
    let shares = |fate| (0..1_000).filter(|drawn| faults.fate(*drawn) == fate).count();
    assert_eq!(shares(Fate::Fail), 10);
    assert_eq!(shares(Fate::Stall), 5);
    assert_eq!(shares(Fate::Reset) + shares(Fate::Half), 0);
    assert_eq!(shares(Fate::Settle), 985);
}

#[tokio::test]
async fn it_answers_over_a_unix_socket_and_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let address = Address::Unix(dir.path().join("backend.sock"));
    let ledger = ledger();
    let backend =
        Backend::start(&address, BackendSettings::default(), Arc::clone(&ledger)).unwrap();
    let stream = Stream::connect(&address).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    let mut inbox = Inbox::new(1_024);
    assert!(inbox.fill(&stream).await.unwrap());
    assert_eq!(inbox.filled(), SETTLED);
    drop(stream);
    backend.wait_until_alone().await.unwrap();
    assert_eq!(backend.counts(), BackendCounts { arrivals: 1, ..BackendCounts::default() });
    assert_eq!(arrivals(&ledger), 1);
}

#[tokio::test]
async fn half_an_answer_is_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let address = Address::Unix(dir.path().join("backend.sock"));
    let faults = BackendSettings { half_per_mille: 1_000, ..BackendSettings::default() };
    let backend = Backend::start(&address, faults, ledger()).unwrap();
    let stream = Stream::connect(&address).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    let mut inbox = Inbox::new(1_024);
    while inbox.fill(&stream).await.unwrap() {}
    assert_eq!(inbox.filled(), &SETTLED[..SETTLED.len() - 20]);
    assert_eq!(backend.counts().halves, 1);
}
