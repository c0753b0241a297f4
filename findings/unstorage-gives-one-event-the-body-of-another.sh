#!/usr/bin/env bash
# Expected: a key-value store gives back the string that was stored under that very key: an id of digits, the raw text of a body, a secret.
# Happens: unstorage 1.17.6 (the store of Nitro and Nuxt; in memory, on files and in its LRU alike) cuts each key at "?", so all ids or URLs that differ
#   after it are one entry, the last written; "/", "\", ":" and "::" are one letter to it as well: "a/b", "a:b" and "a\b" are one key, "/a" and "a:" are "a".
#   No call refuses such a key. getItem() guesses what a string was: one of up to 16 digits comes back as a number, 9007199254740993 as ...992; 1.50 as 1.5,
#   1e5 as 100000, "NaN", "TRUE", "null", "undefined" as those values, a JSON text as its object; 17 digits, or a zero in front, stay a string.
# Means: hasItem(callback URL) says "seen before" of another event, and its body answers for this one; a stored id no longer equals itself, a signature over
#   what comes back does not fit. Make keys of a hash or of encodeURIComponent(id), and wrap values: { body: text }. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts unstorage@1.17.6 lru-cache@11.2.4
cat > t.mjs <<'E'
import { readFileSync } from 'fs'; import { createStorage } from 'unstorage';
import memory from 'unstorage/drivers/memory'; import files from 'unstorage/drivers/fs'; import lru from 'unstorage/drivers/lru-cache';
console.log('node', process.version, 'unstorage', JSON.parse(readFileSync('node_modules/unstorage/package.json')).version);
const show = (v) => typeof v === 'string' ? JSON.stringify(v) : typeof v === 'object' && v ? `object ${JSON.stringify(v)}` : Object.is(v, -0) ? '-0' : String(v);
const same = (what, seen, wanted) => { console.log(what.padEnd(62), seen); if (seen !== wanted) { process.exitCode = 1; console.log('   changed: expected', wanted); } };
const keys = [
  ['https://a.example/hook?id=1', 'https://a.example/hook?id=2', true], ['evt?1', 'evt?2', true], ['evt', 'evt?', true], ['a/b', 'a:b', true], ['a\\b', 'a::b', true], ['/a', 'a:', true],
  ['evt_1', 'evt_2', false], ['evt#1', 'evt#2', false], ['a.b', 'a-b', false], ['a%3F1', 'a%3F2', false],
];
const values = [
  ['12345', '12345'], ['9007199254740993', '9007199254740992'], ['9999999999999999', '10000000000000000'], ['-9007199254740993', '-9007199254740992'], ['1.50', '1.5'],
  ['1e5', '100000'], ['TRUE', 'true'], ['null', 'null'], ['NaN', 'NaN'], ['undefined', 'undefined'], ['{"id": 1.0}', 'object {"id":1}'], ['"quoted"', '"quoted"'],
  ['00123', '"00123"', true], ['90071992547409930', '"90071992547409930"', true], ['evt_1', '"evt_1"', true], ['0x10', '"0x10"', true],
];
for (const [name, driver] of [['memory', memory()], ['fs', files({ base: './store' })], ['lru-cache', lru({ max: 100 })]]) {
  const store = createStorage({ driver }); console.log(`--- ${name}`);
  for (const [one, other, merged] of keys) {
    await store.clear(); await store.setItem(one, 'body of one'); const had = await store.hasItem(other); await store.setItem(other, 'body of other');
    same(`${one} is stored; ${other}`, `${had ? 'seen before' : 'new'}; the first is now: ${await store.getItem(one)}`, merged ? 'seen before; the first is now: body of other' : 'new; the first is now: body of one');
  }
  await store.clear();
  for (const [text, wanted, kept] of values) {
    await store.setItem('v', text); same(`stored the string ${JSON.stringify(text)}, got`, show(await store.getItem('v')), kept ? JSON.stringify(text) : wanted);
  }
  await store.setItem('v', { body: '9007199254740993' }); same('stored in an object, got', (await store.getItem('v')).body, '9007199254740993');
}
E
timeout 60 node t.mjs
