use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::*;

const REDEMPTION: &str = "7001-1800000000-0123456789abcdef";

/// Sends `requests` on one connection and returns all that came back until it was closed.
async fn exchange(requests: &str, arrivals: &Arrivals) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut client = TcpStream::connect(listener.local_addr()?).await?;
    let server = run(listener, arrivals.clone(), Switch::default(), pending());
    let client = async {
        client.write_all(requests.as_bytes()).await?;
        let mut reply = String::new();
        client.read_to_string(&mut reply).await.map(|_| reply)
    };
    tokio::select! {
        () = server => unreachable!("nothing stops it"),
        reply = client => reply,
    }
}

fn post(extra: &str) -> String {
    format!(
        "POST /pay?x=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\
         Yanma-Subject: 42\r\nCookie: c\r\n{extra}\r\nhello"
    )
}

fn json(reply: &str) -> Value {
    let (_, body) = reply.split_once("\r\n\r\n").expect("a whole head");
    serde_json::from_str(body).expect("JSON")
}

#[tokio::test]
async fn it_echoes_what_the_gateway_says_and_nothing_else() {
    let reply = exchange(&post(""), &Arrivals::default()).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    let reply = json(&reply);
    assert_eq!(reply["infcode"], 0);
    assert_eq!(reply["output"]["setl_id"], "SANDBOX000000001");
    let received = serde_json::json!({
        "method": "POST", "target": "/pay?x=1", "body_bytes": 5, "headers": {"yanma-subject": "42"},
    });
    assert_eq!(reply["output"]["received"], received);
    assert_eq!(reply["output"].get("arrivals_of_redemption"), None);
}

#[tokio::test]
async fn it_counts_the_arrivals_of_each_redemption() {
    let arrivals = Arrivals::default();
    let request = post(&format!("Yanma-Redemption: {REDEMPTION}\r\n"));
    for expected in 1..=2 {
        let reply = json(&exchange(&request, &arrivals).await.unwrap());
        assert_eq!(reply["output"]["arrivals_of_redemption"], expected);
    }
    exchange(&post(""), &arrivals).await.unwrap();
    assert_eq!((arrivals.of(REDEMPTION), arrivals.of("another"), arrivals.requests()), (2, 0, 3));
}

#[tokio::test]
async fn half_an_answer_is_cut_before_its_announced_end() {
    let reply = exchange(&post("Sandbox-Fault: half\r\n"), &Arrivals::default()).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").expect("a whole head");
    let announced = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .expect("a length")
        .parse::<usize>()
        .unwrap();
    assert!(!body.is_empty() && body.len() < announced, "{} of {announced}", body.len());
}

