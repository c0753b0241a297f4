#!/usr/bin/env bash
# Expected: RabbitMQ's plugins for STOMP and AMQP 1.0 hand on what came by AMQP 0.9.1: body, headers (as text in STOMP), the time; and the other way round.
# Happens: RabbitMQ 3.10.8 (Debian 12). To STOMP go the headers that are text and those numbers that the sender's library happened to write with 32 or 64 bits: booleans,
#   fractions, null, lists and tables are left out, and of amqplib 2.3.1 whole numbers below 32768 too (5 is not there, 70000 is); aio-pika 10.2.1 loses 3000000000 as
#   well, kombu 5.7.0 and pika 1.4.4 keep it. AMQP's header content-type (as copied from a request) takes the place of the property. To AMQP 1.0 (rhea 3.0.5) goes
#   no header at all, type and app-id are gone, the subject is the name of the queue, and the time is a day of January 1970. From there all properties are one header of
#   raw bytes, the time is in the year 55841, and a body given as a string begins with seven other bytes (\0Sw\xa1\x07 and so on).
# Means: "is_test: true" or "attempt: 5" is there in the worker of one team and not in that of another, by the sender's library and the value; `if headers.get(...)` says no.
#   Send header values as strings to STOMP and put what must arrive into the body; for AMQP 1.0 send data sections (bytes), with times and ids in the body.
set -euo pipefail
dir=$(mktemp -d); trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12"; exit 2; }
mkdir debs; cd debs
packages="rabbitmq-server libsctp1 $(printf 'erlang-%s ' base asn1 crypto public-key mnesia runtime-tools ssl eldap inets os-mon parsetools \
  syntax-tools tools xmerl)"
