//! The listener of the API, and its thread. It answers until the process ends, through the drain too.

use std::{
    convert::Infallible,
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    rc::Rc,
    sync::Arc,
};

use accounts::store::Store;
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use sys::threads::Part;
use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
    task::{JoinSet, LocalSet},
    time::sleep,
};

use super::{desk::Desk, pages};
use crate::{
    config::Address,
    limits,
    transport::listener::{Listener, Stream},
    worker::Shared,
};

/// A listener before its thread runs. Its clients wait in its queue.
pub(crate) struct Opened {
    listener: Arc<Listener>,
    /// Taken when it is started.
    runtime: Option<Runtime>,
}

impl Drop for Opened {
    fn drop(&mut self) {
        // A start that fails ends within another runtime, which may not wait for this one.
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

impl Opened {
    /// Listens on `address`, or goes on with the socket of the process before.
    ///
    /// # Errors
    /// The system's error.
    pub(crate) fn open(address: &Address, inherited: Option<OwnedFd>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _in_runtime = runtime.enter();
            match inherited {
                Some(socket) => Listener::adopt(address, socket),
                None => Listener::bind(address, None),
            }?
        };
        Ok(Self { listener: Arc::new(listener), runtime: Some(runtime) })
    }

    /// Serves on a thread of its own.
    ///
    /// # Errors
    /// The system's error if it refuses the thread.
    pub(crate) fn start(mut self, shared: Arc<Shared>, store: Store) -> io::Result<Handle> {
        let listener = Arc::clone(&self.listener);
        let runtime = self.runtime.take().expect("it is started once");
        let handed_over = Arc::new(Notify::new());
        let handle =
            Handle { listener: Arc::clone(&listener), handed_over: Arc::clone(&handed_over) };
        std::thread::Builder::new().name("accounts-api".to_owned()).spawn(move || {
            let threads = Arc::clone(&shared.health.threads);
            let serve = || {
                let desk = Rc::new(Desk::new(Arc::clone(&shared), store.clone()));
                let tasks = LocalSet::new();
                tasks.block_on(&runtime, serve(&listener, &desk, &handed_over));
            };
            threads.keep(Part::Accounts, serve);
        })?;
        Ok(handle)
    }
}

/// The listener as the front sees it.
pub(crate) struct Handle {
    listener: Arc<Listener>,
    handed_over: Arc<Notify>,
}

impl Handle {
    /// The listening socket under its address, for a process that takes over.
    pub(crate) fn named(&self) -> (&str, BorrowedFd<'_>) {
        (self.listener.label(), self.listener.as_fd())
    }

    /// Another process accepts from now on. Accepted connections are still answered.
    pub(crate) fn let_go(&self) {
        self.listener.let_go();
        self.handed_over.notify_one();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // The thread holds on to the listener until the process ends.
        self.listener.remove_file();
    }
}

/// Cancel safe: connections are cut when the future is dropped.
async fn serve(listener: &Listener, desk: &Rc<Desk>, handed_over: &Notify) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= limits::WRITING_CONNECTIONS_MAX {
            connections.join_next().await;
        }
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = handed_over.notified() => {
                // Stores a permit, so that this also holds if the loop begins anew.
                handed_over.notify_one();
                break;
            }
        };
        match accepted.and_then(|(socket, _)| socket.into_stream()) {
            Ok(stream) => {
                connections.spawn_local(serve_one(stream, Rc::clone(desk)));
            }
            Err(_) => sleep(limits::ACCEPT_PAUSE).await,
        }
    }
    // Not `join_all`, which panics if one of them did.
    while connections.join_next().await.is_some() {}
}

async fn serve_one(stream: Stream, desk: Rc<Desk>) {
    let service = service_fn(|request: Request<Incoming>| {
        let desk = Rc::clone(&desk);
        async move { Ok::<_, Infallible>(pages::answer(&desk, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::WRITING_IDLE_TIME)
        .max_buf_size(limits::ADMIN_BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    // A late or broken client is no problem for any other client.
    let _ = connection.await;
}
