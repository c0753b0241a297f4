//! `POST /api/v1/jobs/{event_id}/backfill`, with which a person or the command asks about one job.

use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use caigunn_webhook::http::{self, Accepting, Endpoints, Parts, Standing};
use caigunn_webhook::instance::Instance;
use caigunn_webhook::metrics::Registry;
use reqwest::{Method, Response};
use serde_json::json;

use super::*;
use crate::harness::{App, header, no_destinations, problem, spawn_app, spawn_app_with};

/// A receiver that knows the account's chatbots.
async fn spawn(provider: &Provider, keys: &[(&str, &str)]) -> App {
    let url = provider.url();
    let credentials = [
        ("api.url", &*url),
        ("api.access_token", "access-token"),
        ("server.public_url", "https://hooks.example.com"),
        ("subscription.probe", "false"),
    ];
    let app = spawn_app_with(&[&credentials, keys].concat()).await;
    // What is put was listed before.
    provider.wait_for_calls(1).await;
    app
}

async fn post(app: &App, path: &str) -> Response {
    post_with(app, path, None).await
}

async fn post_with(app: &App, path: &str, with: Option<(&str, &str)>) -> Response {
    let mut request = app
        .client
        .post(format!("http://{}/api/v1/jobs/{path}", app.admin));
    if let Some((name, value)) = with {
        request = request.header(name, value);
    }
    request.send().await.expect("the admin side answers")
}

/// Posts what must be refused; gives the problem's name and detail.
async fn refused(app: &App, path: &str, status: u16) -> [String; 2] {
    let response = post(app, path).await;
    assert_eq!(response.status(), status, "{path}");
    let problem = problem(response).await;
    let name = problem["type"].as_str().expect("a type").rsplit(':').next();
    let detail = problem["detail"].as_str();
    [name, detail].map(|text| text.expect("text").to_owned())
}

fn job_of(chatbot_id: ChatbotId) -> Ids {
    Ids {
        chatbot_id,
        ..Ids::fresh()
    }
}

