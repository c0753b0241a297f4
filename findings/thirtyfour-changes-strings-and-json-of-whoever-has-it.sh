#!/usr/bin/env bash
# Expected: a crate that drives browsers, named among the dependencies and used nowhere, leaves `String` and serde_json of the others as they are.
# Happens: thirtyfour 0.38.1 implements `Add<Key>` for `String`, so `one + &two` of two Strings compiles nowhere any more in a crate that names it (E0277:
#   without a second `Add` the compiler makes `&String` a `&str`); and it turns on serde_json's `preserve_order`, so objects keep the order that they came in
#   where they were sorted.
# Means: added for browser tests, it breaks other files of the same tests, and JSON written there is in another order than what the program itself writes:
#   a golden file, a digest or a signature made in such a test is not the program's.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v cargo >/dev/null || { echo "needs cargo"; exit 2; }
mkdir src
manifest() {
    printf '[package]\nname = "probe"\nversion = "0.0.0"\nedition = "2021"\n[features]\njoined = []\ndriver = []\n[dependencies]\nserde_json = "1"\n%s\n' "$1" >Cargo.toml
}
cat > src/main.rs <<'E'
#[cfg(feature = "driver")]
use thirtyfour as _;

fn main() {
    let value: serde_json::Value = serde_json::from_str(r#"{"b":1,"a":2}"#).unwrap();
    println!("{value}");
}

#[cfg(feature = "joined")]
pub fn joined(one: String, two: &String) -> String {
    one + two
}
E
manifest ""
without=$(timeout 300 cargo run --quiet --features joined)
echo "without it: $without"
manifest 'thirtyfour = { version = "=0.38.1", default-features = false }'
with=$(timeout 900 cargo run --quiet --features driver)
echo "with it: $with"
[ "$without $with" = '{"a":2,"b":1} {"b":1,"a":2}' ]
if timeout 300 cargo check --quiet --features driver,joined 2>errors; then echo "one + two compiles"; exit 1; fi
grep -m1 -A3 '^error\[E0277\]' errors
