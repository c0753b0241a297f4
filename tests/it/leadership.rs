//! Promise: of all receivers on one inbox, one keeps the subscriptions, backfills, delivers and removes old receipts; all of them
//! take notifications; and when that one stops or dies, another does what it did, beginning with what it left.

mod seat;

use std::sync::Arc;

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use serde_json::{Value, json};

use self::seat::{Seat, Shared};
use crate::harness::provider::Route;
use crate::harness::site::ADMIN_TOKEN;
use crate::harness::{self, App, Provider, Site, problem, sample_with, spawn_app, spawn_app_on, wait_for};

const OURS: &str = "https://hooks.example.com/webhook";

/// The name of every receiver here: they are one process.
fn is_name(name: &Value) -> bool {
    let end = format!(" (process {})", std::process::id());
    name.as_str().is_some_and(|name| name.ends_with(&end))
}

/// A receiver on a shared inbox that finds its chatbots by itself, and looks at them so rarely that it must be for
/// another reason if it does in a test.
async fn spawn(provider: &Provider, seat: &Arc<Seat>, keys: &[(&str, &str)]) -> App {
    let url = provider.url();
    let defaults = [
        ("api.url", &*url),
        ("api.access_token", "access-token"),
        ("server.public_url", "https://hooks.example.com"),
        ("subscription.probe", "false"),
        ("subscription.watch_interval_seconds", "86400"),
        ("backfill.interval_seconds", "86400"),
    ];
    spawn_app_on(Arc::clone(seat) as _, &[&defaults, keys].concat()).await
}

/// Waits until the receiver leads and its only chatbot is registered; what it shows then.
async fn wait_for_lead(app: &App) -> Value {
    wait_for("the lead and a registration", || async {
        let seen = app.api("/subscription").await;
        let is_registered = seen["chatbots"][0]["state"] == "registered";
        if seen["leader"]["is_self"] == true && is_registered {
            Ok(seen)
        } else {
            Err(seen.to_string())
        }
    })
    .await
}

/// Waits until the receiver shows so many open jobs, or none where it does not look; what else it shows then.
async fn wait_for_open_jobs(app: &App, count: Option<usize>) -> Value {
    wait_for("a number of open jobs", || async {
        let seen = app.api("/subscription").await;
        if seen["backfill"]["open_jobs"] == json!(count) {
            Ok(seen)
        } else {
            Err(seen.to_string())
        }
    })
    .await
}

/// Waits until the metrics show of so many destinations how they are.
async fn wait_for_destinations(app: &App, count: usize) {
    wait_for("a number of destinations", || async {
        let shown = metric(app, "destination_down").await;
        if shown.len() == count {
            Ok(())
        } else {
            Err(format!("{shown:?}"))
        }
    })
    .await;
}

/// The samples of a metric, without the name's common start.
async fn metric(app: &App, name: &str) -> Vec<String> {
    let page = app.admin("/metrics").await.text().await.expect("text");
    let lines = page
        .lines()
        .filter_map(|line| line.strip_prefix("caigunn_webhook_"));
    let of_it = |line: &&str| line.split(['{', ' ']).next() == Some(name);
    lines.filter(of_it).map(str::to_owned).collect()
}

/// How many of the chatbots' states a metric shows something of.
async fn chatbot_count(app: &App) -> usize {
    let lines = metric(app, "chatbots").await;
    assert_eq!(lines.len(), 8, "{lines:?}");
    lines.iter().filter(|line| !line.ends_with(" 0.0")).count()
}

#[tokio::test]
async fn a_receiver_with_an_inbox_of_its_own_leads() {
    let app = spawn_app().await;

    let leader = app.api("/subscription").await["leader"].clone();

    assert!(is_name(&leader["name"]), "{leader}");
    assert_eq!(leader["is_self"], true);
    assert_eq!(metric(&app, "leader").await, ["leader 1.0"]);
    app.stop().await;
}

#[tokio::test]
async fn only_the_leader_looks_after_chatbots_and_all_take_notifications() {
    let (provider, shared) = (Provider::start([]).await, Shared::new());
    let seats = [shared.seat(), shared.seat()];
    let leader = spawn(&provider, &seats[0], &[]).await;
    wait_for_lead(&leader).await;
    let call_count = provider.calls().len();

    let follower = spawn(&provider, &seats[1], &[("api.key", "key-one")]).await;
    let notification = harness::json(&harness::sample("crawling.completed"));
    let first = follower.post(&notification).await;
    let second = leader.post(&notification).await;

    let outcome = |answer: Value| answer["outcome"].clone();
    assert_eq!(outcome(first.json().await.unwrap()), "accepted");
    assert_eq!(outcome(second.json().await.unwrap()), "duplicate");
    let mut seen = follower.api("/subscription").await;
    assert!(is_name(&seen["leader"]["name"].take()), "{seen}");
    assert_eq!(
        seen,
        json!({
            "webhook_url": OURS,
            "problem": null,
            "probe": null,
            "chatbots": [],
            "backfill": {"open_jobs": null, "stalled_jobs": null, "problem": null},
            "leader": {"name": null, "is_self": false},
            "tokens": [],
        })
    );
    assert_eq!(metric(&follower, "leader").await, ["leader 0.0"]);
    assert_eq!(metric(&leader, "leader").await, ["leader 1.0"]);
    assert_eq!(
        (chatbot_count(&leader).await, chatbot_count(&follower).await),
        (1, 0)
    );
    assert_eq!(provider.calls().len(), call_count, "{:?}", provider.calls());
    assert_eq!(seats.map(|seat| seat.expire_count()), [1, 0]);
    follower.stop().await;
    leader.stop().await;
}

