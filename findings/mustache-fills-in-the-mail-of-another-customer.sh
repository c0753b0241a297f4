#!/usr/bin/env bash
# Expected: {{#orders}}{{customer.email}}{{/orders}} writes the mail of the customer of each order, and nothing where that customer has none: the specification of
#   Mustache finds the first part of a dotted name, and looks for the rest only there. A list is written item by item: [0,3,0,5] are four numbers.
# Happens: where customer.email is not in an order, mustache 4.2.0 of npm, chevron 0.14.0, langchain-core 1.8.3 (the "mustache"
#   prompts of LangChain) and ustache 0.1.6 look for the whole name further out: if there is a customer around the list, the order gets ITS mail or city, and a
#   section {{#customer.email}} is written. The path in two sections, {{#customer}}{{email}}{{/customer}}, finds nothing. chevron and langchain-core also leave out
#   each 0, false, empty text, list or object of a list: {{#counts}}[{{.}}]{{/counts}} is [3][5]. hogan.js 3.0.2, wontache 0.2.0, handlebars 4.7.10 and pystache
#   0.6.8 are right. No error.
# Means: the notice about order 2 goes to, or names, somebody else, only for orders with a field missing and only where the names outside are the same (shop,
#   customer, address). Put an empty text or null into each missing field, or take one of the other four. (Node.js 20, Python 3.11; reported
#   upstream for mustache.js, the zeros for chevron)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts mustache@4.2.0 hogan.js@3.0.2 wontache@0.2.0 handlebars@4.7.10
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check chevron==0.14.0 langchain-core==1.8.3 ustache==0.1.6 pystache==0.6.8
cat > data.json <<'E2'
{"customer":{"email":"me@shop","address":{"city":"Berlin"}},"counts":[0,3,0,5],"lists":[[0,1],[],[2]],"texts":["a","","b"],
 "orders":[{"id":1,"customer":{"email":"a@a","address":{"city":"Rome"}}},{"id":2,"customer":{"name":"B","address":{}}},{"id":3,"customer":{"email":"c@c","address":{"city":""}}}]}
E2
cat > cases.json <<'E2'
[["{{#orders}}{{id}} {{customer.email}};{{/orders}}", "1 a@a;2 ;3 c@c;", "1 a@a;2 me@shop;3 c@c;", ""],
 ["{{#orders}}{{id}} {{customer.address.city}};{{/orders}}", "1 Rome;2 ;3 ;", "1 Rome;2 Berlin;3 ;", ""],
 ["{{#orders}}[{{#customer.email}}has a mail{{/customer.email}}]{{/orders}}", "[has a mail][][has a mail]", "[has a mail][has a mail][has a mail]", ""],
 ["{{#orders}}{{id}} {{#customer}}{{email}}{{/customer}};{{/orders}}", "1 a@a;2 ;3 c@c;", "", ""],
 ["{{#orders}}{{id}} {{customer.phone}};{{/orders}}", "1 ;2 ;3 ;", "", ""],
 ["{{#counts}}[{{.}}]{{/counts}}", "[0][3][0][5]", "", "[3][5]"], ["{{#texts}}[{{.}}]{{/texts}}", "[a][][b]", "", "[a][b]"],
 ["{{#lists}}<{{#.}}{{.}}{{/.}}>{{/lists}}", "<01><><2>", "", "<1><2>"]]
E2
cat > out.mjs <<'E2'
import { createRequire } from 'node:module'; import { readFileSync } from 'node:fs';
const require = createRequire(import.meta.url), mustache = require('mustache'), hogan = require('hogan.js'), wontache = require('wontache'), handlebars = require('handlebars');
const data = JSON.parse(readFileSync('data.json')), version = (n) => JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version;
const libs = { mustache: (t) => mustache.render(t, data), 'hogan.js': (t) => hogan.compile(t).render(data), wontache: (t) => wontache(t)(data), handlebars: (t) => handlebars.compile(t)(data) };
console.log(JSON.stringify(Object.fromEntries(Object.entries(libs).map(([n, f]) => [`${n} ${version(n)}`, JSON.parse(readFileSync('cases.json')).map(([t]) => f(t))]))));
E2
timeout 60 node out.mjs > js.json
cat > t.py <<'E2'
import json, subprocess, sys, chevron, pystache, ustache
from langchain_core.utils import mustache
from importlib.metadata import version
data, cases = json.load(open("data.json")), json.load(open("cases.json")); now = json.load(open("js.json"))
node = subprocess.check_output(["node", "-v"], text=True).strip()
for name, f in (("chevron", chevron.render), ("langchain-core", mustache.render), ("ustache", ustache.render), ("pystache", pystache.render)): now[f"{name} {version(name)}"] = [f(c[0], data) for c in cases]
print("node", node, "Python", sys.version.split()[0], "with", *now, sep=" "); changed = False
outward, dropping = ("mustache", "chevron", "langchain-core", "ustache"), ("chevron", "langchain-core")
for i, (template, right, outer, dropped) in enumerate(cases):
    said = {}
    for lib, out in now.items():
        name = lib.split()[0]; expected = outer if outer and name in outward else dropped if dropped and name in dropping else right
        said.setdefault(out[i] + ("" if out[i] == expected else f"   CHANGED, expected {expected}"), []).append(name); changed |= out[i] != expected
    print(template); print(*(f"    {text}{'' if text == right else '   WRONG'}   ({', '.join(libs)})" for text, libs in said.items()), sep="\n")
sys.exit(1 if changed else 0)
E2
timeout 60 v/bin/python t.py
