#!/usr/bin/env bash
# Expected: search() of TinyDB finds what the condition says, as get() and contains() do with the same condition; matches() and search() of a field take flags of Python's re. Each
#   call reads the file anew, so what one has done with a document that it got is not in the next result before update().
# Happens: TinyDB 4.9.0 keeps the results of the last ten conditions of search() (and count()) and tells conditions apart without their flags: after where("mail").matches("ada@") the same with re.IGNORECASE
#   gives what the first one gave, without Ada@..., and the other way round; whichever came first, until something is written. What is kept are the very documents that the caller got: once
#   one masks the secret in its copy for a log, search() with that condition gives the masked secret, nested members too, while get(), all() and every other condition, and the file, have it as it
#   was. No error. With db.table(name, cache_size=0) all is right; to set Table.default_query_cache_capacity, as the class's own text offers it, changes nothing.
# Means: who is found (an address to block, a customer to notify) depends on what another part of the program has asked before; signatures are made with "***" after the first log line; a
#   state that was set and never written looks written until the restart. Write "(?i)" into the pattern, copy documents before changing them, or take a table without the cache. (Python 3.11)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check tinydb==4.9.0
cat > t.py <<'E'
import json, re, sys, warnings
from importlib.metadata import version
from tinydb import TinyDB, where
from tinydb.table import Table
warnings.simplefilter("ignore", ResourceWarning); failed = False; print("Python", sys.version.split()[0], "tinydb", version("tinydb"))
def check(what, got, wanted):
    global failed
    print(f"{what:62} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
events = [{"id": "evt_1", "mail": "ada@example.org", "hook": {"secret": "s1"}}, {"id": "evt_2", "mail": "Ada@example.org", "hook": {"secret": "s2"}}]
number = 0
def new():
    global number; number += 1; db = TinyDB(f"{number}.json"); db.insert_multiple([json.loads(json.dumps(e)) for e in events]); return db
def found(db, condition): return [e["id"] for e in db.search(condition)]
for name in ("matches", "search"):
    strict = lambda: getattr(where("mail"), name)("ada@"); loose = lambda: getattr(where("mail"), name)("ada@", flags=re.IGNORECASE)
    check(f"{name}('ada@'), then with IGNORECASE", [found(d := new(), strict()), found(d, loose())], [["evt_1"], ["evt_1"]])
    check(f"{name}('ada@', IGNORECASE), then without", [found(d := new(), loose()), found(d, strict())], [["evt_1", "evt_2"], ["evt_1", "evt_2"]])
    d = new(); found(d, strict()); check("   count(); contains(), get(), the condition itself", [d.count(loose()), d.contains(loose() & (where("id") == "evt_2")), d.get(loose() & (where("id") == "evt_2"))["id"], sum(map(loose(), d.all()))], [1, True, "evt_2", 2])
    d.insert({"id": "evt_3"}); check("   search() with it after an insert", found(d, loose()), ["evt_1", "evt_2"])
check("'(?i)ada@' in the pattern, after 'ada@'", [found(d := new(), where("mail").matches("ada@")), found(d, where("mail").matches("(?i)ada@"))], [["evt_1"], ["evt_1", "evt_2"]])
one = where("id") == "evt_1"; d = new(); shown = d.search(one)[0]; shown["hook"]["secret"] = "***"; shown["mail"] = "a***"; log = json.dumps(shown)
secret = lambda e: (e["hook"]["secret"], e["mail"])
check("masked for a log, then search() with the same condition", secret(d.search(one)[0]), ("***", "a***"))
check("   get(), all(), another condition", [secret(d.get(one)), secret(d.all()[0]), secret(d.search(where("hook").secret == "s1")[0])], [("s1", "ada@example.org")] * 3)
check("   the file", secret(json.load(open(f"{number}.json"))["_default"]["1"]), ("s1", "ada@example.org"))
d = new(); shown = d.get(one); shown["hook"]["secret"] = "***"; check("masked what get() gave, then search() and get()", [secret(d.search(one)[0])[0], secret(d.get(one))[0]], ["s1", "s1"])
Table.default_query_cache_capacity = 0
check("Table.default_query_cache_capacity = 0, the same", [found(d := new(), where("mail").matches("ada@")), found(d, where("mail").matches("ada@", flags=re.I))], [["evt_1"], ["evt_1"]])
d = new().table("_default_", cache_size=0); d.insert_multiple(events); d.search(one)[0]["hook"]["secret"] = "***"
check("cache_size=0: masked, then search()", secret(d.search(one)[0]), ("s1", "ada@example.org"))
check("cache_size=0: 'ada@', then with IGNORECASE", [found(d, where("mail").matches("ada@")), found(d, where("mail").matches("ada@", flags=re.I))], [["evt_1"], ["evt_1", "evt_2"]])
sys.exit(failed)
E
timeout 60 v/bin/python t.py
