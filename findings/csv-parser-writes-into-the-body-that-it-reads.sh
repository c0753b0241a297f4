#!/usr/bin/env bash
# Expected: a CSV body that is kept as a Buffer (to check its signature, to store it, to try again later) is the same after csv-parser (npm)
#   has read it; a stream that is piped into csv-parser and into a file gives the file as it came.
# Happens: csv-parser 3.2.1 takes the doubled quotes of a field out inside of the caller's Buffer, with no copy: "say ""hi"" now" is afterwards "say "hi"
#   nowow", and stands so in what is stored, hashed or forwarded, and in the file that the same stream is piped to. A second read of the Buffer has other
#   notes and, behind a field that begins with a number of inches ("12"" pipe"), one row less. The rows of the first read are right; no error, nothing in
#   its README. Fields without doubled quotes are not touched; fast-csv, csv-parse and papaparse leave the Buffer alone.
# Means: verify, parse, store: the archived body is no valid CSV any more and its signature does not match; a retry that parses the body again loses
#   orders. Give csv-parser a copy (Buffer.from(body)), or store and hash before; in a pipe put it behind something that copies, or use csv-parse.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --no-audit --no-fund --ignore-scripts --loglevel=error csv-parser@3.2.1 fast-csv@5.0.8 csv-parse@7.0.3 papaparse@5.7.1 >/dev/null
cat > t.cjs <<'E2'
const { createHash } = require('crypto'), fs = require('fs'), { once } = require('events'), { Readable } = require('stream')
const csv = require('csv-parser'), fast = require('fast-csv'), { parse } = require('csv-parse'), Papa = require('papaparse')
console.log(...['csv-parser', 'fast-csv', 'csv-parse', 'papaparse'].map((n) => n + ' ' + require(`./node_modules/${n}/package.json`).version), 'node', process.version)
let failed = false
const check = (name, got, wanted) => { console.log(name.padEnd(58), got); if (got !== wanted) { failed = true; console.log('   changed: expected', wanted) } }
const sha = (data) => createHash('sha256').update(data).digest('hex')
const text = 'id,note\n1,"say ""hi"" now"\n2,"12"" pipe"\n3,plain\n'
const readers = {
  'csv-parser': () => csv(), 'fast-csv': () => fast.parse({ headers: true }), 'csv-parse': () => parse({ columns: true }), papaparse: () => Papa.parse(Papa.NODE_STREAM_INPUT, { header: true })
}
const rows = async (body, reader) => { const all = []; for await (const row of Readable.from([body]).pipe(reader())) all.push(row); return JSON.stringify(all.map((row) => row.note)) }
const right = '["say \\"hi\\" now","12\\" pipe","plain"]'
;(async () => {
  for (const [name, reader] of Object.entries(readers)) {
    const body = Buffer.from(text), kept = sha(body), own = name === 'csv-parser'
    check(`${name}: notes, first read`, await rows(body, reader), right)
    check(`${name}: notes, the same Buffer again`, await rows(body, reader), own ? '["say \\"hi\\" nowow","\\"12\\" pipee\\"\\n3,plain\\n"]' : right)
    check(`${name}: the Buffer has its hash still`, sha(body) === kept, !own)
    if (own) check(`${name}: the Buffer afterwards`, JSON.stringify(body.toString()), JSON.stringify('id,note\n1,"say "hi" nowow"\n2,"12" pipee"\n3,plain\n'))
  }
  const body = Buffer.from(text); await rows(Buffer.from(body), readers['csv-parser']); check('csv-parser of Buffer.from(body): the Buffer afterwards', body.toString() === text, true)
  const plain = Buffer.from('id,note\n1,"a, b"\n2,c\n'); const before = sha(plain); await rows(plain, readers['csv-parser']); check('csv-parser, no doubled quotes: the Buffer has its hash still', sha(plain) === before, true)
  const large = 'id,note\n' + Array.from({ length: 3000 }, (_, i) => (i % 100 ? `${i},plain text` : `${i},"say ""hi"" now"`)).join('\n') + '\n'
  fs.writeFileSync('in.csv', large)
  for (const [name, reader] of Object.entries(readers)) {
    const input = fs.createReadStream('in.csv'), parser = reader(), copy = fs.createWriteStream('copy.csv')
    input.pipe(parser).resume(); input.pipe(copy); await once(copy, 'finish')
    const lines = large.split('\n'), got = fs.readFileSync('copy.csv', 'utf8').split('\n')
    check(`${name}: 3000 lines piped to it and to a file: lines changed`, got.filter((line, i) => line !== lines[i]).length, name === 'csv-parser' ? 30 : 0)
  }
  process.exit(failed ? 1 : 0)
})()
E2
node t.cjs
