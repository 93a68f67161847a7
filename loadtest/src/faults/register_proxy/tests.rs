use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A proxy to a peer of ours, a connection through it, and the peer's end of it.
async fn connected() -> (RegisterProxies, TcpStream, TcpStream, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = free.local_addr().unwrap();
    drop(free);
    let ends = ProxyEnds { listen, register: listener.local_addr().unwrap() };
    let proxies = RegisterProxies::start(vec![ends], vec!["one.toml".into()]).unwrap();
    let near = TcpStream::connect(listen).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    (proxies, near, far, listener)
}

async fn hears(stream: &mut TcpStream, what: &[u8]) {
    let mut heard = vec![0; what.len()];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, what);
}

#[tokio::test]
async fn what_is_held_arrives_when_the_way_is_open_again_and_not_before() {
    let (proxies, mut near, mut far, _listener) = connected().await;
    near.write_all(b"ask").await.unwrap();
    hears(&mut far, b"ask").await;
    far.write_all(b"say").await.unwrap();
    hears(&mut near, b"say").await;
    proxies.set(0, None, LinkState::Held).await;
    near.write_all(b"held").await.unwrap();
    // Closes, as a gateway does that has waited long enough.
    drop(near);
    let mut nothing = [0; 1];
    let early = tokio::time::timeout(Duration::from_millis(50), far.read(&mut nothing)).await;
    early.unwrap_err();
    proxies.set(0, None, LinkState::Open).await;
    hears(&mut far, b"held").await;
}

#[tokio::test]
async fn a_cut_resets_connections_that_are_there_and_those_that_come() {
    let (proxies, mut near, mut far, listener) = connected().await;
    let address = near.peer_addr().unwrap();
    proxies.set(0, Some(0), LinkState::Cut).await;
    near.read_u8().await.unwrap_err();
    far.read_u8().await.unwrap_err();
    let mut again = TcpStream::connect(address).await.unwrap();
    again.read_u8().await.unwrap_err();
    proxies.set(0, None, LinkState::Open).await;
    let mut again = TcpStream::connect(address).await.unwrap();
    again.write_all(b"back").await.unwrap();
    let (mut far, _) = listener.accept().await.unwrap();
    hears(&mut far, b"back").await;
}

#[tokio::test]
async fn what_is_delayed_arrives_all_the_same() {
    let (proxies, mut near, mut far, _listener) = connected().await;
    proxies.set(0, None, LinkState::Late(Duration::from_millis(30))).await;
    let begun_ns = crate::clock::now_ns();
    near.write_all(b"late").await.unwrap();
    hears(&mut far, b"late").await;
    assert!(crate::clock::now_ns() - begun_ns >= 30 * crate::clock::NS_PER_MS);
}
