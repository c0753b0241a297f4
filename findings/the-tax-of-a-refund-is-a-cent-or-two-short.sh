#!/usr/bin/env bash
# Expected: a refund of -10.50 with 19 percent of tax takes back what the charge of 10.50 had: a library for money treats an amount and its negative alike, so
#   that both together are nothing; at most halves could go another way. money-math reckons with whole numbers, for exactness, and takes "-42.10".
# Happens: money-math 2.6.3: percent("10.50", "19.00") is "2.00", percent("-10.50", "19.00") "-1.98", where -1.995 is exact. Of the prices 0.01 to 100.00
#   the tax of the refund is another than that of the charge in 9,900 of 10,000 cases, in 5,000 it is off by more than a cent; mul() by "0.19" differs in
#   4,997, div() by "3.00" in 3,332. currency.js 2.0.4, accounting 0.4.1's toFixed(), numeral 2.0.6 and numbro 2.5.0 move halves up: 12.345 is 12.35,
#   -12.345 is -12.34. big.js 7.0.1, decimal.js 10.6.0 and Intl.NumberFormat are right both ways. None of the readmes says it.
# Means: books do not come to zero after a refund, by cents that look like a matter of taste, and a reconciliation by "charge plus refund = 0" finds nearly every
#   order. Take the amount without its sign, and put the sign before the result; or big.js, with integers of cents for storage. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts money-math@2.6.3 currency.js@2.0.4 accounting@0.4.1 numeral@2.0.6 numbro@2.5.0 big.js@7.0.1 decimal.js@10.6.0
cat > t.cjs <<'E2'
const money = require('money-math'), currency = require('currency.js'), accounting = require('accounting'), numeral = require('numeral'), numbro = require('numbro'), Big = require('big.js'), Decimal = require('decimal.js');
console.log('node', process.version, ...['money-math', 'currency.js', 'accounting', 'numeral', 'numbro', 'big.js', 'decimal.js'].map((n) => `${n} ${JSON.parse(require('fs').readFileSync(`node_modules/${n}/package.json`)).version}`));
const expect = (what, is, wanted) => { console.log(what.padEnd(72), is); if (is !== wanted) { process.exitCode = 1; console.log('   changed: expected', wanted); } };
for (const [f, a, b, wanted] of [['percent', '10.50', '19.00', '2.00'], ['percent', '-10.50', '19.00', '-1.98'], ['percent', '10.00', '19.00', '1.90'], ['percent', '-10.00', '19.00', '-1.90'], ['add', '-10.50', '10.50', '0.00']])
  expect(`money-math ${f}("${a}", "${b}")`, money[f](a, b), wanted);
const plain = (x) => String(x).replace('-', ''), prices = Array.from({ length: 10000 }, (_, i) => ((i + 1) / 100).toFixed(2));
for (const [f, b, wanted] of [['percent', '19.00', 9900], ['mul', '0.19', 4997], ['div', '3.00', 3332], ['mul', '2.00', 0]])
  expect(`money-math ${f}(price, "${b}"): other for the negative, of 10,000`, prices.filter((p) => money[f](p, b) !== plain(money[f]('-' + p, b))).length, wanted);
const error = (p) => Big(money.percent('-' + p, '19.00')).minus(Big(p).times('-0.19')), errors = prices.map(error);
expect('money-math percent(-price, "19.00"): off by more than a cent, of 10,000', errors.filter((e) => e.abs().gt('0.01')).length, 5000);
expect('   the most', String(errors.reduce((m, e) => (e.abs().gt(m) ? e.abs() : m), Big(0))), '0.015');
expect('money-math percent(price, "19.00"): off by more than half a cent', prices.filter((p) => Big(money.percent(p, '19.00')).minus(Big(p).times('0.19')).abs().gt('0.005')).length, 0);
const two = { 'currency.js': (x) => currency(x).value.toFixed(2), 'accounting.toFixed()': (x) => accounting.toFixed(x, 2), numeral: (x) => numeral(x).format('0.00'), numbro: (x) => numbro(x).format({ mantissa: 2 }),
  'big.js': (x) => Big(x).toFixed(2), 'decimal.js': (x) => Decimal(x).toFixed(2), Intl: (x) => new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(x) };
for (const [name, f] of Object.entries(two)) expect(`${name}, 12.345 and -12.345`, `${f(12.345)} ${f(-12.345)}`, /big|decimal|Intl/.test(name) ? '12.35 -12.35' : '12.35 -12.34');
expect('currency.js percent: 19 % of 10.50 and of -10.50', `${currency(10.5).multiply(0.19)} ${currency(-10.5).multiply(0.19)}`, '2.00 -1.99');
E2
timeout 60 node t.cjs
