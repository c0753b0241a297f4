#!/usr/bin/env bash
# Expected: a crate that reads ISO 8601 durations ("PT1H30M" in a job, a subscription, a retry setting) reads "PT1.5H" as an hour and a half, which the standard allows for the
#   last unit, or refuses it; and a time with an offset as that time.
# Happens: iso8601 0.6.6 reads as far as it understands and gives Ok for that: "PT1.5H" and "PT1.5M" are zero, "P1DT1.5H" is a day, "PT1H0.5M" an hour, "P1W2D" a week. A time
#   with a blank before its offset ("2024-06-01T10:00:00 +02:00") is at +00:00, "T10:30.5Z", half a minute after, is half a second after. Fractions of seconds and
#   whole numbers are right. (Its module for other parsers says that the rest of a text is thrown away; not that the unit before the rest goes with it.)
# Means: a time-out or a lock of zero, a retry at once, a renewal a day early. Compare: write the value again and look whether it is the same text, or take jiff's Span,
#   which reads all of these durations as they are meant.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v cargo >/dev/null || { echo "needs cargo"; exit 2; }
mkdir src; cat > Cargo.toml <<'E2'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"
[dependencies]
iso8601 = "=0.6.6"
jiff = { version = "=0.2.15", default-features = false, features = ["std"] }
[profile.dev]
debug = 0
E2
cat > src/main.rs <<'E2'
use std::time::Duration;
fn main() {
    let mut failed = false;
    let mut show = |name: &str, text: &str, got: String, wanted: &str| {
        println!("{name:15} {text:28} {got}");
        if got != wanted { failed = true; println!("   changed: expected {wanted}"); }
    };
    let jiff = |text: &str| text.parse::<jiff::Span>().map_or("refused".into(), |s| format!("{} s", s.total((jiff::Unit::Second, jiff::SpanRelativeTo::days_are_24_hours())).unwrap()));
    for (text, meant, wanted) in [("PT1H30M", "5400 s", "5400s"), ("PT0.5S", "0.5 s", "500ms"), ("PT90M", "5400 s", "5400s"), ("P1W", "604800 s", "604800s"),
        ("PT1.5H", "5400 s", "0ns"), ("PT1.5M", "90 s", "0ns"), ("P1DT1.5H", "91800 s", "86400s"), ("PT1H0.5M", "3630 s", "3600s"), ("P1W2D", "777600 s", "604800s")] {
        show("jiff", text, jiff(text), meant);
        show("iso8601", text, iso8601::duration(text).map_or("refused".into(), |d| format!("{:?}", Duration::from(d))), wanted);
    }
    for (text, wanted) in [("2024-06-01T10:00:00.5+02:00", "2024-06-01T10:00:00.500+02:00"), ("2024-06-01T10:00:00+0200", "2024-06-01T10:00:00.000+02:00"),
        ("2024-06-01T10:00:00 +02:00", "2024-06-01T10:00:00.000+00:00"), ("2024-06-01T10:30.5Z", "2024-06-01T10:30:00.500+00:00")] {
        show("iso8601", text, iso8601::datetime(text).map_or("refused".into(), |t| t.to_string()), wanted);
    }
    std::process::exit(failed as i32);
}
E2
CARGO_TARGET_DIR=$dir/target timeout 115 nice cargo run --quiet -j2
