//! Whatever CaiGunn's log of a job looks like, what is missing is brought once and nothing else is.

use serde_json::json;

use super::*;

/// An entry as CaiGunn's log has it.
fn logged(ids: &Ids, status: &str, created_at: &str) -> Value {
    json!({
        "created_at": created_at,
        "event_id": ids.event_id,
        "event": "crawling",
        "status": status,
        "data": {"chatbot_id": ids.chatbot_id, "training_data_ids": []},
        "broadcast_status": "success",
    })
}

fn with(mut entry: Value, name: &str, value: &Value) -> Value {
    entry[name] = value.clone();
    entry
}

#[tokio::test]
async fn what_is_missing_is_brought_whatever_the_log_looks_like() {
    let now = Timestamp::now();
    let (early, late) = ("2024-07-30T10:00:00", "2024-07-30T10:05:00");
    type Entries = fn(&Ids, [&str; 2]) -> Vec<Value>;
    // The log, what is brought, and in how many warnings it is said that something could not be read.
    let cases: [(&str, Entries, &[&str], usize); 9] = [
        ("empty", |_, _| vec![], &[], 0),
        (
            "only the beginning",
            |ids, [early, _]| vec![logged(ids, "initial", early)],
            &[],
            0,
        ),
        (
            "the newest first",
            |ids, [early, late]| vec![logged(ids, "completed", late), logged(ids, "initial", early)],
            &["crawling.completed"],
            0,
        ),
        (
            "each entry three times",
            |ids, [early, late]| {
                let pair = [logged(ids, "initial", early), logged(ids, "completed", late)];
                [&pair[..], &pair, &pair].concat()
            },
            &["crawling.completed"],
            0,
        ),
        (
            "names that nobody knows, among them one that is retried",
            |ids, [early, late]| {
                vec![
                    logged(ids, "initial", early),
                    logged(ids, "paused", early),
                    with(logged(ids, "noted", early), "event", &json!("reviewing")),
                    logged(ids, "paused", early),
                    logged(ids, "completed", late),
                ]
            },
            &["crawling.paused", "reviewing.noted", "crawling.completed"],
            0,
        ),
        (
            "another job's entries",
            |ids, [early, late]| {
                let of_another = json!(Ids::fresh().event_id);
                vec![
                    logged(ids, "initial", early),
                    with(logged(ids, "completed", late), "event_id", &of_another),
                ]
            },
            &[],
            0,
        ),
        (
            "entries without an id",
            |ids, [early, late]| {
                let entries = [logged(ids, "initial", early), logged(ids, "completed", late)];
                entries
                    .map(|entry| with(entry, "event_id", &Value::Null))
                    .to_vec()
            },
            &["crawling.completed"],
            0,
        ),
        (
            "an end without data",
            |ids, [_, late]| vec![with(logged(ids, "completed", late), "data", &Value::Null)],
            &[],
            1,
        ),
        (
            "two entries that cannot be read, and an end",
            |ids, [early, late]| {
                vec![
                    with(logged(ids, "failed", early), "data", &json!([7])),
                    with(logged(ids, "crawled", early), "event", &json!("")),
                    logged(ids, "completed", late),
                ]
            },
            &["crawling.completed"],
            1,
        ),
    ];

    for (name, entries, brought, warning_count) in cases {
        let stage = Stage::new().await;
        let job = stage.begin(now, HOUR).await;
        stage.provider.set_log(job.event_id, entries(&job, [early, late]));
        let mut rounds = stage.rounds();

        for hours in 0..3 {
            rounds.round(&stage.keyring, now.plus(HOUR * hours)).await;
        }

        let held = stage.held(&job).await;
        let expected: Vec<_> = brought.iter().map(|name| (*name).to_owned()).collect();
        let came: Vec<_> = held[1..].iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(came, expected, "{name}");
        assert!(held[1..].iter().all(|(_, origin)| *origin == Origin::Backfill));
        let lines = stage.log.lines();
        let said = lines.iter().filter(|line| line["origin"] == "backfill").count();
        assert_eq!(said, brought.len(), "{name}: {lines:?}");
        let is_open = !brought.contains(&"crawling.completed");
        assert_eq!(stage.seen(), [usize::from(is_open), 0], "{name}");
        assert_eq!(stage.asked().len(), if is_open { 3 } else { 1 }, "{name}");
        let mut warnings = stage.log.messages("WARN");
        warnings.retain(|warning| warning.contains("no notifications"));
        assert_eq!(warnings.len(), warning_count, "{name}: {warnings:?}");
    }
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_named_with_what_is_wrong() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let job = stage.begin(now, HOUR).await;
    let unreadable = with(logged(&job, "failed", ""), "data", &json!([7]));
    stage.provider.set_log(job.event_id, vec![unreadable]);

    stage.rounds().round(&stage.keyring, now).await;

    let line = stage
        .log
        .lines()
        .into_iter()
        .find(|line| line["level"] == "WARN")
        .unwrap();
    assert_eq!(line["event_id"], job.event_id.to_string());
    assert_eq!(line["error.type"], "unreadable_log");
    let message = line["message"].as_str().unwrap();
    let expected = format!(
        "CaiGunn's log of job {} has 1 entries that are no notifications and are left out; the first: crawling.failed: ",
        job.event_id
    );
    assert!(message.starts_with(&expected), "{message}");
    assert!(message.contains("/data"), "{message}");
}

