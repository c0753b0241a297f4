//! Where receipts go, and what they are signed with, is not told either: of a URL its host and port are shown, of a
//! program its name.

use std::fs;

use super::{ADMIN_TOKEN, TOKEN, assert_hides, check, folder, start};
use crate::harness::application::{Application, Reply};
use crate::harness::posters::text;
use crate::harness::{self, Process, client, free_port, sample, wait_for};

/// To sign with. The part behind the underscore must not be seen.
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A destination for each kind of failure.
const NAMES: [&str; 6] = ["absent", "failing", "moved", "gone", "script", "missing"];

/// Where the first four of them are.
fn destinations(places: [&str; 4]) -> String {
    let http = |(name, place): (&str, &str)| {
        format!(
            r#"{{name = "{name}", kind = "http", url = "http://{place}/planted-path?planted-name=planted-value", secrets = ["{SECRET}"], headers = {{authorization = "Bearer planted-bearer", x-key = "planted-key"}}}}"#
        )
    };
    let command = |(name, program): (&str, &str)| {
        format!(
            r#"{{name = "{name}", kind = "command", command = ["{program}", "-c", "exit 1", "planted-argument"]}}"#
        )
    };
    let places = NAMES.into_iter().zip(places);
    let programs = [("script", "/bin/sh"), ("missing", "/nowhere/program")];
    let all: Vec<_> = places.map(http).chain(programs.map(command)).collect();
    format!("[{}]", all.join(", "))
}

#[track_caller]
fn assert_hides_all(what: &str, text: &str) {
    assert_hides(what, text);
    assert!(!text.contains(&SECRET[6..]), "{what} tells a secret:\n{text}");
}

/// What the admin side answers.
async fn get(process: &Process, path: &str) -> String {
    let url = format!("http://{}{path}", process.admin);
    let response = client().get(url).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.text().await.unwrap()
}

#[tokio::test]
async fn destinations_that_fail_are_reported_without_their_secrets() {
    let folder = folder();
    let location = "https://elsewhere.example/planted-path?planted-value";
    let failing = Application::answering(|_| Reply::Status(500)).await;
    let moved = Application::answering(move |_| Reply::With(302, "location", location.to_owned())).await;
    let gone = Application::answering(|_| Reply::Status(410)).await;
    let absent = format!("127.0.0.1:{}", free_port());
    let present = [&failing, &moved, &gone].map(|application| application.address.to_string());
    let destinations = destinations([&absent, &present[0], &present[1], &present[2]]);
    let variables = [
        ("CAIGUNN_API_URL", "http://127.0.0.1:9"),
        ("CAIGUNN_DELIVERY_DESTINATION", destinations.as_str()),
        ("CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS", "0,0,3600"),
    ];
    let mut process = start(&folder, &variables).await;

    let url = process.url(&format!("/webhook/{TOKEN}"));
    let body = harness::json(&sample("crawling.completed"));
    let response = client().post(url).json(&body).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let id = text(&response.json().await.unwrap(), "receipt_id");
    for name in NAMES {
        let attempts = wait_for("an attempt", || async {
            let shown = get(&process, &format!("/api/v1/deliveries/{name}/{id}")).await;
            if shown.contains("\"outcome\"") {
                Ok(shown)
            } else {
                Err(shown)
            }
        })
        .await;
        assert_hides_all("an attempt", &attempts);
    }
    for path in ["/api/v1/destinations", "/api/v1/deliveries", "/metrics"] {
        let shown = get(&process, path).await;
        assert_hides_all(path, &shown);
        for name in NAMES {
            assert!(shown.contains(name), "{name} is not in {shown}");
        }
    }
    process.signal("TERM");
    assert_eq!(process.wait().await.code(), Some(0));

    let log = process.log();
    assert_hides_all("the log", &log);
    assert_hides_all("standard error", &process.errors());
    for name in NAMES {
        let said = format!("receipt {id} was not delivered to {name}");
        assert!(log.contains(&said), "{said} is not in {log}");
    }
    for arrivals in [&failing, &moved, &gone].map(Application::arrivals) {
        assert!(arrivals[0].headers.contains_key("webhook-signature"));
        assert_eq!(arrivals[0].headers["authorization"], "Bearer planted-bearer");
    }
}

#[tokio::test]
async fn the_configuration_shows_of_destinations_names_and_kinds() {
    let folder = folder();
    let content = destinations(["a.example", "b.example", "c.example", "d.example"]);
    let file = folder.path().join("destinations");
    fs::write(&file, &content).unwrap();
    let sources = [
        ("CAIGUNN_DELIVERY_DESTINATION", content.as_str()),
        ("CAIGUNN_DELIVERY_DESTINATION_FILE", file.to_str().unwrap()),
    ];
    for source in sources {
        let ended = check(&folder, &[source]).await;

        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_hides_all("standard output", &ended.output);
        assert_hides_all("standard error", &ended.errors);
        for name in NAMES {
            assert!(ended.output.contains(name), "{name} is not in {}", ended.output);
        }
    }
}
