#!/usr/bin/env bash
# Expected: a gzip file may have several members one after the other (`gzip -c >> day.ndjson.gz` at the end of each hour, gzip.open(..., "ab") of Python, `cat
#   *.gz`), and unpacks to all of them: gzip, Node.js, Python, pako 3.0.3 and fflate's own stream Gunzip do that ("Streaming single or multi-member GZIP
#   decompression", its types).
# Happens: gunzipSync(), gunzip() and decompressSync() of fflate 0.8.3 unpack the first member only, and keep as much of it
#   as the LAST one is long: hours of 1000, 800 and 10 events give the first 10 events of the first hour, hours of 10, 800 and 1000 give 10, and a last hour
#   without an event gives nothing at all. Where the first is cut within a line, half a line. No error: neither the checksum nor the length is compared.
# Means: the archive looks whole (zcat has every event), and the page or worker that reads it sees the start of the day, or an empty day after a quiet hour. Use
#   node:zlib, pako or new Gunzip(), and count lines against zcat; whoever writes: one member a file.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts fflate@0.8.3 pako@3.0.3
cat > t.mjs <<'E'
import { execFileSync } from 'node:child_process'; import fs from 'node:fs'; import zlib from 'node:zlib'; import * as fflate from 'fflate'; import { ungzip } from 'pako';
let failed = false;
const check = (name, got, wanted) => { console.log(' ', name.padEnd(44), got); if (got !== wanted) { failed = true; console.log('   changed: expected', wanted); } };
const hour = (h, count) => Array.from({ length: count }, (_, n) => JSON.stringify({ id: `evt_${h}_${String(n).padStart(4, '0')}`, amount: '19.99' }) + '\n').join('');
const lines = (bytes) => { const text = Buffer.from(bytes).toString(); return `${text.split('\n').length - 1}` + (text && !text.endsWith('\n') ? ` and "${text.split('\n').pop()}"` : ''); };
const stream = (bytes) => { const parts = []; const gunzip = new fflate.Gunzip((part) => parts.push(part)); gunzip.push(bytes, true); return Buffer.concat(parts); };
const later = (bytes) => new Promise((done, fail) => fflate.gunzip(bytes, (error, out) => (error ? fail(error) : done(out))));
for (const [counts, wanted] of [[[1000], '1000'], [[1000, 800, 10], '10'], [[10, 800, 1000], '10'], [[500, 500], '500'], [[1000, 0], '0']]) {
  // As a cron job does it, each hour: gzip -c hour.ndjson >> day.ndjson.gz
  fs.rmSync('day.ndjson.gz', { force: true });
  counts.forEach((count, h) => { fs.writeFileSync('hour.ndjson', hour(h, count)); execFileSync('sh', ['-c', 'gzip -c hour.ndjson >> day.ndjson.gz']); });
  const bytes = new Uint8Array(fs.readFileSync('day.ndjson.gz')), all = String(counts.reduce((a, b) => a + b));
  console.log(`events of the hours: ${counts.join(', ')}`);
  check('gzip -dc', lines(execFileSync('gzip', ['-dc', 'day.ndjson.gz'])), all); check('node:zlib gunzipSync', lines(zlib.gunzipSync(bytes)), all);
  check('pako ungzip', lines(ungzip(bytes)), all); check('fflate new Gunzip()', lines(stream(bytes)), all);
  check('fflate gunzipSync', lines(fflate.gunzipSync(bytes)), wanted); check('fflate decompressSync', lines(fflate.decompressSync(bytes)), wanted);
  check('fflate gunzip', lines(await later(bytes)), wanted);
}
console.log('a last hour whose events are of another length:');
const mixed = new Uint8Array(Buffer.concat([zlib.gzipSync(hour(0, 5)), zlib.gzipSync('{"id":"evt_a","amount":"5"}\n'.repeat(3))]));
check('node:zlib gunzipSync', lines(zlib.gunzipSync(mixed)), '8'); check('fflate gunzipSync', lines(fflate.gunzipSync(mixed)), '2 and "{"id":"evt"');
process.exit(failed ? 1 : 0);
E
timeout 60 node t.mjs
