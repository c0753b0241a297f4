#!/usr/bin/env bash
# Expected: a version 7 UUID made now says now; libraries keep order within one millisecond with the random bits or a counter.
# Happens: uuid6 2025.0.1 adds a whole millisecond for each further id of the same millisecond: 100,000 ids made in about a second or less say up to
#   100 s later than the clock, and all ids of that process stay there until the clock has caught up. uuid_utils 1.2.0 stays with the clock.
# Means: after a burst (an import, a replay) this process's ids sort after those of every other process, a cursor "id > last seen" skips what others
#   write meanwhile, and a check of the id's age sees a time in the future.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check uuid6==2025.0.1 uuid_utils==1.2.0
cat > t.py <<'E'
import time, uuid6, uuid_utils
from importlib.metadata import version
def ahead(make):
    start = time.time()
    for _ in range(100_000): last = make()
    return (int(str(last).replace("-", "")[:12], 16) / 1000) - time.time(), time.time() - start
for name, make in (("uuid6", uuid6.uuid7), ("uuid_utils", uuid_utils.uuid7)):
    seconds, took = ahead(make)
    print(f"{name} {version(name)}: 100,000 ids in {took:.2f} s, the last one is {seconds:+.1f} s from the clock")
    assert (seconds + took > 90) if name == "uuid6" else abs(seconds) < 2
other, mine = uuid_utils.uuid7(), uuid6.uuid7()
time.sleep(1.1); later = uuid_utils.uuid7()
print("one of uuid6:", mine, "| made 1.1 s later by uuid_utils:", later, "| sorts after it:", str(later) > str(mine))
assert str(later) < str(mine)
E
timeout 120 v/bin/python t.py
