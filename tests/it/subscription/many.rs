//! Promise: many chatbots are registered in one round that neither holds up posts nor takes much memory.

use std::fs;
use std::time::Instant;

use super::*;
use crate::harness::{Process, wait_for};

/// How many, unless `CAIGUNN_TEST_CHATBOTS` says otherwise, such as the 10,000 that a list may have: few enough for a debug
/// build on a busy machine.
const COUNT: usize = 2_000;

/// How long a round may take. On a quiet machine it is some seconds.
const ROUND: Duration = Duration::from_secs(300);

/// How long a post may take meanwhile. On a quiet machine it is some milliseconds.
const POST: Duration = Duration::from_secs(20);

/// The most memory that a process has had, in MiB.
fn peak_mib(process: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_chatbots_are_registered_within_60_mib_while_posts_are_answered() {
    let count = std::env::var("CAIGUNN_TEST_CHATBOTS").map_or(COUNT, |count| count.parse().unwrap());
    let provider = Provider::start([]).await;
    for number in 1..count {
        provider.add_chatbot(&format!("Chatbot {number}"), &format!("key-{number}"));
    }
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("CAIGUNN_API_URL", &*provider.url()),
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
        ("CAIGUNN_PUBLIC_URL", "https://hooks.example.com"),
        ("CAIGUNN_SUBSCRIPTION_PROBE", "false"),
    ];
    let (process, begun) = (Process::start(folder.path(), &variables).await, Instant::now());
    let client = client();

    let mut worst = Duration::ZERO;
    while put_count(&provider) < count {
        assert!(
            begun.elapsed() < ROUND,
            "{} of {count} are put",
            put_count(&provider)
        );
        let posted = Instant::now();
        let notification = harness::json(&sample("crawling.completed"));
        let answer = client
            .post(process.url("/webhook"))
            .json(&notification)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        worst = worst.max(posted.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = begun.elapsed();
    wait_for("all to be registered", || async {
        let registered = process.metric(&client, "chatbots{state=\"registered\"}").await;
        if registered == count as f64 {
            Ok(())
        } else {
            Err(registered.to_string())
        }
    })
    .await;

    let peak = peak_mib(&process);
    eprintln!("{count} chatbots: put in {took:?}, worst post {worst:?}, peak {peak} MiB");
    assert!(worst < POST, "{worst:?}");
    assert!(peak < 60, "{peak} MiB");
}
