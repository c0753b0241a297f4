#!/usr/bin/env bash
# Expected: an amount of two digits after the point goes into a DECIMAL column with scale 2, and comes out of it, as that amount; DECIMAL is the type for
#   money.
# Happens: @dsnp/parquetjs 1.8.8 (the maintained parquetjs) multiplies and cuts: 19.99 is written as 19.98, 0.29 as 0.28, 1.15 as 1.14; of the amounts from
#   0.00 to 999.99 one in 22, and with scale 4 one in 19, is lower than it was, also to other readers (hyparquet 1.33.0). A column with precision up to 9 it
#   writes with 8 bytes a value and reads with 4: 12.75, 19.99, 5, 100 come back as 12.75, 0, 19.98, 0, each amount in another row than its own, while
#   hyparquet reads them where they belong. hyparquet-writer 0.17.0 writes all of them right. No error anywhere.
# Means: an archive of payment events, exported to Parquet, does not add up to what was paid, by cents in some rows, always downwards. Round and scale
#   yourself into an INT64 of cents, or write the amount as UTF8; read a file back with another reader before you trust it. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts @dsnp/parquetjs@1.8.8 hyparquet@1.33.0 hyparquet-writer@0.17.0
cat > t.mjs <<'E'
import assert from 'node:assert'; import fs from 'node:fs'; import parquet from '@dsnp/parquetjs';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'; import { parquetWriteBuffer } from 'hyparquet-writer';
const version = (n) => `${n} ${JSON.parse(fs.readFileSync(`node_modules/${n}/package.json`)).version}`;
console.log('node', process.version, ['@dsnp/parquetjs', 'hyparquet', 'hyparquet-writer'].map(version).join(', '));
const amounts = Array.from({ length: 100_000 }, (_, n) => Number(`${Math.floor(n / 100)}.${String(n % 100).padStart(2, '0')}`));
const told = (rows) => { const off = amounts.flatMap((amount, n) => (rows[n].amount === amount ? [] : [`${amount} as ${rows[n].amount}`]));
return { off, first: off.slice(0, 3).join(', ') }; };
const check = (what, rows, wanted, first) => { const got = told(rows); console.log(what.padEnd(62), got.off.length, 'of', rows.length, 'differ', got.first);
assert.strictEqual(rows.length, amounts.length); assert.deepStrictEqual([got.off.length, got.first], [wanted, first]); return got.off; };
const write = async (file, precision, scale) => {
  const writer = await parquet.ParquetWriter.openFile(new parquet.ParquetSchema({ amount: { type: 'DECIMAL', precision, scale } }), file);
  for (const amount of amounts) await writer.appendRow({ amount }); await writer.close();
};
const own = async (file) => { const reader = await parquet.ParquetReader.openFile(file), cursor = reader.getCursor(), rows = [];
for (let row; (row = await cursor.next());) rows.push(row); await reader.close(); return rows; };
const other = async (file) => parquetReadObjects({ file: await asyncBufferFromFile(file) });
for (const [precision, scale, wanted, first] of [[12, 2, 4586, '0.29 as 0.28, 0.57 as 0.56, 0.58 as 0.57'],
  [12, 4, 5228, '0.57 as 0.5699, 0.69 as 0.6899, 1.13 as 1.1299'], [9, 2, 4586, '0.29 as 0.28, 0.57 as 0.56, 0.58 as 0.57']]) {
  await write('a.parquet', precision, scale); const off = check(`parquetjs, DECIMAL(${precision}, ${scale}), read by hyparquet`, await other('a.parquet'),
    wanted, first);
  if (scale === 2) assert(off.includes('19.99 as 19.98') && off.includes('1.15 as 1.14'));
  if (precision === 12) check(`  read by parquetjs`, await own('a.parquet'), wanted, first);
  else check(`  read by parquetjs`, await own('a.parquet'), 99975, '0.01 as 0, 0.02 as 0.01, 0.03 as 0');
}
const some = [12.75, 19.99, 5, 100], writer = await parquet.ParquetWriter.openFile(new parquet.ParquetSchema({ amount: { type: 'DECIMAL', precision: 9,
  scale: 2 } }), 'c.parquet');
for (const amount of some) await writer.appendRow({ amount }); await writer.close();
const both = [await own('c.parquet'), await other('c.parquet')].map((rows) => rows.map((row) => row.amount));
console.log('12.75, 19.99, 5, 100 in DECIMAL(9, 2) are read by parquetjs as', String(both[0]), ' by hyparquet as', String(both[1]));
assert.deepStrictEqual(both, [[12.75, 0, 19.98, 0], [12.75, 19.98, 5, 100]]);
const column = { name: 'amount', type: 'INT64', converted_type: 'DECIMAL', precision: 12, scale: 2, repetition_type: 'REQUIRED' };
fs.writeFileSync('b.parquet', Buffer.from(parquetWriteBuffer({ columnData: [{ name: 'amount', data: amounts }],
  schema: [{ name: 'root', num_children: 1 }, column] })));
check('hyparquet-writer, DECIMAL(12, 2), read by hyparquet', await other('b.parquet'), 0, '');
E
timeout 90 node t.mjs
