//! A destination that is a program is run for each notification until it ends with 0.

use std::fs;

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use serde_json::Value;

use super::{Store, on_both_stores, wait_for_state};
use crate::harness::posters::text;
use crate::harness::{json, sample_with};

on_both_stores!(a_program_is_given_the_notification_again_until_it_ends_with_0);

/// Writes down what it was given, and takes it at the second attempt.
const SCRIPT: &str = r#"
{ echo "$CAIGUNN_RECEIPT_ID $CAIGUNN_EVENT $CAIGUNN_ATTEMPT"; cat; echo; } >> "$1"
test "$CAIGUNN_ATTEMPT" -gt 1
"#;

async fn a_program_is_given_the_notification_again_until_it_ends_with_0(store: Store) {
    let (script, given) = (store.folder().join("take.sh"), store.folder().join("given"));
    fs::write(&script, SCRIPT).unwrap();
    let command = ["/bin/sh".as_ref(), &*script, &*given];
    let app = store
        .receiver(
            &format!(r#"[{{name = "script", kind = "command", command = {command:?}}}]"#),
            &[("delivery.retry_schedule_seconds", "0,0")],
        )
        .await;
    let ids = Ids::fresh();
    let mut expected = String::new();
    for name in ["crawling.initial", "crawling.completed"] {
        let body = json(&sample_with(name, &ids, Wire::V2024_07));
        let answer: Value = app.post(&body).await.json().await.unwrap();
        let id = text(&answer, "receipt_id");
        for attempt in [1, 2] {
            expected += &format!("{id} {name} {attempt}\n{body}\n");
        }
    }

    wait_for_state(app.admin, "script", "delivered", 2).await;
    assert_eq!(fs::read_to_string(given).unwrap(), expected);
    app.stop().await;
}
