#!/usr/bin/env bash
# Expected: a client that forgot the password of a Redis server is told NOAUTH, whatever it sends.
# Happens: Redis 7.0.15 (Debian 12) says NOAUTH to a command of up to 10 words of up to 16,384 bytes. To a longer one, such as an XADD with four fields or one field of
#   17,000 bytes, it says "ERR Protocol error: unauthenticated multibulk length" (or "unauthenticated bulk length") and hangs up. redis-py 7.1.0 raises AuthenticationError
#   for the short one and a plain ResponseError, or a broken pipe, for the long ones; node-redis 5.10.0 the like. redis-py 8.1.0 begins with HELLO, and is told NOAUTH by that.
# Means: a producer that forgot its password looks like one that speaks a broken protocol, and only for its real messages: the probe that it made at its start, a PING or a
#   small XADD, was told the truth. Code that tells "wrong credentials" by the error's class or by NOAUTH retries for ever.
set -euo pipefail
dir=$(mktemp -d); trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v redis-server >/dev/null || { echo "needs Debian's redis-server"; exit 2; }
for version in 7.1.0 8.1.0; do
  python3 -m pip -q --disable-pip-version-check install --root-user-action ignore --no-compile --target "py-$version" "redis==$version"
done
npm install --silent --no-audit --no-fund redis@5.10.0 >/dev/null
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
redis-server --port "$port" --bind 127.0.0.1 --requirepass secret --save '' --logfile redis.log & server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
cat > t.py <<'P'
import sys, redis
for name, fields in [("short", {"a": 1, "b": 2, "c": 3}), ("four fields", {"a": 1, "b": 2, "c": 3, "d": 4}), ("17,000 bytes", {"a": "x" * 17000})]:
    client = redis.Redis(port=int(sys.argv[1]))
    try: client.xadd("events", fields); said = "added"
    except redis.exceptions.AuthenticationError as error: said = f"AuthenticationError {error}"
    except redis.exceptions.RedisError as error: said = f"{type(error).__name__} {error}"
    print(f"redis-py {redis.__version__:6} {name:13} {said}")
P
cat > t.mjs <<'J'
import { createClient } from 'redis'
for (const [name, fields] of [['short', { a: '1', b: '2', c: '3' }], ['four fields', { a: '1', b: '2', c: '3', d: '4' }], ['17,000 bytes', { a: 'x'.repeat(17000) }]]) {
  const client = createClient({ socket: { port: Number(process.argv[2]), reconnectStrategy: false }, disableClientInfo: true })
  client.on('error', () => {})
  let said
  try { await client.connect(); await client.xAdd('events', '*', fields); said = 'added' } catch (error) { said = `${error.constructor.name} ${error.message}` }
  console.log(`node-redis      ${name.padEnd(13)} ${said}`); client.destroy?.()
}
J
{ for version in 7.1.0 8.1.0; do PYTHONPATH="py-$version" timeout 60 python3 t.py "$port"; done; timeout 60 node t.mjs "$port"; } | tee seen
grep -q 'redis-py 7.1.0 .*short .*AuthenticationError' seen && grep -q 'redis-py 7.1.0 .*four fields .*ResponseError .*unauthenticated multibulk length' seen \
  && grep -q 'node-redis .*short .*NOAUTH' seen && grep -q 'node-redis .*four fields .*unauthenticated multibulk length' seen \
  && [ "$(grep -c 'redis-py 8.1.0 .*AuthenticationError HELLO' seen)" = 3 ] || { echo "changed"; exit 1; }
