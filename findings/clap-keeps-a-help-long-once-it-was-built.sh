#!/usr/bin/env bash
# Expected: a command whose long text is taken away with `long_about(None)` has one help: `--help` prints what `-h` prints, as for a command that never had one.
# Happens: clap 4.6.7 (clap_builder) notes in `Command::build()` that there is a long help, and never looks again. Taken away before `build()`, both print the
#   same; taken away after it, `--help` prints none of the text and yet is laid out as a long one: an empty line behind every flag, values on lines of their own,
#   and "(see a summary with '-h')" at the end.
# Means: whoever builds first, to have global flags handed down and then hide or reorder them, doubles the height of the help; nothing in it says why.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v cargo >/dev/null || { echo "needs cargo"; exit 2; }
mkdir src
cat >Cargo.toml <<'E2'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"
[dependencies]
clap = { version = "=4.6.9", default-features = false, features = ["std", "help", "usage"] }
clap_builder = "=4.6.7"
E2
cat >src/main.rs <<'E2'
use clap::{Arg, Command};

fn main() {
    let order = std::env::args().nth(1).unwrap();
    let far = "a text that is far too long to stand beside its flag on a line of the width that is set here, so that it goes below";
    let mut command = Command::new("probe").term_width(60).about("Short").long_about("Short\n\nAnd long");
    for name in ["a-flag-with-a-long-name", "another-flag-with-a-long-name", "a-third-flag-with-a-long-name"] {
        command = command.arg(Arg::new(name).long(name).help(far).value_parser(["one", "two"]));
    }
    if order == "before" {
        command = command.long_about(None);
    }
    command.build();
    command = command.long_about(None);
    let help = match command.try_get_matches_from(["probe", &std::env::args().nth(2).unwrap()]) {
        Err(help) => help.to_string(),
        Ok(_) => unreachable!(),
    };
    print!("{help}");
}
E2
timeout 600 cargo build --quiet
lines() { ./target/debug/probe "$1" "$2" | wc -l; }
echo "taken away before build: -h $(lines before -h) lines, --help $(lines before --help)"
echo "taken away after build:  -h $(lines after -h) lines, --help $(lines after --help)"
[ "$(lines before -h)" = "$(lines before --help)" ]
[ "$(lines after -h)" -lt "$(lines after --help)" ]
if ./target/debug/probe after --help | grep -q 'And long'; then echo "the text is there"; exit 1; fi
./target/debug/probe after --help | grep "see a summary with '-h'"
