use crate::harness::caddy::Caddy;
use crate::harness::{Process, client, json, sample};

#[tokio::test]
async fn caddy_passes_on_to_a_receiver() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Process::start(folder.path(), &[]).await;
    let Some(caddy) = Caddy::start("", &format!("reverse_proxy {}", receiver.public)).await else {
        return;
    };

    let mut notification = json(&sample("crawling.completed"));
    notification["padding"] = "x".repeat(500_000).into();
    let posted = client()
        .post(caddy.url("/webhook"))
        .json(&notification)
        .send()
        .await
        .expect("an answer");

    assert_eq!(posted.status(), 200, "{}", caddy.log());
    assert_eq!(receiver.receipts(&client()).await.len(), 1);
}
