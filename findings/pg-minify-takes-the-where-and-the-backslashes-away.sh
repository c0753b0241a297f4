#!/usr/bin/env bash
# Expected: pg-minify, by which pg-promise loads SQL files (minify, compress), takes comments and needless blanks out; values between quotes stay: its page says that a text of several
#   lines becomes one line with \n, with an E in front where needed. What it does not know are dollar quotes, as the page says.
# Happens: pg-minify 1.8.0, alone and in pg-promise 12.7.1. With compress, 10 - -5 becomes 10--5, and as all is one line, the rest is a comment: UPDATE ... SET
#   n = 10 - -5 WHERE id = 1 sets n to 10 in every row. A text in two parts on two lines, 'https://shop.example/' 'hook', becomes 'https://shop.example/''hook', with a quote in
#   the value. By default already: once a text has a line end, its backslashes mean something else: ^\d+$ is ^d+$, C:\new a line end and ew, the JSON text "one\ntwo" over several
#   lines is no JSON, \"hi\" neither; and the blanks at the beginning of each line are gone, as in a YAML or mail template. A text on one line keeps its backslashes.
# Means: what a test with a plain string gives is another value from the file in production, with the same SQL in it. Load without minify, give such texts as parameters, or write the
#   backslashes in E'...' yourself; leave compress off: a file that ends in WHERE is one double minus from all rows.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @electric-sql/pglite@0.5.14 pg-minify@1.8.0 pg-promise@12.7.1 >npm.log 2>&1 || { cat npm.log; exit 2; }
cat > t.mjs <<'J'
import { createRequire } from 'node:module'; import { readFileSync, writeFileSync } from 'node:fs'; import { PGlite } from '@electric-sql/pglite'
const require = createRequire(import.meta.url), minify = require('pg-minify'), pgp = require('pg-promise')({ noWarnings: true })
for (const name of ['@electric-sql/pglite', 'pg-minify', 'pg-promise']) console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version)
const db = new PGlite(); await db.exec("CREATE TABLE t (id int, n int); INSERT INTO t VALUES (1, 0), (2, 0), (3, 0)"); let failed = false
const answer = async sql => { // in a transaction that is taken back
  let got; await db.transaction(async tx => { try { const all = await tx.exec(sql, { rowMode: 'array' }); got = JSON.stringify(all.at(-1).rows) } catch (e) { got = e.message }; await tx.rollback() })
  return got
}
let files = 0
const check = async (title, sql, wanted, minified = wanted, compressed = minified) => {
  console.log(title)
  const file = options => { const path = `./${++files}.sql`; writeFileSync(path, sql); const one = new pgp.QueryFile(path, options); if (one.error) throw one.error; return one[pgp.QueryFile.$query] }
  for (const [name, text, should] of [['as it is', sql, wanted], ['pg-minify', minify(sql), minified], ['pg-minify, compress', minify(sql, { compress: true }), compressed],
    ['QueryFile', file({}), wanted], ['QueryFile, minify', file({ minify: true }), minified], ['QueryFile, compress', file({ compress: true }), compressed]]) {
    const got = await answer(text); console.log(`  ${name.padEnd(20)} ${got}`); if (got !== should) { failed = true; console.log('   changed: expected', should) }
  }
}
await check('a minus', 'UPDATE t SET n = 10 - 5 WHERE id = 1 RETURNING id, n', '[[1,5]]')
await check('two minus', 'SELECT 10 - -5', '[[15]]', '[[15]]', '[[10]]')
// A function of the database that looks at the table after the statement, since what comes behind the statement may be a comment.
await db.exec("CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''%'', (SELECT string_agg(id || '' has '' || n, '', '' ORDER BY id) FROM t); END'; CREATE TRIGGER see AFTER UPDATE ON t EXECUTE FUNCTION see()")
await check('UPDATE t SET n = 10 - -5 WHERE id = 1, the table afterwards', 'UPDATE t SET n = 10 - -5\n  WHERE id = 1', '1 has 15, 2 has 0, 3 has 0', '1 has 15, 2 has 0, 3 has 0', '1 has 10, 2 has 10, 3 has 10')
await db.exec('DROP TRIGGER see ON t')
await check('a text in two parts', "SELECT 'https://shop.example/'\n  'hook'", '[["https://shop.example/hook"]]', 'syntax error at or near "\'hook\'"', '[["https://shop.example/\'hook"]]')
const text = (title, value, changed) => check(title, `SELECT '${value}'`, JSON.stringify([[value]]), JSON.stringify([[changed ?? value]]))
await text('one line, with backslashes', String.raw`^\d+$ C:\new {"a":"one\ntwo"}`)
await text('two lines', 'one\ntwo')
await text('two lines, with backslashes', '^\\d+$\n^\\w+$', '^d+$\n^w+$')
await text('two lines, a path', 'C:\\new\n', 'C:\new\n')
await text('lines with blanks', 'a:\n  b:\n    - c', 'a:\nb:\n- c')
const json = '{\n"text": "one\\ntwo", "quote": "say \\"hi\\""}'
await text('JSON on two lines', json, '{\n"text": "one\ntwo", "quote": "say "hi""}')
await check('the same, ::jsonb', `SELECT '${json}'::jsonb ->> 'text' = E'one\\ntwo'`, '[[true]]', 'invalid input syntax for type json')
process.exit(failed ? 1 : 0)
J
timeout 60 node t.mjs
