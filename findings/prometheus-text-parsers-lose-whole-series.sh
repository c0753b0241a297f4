#!/usr/bin/env bash
# Expected: a parser of the Prometheus text format keeps each series, or says which line it did not understand.
# Happens: npm parse-prometheus-text-format 1.1.1 puts a histogram with labels (job="a", job="b") into one without, the last one's buckets, sum and
#   count gone; the crate prometheus-parse 0.2.5 leaves out, silently, a sample with `}` in a label's value, loses a label whose value has a `=`, and
#   keeps the backslashes of \" and drops a last quote. prometheus_client 0.26.0 reads all.
# Means: a check or autoscaler on a parsed /metrics sees one destination's latencies as all, or no series at all; label values like
#   URL queries or path templates (`/jobs/{id}`) are the ones that vanish.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v cargo >/dev/null || { echo "needs cargo"; exit 2; }
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts parse-prometheus-text-format@1.1.1
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check prometheus_client==0.26.0
cat > metrics <<'E'
# TYPE seconds histogram
seconds_bucket{job="a",le="1"} 1
seconds_bucket{job="a",le="+Inf"} 2
seconds_sum{job="a"} 3
seconds_count{job="a"} 2
seconds_bucket{job="b",le="1"} 5
seconds_bucket{job="b",le="+Inf"} 6
seconds_sum{job="b"} 7
seconds_count{job="b"} 6
# TYPE posts counter
posts{path="/jobs/{id}"} 1
posts{path="/jobs?id=7"} 2
posts{path="say \"hi\""} 3
posts{path="/plain"} 4
E
cat > t.js <<'E'
const assert = require('assert'), parsed = require('parse-prometheus-text-format')(require('fs').readFileSync('metrics', 'utf8'));
const { metrics } = parsed.find((m) => m.name === 'seconds');
console.log('npm parse-prometheus-text-format 1.1.1:', JSON.stringify(metrics));
assert.deepStrictEqual(JSON.parse(JSON.stringify(metrics)), [{ buckets: { 1: '5', '+Inf': '6' } }]);
E
timeout 60 node t.js
mkdir src
cat > Cargo.toml <<'E'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"
[dependencies]
prometheus-parse = "=0.2.5"
E
cat > src/main.rs <<'E'
fn main() {
    let text = std::fs::read_to_string("metrics").unwrap();
    let scrape = prometheus_parse::Scrape::parse(text.lines().map(|line| Ok(line.to_string()))).unwrap();
    let posts: Vec<_> = scrape.samples.iter().filter(|s| s.metric == "posts").map(|s| (s.labels.get("path").map(str::to_string), format!("{:?}", s.value))).collect();
    println!("crate prometheus-parse 0.2.5: {posts:?}");
    let wanted = [(None, "Counter(2.0)"), (Some(r#"say \"hi\"#), "Counter(3.0)"), (Some("/plain"), "Counter(4.0)")];
    assert_eq!(posts, wanted.map(|(path, value)| (path.map(str::to_string), value.to_string())));
}
E
timeout 900 cargo run --quiet
cat > t.py <<'E'
from prometheus_client.parser import text_string_to_metric_families
samples = [s for family in text_string_to_metric_families(open("metrics").read()) for s in family.samples]
print("PyPI prometheus_client 0.26.0:", len(samples), "samples,", [s.labels["path"] for s in samples if "path" in s.labels])
assert len(samples) == 12 and [s.labels["path"] for s in samples if "path" in s.labels] == ["/jobs/{id}", "/jobs?id=7", 'say "hi"', "/plain"]
E
timeout 60 v/bin/python t.py
