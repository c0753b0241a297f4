//! Promise: what is to be told and is not taken is tried by the whole schedule, however often the receiver is restarted, and is
//! shown meanwhile by the page, `doctor` and `/metrics`.

use super::*;
use crate::delivery::wait_for_state;
use crate::harness::process::{Ended, run};

on_both_stores!(
    restarts_cost_what_waits_no_try,
    what_is_not_taken_is_shown_until_it_is,
    a_url_that_hangs_holds_up_neither_posts_nor_deliveries_nor_the_stop,
);

/// A try at once, and one in an hour.
const TWO_TRIES: &str = "0,3600";

async fn restarts_cost_what_waits_no_try(store: Store) {
    let (ops, app) = (Application::start().await, Application::start().await);
    let (address, notice) = (ops.address, notice(&ops, r#"about = ["destination"]"#));
    let destination = destinations(&[("app", &app.url(), "")]);
    // Nobody listens there any more.
    drop((ops, app));
    let variables = [("CAIGUNN_NOTICE", &*notice), (SCHEDULE.0, TWO_TRIES)];
    let mut process = store.process(&destination, &variables).await;
    post_jobs(process.public, 2).await;
    for _ in 0..3 {
        process
            .wait_for_log("cannot tell by notice ops: destination app is down", 1)
            .await;
        assert!(!process.log().contains("given up to tell"), "{}", process.log());
        process.kill();
        process = store.process(&destination, &variables).await;
    }
    process.kill();

    let ops = Application::start_at(address, |_| Reply::Status(200)).await;
    let _process = store.process(&destination, &variables).await;

    let arrivals = ops.wait_for_arrivals(1).await;
    assert_eq!(titles(&arrivals), ["destination app is down"]);
}

async fn a_url_that_hangs_holds_up_neither_posts_nor_deliveries_nor_the_stop(store: Store) {
    let ops = Application::answering(|_| Reply::Held).await;
    let app = Application::answering(|_| Reply::Status(503)).await;
    let notice = notice(&ops, r#"about = ["destination"]"#);
    let mut process = store.telling(&app, &notice, SCHEDULE.1).await;
    post_jobs(process.public, 1).await;
    ops.wait_for_arrivals(1).await;

    app.answer(|_| Reply::Status(200));
    post_jobs(process.public, 1).await;
    wait_for_state(process.admin, "app", "delivered", 4).await;
    // It is with the next try, or waits for it, when it is told to stop.
    process.signal("TERM");
    let ended = process.wait().await;

    assert_eq!(ended.code(), Some(0), "{}", process.log());
    assert!(ops.taken().is_empty());
}

impl Store {
    /// What `doctor` says beside the receiver.
    async fn doctor(&self, process: &Process, notice: &str) -> Ended {
        let mut command = Process::command(self.folder());
        command
            .arg("doctor")
            .env("CAIGUNN_INBOX_URL", self.url())
            .env("CAIGUNN_NOTICE", notice)
            .env("CAIGUNN_LISTEN", process.public.to_string())
            .env("CAIGUNN_ADMIN_LISTEN", process.admin.to_string());
        run(command).await
    }
}

async fn what_is_not_taken_is_shown_until_it_is(store: Store) {
    let ops = Application::answering(|_| Reply::Status(404)).await;
    let app = Application::answering(|_| Reply::Status(503)).await;
    let notice = notice(&ops, r#"about = ["destination"]"#);
    let process = store.telling(&app, &notice, SCHEDULE.1).await;
    let page = async || {
        let url = format!("http://{}/health", process.admin);
        let response = client().get(url).send().await.expect("the page answers");
        response.text().await.expect("it is text")
    };
    let waiting = async || {
        process
            .metric(&client(), r#"notices_waiting{notice="ops"}"#)
            .await
    };
    assert_eq!(waiting().await, 0.0);
    post_jobs(process.public, 1).await;
    process.wait_for_log("cannot tell by notice ops", 1).await;

    // What is wrong with what, and that it is over.
    let words = |count: u32| {
        format!(
            "what notice ops has to tell was not taken, and is tried again; messages that wait: {count}; the last attempt: \
             answered 404"
        )
    };
    wait_for("the inbox to have it", || async {
        let doctor = store.doctor(&process, &notice).await;
        if doctor.output.contains(&format!("warning  notice: {}", words(1))) {
            Ok(())
        } else {
            Err(doctor.output)
        }
    })
    .await;
    assert_eq!(waiting().await, 1.0);
    app.answer(|_| Reply::Status(200));
    wait_for("the page to say that and no more", || async {
        let shown = page().await;
        let is_shown = shown.contains(&format!("Not well: {}", words(2))) && !shown.contains("more)");
        if is_shown && shown.contains("notices test ops") {
            Ok(())
        } else {
            Err(shown)
        }
    })
    .await;

    ops.answer(|_| Reply::Status(200));
    wait_for("all to be well", || async {
        let shown = page().await;
        if shown.contains("Well:") {
            Ok(())
        } else {
            Err(shown)
        }
    })
    .await;
    assert_eq!(waiting().await, 0.0);
    let doctor = store.doctor(&process, &notice).await;
    assert!(!doctor.output.contains("was not taken"), "{}", doctor.output);
}
