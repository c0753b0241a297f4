#!/usr/bin/env bash
# Expected: in an expression of n8n, {{ $json.compact() }} takes the fields out that are null or "" (so its description says) and leaves the others;
#   compact() of a list takes empty entries out; pluck("id", "amount") gives the values of these two fields for each entry; unique("id") takes repeats out
#   by that field.
# Happens: n8n-workflow 2.41.0, which is n8n's engine for this, makes an object of each list that lies inside: {"lines": [{...}, {...}]} becomes {"lines":
#   {"0": {...}, "1": {...}}}, "tags": ["new"] {"0": "new"}, and [1, 2] in a list {"0": 1, "1": 2}; empty lists and Dates are gone. pluck("id", "amount")
#   has the order of the sender's keys: [7, 1999] for {"id": 7, "amount": 1999}, [1999, 7] for the same with amount first, and 7 where amount is missing.
#   unique("id") keeps one of all entries that have no id. No error; lists of plain values at the top, and one field for pluck, are right.
# Means: the cleaned body that a workflow posts or stores has lines that the receiver cannot read as a list; a row with [id, amount] books order 1999 with
#   7. Clean fields one by one, or by JSON.stringify with a function in a Code node; write map(x => [x.id, x.amount]) for pluck.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --no-audit --no-fund --ignore-scripts --loglevel=error n8n-workflow@2.41.0 >/dev/null
cat > t.cjs <<'E2'
const { Workflow } = require('n8n-workflow')
console.log('n8n-workflow', require('./node_modules/n8n-workflow/package.json').version, 'node', process.version)
let failed = false
const type = { description: { displayName: 'x', name: 'x', group: [], version: 1, description: '', defaults: {}, inputs: ['main'], outputs: ['main'], properties: [] } }
const nodeTypes = { getByName: () => type, getByNameAndVersion: () => type, getKnownTypes: () => ({}) }
const workflow = new Workflow({ id: '1', name: 'w', nodes: [{ id: 'a', name: 'A', type: 'x', typeVersion: 1, position: [0, 0], parameters: {} }], connections: {}, active: false, nodeTypes })
const check = (expression, json, wanted) => {
  let got; try { got = JSON.stringify(workflow.expression.getParameterValue('={{ ' + expression + ' }}', null, 0, 0, 'A', [{ json }], 'manual', {})) } catch (error) { got = 'error: ' + error.message }
  console.log(`${expression}  of ${JSON.stringify(json)}\n    ${got}`); if (got !== JSON.stringify(wanted)) { failed = true; console.log('   changed: expected', JSON.stringify(wanted)) }
}
const order = { id: 'evt_1', note: null, fax: '', lines: [{ sku: 'A', qty: 1 }, { sku: 'B', qty: 2 }], tags: ['new'], customer: { phones: ['1', '2'], fax: '' } }
check('$json.compact()', order, { id: 'evt_1', lines: { 0: { sku: 'A', qty: 1 }, 1: { sku: 'B', qty: 2 } }, tags: { 0: 'new' }, customer: { phones: { 0: '1', 1: '2' } } })
check('$json.compact()', { id: 'evt_1', note: null, fax: '', customer: { name: 'A', fax: '' } }, { id: 'evt_1', customer: { name: 'A' } })
check('$json.compact()', { id: 'evt_1', refunds: [], paid: false, fee: 0 }, { id: 'evt_1', paid: false, fee: 0 })
check('({ id: $json.id, at: new Date($json.at) }).compact()', { id: 'evt_1', at: 1732917600000 }, { id: 'evt_1' })
check('$json.items.compact()', { items: [{ sku: 'A', sizes: [38, 39] }, null, '', [3, 4]] }, [{ sku: 'A', sizes: { 0: 38, 1: 39 } }, { 0: 3, 1: 4 }])
check('$json.items.compact()', { items: ['A', null, '', 'B'] }, ['A', 'B'])
check('$json.lines.pluck("id", "amount")', { lines: [{ id: 7, amount: 1999 }, { amount: 1999, id: 7 }, { id: 7 }] }, [[7, 1999], [1999, 7], 7])
check('$json.lines.map(x => [x.id, x.amount])', { lines: [{ id: 7, amount: 1999 }, { amount: 1999, id: 7 }] }, [[7, 1999], [7, 1999]])
check('$json.lines.pluck("id")', { lines: [{ id: 7, amount: 1999 }, { amount: 1999, id: 7 }] }, [7, 7])
check('$json.events.unique("id")', { events: [{ id: 1, n: 1 }, { id: 1, n: 2 }, { ref: 'x', n: 3 }, { ref: 'y', n: 4 }] }, [{ id: 1, n: 1 }, { ref: 'x', n: 3 }])
process.exit(failed ? 1 : 0)
E2
node t.cjs
