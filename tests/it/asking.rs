//! Promise: commands can ask a receiver that runs elsewhere, by its host name and over https, and where it will not answer
//! they say what to do.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::harness::application::Application;
use crate::harness::process::{Ended, run};
use crate::harness::tunnel::answering;
use crate::harness::{NO_HOST, Process, tls, wait_for};

const TOKEN: &str = "admin-token-0123456789abcdef";

const IDS: [&str; 2] = [
    "0192f0c1-2b3c-7d4e-8f50-61728394a5b6",
    "0192f0c1-2b3c-7d4e-8f50-61728394a5b7",
];

const SET: &str = "set CAIGUNN_ADMIN_TOKEN, or CAIGUNN_ADMIN_TOKEN_FILE, as it is set there";

/// A receiver with an admin token.
async fn receiver() -> (TempDir, Process) {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::start(folder.path(), &[("CAIGUNN_ADMIN_TOKEN", TOKEN)]).await;
    (folder, process)
}

/// Runs a command in a folder where no receiver runs, with that admin token.
async fn ask(arguments: &[&str], token: &str, variables: &[(&str, &str)]) -> Ended {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Process::command(folder.path());
    command
        .args(arguments)
        .env("CAIGUNN_ADMIN_TOKEN", token)
        .envs(variables.iter().copied());
    run(command).await
}

/// What answers as a receiver does, as long as the test runs; gives where.
async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let place = listener.local_addr().expect("it is bound").to_string();
    tokio::spawn(axum::serve(listener, routes).into_future());
    place
}

#[tokio::test]
async fn a_receiver_elsewhere_is_asked_by_its_host_name() {
    let (_folder, receiver) = receiver().await;
    let place = format!("localhost:{}", receiver.admin.port());
    let url = format!("http://{place}/");
    let nobody = "0192f0c1-2b3c-7d4e-8f50-61728394a5b6";

    for admin in [&place, &url] {
        let listed = ask(&["receipts", "list", "--admin", admin], TOKEN, &[]).await;
        assert_eq!(listed.code, Some(0), "{listed:?}");
        assert!(listed.output.starts_with("RECEIVED"), "{listed:?}");
    }
    let before = ask(&["--admin", &place, "destinations", "list"], TOKEN, &[]).await;
    assert_eq!(before.code, Some(0), "{before:?}");
    let shown = ask(
        &["deliveries", "show", &format!("app/{nobody}"), "--admin", &place],
        TOKEN,
        &[],
    )
    .await;
    let expected = format!(
        "caigunn-webhook: the receiver at http://{place} answers 404: no destination \"app\" is configured; there are none\n"
    );
    assert_eq!((shown.code, shown.errors), (Some(1), expected));
    // It is not looked for here then, so nothing is opened.
    let backfill = ask(&["backfill", nobody, "--admin", &place], TOKEN, &[]).await;
    assert!(
        backfill
            .output
            .contains("answers 409: this receiver has no access"),
        "{backfill:?}"
    );
}

