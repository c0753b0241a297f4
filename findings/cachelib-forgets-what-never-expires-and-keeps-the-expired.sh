#!/usr/bin/env bash
# Expected: in cachelib and Flask-Caching an entry with timeout=0 never expires (so their docstrings), and add(), which sets a key only where there is none,
#   takes a key again when its time is over, as get() and has() then say that it is not there: the two usual ways to remember ids, or to lock one.
# Happens: with the 502nd entry (the default threshold is 500) SimpleCache of cachelib 0.17.0 drops all entries with timeout=0 at once, and keeps each one
#   that has a timeout, of one hour or one minute; FileSystemCache drops those with timeout=0 before any other. FileSystemCache.add() does not look at the time:
#   of a key that has expired it says False and stores nothing, while get() says None, until more than 500 other entries have it cleaned up. Flask-Caching
#   2.5.1 does the same with both. SimpleCache.add() does what one thinks.
# Means: ids remembered "for ever" are forgotten together, at some hour of traffic, and a replay is done again; a lock cache.add("evt_1", 1, timeout=60) whose
#   owner was killed is not free again: the sender repeats the event for days, is told "in progress", and nobody does it. Give each entry a
#   timeout and the cache a threshold that is never met; let get() decide, or put ids into a table.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check cachelib==0.17.0 flask-caching==2.5.1 flask==3.1.3
cat > t.py <<'E'
import sys, tempfile, time
from importlib.metadata import version
from cachelib import FileSystemCache, SimpleCache
from flask import Flask
from flask_caching import Cache
print("python", sys.version.split()[0], *[f"{n} {version(n)}" for n in ("cachelib", "flask-caching", "flask")])
def flask(kind):
    app = Flask("app"); app.app_context().push()
    return Cache(app, config={"CACHE_TYPE": kind, "CACHE_DIR": tempfile.mkdtemp(dir="."), "CACHE_DEFAULT_TIMEOUT": 300})
makers = {"cachelib SimpleCache": SimpleCache, "cachelib FileSystemCache": lambda: FileSystemCache(tempfile.mkdtemp(dir=".")),
    "Flask-Caching SimpleCache": lambda: flask("SimpleCache"), "Flask-Caching FileSystemCache": lambda: flask("FileSystemCache")}
for name, make in makers.items():
    cache, left = make(), {}
    forever, brief = [f"forever-{n}" for n in range(100)], [f"brief-{n}" for n in range(402)]
    def there(keys): return sum(cache.get(k) is not None for k in keys)
    for key in forever: cache.set(key, 1, timeout=0)
    for n, key in enumerate(brief, 101):
        cache.set(key, 1, timeout=60 if n % 2 else 3600)
        if n in (501, 502): left[n] = there(forever)
    print(f"{name}: 100 entries with timeout=0; left at 501 entries: {left[501]}, at 502: {left[502]}; of 402 with a minute or an hour: {there(brief)}")
    assert left[501] == 100 and there(brief) == 402 and left[502] == (0 if "Simple" in name else 99), left
    cache = make()
    first, second = cache.add("evt_1", "owner 1", timeout=5), cache.add("evt_1", "owner 2", timeout=5)
    time.sleep(6.1)
    gone, later, value, again = cache.get("evt_1"), cache.add("evt_1", "owner 3", timeout=60), cache.get("evt_1"), cache.add("evt_1", "owner 4", timeout=60)
    print(f"   lock of 5 s: add() {first}, at once again {second}; after 6 s get() {gone}, add() {later}, get() {value}, add() {again}")
    assert (first, second, gone) == (True, False, None)
    assert (later, value, again) == ((True, "owner 3", False) if "Simple" in name else (False, None, False))
E
timeout 170 v/bin/python t.py
