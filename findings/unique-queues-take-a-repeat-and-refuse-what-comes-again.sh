#!/usr/bin/env bash
# Expected: UniqueQ and UniqueAckQ of persist-queue keep what waits unique: an event equal to one that waits is left out, anything else goes in. Once
#   an item is done, the same item may come again, as in SQLiteAckQueue and UniqueQ.
# Happens: persist-queue 1.1.0 compares the bytes of the pickle, in which a text that occurs twice is written once or twice, by whether it is one
#   object in memory. So {"id": "evt_1", "data": json.loads(...)} and the same event read whole from JSON are equal for Python, and both go in; so do
#   two with the names in "data" in another order (those at the top are sorted). In UniqueAckQ what was acked, or ack_failed, stays: put() of an equal
#   item returns None, and it never runs, in any later process either. clear_acked_data() keeps the latest 1000, so it changes nothing here;
#   ack_failed ones stay after that, too. Nothing raises.
# Means: the replay of an event runs twice, as its dict was built in another place; and "refresh customer 7", or the second try of a job that failed,
#   is dropped for good while put() looks as ever. Put a text into it, json.dumps(event, sort_keys=True), or serializer=serializers.json; look at what
#   put() returns; and after each ack clear_acked_data(keep_latest=0, clear_ack_failed=True).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check persist-queue==1.1.0
cat > t.py <<'E'
import json, subprocess, sys, persistqueue
from importlib.metadata import version
from persistqueue.serializers import json as as_json
print("Python", sys.version.split()[0], "persist-queue", version("persist-queue")); failed = False; count = 0
def check(what, got, wanted):
    global failed
    print(f"{what:70} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def waiting(kind, *events, **options):
    global count
    count += 1; queue = kind(f"queues/{count}", **options)
    for event in events: queue.put(event)
    return queue.size
body = '{"id":"cus_7","status":"paid"}'
built = {"id": "evt_1", "data": json.loads(body)}; read = json.loads(json.dumps(built))
turned = {"id": "evt_1", "data": dict(reversed(built["data"].items()))}; top = dict(reversed(built.items()))
assert built == read == turned == top
for kind in (persistqueue.UniqueQ, persistqueue.UniqueAckQ):
    name = kind.__name__
    check(f"{name}: the same object twice", waiting(kind, built, built), 1)
    check(f"{name}: read from JSON twice", waiting(kind, read, json.loads(json.dumps(built))), 1)
    check(f"{name}: the names at the top in another order", waiting(kind, built, top), 1)
    check(f"{name}: built, and read from JSON", waiting(kind, built, read), 2)
    check(f"{name}: the names in data in another order", waiting(kind, built, turned), 2)
    check(f"{name}: all of these with serializers.json", waiting(kind, built, read, turned, top, serializer=as_json), 1)
    check(f"{name}: all of these as sorted JSON", waiting(kind, *(json.dumps(e, sort_keys=True) for e in (built, read, turned, top))), 1)
job = "refresh cus_7"
def again(queue, done):
    first = queue.put(job); item = queue.get(); getattr(queue, done)(*([] if done == "task_done" else [item]))
    return first, queue.put(job), queue.size
check("UniqueQ: put, done, put again", again(persistqueue.UniqueQ("u"), "task_done"), (1, 2, 1))
check("SQLiteAckQueue: put, ack, put again", again(persistqueue.SQLiteAckQueue("a"), "ack"), (1, 2, 1))
for done in ("ack", "ack_failed"):
    check(f"UniqueAckQ: put, {done}, put again", again(persistqueue.UniqueAckQ(done), done), (1, None, 0))
    later = f"import persistqueue; q = persistqueue.UniqueAckQ({done!r}); print(q.put({job!r}), q.size)"
    check("   in another process", subprocess.run([sys.executable, "-c", later], capture_output=True, text=True, check=True).stdout.strip(), "None 0")
    queue = persistqueue.UniqueAckQ(done)
    queue.clear_acked_data(); check("   after clear_acked_data()", queue.put(job), None)
    if done == "ack_failed": queue.clear_acked_data(keep_latest=0); check("   after clear_acked_data(keep_latest=0)", queue.put(job), None)
    queue.clear_acked_data(keep_latest=0, clear_ack_failed=True)
    check("   after clear_acked_data(keep_latest=0, clear_ack_failed=True)", (queue.put(job), queue.size), (2, 1))
sys.exit(failed)
E
timeout 60 v/bin/python t.py
