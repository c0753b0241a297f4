#!/usr/bin/env bash
# Expected: "0 0 9 * * 1-5" of the crate cron (crontab's five fields with seconds before them) is Monday to Friday at nine, as 1-5 is in crontab(5) and in the crate cron-parser; its readme and its
#   documentation have names in their one example (Mon,Wed,Fri) and say nothing of numbers. A number that a program cannot place is an error, as 0 is ("must be greater than or equal to 1").
# Happens: cron 0.17.0 counts from Sunday as 1, as Quartz does, without Quartz' "?" or L: 1-5 is Sunday to Thursday, 1 is Sunday, 5 is Thursday, 7, which is Sunday elsewhere, Saturday, and 6-7 Friday and
#   Saturday; MON-FRI is right. Two restricted days must both match (the readme's example shows that by its dates): "0 0 9 1 * 1" runs on the first of a month if that is a Sunday, four times in 2026
#   and 2027 together, where crontab has each first and each Monday. No error; cron-parser 0.12.0 counts as crontab does.
# Means: a settlement for working days goes out on Sunday and not on Friday, a job that was moved from a crontab or an expression that a customer typed runs a day early each week; one with 0 for Sunday
#   is refused, so that somebody writes 7 and gets Saturday. Write names, turn numbers into names before they come in, and print the next seven runs with their weekday.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v cargo >/dev/null || { echo "needs cargo"; exit 2; }
mkdir src; cat > Cargo.toml <<'E2'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"
[dependencies]
cron = "=0.17.0"
cron-parser = "=0.12.0"
chrono = { version = "=0.4.45", default-features = false, features = ["std"] }
[profile.dev]
debug = 0
E2
cat > src/main.rs <<'E2'
use chrono::{DateTime, Datelike, TimeZone, Utc}; use std::str::FromStr;
fn days(runs: &[DateTime<Utc>]) -> String { runs.iter().map(|d| d.format("%a").to_string()).collect::<Vec<_>>().join(" ") }
fn main() {
    let from = Utc.with_ymd_and_hms(2026, 6, 28, 0, 0, 0).unwrap(); let mut failed = false; // a Sunday
    let mut show = |what: String, got: String, wanted: &str| { println!("   {what:<44} {got}"); if got != wanted { failed = true; println!("      changed: expected {wanted}"); } };
    let week = |d: &DateTime<Utc>| *d < from + chrono::TimeDelta::days(7);
    for (field, cron_, crontab) in [("1-5", "Sun Mon Tue Wed Thu", "Mon Tue Wed Thu Fri"), ("1", "Sun", "Mon"), ("5", "Thu", "Fri"), ("7", "Sat", "Sun"), ("6-7", "Fri Sat", "Sun Sat"), ("MON-FRI", "Mon Tue Wed Thu Fri", "Mon Tue Wed Thu Fri"), ("SUN", "Sun", "Sun")] {
        let runs: Vec<_> = cron::Schedule::from_str(&format!("0 0 9 * * {field}")).unwrap().after(&from).take_while(week).collect(); show(format!("cron 0.17.0, 0 0 9 * * {field}"), days(&runs), cron_);
        if !field.contains('7') { let (mut at, mut runs) = (from, vec![]); loop { at = cron_parser::parse(&format!("0 9 * * {field}"), &at).unwrap(); if !week(&at) { break; } runs.push(at); } show(format!("cron-parser 0.12.0, 0 9 * * {field}"), days(&runs), crontab); }
    }
    show("cron 0.17.0, 0 0 9 * * 0".into(), cron::Schedule::from_str("0 0 9 * * 0").is_err().to_string(), "true");
    let start = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap(); let years = |d: &DateTime<Utc>| d.year() < 2028;
    let runs: Vec<_> = cron::Schedule::from_str("0 0 9 1 * 1").unwrap().after(&start).take_while(years).collect();
    show("cron 0.17.0, 0 0 9 1 * 1, 2026 and 2027".into(), runs.iter().map(|d| d.format("%a %m-%d").to_string()).collect::<Vec<_>>().join(", "), "Sun 02-01, Sun 03-01, Sun 11-01, Sun 08-01");
    std::process::exit(failed as i32);
}
E2
CARGO_TARGET_DIR=$dir/target timeout 170 nice cargo run --quiet -j2
