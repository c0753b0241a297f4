//! When a connection ends that waits. Time is injected: it moves when nothing else does.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{advance, sleep};

use super::*;

const IDLE: Duration = Duration::from_secs(130);
const HEAD: Duration = Duration::from_secs(10);

/// How much of what is sent waits to be read.
const PIPE_BYTES: usize = 1 << 20;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// One end of a pipe; `has_unread` is what a test says.
struct Pipe {
    pipe: DuplexStream,
    has_unread: bool,
}

impl Socket for Pipe {
    fn has_unread(&self) -> bool {
        self.has_unread
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, buf)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

struct Connection {
    peer: DuplexStream,
    stream: Stream<Pipe>,
    presence: Arc<Presence>,
}

fn connection() -> Connection {
    let (peer, pipe) = duplex(PIPE_BYTES);
    let settings = ConnectionSettings {
        max_count: 1,
        header_timeout: HEAD,
        idle_timeout: IDLE,
        body_timeout: HEAD,
        write_timeout: HEAD,
        stop_grace: Duration::from_secs(1),
    };
    let presence = Arc::new(Presence::default());
    let pipe = Pipe {
        pipe,
        has_unread: false,
    };
    Connection {
        peer,
        stream: Stream::new(pipe, &settings, Arc::clone(&presence)),
        presence,
    }
}

impl Connection {
    /// What is read next, and after how long; nothing at an end.
    async fn read(&mut self) -> (io::Result<Vec<u8>>, Duration) {
        let started = Instant::now();
        let mut piece = vec![0; 4096];
        let read = self.stream.read(&mut piece).await;
        (read.map(|count| piece[..count].to_vec()), started.elapsed())
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.peer.write_all(bytes).await.unwrap();
    }