#[tokio::test]
async fn a_job_of_which_nothing_came_is_named_stored_and_then_known() {
    let provider = Provider::start([]).await;
    let ids = job_of(provider.chatbot_id("key-one"));
    complete(&provider, &ids);
    let app = spawn(&provider, &[]).await;
    let path = format!("{}/backfill", ids.event_id);
    let outcome_of = |missing: Value| {
        json!({
            "event_id": ids.event_id,
            "logged_count": 2,
            "missing": missing,
            "unreadable": [],
            "unreadable_count": 0,
            "is_ended": true,
        })
    };

    let asked: Value = post(&app, &format!("{path}?dry_run=true"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(app.receipts().await, [json!(null); 0], "a dry run stores nothing");
    let stored: Value = post(&app, &path).await.json().await.unwrap();
    let receipts = app.receipts().await;
    let again: Value = post(&app, &format!("{path}?dry_run=false"))
        .await
        .json()
        .await
        .unwrap();

    let missing = |receipt_ids: [&Value; 2]| {
        json!([
            {"event": "crawling.initial", "receipt_id": receipt_ids[0]},
            {"event": "crawling.completed", "receipt_id": receipt_ids[1]},
        ])
    };
    assert_eq!(asked, outcome_of(missing([&Value::Null; 2])));
    assert_eq!(
        stored,
        outcome_of(missing([&receipts[1]["id"], &receipts[0]["id"]]))
    );
    assert_eq!(
        receipts[0]["event"], "crawling.completed",
        "they are stored in order"
    );
    assert_eq!(again, outcome_of(json!([])));
    assert_eq!(app.receipts().await, receipts);
}

#[tokio::test]
async fn without_credentials_there_is_nobody_to_ask() {
    let app = spawn_app().await;

    let refusal = refused(&app, &format!("{}/backfill", Uuid::nil()), 409).await;

    let detail = "this receiver has no access to CaiGunn's API; set CAIGUNN_ACCESS_TOKEN";
    assert_eq!(refusal, ["not-configured", detail]);
}

#[tokio::test]
async fn what_caigunn_does_not_give_is_told_with_502() {
    let provider = Provider::start([]).await;
    let app = spawn(&provider, &[]).await;
    let path = format!("{}/backfill", Uuid::nil());
    let planted = |status| Reply::Status(status, None, json!({"detail": "planted by {api-key}"}));
    let stranger = format!("{path}?chatbot_id={}", Uuid::nil());
    let cases = [
        (
            planted(500),
            &path,
            "cannot read CaiGunn's log: CaiGunn is unavailable: 500: planted by [hidden]",
        ),
        (
            Reply::Text(200, "{"),
            &path,
            "cannot read CaiGunn's log: CaiGunn answered with 200 and no JSON, as while it is maintained: the body is \
             not JSON from line 1, column 1 on; if it lasts, check CAIGUNN_API_URL",
        ),
        (
            planted(401),
            &path,
            "cannot read CaiGunn's log: CaiGunn refused API key 9b346041… with 401: planted by [hidden]; check \
             CAIGUNN_API_KEY: the key must be of a chatbot of the access token's user that is not deleted",
        ),
        (
            Reply::Ok,
            &stranger,
            "no API key is known for its chatbot: see that it is one of those that `caigunn-webhook subscription show` lists",
        ),
    ];

    for (reply, path, detail) in cases {
        provider.reply_always(Route::EventLog, Some(reply));
        assert_eq!(refused(&app, path, 502).await, ["caigunn-failed", detail]);
    }
    // A refusal is not told from memory: whoever asks may just have mended it.
    provider.reply_always(Route::EventLog, None);
    let outcome: Value = post(&app, &path).await.json().await.unwrap();
    assert_eq!(outcome["logged_count"], 0, "{outcome}");
}

#[tokio::test]
async fn before_the_chatbots_are_known_it_says_so() {
    let provider = Provider::start([]).await;
    provider.set_access_token("another");
    let url = provider.url();
    let app = spawn_app_with(&[
        ("api.url", &*url),
        ("api.access_token", "access-token"),
        ("server.public_url", "https://hooks.example.com"),
        ("subscription.probe", "false"),
    ])
    .await;

    let refusal = refused(&app, &format!("{}/backfill", Uuid::nil()), 502).await;

    let detail = "the account's chatbots are not known yet; /api/v1/subscription says why";
    assert_eq!(refusal, ["caigunn-failed", detail]);
}

#[tokio::test]
async fn a_job_of_which_something_came_is_asked_about_with_its_own_key() {
    let provider = Provider::start([]).await;
    for number in 0..5 {
        provider.add_chatbot("Another", &format!("key-of-another-{number}"));
    }
    let ids = job_of(provider.chatbot_id("key-of-another-3"));
    let app = spawn(&provider, &[]).await;
    // It has ended, so no round asks about it.
    let completed = json(&sample_with("crawling.completed", &ids, Wire::V2024_07));
    assert_eq!(app.post(&completed).await.status(), 200);

    post(&app, &format!("{}/backfill", ids.event_id)).await;

    let calls = provider.calls_of(Route::EventLog);
    let keys: Vec<_> = calls.iter().map(|call| call.headers["api-key"].clone()).collect();
    assert_eq!(keys, ["key-of-another-3"]);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused() {
    let provider = Provider::start([]).await;
    let app = spawn(&provider, &[]).await;
    let id = Uuid::nil();
    let cases = [
        ("7/backfill".to_owned(), 404, ["not-found", "there is no job 7"]),
        (
            format!("{id}/backfill?dry_run=yes"),
            400,
            ["invalid-query", "dry_run: expected true or false, found \"yes\""],
        ),
        (
            format!("{id}/backfill?chatbot_id=7"),
            400,
            ["invalid-query", "chatbot_id: expected a uuid, found \"7\""],
        ),
        (
            format!("{id}/backfill?colour=red"),
            400,
            [
                "invalid-query",
                "colour: there is no such parameter, expected `chatbot_id` or `dry_run`",
            ],
        ),
    ];
    for (path, status, expected) in cases {
        assert_eq!(refused(&app, &path, status).await, expected, "{path}");
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let url = format!("http://{}/api/v1/jobs/{id}/backfill", app.admin);
        let response = app.client.request(method.clone(), url).send().await.unwrap();
        assert_eq!(response.status(), 405, "{method}");
        assert_eq!(header(&response, "allow"), Some("POST"));
        assert_eq!(
            problem(response).await["type"],
            "urn:caigunn-webhook:problem:method-not-allowed"
        );
    }
    assert!(provider.calls_of(Route::EventLog).is_empty());
}

#[tokio::test]
async fn a_page_of_another_site_may_not_ask() {
    let token = "admin-token-0123456789abcdef";
    for keys in [&[][..], &[("admin.token", token)]] {
        let provider = Provider::start([]).await;
        let app = spawn(&provider, keys).await;
        let path = format!("{}/backfill", Uuid::nil());
        let own = format!("http://{}", app.admin);
        let of_another_port = format!("http://127.0.0.1:{}", app.public.port());
        let sent = async |origin: &str| {
            let url = format!("http://{}/api/v1/jobs/{path}", app.admin);
            let request = app.client.post(url).bearer_auth(token).header("origin", origin);
            request.send().await.expect("the admin side answers")
        };
        for origin in [
            "https://evil.example",
            "null",
            "",
            &of_another_port,
            "http://localhost",
        ] {
            let response = sent(origin).await;
            assert_eq!(response.status(), 403, "{origin}");
            let problem = problem(response).await;
            assert_eq!(problem["detail"], "a page of another site may not do this");
        }
        assert!(provider.calls_of(Route::EventLog).is_empty());

        assert_eq!(sent(&own).await.status(), 200);
        assert_eq!(provider.calls_of(Route::EventLog).len(), 1);
    }
}

#[tokio::test]
async fn with_an_admin_token_set_it_must_be_sent() {
    let provider = Provider::start([]).await;
    let token = "admin-token-0123456789abcdef";
    let app = spawn(&provider, &[("admin.token", token)]).await;
    let path = format!("{}/backfill", Uuid::nil());

    assert_eq!(post(&app, &path).await.status(), 401);
    let bearer = format!("Bearer {token}");
    let with = Some(("authorization", &*bearer));
    assert_eq!(post_with(&app, &path, with).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_long_is_told_what_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let (inbox, writer) = open(folder.path());
    let settings = config::load(&Sources::default())
        .expect("the defaults are right")
        .settings;
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
        backfill_job: Some(Arc::new(|_, _, _| Box::pin(std::future::pending()))),
        registry: Registry::default(),
        shown: http::ShownSettings::default(),
    });
    let request = Request::post(format!("/api/v1/jobs/{}/backfill", Uuid::nil())).header("host", "localhost");
    let request = request.body(Body::empty()).expect("a request");
    let peer: SocketAddr = ([127, 0, 0, 1], 50_000).into();

    let response = admin.answer(request, peer).await;

    assert_eq!(response.status(), 502);
    let body = to_bytes(Body::new(response.into_body()), 1 << 16).await.unwrap();
    let problem: Value = serde_json::from_slice(&body).expect("a problem is JSON");
    let detail = problem["detail"].as_str().expect("text");
    assert!(detail.starts_with("nothing was heard within 110 s"), "{detail}");
}
