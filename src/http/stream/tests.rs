//! Three promises: no request with two framings reaches a handler, no honest byte is ever changed, and a connection ends
//! when it has waited for long enough, but never on a request that has arrived.
//!
//! The first is shown against hyper itself, since what counts is where hyper sees a request end.

mod ends;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use proptest::prelude::*;
use tokio::time::timeout;

use super::*;

/// A request with both framings, alone or behind others.
const AMBIGUOUS: &str = "POST /ambiguous HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n\
    0\r\n\r\nGET /inner HTTP/1.1\r\nHost: a\r\n\r\n";

/// What is handed on of a stream that comes in these pieces.
fn handed_on(pieces: &[&[u8]]) -> Vec<u8> {
    let runtime = runtime();
    let _entered = runtime.enter();
    let mut stream = stream(Peer::of(pieces, &Arc::default()));
    let mut out = Vec::new();
    let mut cx = Context::from_waker(Waker::noop());
    let mut space = [0; 512];
    loop {
        let mut piece = ReadBuf::new(&mut space);
        match Pin::new(&mut stream).poll_read(&mut cx, &mut piece) {
            Poll::Ready(Ok(())) if !piece.filled().is_empty() => out.extend(piece.filled()),
            _ => return out,
        }
    }
}

/// A runtime whose clock moves only when nothing else does.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

/// A stream with limits that no test here waits for.
fn stream(peer: Peer) -> Stream<Peer> {
    let limit = Duration::from_secs(600);
    let settings = ConnectionSettings {
        max_count: 1,
        header_timeout: limit,
        idle_timeout: limit,
        body_timeout: limit,
        write_timeout: limit,
        stop_grace: limit,
    };
    Stream::new(peer, &settings, Arc::default())
}

/// The stream cut in every way that is tried: whole, in two at every position, and byte by byte.
fn cuts(stream: &[u8]) -> Vec<Vec<&[u8]>> {
    let in_two = (1..stream.len()).map(|at| vec![&stream[..at], &stream[at..]]);
    [vec![stream], stream.chunks(1).collect()]
        .into_iter()
        .chain(in_two)
        .collect()
}

fn cut_at<'a>(stream: &'a [u8], positions: &[usize]) -> Vec<&'a [u8]> {
    let mut positions: Vec<_> = positions.iter().map(|at| at % (stream.len() + 1)).collect();
    positions.extend([0, stream.len()]);
    positions.sort_unstable();
    positions
        .windows(2)
        .map(|ends| &stream[ends[0]..ends[1]])
        .filter(|piece| !piece.is_empty())
        .collect()
}

