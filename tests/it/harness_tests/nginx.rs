use crate::harness::nginx::Nginx;
use crate::harness::tunnel::answering;
use crate::harness::{Process, client, free_port, json, sample};

/// An `http` block that passes everything on.
fn passing_on_to(address: &str) -> String {
    format!("server {{ listen {{address}}; location / {{ proxy_pass http://{address}; }} }}")
}

#[tokio::test]
async fn nginx_passes_on_to_a_receiver_at_a_given_address_and_elsewhere_once_it_is_told() {
    let address = format!("127.0.0.1:{}", free_port());
    let Some(nginx) = Nginx::start(&passing_on_to(&address)).await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Process::start(folder.path(), &[("CAIGUNN_LISTEN", &address)]).await;
    assert_eq!(receiver.public.to_string(), address);

    // Larger than nginx keeps in memory.
    let mut notification = json(&sample("crawling.completed"));
    notification["padding"] = "x".repeat(500_000).into();
    let url = nginx.url("/webhook");
    let posted = client()
        .post(&url)
        .json(&notification)
        .send()
        .await
        .expect("an answer");
    assert_eq!(posted.status(), 200, "{}", nginx.errors());
    assert_eq!(receiver.receipts(&client()).await.len(), 1);

    let elsewhere = answering("HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\n\r\n").await;
    nginx.reload(&passing_on_to(&elsewhere.to_string())).await;

    let got = client().get(&url).send().await.expect("an answer");
    assert_eq!(got.status(), 418, "{}", nginx.errors());
}