#[tokio::test]
async fn reset_is_a_reset_and_not_a_close() {
    let request = post("Sandbox-Fault: reset\r\n");
    let error = exchange(&request, &Arrivals::default()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_stalled_request_has_arrived_and_is_never_answered() {
    let arrivals = Arrivals::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async {
        let _ = stopped.await;
    };
    let server = tokio::spawn(run(listener, arrivals.clone(), Switch::default(), stopped));
    let request = post(&format!("Sandbox-Fault: stall\r\nYanma-Redemption: {REDEMPTION}\r\n"));
    client.write_all(request.as_bytes()).await.unwrap();
    while arrivals.of(REDEMPTION) == 0 {
        tokio::task::yield_now().await;
    }
    stop.send(()).unwrap();
    server.await.unwrap();
    let mut reply = Vec::new();
    let _ = client.read_to_end(&mut reply).await;
    assert_eq!(reply, b"");
}

#[tokio::test]
async fn an_error_of_the_backend_is_a_whole_answer() {
    let reply = exchange(&post("Sandbox-Fault: error\r\n"), &Arrivals::default()).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 500 "), "{reply}");
    assert_eq!(json(&reply)["infcode"], -1);
}

#[tokio::test]
async fn an_unknown_fault_is_said_to_be_unknown() {
    let reply = exchange(&post("Sandbox-Fault: fire\r\n"), &Arrivals::default()).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 400 "), "{reply}");
    assert!(reply.contains("error, stall, reset or half"));
}

/// A message of a hospital system, with a card that needs no redemption.
fn message(infno: &str, msgid: &str, data: &str, extra: &str) -> String {
    let body = format!(
        r#"{{"infno":"{infno}","msgid":"{msgid}","fixmedins_code":"H37010000001","input":{{"data":{data}}}}}"#
    );
    let length = body.len();
    format!("POST /uif HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{extra}\r\n{body}")
}

const PLASTIC: &str = r#"{"mdtrt_cert_type":"03","mdtrt_cert_no":"1"}"#;

/// What the stand-in answers to a request on a connection of its own; `None`: nothing whole.
async fn ask(address: SocketAddr, request: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.ok()?;
    serde_json::from_str(reply.split_once("\r\n\r\n")?.1).ok()
}

/// Runs `client` beside a stand-in.
async fn beside(arrivals: &Arrivals, switch: &Switch, client: impl AsyncFnOnce(SocketAddr)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::select! {
        () = run(listener, arrivals.clone(), switch.clone(), pending()) => unreachable!(),
        () = client(address) => {}
    }
}

/// Sends a request whose answer gets lost, and waits until it has arrived.
async fn send_and_lose(address: SocketAddr, request: &str, arrivals: &Arrivals) {
    let before = arrivals.requests();
    let lost = async { assert_eq!(ask(address, request).await, None, "{request}") };
    let arrived = async {
        while arrivals.requests() == before {
            tokio::task::yield_now().await;
        }
    };
    if request.contains("stall") {
        tokio::select! { () = lost => panic!("a stalled request was answered"), () = arrived => {} }
    } else {
        lost.await;
    }
}

const LOST: [(&str, bool); 6] = [
    ("stall", false),
    ("reset", false),
    ("half", false),
    ("stall-booked", true),
    ("reset-booked", true),
    ("half-booked", true),
];

#[tokio::test]
async fn a_settlement_whose_answer_is_lost_is_in_the_book_only_if_it_is_to_be_booked() {
    for (fault, is_booked) in LOST {
        let arrivals = Arrivals::default();
        beside(&arrivals, &Switch::default(), async |address| {
            let settle = message("2207", "1", PLASTIC, &format!("Sandbox-Fault: {fault}\r\n"));
            send_and_lose(address, &settle, &arrivals).await;
            let original = r#"{"omsgid":"1","oinfno":"2207"}"#;
            let reversed = ask(address, &message("2601", "2", original, "")).await.unwrap();
            assert_eq!(reversed["infcode"], if is_booked { 0 } else { 7 }, "{fault}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_failed_settlement_is_not_in_the_book() {
    beside(&Arrivals::default(), &Switch::default(), async |address| {
        let settle = message("2207", "1", PLASTIC, "Sandbox-Fault: error\r\n");
        assert_eq!(ask(address, &settle).await.unwrap()["infcode"], -1);
        let original = r#"{"omsgid":"1","oinfno":"2207"}"#;
        let reversed = ask(address, &message("2601", "2", original, "")).await.unwrap();
        assert_eq!(reversed["infcode"], 7);
    })
    .await;
}

fn query(redemption: &str) -> String {
    format!("GET /query?redemption={redemption} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn pay(extra: &str) -> String {
    let body = r#"{"amount":12.3}"#;
    let length = body.len();
    format!(
        "POST /pay HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\
         Yanma-Redemption: {REDEMPTION}\r\n{extra}\r\n{body}"
    )
}

#[tokio::test]
async fn what_a_payment_spends_is_booked_once_and_each_arrival_is_counted() {
    beside(&Arrivals::default(), &Switch::default(), async |address| {
        let unknown = ask(address, &query(REDEMPTION)).await.unwrap();
        assert_eq!(unknown["output"]["state"], "not_found");
        let first = ask(address, &pay("")).await.unwrap();
        let second = ask(address, &pay("")).await.unwrap();
        assert_eq!(second["output"]["setl_id"], first["output"]["setl_id"]);
        assert_eq!(second["output"]["arrivals_of_redemption"], 2);
        let told = ask(address, &query(REDEMPTION)).await.unwrap();
        let expected = serde_json::json!({
            "state": "settled", "redemption": REDEMPTION, "setl_id": first["output"]["setl_id"],
            "amount": "12.30", "msgid": null, "institution": null, "arrivals_of_redemption": 2,
        });
        assert_eq!(told["output"], expected);
    })
    .await;
}

#[tokio::test]
async fn a_bill_with_a_name_is_charged_once_and_found_by_it() {
    let of = |redemption: &str| {
        let body = r#"{"institution":"H1","msgid":"B1","amount":"12.30"}"#;
        let length = body.len();
        format!(
            "POST /pay HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\
             Yanma-Redemption: {redemption}\r\n\r\n{body}"
        )
    };
    beside(&Arrivals::default(), &Switch::default(), async |address| {
        assert_eq!(ask(address, &of(REDEMPTION)).await.unwrap()["infcode"], 0);
        let again = ask(address, &of("7001-1800000000-another")).await.unwrap();
        assert_eq!(again["infcode"], 5);
        let by_name = "GET /query?institution=H1&msgid=B1 HTTP/1.1\r\nHost: a\r\n\r\n";
        let told = ask(address, by_name).await.unwrap();
        assert_eq!(told["output"]["redemption"], REDEMPTION);
        let told = ask(address, &query(REDEMPTION)).await.unwrap();
        assert_eq!(
            (&told["output"]["institution"], &told["output"]["msgid"]),
            (&"H1".into(), &"B1".into())
        );
        let other = ask(address, &query("7001-1800000000-another")).await.unwrap();
        assert_eq!(other["output"]["state"], "not_found");
    })
    .await;
}

#[tokio::test]
async fn a_payment_whose_answer_is_lost_is_booked_only_if_it_is_to_be() {
    for (fault, is_booked) in LOST {
        let arrivals = Arrivals::default();
        beside(&arrivals, &Switch::default(), async |address| {
            let lost = pay(&format!("Sandbox-Fault: {fault}\r\n"));
            send_and_lose(address, &lost, &arrivals).await;
            let told = ask(address, &query(REDEMPTION)).await.unwrap();
            let state = if is_booked { "settled" } else { "not_found" };
            assert_eq!(told["output"]["state"], state, "{fault}");
        })
        .await;
    }
}

#[tokio::test]
async fn an_exchange_books_nothing_and_its_code_finds_what_the_pass_paid() {
    const PASS_ID: &str = "p1-1800000000-0123456789abcdef";
    beside(&Arrivals::default(), &Switch::default(), async |address| {
        let exchange = pay(&format!("Yanma-Pass: secret\r\nYanma-Pass-Id: {PASS_ID}\r\n"));
        assert_eq!(ask(address, &exchange).await.unwrap()["infcode"], 0);
        let told = ask(address, &query(REDEMPTION)).await.unwrap();
        assert_eq!(told["output"]["state"], "not_found");
        let settle = pay(&format!("Yanma-Pass-Id: {PASS_ID}\r\n")).replace(REDEMPTION, PASS_ID);
        assert_eq!(ask(address, &settle).await.unwrap()["infcode"], 0);
        let told = ask(address, &query(REDEMPTION)).await.unwrap();
        assert_eq!(told["output"]["redemption"], PASS_ID);
    })
    .await;
}

#[tokio::test]
async fn the_switch_is_for_what_moves_money_alone() {
    let (arrivals, switch) = (Arrivals::default(), Switch::default());
    beside(&arrivals, &switch, async |address| {
        for (msgid, (fault, is_booked)) in LOST.into_iter().enumerate() {
            switch.set(Condition::named(fault).unwrap());
            let settle = message("2207", &msgid.to_string(), PLASTIC, "X: stall\r\n");
            let settle =
                if fault.starts_with("stall") { settle } else { settle.replace("stall", "") };
            send_and_lose(address, &settle, &arrivals).await;
            let presettled = ask(address, &message("2206", "a", PLASTIC, "")).await.unwrap();
            assert_eq!(presettled["infcode"], 0, "{fault}");
            let original = format!(r#"{{"omsgid":"{msgid}","oinfno":"2207"}}"#);
            let reversed = ask(address, &message("2601", "b", &original, "")).await.unwrap();
            assert_eq!(reversed["infcode"], if is_booked { 0 } else { 7 }, "{fault}");
            let told = ask(address, &query(REDEMPTION)).await.unwrap();
            assert_eq!(told["infcode"], 12, "{fault}");
            // The request's own header is stronger.
            let failed = message("2207", "c", PLASTIC, "Sandbox-Fault: error\r\n");
            assert_eq!(ask(address, &failed).await.unwrap()["infcode"], -1, "{fault}");
        }
        switch.set(Condition::Fails(Fault::Error));
        assert_eq!(ask(address, &pay("")).await.unwrap()["infcode"], -1);
        switch.set(Condition::Works);
        assert_eq!(ask(address, &pay("")).await.unwrap()["infcode"], 0);
    })
    .await;
}

#[tokio::test]
async fn a_slow_settlement_takes_two_seconds_and_all_else_none() {
    let switch = Switch::default();
    switch.set(Condition::Slow);
    beside(&Arrivals::default(), &switch, async |address| {
        let payment = pay("");
        let mut paid = std::pin::pin!(ask(address, &payment));
        let most = tokio::time::sleep(switch::SLOW - Duration::from_millis(100));
        let others = async {
            assert_eq!(ask(address, &query(REDEMPTION)).await.unwrap()["infcode"], 12);
            most.await;
        };
        tokio::select! {
            biased;
            _ = &mut paid => panic!("it was not slow"),
            () = others => {}
        }
        assert_eq!(paid.await.unwrap()["infcode"], 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_down_has_no_listener_and_comes_back_at_its_address() {
    let switch = Switch::default();
    beside(&Arrivals::default(), &switch, async |address| {
        let mut open = TcpStream::connect(address).await.unwrap();
        assert_eq!(ask(address, &pay("")).await.unwrap()["infcode"], 0);
        switch.set(Condition::Down);
        let mut rest = Vec::new();
        let _ = open.read_to_end(&mut rest).await;
        assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), REFUSED);
        switch.set(Condition::Works);
        while TcpStream::connect(address).await.is_err() {
            tokio::task::yield_now().await;
        }
        // Its book is the same.
        let told = ask(address, &query(REDEMPTION)).await.unwrap();
        assert_eq!(told["output"]["state"], "settled");
    })
    .await;
}

const REFUSED: std::io::ErrorKind = std::io::ErrorKind::ConnectionRefused;

#[tokio::test]
async fn a_message_that_is_too_large_is_answered_and_the_connection_goes_on() {
    let length = BODY_BYTES_MAX + 1;
    let large = format!(
        "POST /uif HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{}",
        " ".repeat(length)
    );
    let next = message("2299", "1", "{}", "Sandbox-Fault: fire\r\nConnection: close\r\n");
    let replies = exchange(&(large + &next), &Arrivals::default()).await.unwrap();
    let (first, second) = replies.split_once("\n}\n").expect("two answers");
    assert!(first.contains("64 MiB"), "{first}");
    let second = json(second);
    assert_eq!(second["infcode"], 1);
    assert!(second["err_msg"].as_str().unwrap().contains("error、stall、reset、half"));
}
