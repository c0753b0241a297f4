//! Promise: that nothing is received is told where that is so, and its end where something came, whatever is restarted and
//! however the clock is set.

use super::*;
use crate::harness::application::Arrival;

const HOUR: i64 = 3_600;

/// What is said of CaiGunn's API, at which nobody listens: it comes three looks after a start.
const ACCOUNT: &str = "chatbots cannot be looked after";

const SILENT: &str = "nothing is received";

impl Machine {
    /// A receiver that tells `ops` of silence, and of the account where that is wanted.
    async fn start_telling(&self, ops: &Application, silence_hours: u64, is_of_account: bool) -> Process {
        let notice = format!(
            r#"[{{name = "ops", url = "{}", silence_hours = {silence_hours}, about = ["silence", "account"]}}]"#,
            ops.url()
        );
        let mut command = self.command();
        command
            .env_remove("CAIGUNN_DELIVERY_DESTINATION")
            .env("CAIGUNN_NOTICE", notice);
        if is_of_account {
            command
                .env("CAIGUNN_API_URL", "http://127.0.0.1:9")
                .env("CAIGUNN_ACCESS_TOKEN", "access-token")
                .env("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "1")
                .env("CAIGUNN_SUBSCRIPTION_RETRY_MAX_SECONDS", "1");
        }
        Process::spawn(self.folder.path(), command).await
    }

    /// What notices know, as it is kept.
    fn book(&self) -> Option<String> {
        let inbox = Connection::open(self.path("inbox.db")).expect("it is there");
        let kept = inbox.query_row("SELECT book FROM notices", [], |row| row.get(0));
        kept.ok()
    }

    /// Waits until something of silence is kept that was not `before`.
    async fn wait_for_book(&self, before: Option<String>) {
        wait_for("the book to be kept", || async {
            match self.book() {
                Some(book) if book.contains("silence") && Some(&book) != before.as_ref() => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }
}

fn told(arrivals: &[Arrival]) -> Vec<Value> {
    let body = |arrival: &Arrival| serde_json::from_slice::<Value>(&arrival.body).expect("a notice is JSON");
    arrivals.iter().map(body).collect()
}

fn titles(ops: &Application) -> Vec<String> {
    let messages = told(&ops.arrivals());
    messages
        .iter()
        .map(|message| text(&message["data"], "title"))
        .collect()
}

#[tokio::test]
async fn a_restart_neither_begins_the_wait_for_the_first_notification_anew_nor_ends_what_was_told() {
    let ops = Application::start().await;
    let machine = Machine::new(&ops);
    let process = machine.start_telling(&ops, 1, false).await;
    machine.wait_for_book(None).await;
    stop(process).await;

    // Nobody ran for two hours.
    machine.set_clock(2 * HOUR);
    let process = machine.start_telling(&ops, 1, false).await;
    ops.wait_for_arrivals(1).await;
    assert_eq!(titles(&ops), [SILENT]);
    stop(process).await;
    let process = machine.start_telling(&ops, 1, true).await;
    ops.wait_for_arrivals(2).await;
    assert_eq!(titles(&ops), [SILENT, ACCOUNT]);

    machine.post(&process, 1).await;
    ops.wait_for_arrivals(3).await;
    assert_eq!(
        titles(&ops),
        [SILENT, ACCOUNT, "notifications are received again"]
    );
    stop(process).await;
}

#[tokio::test]
async fn a_clock_that_is_set_right_makes_nothing_that_came_just_now_old() {
    let ops = Application::start().await;
    let machine = Machine::new(&ops);
    machine.set_clock(-1_000 * DAY);
    let process = machine.start_telling(&ops, 24, true).await;
    // It has looked: of what it finds at its start it knows no more than the clock.
    machine.wait_for_book(None).await;
    machine.post(&process, 2).await;
    let of_the_other_clock = machine.book();

    machine.set_clock(0);

    machine.wait_for_book(of_the_other_clock).await;
    ops.wait_for_arrivals(1).await;
    assert_eq!(titles(&ops), [ACCOUNT]);
    stop(process).await;
}

#[tokio::test]
async fn what_came_by_a_clock_that_was_ahead_is_waited_for_no_longer_than_else() {
    let ops = Application::start().await;
    let machine = Machine::new(&ops);
    machine.set_clock(1_000 * DAY);
    let process = machine.start_telling(&ops, 24, false).await;
    machine.post(&process, 1).await;
    stop(process).await;
    let of_the_other_clock = machine.book();
    machine.set_clock(0);
    let process = machine.start_telling(&ops, 24, false).await;
    machine.wait_for_book(of_the_other_clock).await;
    stop(process).await;

    machine.set_clock(2 * DAY);
    let process = machine.start_telling(&ops, 24, false).await;

    let arrivals = ops.wait_for_arrivals(1).await;
    assert_eq!(titles(&ops), [SILENT]);
    let message = &told(&arrivals)[0];
    assert!(
        text(&message["data"], "since") < text(message, "timestamp"),
        "{message}"
    );
    stop(process).await;
}
