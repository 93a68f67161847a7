//! The thread of the stand-in backend. It runs on its own, as another program would.

use std::net::TcpListener;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::backend::{self, Arrivals, Switch};
use crate::cli::failure::Failure;
use sys::log::{self, Event};

/// The stand-in backend while it runs.
pub(super) struct Standin {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Standin {
    /// # Errors
    /// The system refuses a thread or the socket.
    pub(super) fn start(
        listener: TcpListener,
        arrivals: Arrivals,
        switch: Switch,
    ) -> Result<Self, Failure> {
        let failed = |error| Failure::of("cannot start the stand-in backend", &error);
        listener.set_nonblocking(true).map_err(failed)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            backend::run(listener, arrivals, switch, async {
                let _ = stopped.await;
            })
            .await;
            Ok::<_, std::io::Error>(())
        };
        let thread = std::thread::Builder::new().name("standin".to_owned()).spawn(move || {
            if let Err(error) = runtime.block_on(serve) {
                let what = format_args!("the stand-in backend cannot run: {error}");
                log::event(Event::SandboxBackendFailed, what);
            }
        });
        Ok(Self { stop, thread: thread.map_err(failed)? })
    }

    pub(super) fn stop(self) {
        // If it has ended by itself, there is no receiver left.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}
