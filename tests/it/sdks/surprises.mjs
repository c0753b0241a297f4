// What docs/delivery.md says of the JavaScript libraries; fails where it is not so.

import assert from "node:assert";
import { createRequire } from "node:module";
import { HTTP } from "cloudevents";
import * as standardwebhooks from "standardwebhooks";
import * as svix from "svix";

// With a filling at the end, as `openssl rand -base64 32` gives one.
const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const now = new Date();

function signed(body) {
  return {
    "webhook-id": "id",
    "webhook-timestamp": String(Math.floor(now / 1000)),
    "webhook-signature": new standardwebhooks.Webhook(secret).sign("id", now, body),
  };
}

for (const { Webhook } of [standardwebhooks, svix]) {
  const webhook = new Webhook(secret);
  const headers = signed("{}");
  webhook.verify("{}", headers);
  webhook.verify(Buffer.from("{}"), headers);
  assert.throws(() => webhook.verify("{}", new Headers(headers)), /Missing required headers/);
  const bytes = new TextEncoder().encode("{}");
  for (const body of [bytes, bytes.buffer, {}]) {
    assert.throws(() => webhook.verify(body, headers), /Expected payload to be of type string or Buffer/);
  }
  // A line end after the secret.
  assert.throws(() => new Webhook(`${secret}\n`).verify("{}", headers), /incorrect characters/);
}

// verify parses, and fails in other ways where it cannot.
const one = new standardwebhooks.Webhook(secret);
assert.deepStrictEqual(one.verify("{}", signed("{}")), {});
assert.throws(() => one.verify("\ufeff{}", signed("\ufeff{}")), SyntaxError);
assert.strictEqual(one.verify("\ufeff{}", signed("\ufeff{}"), { jsonParse: false }), undefined);

// svix returns nothing, and asks for a newer Node.js than it needs.
assert.strictEqual(new svix.Webhook(secret).verify("{}", signed("{}")), undefined);
const { engines } = createRequire(import.meta.url)("svix/package.json");
assert.strictEqual(engines.node, ">=22");

// An event in a Buffer, and times.
const event = { specversion: "1.0", id: "1", source: "/a", type: "b", time: "2024-07-30T09:15:00.000123Z", data: 1 };
const headers = { "content-type": "application/cloudevents+json" };
const body = JSON.stringify(event);
assert.strictEqual(HTTP.toEvent({ headers, body }).time, "2024-07-30T09:15:00.000Z");
const read = HTTP.toEvent({ headers, body: Buffer.from(body) });
assert.deepStrictEqual([read.type, read.data], [undefined, undefined]);
