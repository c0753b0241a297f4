//! Promise: the page lets in who may see it, takes forms of its own alone, and lets the read-only token change nothing.

use reqwest::header::AUTHORIZATION;
use serde_json::Value;

use super::browser::{Browser, at};
use super::walker::{POLICY, Walker};
use crate::harness::{App, Process, client, clients, header, problem, spawn_app, spawn_app_with};

const TOKEN: &str = "admin-token-0123456789abcdef";
const READING: &str = "reading-token-0123456789abcdef";

const TOKENS: [(&str, &str); 2] = [("admin.token", TOKEN), ("admin.read_only_token", READING)];

async fn guarded() -> App {
    spawn_app_with(&TOKENS).await
}

#[tokio::test]
async fn with_a_token_one_signs_in_and_goes_on_to_where_one_was_led() {
    let app = guarded().await;
    let mut walker = Walker::before(&app);

    let led = walker.get("/receipts?event=crawling").await;

    assert_eq!(led.status, 303);
    let sign_in = walker.follow(&led).await;
    assert!(sign_in.status == 200 && sign_in.says("Sign in") && !sign_in.says("Receipts"));
    let (form_token, then) = (sign_in.field("form_token"), sign_in.field("then"));
    let fields = [("form_token", &*form_token), ("then", &*then), ("token", TOKEN)];
    let signed_in = walker.post("/sign-in", &fields).await;
    assert_eq!(signed_in.location.as_deref(), Some("/receipts?event=crawling"));
    assert_eq!(walker.get("/").await.status, 200);
    assert_eq!(Walker::before(&app).get("/").await.status, 303);
}

#[tokio::test]
async fn a_session_ends_when_it_is_signed_out_also_for_who_kept_its_cookie() {
    let app = guarded().await;
    let mut walker = Walker::before(&app);
    assert_eq!(walker.sign_in(TOKEN).await.status, 303);
    let mut thief = Walker::like(&walker);
    let overview = walker.get("/").await;
    assert_eq!(thief.get("/").await.status, 200);

    let form_token = overview.field("form_token");
    let left = walker.post("/sign-out", &[("form_token", &form_token)]).await;

    assert_eq!(left.location.as_deref(), Some("/sign-in"));
    assert_eq!(walker.get("/").await.status, 303);
    assert_eq!(thief.get("/").await.status, 303);
    let done = thief
        .post("/chatbots/ensure", &[("form_token", &form_token)])
        .await;
    assert_eq!(done.status, 401);
    assert!(done.says("signed in no more"), "{}", done.text);
}

#[tokio::test]
async fn a_second_tab_leads_on_where_one_is_signed_in_or_out_already() {
    let app = guarded().await;
    let mut walker = Walker::before(&app);
    let form = walker.get("/sign-in?then=%2Freceipts").await;
    assert_eq!(walker.sign_in(TOKEN).await.status, 303);
    let stale = form.field("form_token");
    let fields = |then| [("form_token", &*stale), ("then", then), ("token", TOKEN)];

    let second = walker.post("/sign-in", &fields("/receipts")).await;
    let away = walker.post("/sign-in", &fields("//evil.example")).await;
    let foreign = walker
        .post_from(Some("http://evil.example"), "/sign-in", &fields("/receipts"))
        .await;

    assert_eq!(
        (second.status, second.location.as_deref()),
        (303, Some("/receipts"))
    );
    assert_eq!((away.status, away.location.as_deref()), (303, Some("/")));
    assert_eq!(foreign.status, 403);
    let form_token = walker.get("/").await.field("form_token");
    let fields = [("form_token", &*form_token)];
    for _ in 0..2 {
        let left = walker.post("/sign-out", &fields).await;
        assert_eq!((left.status, left.location.as_deref()), (303, Some("/sign-in")));
    }
}

#[tokio::test]
async fn a_form_to_sign_in_that_was_open_since_before_a_restart_signs_in_and_leads_on() {
    let app = guarded().await;
    let form = Walker::before(&app).get("/sign-in?then=%2Freceipts").await;
    let stale = form.field("form_token");
    let app = app.stop().await.start(&TOKENS).await;
    let mut walker = Walker::before(&app);
    let fields = [("form_token", &*stale), ("then", "/receipts"), ("token", TOKEN)];

    let foreign = walker
        .post_from(Some("http://evil.example"), "/sign-in", &fields)
        .await;
    let signed_in = walker.post("/sign-in", &fields).await;

    assert_eq!(foreign.status, 403);
    assert_eq!(
        (signed_in.status, signed_in.location.as_deref()),
        (303, Some("/receipts"))
    );
    assert_eq!(walker.get("/receipts").await.status, 200);
}

