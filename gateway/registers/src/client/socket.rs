//! The socket of a connection: one task reads what has come, hands it to the machine, and writes
//! what a turn has gathered, in one write.

use std::{
    convert::Infallible,
    future::Future,
    io,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use sys::{
    failpoint,
    threads::{Part, unwound},
};
use tokio::{
    io::{AsyncRead as _, AsyncWrite as _, ReadBuf},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::registers::Registers;
use crate::{limits, machine::Broken, settings::RegisterAddress};

/// What a connection begins to read into; it grows for a longer answer.
const READ_BYTES: usize = 16 * 1_024;

impl Registers {
    /// Connects, and keeps connected, until the worker's runtime ends. To be called on that runtime.
    pub fn start(self: &Rc<Self>) {
        for (index, address) in self.machine.borrow().addresses().enumerate() {
            let (registers, address) = (Rc::clone(self), address.clone());
            tokio::task::spawn_local(async move {
                keep_connected(&registers, index, &address).await;
            });
        }
        let registers = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let threads = &registers.reports.threads;
            threads.keep_task(Part::Registers, async || registers.keep_deadlines().await).await
        });
    }
}

/// Connects, and connects again, for ever.
async fn keep_connected(
    registers: &Registers,
    index: usize,
    address: &RegisterAddress,
) -> Infallible {
    loop {
        let end = unwound(connection(registers, index, address)).await.unwrap_or_else(|_| {
            registers.reports.threads.ended(Part::Registers);
            io::Error::other("the answer met a bug of the gateway")
        });
        let lost = registers.input(Some(index), |machine| machine.lost(index));
        registers.notices.lost(index, lost.was_up, &end);
        if lost.retry_ms > 0 {
            sleep(Duration::from_millis(lost.retry_ms)).await;
        }
    }
}

/// Serves one connection until it breaks; says why it did.
async fn connection(registers: &Registers, index: usize, address: &RegisterAddress) -> io::Error {
    let patience = Duration::from_millis(limits::CONNECT_MS);
    let address = (address.host.as_str(), address.port);
    let stream = match timeout(patience, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return error,
        Err(_) => return io::ErrorKind::TimedOut.into(),
    };
    // What was gathered is one write; waiting for an acknowledgement would only delay it.
    if let Err(error) = stream.set_nodelay(true) {
        return error;
    }
    registers.input(Some(index), |machine| machine.connected(index));
    pin!(Wire { registers, index, stream, inbox: Inbox::default() }).await
}

/// What has been read and not understood yet.
#[derive(Default)]
struct Inbox {
    bytes: Vec<u8>,
    filled: usize,
}

struct Wire<'a> {
    registers: &'a Registers,
    index: usize,
    stream: TcpStream,
    inbox: Inbox,
}

impl Future for Wire<'_> {
    type Output = io::Error;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Error> {
        let this = self.get_mut();
        let (registers, index) = (this.registers, this.index);
        registers.set_socket(index, cx.waker());
        if registers.machine.borrow().is_given_up(index) {
            return Poll::Ready(io::ErrorKind::TimedOut.into());
        }
        // Reading comes first: what is read may add to what is to be written.
        if let Poll::Ready(error) = this.poll_read(cx) {
            return Poll::Ready(error);
        }
        this.poll_write(cx)
    }
}

impl Wire<'_> {
    /// Pending when there is nothing more to read; ready when the connection is over.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let Inbox { bytes, filled } = &mut self.inbox;
            if *filled == bytes.len() {
                let length = (bytes.len() * 2).max(READ_BYTES);
                if length > 2 * limits::ANSWER_BYTES_MAX {
                    return Poll::Ready(io::ErrorKind::InvalidData.into());
                }
                bytes.resize(length, 0);
            }
            let mut room = ReadBuf::new(bytes.get_mut(*filled..).unwrap_or_default());
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room));
            match (read, room.filled().len()) {
                (Err(error), _) => return Poll::Ready(error),
                (Ok(()), 0) => return Poll::Ready(io::ErrorKind::UnexpectedEof.into()),
                (Ok(()), n) => *filled += n,
            }
            if let Err(error) = self.understand() {
                return Poll::Ready(error.into());
            }
        }
    }

    /// Hands the machine what was read, and keeps what is no whole reply yet.
    fn understand(&mut self) -> Result<(), Broken> {
        failpoint::panic_at("registers");
        let (registers, index) = (self.registers, self.index);
        let Inbox { bytes, filled } = &mut self.inbox;
        let now = registers.moment();
        let read = bytes.get(..*filled).unwrap_or_default();
        let understood =
            registers.input(Some(index), |machine| machine.received(index, read, now))?;
        bytes.copy_within(understood..*filled, 0);
        *filled -= understood;
        Ok(())
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let mut machine = self.registers.machine.borrow_mut();
        if machine.gathers(self.index) {
            return Poll::Pending;
        }
        if machine.has_open_batch(self.index) {
            machine.end_batch(self.index, self.registers.moment());
        }
        loop {
            let rest = machine.unwritten(self.index);
            if rest.is_empty() {
                return Poll::Pending;
            }
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest)) {
                Ok(0) => return Poll::Ready(io::ErrorKind::WriteZero.into()),
                Ok(n) => machine.wrote(self.index, n),
                Err(error) => return Poll::Ready(error),
            }
        }
    }
}

impl From<Broken> for io::Error {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Garbled => io::ErrorKind::InvalidData.into(),
            Broken::Refused(text) => Self::other(text),
        }
    }
}
