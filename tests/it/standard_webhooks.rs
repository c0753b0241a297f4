//! Promise: what is sent to a destination with a secret is accepted by the library of Standard Webhooks, and only as it
//! was sent.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::config::{self, Sources};
use caigunn_webhook::delivery::{self, Parcel, Report};
use caigunn_webhook::event;
use caigunn_webhook::inbox::outbox::Outcome;
use caigunn_webhook::inbox::{Origin, Receipt, ReceiptId};
use uuid::Uuid;

use crate::harness::postgres::leave_out;

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

const OTHER_SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// With blanks and characters that any writing anew would change.
const BODY: &str = "{ \"event\":\"crawling\", \"status\":\"failed\",\n\t\"detail\":\"\u{7db2}\\u9801 \u{1f578}\",
    \"event_id\":\"3fa85f64-5717-4562-b3fc-2c963f66afa6\", \"chatbot_id\":\"3fa85f64-5717-4562-b3fc-2c963f66afa6\" }";

/// An application that verifies with the library. It ends when the test drops it.
struct Application {
    child: Child,
    port: String,
}

impl Application {
    /// One that knows this secret. None without a Python that has the library.
    #[track_caller]
    fn start(secret: &str) -> Option<Self> {
        let Ok(python) = std::env::var("CAIGUNN_TEST_STANDARD_WEBHOOKS") else {
            leave_out("CAIGUNN_TEST_STANDARD_WEBHOOKS is not set");
            return None;
        };
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/standard_webhooks/verify.py"
        );
        let mut child = Command::new(python)
            .args([script, secret])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("CAIGUNN_TEST_STANDARD_WEBHOOKS is a Python");
        let mut port = String::new();
        let output = child.stdout.take().expect("it is a pipe");
        BufReader::new(output).read_line(&mut port).expect("it is read");
        let port = port.trim().to_owned();
        assert!(!port.is_empty(), "the Python has the library");
        Some(Self { child, port })
    }

    /// Sends it a notification as a destination with these settings gets it.
    async fn send(&self, path: &str, settings: &str) -> Report {
        let port = &self.port;
        let destination = format!(
            "[[delivery.destination]]\nname = \"app\"\nkind = \"http\"\nurl = \"http://127.0.0.1:{port}{path}\"\n{settings}"
        );
        let loaded = config::load(&Sources {
            file: Some(("test.toml".to_owned(), destination)),
            ..Sources::default()
        });
        let destinations = loaded
            .expect("the settings are right")
            .settings
            .delivery
            .destinations;
        let sender = delivery::sender(&destinations[0]).expect("it can be sent to");
        sender.send(parcel()).await
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parcel() -> Parcel {
    let notification = event::parse(BODY.as_bytes()).expect("it is a notification");
    Parcel {
        receipt: Receipt {
            id: ReceiptId::new(Uuid::from_u128(7)),
            sequence: 1,
            received_at: Timestamp::now(),
            event: notification.name(),
            event_id: notification.event_id,
            chatbot_id: notification.chatbot_id,
            wire: notification.wire,
            origin: Origin::Webhook,
            body_bytes: BODY.len(),
            trace: None,
            damage: None,
        },
        body: Bytes::from_static(BODY.as_bytes()),
        attempt: 1,
        replay_count: 0,
    }
}

#[tokio::test]
async fn the_library_accepts_what_is_signed_with_its_secret_also_among_others() {
    let Some(application) = Application::start(SECRET) else {
        return;
    };
    for settings in [
        format!("secrets = [\"{SECRET}\"]"),
        format!("secrets = [\"{OTHER_SECRET}\", \"{SECRET}\"]"),
        format!("secrets = [\"{SECRET}\"]\nformat = \"cloudevents\""),
    ] {
        let report = application.send("/", &settings).await;

        assert_eq!(report.outcome, Outcome::Delivered, "{settings}: {report:?}");
        assert_eq!(report.answer, "accepted 00000000-0000-0000-0000-000000000007");
    }
}

#[tokio::test]
async fn the_library_refuses_another_secret_and_none() {
    let Some(application) = Application::start(SECRET) else {
        return;
    };

    let other = application
        .send("/", &format!("secrets = [\"{OTHER_SECRET}\"]"))
        .await;
    let none = application.send("/", "").await;

    for (report, words) in [
        (other, "No matching signature found"),
        (none, "Missing required headers"),
    ] {
        assert_eq!((report.outcome, report.status), (Outcome::Refused, Some(401)));
        assert_eq!(report.answer, words);
    }
}

#[tokio::test]
async fn the_library_refuses_what_was_changed_on_the_way() {
    let Some(application) = Application::start(SECRET) else {
        return;
    };

    let report = application
        .send("/changed", &format!("secrets = [\"{SECRET}\"]"))
        .await;

    assert_eq!((report.outcome, report.status), (Outcome::Refused, Some(401)));
    assert_eq!(report.answer, "No matching signature found");
}
