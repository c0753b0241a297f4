//! Whether destinations are there, and what the receiver knows of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::SET_TOKEN;
use super::assert_finds;
use crate::harness::application::{Application, Reply};
use crate::harness::process::Ended;
use crate::harness::site::{ADMIN_TOKEN, TOKEN};
use crate::harness::{self, NO_HOST, Site, client, free_port, sample, tls, wait_for};

const VARIABLE: &str = "CAIGUNN_DELIVERY_DESTINATION";

const UNREACHED: &str = "see that its URL is right, that the application runs and can be reached from here, and that the \
                         certificate is one that this machine trusts; what is for it is kept and sent when it is there";

const NOT_RUN: &str =
    "name a program that is there, where the receiver runs, and that its user may run (`chmod +x`)";

const MEND_SCRIPT: &str = "mend the file's first line, or install what it names where the receiver runs; `sed -i 's/\\r$//' FILE` \
                           takes carriage returns away";

const SPEAK_TLS: &str = "name the port at which it speaks TLS, or give the URL the scheme that goes without (http, nats, redis, kafka)";

fn http(name: &str, base: &str) -> String {
    format!(r#"{{name = "{name}", kind = "http", url = "{base}/planted-path?planted-query"}}"#)
}

fn command(name: &str, program: &str) -> String {
    format!(r#"{{name = "{name}", kind = "command", command = ["{program}", "planted-argument"]}}"#)
}

fn all(destinations: &[String]) -> String {
    format!("[{}]", destinations.join(", "))
}

/// What is said of destinations that the running receiver was not started with.
fn unknown(names: &str) -> String {
    format!(
        "\
warning  destination: the receiver that runs here does not know {names}, so nothing is sent there
         restart it, for it reads its settings when it starts; of several receivers the one that leads"
    )
}

#[track_caller]
fn assert_says(ended: &Ended, line: &str) {
    let has_line = ended.output.lines().any(|found| found == line);
    assert!(has_line, "{line}\n{}", ended.output);
    assert!(!ended.output.contains("planted"), "{}", ended.output);
}

/// The state of the only destination, as the receiver shows it.
async fn shown(site: &Site) -> Value {
    let url = site.receiver.as_ref().unwrap().api("/destinations");
    let response = client().get(url).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
    response.json::<Value>().await.unwrap()["destinations"][0].clone()
}

#[tokio::test]
async fn each_destination_is_looked_for_and_nothing_is_sent_there() {
    let site = Site::running().await;
    let application = Application::start().await;
    let absent = free_port();
    fs::write(site.path("script"), "").unwrap();
    let script = site.path("script").display().to_string();
    let windows = site.path("windows").display().to_string();
    fs::write(&windows, "#!/bin/sh\r\nexit 0\r\n").unwrap();
    fs::set_permissions(&windows, fs::Permissions::from_mode(0o755)).unwrap();
    let there = [
        http("app", &format!("http://{}", application.address)),
        command("shell", "/bin/sh"),
    ];
    let not_there = [
        http("absent", &format!("http://127.0.0.1:{absent}")),
        command("missing", "no-such-program"),
        command("script", &script),
        command("windows", &windows),
        command("relative", "./no-such-program"),
    ];

    let well = site.doctor(&[(VARIABLE, &all(&there))]).await;
    let unwell = site.doctor(&[(VARIABLE, &all(&not_there))]).await;

    assert_finds(&well, &unknown("app, shell"));
    let address = application.address;
    assert_says(
        &well,
        &format!("ok       destination: app: {address} takes connections"),
    );
    assert_says(&well, "ok       destination: shell: /bin/sh can be run");
    assert_finds(
        &unwell,
        &format!(
            "\
FAILURE  destination: absent: cannot connect to 127.0.0.1:{absent}: Connection refused (os error 111)
         {UNREACHED}
FAILURE  destination: missing: there is no no-such-program in any folder of PATH
         {NOT_RUN}
FAILURE  destination: script: {script} may not be run by this user
         {NOT_RUN}
FAILURE  destination: windows: {windows} cannot be run: its first line names an interpreter that cannot be run: there is \
no /bin/sh\\r, since the line ends with a carriage return
         {MEND_SCRIPT}
FAILURE  destination: relative: there is no ./no-such-program
         run this in the receiver's folder, to which that path is relative; there, name a program that is there and that its user \
may run (`chmod +x`)
{}",
            unknown("absent, missing, script, windows, relative")
        ),
    );
    assert_eq!(application.arrivals().len(), 0);
}

#[tokio::test]
async fn a_destination_that_was_added_while_the_receiver_ran_is_told_until_a_restart() {
    let application = Application::start().await;
    let base = format!("http://{}", application.address);
    let before = all(&[http("app", &base)]);
    let since = all(&[http("app", &base), http("zzz", &base)]);
    let mut site = Site::running_with(&[(VARIABLE, &before)]).await;

    let added = site.doctor(&[(VARIABLE, &since)]).await;
    site.stop().await;
    site.start(&[(VARIABLE, &since)]).await;
    let restarted = site.doctor(&[(VARIABLE, &since)]).await;

    assert_finds(&added, &unknown("zzz"));
    assert_finds(&restarted, "");
}

#[tokio::test]
async fn an_event_that_nobody_documents_is_doubted_and_one_without_status_is_all_of_it() {
    let site = Site::running().await;
    let application = Application::start().await;
    let address = application.address;
    let destinations = format!(
        r#"[{{name = "app", kind = "http", url = "http://{address}", events = ["training", "crawlings.*"]}}]"#
    );

    let ended = site.doctor(&[(VARIABLE, &destinations)]).await;

    assert_finds(
        &ended,
        &format!(
            "\
warning  destination: app: no event that this program knows is called crawlings.*, which is among its events; did you mean crawling.*?
         unless CaiGunn has an event of that name now, correct it: crawling.*, uploading.completed and *.failed are such patterns
{}",
            unknown("app")
        ),
    );
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_named() {
    let site = Site::running().await;
    let nowhere = all(&[http("nowhere", &format!("http://{NO_HOST}"))]);

    let ended = site.doctor(&[(VARIABLE, &nowhere)]).await;

    let found = format!("FAILURE  destination: nowhere: cannot connect to {NO_HOST}:80: ");
    assert!(ended.output.contains(&found), "{}", ended.output);
    assert!(!ended.output.contains("planted"), "{}", ended.output);
    assert_eq!(ended.code, Some(1));
}

/// A server for one connection with a certificate of its own, which is written to a file; and how many bytes it was sent
/// once TLS was agreed on, if it was.
async fn tls_server(certificate: &Path) -> (String, JoinHandle<Option<usize>>) {
    let acceptor = tls::acceptor(certificate);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.ok()?;
        let mut sent = Vec::new();
        // How the connection ends is the other side's affair.
        let _ = stream.read_to_end(&mut sent).await;
        Some(sent.len())
    });
    (format!("https://{address}"), serving)
}

#[tokio::test]
async fn a_certificate_must_be_trusted_here() {
    let site = Site::running().await;
    let certificate = site.path("certificate.pem");
    let ask = async |is_trusted: bool| {
        let (url, serving) = tls_server(&certificate).await;
        let destinations = all(&[http("app", &url)]);
        let mut variables = vec![(VARIABLE, &*destinations)];
        if is_trusted {
            variables.push(("SSL_CERT_FILE", certificate.to_str().unwrap()));
        }
        let ended = site.doctor(&variables).await;
        let place = url.trim_start_matches("https://").to_owned();
        (ended, place, serving.await.unwrap())
    };

    let (trusted, place, sent_bytes) = ask(true).await;
    assert_finds(&trusted, &unknown("app"));
    let found =
        format!("ok       destination: app: {place} takes connections, and its certificate is trusted");
    assert_says(&trusted, &found);
    assert_eq!(sent_bytes, Some(0));

    let (untrusted, place, sent_bytes) = ask(false).await;
    let found = format!("FAILURE  destination: app: cannot connect to {place}: invalid peer certificate: ");
    assert!(untrusted.output.contains(&found), "{}", untrusted.output);
    assert_eq!((untrusted.code, sent_bytes), (Some(1), None));
}

#[tokio::test]
async fn a_side_that_speaks_no_tls_is_told_so_by_whatever_asks_it() {
    let site = Site::running().await;
    let application = Application::start().await;
    let place = application.address;
    let sqs =
        r#"kind = "sqs", region = "eu-central-1", access_key_id = "a", secret_access_key = "planted-key""#;
    let destinations = all(&[
        http("app", &format!("https://{place}")),
        format!(r#"{{name = "queue", {sqs}, url = "https://{place}/1/queue"}}"#),
        format!(r#"{{name = "stream", kind = "redis", stream = "a", url = "rediss://{place}"}}"#),
    ]);
    let notice = format!(r#"[{{name = "ops", url = "https://{place}/planted"}}]"#);

    let ended = site
        .doctor(&[(VARIABLE, &destinations), ("CAIGUNN_NOTICE", &notice)])
        .await;

    let found = format!("cannot connect to {place}: what listens there speaks no TLS\n         {SPEAK_TLS}");
    assert_finds(
        &ended,
        &format!(
            "\
FAILURE  destination: app: {found}
FAILURE  destination: queue: {found}
FAILURE  destination: stream: {found}
{}
warning  notice: ops: {found}",
            unknown("app, queue, stream")
        ),
    );
}

#[tokio::test]
async fn what_the_receiver_knows_of_a_destination_is_told_too() {
    let application = Application::answering(|_| Reply::Status(422)).await;
    let destinations = all(&[http("app", &format!("http://{}", application.address))]);
    let variables = [
        (VARIABLE, &*destinations),
        ("CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS", "0"),
    ];
    let site = Site::running_with(&variables).await;
    let receiver = site.receiver.as_ref().unwrap();
    let post = async || {
        let url = receiver.url(&format!("/webhook/{TOKEN}"));
        let body = harness::json(&sample("crawling.initial"));
        let response = client().post(url).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 200);
    };
    let wait_for_count = async |name: &str| {
        wait_for(name, || async {
            let shown = shown(&site).await;
            if shown[name] == 1 {
                Ok(shown)
            } else {
                Err(shown.to_string())
            }
        })
        .await
    };
    assert_finds(&site.doctor(&variables).await, "");

    post().await;
    wait_for_count("dead_count").await;
    let url = receiver.api("/destinations/app/pause?reason=migration");
    let response = client().post(url).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
    assert_eq!(response.status(), 200);
    post().await;
    let shown = wait_for_count("pending_count").await;

    let ended = site.doctor(&variables).await;
    let wrong_token = ("CAIGUNN_ADMIN_TOKEN", "another-token-of-24-marks");
    let unasked = site.doctor(&[&variables[..], &[wrong_token]].concat()).await;

    let since = shown["pause"]["at"].as_str().unwrap();
    assert_finds(
        &ended,
        &format!(
            "\
warning  destination: app is paused since {since}, with 1 pending: migration
         when it is ready for what is pending, `caigunn-webhook destinations resume app`
warning  destination: app has dead letters, which are tried no more: 1
         `caigunn-webhook deliveries list --state dead --destination app` lists them, and `deliveries show ID` says why; once that \
is mended, `caigunn-webhook receipts replay --dead --destination app` sends them again"
        ),
    );
    // How they are it cannot be asked then.
    assert_finds(
        &unasked,
        &format!("FAILURE  admin token: the receiver that runs here has another one\n         {SET_TOKEN}"),
    );
}

#[tokio::test]
async fn a_destination_that_fails_throughout_is_told() {
    let application = Application::answering(|_| Reply::Status(503)).await;
    let destinations = all(&[http("app", &format!("http://{}", application.address))]);
    let variables = [
        (VARIABLE, &*destinations),
        ("CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS", "0,0,3600"),
    ];
    let site = Site::running_with(&variables).await;
    let url = site.receiver.as_ref().unwrap().url(&format!("/webhook/{TOKEN}"));
    let body = harness::json(&sample("crawling.initial"));
    assert_eq!(client().post(url).json(&body).send().await.unwrap().status(), 200);
    let shown = wait_for("it to be down", || async {
        let shown = shown(&site).await;
        if shown["state"] == json!("down") {
            Ok(shown)
        } else {
            Err(shown.to_string())
        }
    })
    .await;

    let ended = site.doctor(&variables).await;

    let since = shown["status"]["down_since"].as_str().unwrap();
    assert_finds(
        &ended,
        &format!(
            "\
FAILURE  destination: app fails throughout since {since}, with 1 pending: answered 503
         mend what that says; what is new, and what failed since, is sent as soon as it takes something"
        ),
    );
}

#[tokio::test]
async fn a_destination_that_wants_nothing_more_is_a_failure_once_something_waits_for_it() {
    let application = Application::answering(|_| Reply::Status(410)).await;
    let destinations = all(&[http("app", &format!("http://{}", application.address))]);
    let site = Site::running_with(&[(VARIABLE, &destinations)]).await;
    let url = site.receiver.as_ref().unwrap().url(&format!("/webhook/{TOKEN}"));
    let body = harness::json(&sample("crawling.initial"));
    assert_eq!(client().post(url).json(&body).send().await.unwrap().status(), 200);
    let shown = wait_for("it to be paused", || async {
        let shown = shown(&site).await;
        if shown["state"] == json!("paused") && shown["pending_count"] == json!(1) {
            Ok(shown)
        } else {
            Err(shown.to_string())
        }
    })
    .await;

    let ended = site.doctor(&[(VARIABLE, &destinations)]).await;

    let since = shown["pause"]["at"].as_str().unwrap();
    assert_finds(
        &ended,
        &format!(
            "\
FAILURE  destination: app is paused since {since}, with 1 pending: it answered that it wants nothing more: answered 410
         when it is ready for what is pending, `caigunn-webhook destinations resume app`"
        ),
    );
}
