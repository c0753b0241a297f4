// hook.mjs: npm install standardwebhooks; what it exports is served by Deno, Bun and others
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(readFileSync(process.env.SECRET_FILE, "utf8").trim());
const seen = new Map(); // the work by id; belongs into your database, and is written in one transaction with it

async function handle(event) {
  console.log(event.type, event.id);
}

export default {
  async fetch(request) {
    // All of it, however much a stranger sends: who serves this bounds it (Bun at 128 MB, serve.mjs at 20, Deno not at all).
    const bytes = await request.arrayBuffer();
    // What is signed. request.text() leaves out a byte order mark, which a raw body may have.
    const signed = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    try {
      webhook.verify(signed, Object.fromEntries(request.headers), { jsonParse: false });
    } catch (error) {
      return new Response(error.message, { status: 401 });
    }
    const id = request.headers.get("webhook-id");
    if (!seen.has(id)) {
      // Before it is done: the same may come once more meanwhile, and waits for it.
      const work = handle(JSON.parse(new TextDecoder().decode(bytes)));
      seen.set(id, work);
      work.catch(() => seen.delete(id));
    }
    await seen.get(id);
    return new Response();
  },
};
