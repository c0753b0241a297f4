#!/usr/bin/env bash
# Expected: sendMessage(text) of Azure's queue client puts that text into the queue, and receiveMessages() gives it back: line ends are allowed in
#   XML, which is what goes over the wire, and the client escapes what XML needs escaped.
# Happens: @azure/storage-queue 12.30.0 (@azure/core-xml 1.5.1) takes each \n out of the text before it sends it, in updateMessage() too. A batch of
#   two lines of JSON arrives as {"id":1}{"id":2}, which is no JSON; in text, "one\ntwo" is "onetwo"; a body with indents is other bytes. Reading, it
#   does not turn &#xD; back, so that each \r\n is five letters and \n, and no JSON. There is no error, the queue says 201, and JSON in one line
#   works, so tests pass. Python's azure-storage-queue 12.18.1 sends and reads all of these as they are. (Azurite 3.35.0, Microsoft's emulator; what
#   leaves the client is shown as well)
# Means: a relay in Node.js that queues the raw body makes its signature wrong and batches unreadable, and a consumer in Node.js fails on bodies that
#   others read. Give the queue Buffer.from(body).toString('base64') and decode it behind; Python has TextBase64EncodePolicy for that.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v node npm >/dev/null || { echo "needs Node.js and npm"; exit 2; }
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts \
  azurite@3.35.0 @azure/storage-queue@12.30.0 @azure/core-xml@1.5.1 fast-xml-parser@5.12.1
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check azure-storage-queue==12.18.1 azure-core==1.41.0
port=$(python3 -c 'import random, socket
while True:
    port = random.randrange(20000, 32000) # Below those that the kernel gives to clients.
    try: socket.socket().bind(("127.0.0.1", port)); print(port); break
    except OSError: pass')
node node_modules/azurite/dist/src/queue/main.js --queueHost 127.0.0.1 --queuePort "$port" \
  --location data --skipApiVersionCheck --disableTelemetry --silent >log 2>&1 & server=$!
for _ in $(seq 300); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
echo "Node.js $(node --version)" \
  $(node -p '["azurite", "@azure/storage-queue", "@azure/core-xml"].map((n) => n + " " + require("./node_modules/" + n + "/package.json").version).join(", ")')
cat > q.js <<'E'
const { QueueServiceClient } = require('@azure/storage-queue'), http = require('node:http'), [, , url, what, input] = process.argv;
(async () => {
  const queue = QueueServiceClient.fromConnectionString(url).getQueueClient('hooks'), texts = input && JSON.parse(input);
  if (what === 'send') for (const text of texts) if ((await queue.sendMessage(text))._response.status !== 201) throw new Error('not 201');
  if (what === 'update') for (const text of texts) { const m = await queue.sendMessage('x'); await queue.updateMessage(m.messageId, m.popReceipt, text); }
  if (what === 'receive') console.log(JSON.stringify((await queue.receiveMessages({ numberOfMessages: 32 })).receivedMessageItems.map((m) => m.messageText)));
  if (what === 'wire') {
    const server = http.createServer(async (q, a) => { let body = ''; for await (const part of q) body += part; console.log(JSON.stringify(body)); a.writeHead(400).end(); });
    await new Promise((r) => server.listen(0, '127.0.0.1', r));
    await QueueServiceClient.fromConnectionString(url.replace(/:\d+\//, `:${server.address().port}/`)).getQueueClient('hooks').sendMessage(texts[0]).catch(() => {});
    server.closeAllConnections(); server.close();
  }
})();
E
cat > t.py <<'E'
import json, subprocess, sys
from azure.storage.queue import QueueClient
key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==" # That of the emulator, the same everywhere.
url = f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={key};QueueEndpoint=http://127.0.0.1:{sys.argv[1]}/devstoreaccount1;"
queue = QueueClient.from_connection_string(url, "hooks"); queue.create_queue(); failed = False
batch, text, indents, windows, line = '{"id":1}\n{"id":2}\n', "one\ntwo", '{\n  "id": 1\n}', '{\r\n  "id": 1\r\n}', ' {"id":1,"text":"<b>A & B</b>\\n"} '
def node(what, texts=None):
    run = subprocess.run(["node", "q.js", url, what] + ([json.dumps(texts)] if texts else []), capture_output=True, text=True, timeout=30, check=True)
    return json.loads(run.stdout or "null")
def python(what, texts=None):
    if what == "send":
        for one in texts: queue.send_message(one)
    if what == "update":
        for one in texts: message = queue.send_message("x"); queue.update_message(message, content=one)
    if what == "receive": return [message.content for message in queue.receive_messages(messages_per_page=32)]
def case(name, writer, what, reader, texts, wanted):
    global failed
    queue.clear_messages(); writer(what, texts); got = reader("receive"); same = "   as it was" if got == texts else ""
    print(f"{name:28} {texts!r} -> {got!r}{same}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
case("Python to Python", python, "send", python, [batch, text, indents, windows, line], [batch, text, indents, windows, line])
case("Python, update", python, "update", python, [batch], [batch])
case("Node.js to Python, one line", node, "send", python, [line], [line])
case("Node.js to Python", node, "send", python, [batch], ['{"id":1}{"id":2}']); case("Node.js to Python", node, "send", python, [text], ["onetwo"])
case("Node.js to Python", node, "send", python, [indents], ['{  "id": 1}']); case("Node.js, update, to Python", node, "update", python, [batch], ['{"id":1}{"id":2}'])
case("Python to Node.js", python, "send", node, [batch, text, indents, line], [batch, text, indents, line])
case("Python to Node.js", python, "send", node, [windows], ['{&#xD;\n  "id": 1&#xD;\n}'])
sent = node("wire", [text]); print("what Node.js sends:", sent)
if "<MessageText>onetwo</MessageText>" not in sent: failed = True; print("   changed: expected onetwo")
sys.exit(failed)
E
timeout 80 v/bin/python t.py "$port"
