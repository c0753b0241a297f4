#!/usr/bin/env bash
# Expected: emit('orders', event) of a Kafka client of NestJS sends the event as JSON, as its page says (objects by JSON.stringify()), and leaves the
#   object alone; to give a key, one passes an object with the properties key and value.
# Happens: @nestjs/microservices 12.1.1 takes each event that has a field "key" OR a field "value" for a Kafka message. {"id": "evt_1", "value": 19.99,
#   "currency": "EUR"} (a gift card, a metric, an amount of PayPal) goes out as the text 19.99; {"id": 7, "key": "color", "old": "red"} goes out with the
#   key color and the value null, which in a compacted topic deletes what is stored under color; fields "headers", "partition" and "timestamp" beside them
#   are taken for Kafka's own: partition 3, and the record's timestamp. And the caller's object is changed: value is a string now, headers is there. No
#   error, no warning. An event in a list, or without such a field, is sent whole.
# Means: most kinds of events arrive, and those of one kind have lost their id and currency or are tombstones. Send JSON yourself: emit(topic, { value:
#   JSON.stringify(event) }), which also lets the object be, or set a serializer of your own.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @nestjs/microservices@12.1.1 @nestjs/common@12.5.1 @nestjs/core@12.5.1 kafkajs@2.2.4 rxjs@7.8.2 reflect-metadata@0.2.2 >/dev/null
cat > t.mjs <<'E2'
import 'reflect-metadata'
import { readFileSync } from 'fs'
import { ClientKafka } from '@nestjs/microservices'
import { lastValueFrom } from 'rxjs'
console.log(...['@nestjs/microservices', 'kafkajs'].map((n) => n + ' ' + JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version), 'node', process.version)
let failed = false, message
const check = (name, got, wanted) => { console.log('   ', name.padEnd(34), got); if (got !== wanted) { failed = true; console.log('   changed: expected', wanted) } }
// Nest's own client, with the last step, the producer of kafkajs, in place of a broker: it keeps what Nest tells kafkajs to send.
const client = new ClientKafka({ client: { brokers: ['127.0.0.1:9'] } })
client.connect = async () => {}; client._producer = { send: async ({ messages }) => { message = messages[0]; return [] } }
const emit = async (event, wanted, after) => {
  const before = JSON.stringify(event); console.log(before)
  await lastValueFrom(client.emit('orders', event), { defaultValue: null })
  const { key, value, headers, partition, timestamp } = message // the fields that kafkajs reads
  check('key, value', JSON.stringify([key, value]), JSON.stringify(wanted)); if (headers && Object.keys(headers).length + (partition ?? 0)) check('headers, partition, timestamp', JSON.stringify([headers, partition, timestamp]), after.record)
  check('the object afterwards', JSON.stringify(event), after?.object ?? before)
}
await emit({ id: 'evt_1', amount: 19.99, currency: 'EUR' }, [undefined, '{"id":"evt_1","amount":19.99,"currency":"EUR"}'])
await emit({ id: 'evt_1', value: 19.99, currency: 'EUR' }, [undefined, '19.99'], { object: '{"id":"evt_1","value":"19.99","currency":"EUR","headers":{}}' })
await emit({ currency_code: 'EUR', value: '19.99' }, [undefined, '19.99'], { object: '{"currency_code":"EUR","value":"19.99","headers":{}}' })
await emit({ id: 7, key: 'color', old: 'red', new: 'blue' }, ['color', null], { object: '{"id":7,"key":"color","old":"red","new":"blue","value":null,"headers":{}}' })
await emit({ id: 7, value: { a: 1 }, partition: 3, headers: { host: 'x' }, timestamp: '1732917600123' }, [undefined, '{"a":1}'],
  { record: '[{"host":"x"},3,"1732917600123"]', object: '{"id":7,"value":"{\\"a\\":1}","partition":3,"headers":{"host":"x"},"timestamp":"1732917600123"}' })
await emit([{ id: 'evt_1', value: 19.99 }], [undefined, '[{"id":"evt_1","value":19.99}]'])
const event = { id: 'evt_1', value: 19.99, currency: 'EUR' }
await emit({ value: JSON.stringify(event) }, [undefined, JSON.stringify(event)], { object: JSON.stringify({ value: JSON.stringify(event), headers: {} }) })
process.exit(failed ? 1 : 0)
E2
node t.mjs
