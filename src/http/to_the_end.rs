//! A request goes on to its end, whoever is still there.

use std::pin::Pin;
use std::task::{Context, Poll};

/// The answering of a request. Dropped before its end, as it is when its connection breaks, it goes on by itself: what
/// was received is stored, logged and counted as if somebody took the answer.
pub struct ToTheEnd<T: Send + 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T: Send + 'static> ToTheEnd<T> {
    pub fn new(answering: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(answering)))
    }
}

impl<T: Send + 'static> Future for ToTheEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(answering) = &mut self.0 else {
            unreachable!("nobody polls a future again that was ready")
        };
        let answer = answering.as_mut().poll(cx);
        if answer.is_ready() {
            self.0 = None;
        }
        answer
    }
}

impl<T: Send + 'static> Drop for ToTheEnd<T> {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and nothing goes on.
        if let (Some(answering), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(answering);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_is_dropped_before_its_end_goes_on() {
        let (go_on, gate) = oneshot::channel::<()>();
        let (ended, end) = oneshot::channel();
        let mut answering = Box::pin(ToTheEnd::new(async move {
            gate.await.unwrap();
            ended.send(()).unwrap();
        }));
        assert!(futures_util::poll!(answering.as_mut()).is_pending());

        drop(answering);
        go_on.send(()).unwrap();

        end.await.unwrap();
    }

    #[tokio::test]
    async fn what_has_ended_does_not_begin_again() {
        let answering = ToTheEnd::new(async { 5 });

        assert_eq!(answering.await, 5);
    }
}
