//! Promise: an inbox that takes no writes is told, though it is where what is to be told is kept, and so is its return.

use std::fs;

use super::*;

#[tokio::test]
async fn an_inbox_whose_file_is_moved_away_and_back_is_told() {
    let store = Store::sqlite();
    let (ops, app) = (Application::start().await, Application::start().await);
    let process = store
        .telling(&app, &notice(&ops, r#"about = ["inbox"]"#), SCHEDULE.1)
        .await;
    // It is started, and takes what is posted.
    post_jobs(process.public, 1).await;
    let (file, away) = (store.folder().join("inbox.db"), store.folder().join("away.db"));

    fs::rename(&file, &away).expect("the file can be moved");
    post_in_vain(&process).await;
    ops.wait_for_arrivals(1).await;
    fs::rename(&away, &file).expect("the file can be moved back");

    let arrivals = ops.wait_for_arrivals(2).await;
    assert_eq!(
        titles(&arrivals),
        ["the inbox takes no writes", "the inbox takes writes again"]
    );
}

#[tokio::test]
async fn a_database_that_is_gone_for_longer_than_a_lease_and_back_is_told() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let ops = Application::start().await;
    let (url, notice) = (server.url().to_owned(), notice(&ops, ""));
    let variables = [
        ("CAIGUNN_INBOX_URL", url.as_str()),
        ("CAIGUNN_NOTICE", &notice),
        SCHEDULE,
    ];
    let process = Process::start(folder.path(), &variables).await;
    process.wait_for_log("this receiver leads", 1).await;

    server.kill_9().await;
    post_in_vain(&process).await;
    ops.wait_for_arrivals(1).await;
    process.wait_for_log("this receiver leads no more", 1).await;
    server.restart().await;

    let arrivals = ops.wait_for_arrivals(2).await;
    assert_eq!(
        titles(&arrivals),
        ["the inbox takes no writes", "the inbox takes writes again"]
    );
}

#[tokio::test]
async fn a_database_that_hangs_is_told_while_it_does_and_once() {
    let Some(server) = Server::start().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let ops = Application::start().await;
    // By TLS there is something to be done for it again and again until it is told.
    let certificate = folder.path().join("certificate.pem");
    let address = tls::before(ops.address, &certificate).await;
    let notice = format!(r#"[{{name = "ops", url = "https://{address}/"}}]"#);
    let url = server.url().to_owned();
    let variables = [
        ("CAIGUNN_INBOX_URL", url.as_str()),
        ("CAIGUNN_INBOX_APPEND_TIMEOUT_SECONDS", "2"),
        ("CAIGUNN_NOTICE", &notice),
        ("SSL_CERT_FILE", certificate.to_str().expect("it is text")),
        SCHEDULE,
    ];
    let process = Process::start(folder.path(), &variables).await;
    process.wait_for_log("this receiver leads", 1).await;
    let client = client();
    let count = async |outcome: &str| {
        let name = format!(r#"notices_total{{notice="ops",outcome="{outcome}"}}"#);
        process.metric(&client, &name).await
    };

    server.freeze().await;
    post_in_vain(&process).await;
    wait_for("it to be told", || async {
        let delivered = count("delivered").await;
        if delivered >= 1.0 {
            Ok(())
        } else {
            Err(process.log())
        }
    })
    .await;

    assert_eq!(titles(&ops.arrivals()), ["the inbox takes no writes"]);
    assert_eq!(count("failed").await, 0.0);
    server.thaw();
    let arrivals = wait_for_messages(&ops, 2).await;
    assert_eq!(titles(&arrivals)[1], "the inbox takes writes again");
}