#[tokio::test]
async fn a_receiver_behind_tls_is_asked_if_its_certificate_is_known() {
    let (folder, receiver) = receiver().await;
    let certificate = folder.path().join("certificate.pem");
    let port = tls::before(receiver.admin, &certificate).await.port();
    let admin = format!("https://localhost:{port}");
    let arguments = ["receipts", "list", "--admin", &admin];
    let certificate = certificate.to_str().expect("a text");

    let trusted = ask(&arguments, TOKEN, &[("SSL_CERT_FILE", certificate)]).await;
    let unknown = ask(&arguments, TOKEN, &[]).await;

    assert_eq!(trusted.code, Some(0), "{trusted:?}");
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    let expected = format!("caigunn-webhook: the receiver at {admin} cannot be reached: ");
    assert!(unknown.errors.starts_with(&expected), "{unknown:?}");
    assert!(
        unknown.errors.contains("name the authority's with SSL_CERT_FILE"),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn without_the_right_token_it_is_said_what_to_set() {
    let (_folder, receiver) = receiver().await;
    let place = receiver.admin.to_string();
    let variables = [("CAIGUNN_ADMIN_LISTEN", &*place)];

    let missing = ask(&["receipts", "list"], "", &variables).await;
    let wrong = ask(&["receipts", "list"], "another-token-0123456789", &variables).await;

    let expected = format!("caigunn-webhook: the receiver at {place} demands its admin token: {SET}\n");
    assert_eq!((missing.code, missing.errors), (Some(1), expected));
    let expected =
        format!("caigunn-webhook: the receiver at {place} was started with another admin token: {SET}\n");
    assert_eq!((wrong.code, wrong.errors), (Some(1), expected));
}

#[tokio::test]
async fn what_is_no_receiver_is_told_from_one() {
    let page = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
    let place = answering(page).await.to_string();

    let other = ask(&["receipts", "list", "--admin", &place], TOKEN, &[]).await;
    let nobody = ask(&["receipts", "list", "--admin", "http://127.0.0.1:1"], TOKEN, &[]).await;
    let nowhere = ask(&["receipts", "list", "--admin", NO_HOST], TOKEN, &[]).await;
    let mistaken = ask(&["receipts", "list", "--admin", "ftp://x"], TOKEN, &[]).await;

    let expected = format!(
        "caigunn-webhook: what answers at http://{place}, with 200, is no admin side of a receiver: say where it listens with \
         --admin or CAIGUNN_ADMIN_LISTEN\n"
    );
    assert_eq!((other.code, other.errors), (Some(1), expected));
    assert!(
        nobody
            .errors
            .contains("no receiver runs at the admin address http://127.0.0.1:1: "),
        "{nobody:?}"
    );
    let expected = format!("the receiver at http://{NO_HOST}:9090 cannot be reached: ");
    assert!(nowhere.errors.contains(&expected), "{nowhere:?}");
    assert_eq!(mistaken.code, Some(64), "{mistaken:?}");
}

#[tokio::test]
async fn backfill_says_as_others_do_that_no_receiver_runs_at_the_address_that_is_named() {
    let job = "0192f0c1-2b3c-7d4e-8f50-61728394a5b6";

    let asked = ask(&["backfill", job, "--admin", "localhost:1"], TOKEN, &[]).await;

    let expected = "no receiver runs at the admin address http://localhost:1: ";
    assert!(asked.output.contains(expected), "{asked:?}");
    assert_eq!(asked.code, Some(1), "{asked:?}");
}

#[tokio::test]
async fn what_speaks_no_http_or_hangs_up_is_told_from_a_receiver() {
    for said in ["SSH-2.0-OpenSSH_9.2\r\n", ""] {
        let place = answering(said).await;

        let listed = ask(&["receipts", "list", "--admin", &place.to_string()], TOKEN, &[]).await;

        let expected =
            format!("caigunn-webhook: what listens at http://{place} does not answer as a receiver does (");
        assert!(listed.errors.starts_with(&expected), "{listed:?}");
        let advice = "): say where it listens with --admin or CAIGUNN_ADMIN_LISTEN\n";
        assert!(listed.errors.ends_with(advice), "{listed:?}");
        assert_eq!(listed.code, Some(1), "{listed:?}");
    }
}

#[tokio::test]
async fn a_command_that_does_not_ask_a_receiver_elsewhere_refuses_to_be_told_of_one() {
    for command in [
        &["healthcheck"][..],
        &["doctor"],
        &["config", "check"],
        &["inbox", "check"],
        &["token", "refresh"],
        &["serve"],
    ] {
        let refused = ask(&[command, &["--admin", "localhost:1"]].concat(), TOKEN, &[]).await;

        let expected = "caigunn-webhook: --admin: this command asks no receiver elsewhere, but goes by the settings here: \
                        CAIGUNN_LISTEN and CAIGUNN_ADMIN_LISTEN say where this machine's receiver listens\n";
        assert_eq!(
            (refused.code, &*refused.errors),
            (Some(64), expected),
            "{command:?}"
        );
    }
    let sample = ["trigger", "crawling", "--print", "--admin", "localhost:1"];

    let refused = ask(&sample, TOKEN, &[]).await;

    let expected = "caigunn-webhook: --admin: this command posts to a receiver's public side: say where that is with --to\n";
    assert_eq!((refused.code, &*refused.errors), (Some(64), expected));
}

#[tokio::test]
async fn who_has_the_read_only_token_alone_looks_by_it_and_changes_nothing() {
    const READ_ONLY: &str = "read-only-token-0123456789";
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = [
        ("CAIGUNN_ADMIN_TOKEN", TOKEN),
        ("CAIGUNN_ADMIN_READ_ONLY_TOKEN", READ_ONLY),
    ];
    let receiver = Process::start(folder.path(), &tokens).await;
    let place = receiver.admin.to_string();
    let variables = [
        ("CAIGUNN_ADMIN_LISTEN", &*place),
        ("CAIGUNN_ADMIN_READ_ONLY_TOKEN", READ_ONLY),
    ];
    let replay = ["receipts", "replay", "--all"];

    let listed = ask(&["jobs", "list"], "", &variables).await;
    let refused = ask(&replay, "", &variables).await;
    let with_both = ask(&replay, TOKEN, &variables).await;

    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.output.starts_with("CHANGED"), "{listed:?}");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.errors.contains("demands its admin token"), "{refused:?}");
    assert!(!with_both.errors.contains("token"), "{with_both:?}");

    // One that has no other token lets who is on its machine do all.
    let alone = tempfile::tempdir().expect("a folder");
    let receiver = Process::start(alone.path(), &tokens[1..]).await;
    let place = receiver.admin.to_string();
    let variables = [("CAIGUNN_ADMIN_LISTEN", &*place), variables[1]];
    let changed = ask(&replay, "", &variables).await;
    assert!(!changed.errors.contains("token"), "{changed:?}");
    assert!(!changed.errors.contains("403"), "{changed:?}");
}

