#!/usr/bin/env bash
# Expected: the crate csv reads a table whose columns are not known beforehand into maps: reader.deserialize::<HashMap<String, V>>(). With String for V each field is its text. With serde_json::Value,
#   to send the rows on as JSON, each is its text as well (CSV has no types), or at least a number only where the text is how JSON writes one, as an order number 0042 or a phone number +49151 is not.
# Happens: csv 1.4.0 guesses for a Value, field by field: 0042 is 42, +49151 is 49151, 12E3 is 12000.0, 007e1 is 70.0, 19.90 is 19.9, true is a boolean; and what Rust reads as f64 without being JSON,
#   inf, NaN, Infinity, nan (a name, an abbreviation), is null. "0x1F", "1_000", "1,5", "NA", "yes" and an empty field stay texts. So one column has texts and numbers. Only a whole number beyond
#   64 bits is an error. No word of it in the crate's documentation or its tutorial.
# Means: order 0042 is order 42, and two of them are one; a customer called Nan has no name in the JSON that goes on. Read HashMap<String, String>, or StringRecords, and convert what is known
#   to be a number.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v cargo >/dev/null || { echo "needs cargo"; exit 2; }
mkdir src; cat > Cargo.toml <<'E'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"
[dependencies]
csv = "=1.4.0"
serde_json = "=1.0.154"
[profile.dev]
debug = 0
E
cat > src/main.rs <<'E'
use serde_json::Value;
use std::collections::HashMap;
fn main() {
    let mut failed = false;
    println!("{:12} {:12} {}", "field", "String", "Value");
    for (text, wanted) in [("0042", "42"), ("+49151", "49151"), ("12E3", "12000.0"), ("007e1", "70.0"), ("19.90", "19.9"), ("true", "true"), ("inf", "null"), ("Infinity", "null"), ("NaN", "null"),
        ("nan", "null"), ("42", "42"), ("0x1F", "\"0x1F\""), ("1_000", "\"1_000\""), ("1,5", "\"1,5\""), ("NA", "\"NA\""), ("yes", "\"yes\""), ("", "\"\""), ("1.2.3", "\"1.2.3\"")] {
        let table = format!("id,value\n1,\"{text}\"\n");
        let string = csv::Reader::from_reader(table.as_bytes()).deserialize::<HashMap<String, String>>().next().unwrap().unwrap()["value"].clone();
        let value = csv::Reader::from_reader(table.as_bytes()).deserialize::<HashMap<String, Value>>().next().unwrap().map_or_else(|e| format!("error: {e}"), |row| row["value"].to_string());
        println!("{text:12} {string:12} {value}");
        if string != text || value != wanted { failed = true; println!("   changed: expected {text} {wanted}"); }
    }
    let rows: Vec<HashMap<String, Value>> = csv::Reader::from_reader("order,name\n0042,Ann\n42,Nan\n".as_bytes()).deserialize().collect::<Result<_, _>>().unwrap();
    let sent = rows.iter().map(|row| format!("{} of {}", row["order"], row["name"])).collect::<Vec<_>>().join(", ");
    println!("orders 0042 of Ann and 42 of Nan, as JSON: {sent}");
    if sent != "42 of \"Ann\", 42 of null" { failed = true; println!("   changed"); }
    std::process::exit(failed as i32);
}
E
CARGO_TARGET_DIR=$dir/target timeout 600 cargo run --quiet -j2
