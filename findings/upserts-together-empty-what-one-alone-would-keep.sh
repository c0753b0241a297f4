#!/usr/bin/env bash
# Expected: an upsert of {id, status} changes the status and leaves the row's other columns, and so does each of several in one call; sqlite-utils' page on
#   upsert() promises it for every column that the dictionary does not name, and upsert_all() for a list of them.
# Happens: alone they do. In one call with an upsert of {id, note}, the row of the first loses its note, and that of the second its status: NULL, or the
#   column's default, with sqlite-utils 4.2.1 (upsert_all, and `sqlite-utils upsert`), dataset 2.0.0 (update_many; upsert_many is right), knex 3.3.0 and
#   Objection 3.1.5 (onConflict().merge()), TypeORM 1.1.1 (upsert; save is right) and Sequelize 6.37.8 (bulkCreate with updateOnDuplicate). sqlite-utils
#   goes by hundreds: with 299 upserts of a status, one of a note at the end empties the other 99 notes of its hundred, one at the beginning all 299.
# Means: a worker that writes events to rows one by one is right; made faster by batches it wipes fields whenever two kinds of event meet, so in a burst or a
#   replay and in no test with one kind. Group a batch by the set of its keys, or say columns and coalesce() yourself. (PostgreSQL 16.2, SQLite of Python)
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data socket; [ "$(id -u)" != 0 ] || chown 65534:65534 data socket
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check sqlite-utils==4.2.1 dataset==2.0.0 pgserver==0.1.4
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts knex@3.3.0 objection@3.1.5 typeorm@1.1.1 reflect-metadata@0.2.2 sequelize@6.37.8 pg@8.23.1
cat > t.py <<'E'
import dataset, json, sqlite3, sqlite_utils, subprocess, sys
from importlib.metadata import version
print("python", sys.version.split()[0], "SQLite", sqlite3.sqlite_version, *[f"{n} {version(n)}" for n in ("sqlite-utils", "dataset")])
failed = False
def same(what, seen, wanted):
    global failed
    print(f"{what}: {seen}" + ("" if seen == wanted else f"   changed: expected {wanted}")); failed |= seen != wanted
kept = [("a", "paid", "keep"), ("b", "new", "hello")]; emptied = [("a", "paid", None), ("b", None, "hello")]
two = [{"id": "a", "status": "paid"}, {"id": "b", "note": "hello"}]
def fresh(ids=("a", "b")):
    db = sqlite_utils.Database("t.db", recreate=True)
    db["event"].insert_all([{"id": i, "status": "new", "note": "keep"} for i in ids], pk="id"); return db["event"]
def rows(table): return [(r["id"], r["status"], r["note"]) for r in table.rows]
t = fresh(); [t.upsert(e, pk="id") for e in two]; same("sqlite-utils upsert(), one by one", rows(t), kept)
t = fresh(); t.upsert_all(two, pk="id"); same("sqlite-utils upsert_all()", rows(t), emptied)
fresh().db.close(); lines = "".join(json.dumps(e) + "\n" for e in two)
done = subprocess.run(["v/bin/sqlite-utils", "upsert", "t.db", "event", "-", "--nl", "--pk", "id"], input=lines, text=True, capture_output=True)
same("sqlite-utils upsert --nl (command)", (done.returncode, rows(sqlite_utils.Database("t.db")["event"])), (0, emptied))
paid = [{"id": n, "status": "paid"} for n in range(1, 300)]; note = lambda n: [{"id": n, "note": "hello"}]
for what, events, wanted in ("at the end", paid + note(300), 99), ("at the beginning", note(300) + paid, 299):
    t = fresh(range(1, 301)); t.upsert_all(events, pk="id")
    same(f"299 of a status, one of a note {what}: notes emptied", t.count_where("note IS NULL"), wanted)
