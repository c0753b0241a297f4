//! Promise: the log has one JSON line a notification, with the documented fields and no others, at a level that says
//! who must act; and nobody has to read it for the receiver to work.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use uuid::Uuid;

use crate::harness::{self, PATIENCE, Process, client, raw, sample, sample_with, wait_for};

const JOB: &str = "0191f0a0-0000-7000-8000-000000000001";

fn folder() -> TempDir {
    harness::closed_folder()
}

/// The sample of an event name with one known UUID in every place.
fn known(name: &str, wire: Wire) -> Value {
    let ids = Ids::all(JOB.parse::<Uuid>().expect("a UUID"));
    harness::json(&sample_with(name, &ids, wire))
}

/// Posts to a path; gives the answer and its line in the log, less what varies, whose form is checked here.
async fn post_to(process: &Process, path: &str, body: &Value) -> (Value, Value) {
    let response = client().post(process.url(path)).json(body).send().await.unwrap();
    let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let answer: Value = response.json().await.unwrap();
    let mut lines = process
        .wait_for_lines(1, |line| line["request_id"] == *request_id)
        .await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    let mut line = lines.remove(0);
    let members = line.as_object_mut().unwrap();
    members.remove("request_id");
    let timestamp = members.remove("timestamp").unwrap();
    let timestamp = timestamp.as_str().unwrap();
    assert!(timestamp.parse::<jiff::Timestamp>().is_ok(), "{timestamp}");
    assert!(timestamp.ends_with('Z'), "{timestamp}");
    let duration_ms = members.remove("duration_ms").unwrap();
    assert!(
        duration_ms.as_f64().is_some_and(|time| time >= 0.0),
        "{duration_ms}"
    );
    (answer, line)
}

async fn post(process: &Process, body: &Value) -> (Value, Value) {
    post_to(process, "/webhook", body).await
}

#[tokio::test]
async fn an_accepted_notification_has_its_line() {
    let folder = folder();
    let process = Process::start(folder.path(), &[]).await;

    let (answer, line) = post(&process, &known("crawling.completed", Wire::V2024_07)).await;

    let receipt_id = answer["receipt_id"].as_str().unwrap();
    assert_eq!(
        line,
        json!({
            "level": "INFO",
            "message": format!("crawling.completed accepted as receipt {receipt_id}"),
            "outcome": "accepted",
            "event": "crawling.completed",
            "event_id": JOB,
            "chatbot_id": JOB,
            "receipt_id": receipt_id,
            "wire": "2024-07",
            "http.response.status_code": 200,
        })
    );
}

#[tokio::test]
async fn the_older_generation_says_so_and_has_no_event_id_where_it_has_none() {
    let folder = folder();
    let process = Process::start(folder.path(), &[]).await;

    let (answer, line) = post(&process, &known("training.completed", Wire::V2024_01)).await;

    let receipt_id = answer["receipt_id"].as_str().unwrap();
    assert_eq!(
        line,
        json!({
            "level": "INFO",
            "message": format!("training.completed accepted as receipt {receipt_id}"),
            "outcome": "accepted",
            "event": "training.completed",
            "chatbot_id": JOB,
            "receipt_id": receipt_id,
            "wire": "2024-01",
            "http.response.status_code": 200,
        })
    );
}

#[tokio::test]
async fn a_duplicate_names_the_receipt_it_repeats() {
    let folder = folder();
    let process = Process::start(folder.path(), &[]).await;
    let body = known("crawling.initial", Wire::V2024_07);

    let (first, _) = post(&process, &body).await;
    let (_, line) = post(&process, &body).await;

    let receipt_id = first["receipt_id"].as_str().unwrap();
    assert_eq!(
        line,
        json!({
            "level": "INFO",
            "message": format!("crawling.initial is a duplicate of receipt {receipt_id}"),
            "outcome": "duplicate",
            "event": "crawling.initial",
            "event_id": JOB,
            "chatbot_id": JOB,
            "receipt_id": receipt_id,
            "duplicate_of": receipt_id,
            "wire": "2024-07",
            "http.response.status_code": 200,
        })
    );
}