#[tokio::test]
async fn an_event_that_nobody_has_heard_of_is_asked_for_with_a_word_on_which_may_be_meant() {
    for command in [
        &["receipts", "list"][..],
        &["jobs", "list"],
        &["deliveries", "list"],
        &["receipts", "tail"],
        &["listen", "--forward-to", "localhost:1"],
        &["receipts", "replay"],
    ] {
        let asked = async |event| {
            ask(&[command, &["--event", event]].concat(), TOKEN, &[])
                .await
                .errors
        };

        let misspelt = asked("crawling.complete").await;
        let known = [asked("crawling.completed").await, asked("crawling").await];

        let expected = "no event that this program knows is called crawling.complete; did you mean crawling.completed?\n";
        assert!(misspelt.starts_with(expected), "{command:?}: {misspelt}");
        assert!(
            known.iter().all(|said| !said.contains("is called")),
            "{command:?}: {known:?}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_part_of_an_admin_address_is_refused_and_not_shown() {
    for admin in [
        "http://user:hunter2@localhost:1",
        "user@localhost:1/hunter2",
        "localhost:1/?hunter2",
        "localhost:1#hunter2",
        "http:/localhost:1/hunter2",
        "ftp://hunter2@localhost:1",
    ] {
        let refused = ask(&["receipts", "list", "--admin", admin], TOKEN, &[]).await;

        assert_eq!(refused.code, Some(64), "{refused:?}");
        assert!(
            refused.errors.starts_with("caigunn-webhook: --admin: "),
            "{refused:?}"
        );
        assert!(!refused.errors.contains("hunter2"), "{refused:?}");
    }
}

#[tokio::test]
async fn the_public_side_of_a_receiver_is_told_from_its_admin_side() {
    let (_folder, receiver) = receiver().await;
    let place = receiver.public.to_string();

    let listed = ask(&["receipts", "list", "--admin", &place], TOKEN, &[]).await;

    let expected = format!(
        "caigunn-webhook: the receiver at http://{place} has no such path, as on its public side, or it is an older \
         version: say where it listens with --admin or CAIGUNN_ADMIN_LISTEN\n"
    );
    assert_eq!((listed.code, &listed.errors), (Some(1), &expected));
    let delivery = format!("app/{}", IDS[0]);
    for arguments in [
        ["deliveries", "retry", &delivery],
        ["quarantine", "accept", IDS[0]],
    ] {
        let told = ask(&[&arguments[..], &["--admin", &place]].concat(), TOKEN, &[]).await;
        assert_eq!((told.code, &*told.output, &told.errors), (Some(1), "", &expected));
    }
}

#[tokio::test]
async fn what_the_leader_has_not_done_yet_is_a_failure_of_whoever_wanted_it_ended() {
    let path = format!("/api/v1/replays/{}/end", IDS[0]);
    let given = json!({"instruction": {"id": IDS[1], "state": "waiting"}});
    let routes = Router::new().route(&path, post(async || (StatusCode::ACCEPTED, Json(given))));
    let place = serve(routes).await;

    let ended = ask(&["receipts", "end-replay", IDS[0], "--admin", &place], TOKEN, &[]).await;

    let expected = "caigunn-webhook: it is not done yet: the receiver that leads does it as soon as it can\n";
    assert_eq!(
        (ended.code, &*ended.output, &*ended.errors),
        (Some(1), "", expected)
    );
}

#[tokio::test]
async fn a_dry_run_that_is_broken_off_says_that_nothing_was_sent() {
    let asked = Arc::new(Notify::new());
    let is_asked = Arc::clone(&asked);
    let replay = json!({"replay": {"id": IDS[0], "state": "running", "done_at": null}});
    let begun = replay.clone();
    let destinations = json!({"destinations": [{"name": "app", "kind": "http"}]});
    let routes = Router::new()
        .route("/api/v1/destinations", get(async || Json(destinations)))
        .route(
            "/api/v1/replays",
            post(async || (StatusCode::ACCEPTED, Json(begun))),
        )
        .route(
            &format!("/api/v1/replays/{}", IDS[0]),
            get(async move || {
                asked.notify_one();
                Json(replay)
            }),
        );
    let place = serve(routes).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Process::command(folder.path());
    command.args(["receipts", "replay", "--all", "--dry-run", "--admin", &place]);

    let mut counting = Process::launch(folder.path(), command);
    is_asked.notified().await;
    counting.signal("INT");
    let status = counting.wait().await;

    assert_eq!(
        (status.code(), &*counting.errors()),
        (Some(0), "nothing was sent, only counted\n")
    );
}

#[tokio::test]
async fn a_path_that_is_given_and_leads_nowhere_is_named() {
    let (_folder, receiver) = receiver().await;
    let url = format!("http://{}/hooks/", receiver.admin);

    let listed = ask(&["receipts", "list", "--admin", &url], TOKEN, &[]).await;

    let beginning = format!(
        "caigunn-webhook: the receiver at {} has no such path",
        url.trim_end_matches('/')
    );
    assert!(listed.errors.starts_with(&beginning), "{listed:?}");
}

#[tokio::test]
async fn what_listens_and_says_nothing_is_waited_for_some_seconds_and_no_longer() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let place = silent.local_addr().expect("it is bound").to_string();

    let listed = ask(&["receipts", "list", "--admin", &place], TOKEN, &[]).await;

    let expected = format!(
        "caigunn-webhook: what listens at http://{place} did not answer within 10 s: see whether that receiver hangs, or say \
         where it listens with --admin or CAIGUNN_ADMIN_LISTEN\n"
    );
    assert_eq!((listed.code, listed.errors), (Some(1), expected));
}

#[tokio::test]
async fn a_receiver_that_takes_its_time_is_waited_for_while_it_says_that_it_lives() {
    let asked = Arc::new(Notify::new());
    let is_asked = Arc::clone(&asked);
    let routes = Router::new()
        .route("/healthz", get(async move || asked.notify_one()))
        .route(
            "/api/v1/receipts",
            get(async move || {
                is_asked.notified().await;
                Json(json!({ "receipts": [], "next_cursor": null }))
            }),
        );
    let place = serve(routes).await;

    let listed = ask(&["receipts", "list", "--admin", &place], TOKEN, &[]).await;

    assert_eq!(listed.code, Some(0), "{listed:?}");
}

#[tokio::test]
async fn what_came_of_those_before_a_receiver_failed_is_printed() {
    let taken = || {
        post(async || {
            Json(json!({
                "instruction": {"state": "done"}, "delivery": {"state": "pending", "waits": null},
                "outcome": "accepted", "receipt_id": IDS[0],
            }))
        })
    };
    let routes = Router::new()
        .route(&format!("/api/v1/deliveries/app/{}/retry", IDS[0]), taken())
        .route(&format!("/api/v1/quarantine/{}/accept", IDS[0]), taken())
        .fallback(async || StatusCode::INTERNAL_SERVER_ERROR);
    let place = serve(routes).await;
    let [first, second] = IDS.map(|id| format!("app/{id}"));

    let retried = ask(
        &["deliveries", "retry", &first, &second, "--admin", &place],
        TOKEN,
        &[],
    )
    .await;
    let accepted = ask(
        &["quarantine", "accept", IDS[0], IDS[1], "--admin", &place],
        TOKEN,
        &[],
    )
    .await;

    for (ended, told) in [(retried, "pending"), (accepted, "accepted")] {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.output.contains(told), "{ended:?}");
        assert!(ended.errors.contains("with 500, is no admin side"), "{ended:?}");
    }
}

