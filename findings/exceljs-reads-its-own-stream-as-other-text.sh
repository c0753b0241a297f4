#!/usr/bin/env bash
# Expected: a list of events, written to .xlsx (an export for the accounts, a hand-over) and read again, has the texts that it had. exceljs has two writers;
#   of the one for streams, and of its option useSharedStrings, the readme speaks as of memory, not of content.
# Happens: exceljs 4.4.0 undoes the escapes of XML twice in what its own stream.xlsx.WorkbookWriter has written with its defaults: "R&amp;D" comes back as
#   "R&D", "a &lt;b&gt;" as "a <b>": HTML in a field is other HTML. So it does with files of xlsx (SheetJS) 0.18.5, whose "\r\n" (a postal address, a mail)
#   is "_x000d_\n" besides, to exceljs, xlsx-populate 1.21.0 and openpyxl 3.1.5. An id such as "order_x000D_7", which exceljs and xlsx write as it stands,
#   is "order\r7" to xlsx, and to exceljs out of its other writer. xlsx-populate and openpyxl read the entities right in all of these files. No error.
# Means: an id or a hash over the row differs after the detour, but only for texts with an entity, a carriage return or _xNNNN_ in them. Set
#   useSharedStrings: true (exceljs) or bookSST: true (xlsx), which keeps the entities, and write "\n" alone. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check openpyxl==3.1.5
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts exceljs@4.4.0 xlsx@0.18.5 xlsx-populate@1.21.0
cat > t.cjs <<'E'
const assert = require('node:assert'), fs = require('node:fs'), { execFileSync } = require('node:child_process');
const exceljs = require('exceljs'), xlsx = require('xlsx'), populate = require('xlsx-populate');
const version = (n) => `${n} ${JSON.parse(fs.readFileSync(`node_modules/${n}/package.json`)).version}`;
console.log('node', process.version, ['exceljs', 'xlsx', 'xlsx-populate'].map(version).join(', '));
const texts = ['evt_1', 'R&D', 'R&amp;D', 'a &lt;b&gt;', 'a\r\nb', 'order_x000D_7', '_x0041_'], sheetOf = (b) => b.Sheets[b.SheetNames[0]];
const stream = async (file, options) => {
  const book = new exceljs.stream.xlsx.WorkbookWriter({ filename: file, ...options }), sheet = book.addWorksheet('s');
  texts.forEach((t) => sheet.addRow([t]).commit()); await book.commit();
};
const sheetjs = (file, options) => { const b = xlsx.utils.book_new();
  xlsx.utils.book_append_sheet(b, xlsx.utils.aoa_to_sheet(texts.map((t) => [t])), 's'); xlsx.writeFile(b, file, options); };
const write = {
  exceljs: async (file) => { const b = new exceljs.Workbook(), s = b.addWorksheet('s'); texts.forEach((t) => s.addRow([t])); await b.xlsx.writeFile(file); },
  'exceljs-stream': (file) => stream(file, {}), 'exceljs-stream, shared': (file) => stream(file, { useSharedStrings: true }),
  xlsx: (file) => sheetjs(file, {}), 'xlsx, bookSST': (file) => sheetjs(file, { bookSST: true }) };
const python = 'import json,sys,openpyxl; print(json.dumps([r[0].value for r in openpyxl.load_workbook(sys.argv[1]).active.iter_rows()]))';
const read = {
  exceljs: async (file) => { const b = new exceljs.Workbook(); await b.xlsx.readFile(file);
    return texts.map((t, i) => b.worksheets[0].getCell(i + 1, 1).value); },
  xlsx: (file) => { const s = sheetOf(xlsx.readFile(file)); return texts.map((t, i) => s[`A${i + 1}`].v); },
  'xlsx-populate': async (file) => { const b = await populate.fromFileAsync(file); return texts.map((t, i) => b.sheet(0).cell(i + 1, 1).value()); },
  openpyxl: (file) => JSON.parse(execFileSync('v/bin/python', ['-c', python, file])) };
const twice = { 'R&amp;D': 'R&D', 'a &lt;b&gt;': 'a <b>' }, codes = { order_x000D_7: 'order\r7', _x0041_: 'A' };
const line = { 'a\r\nb': 'a\nb' }, code = { 'a\r\nb': 'a_x000d_\nb' };
const wanted = {
  exceljs: { exceljs: { ...line, ...codes }, xlsx: codes, 'xlsx-populate': {}, openpyxl: line },
  'exceljs-stream': { exceljs: { ...line, ...twice }, xlsx: codes, 'xlsx-populate': {}, openpyxl: line },
  'exceljs-stream, shared': { exceljs: { ...line, ...codes }, xlsx: codes, 'xlsx-populate': {}, openpyxl: line },
  xlsx: { exceljs: { ...code, ...twice }, xlsx: codes, 'xlsx-populate': code, openpyxl: code },
  'xlsx, bookSST': { exceljs: { ...code, ...codes }, xlsx: codes, 'xlsx-populate': code, openpyxl: code },
};
(async () => {
  for (const [writer, w] of Object.entries(write)) {
    await w('t.xlsx');
    for (const [reader, r] of Object.entries(read)) {
      const got = await r('t.xlsx'), other = Object.fromEntries(texts.map((t, i) => [t, got[i]]).filter(([t, g]) => t !== g));
      console.log(`written by ${writer}`.padEnd(34), `read by ${reader}`.padEnd(22), JSON.stringify(other));
      assert.deepStrictEqual(other, wanted[writer][reader]);
    }
  }
})();
E
timeout 60 node t.cjs
