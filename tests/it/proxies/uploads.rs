//! Uploads that are refused while they are still being sent.

use std::time::Duration;

use tokio::time::interval;

use super::{Front, GUARDED, TOKEN, start_receiver};
use crate::harness::raw::{self, Answer, Raw};

/// More than a body may have, and how it is sent: for longer than the two seconds that are waited for silence.
const BODY_BYTES: usize = 9 << 20;
const PIECE_BYTES: usize = 128 << 10;
const PAUSE: Duration = Duration::from_millis(50);

/// Sends a body that is too large, slowly, whatever comes meanwhile, and then reads the answer. Whether all was taken, and
/// the answer.
async fn upload(connection: &mut Raw, path: &str) -> (bool, Result<Answer, String>) {
    let head = raw::post_to(path, "").replace("Content-Length: 0", &format!("Content-Length: {BODY_BYTES}"));
    let mut is_taken = connection.try_send(head).await;
    let mut ticks = interval(PAUSE);
    let piece = vec![b' '; PIECE_BYTES];
    for _ in 0..BODY_BYTES / PIECE_BYTES {
        ticks.tick().await;
        is_taken = is_taken && connection.try_send(&piece).await;
    }
    (is_taken, connection.try_read_answer().await)
}

async fn assert_413_comes_through(front: &Front, prefix: &str) {
    let mut connection = Raw::connect(front.address()).await;

    let (_, answer) = upload(&mut connection, &format!("{prefix}/webhook/{TOKEN}")).await;

    let status = answer.as_ref().map(Answer::status);
    assert_eq!(
        status,
        Ok(413),
        "{}{prefix}: {answer:?}, {}",
        front.name(),
        front.log()
    );
}

#[tokio::test]
async fn the_refusal_of_a_slow_upload_comes_through_nginx_whether_it_buffers_or_not() {
    let Some(front) = Front::nginx(1, &GUARDED).await else {
        return;
    };
    for prefix in ["/0", "/unbuffered"] {
        assert_413_comes_through(&front, prefix).await;
    }
}

#[tokio::test]
async fn the_refusal_of_a_slow_upload_comes_through_caddy() {
    let Some(front) = Front::caddy(1, &GUARDED).await else {
        return;
    };
    assert_413_comes_through(&front, "/0").await;
}

/// As Apache httpd and Varnish do.
#[tokio::test]
async fn a_proxy_that_passes_the_whole_upload_on_before_it_looks_for_an_answer_finds_it() {
    let (receiver, _folder) = start_receiver(&GUARDED).await;
    let mut connection = Raw::connect(receiver.public).await;

    let (is_taken, answer) = upload(&mut connection, &format!("/webhook/{TOKEN}")).await;

    // To such a proxy an upload that breaks off has failed, whatever was answered.
    assert!(is_taken, "the rest was reset; {answer:?}");
    assert_eq!(answer.as_ref().map(Answer::status), Ok(413), "{answer:?}");
}
