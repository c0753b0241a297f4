#!/usr/bin/env bash
# Expected: a YAML writer puts quotes around a text that would be a number without them ('12', '1e3', 'no'), so that a text comes back as a text, also
#   in another language: job queues, configurations and fixtures go from Python or Node.js to Ruby that way.
# Happens: Ruby 3.1.2 of Debian 12 (psych 4.0.3) leaves out commas in numbers, which no other YAML library here does, so none writes quotes: "1,2,3"
#   (three ids in one field) is 123, "12,50" is 1250, "0,5" is 5, "-12,75" is -1275, with safe_load too, from PyYAML 6.0.4, ruamel.yaml 0.19.1,
#   js-yaml 5.5.0 and yaml 2.9.1. "08:00" of PyYAML is 28800, seconds since midnight. The other way, PyYAML and Ruby write "12e5" and "0o17" without
#   quotes, PyYAML "0089" (but quotes for "0077"): js-yaml and yaml make 1200000, 15 and 89 of them; and of "123e4567" and "685e4230", as eight
#   letters of a hash can be, yaml makes Infinity, so that the two are equal. No error.
# Means: each library reads back what it wrote itself, so its tests pass. Write JSON, which is YAML with quotes around every text, or switch the
#   quotes on (PyYAML default_style='"', js-yaml forceQuotes, yaml defaultStringType 'QUOTE_DOUBLE').
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq ruby3.1 libruby3.1 libyaml-0-2 libgmp10 >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f ruby3.1_*.deb Version); echo "ruby3.1 $version"; [[ $version == 3.1.* ]] || { echo "   changed: expected 3.1"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr; libraries=$usr/lib/x86_64-linux-gnu
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pyyaml==6.0.4 ruamel.yaml==0.19.1
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts js-yaml@5.5.0 yaml@2.9.1
cat > t.rb <<'E'
require 'yaml'; require 'json'
work = JSON.parse($stdin.read)
puts JSON.generate('version' => Psych::VERSION, 'ruby' => RUBY_VERSION, 'read' => work['read'].map { |text| YAML.safe_load(text)['v'] }, 'load' => work['read'].map { |text| YAML.load(text)['v'] },
  'written' => work['write'].map { |value| { 'v' => value }.to_yaml })
E
cat > t.mjs <<'E'
import fs from 'node:fs'; import * as jsYaml from 'js-yaml'; import * as yaml from 'yaml';
const work = JSON.parse(fs.readFileSync(0, 'utf8')), told = (v) => (v === Infinity ? 'Infinity, a number' : v);
console.log(JSON.stringify({ version: process.version, read: { 'js-yaml': work.read.map((t) => told(jsYaml.load(t).v)), yaml: work.read.map((t) => told(yaml.parse(t).v)) },
  written: { 'js-yaml': work.write.map((v) => jsYaml.dump({ v })), yaml: work.write.map((v) => yaml.stringify({ v })), 'js-yaml forceQuotes': work.write.map((v) => jsYaml.dump({ v }, { forceQuotes: true })),
    'yaml QUOTE_DOUBLE': work.write.map((v) => yaml.stringify({ v }, { defaultStringType: 'QUOTE_DOUBLE' })) } }));
E
cat > t.py <<'E'
import io, json, os, subprocess, sys, yaml, ruamel.yaml
usr, libraries = sys.argv[1:]; failed = False
paths = f"{libraries}/ruby/3.1.0:{usr}/lib/ruby/3.1.0:{usr}/lib/ruby/vendor_ruby"
def run(command, work, **more): return json.loads(subprocess.run(command, input=json.dumps(work), capture_output=True, text=True, check=True, env={**os.environ, **more}).stdout)
def ruby(read=(), write=()): return run([f"{usr}/bin/ruby3.1", "--disable-gems", "t.rb"], {"read": list(read), "write": list(write)}, LD_LIBRARY_PATH=libraries, RUBYLIB=paths)
def js(read=(), write=()): return run(["node", "t.mjs"], {"read": list(read), "write": list(write)})
def show(what, is_now, wanted):
    global failed
    print(f"{what:50} {is_now}")
    if is_now != wanted: failed = True; print("   changed: expected", wanted)
def ruamel_dump(value):
    y = ruamel.yaml.YAML(typ="safe", pure=True); y.default_flow_style = False; out = io.StringIO(); y.dump({"v": value}, out); return out.getvalue()
texts = ["1,2,3", "12,50", "0,5", "-12,75", "12", "1e3"]; numbers = [123, 1250, 5, -1275, "12", "1e3"]
node = js(write=texts); mine = ruby(write=texts + ["12e5", "0o17"]); print("Ruby", mine["ruby"], "psych", mine["version"], "Node.js", node["version"])
written = {"PyYAML": [yaml.safe_dump({"v": t}) for t in texts], "ruamel.yaml": [ruamel_dump(t) for t in texts], "js-yaml": node["written"]["js-yaml"], "yaml": node["written"]["yaml"]}
print("texts", texts)
for writer, lines in written.items():
    got = ruby(read=lines); wanted = list(numbers)
    if writer == "PyYAML": wanted[5] = "1e3"
    show(f"{writer} writes, Ruby's safe_load reads", got["read"], wanted); show("   ... and YAML.load", got["load"], wanted)
for reader, read in (("PyYAML", lambda t: yaml.safe_load(t)["v"]), ("ruamel.yaml", lambda t: ruamel.yaml.YAML(typ="safe", pure=True).load(t)["v"])):
    show(f"control, {reader} reads what js-yaml wrote", [read(t) for t in written["js-yaml"]], texts)
show("control, yaml reads what js-yaml wrote", js(read=written["js-yaml"])["read"]["yaml"], texts)
show("control, Ruby reads what Ruby wrote", ruby(read=mine["written"])["read"], texts + ["12e5", "0o17"])
quoted = {"JSON": [json.dumps({"v": t}) for t in texts], "PyYAML default_style": [yaml.safe_dump({"v": t}, default_style='"') for t in texts],
  **{name: node["written"][name] for name in ("js-yaml forceQuotes", "yaml QUOTE_DOUBLE")}}
for name, lines in quoted.items(): show(f"control, {name}, Ruby reads", ruby(read=lines)["read"], texts)
show("PyYAML writes 08:00, Ruby reads", ruby(read=[yaml.safe_dump({"v": "08:00"})])["read"], [28800])
others = ["12e5", "0o17", "0089", "0077", "123e4567", "685e4230"]; print("texts", others)
got = js(read=[yaml.safe_dump({"v": t}) for t in others])["read"]
show("PyYAML writes, js-yaml reads", got["js-yaml"], [1200000, 15, 89, "0077", "123e4567", "685e4230"])
show("PyYAML writes, yaml reads", got["yaml"], [1200000, 15, 89, "0077", "Infinity, a number", "Infinity, a number"])
show("Ruby writes the first two, js-yaml reads", js(read=mine["written"][-2:])["read"]["js-yaml"], [1200000, 15])
show("control, PyYAML reads what PyYAML wrote", [yaml.safe_load(yaml.safe_dump({"v": t}))["v"] for t in others], others)
sys.exit(failed)
E
timeout 60 v/bin/python t.py "$usr" "$libraries"
