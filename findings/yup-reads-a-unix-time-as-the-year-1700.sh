#!/usr/bin/env bash
# Expected: yup's date() takes a number for milliseconds, as JavaScript's Date does, or refuses it; its uuid() takes every UUID, version 7 among them.
# Happens: yup 1.7.1 reads the digits of the number as an ISO date: 1700000000 (a Unix time of November 2023) is the first day of 1700, 1712345678 a day of 1714,
#   0 the year 2000 (in the local zone); milliseconds of today are refused. "2026-02-30T00:00:00Z" is the 2nd of March. uuid() refuses versions 6, 7 and 8. joi 18.3.2
#   takes the number for milliseconds, zod 4.6.7 refuses it; both take these UUIDs, and zod refuses the 30th of February.
# Means: a body whose time was a text and becomes a number is valid as before, and three centuries old: expired, sorted first, never found by "since". Ids of
#   version 7, as senders choose them now, make a 400 of each notification. Check ids by matches() and times by a rule of your own.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
export TZ=UTC; cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts yup@1.7.1 joi@18.3.2 zod@4.6.7
cat > t.mjs <<'E'
import assert from 'node:assert'; import fs from 'node:fs'; import * as yup from 'yup'; import Joi from 'joi'; import * as z from 'zod';
const version = (name) => `${name} ${JSON.parse(fs.readFileSync(`node_modules/${name}/package.json`)).version}`;
console.log('Node.js', process.version, version('yup'), version('joi'), version('zod'));
const tried = (read) => { try { const got = read(); return got instanceof Date ? got.toISOString() : String(got); } catch { return 'refused'; } };
const times = { yup: (v) => yup.date().validateSync(v), joi: (v) => Joi.attempt(v, Joi.date()), zod: (v) => z.date().or(z.iso.datetime()).parse(v) };
const ids = { yup: (v) => yup.string().uuid().validateSync(v), joi: (v) => Joi.attempt(v, Joi.string().guid()), zod: (v) => z.uuid().parse(v) };
const check = (value, readers, ...wanted) => {
  const seen = Object.values(readers).map((read) => tried(() => read(value))); console.log(JSON.stringify(value).padEnd(40), Object.keys(readers).map((name, n) => `${name}: ${seen[n]}`).join('  '));
  assert.deepStrictEqual(seen, wanted);
};
check(1700000000, times, '1700-01-01T00:00:00.000Z', '1970-01-20T16:13:20.000Z', 'refused');
check(1712345678, times, '1714-10-03T09:18:00.000Z', '1970-01-20T19:39:05.678Z', 'refused');
check(1700000000123, times, 'refused', '2023-11-14T22:13:20.123Z', 'refused');
check(0, times, '2000-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z', 'refused');
check('2026-02-30T00:00:00Z', times, '2026-03-02T00:00:00.000Z', '2026-03-02T00:00:00.000Z', 'refused');
check('2026-01-01T00:00:00Z', times, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00Z');
for (const id of ['1ec9414c-232a-6b00-b3c8-9e6bdeced846', '01890a5d-ac96-774b-bcce-b302099a8057', '320c3d4d-cc00-875b-8ec9-32d5f69181c0']) check(id, ids, 'refused', id, id);
check('936da01f-9abd-4d9d-80c7-02af85c822a8', ids, ...Array(3).fill('936da01f-9abd-4d9d-80c7-02af85c822a8'));
E
timeout 60 node t.mjs
