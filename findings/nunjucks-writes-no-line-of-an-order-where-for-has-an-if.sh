#!/usr/bin/env bash
# Expected: Nunjucks, Jinja2's language for JavaScript, fills in a template as Jinja2 does, or does not take it: lines[0:2], "is divisibleby 2" and a filter that it lacks raise. Its page has keyword
#   arguments as in Jinja2 (sort(attribute='n') and sort(reverse=true) work), the inline if for what Jinja2 has it for, and names, of select and its like, selectattr for one argument.
# Happens: nunjucks 3.2.4 reads {% for line in lines if line.n > 1 %}, Jinja2's way to leave lines out, as a loop over (lines if line.n > 1), where there is no line yet: no line at all is written,
#   or what stands behind {% else %}. sum(attribute='n') and round(precision=2) are NaN, join(', ', attribute='sku') is commas, groupby(attribute='state') one group named undefined,
#   round(2, method='ceil') is 19.99 for 19.991. selectattr('state', 'equalto', 'paid') does not look at the rest and gives all, rejectattr none. 0 < amount < 3 is true for 5. Nothing is
#   raised or logged, except that groupby raises with throwOnUndefined. Jinja2 3.1.6 has all of these right.
# Means: a mail has an order without lines, or the lines of all states, and "NaN" for its sum; a rule "between" holds for each amount. Put {% if %} within the loop, give arguments by their
#   place, and compare twice with "and".
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts nunjucks@3.2.4
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check jinja2==3.1.6
cat > cases.json <<'E'
[{"lines": [{"sku": "A", "n": 2, "state": "paid"}, {"sku": "B", "n": 1, "state": "open"}, {"sku": "C", "n": 5, "state": "paid"}], "amount": 5, "total": 19.991},
 [["{% for line in lines %}{{ line.sku }}{% endfor %}", "ABC", "ABC"], ["{% for line in lines if line.n > 1 %}{{ line.sku }}{% endfor %}", "", "AC"],
  ["{% for line in lines if line.n > 1 %}{{ line.sku }}{% else %}nothing{% endfor %}", "nothing", "AC"], ["{% for line in lines %}{% if line.n > 1 %}{{ line.sku }}{% endif %}{% endfor %}", "AC", "AC"],
  ["{{ lines|sum('n') }} {{ lines|sum(attribute='n') }}", "8 NaN", "8 8"], ["{{ total|round(2) }} {{ total|round(precision=2) }}", "19.99 NaN", "19.99 19.99"],
  ["{{ total|round(2, 'ceil') }} {{ total|round(2, method='ceil') }}", "20 19.99", "20.0 20.0"],
  ["{{ lines|join(', ', 'sku') }} / {{ lines|join(', ', attribute='sku') }}", "A, B, C / , , ", "A, B, C / A, B, C"], ["{{ lines|sort(attribute='n')|join('', 'sku') }}", "BAC", "BAC"],
  ["{% for state, of in lines|groupby('state') %}{{ state }} {% endfor %}", "paid open ", "open paid "], ["{% for state, of in lines|groupby(attribute='state') %}{{ state }} {% endfor %}", "undefined ", "open paid "],
  ["{{ lines|selectattr('state', 'equalto', 'paid')|list|length }} {{ lines|rejectattr('state', 'equalto', 'paid')|list|length }}", "3 0", "2 1"],
  ["{{ 'yes' if 0 < amount < 3 else 'no' }} {{ 'yes' if 0 < amount and amount < 3 else 'no' }}", "yes no", "no no"]]]
E
cat > t.py <<'E'
import json, jinja2
context, cases = json.load(open("cases.json")); print(json.dumps([jinja2.__version__] + [jinja2.Template(text).render(context) for text, *_ in cases]))
E
cat > t.cjs <<'E'
const assert = require('assert'), fs = require('fs'), { execFileSync } = require('child_process'), nunjucks = require('nunjucks'); const [context, cases] = JSON.parse(fs.readFileSync('cases.json'));
const [version, ...jinja] = JSON.parse(execFileSync('v/bin/python', ['t.py'])), fill = new nunjucks.Environment(null, { autoescape: false });
console.log('Node.js', process.version, 'nunjucks', JSON.parse(fs.readFileSync('node_modules/nunjucks/package.json')).version, 'Jinja2', version);
cases.forEach(([text, ours, theirs], n) => { const got = fill.renderString(text, context); console.log(text, '\n   nunjucks:', JSON.stringify(got), ' Jinja2:', JSON.stringify(jinja[n])); assert.deepStrictEqual([got, jinja[n]], [ours, theirs]); });
const strict = new nunjucks.Environment(null, { autoescape: false, throwOnUndefined: true }), raising = cases.filter(([text]) => { try { strict.renderString(text, context); } catch { return true; } }).map(([text]) => text);
console.log('with throwOnUndefined these raise:', raising); assert.deepStrictEqual(raising, [cases[10][0]]);
for (const text of ['{{ lines[0:2] }}', '{{ "y" if amount is divisibleby 2 }}', '{{ lines|map(attribute="sku") }}']) assert.throws(() => fill.renderString(text, context));
E
timeout 150 node t.cjs
