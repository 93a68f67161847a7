use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::*;

const REDEMPTION: &str = "7001-1800000000-0123456789abcdef";

/// Sends `requests` on one connection and returns all that came back until it was closed.
async fn exchange(requests: &str, arrivals: &Arrivals) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut client = TcpStream::connect(listener.local_addr()?).await?;
    let server = run(listener, arrivals.clone(), pending());
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

fn json(reply: &str) -> serde_json::Value {
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
    let server = tokio::spawn(run(listener, arrivals.clone(), async {
        let _ = stopped.await;
    }));
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
    assert!(reply.contains("stall, reset, half or error"));
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

#[tokio::test]
async fn a_settlement_whose_answer_is_lost_is_in_the_book_and_a_failed_one_is_not() {
    for (fault, status, reversed) in
        [("half", "200", 0), ("reset", "", 0), ("stall", "", 0), ("error", "500", 7)]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let arrivals = Arrivals::default();
        let client = async {
            let settle = message("2207", "1", PLASTIC, &format!("Sandbox-Fault: {fault}\r\n"));
            let mut first = TcpStream::connect(address).await.unwrap();
            first.write_all(settle.as_bytes()).await.unwrap();
            while arrivals.requests() == 0 {
                tokio::task::yield_now().await;
            }
            let mut head = [0; 12];
            let has_answer = fault != "stall" && first.read_exact(&mut head).await.is_ok();
            assert_eq!(has_answer, !status.is_empty(), "{fault}");
            assert!(head.ends_with(status.as_bytes()) || !has_answer, "{fault}");

            let mut second = TcpStream::connect(address).await.unwrap();
            let original = r#"{"omsgid":"1","oinfno":"2207"}"#;
            let reverse = message("2601", "2", original, "Connection: close\r\n");
            second.write_all(reverse.as_bytes()).await.unwrap();
            let mut reply = String::new();
            second.read_to_string(&mut reply).await.unwrap();
            assert_eq!(json(&reply)["infcode"], reversed, "{fault}: {reply}");
        };
        tokio::select! {
            () = run(listener, arrivals.clone(), pending()) => unreachable!("nothing stops it"),
            () = client => {}
        }
    }
}

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
    assert!(second["err_msg"].as_str().unwrap().contains("stall、reset、half 或 error"));
}