#[tokio::test]
async fn a_receiver_without_tls_is_told_from_one_whose_certificate_is_not_known() {
    let (_folder, receiver) = receiver().await;
    let admin = format!("https://{}", receiver.admin);

    let listed = ask(&["receipts", "list", "--admin", &admin], TOKEN, &[]).await;

    let expected =
        format!("caigunn-webhook: what listens at {admin} answers plain http: use http:// if you mean it\n");
    assert_eq!((listed.code, listed.errors), (Some(1), expected));
}

#[tokio::test]
async fn where_to_forward_may_be_said_without_its_scheme() {
    let (folder, receiver) = receiver().await;
    let local = Application::start().await;
    let place = format!("localhost:{}/hook", local.address.port());
    let listening = tempfile::tempdir().expect("a folder");
    let mut command = Process::command(listening.path());
    command
        .args(["listen", "--forward-to", &place])
        .env("CAIGUNN_ADMIN_LISTEN", receiver.admin.to_string())
        .env("CAIGUNN_ADMIN_TOKEN", TOKEN);
    let listen = Process::launch(listening.path(), command);
    wait_for("the command to follow", || async {
        let errors = listen.errors();
        if errors.contains("Ctrl-C ends it") {
            Ok(())
        } else {
            Err(errors)
        }
    })
    .await;

    let mut trigger = Process::command(folder.path());
    trigger.args([
        "trigger",
        "crawling.initial",
        "--to",
        &format!("{}/webhook", receiver.public),
    ]);
    let triggered = run(trigger).await;

    assert_eq!(triggered.code, Some(0), "{triggered:?}");
    assert_eq!(local.wait_for_arrivals(1).await[0].event, "crawling.initial");
}

