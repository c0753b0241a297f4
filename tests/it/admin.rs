//! Promise: the admin side tells what was received, to those who may know and to nobody else.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use caigunn_webhook::config::{self, Sources};
use caigunn_webhook::event::sample::Ids;
use caigunn_webhook::event::{Notification, Wire};
use caigunn_webhook::http::{self, Accepting, Endpoints, Parts, Standing};
use caigunn_webhook::inbox::announce::Announcer;
use caigunn_webhook::inbox::sqlite::SqliteInbox;
use caigunn_webhook::inbox::{Inbox, Writer};
use caigunn_webhook::instance::Instance;
use caigunn_webhook::metrics::Registry;
use reqwest::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{
    App, Provider, header, json, no_destinations, problem, sample, sample_with, spawn_app, spawn_app_with,
    wait_for,
};

/// An id that nothing has.
const NOBODY: &str = "0192f0c1-2b3c-7d4e-8f50-61728394a5b6";

/// Posts a notification and gives its receipt's id.
async fn accept(app: &App, notification: &Notification) -> String {
    let answer: Value = app.post(&json(notification)).await.json().await.expect("JSON");
    assert_eq!(answer["outcome"], "accepted");
    answer["receipt_id"].as_str().expect("a text").to_owned()
}

/// The ids of the receipts that the query finds.
async fn found(app: &App, query: &str) -> Vec<String> {
    let page = app.api(&format!("/receipts{query}")).await;
    ids(&page["receipts"])
}

fn ids(receipts: &Value) -> Vec<String> {
    let receipts = receipts.as_array().expect("a list");
    let id = |receipt: &Value| receipt["id"].as_str().expect("an id").to_owned();
    receipts.iter().map(id).collect()
}

/// GETs a path of the admin side with one more header.
async fn get_with(app: &App, path: &str, name: &str, value: &str) -> Response {
    let url = format!("http://{}{path}", app.admin);
    let request = app.client.get(url).header(name, value);
    request.send().await.expect("the admin side answers")
}

