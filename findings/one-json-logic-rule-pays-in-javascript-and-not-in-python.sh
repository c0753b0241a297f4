#!/usr/bin/env bash
# Expected: a JsonLogic rule (kept as JSON in a table: whom to notify, what to let through) gives the same answer in each language, which is what its page promises of a rule that front end and back
#   end share. "==" is the loose comparison of JavaScript there, and < and > compare as numbers where one side is a number. json-logic-engine says that it is compatible and faster,
#   json-logic-qubit that it is JsonLogic for Python.
# Happens: json-logic-qubit 0.9.1 (PyPI) compares a text and a number as texts: "20.00" == 20, "0042" == 42 and "1e3" == 1000 are false, in json-logic-js 2.0.5 true; null or a missing field is
#   neither below 5 nor at least 0, in JavaScript both; % of -7 by 3 is 2, not -1; cat writes None, True and 5.0. json-logic-engine 5.0.7 and PyPI's panzi-json-logic 1.0.1 take null for equal to 0,
#   which json-logic-js does not, so {"==": [{"var": "refunded"}, 0]} holds where there is none; "missing" of json-logic-engine does not name a field that is null or "", and panzi-json-logic gives
#   the default of var for null. No errors.
# Means: the rule that was tried in the browser decides otherwise on the server: an amount that is sent as text is equal to nothing, an order without "refunded" counts as refunded with 0, or not.
#   Write {"==": [{"+": [{"var": "amount"}]}, 20]}, which is a number in all, and ask for missing fields first.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts json-logic-js@2.0.5 json-logic-engine@5.0.7
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check --target qubit json-logic-qubit==0.9.1 six
v/bin/pip -q install --no-compile --disable-pip-version-check --target panzi panzi-json-logic==1.0.1
cat > rules.json <<'E'
[{"amount": "20.00", "order": "0042", "refunded": null, "note": "", "n": 5.0, "paid": true},
 [[{"==": [{"var": "amount"}, 20]}, true, true, false, true], [{"==": [{"var": "order"}, 42]}, true, true, false, true], [{"==": ["1e3", 1000]}, true, true, false, true],
  [{"==": [{"+": [{"var": "amount"}]}, 20]}, true, true, true, true], [{"<": [{"var": "amount"}, 100]}, true, true, true, true], [{"===": [{"var": "amount"}, 20]}, false, false, false, false],
  [{"<": [{"var": "refunded"}, 5]}, true, true, false, true], [{"<": [{"var": "gone"}, 5]}, true, true, false, true], [{">=": [{"var": "refunded"}, 0]}, true, true, false, true],
  [{"==": [{"var": "refunded"}, 0]}, false, true, false, true], [{"==": [{"var": "gone"}, 0]}, false, true, false, true], [{"==": [{"var": "note"}, 0]}, true, true, false, false],
  [{"missing": ["amount", "refunded", "note", "gone"]}, ["refunded", "note", "gone"], ["gone"], ["refunded", "note", "gone"], ["refunded", "note", "gone"]],
  [{"var": ["refunded", 7]}, null, null, null, 7], [{"%": [-7, 3]}, -1, -1, 2, 2], [{"cat": ["n=", {"var": "n"}]}, "n=5", "n=5", "n=5.0", "n=5"],
  [{"cat": [{"var": "paid"}, {"var": "refunded"}]}, "true", "true", "TrueNone", "Truenull"], [{"if": [{"var": "note"}, "y", "n"]}, "n", "n", "n", "n"], [{"in": ["a", "paid"]}, true, true, true, true]]]
E
cat > t.py <<'E'
import json, sys
sys.path.insert(0, sys.argv[1]); import json_logic
event, rules = json.load(open("rules.json")); print(json.dumps([json_logic.jsonLogic(rule[0], event) for rule in rules]))
E
cat > t.cjs <<'E'
const fs = require('fs'), { execFileSync } = require('child_process'); const [event, rules] = JSON.parse(fs.readFileSync('rules.json'));
const version = (name) => name + ' ' + JSON.parse(fs.readFileSync(`node_modules/${name}/package.json`)).version, python = (name) => JSON.parse(execFileSync('v/bin/python', ['t.py', name]));
const logic = require('json-logic-js'), { LogicEngine } = require('json-logic-engine'), engine = new LogicEngine(), json = (value) => JSON.stringify(value ?? null);
const answers = [rules.map(([rule]) => logic.apply(rule, event)), rules.map(([rule]) => engine.run(rule, event)), python('qubit'), python('panzi')];
console.log('Node.js', process.version, execFileSync('v/bin/python', ['--version'], { encoding: 'utf8' }).trim()); console.log([version('json-logic-js'), version('json-logic-engine'), 'json-logic-qubit 0.9.1', 'panzi-json-logic 1.0.1'].join('  '));
console.log('event', JSON.stringify(event));
rules.forEach(([rule, ...wanted], n) => {
  const got = answers.map((list) => json(list[n])); console.log(JSON.stringify(rule).padEnd(60), got.join('  '));
  if (got.join() !== wanted.map(json).join()) { process.exitCode = 1; console.log('   changed: expected', wanted.map(json).join('  ')); }
});
E
timeout 150 node t.cjs
