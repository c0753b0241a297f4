// What npm's standardwebhooks and svix say to what was delivered.
//
//     node verify.mjs <DELIVERED
//
// Takes JSON, {"secrets": [...], "arrivals": [{"headers": {...}, "body": BASE64}]}, and prints of each arrival, by library,
// whether it is accepted with each secret.

import { readFileSync } from "node:fs";
import * as standardwebhooks from "standardwebhooks";
import * as svix from "svix";

function accepts({ Webhook, WebhookVerificationError }, secret, { headers, body }) {
  try {
    new Webhook(secret).verify(Buffer.from(body, "base64"), headers, { jsonParse: false });
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) {
      return false;
    }
    throw error;
  }
}

const { secrets, arrivals } = JSON.parse(readFileSync(0, "utf8"));
const libraries = { standardwebhooks, svix };
const told = (arrival) =>
  Object.fromEntries(
    Object.entries(libraries).map(([name, library]) => [
      name,
      secrets.map((secret) => accepts(library, secret, arrival)),
    ]),
  );
console.log(JSON.stringify(arrivals.map(told)));
