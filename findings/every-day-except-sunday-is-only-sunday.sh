#!/usr/bin/env bash
# Expected: english-to-cron (with tokio-cron-scheduler's feature "english") makes a cron expression of an English schedule, or an error where it does not know a part:
#   its documentation promises the error for a text that is incomplete, ambiguous or of no known pattern.
# Happens: english-to-cron 0.1.7 leaves out the words that it does not know and gives the rest, Ok: "every day except sunday at 7pm" is Sunday only; "every weekday at 9am" and
#   "on the last day of the month" are every day, "every 2 weeks" and "every year on january 1st" every minute (of each day, of January), "every month on the 15th" each
#   day; of "3:15 pm and 5:45 pm" the second is 5:15. What its table has, is right. (The runs are shown by the crate
#   cron 0.17.0, which refuses one more: 0/90 of "every 90 minutes".)
# Means: a digest or a retry sweep that was set up in words runs each minute or on the one day it should not, and nothing says so. Print the next runs of the expression
#   to who wrote the words, before it is kept; or let them choose from a list.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v cargo >/dev/null || { echo "needs cargo"; exit 2; }
mkdir src; cat > Cargo.toml <<'E2'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"
[dependencies]
english-to-cron = "=0.1.7"
cron = "=0.17.0"
chrono = { version = "=0.4.45", default-features = false, features = ["std"] }
[profile.dev]
debug = 0
E2
cat > src/main.rs <<'E2'
use chrono::{DateTime, Utc};
use std::str::FromStr;
fn main() {
    let from: DateTime<Utc> = "2024-05-01T00:00:00Z".parse().unwrap(); let mut failed = false; // a Wednesday
    for (text, wanted, runs) in [
        ("every 15 seconds", "0/15 * * * * ? *", "Wed 01.05. 00:00:15, Wed 01.05. 00:00:30"),
        ("every day at 4:00 pm", "0 0 16 */1 * ? *", "Wed 01.05. 16:00:00, Thu 02.05. 16:00:00"),
        ("Run at midnight on the 1st and 15th of the month", "0 0 0 1,15 * ? *", "Wed 15.05. 00:00:00, Sat 01.06. 00:00:00"),
        ("7pm every Thursday", "0 0 19 ? * THU *", "Thu 02.05. 19:00:00, Thu 09.05. 19:00:00"),
        ("every quarter", "refused", ""),
        ("every day except sunday at 7pm", "0 0 19 ? * SUN *", "Sun 05.05. 19:00:00, Sun 12.05. 19:00:00"),
        ("every weekday at 9am", "0 0 9 */1 * ? *", "Fri 03.05. 09:00:00, Sat 04.05. 09:00:00"),
        ("every 2 weeks", "0 * * * * ? *", "Wed 01.05. 00:01:00, Wed 01.05. 00:02:00"),
        ("every year on january 1st", "0 * * * JAN ? *", "Wed 01.01. 00:00:00, Wed 01.01. 00:01:00"),
        ("on the last day of the month at 23:59", "0 59 23 */1 * ? *", "Wed 01.05. 23:59:00, Thu 02.05. 23:59:00"),
        ("every month on the 15th at 6pm", "0 0 18 * * ? *", "Wed 01.05. 18:00:00, Thu 02.05. 18:00:00"),
        ("every other day", "0 0 0 */1 * ? *", "Thu 02.05. 00:00:00, Fri 03.05. 00:00:00"),
        ("every tuesday at 3:15 pm and 5:45 pm", "0 15 15,17 ? * TUE *", "Tue 07.05. 15:15:00, Tue 07.05. 17:15:00"),
        ("every 90 minutes", "0 0/90 * * * ? *", ""),
    ] {
        let got = english_to_cron::str_cron_syntax(text).unwrap_or("refused".into());
        let skip = if text.contains("weekday") { 2 } else { 0 };
        let next = cron::Schedule::from_str(&got).map_or(String::new(), |s| s.after(&from).skip(skip).take(2).map(|t| t.format("%a %d.%m. %T").to_string()).collect::<Vec<_>>().join(", "));
        println!("{text:50} {got:22} {next}");
        if got != wanted || next != runs { failed = true; println!("   changed: expected {wanted} {runs}"); }
    }
    std::process::exit(failed as i32);
}
E2
CARGO_TARGET_DIR=$dir/target timeout 170 nice cargo run --quiet -j2
