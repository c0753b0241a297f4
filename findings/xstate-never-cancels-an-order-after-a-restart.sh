#!/usr/bin/env bash
# Expected: a machine of XState whose snapshot was stored and is started again goes on as before, the time limits of its states (after) among that; its page
#   on persistence names services that survive a restart and long-running processes, and says nothing of limits among its caveats.
# Happens: xstate 5.33.3: an order that is "open", with after: { 3000: 'cancelled' }, is open for ever once it was restored by
#   createActor(machine, { snapshot }).start(), from the JSON of getPersistedSnapshot(). So are a retry that was to come by raise() with a delay, and the
#   limit of an inner state; a child machine that was invoked, or spawned, has lost its own. Nothing is in the snapshot of it, and no error. Events work as
#   before, a state that is entered anew has its limit, and a promise that was running is run a second time (as the page says). Apart from that, an after of
#   25 days or more (30 days, in milliseconds) comes at once: the order is cancelled after a millisecond, with Node.js' warning of a timer.
# Means: each deploy takes the limits from all orders that are waiting, and a test with one process sees none of it. Store the moment itself in the context
#   (openUntil), let a query or a cron job send the event when it is past, or enter the state again after the start. (Node.js 20; reported
#   upstream)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts xstate@5.33.3
cat > t.mjs <<'E'
import { assign, createActor, fromPromise, raise, setup } from 'xstate'; import { readFileSync } from 'node:fs';
process.on('warning', () => {});
console.log('node', process.version, 'xstate', JSON.parse(readFileSync('node_modules/xstate/package.json')).version);
const check = (what, seen, wanted) => {
  const same = JSON.stringify(seen) === JSON.stringify(wanted); if (!same) process.exitCode = 1;
  console.log(`${what}: ${JSON.stringify(seen)}${same ? '' : `   CHANGED: expected ${JSON.stringify(wanted)}`}`);
};
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let calls = 0;
const lib = setup({ actors: { charge: fromPromise(async () => { calls++; await wait(200); return 'paid'; }) } });
const limited = lib.createMachine({ initial: 'open', states: { open: { after: { 3000: 'cancelled' }, on: { pay: 'paid', again: { target: 'open', reenter: true } } }, paid: { after: { 300: 'closed' } }, closed: { type: 'final' }, cancelled: { type: 'final' } } });
const machines = {
  'a state with a limit (after)': limited,
  'an inner state with one': lib.createMachine({ initial: 'shop', states: { shop: { initial: 'open', states: { open: { after: { 3000: 'cancelled' } }, cancelled: {} } } } }),
  'a retry by raise() with a delay': lib.createMachine({ initial: 'waiting', states: { waiting: { entry: raise({ type: 'retry' }, { delay: 3000 }), on: { retry: 'sent' } }, sent: {} } }),
  'an invoked machine with a limit': setup({ actors: { limited } }).createMachine({ initial: 'open', states: { open: { invoke: { src: 'limited', onDone: 'done' } }, done: {} } }),
  'a spawned machine with a limit': setup({ actors: { limited } }).createMachine({ context: {}, entry: assign({ child: ({ spawn }) => spawn('limited', { id: 'child' }) }), on: { 'xstate.done.actor.child': '.done' }, initial: 'open', states: { open: {}, done: {} } }),
};
const state = (actor) => { const { value } = actor.getSnapshot(); return typeof value === 'string' ? value : Object.values(value)[0]; };
const stored = (actor) => { const snapshot = JSON.stringify(actor.getPersistedSnapshot()); actor.stop(); return JSON.parse(snapshot); };
const wanted = [['cancelled', 'open'], ['cancelled', 'open'], ['sent', 'waiting'], ['done', 'open'], ['done', 'open']];
await Promise.all(Object.entries(machines).map(async ([what, machine], n) => {
  const going = createActor(machine).start(), first = createActor(machine).start(); await wait(100);
  const snapshot = stored(first), restored = createActor(machine, { snapshot }).start(); await wait(4500);
  check(`${what}: after 4.6 s without a restart, and with one`, [state(going), state(restored)], wanted[n]); going.stop(); restored.stop();
}));
const restored = (machine) => { const first = createActor(machine).start(); return createActor(machine, { snapshot: stored(first) }).start(); };
let actor = restored(limited); actor.send({ type: 'pay' }); const then = state(actor); await wait(2000); check('restored, then paid: the limit of the next state works', [then, state(actor)], ['paid', 'closed']);
actor = restored(limited); actor.send({ type: 'again' }); await wait(4500); check('restored, and its state entered anew', state(actor), 'cancelled');
const charging = lib.createMachine({ initial: 'charging', states: { charging: { invoke: { src: 'charge', onDone: 'paid' } }, paid: {} } });
calls = 0; actor = restored(charging); await wait(2500); check('restored while a promise ran: calls, state', [calls, state(actor)], [2, 'paid']);
const days = (n) => lib.createMachine({ initial: 'open', states: { open: { after: { [n * 86400000]: 'cancelled' } }, cancelled: {} } });
const actors = [24, 25, 30].map((n) => createActor(days(n)).start()); await wait(1000);
check('open for at most 24, 25 and 30 days: after a second', actors.map(state), ['open', 'cancelled', 'cancelled']); actors.forEach((a) => a.stop());
E
timeout 120 node --no-warnings t.mjs