#[tokio::test]
async fn a_form_that_was_not_done_leads_to_its_page_and_where_one_is_signed_out_over_the_sign_in() {
    let app = guarded().await;
    let mut walker = Walker::before(&app);
    walker.sign_in(TOKEN).await;
    let mut other = Walker::like(&walker);
    let list = walker.get("/deliveries?state=pending").await;
    let (form_token, deed) = (list.field("form_token"), ("deed", "off"));

    let forged = walker
        .post("/deliveries/all", &[("form_token", "of before"), deed])
        .await;
    let of_other = other.get("/").await.field("form_token");
    other.post("/sign-out", &[("form_token", &of_other)]).await;
    let ended = walker
        .post("/deliveries/all", &[("form_token", &form_token), deed])
        .await;
    let foreign = walker
        .post_from(Some("http://evil.example"), "/deliveries/all", &[deed])
        .await;

    let back = "<a href=\"/deliveries?state=pending\">";
    assert!(forged.status == 403 && forged.says(back), "{}", forged.text);
    let sign_in = "<a href=\"/sign-in?then=%2Fdeliveries%3Fstate%3Dpending\">Sign in</a>";
    assert!(
        ended.status == 401 && ended.says("<h1><bdi>You are not signed in") && ended.says(sign_in),
        "{}",
        ended.text
    );
    assert!(foreign.says("<a href=\"/sign-in\">"), "{}", foreign.text);
}

#[tokio::test]
async fn the_log_names_whom_a_proxy_asks_for_with_a_wrong_token() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Process::start(folder.path(), &[("CAIGUNN_ADMIN_TOKEN", TOKEN)]).await;
    let url = format!("http://{}/sign-in", receiver.admin);
    let sign_in = async |forwarded: &str| {
        let request = client().post(&url).header("x-forwarded-for", forwarded);
        let request = request
            .header("origin", format!("http://{}", receiver.admin))
            .header("content-type", "application/x-www-form-urlencoded");
        let body = format!("form_token={}&token=wrong", form_token(&receiver).await);
        request.body(body).send().await.unwrap().status()
    };

    assert_eq!(sign_in("198.51.100.7, 203.0.113.9").await, 401);
    assert_eq!(sign_in("somebody").await, 401);

    let is_one = |line: &Value| line["error.type"] == "sign_in";
    let lines = receiver.wait_for_lines(2, is_one).await;
    assert_eq!(lines[0]["client.forwarded_address"], "203.0.113.9");
    assert_eq!(lines[0]["client.address"], "127.0.0.1");
    assert_eq!(lines[1].get("client.forwarded_address"), None);
}

/// What forms of the page hold for who is not signed in.
async fn form_token(receiver: &Process) -> String {
    Walker::before_address(receiver.admin)
        .get("/sign-in")
        .await
        .field("form_token")
}

#[tokio::test]
async fn a_cookie_is_out_of_reach_of_scripts_and_other_sites_and_of_plain_http_where_there_is_https() {
    let app = guarded().await;
    let form = app.admin("/sign-in").await.text().await.unwrap();
    let token = form
        .split("name=\"form_token\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let sign_in = async |proto: Option<&str>| {
        let mut request = app
            .client
            .post(at(&app, "/sign-in"))
            .header("origin", at(&app, ""));
        if let Some(proto) = proto {
            request = request.header("x-forwarded-proto", proto);
        }
        let body = format!("form_token={token}&token={TOKEN}");
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let client = clients()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let response = client.execute(request.build().unwrap()).await.unwrap();
        header(&response, "set-cookie").unwrap().to_owned()
    };

    let (plain, behind_https) = (sign_in(None).await, sign_in(Some("https")).await);

    let (_, attributes) = plain.split_once(';').unwrap();
    assert_eq!(attributes, " Path=/; Max-Age=86400; HttpOnly; SameSite=Strict");
    assert!(
        behind_https.ends_with("; SameSite=Strict; Secure"),
        "{behind_https}"
    );
    assert!(!plain.contains(TOKEN));
}