#[tokio::test]
async fn a_leader_that_stops_is_followed_by_another_one_which_looks_at_everything() {
    let (provider, shared) = (Provider::start([]).await, Shared::new());
    let seats = [shared.seat(), shared.seat()];
    let leader = spawn(&provider, &seats[0], &[]).await;
    wait_for_lead(&leader).await;
    let follower = spawn(&provider, &seats[1], &[]).await;
    // What happens when the leader has looked already.
    let ids = Ids {
        chatbot_id: provider.chatbot_id("key-one"),
        ..Ids::fresh()
    };
    let notification = |name| harness::json(&sample_with(name, &ids, Wire::V2024_07));
    assert_eq!(
        follower.post(&notification("crawling.initial")).await.status(),
        200
    );
    for name in ["crawling.initial", "crawling.completed"] {
        provider.log_event(ids.chatbot_id, &notification(name));
    }
    provider.set_webhook_url(ids.chatbot_id, None);

    leader.stop().await;

    assert_eq!(seats[0].leader_at_close(), None, "it resigns before it closes");
    wait_for_lead(&follower).await;
    assert_eq!(provider.webhook_url(ids.chatbot_id).as_deref(), Some(OURS));
    wait_for("what was missed", || async {
        let receipts = follower.receipts().await;
        let newest = receipts[0].clone();
        if newest["event"] == "crawling.completed" {
            Ok(newest)
        } else {
            Err(newest.to_string())
        }
    })
    .await;
    wait_for("a look for old receipts", || async {
        let count = seats[1].expire_count();
        if count > 0 { Ok(()) } else { Err(count.to_string()) }
    })
    .await;
    assert!(provider.calls_of(Route::DeleteWebhook).is_empty());
    follower.stop().await;
}

#[tokio::test]
async fn a_leader_that_lets_requests_come_before_it_stops_lets_another_one_lead_already() {
    let (provider, shared) = (Provider::start([]).await, Shared::new());
    let seat = shared.seat();
    // Longer than a test has patience.
    let leader = spawn(&provider, &seat, &[("server.drain_delay_seconds", "600")]).await;
    wait_for_lead(&leader).await;
    let follower = spawn(&provider, &shared.seat(), &[]).await;
    let (client, webhook) = (leader.client.clone(), leader.url("/webhook"));

    // It ends with the test.
    tokio::spawn(leader.stop());
    wait_for_lead(&follower).await;

    let notification = harness::json(&harness::sample("crawling.completed"));
    let answer = client.post(webhook).json(&notification).send().await;
    assert_eq!(answer.expect("it still takes requests").status(), 200);
    follower.stop().await;
}

#[tokio::test]
async fn a_leader_that_dies_is_followed_by_another_one_when_its_lease_is_over() {
    let (provider, shared) = (Provider::start([]).await, Shared::new());
    let leader = spawn(&provider, &shared.seat(), &[]).await;
    wait_for_lead(&leader).await;
    let follower = spawn(&provider, &shared.seat(), &[]).await;

    leader.kill().await;
    assert_eq!(follower.api("/subscription").await["leader"]["is_self"], false);
    shared.give_lead_to(None);

    wait_for_lead(&follower).await;
    follower.stop().await;
}

#[tokio::test]
async fn who_leads_no_more_shows_nothing_and_looks_afresh_when_it_leads_again() {
    let (provider, shared) = (Provider::start([]).await, Shared::new());
    shared.give_lead_to(Some("another"));
    let destination =
        r#"[{"name": "app", "kind": "http", "url": "http://127.0.0.1:1/", "events": ["training"]}]"#;
    let keys = [("api.key", "key-one"), ("delivery.destination", destination)];
    let app = spawn(&provider, &shared.seat(), &keys).await;
    let begun = harness::json(&harness::sample("crawling.initial"));
    assert_eq!(app.post(&begun).await.status(), 200);
    shared.give_lead_to(None);
    let first = wait_for_lead(&app).await;
    assert_eq!(first["chatbots"][0]["title"], "First");
    wait_for_open_jobs(&app, Some(1)).await;
    wait_for_destinations(&app, 1).await;

    shared.give_lead_to(Some("another"));
    let seen = wait_for_open_jobs(&app, None).await;
    wait_for_destinations(&app, 0).await;
    assert_eq!(seen["leader"], json!({"name": "another", "is_self": false}));
    assert_eq!(
        (&seen["chatbots"], &seen["webhook_url"]),
        (&json!([]), &json!(OURS))
    );
    assert_eq!(chatbot_count(&app).await, 0);
    assert_eq!(metric(&app, "leader").await, ["leader 0.0"]);
    provider.set_webhook_url(provider.chatbot_id("key-one"), None);

    shared.give_lead_to(None);
    wait_for_lead(&app).await;
    provider.wait_for_calls(2).await;
    app.stop().await;
}

