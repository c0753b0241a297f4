#!/usr/bin/env bash
# Expected: memjs' increment() and decrement() give the counter's new value, as memcached has it after the step. memcached's counters have 64 bits.
# Happens: memjs 1.3.2 puts the two halves of the answer together with a shift by 8 bits in place of 32: each 4294967296 of the
#   counter count as 256. A quota of bytes that goes up by a gigabyte gives 3000000000, 4000000000, 705032960; a sum of 42949672.96 in cents gives 256, and
#   9000000000 less one gives 410065919. No error; get() of the same key has the right digits.
# Means: a limit of 5 GB, or of 43 million in cents, is never reached, and a customer over a smaller one is let in again at each turn; an id drawn from a
#   counter that began with milliseconds is another one. Call get() after the step, count in kilobytes, or use the npm package memcached.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null && wait $server || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq memcached libevent-2.1-7 libsasl2-2 >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f memcached_*.deb Version); echo "memcached $version"; [[ $version == 1.6.18-* ]] || { echo "   changed: expected 1.6.18"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts memjs@1.3.2 memcached@2.2.2
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu root/usr/bin/memcached -u root -l 127.0.0.1 -p "$port" -U 0 & server=$!
for _ in {1..50}; do (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
cat > t.mjs <<'E'
import memjs from 'memjs'; import Memcached from 'memcached'; import { readFileSync } from 'node:fs'; import { promisify } from 'node:util';
console.log('node', process.version, ...['memjs', 'memcached'].map((n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`));
const at = `127.0.0.1:${process.argv[2]}`, client = memjs.Client.create(at), other = new Memcached(at);
const check = (what, seen, wanted) => {
  const same = JSON.stringify(seen) === JSON.stringify(wanted); if (!same) process.exitCode = 1;
  console.log(`${what}: ${JSON.stringify(seen)}${same ? '' : `   CHANGED: expected ${JSON.stringify(wanted)}`}`);
};
const steps = async (key, amounts) => { const seen = []; for (const amount of amounts) seen.push((await client.increment(key, amount, { initial: amount, expires: 60 })).value); return seen; };
const stored = async (key) => String((await client.get(key)).value);
const incr = promisify(other.incr.bind(other)), set = promisify(other.set.bind(other)), gigabyte = 1_000_000_000;
check('bytes of a customer, a gigabyte a step, memjs', await steps('bytes', Array(6).fill(gigabyte)), [1e9, 2e9, 3e9, 4e9, 705032960, 1705032960]);
check('   get()', await stored('bytes'), '6000000000');
check('   over a quota of 5 GB?', 1705032960 > 5 * gigabyte, false);
await set('other', String(gigabyte), 60); const seen = []; for (let n = 0; n < 5; n++) seen.push(await incr('other', gigabyte));
check('   the same in npm memcached', seen, [2e9, 3e9, 4e9, 5e9, 6e9]);
check('cents, one below and one above', await steps('cents', [4294967295, 1, 100]), [4294967295, 256, 356]); check('   get()', await stored('cents'), '4294967396');
await client.set('sum', '9000000000', { expires: 60 });
check('decrement by one of 9000000000', (await client.decrement('sum', 1, {})).value, 410065919); check('   get()', await stored('sum'), '8999999999');
await client.set('next', '1795953600000', { expires: 60 });
check('ids from a counter that starts with milliseconds', (await client.increment('next', 1, {})).value, Number((1795953600001n >> 32n) * 256n + (1795953600001n & 0xffffffffn)));
check('   get()', await stored('next'), '1795953600001');
check('small ones', await steps('small', [5, 1, 10]), [5, 6, 16]);
client.close(); other.end();
E
timeout 60 node t.mjs "$port"