/// A connection whose peer sends these pieces, each read by itself, and then waits.
struct Peer {
    pieces: VecDeque<Vec<u8>>,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Peer {
    fn of(pieces: &[&[u8]], received: &Arc<Mutex<Vec<u8>>>) -> Self {
        Self {
            pieces: pieces.iter().map(|piece| piece.to_vec()).collect(),
            received: Arc::clone(received),
        }
    }
}

impl Socket for Peer {
    fn has_unread(&self) -> bool {
        !self.pieces.is_empty()
    }
}

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(mut piece) = self.pieces.pop_front() else {
            return Poll::Pending;
        };
        let rest = piece.split_off(piece.len().min(buf.remaining()));
        buf.put_slice(&piece);
        if !rest.is_empty() {
            self.pieces.push_front(rest);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peer {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.received.lock().extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What became of a connection.
#[derive(Debug, PartialEq, Eq)]
struct Served {
    /// The paths whose requests reached the handler.
    paths: Vec<String>,
    /// The statuses that the peer received.
    statuses: Vec<u16>,
}

/// Lets hyper serve a stream. The handler reads every body but that of `/unread`.
fn serve(pieces: &[&[u8]]) -> Served {
    let received = Arc::new(Mutex::new(Vec::new()));
    let peer = Peer::of(pieces, &received);
    let paths = Arc::new(Mutex::new(Vec::new()));
    let service = service_fn(|request: axum::http::Request<hyper::body::Incoming>| {
        let paths = Arc::clone(&paths);
        async move {
            let path = request.uri().path().to_owned();
            paths.lock().push(path.clone());
            let is_read = path == "/unread" || request.into_body().collect().await.is_ok();
            let status = if is_read { 200 } else { 400 };
            let response = axum::http::Response::builder()
                .status(status)
                .body(Full::<bytes::Bytes>::default());
            Ok::<_, Infallible>(response.unwrap())
        }
    });
    let runtime = runtime();
    let _entered = runtime.enter();
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream(peer)), service);
    // Waiting and failing are ways to refuse a stream too; what counts
    // is what was answered.
    let _ = runtime.block_on(async { timeout(Duration::from_secs(1), connection).await });
    let received = String::from_utf8(received.lock().clone()).unwrap();
    let statuses = received
        .split("HTTP/1.")
        .skip(1)
        .map(|answer| answer[2..5].parse().unwrap())
        .collect();
    let paths = paths.lock().clone();
    Served { paths, statuses }
}

/// A request with these lines in its head. Nothing in its body looks like the end of a head, so that an answer
/// cannot be owed to that.
fn with_headers(headers: &str) -> String {
    format!("POST /both HTTP/1.1\r\nHost: a\r\n{headers}\r\n5\r\nhello")
}

#[test]
fn both_framings_are_refused_in_either_order_however_the_stream_is_cut() {
    let heads = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nX-Between: 1\r\nContent-Length: 5\r\nX-After: 1\r\n",
        "content-length:5\r\ntransfer-encoding:chunked\r\n",
        "CONTENT-LENGTH:\t5 \r\ntRANSFER-eNCODING: \tChunked\t\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5, 5\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length:\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: +5\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 99999999999999999999999\r\n",
        "Content-Length: 5\nTransfer-Encoding: chunked\n",
        "Transfer-Encoding: gzip, chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    ];
    for head in heads {
        let stream = with_headers(head);
        for pieces in cuts(stream.as_bytes()) {
            let refused = Served {
                paths: vec![],
                statuses: vec![400],
            };
            assert_eq!(
                serve(&pieces),
                refused,
                "{head:?} as {:?}",
                pieces[0].escape_ascii().to_string()
            );
        }
    }
}

#[test]
fn of_an_ambiguous_head_nothing_is_handed_on() {
    let stream = b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";

    for pieces in cuts(stream) {
        assert_eq!(handed_on(&pieces), NO_REQUEST);
    }
}

#[test]
fn padding_hides_no_header() {
    for width in [1, 20, 300] {
        let (space, zeros) = (" ".repeat(width), "0".repeat(width));
        let heads = [
            format!("Transfer-Encoding: chunked\r\nContent-Length: {space}5\r\n"),
            format!("Content-Length: {space}5\r\nTransfer-Encoding: chunked\r\n"),
            format!("Content-Length: 5{space}\r\nTransfer-Encoding: chunked\r\n"),
            format!("Content-Length: {zeros}5\r\nTransfer-Encoding: chunked\r\n"),
            format!("Content-Length: 5\r\nTransfer-Encoding: {space}chunked\r\n"),
            format!("Content-Length: 5\r\nTransfer-Encoding: chunked{space}\r\n"),
            format!("Transfer-Encoding: {space}chunked\r\nContent-Length: 5\r\n"),
        ];
        for head in heads {
            let stream = with_headers(&head);
            for pieces in cuts(stream.as_bytes()) {
                let refused = Served {
                    paths: vec![],
                    statuses: vec![400],
                };
                assert_eq!(
                    serve(&pieces),
                    refused,
                    "{width}: {head:?} as {:?}",
                    pieces[0].escape_ascii().to_string()
                );
            }
        }
    }
}

#[test]
fn a_length_behind_padding_is_that_length() {
    let body = "POST /decoy HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    for line in [
        format!("Content-Length: {}{}\r\n", "0".repeat(300), body.len()),
        format!("Content-Length: {}{}\r\n", " ".repeat(300), body.len()),
        format!("Content-Length: {}{}\r\n", body.len(), " ".repeat(300)),
    ] {
        let stream = format!("POST /a HTTP/1.1\r\nHost: a\r\n{line}\r\n{body}{AMBIGUOUS}");
        for pieces in cuts(stream.as_bytes()) {
            let served = Served {
                paths: vec!["/a".to_owned()],
                statuses: vec![200, 400],
            };
            assert_eq!(
                serve(&pieces),
                served,
                "{line:?} as {:?}",
                pieces[0].escape_ascii().to_string()
            );
        }
    }
}

