#!/usr/bin/env bash
# Expected: db.create("order:0042"), one of the two ways to name a record, makes one whose id is 0042, another one than order 42; a number that the store
#   cannot hold is refused.
# Happens: surrealdb 2.0.0 (the Python SDK, with the engine in the wheel, mem://) hands the text on as SurrealQL, where digits are a number: "order:0042" is
#   order:42, so create() says "already exists" of an order that is new, upsert() writes over order 42, and delete() deletes it. RecordID("order", "42")
#   is a third thing, the text 42: two writers of one order, one with each form, make two records, and "seen before" is never true. From 20 digits on
#   (above 2^63) the same text is a text again, and all numbers stand before all texts in ORDER BY id. A field 2^63 is stored as -2^63, 2^64 - 1
#   (a hash or an id without a sign) as -1, and -2^63 - 1 as 2^63 - 1, in silence; 2^64 is refused.
# Means: order numbers with zeros in front are mixed up with others, and ids of 64 bits without a sign become negative. Always give
#   RecordID(table, str(id)), never f"{table}:{id}", at each writer and reader; send numbers of 2^63 and above as text.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check surrealdb==2.0.0
cat > t.py <<'E'
import sys
from importlib.metadata import version
from surrealdb import RecordID, Surreal
failed = False
def check(what, got, wanted):
    global failed
    print(f"{what:74} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def tried(run, *given):
    try: got = run(*given)
    except Exception as error: return "refused: " + str(error).replace("Database record ", "")
    return got[0] if isinstance(got, list) and len(got) == 1 else got
def short(record): return (record["id"].id, record["state"]) if isinstance(record, dict) else record
with Surreal("mem://") as db:
    db.use("test", "test"); print("surrealdb", version("surrealdb"), "Python", sys.version.split()[0])
    check('create("order:42", paid)', short(tried(db.create, "order:42", {"state": "paid"})), (42, "paid"))
    check('create("order:0042", open)', tried(db.create, "order:0042", {"state": "open"}), "refused: `order:42` already exists")
    check('upsert("order:0042", void)', short(tried(db.upsert, "order:0042", {"state": "void"})), (42, "void"))
    check('   select("order:42")', short(tried(db.select, "order:42")), (42, "void"))
    check('create(RecordID("order", "42"), second)', short(tried(db.create, RecordID("order", "42"), {"state": "second"})), ("42", "second"))
    check('create(RecordID("order", "0042"), third)', short(tried(db.create, RecordID("order", "0042"), {"state": "third"})), ("0042", "third"))
    check('create("order:12345678901234567890")', short(tried(db.create, "order:12345678901234567890", {"state": "long"})), ("12345678901234567890", "long"))
    check('create("order:9")', short(tried(db.create, "order:9", {"state": "nine"})), (9, "nine"))
    check("SELECT id FROM order ORDER BY id", [r["id"].id for r in db.query("SELECT id FROM order ORDER BY id")], [9, 42, "0042", "12345678901234567890", "42"])
    tried(db.delete, "order:0042")
    check('   after delete("order:0042")', [r["id"].id for r in db.query("SELECT id FROM order ORDER BY id")], [9, "0042", "12345678901234567890", "42"])
    def kept(n): return tried(lambda: tried(db.create, RecordID("n", str(n)), {"n": n})["n"])
    check("the field 2 ** 63 - 1", kept(2 ** 63 - 1), 2 ** 63 - 1)
    check("the field 2 ** 63", kept(2 ** 63), -2 ** 63)
    check("the field 2 ** 64 - 1", kept(2 ** 64 - 1), -1)
    check("the field -2 ** 63 - 1", kept(-2 ** 63 - 1), 2 ** 63 - 1)
    check("the field 2 ** 64", str(kept(2 ** 64))[:8], "refused:")
sys.exit(failed)
E
timeout 60 v/bin/python t.py
