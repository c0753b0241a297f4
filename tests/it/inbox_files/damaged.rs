//! What a disk does to a single receipt, or a single request in quarantine.

use rusqlite::Connection;

use super::*;
use crate::harness::application::Application;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_receipt_fails_alone_and_is_shown_counted_and_said_once() {
    let mut desk = Desk::new();
    let process = desk.start().await;
    desk.post_all(&process, 3).await;
    stop(process).await;
    let inbox = Connection::open(desk.path("inbox.db")).expect("it is there");
    // One byte is another, and the text is none any more.
    let damage = "UPDATE receipt SET status = CAST(x'8d6f6d706c65746564' AS TEXT) WHERE seq = 2";
    assert_eq!(inbox.execute(damage, []).expect("it is a statement"), 1);
    drop(inbox);
    let application = Application::start().await;
    let destination = format!(
        "[{{name = 'app', kind = 'http', url = '{}', since = '2000-01-01T00:00:00Z', events = ['crawling.completed']}}]",
        application.url()
    );

    let process = Process::start(
        desk.folder.path(),
        &[("CAIGUNN_DELIVERY_DESTINATION", &destination)],
    )
    .await;

    // Those before it and after it are delivered, and what comes now is too, a repeat of the damaged one beside it.
    application.wait_for_arrivals(2).await;
    let whole = desk.posted[1].body.clone();
    let repeat = client()
        .post(process.url("/webhook"))
        .header("content-type", "application/json")
        .body(whole.clone());
    let (repeated, posted) = tokio::join!(repeat.send(), desk.post(&process));
    assert_eq!(repeated.expect("an answer").status(), 200);
    assert_eq!(posted.0, 200);
    application.wait_for_arrivals(4).await;
    wait_for("the dead letter", || async {
        match process
            .metric(&client(), r#"deliveries_dead{destination="app"}"#)
            .await
        {
            1.0 => Ok(()),
            count => Err(format!("{count}: {}", process.log())),
        }
    })
    .await;
    let receipts = process.receipts(&client()).await;
    let damaged: Vec<_> = receipts
        .iter()
        .filter(|receipt| receipt["damage"].is_string())
        .collect();
    assert_eq!((receipts.len(), damaged.len()), (5, 1));
    assert_eq!(damaged[0]["event"], "crawling.\u{fffd}ompleted");
    let id = text(damaged[0], "id");
    let shown: Value = api(&process, &format!("/receipts/{id}")).await;
    assert_eq!(shown["body"], whole.as_str());
    let delivery = api(&process, &format!("/deliveries/app/{id}")).await;
    assert_eq!(delivery["state"], "dead");
    let jobs = api(&process, "/jobs").await;
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(4));
    let lines = process.log_lines();
    let errors: Vec<_> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
    let [error] = &errors[..] else {
        panic!("{errors:?}")
    };
    let said = text(error, "message");
    for part in [&*id, "its status cannot be read", "receipts show", "inbox check"] {
        assert!(said.contains(part), "{said}");
    }
    stop(process).await;
}

#[tokio::test]
async fn a_damaged_request_in_quarantine_fails_alone_and_is_shown_and_can_be_accepted() {
    let desk = Desk::new();
    let process = desk.start().await;
    let notification = json(&sample("crawling.completed")).to_string();
    let refused_count = 6;
    for _ in 0..refused_count {
        let request = client()
            .post(process.url("/webhook"))
            .header("content-type", "text/plain")
            .body(notification.clone());
        assert_eq!(request.send().await.expect("an answer").status(), 415);
    }
    stop(process).await;
    let inbox = Connection::open(desk.path("inbox.db")).expect("it is there");
    // Of the first nothing is damaged.
    let columns = ["detail", "reason", "content_type", "request_id", "id"];
    for (seq, column) in (2..).zip(columns) {
        let value = if column.ends_with("id") {
            "x'02'"
        } else {
            "CAST(x'61ff62' AS TEXT)"
        };
        let damage = format!("UPDATE quarantine SET {column} = {value} WHERE seq = {seq}");
        assert_eq!(inbox.execute(&damage, []).expect("it is a statement"), 1);
    }
    drop(inbox);

    let process = desk.start().await;

    let page = api(&process, "/quarantine").await;
    let listed = page["quarantine"].as_array().expect("a list");
    let damage: Vec<_> = listed.iter().rev().map(|kept| kept["damage"].as_str()).collect();
    let expected = columns.map(|column| format!("what the inbox holds as its {column} cannot be read"));
    assert_eq!(damage[0], None);
    assert_eq!(damage[1..], expected.each_ref().map(|damage| Some(&**damage)));
    assert_eq!(listed[4]["detail"], "a\u{fffd}b");
    let id = text(&listed[4], "id");
    let shown = api(&process, &format!("/quarantine/{id}")).await;
    assert_eq!(
        (&shown["body"], &shown["damage"]),
        (&Value::from(notification), &listed[4]["damage"])
    );
    let page = client()
        .get(format!("http://{}/quarantine", process.admin))
        .send()
        .await
        .expect("an answer");
    assert_eq!(page.status(), 200);
    assert_eq!(
        page.text().await.expect("a page").matches(" (damaged)").count(),
        5
    );
    let accepted = client()
        .post(process.api(&format!("/quarantine/{id}/accept")))
        .send()
        .await
        .expect("an answer");
    assert_eq!(accepted.status(), 200);
    assert_eq!(process.receipts(&client()).await.len(), 1);
    stop(process).await;
}

async fn api(process: &Process, path: &str) -> Value {
    let response = client().get(process.api(path)).send().await.expect("an answer");
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.expect("an answer in JSON")
}

async fn stop(mut process: Process) {
    process.signal("TERM");
    assert!(process.wait().await.success(), "{}", process.errors());
}
