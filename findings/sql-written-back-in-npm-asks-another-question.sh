#!/usr/bin/env bash
# Expected: a parser for PostgreSQL's SQL that also writes it back (to add a tenant's condition, to page, to read a report with a limit) writes a query that gives the
#   same answer; what it does not know, it refuses, as pgsql-ast-parser does with INTERSECT and its page says of rarer syntax.
# Happens: pgsql-ast-parser 12.0.2 (below pg-mem), parse() and toSql.statement(): ORDER BY and LIMIT behind a UNION go to the last SELECT alone, so
#   the newest two of two tables are all rows of one and two of the other, in no order; UNION ALL (a UNION b) loses its parentheses, and so a row; interval '90' minute is
#   90 seconds, with "minute" as the name of the column; 1e5 is 1, named e5; UPDATE ... WHERE id = 9007199254740993 changes row 9007199254740992; an amount of 18
#   digits loses its cents. node-sql-parser 5.4.0 takes \n, \t and \b in PostgreSQL's plain strings for control characters: a body with "one\ntwo" is stored
#   with a real line end, 18 letters of 19, and is no JSON any more. All without an error of the parser, and without any change to the tree.
# Means: what a middleware only passes on is another query; a queue read by UNION and LIMIT hands out everything. Send the text that came when nothing was changed, wrap it
#   (SELECT * FROM (...) q WHERE ...) instead of taking it apart, or use a parser that is PostgreSQL's own: pgsql-parser 18.2.8 gets all of these right.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @electric-sql/pglite@0.5.14 pgsql-ast-parser@12.0.2 node-sql-parser@5.4.0 pgsql-parser@18.2.8 >npm.log 2>&1 || { cat npm.log; exit 2; }
cat > t.mjs <<'J'
import { createRequire } from 'node:module'
import { PGlite } from '@electric-sql/pglite'
import { parse as parseOwn, deparse } from 'pgsql-parser'
const require = createRequire(import.meta.url)
const { parse, toSql } = require('pgsql-ast-parser'), { Parser } = require('node-sql-parser')
const db = new PGlite(); let failed = false
await db.exec(`CREATE TABLE old (id int, due int); CREATE TABLE new (id int, due int); INSERT INTO old VALUES (1, 10), (2, 40), (3, 20); INSERT INTO new VALUES (4, 50), (5, 30), (6, 60);
  CREATE TABLE orders (id bigint PRIMARY KEY, state text); INSERT INTO orders VALUES (4242, 'new'), (9007199254740992, 'new'), (9007199254740993, 'new');
  CREATE TABLE event (id int, body text)`)
const answer = async sql => { // in a transaction that is taken back
  let got; await db.transaction(async t => { try { const result = await t.query(sql, [], { rowMode: 'array' }); got = JSON.stringify(result.rows, (k, v) => typeof v === 'bigint' ? `${v}` : v) } catch (e) { got = `${e.message}` }; await t.rollback() })
  return got
}
const parser = new Parser(), dialect = { database: 'Postgresql' }
const ways = { 'as it is': sql => sql, 'pgsql-parser': async sql => await deparse(await parseOwn(sql)), 'pgsql-ast-parser': sql => parse(sql).map(s => toSql.statement(s)).join('; '), 'node-sql-parser': sql => parser.sqlify(parser.astify(sql, dialect), dialect) }
const sorted = got => got.startsWith('[[') ? JSON.stringify(JSON.parse(got).sort()) : got
const check = async (sql, wanted, anyOrder) => {
  console.log(sql)
  for (const [name, way] of Object.entries(ways)) {
    let got; try { got = await answer(await way(sql)) } catch (e) { got = 'refused' }
    let should = wanted[name] ?? wanted['as it is']; if (anyOrder) [got, should] = [sorted(got), sorted(should)]; console.log('  ' + name.padEnd(17), got)
    if (got !== should) { failed = true; console.log('   changed: expected', should) }
  }
}
const ast = 'pgsql-ast-parser', node = 'node-sql-parser'
await check('SELECT id FROM old UNION ALL SELECT id FROM new', { 'as it is': '[[1],[2],[3],[4],[5],[6]]' })
await check('SELECT id, due FROM old UNION ALL SELECT id, due FROM new ORDER BY due DESC LIMIT 2', { 'as it is': '[[6,60],[4,50]]', [ast]: '[[1,10],[2,40],[3,20],[6,60],[4,50]]' })
await check('SELECT id, due FROM old UNION ALL SELECT id, due FROM new ORDER BY due', { 'as it is': '[[1,10],[3,20],[5,30],[2,40],[4,50],[6,60]]', [ast]: '[[1,10],[2,40],[3,20],[5,30],[4,50],[6,60]]' })
await check('SELECT id FROM old UNION ALL (SELECT 1 UNION SELECT 1)', { 'as it is': '[[1],[2],[3],[1]]', [ast]: '[[1],[2],[3]]' }, true)
await check("SELECT '90 minutes'::interval", { 'as it is': '[["01:30:00"]]' })
await check("SELECT interval '90' minute", { 'as it is': '[["01:30:00"]]', [ast]: '[["00:01:30"]]' })
await check('SELECT 1e5', { 'as it is': '[["100000"]]', [ast]: '[[1]]' })
await check('SELECT 100000000000000000.05', { 'as it is': '[["100000000000000000.05"]]', [ast]: '[["100000000000000000"]]' })
await check("UPDATE orders SET state = 'paid' WHERE id = 4242 RETURNING id::text", { 'as it is': '[["4242"]]' })
await check("UPDATE orders SET state = 'paid' WHERE id = 9007199254740993 RETURNING id::text", { 'as it is': '[["9007199254740993"]]', [ast]: '[["9007199254740992"]]' })
await check(String.raw`INSERT INTO event VALUES (1, '{"text":"one two"}') RETURNING body, body::jsonb ->> 'text' LIKE 'one%'`, { 'as it is': String.raw`[["{\"text\":\"one two\"}",true]]` })
await check(String.raw`INSERT INTO event VALUES (2, '{"text":"one\ntwo"}') RETURNING body, length(body)`, { 'as it is': String.raw`[["{\"text\":\"one\\ntwo\"}",19]]`, [node]: String.raw`[["{\"text\":\"one\ntwo\"}",18]]` })
await check(String.raw`SELECT '{"text":"one\ntwo"}'::jsonb ->> 'text' <> ''`, { 'as it is': '[[true]]', [node]: 'invalid input syntax for type json' })
process.exit(failed ? 1 : 0)
J
for package in @electric-sql/pglite pgsql-ast-parser node-sql-parser pgsql-parser; do node -p '`${process.argv[1]} ${JSON.parse(require("fs").readFileSync(`node_modules/${process.argv[1]}/package.json`)).version}`' $package; done
timeout 90 node t.mjs
