//! Posts that are refused early, beside those of others.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;

use super::{Front, GUARDED, TOKEN};
use crate::harness::client;
use crate::harness::posters::{End, Posted, assert_each_stored_once, post};
use crate::harness::raw::{self, Raw};

/// How many clients post what is refused, how many what is valid, and how often each of the latter does.
const REFUSED_CLIENT_COUNT: usize = 8;
const VALID_CLIENT_COUNT: usize = 4;
const VALID_COUNT: usize = 200;

/// The body of a request that is refused whatever its body.
const BODY_BYTES: [usize; 2] = [300, 200_000];

/// Requests that are refused before their body is read, each with its status.
fn refused_requests(body_bytes: usize) -> [(u16, String); 3] {
    let body = "x".repeat(body_bytes);
    let path = format!("/0/webhook/{TOKEN}");
    [
        (404, raw::post_to("/0/nowhere", &body)),
        (401, raw::post_to("/0/webhook/guessed", &body)),
        (405, raw::post_to(&path, &body).replacen("POST", "PUT", 1)),
    ]
}

/// Posts in turn what is refused until it is over; how often, and answers that were not as they should be.
async fn post_refused(front: &Front, body_bytes: usize, is_over: &AtomicBool) -> (usize, Vec<String>) {
    let requests = refused_requests(body_bytes);
    let (mut count, mut wrong) = (0, Vec::new());
    for (status, request) in requests.iter().cycle() {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let mut connection = Raw::connect(front.address()).await;
        // A proxy may answer before it has read all.
        connection.try_send(request).await;
        match connection.try_read_answer().await {
            Ok(answer) if answer.status() == *status => {}
            answer => wrong.push(format!("for {status}: {answer:?}")),
        }
        count += 1;
    }
    (count, wrong)
}

async fn post_valid(front: &Front) -> Vec<Posted> {
    let path = format!("/0/webhook/{TOKEN}");
    let mut posted = Vec::new();
    for _ in 0..VALID_COUNT {
        posted.push(post(&mut Raw::connect(front.address()).await, &path).await);
    }
    posted
}

/// Posts valid notifications while others post what is refused; what went wrong, if something did.
async fn post_beside_refused(front: &Front, body_bytes: usize) -> Option<String> {
    let is_over = AtomicBool::new(false);
    let valid = async {
        let posted = join_all((0..VALID_CLIENT_COUNT).map(|_| post_valid(front)))
            .await
            .concat();
        is_over.store(true, Ordering::Relaxed);
        posted
    };
    let refused = join_all((0..REFUSED_CLIENT_COUNT).map(|_| post_refused(front, body_bytes, &is_over)));
    let (posted, refused) = tokio::join!(valid, refused);

    let is_failed = |posted: &&Posted| !matches!(posted.end, End::Stored { .. });
    let failed: Vec<_> = posted
        .iter()
        .filter(is_failed)
        .map(|posted| &posted.end)
        .collect();
    let refused_count: usize = refused.iter().map(|(count, _)| count).sum();
    let wrong: Vec<_> = refused.iter().flat_map(|(_, wrong)| wrong).collect();
    assert!(refused_count > VALID_COUNT, "{refused_count}");
    assert_each_stored_once(&posted, &front.receiver.receipts(&client()).await);
    let is_sound = failed.is_empty() && wrong.is_empty();
    (!is_sound).then(|| {
        format!(
            "bodies of {body_bytes} bytes: {} of {} valid posts failed: {:?}, …; \
             {} of {refused_count} refusals came as something else: {:?}, …",
            failed.len(),
            posted.len(),
            failed.first(),
            wrong.len(),
            wrong.first()
        )
    })
}

async fn assert_refusals_harm_nobody_else(front: &Front) {
    let mut failures = Vec::new();
    for body_bytes in BODY_BYTES {
        failures.extend(post_beside_refused(front, body_bytes).await);
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test]
async fn refused_posts_cost_no_other_post_through_nginx_its_answer() {
    let Some(front) = Front::nginx(1, &GUARDED).await else {
        return;
    };
    assert_refusals_harm_nobody_else(&front).await;
}

#[tokio::test]
async fn refused_posts_cost_no_other_post_through_caddy_its_answer() {
    let Some(front) = Front::caddy(1, &GUARDED).await else {
        return;
    };
    assert_refusals_harm_nobody_else(&front).await;
}