#[test]
fn what_no_reader_should_guess_at_is_refused() {
    let heads = [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 18446744073709551615\r\n",
        "X-Long: 1\r\n folded: Content-Length: 5\r\n",
        "Content-Length : 5\r\n",
        " Content-Length: 5\r\n",
        "Transfer-Encoding: gzip\r\n",
    ];
    for head in heads {
        let stream = with_headers(head);
        for pieces in cuts(stream.as_bytes()) {
            assert_eq!(
                serve(&pieces),
                Served {
                    paths: vec![],
                    statuses: vec![400]
                },
                "{head:?}"
            );
        }
    }
}

#[test]
fn unusual_but_clear_requests_pass_unchanged_and_what_follows_is_still_watched() {
    let long = "x".repeat(400);
    let streams = [
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello".to_owned(),
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nhello".to_owned(),
        "POST /a HTTP/1.1\nHost: a\nContent-Length: 5\n\nhello".to_owned(),
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".to_owned(),
        "POST /a HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello".to_owned(),
        format!("POST /a?{long} HTTP/1.1\r\nHost: a\r\nTransfer: {long}\r\nContent-Length-{long}: 7\r\n\r\n"),
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \t; a=\"b\"\r\nhello\r\n000\r\n\r\n".to_owned(),
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\nA: b\r\n\r\n".to_owned(),
        format!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0;{long}\r\nA: {long}\r\n\r\n"),
    ];
    for honest in streams {
        for pieces in cuts(honest.as_bytes()) {
            assert_eq!(handed_on(&pieces), honest.as_bytes(), "{honest:?}");
        }
        let stream = honest.clone() + AMBIGUOUS;
        for pieces in cuts(stream.as_bytes()) {
            assert_eq!(
                serve(&pieces),
                Served {
                    paths: vec!["/a".to_owned()],
                    statuses: vec![200, 400]
                },
                "{honest:?}"
            );
        }
    }
}

#[test]
fn empty_lines_before_a_request_are_nobodys() {
    let request = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    let stream = format!("\r\n\r\n\n{request}\r\n{request}\r\n");

    for pieces in cuts(stream.as_bytes()) {
        assert_eq!(handed_on(&pieces), request.repeat(2).as_bytes());
    }
}

#[test]
fn a_line_end_that_is_none_before_a_request_is_refused_and_not_gathered() {
    for stream in ["\rGET /a HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\r\n\r\n"] {
        for pieces in cuts(stream.as_bytes()) {
            let Served { paths, statuses } = serve(&pieces);

            assert_eq!((paths, statuses), (vec![], vec![400]), "{stream:?}");
        }
    }
}

#[test]
fn a_chunk_with_anything_but_its_size_and_extensions_ends_the_body() {
    let refused = [
        "5 ",
        "5\t",
        "5;",
        "5; ",
        "5 ;",
        "5;a=",
        "5;bad[=x",
        "5;a=b c",
        "5;a=\"b",
        "5;a=\"b\"c",
        "5;;a",
        "5;a,b",
        "5=a",
        " 5",
        "+5",
        "0x5",
        "5g",
        "5;a=\"\x01\"",
        "8000000000000000",
        "",
    ];
    for line in refused {
        for body in [
            format!("{line}\r\nhello\r\n0\r\n\r\n"),
            format!("5\r\nhello\r\n{line}\r\n\r\n"),
        ] {
            let stream = format!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
            for pieces in cuts(stream.as_bytes()) {
                let refused = Served {
                    paths: vec!["/a".to_owned()],
                    statuses: vec![400],
                };
                assert_eq!(serve(&pieces), refused, "{body:?}");
            }
        }
    }
}

#[test]
fn a_body_that_no_empty_line_ends_is_refused_at_once() {
    for end in ["0\r\n\n", "0\r\nA: b\n\r\n", "0\n\r\n", "5\r\nhello0\r\n\r\n"] {
        let stream = format!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{end}");
        for pieces in cuts(stream.as_bytes()) {
            assert_eq!(serve(&pieces).statuses, [400], "{end:?}");
        }
    }
}

#[test]
fn lines_of_a_chunked_body_have_a_bound() {
    for line in ["5;a=", "0\r\nA: "] {
        let long = "x".repeat(20 << 10);
        let stream = format!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{line}{long}");

        assert_eq!(serve(&[stream.as_bytes()]).statuses, [400], "{line:?}");
    }
}

