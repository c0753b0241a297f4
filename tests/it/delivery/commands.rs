//! A destination that is a program is run for each notification until it ends with 0.

use std::fs;
use std::process::Command;

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use serde_json::Value;

use super::{Store, deliveries, on_both_stores, post_names, wait_for_state};
use crate::harness::posters::text;
use crate::harness::postgres::leave_out;
use crate::harness::processes::children_of;
use crate::harness::{Process, json, sample_with, wait_for};

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

/// Leaves three processes behind that end after it, and whose parent is gone.
const LEAVES_BEHIND: &str = r#"
for number in 1 2 3; do (sleep 0.2 >/dev/null 2>&1 </dev/null &); done
cat >/dev/null
"#;

const RUN_COUNT: usize = 30;

#[tokio::test]
async fn as_process_1_the_receiver_collects_what_commands_leave_behind() {
    let mut wrapper = vec!["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
    if !rustix::process::geteuid().is_root() {
        wrapper.extend(["--user", "--map-root-user"]);
    }
    let can_be_process_1 = Command::new(wrapper[0]).args(&wrapper[1..]).arg("true").status();
    if !can_be_process_1.is_ok_and(|status| status.success()) {
        leave_out("this system makes no namespaces of processes");
        return;
    }
    let store = Store::sqlite();
    let destination =
        format!(r#"[{{name = "script", kind = "command", command = ["sh", "-c", {LEAVES_BEHIND:?}]}}]"#);
    let mut command = Process::command_under(&wrapper, store.folder());
    command.env("CAIGUNN_DELIVERY_DESTINATION", destination);
    let wrapped = Process::spawn(store.folder(), command).await;
    let receiver = children_of(wrapped.id());
    assert_eq!(receiver.len(), 1, "{receiver:?}");

    post_names(wrapped.public, RUN_COUNT, &["crawling.initial"]).await;

    wait_for_state(wrapped.admin, "script", "delivered", RUN_COUNT).await;
    let all = deliveries(wrapped.admin, "destination=script").await;
    assert!(
        all.iter().all(|delivery| delivery["attempt_count"] == 1),
        "{all:?}"
    );
    wait_for("all that was left behind to be collected", || async {
        let left = children_of(receiver[0]);
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    })
    .await;
}