#[tokio::test]
async fn a_command_ends_with_what_it_knows_though_a_name_is_still_being_looked_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = folder.path().join("lookup.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/asking/lookup.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&library)
        .arg(source)
        .output();
    let compiled = compiled.expect("there is a C compiler, as the build needs one");
    assert!(compiled.status.success(), "{compiled:?}");
    let mut command = Process::command(folder.path());
    command
        .args(["token", "refresh"])
        .env("CAIGUNN_ACCESS_TOKEN", "access-token")
        .env("CAIGUNN_API_URL", "http://caigunn.test")
        .env("CAIGUNN_API_TIMEOUT_SECONDS", "1")
        .env("LD_PRELOAD", &library);

    let ended = run(command).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.errors.contains("in time"), "{ended:?}");
}

#[tokio::test]
async fn a_proxy_before_a_receiver_that_is_away_is_told_from_what_is_none() {
    for status in [502, 503, 504] {
        let page = "<h1>Bad Gateway</h1>";
        let length = page.len();
        let answer =
            format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{page}");
        let place = answering(answer).await.to_string();

        let listed = ask(&["receipts", "list", "--admin", &place], TOKEN, &[]).await;

        let expected = format!(
            "caigunn-webhook: what answers at http://{place}, with {status}, is a proxy, and the receiver behind it does not \
             answer: see whether that runs\n"
        );
        assert_eq!((listed.code, listed.errors), (Some(1), expected));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_called_that() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{\"receipts\": [";
    let place = answering(answer).await.to_string();

    let listed = ask(&["receipts", "list", "--admin", &place], TOKEN, &[]).await;

    let expected = format!("caigunn-webhook: the answer of what listens at http://{place} broke off (");
    assert!(listed.errors.starts_with(&expected), "{listed:?}");
    assert!(
        listed
            .errors
            .ends_with("): see whether that still runs, and ask again\n"),
        "{listed:?}"
    );
    assert_eq!(listed.code, Some(1));
}

#[tokio::test]
async fn what_a_newer_receiver_says_keeps_a_destination_is_shown_in_its_words() {
    let trouble = json!({"kind": "full", "since": null, "until": null, "detail": "its queue takes no more"});
    let destination = json!({"name": "app", "kind": "http", "to": "http://x", "state": "active", "pending_count": 1,
        "dead_count": 0, "trouble": trouble});
    let answer = json!({"destinations": [destination], "leader": {"is_self": true}});
    let routes = Router::new().route("/api/v1/destinations", get(async || Json(answer)));
    let place = serve(routes).await;

    let listed = ask(&["destinations", "list", "--admin", &place], TOKEN, &[]).await;

    assert!(
        listed.output.contains("full: its queue takes no more"),
        "{listed:?}"
    );
}

/// A receipt as lists have it.
fn receipt(id: &str) -> serde_json::Value {
    json!({"id": id, "sequence": 1, "received_at": "2024-07-30T09:15:00Z", "event": "crawling.initial", "event_id": null,
        "chatbot_id": null, "wire": "2024-07", "origin": "webhook", "body_bytes": 2})
}

/// The same with its body.
fn whole_receipt(id: &str, body: String) -> Json<serde_json::Value> {
    let mut receipt = receipt(id);
    receipt["body"] = body.into();
    Json(receipt)
}

fn whole_sample(id: &str) -> Json<serde_json::Value> {
    let sample = crate::harness::json(&crate::harness::sample("crawling.initial"));
    whole_receipt(id, sample.to_string())
}

/// Lists of a receiver that gets these once somebody follows, which it fails with while it is away.
fn listing(ids: &[String], is_away: impl Fn() -> bool + Clone + Send + Sync + 'static) -> MethodRouter {
    let receipts: Vec<_> = ids.iter().map(|id| receipt(id)).collect();
    let listed = json!({"receipts": receipts, "next_after": 3, "newest_sequence": 3});
    let nothing = json!({"receipts": [], "next_after": 3, "newest_sequence": 3});
    let begin = json!({"receipts": [], "next_after": 0, "newest_sequence": 0});
    get(async move |uri: axum::http::Uri| {
        let query = uri.query().unwrap_or_default();
        let is = |after: &str| query.contains(&format!("after={after}"));
        if is_away() {
            return Err(unavailable("the database does not answer"));
        }
        Ok(Json(if is("newest") {
            begin
        } else if is("0") {
            listed
        } else {
            nothing
        }))
    })
}

fn unavailable(detail: &str) -> (StatusCode, Json<serde_json::Value>) {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"detail": detail})))
}

