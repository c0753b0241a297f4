//! A client that sends bytes as they are, whole or not, right or wrong.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use super::PATIENCE;

/// A connection that speaks no HTTP of its own.
pub struct Raw {
    stream: BufReader<TcpStream>,
}

/// One answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub head: String,
    pub body: String,
}

impl Raw {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.expect("the receiver accepts")
    }

    /// Connects if the receiver still takes it.
    pub async fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = BufReader::new(TcpStream::connect(address).await?);
        Ok(Self { stream })
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

    /// Says that nothing more will be sent, and goes on reading.
    pub async fn half_close(&mut self) {
        self.stream.shutdown().await.expect("the receiver is there");
    }

    /// Goes without reading what has come, and without a farewell: the receiver gets a reset.
    pub fn reset(self) {
        socket2::SockRef::from(self.stream.get_ref())
            .set_linger(Some(Duration::ZERO))
            .expect("a socket can be told so");
    }

    /// Reads until the receiver closes; what it sent.
    pub async fn read_to_end(&mut self) -> String {
        read_to_end(&mut self.stream).await
    }

    /// Sends these bytes at every `pause` until the receiver closes; what it sent meanwhile.
    pub async fn drip_until_closed(self, bytes: &str, pause: Duration) -> String {
        let (stream, mut writer) = self.stream.into_inner().into_split();
        let dripping = tokio::spawn({
            let bytes = bytes.to_owned();
            async move {
                let mut ticks = interval(pause);
                while writer.write_all(bytes.as_bytes()).await.is_ok() {
                    ticks.tick().await;
                }
            }
        });
        let answer = read_to_end(stream).await;
        dripping.abort();
        answer
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

    /// Reads one answer, which must come and be whole.
    pub async fn read_answer(&mut self) -> Answer {
        self.try_read_answer()
            .await
            .unwrap_or_else(|part| panic!("the receiver closed after {part:?}"))
    }

    /// Reads one answer; if the receiver closes before its end, what came of it.
    pub async fn try_read_answer(&mut self) -> Result<Answer, String> {
        let mut bytes = Vec::new();
        let mut whole_bytes = usize::MAX;
        let mut head_bytes = 0;
        while bytes.len() < whole_bytes {
            let byte = timeout(PATIENCE, self.stream.read_u8())
                .await
                .expect("the receiver answers or closes");
            match byte {
                Ok(byte) => bytes.push(byte),
                Err(_) => return Err(String::from_utf8_lossy(&bytes).into_owned()),
            }
            if head_bytes == 0 && bytes.ends_with(b"\r\n\r\n") {
                head_bytes = bytes.len();
                let head = String::from_utf8_lossy(&bytes);
                let body_bytes = header_of(&head, "content-length").map_or(0, |length| {
                    length.parse().expect("the receiver sends a sound Content-Length")
                });
                whole_bytes = head_bytes + body_bytes;
            }
        }
        let body = bytes.split_off(head_bytes);
        Ok(Answer {
            head: String::from_utf8(bytes).expect("a head is ASCII"),
            body: String::from_utf8(body).expect("the receiver answers text"),
        })
    }
}

impl Answer {
    pub fn status(&self) -> u16 {
        status_of(&self.head)
    }

    /// The first header of that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header_of(&self.head, name)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the receiver answers JSON")
    }
}

/// The status of an answer that begins with this head.
pub fn status_of(head: &str) -> u16 {
    let status = head
        .strip_prefix("HTTP/1.1 ")
        .or_else(|| head.strip_prefix("HTTP/1.0 "));
    status
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .unwrap_or_else(|| panic!("no status line: {head:?}"))
}

async fn read_to_end(mut stream: impl AsyncRead + Unpin) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match timeout(PATIENCE, stream.read(&mut buffer))
            .await
            .expect("the receiver closes")
        {
            // A reset after the answer closes the connection as well.
            Ok(0) | Err(_) => return String::from_utf8_lossy(&answer).into_owned(),
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
        }
    }
}

fn header_of<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A whole POST of JSON to `/webhook`.
pub fn post(body: &str) -> String {
    post_to("/webhook", body)
}

/// A whole POST of JSON.
pub fn post_to(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
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
