// What npm's cloudevents reads in what was delivered.
//
//     node read.mjs <DELIVERED
//
// Takes JSON, {"arrivals": [{"headers": {...}, "body": BASE64}]}, and prints of each the attributes and the data, and whether the
// data is what JSON.parse finds there; or the error.

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { HTTP } from "cloudevents";

function told({ headers, body }) {
  const text = Buffer.from(body, "base64").toString();
  try {
    const { id, type, subject, time, data } = HTTP.toEvent({ headers, body: text });
    return { id, type, subject: subject ?? null, time, data, is_same: isDeepStrictEqual(data, JSON.parse(text).data) };
  } catch (error) {
    return { error: `${error.name}: ${error.message}` };
  }
}

const { arrivals } = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(arrivals.map(told)));
