#!/usr/bin/env bash
# Expected: deserialize_string_from_number of serde-aux is for senders that give an id as a number or as text: the String field has the digits that stand in the JSON, as the two examples of its
#   page have. Ids of 64 bits without a sign (hashes, trace ids) are whole numbers to serde_json, with every digit, up to 18446744073709551615.
# Happens: serde-aux 4.7.0 tries i64 and then f64: 9223372036854775807 is that text, 9223372036854775809 is "9223372036854776000", and 12345678901234567890 is "12345678901234567000", the id of
#   another event, as are some two thousand ids around it. 5.0 is "5", and 1e21 is "1000000000000000000000". No error. A Number or a u64 of serde_json has every digit of the same body, and so
#   has this function where the sender puts the id into quotes.
# Means: half of all hashes are above 2^63. Events are found neither by this id nor under it, two of them are one, and whoever gets the same event with the id as text has another key. Take
#   serde_json::Number for the number and to_string() of it, or serde's untagged enum with u64 in it.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v cargo >/dev/null || { echo "needs cargo"; exit 2; }
mkdir src; cat > Cargo.toml <<'E'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"
[dependencies]
serde-aux = { version = "=4.7.0", default-features = false }
serde = { version = "=1.0.229", features = ["derive"] }
serde_json = "=1.0.154"
[profile.dev]
debug = 0
E
cat > src/main.rs <<'E'
use serde::Deserialize;
#[derive(Deserialize)]
struct Event {
    #[serde(deserialize_with = "serde_aux::field_attributes::deserialize_string_from_number")]
    id: String,
}
#[derive(Deserialize)]
struct Plain { id: serde_json::Number }
fn main() {
    let mut failed = false;
    println!("{:24} {:24} {}", "id in the body", "serde_json::Number", "serde-aux 4.7.0");
    for (id, number, wanted) in [("42", "42", "42"), ("9223372036854775807", "9223372036854775807", "9223372036854775807"), ("9223372036854775809", "9223372036854775809", "9223372036854776000"),
        ("12345678901234567890", "12345678901234567890", "12345678901234567000"), ("12345678901234567891", "12345678901234567891", "12345678901234567000"),
        ("18446744073709551615", "18446744073709551615", "18446744073709552000"), ("5.0", "5.0", "5"), ("1e21", "1e+21", "1000000000000000000000")] {
        let body = format!("{{\"id\":{id}}}");
        let got = [serde_json::from_str::<Plain>(&body).unwrap().id.to_string(), serde_json::from_str::<Event>(&body).unwrap().id];
        println!("{id:24} {:24} {}", got[0], got[1]);
        if got != [number, wanted] { failed = true; println!("   changed: expected {number} {wanted}"); }
        let quoted = serde_json::from_str::<Event>(&format!("{{\"id\":\"{id}\"}}")).unwrap().id;
        if quoted != id { failed = true; println!("   changed: as text {quoted}"); }
    }
    std::process::exit(failed as i32);
}
E
CARGO_TARGET_DIR=$dir/target timeout 600 cargo run --quiet -j2
