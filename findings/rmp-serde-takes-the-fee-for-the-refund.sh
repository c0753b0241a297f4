#!/usr/bin/env bash
# Expected: rmp-serde, MessagePack for serde, reads back what it wrote of the same struct: rmp_serde::from_slice(&rmp_serde::to_vec(&event)) is the event. MessagePack tells what comes next, and the
#   readme has the plain arrays of to_vec() for structs as the more compact way, to_vec_named() as the one with names. #[serde(skip_serializing_if = "Option::is_none")] leaves out what is None, as
#   most structs of an API have it for their JSON.
# Happens: rmp-serde 1.3.1 leaves the place out as well, and from_slice() gives each later value to the field before it, if the types fit: {amount: 1999, refunded: None, fee: Some(30)} comes back as
#   {amount: 1999, refunded: Some(30), fee: None}; a note is the customer, a time of payment the time of refund. Where the last fields have no #[serde(default)], or a type does not fit, there is an
#   error. serde_json, to_vec_named() and ciborium 0.2.2 (CBOR) give the event as it was.
# Means: a queue or a cache that goes from JSON to MessagePack for speed turns fees into refunds for some of the events, without an error. Write to_vec_named(), or Serializer::with_struct_map().
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v cargo >/dev/null || { echo "needs cargo"; exit 2; }
mkdir src; cat > Cargo.toml <<'E'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"
[dependencies]
rmp-serde = "=1.3.1"
ciborium = "=0.2.2"
serde = { version = "=1.0.229", features = ["derive"] }
serde_json = "=1.0.154"
[profile.dev]
debug = 0
E
cat > src/main.rs <<'E'
use serde::{de::DeserializeOwned, Deserialize, Serialize};
#[derive(Serialize, Deserialize, Default)]
struct Charge {
    id: String,
    amount: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refunded: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fee: Option<i64>,
}
#[derive(Serialize, Deserialize, Default)]
struct Order {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}
fn text<T: Serialize>(value: &T) -> String { serde_json::to_string(value).unwrap() }
fn through<T: Serialize + DeserializeOwned, E: std::fmt::Display>(read: Result<T, E>) -> String { read.map_or_else(|e| format!("error: {e}"), |value| text(&value)) }
fn main() {
    let mut failed = false;
    let mut check = |what: &str, got: String, wanted: &str| {
        println!("{what:34} {got}");
        if got != wanted { failed = true; println!("   changed: expected {wanted}"); }
    };
    fn ways<T: Serialize + DeserializeOwned>(check: &mut impl FnMut(&str, String, &str), event: &T, wanted: &str) {
        let right = text(event);
        check("event", right.clone(), &right);
        check("   serde_json", through(serde_json::from_str::<T>(&right)), &right);
        check("   rmp_serde::to_vec_named", through(rmp_serde::from_slice::<T>(&rmp_serde::to_vec_named(event).unwrap())), &right);
        let mut cbor = Vec::new(); ciborium::into_writer(event, &mut cbor).unwrap();
        check("   ciborium", through(ciborium::from_reader::<T, _>(&cbor[..])), &right);
        check("   rmp_serde::to_vec", through(rmp_serde::from_slice::<T>(&rmp_serde::to_vec(event).unwrap())), wanted);
    }
    let charge = |refunded, fee| Charge { id: "evt_1".into(), amount: 1999, refunded, fee };
    ways(&mut check, &charge(None, Some(30)), r#"{"id":"evt_1","amount":1999,"refunded":30}"#);
    ways(&mut check, &charge(Some(5), Some(30)), r#"{"id":"evt_1","amount":1999,"refunded":5,"fee":30}"#);
    ways(&mut check, &charge(Some(5), None), r#"{"id":"evt_1","amount":1999,"refunded":5}"#);
    ways(&mut check, &charge(None, None), r#"{"id":"evt_1","amount":1999}"#);
    ways(&mut check, &Order { id: "evt_2".into(), customer: None, note: Some("ring twice".into()) }, r#"{"id":"evt_2","customer":"ring twice"}"#);
    std::process::exit(failed as i32);
}
E
CARGO_TARGET_DIR=$dir/target timeout 600 cargo run --quiet -j2