/// The receipts of some sequence, by their ids.
fn some_ids() -> [String; 4] {
    ["0", "1", "2", "3"].map(|last| format!("{}{last}", &IDS[0][..IDS[0].len() - 1]))
}

/// Has what that receiver gets forwarded to an application.
fn listening(folder: &TempDir, application: &Application, place: &str) -> Process {
    let mut command = Process::command(folder.path());
    command.args(["listen", "--forward-to", &application.url(), "--admin", place]);
    Process::launch(folder.path(), command)
}

#[tokio::test]
async fn listen_goes_on_behind_a_receipt_that_it_cannot_read() {
    let ids = some_ids();
    let [unreadable, damaged, gone, whole] = &ids;
    let is_none = whole_receipt(unreadable, "{}".to_owned());
    let mut has_damage = whole_sample(damaged);
    has_damage["damage"] = "what the inbox holds as its event cannot be read".into();
    let sent = whole_sample(whole);
    let routes = Router::new()
        .route("/api/v1/receipts", listing(&ids, || false))
        .route(&format!("/api/v1/receipts/{unreadable}"), get(async || is_none))
        .route(&format!("/api/v1/receipts/{damaged}"), get(async || has_damage))
        .route(
            &format!("/api/v1/receipts/{gone}"),
            get(async || {
                (
                    StatusCode::NOT_FOUND,
                    Json(json!({"detail": "there is no receipt"})),
                )
            }),
        )
        .route(&format!("/api/v1/receipts/{whole}"), get(async || sent));
    let place = serve(routes).await;
    let application = Application::start().await;
    let folder = tempfile::tempdir().expect("a folder");

    let listening = listening(&folder, &application, &place);

    let arrived = application.wait_for_arrivals(1).await.remove(0);
    assert_eq!(arrived.webhook_id, *whole);
    for id in [unreadable, damaged, gone] {
        let said = format!("the receipt {id} is not forwarded: ");
        assert!(listening.errors().contains(&said), "{}", listening.errors());
    }
}

