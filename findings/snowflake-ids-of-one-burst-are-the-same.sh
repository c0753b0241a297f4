#!/usr/bin/env bash
# Expected: a generator of snowflake ids never gives one id twice in one process: its ids have 12 bits for those of one millisecond, and when these 4,096 are
#   used up it waits for the next millisecond, or throws; the ids are there to be keys.
# Happens: @sapphire/snowflake 3.5.5 (its types promise uniqueness; its DiscordSnowflake and TwitterSnowflake, too) and
#   snowyflake 2.0.1 begin anew within the same millisecond: of 10,000 ids 4,096 are different, the rest are repeats. Node.js is fast enough for it: a
#   plain loop over 60,000 rows has thousands of them. node-snowflake 0.0.1 has two ids for each millisecond, however few are asked for: of 100 two are
#   different. No error. @akashrajpurohit/snowflake-id 2.0.0, nodejs-snowflake 2.0.1 and snowflake-uuid 1.0.0 never repeat; flake-idgen 1.4.0 throws, as
#   its readme says.
# Means: a backfill or an import that gives ids in a loop overwrites rows, or drops them as repeats where the insert says "on conflict do nothing"; one by one,
#   as requests come, it never shows. Take a generator that waits, or UUIDs of version 7. (Node.js 20; the clock of the checked part is made to stand still
#   for 20,000 looks at it, so that the speed of the machine does not matter.)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @sapphire/snowflake@3.5.5 snowyflake@2.0.1 node-snowflake@0.0.1 @akashrajpurohit/snowflake-id@2.0.0 \
  nodejs-snowflake@2.0.1 snowflake-uuid@1.0.0 flake-idgen@1.4.0
cat > t.mjs <<'E2'
import { createRequire } from 'node:module'; import { readFileSync } from 'node:fs';
const require = createRequire(import.meta.url), RealDate = Date, looks = 20000, start = Date.now() + 60000; let count = 0;
// 20,000 looks at the clock are one millisecond
const now = () => start + Math.floor(count++ / looks);
const StillDate = class extends RealDate { constructor(...a) { if (a.length) super(...a); else super(now()); } static now() { return now(); } };
const names = ['@sapphire/snowflake', 'snowyflake', 'node-snowflake', '@akashrajpurohit/snowflake-id', 'nodejs-snowflake', 'snowflake-uuid', 'flake-idgen'];
console.log('node', process.version, ...names.map((n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`));
const { Snowflake, DiscordSnowflake } = require('@sapphire/snowflake'), { Snowyflake, Epoch } = require('snowyflake'), old = require('node-snowflake').Snowflake;
const { SnowflakeId } = require('@akashrajpurohit/snowflake-id'), { Worker } = require('snowflake-uuid'), Flake = require('flake-idgen'), wasm = require('nodejs-snowflake').Snowflake;
const own = new Snowflake(new RealDate('2020-01-01')), snowy = new Snowyflake({ workerId: 1n, epoch: Epoch.Twitter }), akash = SnowflakeId({ workerId: 1 });
const uuid = new Worker(0, 1, { workerIdBits: 5, datacenterIdBits: 5, sequenceBits: 12 }), flake = new Flake(), unique = new wasm({ custom_epoch: 1577836800000, instance_id: 1 });
old.init({ worker_id: 1, data_center_id: 1, sequence: 0 });
const generators = [['@sapphire/snowflake', () => own.generate(), 100, 4096], ['its DiscordSnowflake', () => DiscordSnowflake.generate(), 100, 4096], ['snowyflake', () => snowy.nextId(), 100, 4096],
  ['node-snowflake', () => old.nextId(), 2, 2], ['@akashrajpurohit/snowflake-id', () => akash.generate(), 100, 10000], ['nodejs-snowflake', () => unique.getUniqueID(), 100, 10000],
  ['snowflake-uuid', () => uuid.nextId(), 100, 10000], ['flake-idgen', () => flake.next().toString('hex'), 100, 'throws']];
const different = (n, next) => { const ids = []; try { for (let i = 0; i < n; i++) ids.push(next()); } catch { return 'throws'; } return new Set(ids.map(String)).size; };
const real = generators.map(([, next]) => different(60000, next));
globalThis.Date = StillDate;
for (const [i, [name, next, few, many]] of generators.entries()) {
  const seen = [100, 10000].map((n) => { count = Math.ceil(count / looks) * looks; return different(n, next); });
  console.log(`${name.padEnd(30)} different ids of 100: ${seen[0]}, of 10,000: ${seen[1]}; and of 60,000 by the real clock, not checked: ${real[i]}`);
  if (seen[0] !== few || seen[1] !== many) { process.exitCode = 1; console.log(`   changed: expected ${few}, ${many}`); }
}
E2
timeout 60 node t.mjs