apt-get download -qq $packages >../log 2>&1 || { apt-get update -qq >../log 2>&1; apt-get download -qq $packages >../log 2>&1; } || { cat ../log; exit 2; }
version=$(dpkg -f rabbitmq-server_*.deb Version); echo "rabbitmq-server $version"
[[ $version == 3.10.8* ]] || { echo "   changed: expected 3.10.8"; exit 1; }
cd ..; for deb in debs/*.deb; do dpkg -x "$deb" root; done
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pika==1.4.4 aio-pika==10.2.1 pamqp==4.0.1 kombu==5.7.0 amqp==5.4.2 stomp.py==9.0.0
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts amqplib@2.3.1 rhea@3.0.5
read -r port epmd dist stomp < <(python3 -c 'import socket
s = [socket.socket() for _ in range(4)]; [x.bind(("127.0.0.1", 0)) for x in s]; print(*[x.getsockname()[1] for x in s])')
erlang=$dir/root/usr/lib/erlang; sed -i "s#=/usr/lib/erlang#=$erlang#" "$erlang/bin/erl"; echo '[rabbitmq_stomp,rabbitmq_amqp1_0].' >plugins; touch env
echo "stomp.listeners.tcp.1 = 127.0.0.1:$stomp" >r.conf
ERL_EPMD_PORT=$epmd "$erlang/bin/epmd" -address 127.0.0.1 &
env HOME="$dir" PATH="$erlang/bin:$PATH" ERL_EPMD_PORT="$epmd" ERL_EPMD_ADDRESS=127.0.0.1 LD_LIBRARY_PATH="$dir/root/usr/lib/x86_64-linux-gnu" \
  RABBITMQ_NODENAME="t$port@localhost" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$port" RABBITMQ_DIST_PORT="$dist" \
  RABBITMQ_MNESIA_BASE="$dir/db" RABBITMQ_LOG_BASE="$dir/log.d" RABBITMQ_ENABLED_PLUGINS_FILE="$dir/plugins" RABBITMQ_CONFIG_FILE="$dir/r" \
  RABBITMQ_CONF_ENV_FILE="$dir/env" RABBITMQ_PID_FILE="$dir/pid" "$dir/root/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/sbin/rabbitmq-server" >server.log 2>&1 &
for _ in $(seq 900); do (exec 3<>/dev/tcp/127.0.0.1/$port && exec 4<>/dev/tcp/127.0.0.1/$stomp) 2>/dev/null && break; sleep 0.1; done
cat > t.js <<'E'
const rhea = require('rhea'), amqplib = require('amqplib'), port = +process.argv[2], body = '{"a":1}', wait = (ms) => new Promise((r) => setTimeout(r, ms));
(async () => {
  const c = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${port}/`), ch = await c.createConfirmChannel();
  const headers = {
    kind: 'paid', five: 5, three: 300, seventy: 70000, id: 3000000000, ms: 1700000000000, share: 12.75, test: true, none: null, list: ['a'], buyer: { id: 1 } };
  ch.publish('amq.fanout', '', Buffer.from('amqplib'), { headers }); await ch.waitForConfirms();
  await ch.assertQueue('one'); await ch.assertQueue('two');
  ch.sendToQueue('two', Buffer.from(body), {
    contentType: 'application/json', messageId: 'm', type: 'paid', appId: 'shop', timestamp: 1700000000, headers: { 'webhook-id': 'wh_1', n: 70000 } });
  const con = rhea.create_container().connect({ host: '127.0.0.1', port, username: 'guest', password: 'guest', reconnect: false }), to10 = {};
  con.on('message', ({ message: m }) => Object.assign(to10, {
    body: m.body.content.toString(), id: m.message_id, content: m.content_type, headers: m.application_properties ?? null,
    subject: m.subject, app: JSON.stringify(m).includes('shop'), time: new Date(m.creation_time).toISOString() }));
  con.open_receiver('/amq/queue/two'); const s = con.open_sender('/amq/queue/one'); await new Promise((r) => con.once('sendable', r));
  const rest = { content_type: 'application/json', message_id: 'm', creation_time: 1700000000000, application_properties: { 'webhook-id': 'wh_1', n: 70000 } };
  s.send({ body, ...rest }); s.send({ body: rhea.message.data_section(Buffer.from(body)), ...rest });
  for (let i = 0; i < 100 && !('body' in to10 && (await ch.checkQueue('one')).messageCount === 2); i++) await wait(100);
  const from10 = [];
  for (let m; (m = await ch.get('one', { noAck: true }));) from10.push({
    body: m.content.toString('latin1'), id: m.properties.messageId, type: m.properties.type, time: m.properties.timestamp,
    names: Object.keys(m.properties.headers).sort(), raw: Buffer.from(m.properties.headers['x-amqp-1.0-app-properties'] ?? '').includes('wh_1') });
  console.log(JSON.stringify({ to10, from10 })); con.close(); await c.close();
})();
E
cat > t.py <<'E'
import asyncio, json, subprocess, sys, time, aio_pika, kombu, pika, stomp
port, stomp_port = int(sys.argv[1]), int(sys.argv[2]); url = f"amqp://guest:guest@127.0.0.1:{port}/"; got = {}; failed = False
headers = {
    "kind": "paid", "five": 5, "three": 300, "seventy": 70000, "id": 3000000000, "ms": 1700000000000, "share": 12.75, "test": True, "none": None, "list": ["a"], "buyer": {"id": 1}}
bound = []
class Listener(stomp.ConnectionListener):
    def on_receipt(self, frame): bound.append(frame)
    def on_message(self, frame): got[frame.body] = {k: frame.headers[k] for k in [*headers, "content-type"] if k in frame.headers}
c = stomp.Connection12([("127.0.0.1", stomp_port)], vhost="/"); c.set_listener("", Listener()); c.connect("guest", "guest", wait=True)
c.subscribe("/exchange/amq.fanout", id="1", ack="auto", headers={"receipt": "bound"})
for _ in range(100):
    if bound: break
    time.sleep(0.1)
def without(*names): return {k: v for k, v in headers.items() if k not in names}
k = pika.BlockingConnection(pika.URLParameters(url))
properties = pika.BasicProperties(content_type="application/json", headers={**without("share"), "content-type": "text/plain"})
k.channel().basic_publish("amq.fanout", "", b"pika", properties); k.close()
with kombu.Connection(url) as q: q.Producer().publish("kombu", exchange="amq.fanout", content_type="application/json", headers=without())
async def write():
    c = await aio_pika.connect(url); exchange = await (await c.channel()).get_exchange("amq.fanout")
    await exchange.publish(aio_pika.Message(b"aio-pika", headers=without()), ""); await c.close()
asyncio.run(write())
other = json.loads(subprocess.run(["node", "t.js", str(port)], check=True, capture_output=True, text=True, timeout=60).stdout)
for _ in range(100):
    if len(got) == 4: break
    time.sleep(0.1)
def check(what, is_now, wanted):
    global failed
    print(what.ljust(22), is_now)
    if is_now != wanted: failed = True; print("   changed: expected", wanted)
five, big = {"five": "5", "three": "300"}, {"id": "3000000000"}; all_have = {"kind": "paid", "seventy": "70000", "ms": "1700000000000"}
check("pika -> STOMP", got.get("pika"), {**all_have, **five, **big, "content-type": "text/plain"})
check("kombu -> STOMP", got.get("kombu"), {**all_have, **five, **big, "content-type": "application/json"})
check("aio-pika -> STOMP", got.get("aio-pika"), all_have)
check("amqplib -> STOMP", got.get("amqplib"), {**all_have, **big})
check("amqplib -> AMQP 1.0", other["to10"], {
    "body": '{"a":1}', "id": "m", "content": "application/json", "headers": None, "subject": "two", "app": False, "time": "1970-01-20T16:13:20.000Z"})
same = {"id": "m", "time": 1700000000000, "names": ["x-amqp-1.0-app-properties", "x-amqp-1.0-properties"], "raw": True}
check("AMQP 1.0 -> amqplib", other["from10"], [{**same, "body": '\0Sw\xa1\x07{"a":1}', "type": "amqp-1.0"}, {**same, "body": '{"a":1}', "type": "binary"}])
c.disconnect(); sys.exit(failed)
E
timeout 80 v/bin/python t.py "$port" "$stomp"