for method, wanted in ("upsert_many", kept), ("update_many", emptied):
    d = dataset.connect("sqlite:///:memory:")["event"]
    d.insert_many([{"name": n, "status": "new", "note": "keep"} for n in "ab"])
    getattr(d, method)([{"name": "a", "status": "paid"}, {"name": "b", "note": "hello"}], ["name"])
    same(f"dataset {method}()", [(r["name"], r["status"], r["note"]) for r in d.all()], wanted)
sys.exit(failed)
E
cat > t.mjs <<'E'
import 'reflect-metadata'; import Knex from 'knex'; import { Model } from 'objection'; import { DataSource, EntitySchema } from 'typeorm';
import { DataTypes, Sequelize } from 'sequelize'; import { readFileSync } from 'node:fs';
const installed = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`;
console.log('node', process.version, ...['knex', 'objection', 'typeorm', 'sequelize', 'pg'].map(installed));
const at = { host: process.env.PGHOST, user: 'u', database: 'postgres' };
const knex = Knex({ client: 'pg', connection: at });
await knex.raw("CREATE TABLE event (id text PRIMARY KEY, status text, note text DEFAULT 'none')");
class Event extends Model { static tableName = 'event'; } Model.knex(knex);
const text = { type: 'text', nullable: true };
const entity = new EntitySchema({ name: 'event', columns: { id: { type: 'text', primary: true }, status: text, note: { ...text, default: 'none' } } });
const source = await new DataSource({ type: 'postgres', host: at.host, username: 'u', database: 'postgres', entities: [entity] }).initialize();
const typeorm = source.getRepository('event');
const sequelize = new Sequelize({ dialect: 'postgres', host: at.host, username: 'u', database: 'postgres', logging: false });
const columns = { id: { type: DataTypes.TEXT, primaryKey: true }, status: DataTypes.TEXT, note: DataTypes.TEXT };
const model = sequelize.define('event', columns, { timestamps: false, tableName: 'event' });
const two = () => [{ id: 'a', status: 'paid' }, { id: 'b', note: 'hello' }];
const kept = 'a paid keep, b new hello', defaults = 'a paid none, b null hello', nulls = 'a paid null, b null hello';
for (const [name, wanted, run] of [
  ['knex merge(), one by one', kept, async (all) => { for (const e of all) await knex('event').insert(e).onConflict('id').merge(); }],
  ['knex merge()', defaults, (all) => knex('event').insert(all).onConflict('id').merge()],
  ['Objection merge()', defaults, (all) => Event.query().insert(all).onConflict('id').merge()],
  ['TypeORM upsert(), one by one', kept, async (all) => { for (const e of all) await typeorm.upsert(e, ['id']); }],
  ['TypeORM upsert()', defaults, (all) => typeorm.upsert(all, ['id'])],
  ['TypeORM save()', kept, (all) => typeorm.save(all)],
  ['Sequelize upsert(), one by one', kept, async (all) => { for (const e of all) await model.upsert(e); }],
  ['Sequelize bulkCreate()', nulls, (all) => model.bulkCreate(all, { updateOnDuplicate: ['status', 'note'] })],
]) {
  await knex('event').del(); await knex('event').insert(['a', 'b'].map((id) => ({ id, status: 'new', note: 'keep' })));
  await run(two());
  const seen = (await knex('event').orderBy('id')).map((r) => `${r.id} ${r.status} ${r.note}`).join(', ');
  console.log(`${name}: ${seen}`); if (seen !== wanted) { console.log(`   changed: expected ${wanted}`); process.exitCode = 1; }
}
await Promise.all([knex.destroy(), source.destroy(), sequelize.close()]);
E
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin); export LC_ALL=C.UTF-8 PGHOST=$dir/socket
as "$bin/initdb" -D data -U u -A trust -N -E UTF8 --locale C.UTF-8 >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-k $dir/socket -c listen_addresses=" start
failed=0
timeout 60 v/bin/python t.py || failed=1
timeout 60 node t.mjs || failed=1
exit $failed
