//! Connections on which what is written goes nowhere.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::pool::{Link, Pool};

/// What becomes of what is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Written {
    /// It is refused.
    Refused,
    /// It lies in a buffer for ever, as TLS has one.
    Buffered,
}

/// A peer that says what it has to say as soon as something was written, and, if that is refused, closes.
struct Peer {
    answer: &'static [u8],
    written: Written,
    closes: bool,
    is_spoken_to: bool,
    reader: Option<Waker>,
}

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_spoken_to || (self.answer.is_empty() && !self.closes) {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        buffer.put_slice(std::mem::take(&mut self.answer));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peer {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.is_spoken_to = true;
        self.reader.take().into_iter().for_each(Waker::wake);
        Poll::Ready(match self.written {
            Written::Refused => Err(io::ErrorKind::BrokenPipe.into()),
            Written::Buffered => Ok(bytes.len()),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.is_spoken_to && self.written == Written::Buffered {
            true => Poll::Pending,
            false => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A connection to such a peer, and the head of its answer or why there is none.
async fn exchanged(
    answer: &'static [u8],
    written: Written,
    closes: bool,
) -> (Link, Result<StatusCode, String>) {
    let peer = Peer {
        answer,
        written,
        closes,
        is_spoken_to: false,
        reader: None,
    };
    let mut link = Link::over(Box::new(peer)).await.unwrap();
    let request = Request::post("/").header("host", "app.invalid");
    let request = request.body(Full::new(Bytes::from_static(b"{}"))).unwrap();
    let sending = link.sender.try_send_request(request);
    let answered = link.driven(sending).await;
    let status = answered.map(|response| response.status());
    (link, status.map_err(|failed| format!("{:?}", failed.error())))
}

const REFUSAL: &[u8] = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn an_answer_is_read_where_nothing_can_be_written() {
    let (link, status) = exchanged(REFUSAL, Written::Refused, true).await;

    assert_eq!(status, Ok(StatusCode::PAYLOAD_TOO_LARGE));
    assert!(link.progress.is_over() && !link.progress.is_complete());
}

#[tokio::test]
async fn where_there_is_no_answer_it_is_said_why_nothing_was_written() {
    for partial in [&b""[..], b"HTTP/1.1 413 Content"] {
        let (_, status) = exchanged(partial, Written::Refused, true).await;

        let cause = status.unwrap_err();
        assert!(cause.contains("BrokenPipe"), "{cause}");
    }
}

#[tokio::test]
async fn a_connection_on_which_a_request_was_not_written_out_is_not_used_again() {
    for written in [Written::Refused, Written::Buffered] {
        let (link, status) = exchanged(REFUSAL, written, false).await;
        let pool = Pool::new(1);

        pool.put(link).await;

        assert_eq!(status, Ok(StatusCode::PAYLOAD_TOO_LARGE), "{written:?}");
        assert!(pool.take().await.is_none(), "{written:?}");
    }
}
