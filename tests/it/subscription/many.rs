//! Promise: ten thousand chatbots are registered in one round that neither holds up posts nor takes much memory.

use std::fs;
use std::time::Instant;

use super::*;
use crate::harness::Process;

const COUNT: usize = 10_000;

/// Far longer than it takes, also by a slow build on a busy machine.
const LONG: Duration = Duration::from_secs(600);

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
async fn ten_thousand_chatbots_are_registered_in_the_first_round_within_60_mib() {
    let provider = Provider::start([]).await;
    for number in 1..COUNT {
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
    while put_count(&provider) < COUNT {
        assert!(
            begun.elapsed() < LONG,
            "{} of {COUNT} are put",
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
    while process.metric(&client, "chatbots{state=\"registered\"}").await < COUNT as f64 {
        assert!(begun.elapsed() < LONG, "not all are registered");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let peak = peak_mib(&process);
    eprintln!("{COUNT} chatbots: put in {took:?}, worst post {worst:?}, peak {peak} MiB");
    assert!(peak < 60, "{peak} MiB");
}