#[tokio::test]
async fn a_duplicate_that_says_something_else_is_a_warning() {
    let folder = folder();
    let process = Process::start(folder.path(), &[]).await;
    let mut body = known("training.failed", Wire::V2024_07);

    post(&process, &body).await;
    body["data"]["detail"] = json!("Character limit exceeded");
    let (answer, line) = post(&process, &body).await;

    let receipt_id = answer["receipt_id"].as_str().unwrap();
    let message = line["message"].as_str().unwrap();
    let expected = format!(
        "training.failed is a duplicate of receipt {receipt_id} but says something else; \
         the copy is in quarantine as "
    );
    assert!(message.starts_with(&expected), "{message}");
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["outcome"], "duplicate");
    assert_eq!(line["duplicate_of"], receipt_id);
}

#[tokio::test]
async fn a_rejected_notification_says_why_in_our_words() {
    let folder = folder();
    let process = Process::start(folder.path(), &[]).await;
    let mut body = known("crawling.completed", Wire::V2024_07);
    body["event_id"] = json!("no uuid");

    let (_, line) = post(&process, &body).await;

    assert_eq!(
        line,
        json!({
            "level": "WARN",
            "message": "POST /webhook answered 422: /event_id: expected a uuid",
            "outcome": "rejected",
            "error.type": "not-a-notification",
            "detail": "/event_id: expected a uuid",
            "http.request.method": "POST",
            "http.route": "/webhook",
            "http.response.status_code": 422,
        })
    );
}

#[tokio::test]
async fn a_wrong_token_is_logged_by_its_route() {
    let folder = folder();
    let process = Process::start(folder.path(), &[("CAIGUNN_WEBHOOK_TOKEN", "the-right-token")]).await;

    let body = known("crawling.completed", Wire::V2024_07);
    let (_, line) = post_to(&process, "/webhook/a-wrong-token", &body).await;

    let detail = "post to /webhook/{token} with a token that this receiver was configured with";
    assert_eq!(
        line,
        json!({
            "level": "WARN",
            "message": format!("POST /webhook/{{token}} answered 401: {detail}"),
            "outcome": "rejected",
            "error.type": "unauthorized",
            "detail": detail,
            "http.request.method": "POST",
            "http.route": "/webhook/{token}",
            "http.response.status_code": 401,
        })
    );
}

#[tokio::test]
async fn wrong_tokens_behind_the_first_are_no_warning_each() {
    let folder = folder();
    let variables = [
        ("CAIGUNN_WEBHOOK_TOKEN", "the-right-token"),
        ("CAIGUNN_LOG", "info,caigunn_webhook::http=debug"),
    ];
    let process = Process::start(folder.path(), &variables).await;

    let body = known("crawling.completed", Wire::V2024_07);
    let mut levels = Vec::new();
    for path in ["/webhook/a-wrong-token", "/webhook", "/webhook/another"] {
        let (_, line) = post_to(&process, path, &body).await;
        levels.push(line["level"].clone());
    }

    assert_eq!(levels, ["WARN", "DEBUG", "DEBUG"]);
}

#[tokio::test]
async fn guesses_of_the_admin_token_are_told() {
    let folder = folder();
    let process = Process::start(
        folder.path(),
        &[("CAIGUNN_ADMIN_TOKEN", "planted-token-of-24-marks")],
    )
    .await;
    let ask = async |token: Option<&str>| {
        let request = client().get(process.api("/receipts"));
        let request = token.into_iter().fold(request, RequestBuilder::bearer_auth);
        request.send().await.unwrap().status()
    };

    assert_eq!(ask(None).await, 401);
    assert_eq!(ask(Some("planted-token-of-24-marks")).await, 200);
    assert_eq!(ask(Some("guessed-1")).await, 401);
    assert_eq!(ask(Some("guessed-2")).await, 401);

    let lines = process
        .wait_for_lines(1, |line| line["error.type"] == "guesses")
        .await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    let said = "a request to the API with a wrong token was refused; is somebody guessing it, or has it been changed?";
    assert_eq!(
        (&lines[0]["level"], &lines[0]["message"]),
        (&json!("WARN"), &json!(said))
    );
    assert_eq!(lines[0]["client.address"], "127.0.0.1");
    assert!(!process.log().contains("guessed-"));
}