#[tokio::test]
async fn a_wrong_token_is_said_to_be_wrong_and_makes_wait_who_gave_it() {
    let app = guarded().await;
    let mut walker = Walker::before(&app);

    let refused = walker.sign_in("wrong").await;
    assert!(refused.status == 401 && refused.says("neither the admin token nor the read-only token"));
    // How many are looked at in which time is held elsewhere.
    let mut waits = refused;
    for _ in 0..100 {
        if waits.status == 401 {
            waits = walker.sign_in("wrong").await;
        }
    }
    assert_eq!(waits.status, 429);
    assert!(waits.says("the next one is looked at in"), "{}", waits.text);
    assert_eq!(walker.get("/").await.status, 303);
}

#[tokio::test]
async fn a_form_of_another_origin_or_without_its_token_is_refused() {
    let app = guarded().await;
    let mut walker = Walker::before(&app);
    walker.sign_in(TOKEN).await;
    let mut other = Walker::before(&app);
    other.sign_in(TOKEN).await;
    let (own, of_other) = (
        walker.get("/").await.field("form_token"),
        other.get("/").await.field("form_token"),
    );
    let here = at(&app, "");
    let cases = [
        (Some("http://evil.example"), &*own),
        (Some("null"), &*own),
        (None, &*own),
        (Some(&*here), "wrong"),
        (Some(&*here), ""),
        (Some(&*here), &*of_other),
    ];

    for (origin, form_token) in cases {
        let refused = walker
            .post_from(origin, "/sign-out", &[("form_token", form_token)])
            .await;
        assert_eq!(refused.status, 403, "{origin:?} {form_token}");
    }

    assert_eq!(walker.get("/").await.status, 200);
}

/// All of the API that is more than a look, as it is documented, with ids such as there may be.
fn orders() -> Vec<(reqwest::Method, String)> {
    let document =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json")).unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    let mut orders = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if method != "get" && operation["tags"][0] == "admin" {
                let id = "0191f0a0-0000-7000-8000-000000000001";
                let path = ["{destination}", "{name}"]
                    .iter()
                    .fold(path.clone(), |path, name| path.replace(name, "app"));
                let path = ["{id}", "{event_id}", "{receipt_id}"]
                    .iter()
                    .fold(path, |path, name| path.replace(name, id));
                assert!(!path.contains('{'), "{path}");
                orders.push((method.to_uppercase().parse().unwrap(), path));
            }
        }
    }
    orders
}

#[tokio::test]
async fn the_read_only_token_sees_all_and_changes_nothing() {
    let destination = r#"[{name = "app", kind = "command", command = ["/bin/true"]}]"#;
    let app = spawn_app_with(&[TOKENS[0], TOKENS[1], ("delivery.destination", destination)]).await;
    let api = async |method: reqwest::Method, path: &str| {
        let request = app
            .client
            .request(method, at(&app, path))
            .header(AUTHORIZATION, format!("Bearer {READING}"));
        request.send().await.unwrap()
    };

    assert_eq!(api(reqwest::Method::GET, "/api/v1/receipts").await.status(), 200);
    assert_eq!(api(reqwest::Method::GET, "/metrics").await.status(), 200);
    let orders = orders();
    assert!(orders.len() > 5, "{orders:?}");
    for (method, path) in orders {
        let refused = api(method, &path).await;
        assert_eq!(refused.status(), 403, "{path}");
        let refused = problem(refused).await;
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.starts_with("the read-only token lets look"), "{refused}");
    }
    let mut walker = Walker::before(&app);
    assert_eq!(walker.sign_in(READING).await.status, 303);
    let overview = walker.get("/").await;
    assert!(overview.status == 200 && overview.says("signed in to look, not to change"));
    let destinations = walker.get("/destinations").await;
    let button = "<button disabled aria-describedby=\"read-only\">Pause</button>";
    assert!(
        destinations.says("id=\"read-only\"") && destinations.says(button),
        "{}",
        destinations.text
    );
    let form_token = overview.field("form_token");
    let path = "/receipts/0192f0c1-2b3c-7d4e-8f50-61728394a5b6/replay";
    let refused = walker.post(path, &[("form_token", &form_token)]).await;
    assert!(
        refused.status == 403 && refused.says("the admin token is needed"),
        "{} {}",
        refused.status,
        refused.text
    );
}