/// The detail of the problem that the query is refused with.
async fn query_refused(app: &App, query: &str) -> String {
    let response = app.admin(&format!("/api/v1/receipts?{query}")).await;
    assert_eq!(response.status(), 400, "{query}");
    let problem = problem(response).await;
    assert_eq!(problem["type"], "urn:caigunn-webhook:problem:invalid-query");
    problem["detail"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn receipts_are_listed_newest_first() {
    let app = spawn_app().await;
    let notification = sample("crawling.completed");
    let older_training = sample_with("training.failed", &Ids::fresh(), Wire::V2024_01);
    let (first, second) = (
        accept(&app, &notification).await,
        accept(&app, &older_training).await,
    );

    let page = app.api("/receipts").await;

    let expected = json!({
        "receipts": [{
            "id": second,
            "sequence": 2,
            "received_at": page["receipts"][0]["received_at"],
            "event": "training.failed",
            "event_id": null,
            "chatbot_id": older_training.chatbot_id,
            "wire": "2024-01",
            "origin": "webhook",
            "body_bytes": json(&older_training).to_string().len(),
        }, {
            "id": first,
            "sequence": 1,
            "received_at": page["receipts"][1]["received_at"],
            "event": "crawling.completed",
            "event_id": notification.event_id,
            "chatbot_id": notification.chatbot_id,
            "wire": "2024-07",
            "origin": "webhook",
            "body_bytes": json(&notification).to_string().len(),
        }],
        "next_cursor": null,
    });
    assert_eq!(page, expected);
    let times = [0, 1].map(|index| {
        page["receipts"][index]["received_at"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    assert!(
        times[0] > times[1] && times.iter().all(|time| time.ends_with('Z')),
        "{times:?}"
    );
}

#[tokio::test]
async fn before_anything_was_received_the_list_is_empty() {
    let app = spawn_app().await;

    let page = app.api("/receipts").await;

    assert_eq!(page, json!({"receipts": [], "next_cursor": null}));
}

#[tokio::test]
async fn receipts_are_found_by_event_by_job_and_by_chatbot() {
    let app = spawn_app().await;
    let (mine, theirs) = (Ids::fresh(), Ids::fresh());
    let post = async |name: &str, ids: &Ids| accept(&app, &sample_with(name, ids, Wire::V2024_07)).await;
    let initial = post("crawling.initial", &mine).await;
    let completed = post("crawling.completed", &mine).await;
    let another = post("crawling.initial", &theirs).await;
    let upload = post("uploading.initial", &theirs).await;
    let dotted = post("billing.over.limit", &mine).await;

    let (job, chatbot) = (mine.event_id, theirs.chatbot_id);
    let cases = [
        ("?event=crawling".to_owned(), vec![&another, &completed, &initial]),
        ("?event=crawling.initial".to_owned(), vec![&another, &initial]),
        ("?event=crawling.failed".to_owned(), vec![]),
        ("?event=crawl".to_owned(), vec![]),
        ("?event=billing.over.limit".to_owned(), vec![&dotted]),
        (format!("?event_id={job}"), vec![&dotted, &completed, &initial]),
        (
            format!("?event_id={job}&event=crawling"),
            vec![&completed, &initial],
        ),
        (format!("?event_id={job}&chatbot_id={chatbot}"), vec![]),
        (format!("?chatbot_id={chatbot}"), vec![&upload, &another]),
        (format!("?chatbot_id={chatbot}&event=uploading"), vec![&upload]),
        (format!("?event_id={NOBODY}"), vec![]),
        (format!("?chatbot_id={NOBODY}"), vec![]),
    ];
    for (query, expected) in cases {
        assert_eq!(
            found(&app, &query).await.iter().collect::<Vec<_>>(),
            expected,
            "{query}"
        );
    }
}

#[tokio::test]
async fn every_time_of_rfc_3339_is_one_to_ask_by() {
    let app = spawn_app().await;
    let id = accept(&app, &sample("crawling.initial")).await;
    let (first, last) = ("0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z");

    for (query, is_found) in [
        (format!("?since={first}&until={last}"), true),
        (format!("?since={last}"), false),
        (format!("?until={first}"), false),
    ] {
        let expected = if is_found { vec![id.clone()] } else { Vec::new() };
        assert_eq!(found(&app, &query).await, expected, "{query}");
    }
    let replay = json!({"destination": "app", "since": first, "until": last, "dry_run": true});
    let url = format!("http://{}/api/v1/replays", app.admin);
    let answer = app.client.post(url).json(&replay).send().await.unwrap();
    // Only that there is no such destination is wrong.
    let problem: Value = answer.json().await.unwrap();
    let faults = problem["errors"].as_array().unwrap();
    let places: Vec<_> = faults.iter().map(|fault| &fault["pointer"]).collect();
    assert_eq!(places, ["/destination"], "{problem}");
}

#[tokio::test]
async fn an_event_whose_own_name_has_a_dot_is_found_by_that_name_and_by_its_whole_one() {
    let app = spawn_app().await;
    let response = app
        .post(&json!({"event": "crawling.v2", "status": "initial"}))
        .await;
    let answer: Value = response.json().await.unwrap();
    let receipt_id = answer["receipt_id"].as_str().unwrap();

    for event in ["crawling.v2", "crawling.v2.initial"] {
        assert_eq!(
            found(&app, &format!("?event={event}")).await,
            [receipt_id],
            "{event}"
        );
    }
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_what_arrives_meanwhile_does_not_move_it() {
    let app = spawn_app().await;
    let mut accepted = Vec::new();
    for _ in 0..5 {
        accepted.insert(0, accept(&app, &sample("crawling.initial")).await);
    }

    let first = app.api("/receipts?limit=2").await;
    accept(&app, &sample("crawling.initial")).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app.api(&format!("/receipts?limit=2&cursor={cursor}")).await;
    let cursor = second["next_cursor"].as_str().unwrap();
    let third = app.api(&format!("/receipts?limit=2&cursor={cursor}")).await;

    assert_eq!(ids(&first["receipts"]), accepted[..2]);
    assert_eq!(ids(&second["receipts"]), accepted[2..4]);
    assert_eq!(ids(&third["receipts"]), accepted[4..]);
    assert_eq!(third["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_query_that_is_wrong_is_answered_with_400_that_names_what_is_allowed() {
    let app = spawn_app().await;
    let names =
        "expected one of `event`, `event_id`, `chatbot_id`, `since`, `until`, `cursor`, `after`, `limit`";
    let cases = [
        ("limit=0", r#"limit: expected 1 to 500, found "0""#),
        ("limit=501", r#"limit: expected 1 to 500, found "501""#),
        ("limit=many", r#"limit: expected 1 to 500, found "many""#),
        (
            "cursor=-1",
            r#"cursor: expected the next_cursor of an earlier page, found "-1""#,
        ),
        (
            "cursor=9223372036854775808",
            r#"cursor: expected the next_cursor of an earlier page, found "9223372036854775808""#,
        ),
        ("event_id=7", r#"event_id: expected a uuid, found "7""#),
        ("chatbot_id=", r#"chatbot_id: expected a uuid, found """#),
        (
            "colour=red",
            &format!("colour: there is no such parameter, {names}"),
        ),
        ("limit=1&limit=2", "limit: expected one value, found two"),
    ];

    for (query, detail) in cases {
        assert_eq!(query_refused(&app, query).await, detail, "{query}");
    }
    for allowed in ["limit=1", "limit=500", "cursor=9223372036854775807"] {
        let response = app.admin(&format!("/api/v1/receipts?{allowed}")).await;
        assert_eq!(response.status(), 200, "{allowed}");
    }
}

#[tokio::test]
async fn a_receipt_is_given_with_its_body_to_the_byte() {
    let app = spawn_app().await;
    let body = format!(
        "\r\n{{ \"\\u0065vent\" :\t\"crawling\" ,\"status\":\"initial\",\"event_id\":\"{NOBODY}\",\
         \"note\":\"\\u5c08\\u6848 \\ud83d\\ude00 專案 \\/\",\"n\":1.0E+2,\"n\":-0 ,\n\n\
         \"data\":{{\"chatbot_id\":\"0192F0C1-2B3C-7D4E-8F50-61728394A5B6\"}} }} \n"
    );
    let response = app.post_bytes("application/json", body.clone()).await;
    let answer: Value = response.json().await.unwrap();
    let receipt_id = answer["receipt_id"].as_str().unwrap();

    let receipt = app.api(&format!("/receipts/{receipt_id}")).await;

    let expected = json!({
        "id": receipt_id,
        "sequence": 1,
        "received_at": receipt["received_at"],
        "event": "crawling.initial",
        "event_id": NOBODY,
        "chatbot_id": NOBODY,
        "wire": "2024-07",
        "origin": "webhook",
        "body_bytes": body.len(),
        "body": body,
    });
    assert_eq!(receipt, expected);
}

#[tokio::test]
async fn what_there_is_not_is_answered_with_404() {
    let app = spawn_app().await;
    accept(&app, &sample("crawling.initial")).await;
    let paths = [
        (
            format!("/api/v1/receipts/{NOBODY}"),
            format!("there is no receipt {NOBODY}"),
        ),
        (
            "/api/v1/receipts/7".to_owned(),
            "there is no receipt 7".to_owned(),
        ),
        (
            format!("/api/v1/jobs/{NOBODY}"),
            format!("there is no job {NOBODY}"),
        ),
        ("/api/v1/jobs/x".to_owned(), "there is no job x".to_owned()),
        (
            format!("/api/v1/quarantine/{NOBODY}"),
            format!("there is no quarantined request {NOBODY}"),
        ),
        (
            "/api/v1/quarantine/x".to_owned(),
            "there is no quarantined request x".to_owned(),
        ),
        (
            "/api/v1/receipts/%ff".to_owned(),
            "there is nothing at this path".to_owned(),
        ),
        (
            "/api/v1/jobs/%ff".to_owned(),
            "there is nothing at this path".to_owned(),
        ),
        ("/api/v1/".to_owned(), "there is nothing at this path".to_owned()),
        (
            "/api/v1/tokens".to_owned(),
            "there is nothing at this path".to_owned(),
        ),
        (
            "/api/v2/receipts".to_owned(),
            "there is nothing at this path".to_owned(),
        ),
        ("/webhook".to_owned(), "there is nothing at this path".to_owned()),
    ];

    for (path, detail) in paths {
        let response = app.admin(&path).await;

        assert_eq!(response.status(), 404, "{path}");
        let problem = problem(response).await;
        assert_eq!(problem["type"], "urn:caigunn-webhook:problem:not-found");
        assert_eq!(problem["detail"], detail);
    }
}

#[tokio::test]
async fn it_is_read_only() {
    let app = spawn_app().await;
    let paths = [
        "/api/v1/receipts".to_owned(),
        format!("/api/v1/receipts/{NOBODY}"),
        format!("/api/v1/jobs/{NOBODY}"),
        "/api/v1/quarantine".to_owned(),
        format!("/api/v1/quarantine/{NOBODY}"),
        "/api/v1/subscription".to_owned(),
        "/metrics".to_owned(),
        "/healthz".to_owned(),
    ];

    for path in paths {
        let url = format!("http://{}{path}", app.admin);
        let response = app.client.post(url).json(&json!({})).send().await.unwrap();

        assert_eq!(response.status(), 405, "{path}");
        assert_eq!(header(&response, "allow"), Some("GET,HEAD"), "{path}");
        assert_eq!(
            problem(response).await["type"],
            "urn:caigunn-webhook:problem:method-not-allowed"
        );
    }
}

#[tokio::test]
async fn a_job_has_the_state_of_its_last_word_and_its_notifications_oldest_first() {
    let app = spawn_app().await;
    let cases: [(&[&str], &str); 7] = [
        (&["crawling.initial"], "running"),
        (&["crawling.initial", "crawling.completed"], "completed"),
        (&["crawling.completed", "crawling.initial"], "completed"),
        (&["uploading.initial", "uploading.failed"], "failed"),
        (&["training.failed"], "failed"),
        (&["training.failed", "training.completed"], "completed"),
        (&["crawling.initial", "crawling.paused"], "running"),
    ];

    for (names, state) in cases {
        let ids = Ids::fresh();
        let mut accepted = Vec::new();
        for name in names {
            accepted.push(accept(&app, &sample_with(name, &ids, Wire::V2024_07)).await);
        }

        let job = app.api(&format!("/jobs/{}", ids.event_id)).await;

        // In whatever order: a library of the tests has all JSON keep the one in which it came.
        let members: BTreeSet<_> = job.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            members,
            BTreeSet::from(["event_id", "notifications", "reason", "state"])
        );
        assert_eq!(job["event_id"], json!(ids.event_id));
        assert_eq!(job["state"], state, "{names:?}");
        assert_eq!(self::ids(&job["notifications"]), accepted, "{names:?}");
        assert_eq!(job["notifications"][0]["event"], names[0]);
    }
}

#[tokio::test]
async fn without_credentials_nothing_is_registered() {
    let app = spawn_app().await;

    let subscription = app.api("/subscription").await;

    let expected = json!({
        "webhook_url": null,
        "problem": null,
        "probe": null,
        "chatbots": [],
        "leader": subscription["leader"],
        "tokens": [],
        "backfill": {"open_jobs": null, "stalled_jobs": null, "problem": null},
    });
    assert_eq!(subscription, expected);
}

#[tokio::test]
async fn where_no_url_is_kept_registered_no_token_is() {
    let token = "url-token-0123456789abcdef";
    let with_credentials = [("api.access_token", "access-token"), ("webhook.token", token)];
    let provider = Provider::start([]).await;
    let url = provider.url();
    for more in [&[("webhook.token", token)][..], &with_credentials] {
        let app = spawn_app_with(&[more, &[("api.url", &*url)]].concat()).await;

        let subscription = app.api("/subscription").await;

        assert_eq!(subscription["webhook_url"], Value::Null);
        assert_eq!(subscription["tokens"][0]["token"], "36a75517");
        assert_eq!(subscription["tokens"][0]["is_registered"], false, "{more:?}");
    }
}

#[tokio::test]
async fn the_subscription_is_shown_without_a_secret() {
    let provider = Provider::start([]).await;
    let chatbot_id = provider.add_chatbot("Second", "api-key-0123456789abcdef");
    provider.set_access_token("access-token-0123456789abcdef");
    let settings = [
        ("api.url", &*provider.url()),
        ("api.key", "api-key-0123456789abcdef"),
        ("api.access_token", "access-token-0123456789abcdef"),
        ("server.public_url", "https://hooks.example.com"),
        ("subscription.probe", "false"),
        ("webhook.token", "url-token-0123456789abcdef"),
    ];
    let app = spawn_app_with(&settings).await;

    let subscription = wait_for("the registration", || async {
        let subscription = app.api("/subscription").await;
        match subscription["chatbots"][0]["state"].as_str() {
            Some("registered") => Ok(subscription),
            _ => Err(subscription.to_string()),
        }
    })
    .await;

    let expected = json!({
        "webhook_url": "https://hooks.example.com/webhook/[token]",
        "problem": null,
        "probe": null,
        "chatbots": [{
            // The start of the key's SHA-256.
            "api_key": "76bc0af0",
            "chatbot_id": chatbot_id,
            "title": "Second",
            "state": "registered",
            "since": subscription["chatbots"][0]["since"],
            "confirmed_at": subscription["chatbots"][0]["confirmed_at"],
            "last_received_at": null,
        }],
        // The same of the URL's token.
        "tokens": [{"token": "36a75517", "is_registered": true, "last_used_at": null}],
        "backfill": {
            "open_jobs": subscription["backfill"]["open_jobs"],
            "stalled_jobs": subscription["backfill"]["stalled_jobs"],
            "problem": null,
        },
        "leader": subscription["leader"],
    });
    assert_eq!(subscription, expected);
}

#[tokio::test]
async fn with_an_admin_token_set_it_must_be_sent_as_a_bearer_token() {
    let token = "admin-token-0123456789abcdef";
    let app = spawn_app_with(&[("admin.token", token)]).await;
    let paths = [
        "/api/v1/receipts".to_owned(),
        format!("/api/v1/receipts/{NOBODY}"),
        format!("/api/v1/jobs/{NOBODY}"),
        "/api/v1/quarantine".to_owned(),
        format!("/api/v1/quarantine/{NOBODY}"),
        "/api/v1/subscription".to_owned(),
        "/metrics".to_owned(),
    ];
    let wrong = [
        "Bearer wrong".to_owned(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        token.to_owned(),
        format!("Basic {token}"),
        format!("Bearer {token}0"),
        format!("Bearer {}", &token[1..]),
    ];

    for path in &paths {
        let mut answers = vec![app.admin(path).await];
        for value in &wrong {
            answers.push(get_with(&app, path, "authorization", value).await);
        }
        for response in answers {
            assert_eq!(response.status(), 401, "{path}");
            assert_eq!(header(&response, "www-authenticate"), Some("Bearer"));
            assert_eq!(
                problem(response).await["type"],
                "urn:caigunn-webhook:problem:unauthorized"
            );
        }
    }

    for value in [format!("Bearer {token}"), format!("bearer {token}")] {
        for path in ["/api/v1/receipts", "/metrics"] {
            let response = get_with(&app, path, "authorization", &value).await;
            assert_eq!(response.status(), 200, "{path}");
        }
    }
}

#[tokio::test]
async fn health_needs_no_admin_token() {
    let app = spawn_app_with(&[("admin.token", "admin-token-0123456789abcdef")]).await;

    let (health, readiness) = (app.admin("/healthz").await, app.admin("/readyz").await);

    assert_eq!(health.text().await.unwrap(), "ok\n");
    assert_eq!(readiness.text().await.unwrap(), "ready\n");
}

#[tokio::test]
async fn without_an_admin_token_a_request_under_a_foreign_name_is_answered_with_403() {
    let app = spawn_app().await;

    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:9090",
        "192.0.2.1",
    ] {
        for path in ["/api/v1/receipts", "/metrics"] {
            let response = get_with(&app, path, "host", host).await;

            assert_eq!(response.status(), 403, "{host}, {path}");
            assert_eq!(
                problem(response).await["type"],
                "urn:caigunn-webhook:problem:forbidden"
            );
        }
    }
    for host in [
        "localhost",
        "localhost:9090",
        "127.0.0.1:1",
        "[::1]",
        "[::1]:9090",
    ] {
        let response = get_with(&app, "/api/v1/receipts", "host", host).await;

        assert_eq!(response.status(), 200, "{host}");
    }
}

#[tokio::test]
async fn without_an_admin_token_only_this_machine_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let settings = config::load(&Sources::default())
        .expect("the defaults are right")
        .settings;
    let inbox = SqliteInbox::open(&folder.path().join("inbox.db"), settings.inbox).expect("the inbox opens");
    let inbox: Arc<dyn Inbox> = Arc::new(inbox);
    let (writer, _writing) = Writer::new(Arc::clone(&inbox), settings.writer, Announcer::default());
    let Endpoints { admin, .. } = http::endpoints(Parts {
        settings: settings.http,
        writer,
        inbox: Arc::clone(&inbox),
        accepting: Accepting::default(),
        instance: Instance::random(),
        subscription: Arc::new(|_| Box::pin(async { Standing::default() })),
        untold: Arc::new(|| Box::pin(async { Vec::new() })),
        deliveries: no_destinations(&inbox),
        ensure: None,
        backfill_job: None,
        registry: Registry::default(),
        shown: http::ShownSettings::default(),
    });
    let status_for = async |path: &str, peer: &str| {
        let request = Request::get(path).header("host", "localhost");
        let peer: SocketAddr = peer.parse().expect("an address");
        let request = request.body(Body::empty()).expect("a request");
        admin.answer(request, peer).await.status().as_u16()
    };

    for path in ["/api/v1/receipts", "/metrics"] {
        assert_eq!(status_for(path, "127.0.0.1:50000").await, 200);
        assert_eq!(status_for(path, "[::1]:50000").await, 200);
        assert_eq!(status_for(path, "[::ffff:127.0.0.1]:50000").await, 200);
        assert_eq!(status_for(path, "192.0.2.1:50000").await, 403);
        assert_eq!(status_for(path, "[2001:db8::1]:50000").await, 403);
    }
}

#[tokio::test]
async fn receipt_ids_grow_with_the_order_of_acceptance() {
    let app = spawn_app().await;
    let mut accepted = Vec::new();
    for _ in 0..20 {
        accepted.push(accept(&app, &sample("crawling.initial")).await);
    }

    assert!(accepted.is_sorted(), "{accepted:?}");
    assert!(accepted.iter().all(|id| Uuid::try_parse(id).is_ok()));
}

#[tokio::test]
async fn a_notification_that_comes_to_the_admin_address_finds_no_route_and_is_no_rejection() {
    let app = spawn_app().await;
    let url = format!("http://{}/webhook/token", app.admin);

    let response = app
        .client
        .post(url)
        .json(&json(&sample("crawling.initial")))
        .send();

    assert_eq!(response.await.unwrap().status(), 404);
    let metrics = app.admin("/metrics").await.text().await.unwrap();
    assert!(!metrics.contains("not-found"), "{metrics}");
}
