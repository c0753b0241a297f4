//! `receipts replay`

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::shown::post_job;
use super::{Stage, id, words};
use crate::harness::application::{Application, Reply};
use crate::harness::posters::text;
use crate::harness::process::says;
use crate::harness::{Process, wait_for};

#[tokio::test]
async fn a_receipt_arrives_once_more_with_the_same_id() {
    let stage = Stage::new().await;
    let receipt_id = stage.post("crawling.initial").await;
    stage.post("crawling.initial").await;
    stage.wait_for_delivery(&receipt_id, "delivered", 1).await;
    stage.application.wait_for_arrivals(2).await;

    let replayed = stage.json(&["receipts", "replay", &receipt_id]).await;

    assert_eq!(replayed["replay"]["state"], "done");
    assert_eq!(replayed["replay"]["progress"]["replayed_count"], 1);
    let arrivals = stage.application.wait_for_arrivals(3).await;
    assert_eq!(arrivals[2].webhook_id, receipt_id);
    assert_eq!(arrivals[2].headers["caigunn-attempt"], "2");
    stage.wait_for_delivery(&receipt_id, "delivered", 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_is_followed_over_several_pages() {
    let stage = Stage::new().await;
    let crawls = stage.post_many("crawling.initial", 600).await;
    stage.post_many("uploading.initial", 5).await;
    stage.application.wait_for_arrivals(605).await;
    stage.wait_for_pending(0).await;

    let dry = stage
        .json(&["receipts", "replay", "--event", "crawling", "--dry-run"])
        .await;
    let nothing = stage.json(&["receipts", "replay", "--until", "1h"]).await;
    let replayed = stage
        .json(&["receipts", "replay", "--event", "crawling", "--since", "1h"])
        .await;

    let expected = json!({
        "dry_run": true,
        "matched_count": 600,
        "destinations": [{"destination": "app", "matched_count": 600}],
    });
    assert_eq!(dry, expected);
    assert_eq!(nothing["replay"]["progress"]["matched_count"], 0);
    assert_eq!(replayed["replay"]["progress"]["replayed_count"], 600);
    assert_eq!(replayed["replay"]["progress"]["examined_count"], 605);
    let arrivals = stage.application.wait_for_arrivals(1_205).await;
    let again: HashSet<_> = arrivals[605..]
        .iter()
        .map(|arrival| arrival.webhook_id.clone())
        .collect();
    assert_eq!(again, crawls);
    assert_eq!(arrivals.len(), 1_205);
}

#[tokio::test]
async fn dead_letters_are_counted_and_sent_once_more() {
    let stage = Stage::answering("0", |arrival| {
        Reply::Status(if arrival.event == "crawling.initial" {
            500
        } else {
            200
        })
    })
    .await;
    let dead = [
        stage.post("crawling.initial").await,
        stage.post("crawling.initial").await,
    ];
    let lively = stage.post("uploading.initial").await;
    for receipt_id in &dead {
        stage.wait_for_delivery(receipt_id, "dead", 1).await;
    }
    stage.wait_for_delivery(&lively, "delivered", 1).await;
    stage.application.answer(|_| Reply::Status(200));

    let given_up = stage.run(&["deliveries", "list", "--state", "dead"]).await;
    let job = stage.json(&["receipts", "show", &dead[0]]).await;
    let job = stage.run(&["jobs", "show", &text(&job, "event_id")]).await;
    for why in [&given_up, &job] {
        let lines = words(&why.output);
        let is_said = |line: &String| line.contains(" dead ") && line.ends_with(" failed: answered 500");
        assert!(lines.iter().any(is_said), "{why:?}");
    }
    let said = stage.receiver.log_lines();
    assert!(
        said.iter()
            .any(says(" is given up for app after 1 attempt, and kept")),
        "{said:?}"
    );
    let shown = stage.json(&["destinations", "list"]).await;
    let dry = stage.run(&["receipts", "replay", "--dead", "--dry-run"]).await;
    let of_others = [
        "receipts",
        "replay",
        "--dead",
        "--event",
        "uploading",
        "--dry-run",
    ];
    assert_eq!(stage.json(&of_others).await["matched_count"], 0);
    assert_eq!(stage.application.arrivals().len(), 3, "a dry run sends nothing");
    let replayed = stage.run(&["receipts", "replay", "--dead"]).await;

    assert_eq!(shown["destinations"][0]["dead_count"], 2);
    let expected = ["DESTINATION WOULD BE SENT", "app 2", "", "2 in all"];
    assert_eq!(
        (words(&dry.output), dry.code),
        (expected.map(str::to_owned).to_vec(), Some(0))
    );
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    assert_eq!(replayed.errors, "", "no progress bar where there is no terminal");
    let lines = words(&replayed.output);
    assert_eq!(
        lines[0],
        "REPLAY BEGUN STATE LOOKED AT MATCHED MADE PENDING WHICH"
    );
    assert!(lines[1].ends_with(" done 2 2 2 dead"), "{replayed:?}");
    for receipt_id in &dead {
        stage.wait_for_delivery(receipt_id, "delivered", 2).await;
    }
    assert_eq!(stage.application.arrivals().len(), 5);
    let left = stage.json(&["deliveries", "list", "--state", "dead"]).await;
    assert_eq!(left, json!({"deliveries": []}));
}

#[tokio::test]
async fn a_dry_run_passes_over_a_destination_that_is_configured_no_more() {
    let (application, other) = (Application::start().await, Application::start().await);
    let app = json!({"name": "app", "kind": "http", "url": application.url()});
    let other = json!({"name": "other", "kind": "http", "url": other.url()});
    let mut stage = Stage::with(application, &json!([app, other]).to_string(), "0").await;
    let receipt_id = stage.post("crawling.initial").await;
    stage.wait_for_delivery(&receipt_id, "delivered", 1).await;
    stage.stop().await;
    stage.destinations = json!([app]).to_string();
    stage.restart().await;
    wait_for("the other to be known as configured no more", || async {
        let shown = stage.api("/destinations").await;
        match shown["destinations"][1]["state"].as_str() {
            Some("unconfigured") => Ok(()),
            _ => Err(shown.to_string()),
        }
    })
    .await;

    let dry = stage.json(&["receipts", "replay", "--all", "--dry-run"]).await;

    assert_eq!(
        dry["destinations"],
        json!([{"destination": "app", "matched_count": 1}])
    );
}

#[tokio::test]
async fn a_replay_goes_to_one_destination_if_it_is_named() {
    let (application, other) = (Application::start().await, Application::start().await);
    let destinations = json!([
        {"name": "app", "kind": "http", "url": application.url()},
        {"name": "other", "kind": "http", "url": other.url(), "events": ["uploading.*"]},
    ]);
    let stage = Stage::with(application, &destinations.to_string(), "0").await;
    let crawl = stage.post("crawling.initial").await;
    stage.post("uploading.initial").await;
    stage.application.wait_for_arrivals(2).await;
    other.wait_for_arrivals(1).await;
    stage.wait_for_delivery(&crawl, "delivered", 1).await;

    let unwanted = ["receipts", "replay", &crawl, "--destination", "other"];
    let unwanted = stage.json(&unwanted).await;
    let named = ["receipts", "replay", "--destination", "other"];
    let named = stage.json(&named).await;
    let unknown = ["receipts", "replay", "--all", "--destination", "nowhere"];
    let unknown = stage.run(&unknown).await;

    assert_eq!(unwanted["replay"]["progress"]["matched_count"], 0);
    assert_eq!(named["replay"]["progress"]["replayed_count"], 1);
    other.wait_for_arrivals(2).await;
    assert_eq!(stage.application.arrivals().len(), 2);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    let expected = "422: no destination \"nowhere\" is configured; there are: app, other\n";
    assert!(unknown.errors.ends_with(expected), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_one_destination_takes_no_more_a_replay_waits_and_the_others_get_theirs_once() {
    let (application, other) = (Application::start().await, Application::start().await);
    let destinations = json!([
        {"name": "app", "kind": "http", "url": application.url()},
        {"name": "other", "kind": "http", "url": other.url()},
    ]);
    let stage = Stage::with(application, &destinations.to_string(), "0").await;
    let paused = stage.run(&["destinations", "pause", "other"]).await;
    assert_eq!(paused.code, Some(0), "{paused:?}");
    // More than are read ahead of what is sent, so that what comes last is not known there yet.
    stage.post_many("crawling.initial", 1_100).await;
    let last = stage.post("crawling.initial").await;
    stage.application.wait_for_arrivals(1_101).await;
    let cancelled = stage
        .run(&["deliveries", "cancel", &format!("other/{last}")])
        .await;
    assert_eq!(cancelled.code, Some(0), "{cancelled:?}");

    let begun = stage.run(&["receipts", "replay", &last, "--no-wait"]).await;
    assert_eq!(begun.code, Some(0), "{begun:?}");
    stage.application.wait_for_arrivals(1_102).await;
    let replay = wait_for("the replay to wait for the other", || async {
        let replay = stage.api("/replays").await["replays"][0].clone();
        match replay["progress"]["waits_for"].as_str() {
            Some("other") => Ok(replay),
            _ => Err(replay.to_string()),
        }
    })
    .await;
    // Another replay does not wait for it.
    let named = stage
        .json(&["receipts", "replay", &last, "--destination", "app"])
        .await;
    assert_eq!(named["replay"]["progress"]["replayed_count"], 1, "{named}");
    let resumed = stage.run(&["destinations", "resume", "other"]).await;
    assert_eq!(resumed.code, Some(0), "{resumed:?}");

    other.wait_for_arrivals(1_101).await;
    let path = format!("/replays/{}", text(&replay, "id"));
    let done = wait_for("the replay to end", || async {
        let replay = stage.api(&path).await["replay"].clone();
        match replay["state"].as_str() {
            Some("done") => Ok(replay["progress"].clone()),
            _ => Err(replay.to_string()),
        }
    })
    .await;
    let counts = ["examined_count", "matched_count", "replayed_count"].map(|name| done[name].as_u64());
    assert_eq!(counts, [Some(1), Some(2), Some(2)], "{done}");
    assert_eq!(
        (&done["waits_for"], &done["ahead"]),
        (&Value::Null, &Value::Null),
        "{done}"
    );
    assert_eq!(stage.application.arrivals().len(), 1_103);
    assert_eq!(other.arrivals().len(), 1_101);
}

#[tokio::test]
async fn a_replay_is_no_faster_than_it_is_told() {
    let stage = Stage::new().await;
    for _ in 0..8 {
        let receipt_id = stage.post("crawling.initial").await;
        stage.wait_for_delivery(&receipt_id, "delivered", 1).await;
    }
    let began = Instant::now();

    let replayed = stage.json(&["receipts", "replay", "--all", "--rate", "4"]).await;

    assert_eq!(replayed["replay"]["progress"]["replayed_count"], 8);
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    let arrivals = stage.application.wait_for_arrivals(16).await;
    let apart = arrivals[12].at - arrivals[8].at;
    assert!(apart >= Duration::from_millis(900), "{apart:?}");
}

#[tokio::test]
async fn a_job_is_replayed_in_its_order_and_whole_though_one_a_second_goes() {
    let stage = Stage::new().await;
    let (job, event_id) = post_job(&stage, ["crawling.initial", "crawling.completed"]).await;
    let other = stage.post("crawling.initial").await;
    for receipt_id in job.iter().chain([&other]) {
        stage.wait_for_delivery(receipt_id, "delivered", 1).await;
    }
    let second = text(&stage.api(&format!("/receipts/{}", job[1])).await, "received_at");
    let of_job = ["receipts", "replay", "--job", &event_id];

    let dry = [&of_job[..], &["--since", &second, "--dry-run"]].concat();
    assert_eq!(stage.json(&dry).await["matched_count"], 1);
    stage.json(&[&of_job[..], &["--rate", "1"]].concat()).await;

    let arrivals = stage.application.wait_for_arrivals(5).await;
    let again: Vec<_> = arrivals[3..].iter().map(|arrival| &arrival.webhook_id).collect();
    assert_eq!(again, [&job[0], &job[1]]);
}

#[tokio::test]
async fn a_replay_goes_on_when_nobody_waits_for_it() {
    let stage = Stage::new().await;
    for _ in 0..3 {
        let receipt_id = stage.post("crawling.initial").await;
        stage.wait_for_delivery(&receipt_id, "delivered", 1).await;
    }
    let slow = ["receipts", "replay", "--all", "--rate", "0.05"];
    let folder = tempfile::tempdir().expect("a folder");

    let mut waiting = Process::launch(folder.path(), stage.command(&slow));
    let running = wait_for("the replay to run", || async {
        let replays = stage.api("/replays").await;
        match replays["replays"][0]["state"].as_str() {
            Some("running") => Ok(replays["replays"][0].clone()),
            _ => Err(replays.to_string()),
        }
    })
    .await;
    waiting.signal("INT");
    let status = waiting.wait().await;
    let queued = stage.run(&["receipts", "replay", "--all", "--no-wait"]).await;
    let listed = stage.run(&["receipts", "replays"]).await;

    let replay_id = text(&running, "id");
    assert_eq!(status.code(), Some(0));
    assert_eq!(
        waiting.errors(),
        format!(
            "replay {replay_id} goes on in the receiver that leads; `caigunn-webhook receipts replays` says how far it \
             is, and `caigunn-webhook receipts end-replay {replay_id}` ends it\n"
        )
    );
    assert_eq!(queued.code, Some(0), "{queued:?}");
    assert!(
        words(&queued.output)[1].ends_with(" waiting 0 0 0 all"),
        "{queued:?}"
    );
    let lines = words(&listed.output);
    assert_eq!(lines.len(), 3, "{listed:?}");
    assert!(lines[1].ends_with(" waiting 0 0 0 all"), "{listed:?}");
    assert!(lines[2].starts_with(&replay_id), "{listed:?}");
    assert!(
        lines[2].ends_with(" all"),
        "how fast says nothing of which: {listed:?}"
    );

    let ended = stage.run(&["receipts", "end-replay", &replay_id]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(words(&ended.output)[1].contains(" ended "), "{ended:?}");
    let said = stage.receiver.log_lines();
    let said = said.iter().find(|line| line["instruction_id"] == replay_id);
    let said = said.expect("its end has a line");
    assert_eq!(
        (&said["level"], &said["message"]),
        (
            &json!("INFO"),
            &json!(
                "ended by an operator: replay receipts to all destinations; 1 deliveries are sent once more"
            )
        )
    );
    // Then it is the next one's turn.
    wait_for("the other replay to be done", || async {
        let replays = stage.api("/replays").await;
        match replays["replays"][0]["state"].as_str() {
            Some("done") => Ok(()),
            _ => Err(replays.to_string()),
        }
    })
    .await;
    let again = stage.run(&["receipts", "end-replay", &replay_id]).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.errors.contains("409"), "{again:?}");
}

#[tokio::test]
async fn a_replay_that_was_ended_sends_nothing_more_also_one_whose_turn_had_not_come() {
    let stage = Stage::new().await;
    let mut receipt_ids = Vec::new();
    for _ in 0..3 {
        receipt_ids.push(stage.post("crawling.initial").await);
        stage
            .wait_for_delivery(&receipt_ids[receipt_ids.len() - 1], "delivered", 1)
            .await;
    }
    let begin = async |more: &[&str]| {
        let replay = stage
            .json(&[&["receipts", "replay", "--all", "--no-wait"], more].concat())
            .await;
        text(&replay["replay"], "id")
    };
    let wait_for_first = async |replay_id: &str, attempt_count| {
        wait_for("it to send the first", || async {
            let replay = stage.api(&format!("/replays/{replay_id}")).await;
            match replay["replay"]["progress"]["replayed_count"].as_u64() {
                Some(1) => Ok(()),
                _ => Err(replay.to_string()),
            }
        })
        .await;
        stage
            .wait_for_delivery(&receipt_ids[0], "delivered", attempt_count)
            .await;
    };
    // The last two are seen at once, when the first is ended.
    let slow = ["--rate", "0.001"];
    let [first, second, third] = [begin(&slow).await, begin(&slow).await, begin(&[]).await];
    wait_for_first(&first, 2).await;
    let end = async |replay_id: &str| {
        let ended = stage.run(&["receipts", "end-replay", replay_id]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    };
    end(&first).await;
    wait_for_first(&second, 3).await;

    end(&third).await;
    end(&second).await;

    // What comes behind them shows that they are done with.
    let counted = stage.json(&["receipts", "replay", "--all", "--dry-run"]).await;
    assert_eq!(counted["matched_count"], 3, "{counted}");
    let last = stage.post("crawling.initial").await;
    stage.wait_for_delivery(&last, "delivered", 1).await;
    assert_eq!(stage.application.arrivals().len(), 3 + 2 + 1);
}

#[tokio::test]
async fn who_waits_for_a_replay_is_told_that_somebody_has_ended_it() {
    let stage = Stage::new().await;
    for _ in 0..3 {
        let receipt_id = stage.post("crawling.initial").await;
        stage.wait_for_delivery(&receipt_id, "delivered", 1).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let slow = ["receipts", "replay", "--all", "--rate", "0.05"];
    let mut waiting = Process::launch(folder.path(), stage.command(&slow));
    let replay_id = wait_for("the replay to run", || async {
        let replays = stage.api("/replays").await;
        match replays["replays"][0]["state"].as_str() {
            Some("running") => Ok(text(&replays["replays"][0], "id")),
            _ => Err(replays.to_string()),
        }
    })
    .await;

    stage.json(&["receipts", "end-replay", &replay_id]).await;
    let status = waiting.wait().await;

    assert_eq!(status.code(), Some(1));
    assert_eq!(
        waiting.errors(),
        "caigunn-webhook: an operator has ended it before its end\n"
    );
    assert!(waiting.log().contains(" ended "), "{}", waiting.log());
}

#[tokio::test]
async fn what_only_counts_is_not_kept_as_a_replay() {
    let stage = Stage::new().await;
    let receipt_id = stage.post("crawling.initial").await;
    stage.wait_for_delivery(&receipt_id, "delivered", 1).await;

    let dry = stage.json(&["receipts", "replay", "--all", "--dry-run"]).await;
    let before = stage.api("/replays").await;
    stage.json(&["receipts", "replay", "--all"]).await;
    let after = stage.json(&["receipts", "replays"]).await;

    assert_eq!(dry["matched_count"], 1);
    assert_eq!(before["replays"], json!([]));
    assert_eq!(after["replays"].as_array().expect("a list").len(), 1);
}

/// There may be a thousand of them in each of 500 replays.
#[tokio::test]
async fn a_list_of_replays_has_the_number_of_the_receipts_that_are_named_and_one_replay_has_their_ids() {
    let stage = Stage::new().await;
    let receipt_id = stage.post("crawling.initial").await;
    stage.wait_for_delivery(&receipt_id, "delivered", 1).await;

    let replayed = stage.run(&["receipts", "replay", &receipt_id]).await;
    let listed = stage.run(&["receipts", "replays"]).await;

    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    assert!(words(&listed.output)[1].ends_with(" 1 id"), "{listed:?}");
    let replay = &stage.api("/replays").await["replays"][0];
    let instruction = &replay["instruction"];
    assert_eq!(instruction["receipt_id_count"], 1);
    assert_eq!(instruction.get("receipt_ids"), None);
    let whole = stage.api(&format!("/replays/{}", text(replay, "id"))).await;
    assert_eq!(whole["replay"]["instruction"]["receipt_ids"], json!([receipt_id]));
}

#[tokio::test]
async fn a_receipt_that_is_not_there_is_no_replay() {
    let stage = Stage::new().await;
    let nobody = "0192f0c1-2b3c-7d4e-8f50-61728394a5b6";

    let ended = stage.run(&["receipts", "replay", nobody]).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let expected = format!("caigunn-webhook: it could not be done: there is no receipt {nobody}\n");
    assert_eq!(ended.errors, expected);
    let shown = stage.run(&["deliveries", "show", &id(nobody)]).await;
    assert_eq!(shown.code, Some(1), "{shown:?}");
    assert!(
        shown
            .errors
            .ends_with(&format!("404: there is no delivery app/{nobody}\n")),
        "{shown:?}"
    );
}
