#!/usr/bin/env bash
# Expected: inngest.send() and the result of step.run() are JSON (the pages on serialization say that a Date, a Map, a Set or an object of a class is lost
#   as such); an id of type bigint, as Prisma gives it for BIGINT (and Drizzle on demand), is an error, as it is for JSON.stringify(), or a number.
# Happens: inngest 4.24.0 (npm) takes each bigint out, with no error and no line in a log: {"id": 42n, "amount": 19.99}
#   goes out as {"amount": 19.99}, a list of ids [1n, 2n] as [null, null]. What step.run() returns has its id as long as the step itself runs, and has
#   none in the function behind it, on the first run as on each retry. Only in the function's own result a bigint is an error ("Do not know how to
#   serialize a BigInt").
# Means: the consumer gets an order without a number, and where({ id: order.id }) behind a step asks for undefined, which Prisma takes for no condition at
#   all: the first order of the table. Give ids as strings (id: String(order.id)), also inside of what a step returns, or add a serializer as middleware.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir" # the two tracing packages, 35,000 files that nothing here loads, are replaced by a small one
echo '{"private":true,"overrides":{"@opentelemetry/auto-instrumentations-node":"npm:ms@2.1.3","@traceloop/instrumentation-anthropic":"npm:ms@2.1.3"}}' > package.json
npm install --no-audit --no-fund --ignore-scripts --loglevel=error inngest@4.24.0 >/dev/null
cat > t.mjs <<'E2'
import { readFileSync } from 'fs'
import { Inngest } from 'inngest'
import { serve } from 'inngest/edge'
console.log('inngest', JSON.parse(readFileSync('node_modules/inngest/package.json')).version, 'node', process.version)
let failed = false, sent; const said = []
for (const level of ['log', 'info', 'warn', 'error', 'debug']) { const real = console[level].bind(console); console[level] = (...all) => { said.push(all); if (level === 'log') real(...all) } }
const check = (name, got, wanted) => { process.stdout.write(`${name.padEnd(64)} ${got}\n`); if (got !== wanted) { failed = true; process.stdout.write(`   changed: expected ${wanted}\n`) } }
const attempt = (run) => { try { return run() } catch { return 'error' } }
// The SDK's own client, with a fetch that keeps what would go to the server: nothing leaves this process.
const inngest = new Inngest({ id: 'shop', isDev: true, eventKey: 'key', baseUrl: 'http://127.0.0.1:9', fetch: async (url, init) => { sent = init.body; return Response.json({ ids: ['1'], status: 200 }) } })
const send = async (data) => { await inngest.send({ name: 'order/paid', data }); return JSON.stringify(JSON.parse(sent)[0].data) }
said.length = 0
check('JSON.stringify({ id: 42n })', attempt(() => JSON.stringify({ id: 42n })), 'error')
check('send({ id: 42n, amount: 19.99 })', await send({ id: 42n, amount: 19.99 }), '{"amount":19.99}')
check('send({ ids: [1n, 2n] })', await send({ ids: [1n, 2n] }), '{"ids":[null,null]}')
check('send({ order: { id: 9007199254740993n } })', await send({ order: { id: 9007199254740993n } }), '{"order":{}}')
check('send({ id: "42", number: 42 })', await send({ id: '42', number: 42 }), '{"id":"42","number":42}')
const seen = {}
const load = async () => { const order = { id: 42n, ref: '42', amount: 19.99 }; seen.inside = typeof order.id; return order }
const book = inngest.createFunction({ id: 'book', triggers: [{ event: 'order/paid' }] }, async ({ step }) => { const order = await step.run('load', load); seen.behind = typeof order.id + ' ' + typeof order.ref; return { booked: 42n, ref: order.ref } })
const handler = serve({ client: inngest, functions: [book] })
const run = async (steps, stack) => { // one call as the server of Inngest makes it
  const event = { name: 'order/paid', data: {} }
  const response = await handler(new Request('http://127.0.0.1/api/inngest?fnId=shop-book&stepId=step', { method: 'POST', headers: { host: '127.0.0.1', 'content-type': 'application/json' },
    body: JSON.stringify({ event, events: [event], steps, version: 1, use_api: false, ctx: { run_id: 'run', attempt: 0, disable_immediate_execution: false, use_api: false, stack: { stack, current: stack.length } } }) }))
  return [response.status, await response.json()]
}
const [status, [operation]] = await run({}, [])
check('step.run: status of the call', status, 206); check('step.run: type of id inside of the step', seen.inside, 'bigint')
check('step.run: what the step returned, as it is kept', JSON.stringify(operation.data), '{"ref":"42","amount":19.99}')
const [end, result] = await run({ [operation.id]: { type: 'data', data: operation.data } }, [operation.id])
check('type of id and of ref (a string) behind the step', seen.behind, 'undefined string')
check('status and message where the function returns booked: 42n', `${end} ${result.message}`, '500 Do not know how to serialize a BigInt')
check('lines that inngest wrote', said.filter((all) => !/^inngest /.test(String(all[0]))).length, 0)
process.exit(failed ? 1 : 0)
E2
node t.mjs
