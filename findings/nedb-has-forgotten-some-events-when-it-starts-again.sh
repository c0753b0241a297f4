#!/usr/bin/env bash
# Expected: a document that NeDB has inserted and found is there after the program starts again: the file has one line of JSON a document, on disk before the
#   insert is done. A document older than the TTL of its index is removed by itself (so its README), and its id can come again.
# Happens: @seald-io/nedb 4.1.2, and nedb 1.8.0 of which it is the successor, write U+2028, U+2029 and U+0085 as they are. At the next start 4.1.2 takes them
#   for ends of lines and drops the halves without a word while they are less than a tenth of the file; loading then rewrites the file without them. (1.8.0
#   keeps them.) Both drop a document whose _id is 0 or "", and keep one of those with _id 1 and "1". An id beyond its TTL is refused as a repeat, for ever,
#   by both, until somebody reads or counts.
# Means: an event with a text pasted from a web page (U+2028) or a wrongly read "..." of Windows (0x85) is answered 200, and gone after the next deploy. Keep
#   the body as ASCII JSON (or base64), make _id a string that is not empty, set corruptAlertThreshold to 0 (then it refuses to start), and look up an id
#   with findAsync before inserting it, which removes the expired. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts @seald-io/nedb@4.1.2 nedb@1.8.0
cat > t.cjs <<'E'
const fs = require('fs'), util = require('util'); util.isDate ??= util.types.isDate; util.isArray ??= Array.isArray; util.isRegExp ??= util.types.isRegExp;
let failed = false;
const same = (what, seen, wanted) => {
  const ok = JSON.stringify(seen) === JSON.stringify(wanted); console.log(what.padEnd(58), JSON.stringify(seen)); if (!ok) { failed = true; console.log('   changed: expected', JSON.stringify(wanted)); }
};
const wait = (ms) => new Promise((f) => setTimeout(f, ms));
(async () => {
  for (const name of ['@seald-io/nedb', 'nedb']) {
    const Datastore = require(name), version = JSON.parse(fs.readFileSync(`node_modules/${name}/package.json`)).version, old = name === 'nedb';
    console.log(`node ${process.version} ${name} ${version}`);
    const call = (db, method, ...args) => new Promise((f, j) => db[method](...args, (e, x) => e ? j(e) : f(x)));
    const open = async (filename, more) => { const db = new Datastore({ filename, ...more }); await call(db, 'loadDatabase'); return db; };
    const ids = async (db) => (await call(db, 'find', {})).map((d) => d._id).filter((id) => !/^plain/.test(id)).sort().map((x) => typeof x === 'number' ? x : `'${x}'`);
    const try_ = async (label, documents, file) => {
      const db = await open(file); for (let i = 0; i < 80; i++) await call(db, 'insert', { _id: `plain${i}`, text: 'a' });
      for (const d of documents) await call(db, 'insert', d);
      const before = await ids(db), size = () => fs.readFileSync(file, 'utf8').split('\n').length - 1, lines = size(), again = await ids(await open(file));
      return [before, again, `lines of the file: ${lines}, then ${size()}`];
    };
    const texts = { line: '\u2028', paragraph: '\u2029', next: '\u0085', newline: '\n', tab: '\t', wide: '\u4e2d\u{1f600}' };
    const documents = Object.entries(texts).map(([_id, c]) => ({ _id, text: `a${c}b` })), all = Object.keys(texts).sort().map((x) => `'${x}'`);
    const file = `${old}-texts`, [before, again, lines] = await try_('texts', documents, file);
    same('texts: inserted', before, all); same('texts: after a restart', again, old ? all : ["'newline'", "'tab'", "'wide'"]); same('', lines, old ? 'lines of the file: 86, then 86' : 'lines of the file: 86, then 83');
    if (!old) {
      fs.writeFileSync('strict', '{"_id":"a","text":"x"}\n'); const db = await open('strict'); await call(db, 'insert', { _id: 'line', text: 'a\u2028b' });
      same('corruptAlertThreshold 0: the start', await open('strict', { corruptAlertThreshold: 0 }).then(() => 'is silent', (e) => /corrupt/.test(e.message) ? 'is refused' : e.message), 'is refused');
    }
    const [had, has] = await try_('ids', [{ _id: 0 }, { _id: '' }, { _id: 1, n: 'number' }, { _id: '1', n: 'string' }, { _id: 'evt' }], `${old}-ids`);
    same('ids: inserted', had, ["''", 0, 1, "'1'", "'evt'"]); same('ids: after a restart', has, ["'1'", "'evt'"]);
    const seen = new Datastore({ inMemoryOnly: true }); await call(seen, 'ensureIndex', { fieldName: 'at', expireAfterSeconds: 3 }); await call(seen, 'ensureIndex', { fieldName: 'id', unique: true });
    const insert = () => call(seen, 'insert', { id: 'evt', at: new Date() }).then(() => 'new', (e) => e.errorType), said = [await insert(), await insert()];
    for (let i = 0; i < 4; i++) { await wait(3300); said.push(await insert()); }
    await call(seen, 'count', {}); await wait(1000); said.push('count', await insert());
    same('TTL of 3 s: an id at 0, 0, 3.3, 6.6, 9.9, 13.2 s', said, ['new', 'uniqueViolated', 'uniqueViolated', 'uniqueViolated', 'uniqueViolated', 'uniqueViolated', 'count', 'new']);
  }
  process.exitCode = failed ? 1 : 0;
})().catch((e) => { console.log(e); process.exit(1); });
E
timeout 150 node t.cjs
