//! HTTP/2 floods that cost a client little: frames that ask for nothing, and requests that are
//! reset at once. Both end the connection. An honest client's connection goes on.

use std::collections::BTreeMap;

use http::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::harness::{World, h2, soon};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const UNKNOWN: u8 = 0xfa;

/// A frame without flags but END_STREAM and END_HEADERS on HEADERS (RFC 9113, 4.1).
fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, len @ ..] = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let flags = if kind == HEADERS { 5 } else { 0 };
    [&len[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `GET /open` in HPACK, from the static table as far as it goes.
fn get_open(stream: u32) -> Vec<u8> {
    frame(HEADERS, stream, b"\x82\x86\x04\x05/open\x01\x0ayanma.test")
}

/// A connection of which every byte is ours.
async fn connect(world: &World) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = TcpStream::connect(&world.address).await.expect("connect");
    let (read, mut write) = stream.into_split();
    write.write_all(&[PREFACE, &frame(SETTINGS, 0, &[])].concat()).await.expect("a preface");
    (read, write)
}

/// Kind and stream of the next frame, and whether it ends its stream; `None` at the end.
async fn next_frame(read: &mut OwnedReadHalf) -> Option<(u8, u32, bool)> {
    let mut head = [0; 9];
    read.read_exact(&mut head).await.ok()?;
    let [a, b, c, kind, flags, stream @ ..] = head;
    let len = usize::try_from(u32::from_be_bytes([0, a, b, c])).expect("24 bits");
    let mut payload = vec![0; len];
    read.read_exact(&mut payload).await.ok()?;
    let ends = matches!(kind, DATA | HEADERS) && flags & 1 != 0;
    Some((kind, u32::from_be_bytes(stream), ends))
}

/// How many frames of each kind came until the gateway closed.
async fn until_closed(mut read: OwnedReadHalf) -> BTreeMap<u8, usize> {
    let mut seen = BTreeMap::new();
    while let Some((kind, _, _)) = soon("a frame or a close", next_frame(&mut read)).await {
        *seen.entry(kind).or_default() += 1;
    }
    seen
}

#[tokio::test]
async fn a_flood_of_control_frames_ends_the_connection() {
    let world = World::start().await;
    let floods = [
        frame(PING, 0, &[7; 8]),
        frame(SETTINGS, 0, &[]),
        frame(PRIORITY, 3, &[0, 0, 0, 0, 16]),
        frame(WINDOW_UPDATE, 0, &[0, 0, 0, 1]),
        frame(UNKNOWN, 0, &[1, 2, 3]),
    ];
    for (count, flood) in floods.iter().enumerate() {
        let (read, mut write) = connect(&world).await;
        let seen = tokio::spawn(until_closed(read));
        let flooding = async {
            for _ in 0..500 {
                if write.write_all(&flood.repeat(100)).await.is_err() {
                    return true;
                }
            }
            // All of it may be in socket buffers; the close comes all the same.
            false
        };
        soon("room for the flood", flooding).await;
        let seen = soon("the end of the connection", seen).await.expect("no panic");
        assert_eq!(seen.get(&GOAWAY), Some(&1), "flood {count}: {seen:?}");
        drop(write);
        let hits = f64::from(u32::try_from(count).expect("five")) + 1.0;
        world.metric_becomes("yanma_limit_hits_total{limit=\"h2_control\"}", hits).await;
    }
    world.pay(&world.code()).await.assert_approved();
}

#[tokio::test]
async fn a_client_that_says_much_for_each_answer_stays() {
    let world = World::start().await;
    let (mut read, mut write) = connect(&world).await;
    let update = frame(WINDOW_UPDATE, 0, &[0, 0, 0, 1]);
    for request in 0..200 {
        let stream = 2 * request + 1;
        write.write_all(&[get_open(stream), update.repeat(9)].concat()).await.expect("open");
        let answered = async {
            while let Some((kind, of, ends)) = next_frame(&mut read).await {
                assert_ne!(kind, GOAWAY, "request {request}");
                if of == stream && ends {
                    return true;
                }
            }
            false
        };
        assert!(soon("an answer", answered).await, "request {request}");
    }
    assert!(world.metric("yanma_limit_hits_total{limit=\"h2_control\"}").await < 0.5);
}

#[tokio::test]
async fn a_flood_of_requests_cut_at_work_ends_the_connection() {
    let world = World::start().await;
    world.backend.hold();
    let mut client = h2::H2::connect(&world.address).await;
    let request = || Request::get("http://yanma.test/open").body(()).expect("a request");
    let mut kept = client.begin(h2::post("/pay", &world.code()).body(()).expect("a request")).await;
    kept.send("{}", true);
    world.backend.arrived(1).await;
    let mut cut = 0;
    while cut < 300 {
        let Some(exchange) = client.try_begin(request(), true).await else { break };
        let arrived = async {
            world.backend.arrived(cut + 2).await;
            true
        };
        tokio::select! {
            _ = arrived => exchange.reset(),
            () = client.closing() => break,
        }
        cut += 1;
    }
    assert!((100..150).contains(&cut), "still open after {cut} cut exchanges");
    world.metric_becomes("yanma_limit_hits_total{limit=\"h2_cut\"}", 1.0).await;
    world.backend.open();
    kept.answer().await.expect("an answer to what was under way").assert_approved();
    let connections = format!("yanma_connections{{listener=\"{}\"}}", world.address);
    world.metric_becomes(&connections, 0.0).await;
}