#[tokio::test]
async fn each_notification_that_is_brought_has_its_line_in_the_log() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let job = stage.begin(now, HOUR).await;
    stage.complete(&job);

    stage.rounds().round(&stage.keyring, now).await;

    let receipts = stage.inbox.job(job.event_id).await.unwrap();
    let mut lines = stage.log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = lines.remove(0);
    for (name, expected) in [
        ("level", json!("INFO")),
        ("outcome", json!("accepted")),
        ("event", json!("crawling.completed")),
        ("event_id", json!(job.event_id)),
        ("chatbot_id", json!(job.chatbot_id)),
        ("receipt_id", json!(receipts[1].id)),
        ("wire", json!("2024-07")),
        ("origin", json!("backfill")),
        (
            "message",
            json!(format!(
                "crawling.completed was missed and is now accepted as receipt {}",
                receipts[1].id
            )),
        ),
    ] {
        assert_eq!(line[name], expected, "{name}");
    }
    assert!(line.get("request_id").is_none() && line.get("duplicate_of").is_none());
}

#[tokio::test]
async fn an_end_that_is_longer_than_a_post_may_be_is_brought() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let job = stage.begin(now, HOUR).await;
    let mut end = logged(&job, "completed", "2024-07-30T10:05:00");
    // With what stands around each, 9 MiB and more.
    end["data"]["training_data_ids"] = (0..250_000).map(|id| json!(Uuid::from_u128(id))).collect();
    stage.provider.set_log(job.event_id, vec![end]);

    stage.rounds().round(&stage.keyring, now).await;

    assert!(stage.is_completed(&job).await, "{:?}", stage.log.messages("WARN"));
}

#[tokio::test]
async fn data_that_came_as_a_text_and_a_detail_beside_it_are_brought() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let job = stage.begin(now, HOUR).await;
    let mut end = logged(&job, "completed", "2024-07-30T10:05:00");
    let mut failed = logged(&job, "failed", "2024-07-30T10:06:00");
    failed["event"] = json!("training");
    failed["detail"] = json!("Character limit exceeded");
    for entry in [&mut end, &mut failed] {
        entry["data"] = json!(entry["data"].to_string());
    }
    stage.provider.set_log(job.event_id, vec![end, failed]);

    stage.rounds().round(&stage.keyring, now).await;

    assert!(stage.is_completed(&job).await);
    let receipts = stage.inbox.job(job.event_id).await.unwrap();
    let (_, body) = stage.inbox.receipt(receipts[2].id).await.unwrap().unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["data"]["detail"], "Character limit exceeded");
}
