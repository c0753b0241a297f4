//! A client that sends bytes as they are, whole or not, right or wrong.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;

/// A connection that speaks no HTTP of its own.
pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    pub async fn connect(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.expect("the receiver accepts"),
        }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .await
            .expect("the receiver reads");
    }

    /// Sends if the receiver still takes it; whether it did.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Reads until the receiver closes; what it sent.
    pub async fn read_to_end(&mut self) -> String {
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match timeout(PATIENCE, self.stream.read(&mut buffer))
                .await
                .expect("the receiver closes")
            {
                // A reset after the answer closes the connection as well.
                Ok(0) | Err(_) => return String::from_utf8_lossy(&answer).into_owned(),
                Ok(count) => answer.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// Reads until the receiver closes; what it sent, read as one answer.
    pub async fn read_response(&mut self) -> reqwest::Response {
        let text = self.read_to_end().await;
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no whole head in {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let mut response = axum::http::Response::builder().status(status.expect("a status line"));
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            response = response.header(name, value);
        }
        response.body(body.to_owned()).expect("a right head").into()
    }

    /// Reads the head of one answer.
    pub async fn read_head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = timeout(PATIENCE, self.stream.read_u8())
                .await
                .expect("the receiver answers");
            head.push(byte.expect("the receiver answers before it closes"));
        }
        String::from_utf8_lossy(&head).into_owned()
    }

    /// Whether nothing comes for a while: for states that show only by silence.
    pub async fn is_silent_for(&mut self, time: Duration) -> bool {
        timeout(time, self.stream.read_u8()).await.is_err()
    }
}

/// A whole POST of JSON to `/webhook`.
pub fn post(body: &str) -> String {
    format!(
        "POST /webhook HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A whole POST of JSON to `/webhook` that does not say its length: `body` in one chunk.
pub fn post_chunked(body: &str) -> String {
    format!(
        "POST /webhook HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    )
}
