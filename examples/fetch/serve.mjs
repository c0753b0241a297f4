// Serves a function from Request to Response, as Deno and others do by themselves: node serve.mjs

import { createServer } from "node:http";
import hook from "./hook.mjs";

const server = createServer(async (incoming, outgoing) => {
  const parts = [];
  for await (const part of incoming) {
    parts.push(part);
  }
  const { url, method, headers } = incoming;
  const response = await hook.fetch(
    new Request(`http://127.0.0.1${url}`, { method, headers, body: Buffer.concat(parts) }),
  );
  outgoing.writeHead(response.status);
  outgoing.end(Buffer.from(await response.arrayBuffer()));
});
server.listen(process.env.PORT ?? 3000, "127.0.0.1");
