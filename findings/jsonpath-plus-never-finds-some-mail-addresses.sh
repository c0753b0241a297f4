#!/usr/bin/env bash
# Expected: what stands in quotes in a filter of JSONPath is text: $.events[?(@.to == 'info@rooted.example')] finds the events to that address, `!=` the
#   others. The readme of jsonpath-plus has @root, @path, @parent and @property as words of the filter's language, and says nothing of text in quotes.
# Happens: jsonpath-plus 10.4.0 puts other names for these words into the whole filter, text in quotes included, so that an address whose domain begins with
#   root, path, parent or property (ann@parents.example, bob@pathways.example) is looked for as ann_$_parents.example: `==` and includes() find none of its
#   events, `!=` finds all of them, with eval: 'safe' and 'native', with single and double quotes, in version 7.2.0 as well. json-rules-engine 7.3.1, which
#   gives its `path` to it, has the wrong verdict for such an event. No error; other addresses are right.
# Means: a route, a mute list or a rule that works in every test passes over the events of one customer. Do not write values into the filter: compare in code,
#   give them by the option `sandbox` ($.events[?(@.to == wanted)]), or take jsonpath 1.3.0 or json-p3 2.3.1, which are right. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts jsonpath-plus@10.4.0 old@npm:jsonpath-plus@7.2.0 jsonpath@1.3.0 json-p3@2.3.1 \
  json-rules-engine@7.3.1
cat > t.cjs <<'E'
const assert = require('node:assert'), fs = require('node:fs'), { JSONPath } = require('jsonpath-plus'), old = require('old').JSONPath;
const jsonpath = require('jsonpath'), p3 = require('json-p3'), { Engine } = require('json-rules-engine');
const version = (n) => `${n} ${JSON.parse(fs.readFileSync(`node_modules/${n}/package.json`)).version}`;
console.log('node', process.version, ['jsonpath-plus', 'old', 'jsonpath', 'json-p3', 'json-rules-engine'].map(version).join(', '));
const wrong = ['info@rooted.example', 'ann@parents.example', 'bob@pathways.example', 'sales@property.example'];
const right = ['eve@example.com', 'a@my-root.example', 'b@par.example'];
const all = [...wrong, ...right], json = { events: all.map((to, id) => ({ id, to })) }, ids = (l) => l.map((e) => e.id).join(' ');
(async () => {
  for (const to of all) {
    const id = String(json.events.find((e) => e.to === to).id), others = json.events.filter((e) => e.to !== to).map((e) => e.id).join(' ');
    const equal = `$.events[?(@.to == '${to}')]`, unequal = `$.events[?(@.to != '${to}')]`, broken = wrong.includes(to), everything = '0 1 2 3 4 5 6';
    const seen = [equal, equal.replaceAll("'", '"'), equal.replace('==', '==='), `$.events[?(@.to.includes('${to}'))]`].map(
      (path) => ids(JSONPath({ path, json })));
    seen.push(ids(JSONPath({ path: equal, json, eval: 'native' })), ids(old({ path: equal, json })));
    const not = [ids(JSONPath({ path: unequal, json })), ids(JSONPath({ path: unequal, json, eval: 'native' })), ids(old({ path: unequal, json }))];
    console.log(to.padEnd(23), `is event ${id}; == finds`, (seen[0] || 'none').padEnd(5), '!= finds', not[0]);
    assert.deepStrictEqual(seen, Array(6).fill(broken ? '' : id)); assert.deepStrictEqual(not, Array(3).fill(broken ? everything : others));
    // The controls: two other libraries, and a way round it.
    assert.strictEqual(ids(jsonpath.query(json, equal)), id); assert.strictEqual(ids(p3.query(equal, json).values()), id);
    assert.strictEqual(ids(JSONPath({ path: '$.events[?(@.to == wanted)]', json, sandbox: { wanted: to } })), id);
    // A rule: "there is a line for this address".
    const engine = new Engine([{ conditions: { all: [{ fact: 'body', path: `$.events[?(@.to == '${to}')].id`, operator: 'contains', value: +id }] },
      event: { type: 'route' } }]), { events } = await engine.run({ body: json });
    assert.strictEqual(events.length, broken ? 0 : 1);
  }
})();
E
timeout 60 node t.cjs
