//! Bodies with text that strict readers do not take: accepted all the same, kept and delivered to the byte, and as
//! CloudEvents that anybody can read.

use serde_json::Value;
use uuid::Uuid;

use super::{Store, destinations, on_both_stores, wait_for_state};
use crate::harness::application::{Application, Arrival};
use crate::harness::posters::text;

on_both_stores!(a_body_with_odd_text_is_delivered_to_the_byte_and_as_a_cloud_event_for_strict_readers);

/// What is posted, and where in the CloudEvent which text is.
fn odd_bodies() -> Vec<(String, &'static str, &'static str)> {
    let id = Uuid::now_v7();
    let failed = |detail: &str| {
        let job = Uuid::now_v7();
        format!(
            r#"{{"event":"crawling","status":"failed","event_id":"{job}","chatbot_id":"{id}","detail":{detail}}}"#
        )
    };
    vec![
        (
            format!(
                r#"{{"event":"uploading","status":"completed","event_id":"{id}","data":{{"chatbot_id":"{id}",
                    "\udead":"\ud800","training_data_ids":[{{"id":"{id}","filename":"photo \ud83d"}}]}}}}"#
            ),
            "/data/files/0/filename",
            "photo \u{fffd}",
        ),
        (
            format!("\u{feff}{}", failed(r#""after a mark""#)),
            "/data/detail",
            "after a mark",
        ),
        (failed(r#""a\u0000b\ud800""#), "/data/detail", "a\0b\u{fffd}"),
        (
            failed(r#"[{"loc" : ["\ud800"]} ]"#),
            "/data/detail",
            r#"[{"loc":["\ud800"]}]"#,
        ),
        (
            r#"{"event":"billing","status":"due","event_id":"evt_\u0000","data":{"\ud800":["\udc00"],"n":1}}"#
                .to_owned(),
            "/data/raw/\u{fffd}/0",
            "\u{fffd}",
        ),
        (
            format!("\u{feff}{{\"event\":\"billing\",\"status\":\"paid\",\"event_id\":42,\"data\":\"{id}\"}}"),
            "/type",
            "com.caigunn.billing.paid",
        ),
    ]
}

async fn a_body_with_odd_text_is_delivered_to_the_byte_and_as_a_cloud_event_for_strict_readers(store: Store) {
    let (raw, cloud) = (Application::start().await, Application::start().await);
    let both = destinations(&[
        ("raw", &raw.url(), ""),
        ("cloud", &cloud.url(), r#"format = "cloudevents""#),
    ]);
    let app = store.receiver(&both, &[]).await;
    let bodies = odd_bodies();
    let mut receipt_ids = Vec::new();

    for (body, ..) in &bodies {
        let response = app.post_bytes("application/json", body.clone()).await;

        assert_eq!(response.status(), 200, "{body}");
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["outcome"], "accepted", "{body}");
        let receipt_id = text(&answer, "receipt_id");
        assert_eq!(app.api(&format!("/receipts/{receipt_id}")).await["body"], **body);
        let response = app.post_bytes("application/json", body.clone()).await;
        let repeat: Value = response.json().await.unwrap();
        assert_eq!(
            (&repeat["outcome"], &repeat["receipt_id"]),
            (&"duplicate".into(), &answer["receipt_id"])
        );
        receipt_ids.push(receipt_id);
    }

    for name in ["raw", "cloud"] {
        wait_for_state(app.admin, name, "delivered", bodies.len()).await;
    }
    let (raw, cloud) = (raw.arrivals(), cloud.arrivals());
    for (receipt_id, (body, pointer, shown)) in receipt_ids.iter().zip(&bodies) {
        let of_receipt = |arrivals: &[Arrival]| {
            let arrival = arrivals.iter().find(|arrival| arrival.webhook_id == *receipt_id);
            arrival.expect("it was delivered").body.clone()
        };
        assert_eq!(of_receipt(&raw), *body);
        let event: Value =
            serde_json::from_slice(&of_receipt(&cloud)).expect("it is JSON for a strict reader");
        assert_eq!(event.pointer(pointer), Some(&Value::from(*shown)), "{event}");
    }
    app.stop().await;
}