#[tokio::test]
async fn guesses_are_told_also_where_there_is_a_read_only_token_alone_and_where_there_is_none_nobody_guesses()
{
    let token = "planted-token-of-24-marks";
    for variables in [&[("CAIGUNN_ADMIN_READ_ONLY_TOKEN", token)][..], &[]] {
        let folder = folder();
        let process = Process::start(folder.path(), variables).await;
        // As through a proxy, so that nobody is let in without one.
        let ask = async |token: &str| {
            let request = client().get(process.api("/receipts")).header("via", "1.1 proxy");
            request.bearer_auth(token).send().await.unwrap().status()
        };

        assert_eq!(ask("guessed-1").await, 403);

        if variables.is_empty() {
            // The line of this is behind whatever there was to tell of the guess.
            post(&process, &known("crawling.completed", Wire::V2024_07)).await;
            process
                .wait_for_lines(1, |line| line["outcome"] == "accepted")
                .await;
            assert!(!process.log().contains("guesses"), "{}", process.log());
            continue;
        }
        assert_eq!(ask(token).await, 200);
        let lines = process
            .wait_for_lines(1, |line| line["error.type"] == "guesses")
            .await;
        assert_eq!(lines.len(), 1, "{lines:?}");
    }
}

#[tokio::test]
async fn an_event_that_nobody_has_documented_is_a_warning() {
    let folder = folder();
    let process = Process::start(folder.path(), &[]).await;

    let (answer, line) = post(&process, &known("crawling.paused", Wire::V2024_07)).await;

    let receipt_id = answer["receipt_id"].as_str().unwrap();
    assert_eq!(
        line,
        json!({
            "level": "WARN",
            "message": format!(
                "crawling.paused accepted as receipt {receipt_id}, but this program does not know that event"
            ),
            "outcome": "accepted",
            "event": "crawling.paused",
            "event_id": JOB,
            "chatbot_id": JOB,
            "receipt_id": receipt_id,
            "wire": "2024-07",
            "http.response.status_code": 200,
        })
    );
}

#[tokio::test]
async fn a_failed_training_says_why_in_both_generations() {
    for (wire, place) in [(Wire::V2024_01, "/detail"), (Wire::V2024_07, "/data/detail")] {
        let folder = folder();
        let process = Process::start(folder.path(), &[]).await;
        let mut body = known("training.failed", wire);
        *body.pointer_mut(place).unwrap() = json!("Character limit exceeded");

        let (_, line) = post(&process, &body).await;

        assert_eq!(line["detail"], "Character limit exceeded", "{line}");
        assert_eq!(line["outcome"], "accepted");
        assert_eq!(line["level"], "INFO");
    }
}

#[tokio::test]
async fn an_upload_names_its_failed_files_and_no_others() {
    let folder = folder();
    let process = Process::start(folder.path(), &[]).await;
    let mut body = known("uploading.completed", Wire::V2024_07);
    body["data"]["training_data_ids"] = json!([
        {"id": JOB, "filename": "good.pdf"},
        {"id": JOB, "filename": "bad.exe", "status": "failed", "detail": "Unsupport file format"},
        {"id": JOB, "filename": "silent.exe", "status": "failed"},
    ]);

    let (_, line) = post(&process, &body).await;

    assert_eq!(
        line["failed_files"],
        "bad.exe: Unsupport file format; silent.exe: no reason given"
    );
    assert_eq!(line["detail"], Value::Null);
}

#[tokio::test]
async fn a_line_has_a_bound_however_long_the_senders_texts() {
    let folder = folder();
    let process = Process::start(folder.path(), &[]).await;
    let mut body = known("uploading.completed", Wire::V2024_07);
    let long = "x".repeat(10_000);
    let file = json!({"id": JOB, "filename": long, "status": "failed", "detail": long});
    body["data"]["training_data_ids"] = Value::Array(vec![file; 100]);

    let (_, line) = post(&process, &body).await;

    let failed_files = line["failed_files"].as_str().unwrap();
    let text = format!("{}…", "x".repeat(200));
    let one = format!("{text}: {text}");
    assert_eq!(failed_files, format!("{}; and 80 more", vec![one; 20].join("; ")));
}

#[tokio::test]
async fn the_text_of_a_sender_cannot_make_a_line_of_its_own() {
    let folder = folder();
    let process = Process::start(folder.path(), &[]).await;
    let text = "oops\n{\"level\":\"INFO\",\"outcome\":\"accepted\"}\u{1b}[2J\0";
    let mut failed = known("training.failed", Wire::V2024_07);
    failed["data"]["detail"] = json!(text);
    let mut uploaded = known("uploading.completed", Wire::V2024_07);
    uploaded["data"]["training_data_ids"] = json!([{"id": JOB, "filename": text, "status": "failed"}]);
    let undocumented = json!({"event": "billing", "status": "due", "event_id": text, "chatbot_id": [text]});
    let listed = json!([text]).to_string();

    let (_, failed) = post(&process, &failed).await;
    let (_, uploaded) = post(&process, &uploaded).await;
    let (_, undocumented) = post(&process, &undocumented).await;

    assert_eq!(failed["detail"], text);
    assert_eq!(uploaded["failed_files"], format!("{text}: no reason given"));
    assert_eq!(undocumented["event_id"], text);
    assert_eq!(undocumented["chatbot_id"], listed);
}