/// Asks for a backfill; the problem that is answered.
async fn refused(app: &App, status: u16) -> [String; 2] {
    let path = format!("http://{}/api/v1/jobs/{}/backfill", app.admin, uuid::Uuid::nil());
    let response = app.client.post(path).send().await.expect("an answer");
    assert_eq!(response.status(), status);
    let problem = problem(response).await;
    let name = problem["type"].as_str().unwrap().rsplit(':').next();
    [name, problem["detail"].as_str()].map(|text| text.unwrap().to_owned())
}

#[tokio::test]
async fn a_follower_whose_leader_does_not_answer_says_who_that_is() {
    let (provider, shared) = (Provider::start([]).await, Shared::new());
    shared.give_lead_to(Some("receiver-1 (process 7)"));
    let follower = spawn(&provider, &shared.seat(), &[]).await;

    let refusal = refused(&follower, 409).await;

    let detail = "receiver-1 (process 7), which leads and knows the account's chatbots, did not answer within 15 s; asking again \
                  is safe";
    assert_eq!(refusal, ["not-leader", detail]);
    assert!(provider.calls().is_empty());
    follower.stop().await;
}

#[tokio::test]
async fn while_the_store_does_not_say_who_leads_a_receiver_serves_and_does_not_lead() {
    let (provider, shared) = (Provider::start([]).await, Shared::new());
    shared.mute();
    let app = spawn(&provider, &shared.seat(), &[]).await;

    let seen = app.api("/subscription").await;
    let posted = app
        .post(&harness::json(&harness::sample("crawling.completed")))
        .await;
    let refusal = refused(&app, 409).await;

    assert_eq!(seen["leader"], json!({"name": null, "is_self": false}));
    assert_eq!(posted.status(), 200);
    let detail = "only the receiver that leads knows the account's chatbots, and which one does is not known now; try \
                  again in some seconds";
    assert_eq!(refusal, ["not-leader", detail]);
    assert!(provider.calls().is_empty());
    app.stop().await;
}

#[tokio::test]
async fn commands_beside_a_follower_say_who_leads() {
    let (site, shared, mute) = (Site::new().await, Shared::new(), Shared::new());
    shared.give_lead_to(Some("receiver-1 (process 7)"));
    mute.mute();
    let keys = [
        ("admin.token", ADMIN_TOKEN),
        ("webhook.token", harness::site::TOKEN),
        ("server.public_url", &*site.tunnel.url()),
    ];
    let follower = spawn(&site.provider, &shared.seat(), &keys).await;
    let unknowing = spawn(&site.provider, &mute.seat(), &keys).await;
    let ours = format!("{}/webhook/{}", site.tunnel.url(), harness::site::TOKEN);
    let id = site.provider.chatbot_id("key-one");
    site.provider.set_webhook_url(id, Some(&ours));
    let run = async |app: &App, arguments: &[&str]| {
        let beside = [("CAIGUNN_ADMIN_LISTEN", &*app.admin.to_string())];
        let ended = site.run(arguments, &beside).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    };

    let table = run(&follower, &["subscription", "show"]).await.output;
    let of_unknowing = run(&unknowing, &["subscription", "show"]).await.output;
    let json = run(&follower, &["subscription", "show", "--format", "json"]).await;
    let removed = run(&follower, &["subscription", "remove"]).await;

    let said = "  yes   -      -\n\nThe running receiver does not lead: receiver-1 (process 7) looks after the chatbots\nThe \
                running receiver has a problem: receiver-1 (process 7), which leads and knows the account's chatbots, did \
                not answer within 5 s; asking again is safe\n";
    assert!(table.contains(said), "{table}");
    let said = "\n\nThe running receiver does not look after the chatbots now, nor know who does\n";
    assert!(of_unknowing.contains(said), "{of_unknowing}");
    let shown: Value = serde_json::from_str(&json.output).unwrap();
    let leader = json!({"name": "receiver-1 (process 7)", "is_self": false});
    assert_eq!(shown["leader"], leader);
    assert_eq!(
        removed.errors,
        "the receivers on this inbox register their URL again when the leader next looks: stop them first\n"
    );
    follower.stop().await;
    unknowing.stop().await;
}
