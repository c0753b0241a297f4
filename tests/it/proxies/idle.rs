//! Connections between a proxy and a receiver that lie idle until one of them ends them.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until};

use super::{Front, KEPT, raise_file_limit};
use crate::harness::client;
use crate::harness::posters::{End, Posted, assert_each_stored_once, post};
use crate::harness::raw::Raw;

/// How many connections lie idle for each of the times below.
const COUNT: u32 = 200;

/// How many posts open them in a tenth of a second: so few that none waits for others, and each time is about what it says.
const STEP: usize = 20;

/// So many times, evenly spread.
fn spread(from: Duration, to: Duration) -> impl Iterator<Item = Duration> {
    (0..COUNT).map(move |step| from + (to - from) * step / COUNT)
}

/// Posts to a pool, and again when the one connection in it has been idle for so long.
async fn post_twice(front: &Front, pool: usize, idle: Duration) -> [Posted; 2] {
    let path = format!("/{pool}/webhook");
    let first = post(&mut Raw::connect(front.address()).await, &path).await;
    sleep_until(Instant::now() + idle).await;
    let second = post(&mut Raw::connect(front.address()).await, &path).await;
    [first, second]
}

/// Posts twice to each of as many pools as there are times.
async fn post_to_all(front: &Front, times: &[Duration]) -> Vec<Posted> {
    let start = Instant::now();
    let posting = times.iter().enumerate().map(|(pool, idle)| async move {
        let step = u32::try_from(pool / STEP).expect("there are few");
        sleep_until(start + Duration::from_millis(100) * step).await;
        post_twice(front, pool, *idle).await
    });
    join_all(posting).await.concat()
}

/// Proxies keep connections that nothing comes on for as long as they like, and do not repeat a POST.
#[tokio::test]
async fn a_post_on_a_connection_that_lay_idle_is_answered_200() {
    raise_file_limit();
    // That is the time for a head that has begun, and none for the next one to come.
    let variables = [("CAIGUNN_SERVER_HEADER_TIMEOUT_SECONDS", "2")];
    let around_heads = spread(Duration::from_millis(1_900), Duration::from_millis(2_100));
    let around_kept = spread(KEPT - Duration::from_secs(1), KEPT + Duration::from_secs(1));
    let times: Vec<_> = around_heads.chain(around_kept).collect();
    let (nginx, caddy) = tokio::join!(
        Front::nginx(times.len(), &variables),
        Front::caddy(times.len(), &variables)
    );
    let fronts: Vec<_> = [nginx, caddy].into_iter().flatten().collect();

    let posted = join_all(fronts.iter().map(|front| post_to_all(front, &times))).await;

    let mut failures = Vec::new();
    for (front, posted) in fronts.iter().zip(&posted) {
        let failed = posted
            .iter()
            .filter(|posted| !matches!(posted.end, End::Stored { .. }));
        let failed: Vec<_> = failed.map(|posted| &posted.end).collect();
        if let Some(one) = failed.first() {
            failures.push(format!(
                "{}: {} of {}: {one:?}",
                front.name(),
                failed.len(),
                posted.len()
            ));
        }
        let receipts = front.receiver.receipts(&client()).await;
        assert_each_stored_once(posted, &receipts);
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