#[tokio::test]
async fn the_text_of_a_sender_is_no_command_to_a_terminal_and_stays_text_in_the_journal() {
    let folder = folder();
    let process = Process::start(folder.path(), &[]).await;
    let text = "a\u{9b}2J\u{7f}\u{202e}b 네";
    let mut failed = known("training.failed", Wire::V2024_07);
    failed["data"]["detail"] = json!(text);

    let (_, failed) = post(&process, &failed).await;

    assert_eq!(failed["detail"], text);
    let log = process.log();
    let is_command = |letter: char| letter != '\n' && letter.is_control() || letter == '\u{202e}';
    assert!(!log.contains(is_command), "{log:?}");
    assert!(log.contains(r"a\u009b2J\u007f\u202eb 네"), "{log}");
}

#[tokio::test]
async fn what_is_no_text_is_logged_as_json() {
    let folder = folder();
    let process = Process::start(folder.path(), &[]).await;
    let mut failed = known("training.failed", Wire::V2024_07);
    failed["data"]["detail"] = json!([{"loc": ["file"], "msg": "too long"}]);
    let mut uploaded = known("uploading.completed", Wire::V2024_07);
    uploaded["data"]["training_data_ids"] = json!([
        {"id": JOB, "status": "failed", "detail": 7},
        {"id": JOB, "filename": {"name": "a.pdf"}, "status": "failed"},
    ]);

    let (_, failed) = post(&process, &failed).await;
    let (_, uploaded) = post(&process, &uploaded).await;

    assert_eq!(failed["detail"], r#"[{"loc":["file"],"msg":"too long"}]"#);
    assert_eq!(
        uploaded["failed_files"],
        r#"no name given: 7; {"name":"a.pdf"}: no reason given"#
    );
}

#[tokio::test]
async fn a_filter_hides_lines_by_target_and_level() {
    let folder = folder();
    let filter = ("CAIGUNN_LOG", "info,caigunn_webhook::notification=warn");
    let process = Process::start(folder.path(), &[filter]).await;
    let hidden = client()
        .post(process.url("/webhook"))
        .json(&known("crawling.completed", Wire::V2024_07))
        .send()
        .await
        .unwrap();

    // A later line that is shown: had the earlier one been, it would stand before it.
    let (_, _) = post(&process, &known("crawling.paused", Wire::V2024_07)).await;

    assert_eq!(hidden.status(), 200);
    assert!(!process.log().contains("crawling.completed"), "{}", process.log());
}

#[tokio::test]
async fn health_checks_are_not_logged_unless_asked_for() {
    let [quiet_folder, chatty_folder] = [folder(), folder()];
    let quiet = Process::start(quiet_folder.path(), &[]).await;
    let chatty = Process::start(chatty_folder.path(), &[("CAIGUNN_LOG", "debug")]).await;

    for process in [&quiet, &chatty] {
        for path in ["/healthz", "/readyz", "/nothing-here"] {
            client().get(process.url(path)).send().await.unwrap();
        }
        post(process, &known("crawling.completed", Wire::V2024_07)).await;
    }

    let answered: Vec<_> = quiet
        .log_lines()
        .iter()
        .filter_map(|line| line["http.response.status_code"].as_u64())
        .collect();
    assert_eq!(answered, [200], "only the notification's: {}", quiet.log());
    assert!(!quiet.log().contains("/healthz"), "{}", quiet.log());
    let mut lines = chatty.log_lines();
    lines.retain(|line| line["message"] == "GET /healthz answered 200");
    assert_eq!(lines.len(), 1, "{}", chatty.log());
    assert_eq!(lines[0]["level"], "DEBUG");
}

#[tokio::test]
async fn a_start_and_a_stop_have_their_lines() {
    let folder = folder();
    let mut process = Process::start(
        folder.path(),
        &[("CAIGUNN_WEBHOOK_TOKEN", "twenty-characters-or-so")],
    )
    .await;

    process.signal("TERM");
    process.wait().await;

    let messages: Vec<_> = process
        .log_lines()
        .iter()
        .map(|line| {
            let (level, message) = (line["level"].as_str().unwrap(), line["message"].as_str().unwrap());
            format!("{level} {message}")
        })
        .collect();
    assert_eq!(
        messages,
        [
            format!(
                "INFO inbox sqlite:{} is open; it is new",
                folder.path().join("inbox.db").display()
            ),
            format!(
                "INFO listening on http://{}, admin on http://{} with a page for people at http://{}/",
                process.public, process.admin, process.admin
            ),
            "WARN no credentials, so nothing is registered with CaiGunn and nothing missed is asked for; \
             set CAIGUNN_ACCESS_TOKEN, CAIGUNN_PUBLIC_URL"
                .to_owned(),
            "INFO SIGTERM: stopping; a second signal quits at once".to_owned(),
            "INFO stopped".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_line_for_people_has_the_local_time_short_ids_and_no_colours_in_a_file() {
    let folder = folder();
    let variables = [("CAIGUNN_LOG_FORMAT", "pretty"), ("TZ", "<+13>-13")];
    let process = Process::start(folder.path(), &variables).await;
    let hour_there = || {
        jiff::Timestamp::from_microsecond(caigunn_webhook::clock::Timestamp::now().as_micros())
            .unwrap()
            .to_zoned(jiff::tz::offset(13).to_time_zone())
            .hour()
    };
    let before = hour_there();

    client()
        .post(process.url("/webhook"))
        .json(&known("crawling.completed", Wire::V2024_07))
        .send()
        .await
        .unwrap();

    let line = wait_for("the notification's line", || async {
        let log = process.log();
        let line = log
            .lines()
            .find(|line| line.contains("crawling.completed accepted"));
        line.map(str::to_owned).ok_or(log.clone())
    })
    .await;
    let hour: i8 = line[..2].parse().expect("it begins with the time");
    assert!([before, hour_there()].contains(&hour), "{line}");
    let receipt = &process.receipts(&client()).await[0];
    let (id, job) = (receipt["id"].as_str().unwrap(), &JOB[28..]);
    let said = format!(
        " crawling.completed accepted as receipt …{}, job …{job}, bot …",
        &id[28..]
    );
    assert!(line[8..].starts_with(&said), "{line}");
    assert!(line.ends_with(" ms") && !line.contains('\u{1b}'), "{line}");
}

/// Posts a body so often on one connection, without waiting for an answer before the next post; gives how many
/// answers were 200.
async fn post_in_a_row(address: SocketAddr, body: String, count: usize) -> usize {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let requests = raw::post(&body).repeat(count);
    let writing = async {
        writing.write_all(requests.as_bytes()).await.unwrap();
    };
    let reading = async {
        let mut answers = String::new();
        let mut buffer = [0; 1 << 16];
        while answers.matches("HTTP/1.1 ").count() < count {
            let read = reading.read(&mut buffer).await.unwrap();
            assert!(read > 0, "closed early: {answers}");
            answers += std::str::from_utf8(&buffer[..read]).unwrap();
        }
        answers.matches("HTTP/1.1 200 OK").count()
    };
    tokio::join!(writing, reading).1
}

#[tokio::test]
async fn a_log_that_nobody_reads_holds_up_neither_requests_nor_the_stop() {
    // A pipe takes 64 KiB, the program's own queue 8192 lines: this many lines fill both.
    const CONNECTIONS: usize = 20;
    const POSTS: usize = 500;
    let folder = folder();
    let (mut process, _unread) = Process::spawn_unread(folder.path(), Process::command(folder.path())).await;
    let body = harness::json(&sample("crawling.completed")).to_string();

    let posting: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::spawn(post_in_a_row(process.public, body.clone(), POSTS)))
        .collect();
    let mut accepted_count = 0;
    for posted in posting {
        let posted = timeout(PATIENCE, posted).await;
        accepted_count += posted
            .expect("requests are answered though nobody reads the log")
            .unwrap();
    }
    let page = client().get(format!("http://{}/metrics", process.admin)).send();
    let page = page.await.unwrap().text().await.unwrap();
    process.signal("TERM");
    let status = timeout(PATIENCE, process.wait()).await;

    assert_eq!(accepted_count, CONNECTIONS * POSTS);
    let dropped = page
        .lines()
        .find_map(|line| line.strip_prefix("caigunn_webhook_log_lines_dropped_total "));
    assert_ne!(dropped.expect("it is shown"), "0");
    assert_eq!(
        status.expect("it stops though nobody reads the log").code(),
        Some(0)
    );
}

/// What systemd says of that file of a process's output where it is the journal's.
fn journal_stream(folder: &TempDir, name: &str) -> String {
    let file = File::create(folder.path().join(name)).unwrap();
    let file = file.metadata().unwrap();
    format!("{}:{}", file.dev(), file.ino())
}

/// What the journal has said in a process's log of how loud a line is, with the line.
fn priorities(log: &str) -> Vec<(Option<&str>, &str)> {
    let lines = log.lines();
    lines
        .map(|line| match line.split_once('>') {
            Some((priority, line)) if priority.starts_with('<') => (Some(&priority[1..]), line),
            _ => (None, line),
        })
        .collect()
}

#[tokio::test]
async fn in_the_journal_each_line_has_its_priority() {
    let folder = folder();
    let stream = journal_stream(&folder, "log.json");
    let mut process = Process::start(folder.path(), &[("JOURNAL_STREAM", &stream)]).await;
    let body = known("crawling.completed", Wire::V2024_07).to_string();
    for (body, status) in [(&*body, 200), ("{", 400)] {
        let post = client().post(process.url("/webhook")).body(body.to_owned());
        let post = post.header("content-type", "application/json");
        assert_eq!(post.send().await.unwrap().status(), status);
    }
    process.signal("TERM");
    assert!(process.wait().await.success());

    let log = process.log();
    let mut of_posts = Vec::new();
    for (priority, line) in priorities(&log) {
        let line: Value = serde_json::from_str(line).expect("the rest is the line");
        let expected = match line["level"].as_str().unwrap() {
            "WARN" => "4",
            "INFO" => "6",
            other => panic!("{other}"),
        };
        assert_eq!(priority, Some(expected), "{line}");
        of_posts.extend(
            line["outcome"]
                .as_str()
                .map(|outcome| (outcome.to_owned(), expected)),
        );
    }
    let expected = [("accepted", "6"), ("rejected", "4")];
    assert_eq!(
        of_posts,
        expected.map(|(outcome, priority)| (outcome.to_owned(), priority))
    );
}

#[tokio::test]
async fn in_the_journal_an_end_by_an_error_is_an_error_also_in_the_form_for_people() {
    let folder = folder();
    let mut command = Process::command(folder.path());
    command
        .env("JOURNAL_STREAM", journal_stream(&folder, "log.json"))
        .env("CAIGUNN_LOG_FORMAT", "pretty")
        .env("NOTIFY_SOCKET", folder.path().join("nobody"));
    let mut process = Process::launch(folder.path(), command);
    assert_eq!(process.wait().await.code(), Some(1));

    let log = process.log();
    let (priority, line) = *priorities(&log).last().expect("it says why");
    assert_eq!(priority, Some("3"), "{line}");
    assert!(line.contains("ERROR ended with an error: "), "{line}");
}

#[tokio::test]
async fn a_stream_that_is_not_the_journals_has_lines_without_priorities() {
    let folder = folder();
    // Whoever is started by a service, and writes to a file, inherits the variable.
    let process = Process::start(folder.path(), &[("JOURNAL_STREAM", "9:12345")]).await;

    let log = process.log();

    assert!(
        priorities(&log).iter().all(|(priority, _)| priority.is_none()),
        "{log}"
    );
}

#[tokio::test]
async fn in_the_journal_each_line_of_what_ends_a_start_is_an_error() {
    let folder = folder();
    let mut command = Process::command(folder.path());
    command
        .env("JOURNAL_STREAM", journal_stream(&folder, "errors.txt"))
        .env("CAIGUNN_INBOX_RETENTION_DAYS", "none")
        .env("CAIGUNN_INBOX_QUEUE_COUNT", "none");
    let mut process = Process::launch(folder.path(), command);
    assert_eq!(process.wait().await.code(), Some(64));

    let errors = process.errors();

    let lines = priorities(&errors);
    assert!(lines.len() > 1, "{errors}");
    assert!(
        lines.iter().all(|(priority, _)| *priority == Some("3")),
        "{errors}"
    );
}