#[tokio::test]
async fn listen_passes_over_a_receipt_that_alone_cannot_be_had_and_waits_where_nothing_can() {
    let ids = some_ids();
    let [late, broken, whole, _] = &ids;
    let asked_count = Arc::new(AtomicUsize::new(0));
    // For longer than one that alone cannot be had is asked for.
    let is_away = {
        let asked_count = Arc::clone(&asked_count);
        move || (1..=12).contains(&asked_count.load(Ordering::Relaxed))
    };
    let ask_late = {
        let (is_away, late) = (is_away.clone(), whole_sample(late));
        get(async move || {
            asked_count.fetch_add(1, Ordering::Relaxed);
            match is_away() {
                true => Err(unavailable("the database does not answer")),
                false => Ok(late),
            }
        })
    };
    let sent = whole_sample(whole);
    let routes = Router::new()
        .route("/api/v1/receipts", listing(&ids[..3], is_away))
        .route(&format!("/api/v1/receipts/{late}"), ask_late)
        .route(
            &format!("/api/v1/receipts/{broken}"),
            get(async || unavailable("the inbox is damaged: database disk image is malformed")),
        )
        .route(&format!("/api/v1/receipts/{whole}"), get(async || sent));
    let place = format!("http://{}", serve(routes).await);
    let application = Application::start().await;
    let folder = tempfile::tempdir().expect("a folder");

    let listening = listening(&folder, &application, &place);

    let arrivals = application.wait_for_arrivals(2).await;
    let arrived: Vec<_> = arrivals.iter().map(|arrival| &arrival.webhook_id).collect();
    assert_eq!(arrived, [late, whole]);
    let said = listening.errors();
    for expected in [
        format!("the receiver at {place} does not answer: the database does not answer; waiting for it"),
        format!("the receiver at {place} answers again"),
        format!(
            "the receipt {broken} is not forwarded: the receiver at {place} answers 503: the inbox is damaged: database disk \
             image is malformed"
        ),
    ] {
        assert_eq!(said.matches(&expected).count(), 1, "{expected}: {said}");
    }
}
