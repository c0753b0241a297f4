#!/usr/bin/env bash
# Expected: a Liquid template (a mail, a chat message, a rule in a shop or a flow) says the same in each language; both ports are there to be compatible with
#   Shopify's.
# Happens: python-liquid 2.3.6 and python-liquid2 0.4.0 round a half to the even digit: 13.5 | times: 0.19 | round: 2 (2.565) is 2.56, in Ruby and JavaScript
#   2.57, and 2.5 | round is 2. Their date: '%s' passes over the offset of a time: 10:00+02:00 and 10:00Z, two hours apart, are one second, which moves with the
#   zone of the server on top. where: 'ok', false finds 0 as well, and "a,b," | split: ',' has three parts, in Ruby two. npm's liquidjs 10.30.1 says "no" to {% if
#   event contains 'refund' %} for an object with that field, has 0 for its size by the filter (2 by .size), passes over the name in uniq: 'customer', so that each
#   repeat stays, and null is less than 1 for it. No error. Ruby's liquid 5.4.0 (Shopify's own, of Debian 12) is the measure.
# Means: a receipt in Python is a cent below the one of the shop wherever the digit behind is a five and the one before it even; "mail each customer once" mails
#   twice in JavaScript. Work out amounts and times before the template, and compare what both say for one event of each kind. (Python 3.11, Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq ruby3.1 libruby3.1 libyaml-0-2 libgmp10 ruby-liquid >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f ruby-liquid_*.deb Version); echo "ruby-liquid $version"; [[ $version == 5.4.0-* ]] || { echo "   CHANGED: expected 5.4.0"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts liquidjs@10.30.1
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check python-liquid==2.3.6 python-liquid2==0.4.0
cat > data.json <<'E2'
{"net":13.5,"event":{"refund":1,"id":7},"none":null,"zulu":"2026-07-10T10:00:00Z","berlin":"2026-07-10T10:00:00+02:00",
 "orders":[{"id":"e1","customer":"a","ok":false},{"id":"e2","customer":"a","ok":0},{"id":"e3","customer":"b","ok":true}]}
E2
cat > cases.json <<'E2'
[["{{ net | times: 0.19 | round: 2 }}", "2.57", {"python-liquid": "2.56", "python-liquid2": "2.56"}], ["{{ 2.5 | round }}", "3", {"python-liquid": "2", "python-liquid2": "2"}],
 ["{{ 3.5 | round }}", "4", {}], ["{{ 19.985 | round: 2 }}", "19.99", {"python-liquid": "19.98", "python-liquid2": "19.98"}], ["{{ 19.987 | round: 2 }}", "19.99", {}],
 ["{{ zulu | date: '%s' }}", "1783677600", {"python-liquid": "1783677600", "python-liquid2": "1783677600"}],
 ["{{ berlin | date: '%s' }}", "1783670400", {"python-liquid": "1783677600", "python-liquid2": "1783677600"}],
 ["{{ orders | where: 'ok', false | map: 'id' | join: ' ' }}", "e1", {"python-liquid": "e1 e2", "python-liquid2": "e1 e2"}],
 ["{{ orders | where: 'ok', true | map: 'id' | join: ' ' }}", "e3", {}],
 ["{{ 'a,b,' | split: ',' | size }}", "2", {"python-liquid": "3", "python-liquid2": "3"}], ["{{ 'a,b' | split: ',' | size }}", "2", {}],
 ["{% if event contains 'refund' %}yes{% else %}no{% endif %}", "yes", {"liquidjs": "no"}], ["{% if event.refund %}yes{% else %}no{% endif %}", "yes", {}],
 ["{{ event | size }}", "2", {"liquidjs": "0"}], ["{{ event.size }}", "2", {}],
 ["{{ orders | uniq: 'customer' | map: 'id' | join: ' ' }}", "e1 e3", {"liquidjs": "e1 e2 e3"}], ["{{ orders | map: 'customer' | uniq | join: ' ' }}", "a b", {}],
 ["{% if none < 1 %}yes{% else %}no{% endif %}", "no", {"liquidjs": "yes", "python-liquid2": "error"}], ["{% if event.id < 1 %}yes{% else %}no{% endif %}", "no", {}]]
E2
cat > out.rb <<'E2'
require "json"; require "liquid"; data = JSON.parse(File.read("data.json"))
puts JSON.generate({ "ruby" => RUBY_VERSION, "out" => JSON.parse(File.read("cases.json")).map { |c| Liquid::Template.parse(c[0]).render(data) } })
E2
cat > out.cjs <<'E2'
const { Liquid } = require('liquidjs'), fs = require('node:fs'), engine = new Liquid(), read = (f) => JSON.parse(fs.readFileSync(f));
console.log(JSON.stringify({ node: process.version, liquidjs: read('node_modules/liquidjs/package.json').version, out: read('cases.json').map(([t]) => engine.parseAndRenderSync(t, read('data.json'))) }));
E2
cat > t.py <<'E2'
import json, sys, liquid, liquid2
from importlib.metadata import version
zone, data, cases = sys.argv[1], json.load(open("data.json")), json.load(open("cases.json")); rb, js = json.load(open("rb.json")), json.load(open("js.json"))
def run(environment, text):
    try: return environment.from_string(text).render(**data)
    except Exception: return "error"
found = {"ruby": rb["out"], "liquidjs": js["out"]}
for name, environment in (("python-liquid", liquid.Environment()), ("python-liquid2", liquid2.Environment())): found[name] = [run(environment, c[0]) for c in cases]
print("on a server in", zone, "Ruby", rb["ruby"], "node", js["node"], "liquidjs", js["liquidjs"], "Python", sys.version.split()[0], *(f"{n} {version(n)}" for n in ("python-liquid", "python-liquid2"))); changed = False
for i, (text, right, wrong) in enumerate(cases):
    if zone != "UTC" and "%s" not in text: continue
    if zone != "UTC": wrong = {n: "1783695600" for n in ("python-liquid", "python-liquid2")}
    said = []
    for name, out in found.items():
        expected = wrong.get(name, right)
        if out[i] != right: said.append(f"{name} {out[i]}")
        if out[i] != expected: changed = True; said.append(f"CHANGED: {name} {out[i]}, expected {expected}")
    print(f"  {text}: {right}; {'; '.join(said) or 'all four'}")
sys.exit(1 if changed else 0)
E2
usr=$dir/root/usr; libraries=$usr/lib/x86_64-linux-gnu; gem=$usr/share/rubygems-integration/all/gems/liquid-5.4.0/lib; status=0
for zone in UTC America/New_York; do
  TZ=$zone LD_LIBRARY_PATH=$libraries RUBYLIB=$gem:$libraries/ruby/3.1.0:$usr/lib/ruby/3.1.0:$usr/lib/ruby/vendor_ruby timeout 60 "$usr/bin/ruby3.1" --disable-gems out.rb > rb.json
  TZ=$zone timeout 60 node out.cjs > js.json; TZ=$zone timeout 60 v/bin/python t.py $zone || status=1
done; exit $status