    /// Polls once, so that the connection begins to wait.
    async fn begin_to_wait(&mut self) {
        let mut piece = [0; 4096];
        let reading = self.stream.read(&mut piece);
        assert!(timeout(Duration::ZERO, reading).await.is_err());
    }
}

/// Whether a time is this one, to the millisecond that timers are rounded up to.
fn is_about(time: Duration, expected: Duration) -> bool {
    (expected..expected + Duration::from_millis(3)).contains(&time)
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_when_it_has_lain_idle_for_its_time() {
    let mut connection = connection();
    connection.begin_to_wait().await;
    assert!(connection.presence.idle_since().is_some());
    advance(Duration::from_secs(100)).await;
    connection.send(REQUEST).await;
    let (request, _) = connection.read().await;
    assert_eq!(request.unwrap(), REQUEST);
    assert_eq!(connection.presence.idle_since(), None);

    let (end, after) = connection.read().await;

    assert_eq!(end.unwrap(), b"");
    assert!(is_about(after, IDLE), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn empty_lines_do_not_keep_a_connection() {
    let mut connection = connection();
    connection.begin_to_wait().await;
    advance(IDLE / 2).await;
    connection.send(b"\r\n").await;

    let (end, after) = connection.read().await;

    assert_eq!(end.unwrap(), b"");
    assert!(is_about(after, IDLE / 2), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_head_begins_with_its_first_byte_and_no_other_byte_makes_it_longer() {
    let mut connection = connection();
    connection.begin_to_wait().await;
    advance(Duration::from_secs(100)).await;
    let (mut peer, _) = duplex(1);
    std::mem::swap(&mut peer, &mut connection.peer);
    let dripping = tokio::spawn(async move {
        for byte in b"GET / HTTP/1.1\r\nHost: a\r\n" {
            if peer.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
    });

    let (end, after) = connection.read().await;

    assert_eq!(end.unwrap(), b"");
    assert!(is_about(after, HEAD), "{after:?}");
    assert_eq!(connection.presence.idle_since(), None);
    dripping.abort();
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_body_is_waited_for_by_whoever_reads_it() {
    let mut connection = connection();
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell";
    connection.send(head).await;
    assert_eq!(connection.read().await.0.unwrap(), head);

    let reading = timeout(Duration::from_secs(3600), connection.read());

    assert!(reading.await.is_err());
    connection.send(b"o").await;
    assert_eq!(connection.read().await.0.unwrap(), b"o");
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_an_idle_connection_at_once_and_gives_an_unfinished_request_a_second() {
    let second = Duration::from_secs(1);
    for (read, sent, after_stop, is_error) in [
        (REQUEST, &b""[..], Duration::ZERO, false),
        (REQUEST, b"GET / HTT", second, false),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell",
            b"",
            second,
            true,
        ),
    ] {
        let mut connection = connection();
        connection.send(read).await;
        connection.read().await.0.unwrap();
        connection.send(sent).await;
        connection.begin_to_wait().await;
        connection.presence.wish(Wish::Stop);

        let (end, after) = connection.read().await;

        assert_eq!(end.is_err(), is_error, "{sent:?}");
        assert!(is_about(after, after_stop), "{sent:?}: {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_a_new_connection_a_second_to_send_its_first_request() {
    let mut connection = connection();
    connection.begin_to_wait().await;
    connection.presence.wish(Wish::Stop);
    connection.begin_to_wait().await;
    advance(Duration::from_millis(900)).await;
    connection.send(REQUEST).await;
    let (request, _) = connection.read().await;

    let (end, after) = connection.read().await;

    assert_eq!(request.unwrap(), REQUEST);
    assert_eq!((end.unwrap(), after), (Vec::new(), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_connection_at_once_that_has_never_sent_anything_for_a_second() {
    let mut connection = connection();
    connection.begin_to_wait().await;
    advance(Duration::from_secs(1)).await;
    connection.presence.wish(Wish::Stop);

    let (end, after) = connection.read().await;

    assert_eq!((end.unwrap(), after), (Vec::new(), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn one_that_makes_room_ends_only_between_requests() {
    let mut connection = connection();
    connection.send(b"GET / HTT").await;
    connection.begin_to_wait().await;
    connection.presence.wish(Wish::MakeRoom);
    connection.send(b"P/1.1\r\nHost: a\r\n\r\n").await;

    assert_eq!(connection.read().await.0.unwrap(), REQUEST);
    let (end, after) = connection.read().await;

    assert_eq!(end.unwrap(), b"");
    assert!(is_about(after, Duration::ZERO), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_has_arrived_is_read_although_its_connection_was_to_end() {
    let mut connection = connection();
    connection.begin_to_wait().await;
    connection.presence.wish(Wish::MakeRoom);
    // The system has it, and the runtime has not been told yet.
    connection.stream.socket.has_unread = true;
    connection.begin_to_wait().await;

    connection.send(REQUEST).await;

    assert_eq!(connection.read().await.0.unwrap(), REQUEST);
    connection.stream.socket.has_unread = false;
    assert_eq!(connection.read().await.0.unwrap(), b"");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_holds_up_a_stop_for_a_second() {
    let second = Duration::from_secs(1);
    for (before_stop, expected) in [(Duration::ZERO, second), (Duration::from_secs(60), second)] {
        let mut connection = connection();
        let page = vec![b'x'; PIPE_BYTES + 1];
        let writing = connection.stream.write_all(&page);
        assert!(
            timeout(before_stop, writing).await.is_err(),
            "it waits for its peer"
        );
        connection.presence.wish(Wish::Stop);
        let started = Instant::now();

        let rest = timeout(IDLE, connection.stream.write_all(b"x")).await;

        assert!(rest.expect("it ends").is_err());
        assert!(is_about(started.elapsed(), expected), "{:?}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_came_at_the_very_end_is_known_to_be_there() {
    let mut connection = connection();
    connection.presence.wish(Wish::MakeRoom);
    assert_eq!(connection.read().await.0.unwrap(), b"");
    assert!(!connection.stream.has_late_request());

    connection.stream.socket.has_unread = true;

    assert!(connection.stream.has_late_request());
}
