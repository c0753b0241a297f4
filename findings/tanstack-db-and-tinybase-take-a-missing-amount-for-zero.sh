#!/usr/bin/env bash
# Expected: avg(), min() and max() of TanStack DB and TinyBase leave out what is null or not there, as count() of TanStack DB does (in its reference:
#   "non-null") and as SQL does with all four, so that avg() is sum() through count(); min() and max() of times are times.
# Happens: @tanstack/db 0.15.2 counts null and a missing field as 0: of 20 and null count()
#   is 1, sum() 20, avg() 10 and min() 0; of the refunds -5, -10 and null max() is 0. Of a time and null ("not shipped yet") min() is the number 0, no Date,
#   so 1970. In a left join each event without a payment is one of 0: a customer with one of 30 in three events has an average of 10. having() goes by these
#   numbers: min() < 1 finds who paid 30 each time. tinybase 10.0.1 does so with null in its metrics and in group(), also in its count, but leaves
#   out a cell that is missing. Sums are right; where no amount is missing, and with a where() that leaves null out, all is.
# Means: the average falls with each event that has no amount, the lowest price is 0, the first shipment is of 1970, and no error. where(({ e }) =>
#   not(isNull(e.amount))) before groupBy() (it takes away groups with nothing but null), or compute avg as sum through count. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts @tanstack/db@0.15.2 tinybase@10.0.1
cat > t.mjs <<'E'
import * as d from '@tanstack/db'; import { createMetrics, createQueries, createStore } from 'tinybase'; import { readFileSync } from 'node:fs';
const installed = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`;
console.log('node', process.version, installed('@tanstack/db'), installed('tinybase'));
console.warn = () => {};
const check = (what, seen, wanted) => {
  const same = JSON.stringify(seen) === JSON.stringify(wanted); if (!same) process.exitCode = 1;
  console.log(`${what}: ${JSON.stringify(seen)}${same ? '' : `   CHANGED: expected ${JSON.stringify(wanted)}`}`);
};
let made = 0;
const collection = (rows) => { const c = d.createCollection(d.localOnlyCollectionOptions({ id: `c${made++}`, getKey: (row) => row.id })); rows.forEach((row, n) => c.insert({ id: `evt_${n}`, ...row })); return c; };
const find = async (query) => { const live = d.createLiveQueryCollection({ query, startSync: true }); await live.preload(); return live.toArray; };
const all = async (values, filter) => {
  const c = collection(values.map((x) => (x === undefined ? {} : { x })));
  const [r = {}] = await find((q) => (filter ? q.from({ e: c }).where(({ e }) => d.not(d.isNull(e.x))) : q.from({ e: c })).select(({ e }) => ({ n: d.count(e.x), sum: d.sum(e.x), avg: d.avg(e.x), min: d.min(e.x), max: d.max(e.x) })));
  return [r.n, r.sum, r.avg, r.min, r.max];
};
const show = (v) => JSON.stringify(v.map((x) => (x === undefined ? 'missing' : x)));
for (const [values, wanted] of [
  [[20, 10], [2, 30, 15, 10, 20]], [[20, null], [1, 20, 10, 0, 20]], [[null, 20], [1, 20, 10, 0, 20]], [[20, undefined], [1, 20, 10, 0, 20]], [[-5, -10, null], [2, -15, -5, -10, 0]],
]) check(`count, sum, avg, min and max of ${show(values)}`, await all(values), wanted);
for (const [values, wanted] of [[[20, null], [1, 20, 20, 20, 20]], [[-5, -10, null], [2, -15, -7.5, -10, -5]]]) check(`the same, with where(not null), of ${show(values)}`, await all(values, true), wanted);
const first = new Date('2026-11-29T20:00:00Z'), second = new Date('2026-11-29T22:00:00Z');
check('first shipment of two', (await all([second, first]))[3], first);
check('first shipment of two, and one not shipped', (await all([second, first, null]))[3], 0);
const customers = collection([{ id: 'a' }, { id: 'b' }]);
const events = collection([['evt_1', 'a'], ['evt_2', 'a'], ['evt_3', 'a'], ['evt_4', 'b']].map(([id, customer]) => ({ id, customer })));
const payments = collection([{ id: 'pay_1', event: 'evt_1', amount: 30 }, { id: 'pay_2', event: 'evt_4', amount: 20 }]);
const joined = (q) => q.from({ e: events }).leftJoin({ p: payments }, ({ e, p }) => d.eq(e.id, p.event)).groupBy(({ e }) => e.customer)
  .select(({ e, p }) => ({ customer: e.customer, n: d.count(p.amount), avg: d.avg(p.amount), min: d.min(p.amount) }));
const rows = (found) => found.map((r) => [r.customer, r.n, r.avg, r.min]).sort();
check('events left join payments: customer, count, avg, min', rows(await find(joined)), [['a', 1, 10, 0], ['b', 1, 20, 20]]);
check('having min < 1', rows(await find((q) => joined(q).having(({ p }) => d.lt(d.min(p.amount), 1)))), [['a', 1, 10, 0]]);
check('having avg < 20', rows(await find((q) => joined(q).having(({ p }) => d.lt(d.avg(p.amount), 20)))), [['a', 1, 10, 0]]);
for (const [values, wanted] of [[[20, 10], [30, 15, 10, 20, 2]], [[20, null], [20, 10, 0, 20, 2]], [[-5, -10, null], [-15, -5, -10, 0, 3]], [[20, undefined], [20, 20, 20, 20, 1]]]) {
  const store = createStore(), metrics = createMetrics(store), queries = createQueries(store), kinds = ['sum', 'avg', 'min', 'max'];
  store.setTable('event', Object.fromEntries(values.map((x, n) => [`evt_${n}`, x === undefined ? { kind: 'paid' } : { kind: 'paid', x }])));
  kinds.forEach((kind) => metrics.setMetricDefinition(kind, 'event', kind, 'x'));
  queries.setQueryDefinition('q', 'event', ({ select, group }) => { select('kind'); select('x'); [...kinds, 'count'].forEach((kind) => group('x', kind).as(kind)); });
  const { kind, ...grouped } = Object.values(queries.getResultTable('q'))[0];
  check(`tinybase, metrics sum, avg, min and max of ${show(values)}`, kinds.map((k) => metrics.getMetric(k)), wanted.slice(0, 4));
  check(`tinybase, group(), with count`, Object.values(grouped), wanted);
}
process.exit();
E
timeout 60 node t.mjs