/// Requests whose end hyper could see elsewhere than we do, each followed by an ambiguous one. A reader that
/// takes `DECOY` for a head waits for a long body and lets everything pass.
#[test]
fn a_body_cannot_lead_us_astray() {
    const DECOY: &str = "POST /decoy HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    let zeros = "0".repeat(300);
    let size = format!("{:x}", DECOY.len() + 2);
    let data = format!("\r\n{DECOY}\r\n");
    let bodies = [
        // A chunk size behind more zeros than are kept of a line.
        format!("{zeros}{size}\r\n{data}0\r\n\r\n"),
        // Trailers that hyper ends at CR LF CR LF only.
        format!("0\r\n\n{DECOY}"),
        format!("0\r\nA: b\n\n{DECOY}"),
        format!("0\r\nA: {zeros}\n\n{DECOY}"),
        format!("0\r\nA: b\r\n\n{DECOY}"),
        // Sizes that the one might read and the other not.
        format!("{size}\n{data}0\r\n\r\n"),
        format!("0x{size}\r\n{data}0\r\n\r\n"),
        format!("+{size}\r\n{data}0\r\n\r\n"),
        format!(" {size}\r\n{data}0\r\n\r\n"),
        format!("{size} 0\r\n{data}0\r\n\r\n"),
        format!("{size};\n{data}0\r\n\r\n"),
        format!("{size};a\rb\n{data}0\r\n\r\n"),
        format!("\r\n{size}\r\n{data}0\r\n\r\n"),
        format!("10000000000000000{size}\r\n{data}0\r\n\r\n"),
        format!("fffffffffffffffe\r\n{data}0\r\n\r\n"),
        format!("-1\r\n{data}0\r\n\r\n"),
        // Data that ends elsewhere than its size says.
        format!("3\r\nabc\n0\r\n\r\n{DECOY}"),
        format!("3\r\nabc0\r\n\r\n{DECOY}"),
    ];
    for body in bodies {
        for path in ["/read", "/unread"] {
            let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
            let stream = format!("{head}{body}{AMBIGUOUS}");
            for pieces in cuts(stream.as_bytes()) {
                let Served { paths, .. } = serve(&pieces);

                assert_eq!(
                    paths,
                    [path],
                    "{body:?} as {:?}",
                    pieces[0].escape_ascii().to_string()
                );
            }
        }
    }
}

/// A request with one framing or none, in one of the many ways to write it.
fn honest_request() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just(String::new()),
        "[ -~]{1,20}",
        "(\r|\n|[0-9a-f]|:){1,20}",
        Just("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned()),
        Just("\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()),
        "[a-z]{127,140}",
    ];
    let header = prop_oneof![
        "X-[a-z]{1,9}: ?[!-~]{0,9}",
        "(X-)?[a-z]{100,130}: [a-z]{0,40}",
        Just("Content-Lengths: 5".to_owned()),
        Just("TE: trailers".to_owned()),
        Just("Transfer: chunked".to_owned()),
    ];
    let chunk = (
        "0{0,3}",
        text.clone(),
        "([ \t]{0,3};[ \t]{0,2}[a-z]{1,140}(=([a-z0-9]{1,9}|\"[ -!#-[]{0,9}\"))?){0,2}",
    )
        .prop_map(|(zeros, data, extension)| match data.len() {
            0 => String::new(),
            size => format!("{zeros}{size:x}{extension}\r\n{data}\r\n"),
        });
    let chunks = prop::collection::vec(chunk, 0..4);
    let trailers = prop::collection::vec(header.clone(), 0..3);
    let framed = prop_oneof![
        Just((String::new(), String::new())),
        ("(Content-Length|content-length|CONTENT-LENGTH):[ \t]{0,3}", text)
            .prop_map(|(name, body)| (format!("{name}{}\r\n", body.len()), body)),
        (
            "(Transfer-Encoding|transfer-encoding): ?(chunked|Chunked)",
            chunks,
            "0{1,3}(;[a-z]{1,9})?",
            trailers
        )
            .prop_map(|(line, chunks, last, trailers)| {
                let trailers: String = trailers.iter().map(|trailer| format!("{trailer}\r\n")).collect();
                (
                    format!("{line}\r\n"),
                    format!("{}{last}\r\n{trailers}\r\n", chunks.concat()),
                )
            }),
    ];
    let headers = prop::collection::vec(header, 0..3);
    (
        "(GET|POST) /[a-z]{0,9}(/[a-z]{120,130})?",
        headers.clone(),
        framed,
        headers,
    )
        .prop_map(|(start, before, (framing, body), after)| {
            let lines = |headers: &[String]| {
                headers
                    .iter()
                    .map(|header| format!("{header}\r\n"))
                    .collect::<String>()
            };
            format!(
                "{start} HTTP/1.1\r\n{}{framing}{}\r\n{body}",
                lines(&before),
                lines(&after)
            )
        })
}

