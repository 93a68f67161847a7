//! A request's work that goes on without its client.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A future that always runs to its end: dropping this hands the rest to the worker. The backend's
/// time limits bound how long it waits.
pub(crate) struct DetachOnDrop<T: 'static>(Option<Pin<Box<dyn Future<Output = T>>>>);

impl<T: 'static> DetachOnDrop<T> {
    pub(crate) fn new(future: impl Future<Output = T> + 'static) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl<T: 'static> Future for DetachOnDrop<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let future = self.0.as_mut().expect("a finished exchange is not polled again");
        let output = std::task::ready!(future.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(output)
    }
}

impl<T: 'static> Drop for DetachOnDrop<T> {
    fn drop(&mut self) {
        if let Some(future) = self.0.take() {
            tokio::task::spawn_local(async move { drop(future.await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn what_nobody_waits_for_runs_to_its_end() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build_local(tokio::runtime::LocalOptions::default())
            .unwrap();
        let ended = Rc::new(Cell::new(false));
        let seen = Rc::clone(&ended);
        runtime.block_on(async move {
            let (done, finished) = oneshot::channel();
            let (go, gone) = oneshot::channel::<()>();
            let mut exchange = DetachOnDrop::new(async move {
                gone.await.unwrap();
                seen.set(true);
                done.send(()).unwrap();
            });
            let mut cx = Context::from_waker(std::task::Waker::noop());
            assert!(Pin::new(&mut exchange).poll(&mut cx).is_pending());
            drop(exchange);
            go.send(()).unwrap();
            finished.await.unwrap();
        });
        assert!(ended.get());
    }
}
