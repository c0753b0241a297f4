// hook.mjs: npm install express standardwebhooks; node hook.mjs
import { readFileSync } from "node:fs";
import express from "express";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(readFileSync(process.env.SECRET_FILE, "utf8").trim());
const seen = new Map(); // the work by id; belongs into your database, and is written in one transaction with it

async function handle(event) {
  console.log(event.type, event.id);
}

const app = express();
// All content types, and more than the 100 KiB that it takes otherwise. No express.json() before it.
app.post("/hooks/caigunn", express.raw({ type: () => true, limit: "20mb" }), async (request, response) => {
  try {
    webhook.verify(request.body, request.headers, { jsonParse: false });
  } catch (error) {
    return response.status(401).send(error.message);
  }
  const id = request.get("webhook-id");
  if (!seen.has(id)) {
    // Before it is done: the same may come once more meanwhile, and waits for it.
    const work = handle(JSON.parse(new TextDecoder().decode(request.body)));
    seen.set(id, work);
    work.catch(() => seen.delete(id));
  }
  await seen.get(id);
  response.sendStatus(200);
});
// Without one, and without NODE_ENV=production, Express tells a stranger where in which file it failed.
app.use((error, request, response, next) => {
  console.error(error);
  response.sendStatus(error.expose ? error.status : 500); // what it finds wrong with a request, or the work
});
app.listen(process.env.PORT ?? 3000, "127.0.0.1");