#[tokio::test]
async fn without_a_token_what_comes_through_a_proxy_is_refused_with_the_reason() {
    let app = spawn_app().await;
    for path in ["/", "/sign-in", "/api/v1/receipts", "/metrics"] {
        assert_eq!(app.admin(path).await.status(), 200, "{path}");
        for (name, value) in [
            ("forwarded", "for=10.0.0.1"),
            ("x-forwarded-for", "10.0.0.1"),
            ("via", "1.1 proxy"),
            ("x-real-ip", "10.0.0.1"),
            ("cf-connecting-ip", "10.0.0.1"),
        ] {
            let response = app
                .client
                .get(at(&app, path))
                .header(name, value)
                .send()
                .await
                .unwrap();
            assert_eq!(response.status(), 403, "{path} {name}");
            let said = response.text().await.unwrap();
            assert!(
                said.contains("came through a proxy") && said.contains("CAIGUNN_ADMIN_TOKEN"),
                "{said}"
            );
        }
    }
}

#[tokio::test]
async fn every_answer_of_the_page_has_the_policy() {
    let app = guarded().await;
    let client = clients()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    for path in ["/", "/sign-in", "/assets/page.css", "/assets/page.js"] {
        let response = client.get(at(&app, path)).send().await.unwrap();
        assert_eq!(
            header(&response, "content-security-policy"),
            Some(POLICY),
            "{path}"
        );
        assert_eq!(
            header(&response, "x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(
            header(&response, "referrer-policy"),
            Some("same-origin"),
            "{path}"
        );
        let is_asset = path.starts_with("/assets/");
        assert_eq!(
            header(&response, "cache-control") == Some("no-store"),
            !is_asset,
            "{path}"
        );
    }
}

#[tokio::test]
async fn in_a_browser_one_signs_in_by_keys_alone_and_out_again() {
    let app = guarded().await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.open(&at(&app, "/")).await;
    browser.wait_for_text("Admin token").await;

    browser.press(TOKEN).await;
    browser.press("\u{e007}").await;

    browser.wait_for_text("The newest receipts").await;
    browser.assert_quiet().await;
    browser.click("footer form button").await;
    browser.wait_for_text("Admin token").await;
    browser.open(&at(&app, "/")).await;
    browser.wait_for_text("Admin token").await;
    browser.assert_quiet().await;
}

#[tokio::test]
async fn in_a_browser_who_may_only_look_reads_so_above_the_buttons() {
    let destination = r#"[{name = "app", kind = "command", command = ["/bin/true"]}]"#;
    let app = spawn_app_with(&[TOKENS[0], TOKENS[1], ("delivery.destination", destination)]).await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.open(&at(&app, "/destinations")).await;
    browser.wait_for_text("Admin token").await;

    browser.press(READING).await;
    browser.press("\u{e007}").await;

    browser
        .wait_for_text("You are signed in to look, not to change")
        .await;
    browser.judge_here().await;
}

#[tokio::test]
async fn a_browser_reads_as_a_page_that_there_is_no_such_path_and_a_program_as_before() {
    let app = spawn_app().await;
    let asked = async |path: &str, accepted: &str| {
        let request = app.client.get(at(&app, path)).header("accept", accepted);
        let response = request.send().await.unwrap();
        let kind = header(&response, "content-type").unwrap().to_owned();
        (response.status().as_u16(), kind, response.text().await.unwrap())
    };

    let (status, kind, page) = asked("/receipt", "text/html,application/xhtml+xml,*/*;q=0.8").await;
    let (_, of_form, _) = asked("/deliveries/all", "text/html").await;

    assert_eq!((status, &*kind), (404, "text/html; charset=utf-8"), "{page}");
    assert!(
        page.contains("href=\"/\"") && page.contains("Not found"),
        "{page}"
    );
    assert_eq!(of_form, "text/html; charset=utf-8");
    for (path, accepted) in [("/receipt", "*/*"), ("/api/v1/receipt", "text/html")] {
        let (status, kind, document) = asked(path, accepted).await;
        assert_eq!((status, &*kind), (404, "application/problem+json"), "{document}");
    }
}
