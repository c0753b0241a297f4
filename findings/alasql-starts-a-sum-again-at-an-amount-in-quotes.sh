#!/usr/bin/env bash
# Expected: SQL over an array of events adds up a column, or refuses what it cannot add; the order of rows means nothing to a sum. Some senders write an amount as
#   a text in JSON, and where amount > 9 does find "20".
# Happens: in AlaSQL 4.19.1 SUM() begins anew behind a text: 100, "20", 5 is 5, and "20", 100, 5 is 105; one at the end is joined on, 5, 100, "20" is the text "10520",
#   and 100, "20", 5, "0.50" is "50.50"; texts alone give nothing. AVG() of the first is 33401.67 (100 + "20" + 5 is "100205"), MEDIAN() of the last is 260, and
#   MAX() of 9, "100" is 9. Of times as text MIN() and MAX() give nothing, not even null, though ORDER BY sorts them. A NULL that was written by INSERT counts as a
#   value: AVG() of 100, NULL, 5 is 35, COUNT() 3, and IS NULL does not find it; a null in an array is passed over. The same with GROUP BY. No error.
# Means: a report over the events of two senders shows what came in after the last text, by the order of that day. Write SUM(CAST(amount AS NUMBER)), take the last
#   time by ORDER BY, and leave the column out of INSERT in place of NULL. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts alasql@4.19.1
cat > t.cjs <<'E2'
const alasql = require('alasql'), { readFileSync } = require('node:fs');
console.log('node', process.version, 'alasql', JSON.parse(readFileSync('node_modules/alasql/package.json')).version);
const show = (what, now, wanted, right) => {
  const [a, b, c] = [now, wanted, right].map((x) => JSON.stringify(x) ?? 'nothing'); if (a !== b) process.exitCode = 1;
  console.log(`${what}: ${a}${a === c ? '' : `, where ${c} would be right`}${a === b ? '' : `   CHANGED, expected ${b}`}`);
};
const ask = (what, values, from = '?', more = '') => alasql(`SELECT ${what} x FROM ${from} ${more}`, [values.map((v) => ({ v, g: 'g' }))])[0]?.x;
const sum = (values) => values.reduce((s, v) => s + Number(v), 0);
for (const [values, wrong] of [[[100, 20, 5]], [['20', 100, 5], 105], [[100, '20', 5], 5], [[5, 100, '20'], '10520'], [[100, '20', 5, '0.50'], '50.50'], [['12.50', '7.50'], undefined], [[100, null, 5]]]) {
  const right = sum(values), wanted = values.some((v) => typeof v === 'string') ? wrong : right, list = JSON.stringify(values);
  show(`SUM of ${list}`, ask('SUM(v)', values), wanted, right);
  show(`SUM of ${list}, GROUP BY`, ask('SUM(v)', values, '?', 'GROUP BY g'), wanted, right);
  show(`SUM of ${list}, CAST`, ask('SUM(CAST(v AS NUMBER))', values), right, right);
}
const mixed = [100, '20', 5];
show('how many are above 9', ask('COUNT(*)', mixed, '?', 'WHERE v > 9'), 2, 2); show('COUNT', ask('COUNT(v)', mixed), 3, 3);
show('AVG', ask('AVG(v)', mixed), 100205 / 3, 125 / 3);
show('MAX of 9, "100"', ask('MAX(v)', [9, '100']), 9, 100);
show('MEDIAN of [100,"20",5,"0.50"]', ask('MEDIAN(v)', [100, '20', 5, '0.50']), 260, 12.5);
const times = ['2026-11-29T10:00:00Z', '2026-11-30T10:00:00Z', '2026-11-28T10:00:00Z'];
show('MAX of times', ask('MAX(v)', times), undefined, times[1]); show('MIN of times', ask('MIN(v)', times), undefined, times[2]);
show('the last time by ORDER BY', alasql('SELECT v FROM ? ORDER BY v DESC LIMIT 1', [times.map((v) => ({ v }))])[0].v, times[1], times[1]);
show('AVG of an array with a null', ask('AVG(v)', [100, null, 5]), 52.5, 52.5); show('COUNT of it', ask('COUNT(v)', [100, null, 5]), 2, 2);
alasql('CREATE TABLE t (id INT, v NUMBER)'); alasql('INSERT INTO t VALUES (1, 100), (2, NULL), (3, 5)');
show('AVG of a table with a NULL', ask('AVG(v)', [], 't'), 35, 52.5); show('COUNT of it', ask('COUNT(v)', [], 't'), 3, 2);
show('rows where v IS NULL', ask('COUNT(*)', [], 't', 'WHERE v IS NULL'), 0, 1);
alasql('CREATE TABLE u (id INT, v NUMBER)'); alasql('INSERT INTO u (id, v) VALUES (1, 100), (3, 5)'); alasql('INSERT INTO u (id) VALUES (2)');
show('AVG of a table where it was left out', ask('AVG(v)', [], 'u'), 52.5, 52.5); show('rows where v IS NULL there', ask('COUNT(*)', [], 'u', 'WHERE v IS NULL'), 1, 1);
E2
timeout 60 node t.cjs
