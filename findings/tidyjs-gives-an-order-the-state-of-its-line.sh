#!/usr/bin/env bash
# Expected: @tidyjs/tidy brings the verbs of dplyr to JavaScript, for reports and dashboards over events. leftJoin(lines, { by: 'order' }) adds to each order what its lines have; where both
#   have a column of one name, dplyr keeps both (state.x, state.y). sum, mean, median and max of a column agree on what is a number; pivotWider() with two values for one cell says so.
# Happens: @tidyjs/tidy 2.6.1: in every join the right table's column takes the place of the left one's, silently: an order that was cancelled is "shipped", as its line is, and one that has
#   no line keeps its own state, so the column is a mixture of both. Amounts in quotes ("19.99", as PostgreSQL's numeric, Shopify and many others send them) are numbers for sum(), median()
#   and deviation(), are left out by mean() (undefined if all of them are), and are texts for max(), min() and arrange(): the largest of "9.50", "100.00" and "19.99" is "9.50". Of two values
#   for one cell pivotWider() keeps the last. No error and no warning anywhere.
# Means: cancelled orders are in the report of what was shipped, and the mean is that of the events whose sender writes numbers, while the sum beside it has them all. Give such columns
#   names of their own before a join (rename), convert amounts first (mutate({ amount: (d) => +d.amount })), and summarize before pivotWider().
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts @tidyjs/tidy@2.6.1
cat > t.mjs <<'E'
import { arrange, cumsum, deviation, desc, fullJoin, groupBy, innerJoin, leftJoin, max, mean, median, min, mutate, mutateWithSummary, n, pivotWider, rename, sum, summarize, tidy } from '@tidyjs/tidy'; import { readFileSync } from 'node:fs';
console.log('node', process.version, '@tidyjs/tidy', JSON.parse(readFileSync('node_modules/@tidyjs/tidy/package.json')).version);
const warned = []; console.warn = console.error = (...text) => warned.push(text.join(' '));
const check = (what, seen, wanted) => { seen = typeof seen === 'string' ? seen : String(JSON.stringify(seen)); console.log(`${what}: ${seen}`); if (seen !== wanted) { console.log(`   changed: expected ${wanted}`); process.exitCode = 1; } };
const orders = [{ order: 1, state: 'cancelled' }, { order: 2, state: 'paid' }, { order: 3, state: 'open' }];
const lines = [{ order: 1, sku: 'a', state: 'shipped' }, { order: 2, sku: 'b', state: 'waiting' }, { order: 2, sku: 'c', state: 'shipped' }];
const states = (rows) => rows.map((row) => `${row.order} ${row.state}`).join(', ');
check('leftJoin: order and state', states(tidy(orders, leftJoin(lines, { by: 'order' }))), '1 shipped, 2 waiting, 2 shipped, 3 open');
check('innerJoin', states(tidy(orders, innerJoin(lines, { by: 'order' }))), '1 shipped, 2 waiting, 2 shipped');
check('fullJoin', states(tidy(orders, fullJoin(lines, { by: 'order' }))), '1 shipped, 2 waiting, 2 shipped, 3 open');
check('columns of a joined row', Object.keys(tidy(orders, leftJoin(lines, { by: 'order' }))[0]).sort(), '["order","sku","state"]');
check('orders by state, joined', tidy(orders, leftJoin(lines, { by: 'order' }), groupBy('state', [summarize({ n: n() })])), '[{"state":"shipped","n":2},{"state":"waiting","n":1},{"state":"open","n":1}]');
check('with the lines renamed before', states(tidy(orders, leftJoin(tidy(lines, rename({ state: 'line_state' })), { by: 'order' }))), '1 cancelled, 2 paid, 2 paid, 3 open');
const report = summarize({ sum: sum('amount'), mean: mean('amount'), median: median('amount'), max: max('amount'), min: min('amount') });
const events = (...amounts) => amounts.map((amount, i) => ({ id: i + 1, amount }));
check('9.5, 100, 19.99', tidy(events(9.5, 100, 19.99), report), '[{"sum":129.49,"mean":43.163333333333334,"median":19.99,"max":100,"min":9.5}]');
check('"9.50", "100.00", "19.99"', tidy(events('9.50', '100.00', '19.99'), report), '[{"sum":129.49,"median":19.99,"max":"9.50","min":"100.00"}]');
check('9.5, "100.00", 19.99', tidy(events(9.5, '100.00', 19.99), report), '[{"sum":129.49,"mean":14.745,"median":19.99,"max":"100.00","min":9.5}]');
check('deviation of texts', tidy(events('9.50', '100.00', '19.99'), summarize({ d: deviation('amount') }))[0].d.toFixed(2), '49.50');
check('cumsum of texts', tidy(events('9.50', '100.00', '19.99'), mutateWithSummary({ c: cumsum('amount') })).map((row) => row.c), '[9.5,109.5,129.49]');
check('arrange(desc) of texts', tidy(events('9.50', '100.00', '19.99'), arrange(desc('amount'))).map((row) => row.amount), '["9.50","19.99","100.00"]');
check('converted before', tidy(events('9.50', '100.00', '19.99'), mutate({ amount: (d) => +d.amount }), report), '[{"sum":129.49,"mean":43.163333333333334,"median":19.99,"max":100,"min":9.5}]');
check('pivotWider with two values for a cell', tidy([{ day: 1, kind: 'paid', n: 5 }, { day: 1, kind: 'paid', n: 7 }, { day: 1, kind: 'refunded', n: 2 }], pivotWider({ namesFrom: 'kind', valuesFrom: 'n' })), '[{"day":1,"paid":7,"refunded":2}]');
check('warnings', warned.length, '0');
E
timeout 60 node t.mjs