/// A request that is nearly chunked, or with a decoy in it: what an attacker would try.
fn crooked_request() -> impl Strategy<Value = String> {
    let head = prop::sample::select(&[
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /unread HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /a HTTP/1.1\nExpect: 100-continue\nTransfer-Encoding:chunked\n\n",
        "CONNECT a:1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /a HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\n",
        "GET /a HTTP/1.1\r\nUpgrade: b\r\nConnection: upgrade\r\n\r\n",
    ]);
    let size = prop_oneof![
        3 => prop::sample::select(&["3\r\n", "03 ;a\r\n", "3\n", "3;\n\r\n", "\r\n", "-3\r\n", "3 3\r\n"]).prop_map(str::to_owned),
        1 => "0{120,140}3\r\n",
        1 => "3[ ;]{120,140}\r?\n",
    ];
    let data = prop::sample::select(&["abc\r\n", "\n\n\n\r\n", "abc\n", "abc", "\r\n\r\r\n"]);
    let chunks = prop::collection::vec((size, data).prop_map(|(size, data)| size + data), 0..2);
    let last = prop::sample::select(&["0\r\n", "0\r\n", "000;a\r\n", "0\n", ""]);
    let trailer = prop::sample::select(&["\r\n", "\n", "A: b\r\n", "A: b\n", "\r", " ", "\0"]);
    let trailers = prop::collection::vec(trailer, 0..3);
    let decoy = prop::sample::select(&[
        "",
        "\r\n",
        "POST /a HTTP/1.1\r\nContent-Length: 9999\r\n\r\n",
        "A: b\r\nContent-Length: 9999\r\n\r\n",
    ]);
    (head, chunks, last, trailers, decoy).prop_map(|(head, chunks, last, trailers, decoy)| {
        format!("{head}{}{last}{}{decoy}", chunks.concat(), trailers.concat())
    })
}

proptest! {
    #[test]
    fn honest_streams_are_never_changed_and_an_ambiguous_request_behind_them_is_held_back(
        requests in prop::collection::vec(honest_request(), 0..5),
        positions in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let honest = requests.concat().into_bytes();
        let stream = [&honest, AMBIGUOUS.as_bytes()].concat();

        prop_assert_eq!(&handed_on(&cut_at(&honest, &positions)), &honest);
        prop_assert_eq!(&handed_on(&honest.chunks(1).collect::<Vec<_>>()), &honest);
        let refused = handed_on(&cut_at(&stream, &positions));
        prop_assert_eq!(refused, [&honest, NO_REQUEST].concat());
    }

    #[test]
    fn hyper_takes_every_honest_request_and_none_that_is_ambiguous(
        requests in prop::collection::vec(honest_request(), 0..4),
        positions in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let stream = requests.concat() + AMBIGUOUS;

        let Served { paths, statuses } = serve(&cut_at(stream.as_bytes(), &positions));

        prop_assert_eq!(paths.len(), requests.len());
        prop_assert_eq!(statuses, [vec![200; requests.len()], vec![400]].concat());
    }

    #[test]
    fn no_ambiguous_request_reaches_a_handler_whatever_came_before_it(
        requests in prop::collection::vec(prop_oneof![2 => crooked_request(), 1 => honest_request()], 0..4),
        positions in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let stream = requests.concat() + AMBIGUOUS;

        let Served { paths, .. } = serve(&cut_at(stream.as_bytes(), &positions));

        prop_assert!(!paths.iter().any(|path| path == "/ambiguous" || path == "/inner"), "{:?}", paths);
    }
}
