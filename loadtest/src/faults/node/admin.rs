//! Reads what a node says on its admin listener.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::net::address::Address;
use crate::net::stream::{Inbox, Stream};

/// A page of metrics of 500 keys takes some 300 KiB.
const PAGE_BYTES_MAX: usize = 4 << 20;
/// A node that does not answer within this time is not alive.
const PATIENCE: Duration = Duration::from_secs(5);

/// A node's admin listener.
#[derive(Copy, Clone, Debug)]
pub struct Admin(pub SocketAddr);

impl Admin {
    /// Whether the node says that it is ready; false also if it does not listen yet.
    pub async fn is_ready(self) -> bool {
        self.get("/readyz").await.is_ok_and(|page| page.starts_with("HTTP/1.1 200"))
    }

    /// The value of a metric without labels.
    ///
    /// # Errors
    /// The system's error, or that there is no such sample.
    pub async fn metric(self, name: &str) -> io::Result<f64> {
        let page = self.get("/metrics").await?;
        sample(&page, name).ok_or_else(|| none_of(name))
    }

    /// The sum of a metric over all its labels.
    ///
    /// # Errors
    /// The system's error, or that there is no such sample.
    pub async fn sum(self, name: &str) -> io::Result<f64> {
        let page = self.get("/metrics").await?;
        sum(&page, name).ok_or_else(|| none_of(name))
    }

    async fn get(self, path: &str) -> io::Result<String> {
        let ask = self.ask(path);
        tokio::time::timeout(PATIENCE, ask).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    async fn ask(self, path: &str) -> io::Result<String> {
        let stream = Stream::connect(&Address::Tcp(self.0)).await?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.0);
        stream.write_all(request.as_bytes()).await?;
        let mut inbox = Inbox::new(PAGE_BYTES_MAX);
        while inbox.fill(&stream).await? {}
        Ok(String::from_utf8_lossy(inbox.filled()).into_owned())
    }
}

fn sample(page: &str, name: &str) -> Option<f64> {
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    value.trim().parse().ok()
}

fn none_of(name: &str) -> io::Error {
    io::Error::other(format!("its metrics have no {name}"))
}

/// `None` if there is nothing to add, because that must not look like a 0.
fn sum(page: &str, name: &str) -> Option<f64> {
    let values = page.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        if !rest.starts_with(['{', ' ']) {
            return None;
        }
        rest.rsplit_once(' ')?.1.trim().parse::<f64>().ok()
    });
    values.reduce(|sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "HTTP/1.1 200 OK\r\n\r\n# HELP a b\na 1.5\nab 2\nb{x=\"1\"} 3\nb{x=\"2\"} 4\n";

    #[test]
    fn samples_are_found_by_their_whole_name() {
        assert_eq!(sample(PAGE, "a"), Some(1.5));
        assert_eq!(sample(PAGE, "b"), None);
        assert_eq!(sum(PAGE, "b"), Some(7.0));
        assert_eq!(sum(PAGE, "a"), Some(1.5));
        assert_eq!(sum(PAGE, "c"), None);
    }
}
