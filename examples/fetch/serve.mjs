// Serves a function from Request to Response, as Deno and others do by themselves: node serve.mjs

import { createServer } from "node:http";
import hook from "./hook.mjs";

const limit = 20_000_000; // bytes of a body

async function respond(incoming) {
  const parts = [];
  let length = 0;
  // One that is too long is read to its end, so that the answer is too, and not kept.
  for await (const part of incoming) {
    length += part.length;
    if (length <= limit) {
      parts.push(part);
    }
  }
  if (length > limit) {
    return new Response(null, { status: 413 });
  }
  const { url, method, headers } = incoming;
  // A Request of these methods may not have one.
  const body = ["GET", "HEAD"].includes(method) ? undefined : Buffer.concat(parts);
  return hook.fetch(new Request(`http://127.0.0.1${url}`, { method, headers, body }));
}

const server = createServer(async (incoming, outgoing) => {
  // What fails here, such as the work, or a request that is cut off, would end the program.
  try {
    const response = await respond(incoming);
    const body = Buffer.from(await response.arrayBuffer());
    outgoing.writeHead(response.status).end(body);
  } catch (error) {
    console.error(error);
    outgoing.writeHead(500).end();
  }
});
server.listen(process.env.PORT ?? 3000, "127.0.0.1");
