#!/usr/bin/env bash
# Expected: an index of texts, new Index() of FlexSearch as its README begins, finds the order 1100 by its number, and not another order; a word is
#   found by itself, and numbers are words.
# Happens: FlexSearch 0.8.212 takes each run of the same sign for one of it, digits as well: 1000, 1100 and 10000 are all "10". A search for 1100
#   gives the three, the oldest first; 19.99 gives 199.9 and 199.99; evt_aab1 gives evt_ab1. Of all numbers of four digits, 1,701 give others besides,
#   and at 891 another one is the first, which limit: 1 returns; 1111 gives 909 orders (without a limit, 100 of them). 1234 or 7712 gives itself.
#   encoder: Charset.Exact, or an Encoder with dedupe: false, gives each number by itself. MiniSearch 7.2.0 needs no such care.
# Means: "find the event of this id, refund the first" refunds another order, at ids with a repeated digit only, and in no test with 1234. Never take
#   a hit as an identity: compare the field itself, or look the id up in a Map.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts flexsearch@0.8.212 minisearch@7.2.0
cat > t.js <<'E'
const { Index, Charset, Encoder } = require('flexsearch'), MiniSearch = require('minisearch');
console.log('flexsearch', JSON.parse(require('fs').readFileSync('node_modules/flexsearch/package.json')).version);
const texts = ['order 1000', 'order 1100', 'order 1234', 'order 10000', 'paid 199.99', 'paid 199.9', 'paid 19.99', 'paid 12.34', 'evt_ab1', 'evt_aab1'];
let failed = false;
const check = (name, got, wanted) => {
  console.log(name.padEnd(36), '->', got);
  if (String(got) !== String(wanted)) { failed = true; console.log('   changed: expected', wanted); }
};
const indexed = (options) => { const index = new Index(options); texts.forEach((text, n) => index.add(n, text)); return (query) => index.search(query).map((n) => texts[n]).join(', '); };
const plain = indexed(), exact = indexed({ encoder: Charset.Exact }), kept = indexed({ encoder: new Encoder({ dedupe: false }) });
for (const [query, wanted] of [['1100', 'order 1000, order 1100, order 10000'], ['10000', 'order 1000, order 1100, order 10000'], ['1234', 'order 1234'], ['order 1100', 'order 1000, order 1100, order 10000'],
  ['19.99', 'paid 199.99, paid 199.9, paid 19.99'], ['12.34', 'paid 12.34'], ['evt_aab1', 'evt_ab1, evt_aab1']]) {
  const right = texts.find((text) => text.split(' ').at(-1) === query.split(' ').at(-1));
  check(`new Index(), ${query}`, plain(query), wanted);
  check(`  encoder: Charset.Exact, ${query}`, exact(query), right); check(`  dedupe: false, ${query}`, kept(query), right);
}
const numbers = new Index(), mini = new MiniSearch({ fields: ['text'] }); let others = 0, first = 0, wrong = 0;
for (let n = 1000; n < 10000; n++) { numbers.add(n, 'order ' + n); mini.add({ id: n, text: 'order ' + n }); }
for (let n = 1000; n < 10000; n++) {
  const got = numbers.search(String(n), { limit: 9000 }); if (got.length > 1) others++;
  if (numbers.search(String(n), { limit: 1 })[0] !== n) first++;
  const hits = mini.search(String(n)); if (hits.length !== 1 || hits[0].id !== n) wrong++;
}
check('1000 to 9999: others found as well', others, 1701); check('1000 to 9999: another one is first', first, 891); check('MiniSearch: not itself only', wrong, 0);
check('orders found for 1111', numbers.search('1111', { limit: 9000 }).length, 909); check('  without a limit', numbers.search('1111').length, 100);
check('  the first of them', numbers.search('1111', { limit: 1 })[0], 1110); check('orders found for 1234', numbers.search('1234'), 1234);
process.exit(failed ? 1 : 0);
E
timeout 60 node t.js
