//! A TCP relay that can be cut: bytes are taken and go nowhere, as behind a dead link.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

pub(crate) struct Relay {
    url: String,
    is_cut: Arc<AtomicBool>,
}

impl Relay {
    /// Relays to this port of the host. Its threads end with the process.
    pub(crate) fn start(host: &str, port: u16) -> Self {
        let listener = TcpListener::bind((host, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let is_cut = Arc::new(AtomicBool::new(false));
        let (to, cut) = ((host.to_owned(), port), Arc::clone(&is_cut));
        thread::spawn(move || {
            for client in listener.incoming().filter_map(Result::ok) {
                let Ok(server) = TcpStream::connect((to.0.as_str(), to.1)) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let cut = Arc::clone(&cut);
                    thread::spawn(move || copy(from, to, &cut));
                }
            }
        });
        Self { url, is_cut }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    pub(crate) fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, SeqCst);
    }
}

/// A connection through which something was lost never carries anything again.
fn copy(mut from: TcpStream, mut to: TcpStream, is_cut: &AtomicBool) {
    to.set_nodelay(true).unwrap();
    from.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let (mut buffer, mut has_lost) = ([0; 16_384], false);
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(_) if has_lost || is_cut.load(SeqCst) => has_lost = true,
            Ok(count) => {
                if to.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
        if has_lost && !is_cut.load(SeqCst) {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
