#!/usr/bin/env bash
# Expected: an amount that comes as text in JSON, as it should, is the same amount for a library for money or numbers, or is refused; Python writes such texts
#   by str(Decimal), and the exponent in them is valid in JSON, JavaScript and SQL alike.
# Happens: Python's Decimal (3.11) writes a zero with eight places, as columns for cryptocurrencies, fees and balances have, as "0E-8", a normalised 1000 as "1E+3".
#   numeral 2.0.6 makes -8 of the zero, 13 of the thousand and -18 of "1E-8", though of the number 1e-8 it is right, and
#   "1e-8" in small letters is. accounting-js 2.0.3: the same, and -18 of the number 1e-8 as well. currency.js 2.0.4: NaN, 13, NaN. accounting 0.4.1 and
#   currency-formatter 1.5.9: 0, 13, 1; the latter makes 1 of the number 1e-8, too, and money-math 2.6.3's floatToAmount() "10.00" of 1e-7. No error.
#   numbro 2.5.0, big.js 7.0.1, decimal.js 10.6.0 and Number() read all of them.
# Means: a balance that is nothing shows as a debt of eight, and a thousand as thirteen, for one sender, and only for such amounts. Send f"{d:f}" from Python, or
#   read with Number() or big.js first. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts numeral@2.0.6 accounting-js@2.0.3 currency.js@2.0.4 accounting@0.4.1 currency-formatter@1.5.9 money-math@2.6.3 numbro@2.5.0 big.js@7.0.1 decimal.js@10.6.0
python3 -c '
import json; from decimal import Decimal as D
amounts = [D("0.00000000"), D("0.5") - D("0.50000000"), D("0.00000001"), D("1000.00").normalize(), D("20").normalize(), D("-1000").normalize(), D("1000.00"), D("-12.75"), D("0.00001")]
print(json.dumps([str(d) for d in amounts]))' > amounts.json
cat > t.cjs <<'E2'
const fs = require('fs'), numeral = require('numeral'), js = require('accounting-js'), currency = require('currency.js'), accounting = require('accounting'), formatter = require('currency-formatter'), money = require('money-math');
const numbro = require('numbro'), Big = require('big.js'), Decimal = require('decimal.js'), texts = JSON.parse(fs.readFileSync('amounts.json'));
console.log('node', process.version, ...['numeral', 'accounting-js', 'currency.js', 'accounting', 'currency-formatter', 'money-math', 'numbro', 'big.js', 'decimal.js'].map((n) => `${n} ${JSON.parse(fs.readFileSync(`node_modules/${n}/package.json`)).version}`));
console.log('Python writes', JSON.stringify(texts));
if (JSON.stringify(texts) !== '["0E-8","0E-8","1E-8","1E+3","2E+1","-1E+3","1000.00","-12.75","0.00001"]') { process.exitCode = 1; console.log('   changed'); }
const read = { numeral: (t) => numeral(t).value(), 'accounting-js': (t) => js.unformat(t), 'currency.js': (t) => currency(t, { precision: 8 }).value, accounting: (t) => accounting.unformat(t),
  'currency-formatter': (t) => formatter.unformat(String(t), { code: 'USD' }), numbro: (t) => numbro(t).value(), 'big.js': (t) => Number(Big(t)), 'decimal.js': (t) => Number(Decimal(t)) };
const wrong = {
  numeral: { '0E-8': -8, '1E-8': -18, '1E+3': 13, '2E+1': 21, '-1E+3': -13 }, 'accounting-js': { '0E-8': -8, '1E-8': -18, '1E+3': 13, '2E+1': 21, '-1E+3': -13, 1e-8: -18 },
  'currency.js': { '0E-8': NaN, '1E-8': NaN, '1E+3': 13, '2E+1': 21, '-1E+3': -13 }, accounting: { '1E-8': 1, '1E+3': 13, '2E+1': 21, '-1E+3': -13 },
  'currency-formatter': { '1E-8': 1, '1E+3': 13, '2E+1': 21, '-1E+3': -13, 1e-8: 1 },
};
for (const t of [...new Set(texts), 1e-8]) {
  const said = [];
  for (const [name, f] of Object.entries(read)) {
    const now = f(t), right = Number(t), wanted = t in (wrong[name] ?? {}) ? wrong[name][t] : right;
    if (!Object.is(now, right)) said.push(`${name} ${now}`);
    if (!Object.is(now, wanted)) { process.exitCode = 1; said.push(`CHANGED: expected ${wanted}`); }
  }
  console.log(`${JSON.stringify(t).padEnd(10)} ${said.join(', ') || 'all eight right'}`);
}
console.log(`numeral("0E-8").format("$0,0.00") is ${numeral('0E-8').format('$0,0.00')}, of "1e-8" the value is ${numeral('1e-8').value()}; money-math floatToAmount(1e-7) is ${money.floatToAmount(1e-7)}`);
if (numeral('0E-8').format('$0,0.00') !== '-$8.00' || numeral('1e-8').value() !== 1e-8 || money.floatToAmount(1e-7) !== '10.00') { process.exitCode = 1; console.log('   CHANGED'); }
E2
timeout 60 node t.cjs
