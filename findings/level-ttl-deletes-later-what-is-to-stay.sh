#!/usr/bin/env bash
# Expected: level-ttl, which gives LevelDB's put() a time to live, goes by the last put of a key (so its README): put() without a ttl keeps the entry
#   from then on, as SET does in Redis, and set in memcached.
# Happens: level-ttl 3.1.1 (npm) leaves the time of the earlier put as it was: the value put without a ttl, ttl: 0 or by batch() is deleted when the
#   first one's time is over. Only del() first, awaited, and then put(), makes it stay.
# Means: put("evt_1", "pending", {ttl: 1 hour}), a lock or a mark, and put("evt_1", "done") when it is done: after an hour the "done" is gone, and the
#   repeat of the event is done again. The same for a draft that becomes an order. Delete the key before it is put to stay, or use another key.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts level-ttl@3.1.1 levelup@4.4.0 memdown@6.1.1 encoding-down@6.3.0
cat > t.js <<'E'
const levelup = require('levelup'), encode = require('encoding-down'), memdown = require('memdown'), ttl = require('level-ttl');
console.log('level-ttl', require('level-ttl/package.json').version);
const sleep = (ms) => new Promise((r) => setTimeout(r, ms)), db = ttl(levelup(encode(memdown())), { checkFrequency: 50 });
const put = (key, value, options = {}) => new Promise((r, no) => db.put(key, value, options, (e) => (e ? no(e) : r())));
const call = (name, ...args) => new Promise((r, no) => db[name](...args, (e) => (e ? no(e) : r())));
const ways = {
  'put once, no ttl': [() => put('0', 'done'), 'done'],
  'put with ttl, nothing else': [() => put('1', 'pending', { ttl: 3000 }), 'gone'],
  'then put without a ttl': [async () => { await put('2', 'pending', { ttl: 3000 }); await put('2', 'done'); }, 'gone'],
  'then put with ttl: 0': [async () => { await put('3', 'pending', { ttl: 3000 }); await put('3', 'done', { ttl: 0 }); }, 'gone'],
  'then batch without a ttl': [async () => { await put('4', 'pending', { ttl: 3000 }); await call('batch', [{ type: 'put', key: '4', value: 'done' }], {}); }, 'gone'],
  'then put with a longer ttl': [async () => { await put('5', 'pending', { ttl: 3000 }); await put('5', 'done', { ttl: 60000 }); }, 'done'],
  'then del and put': [async () => { await put('6', 'pending', { ttl: 3000 }); await call('del', '6', {}); await put('6', 'done'); }, 'done'],
};
(async () => {
  let failed = false;
  for (const [run] of Object.values(ways)) await run();
  const read = (key) => db.get(String(key)).then(String, (e) => (e.notFound ? 'gone' : String(e)));
  const early = await Promise.all(Object.keys(ways).map((_, n) => read(n))); await sleep(5000);
  for (const [n, [name, [, wanted]]] of Object.entries(ways).entries()) {
    const late = await read(n); console.log(name.padEnd(28), 'at once:', early[n].padEnd(8), 'after the time of the first put:', late);
    if (late !== wanted || early[n] === 'gone') { failed = true; console.log('   changed: expected', wanted); }
  }
  await db.close(); process.exit(failed ? 1 : 0);
})();
E
timeout 60 node t.js
