#!/usr/bin/env bash
# Expected: a number in the headers of an AMQP message (an amount, the time of receipt, an id) is at the other end what it was; RabbitMQ passes headers on
#   as they came, and both sides use a common library.
# Happens: through RabbitMQ 3.10.8 (Debian 12): pika 1.4.4 reads every fraction as a whole number, 12.75 as 12 and 0.9 as 0, whoever sent it. aio-pika 10.2.1
#   and npm @cloudamqp/amqp-client 4.1.1 send fractions with 32 bits: time.time() arrives 37 seconds early (up to 64), 19.99 as 19.989999771118164.
#   amqp-client sends whole numbers from 2^31 to 2^32 as negative ones, 3000000000 as -1294967296 (a Unix time from 2038 on, too). amqplib 2.3.1 sends a
#   Date as an empty table; it and amqp-client read a Decimal below zero as one of tens of millions: a refund of -12.75 is 42949660.21. No error anywhere.
# Means: what a gateway and a worker agree on depends on the pair of libraries, and a test with small whole numbers passes for every pair. Send header values
#   as strings (or in the body, whose bytes are left alone), and try each pair with a fraction, a time and a number over 2^31.
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
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pika==1.4.4 aio-pika==10.2.1 pamqp==4.0.1 kombu==5.7.0 amqp==5.4.2
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts amqplib@2.3.1 @cloudamqp/amqp-client@4.1.1
read -r port epmd dist < <(python3 -c 'import socket
s = [socket.socket() for _ in range(3)]; [x.bind(("127.0.0.1", 0)) for x in s]; print(*[x.getsockname()[1] for x in s])')
erlang=$dir/root/usr/lib/erlang; sed -i "s#=/usr/lib/erlang#=$erlang#" "$erlang/bin/erl"; echo '[].' >plugins; touch env
ERL_EPMD_PORT=$epmd "$erlang/bin/epmd" -address 127.0.0.1 &
env HOME="$dir" PATH="$erlang/bin:$PATH" ERL_EPMD_PORT="$epmd" ERL_EPMD_ADDRESS=127.0.0.1 LD_LIBRARY_PATH="$dir/root/usr/lib/x86_64-linux-gnu" \
  RABBITMQ_NODENAME="t$port@localhost" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$port" RABBITMQ_DIST_PORT="$dist" \
  RABBITMQ_MNESIA_BASE="$dir/db" RABBITMQ_LOG_BASE="$dir/log.d" RABBITMQ_ENABLED_PLUGINS_FILE="$dir/plugins" RABBITMQ_CONFIG_FILE="$dir/none" \
  RABBITMQ_CONF_ENV_FILE="$dir/env" RABBITMQ_PID_FILE="$dir/pid" "$dir/root/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/sbin/rabbitmq-server" >server.log 2>&1 &
for _ in $(seq 900); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
cat > t.mjs <<'E'
import amqplib from 'amqplib'; import { AMQPClient } from '@cloudamqp/amqp-client';
const url = process.argv[3], headers = () => ({ amount: 12.75, price: 19.99, received_at: 1767323045.678, id: 3000000000, small: 300, sent: new Date(0) });
const show = (v) => v instanceof Date ? 'a time' : v?.['!'] === 'timestamp' ? 'a time' : v?.['!'] === 'decimal' ? v.value.digits / 10 ** v.value.places : v;
const tell = (reader, writer, h) => console.log(JSON.stringify([reader, writer, Object.fromEntries(Object.entries(h).map(([k, v]) => [k, show(v)]))]));
const one = await amqplib.connect(url), a = await one.createConfirmChannel(), two = await new AMQPClient(url).connect(), b = await two.channel();
if (process.argv[2] === 'write') {
  a.publish('hooks', '', Buffer.from('amqplib'), { headers: headers() }); await a.waitForConfirms();
  await b.confirmSelect(); await b.basicPublish('hooks', '', 'amqp-client', { headers: headers() });
} else {
  for (let m; (m = await a.get('amqplib', { noAck: true }));) tell('amqplib', m.content.toString(), m.properties.headers);
  for (let m; (m = await b.basicGet('amqp-client', { noAck: true }));) tell('amqp-client', m.bodyString(), m.properties.headers);
}
await one.close(); await two.close();
E
cat > t.py <<'E'
import asyncio, json, subprocess, sys, datetime
from decimal import Decimal
import aio_pika, kombu, pika
url = sys.argv[1]; readers = ["pika", "aio-pika", "kombu", "amqplib", "amqp-client"]; results = []
given = {"amount": 12.75, "price": 19.99, "received_at": 1767323045.678, "refund": Decimal("-12.75"), "small": 300}
def node(what): return subprocess.run(["node", "t.mjs", what, url], check=True, capture_output=True, text=True, timeout=30).stdout
def show(v): return "a time" if isinstance(v, datetime.datetime) else float(v) if isinstance(v, Decimal) else v
def tell(reader, writer, headers):
    results.append([reader, writer if isinstance(writer, str) else bytes(writer).decode(), {k: show(v) for k, v in headers.items()}])
connection = pika.BlockingConnection(pika.URLParameters(url)); channel = connection.channel(); channel.exchange_declare("hooks", "fanout")
for name in readers: channel.queue_declare(name, durable=True); channel.queue_bind(name, "hooks")
with kombu.Connection(url) as c: c.Producer().publish("kombu", exchange="hooks", headers=dict(given))
async def write():
    c = await aio_pika.connect(url); exchange = await (await c.channel()).get_exchange("hooks")
    await exchange.publish(aio_pika.Message(b"aio-pika", headers={**given, "id": 3000000000}), ""); await c.close()
asyncio.run(write()); node("write")
while (got := channel.basic_get("pika", auto_ack=True))[0]: tell("pika", got[2], got[1].headers)
connection.close()
async def read():
    c = await aio_pika.connect(url); queue = await (await c.channel()).get_queue("aio-pika")
    while (m := await queue.get(no_ack=True, fail=False)): tell("aio-pika", m.body, m.headers)
    await c.close()
asyncio.run(read())
with kombu.Connection(url) as c:
    queue = kombu.Queue("kombu", channel=c.channel(), durable=True)
    while (m := queue.get(no_ack=True)): tell("kombu", m.body, m.headers)
results += [json.loads(line) for line in node("read").splitlines()]
def wanted(reader, writer):
    w = {**given, "refund": -12.75}
    if writer in ("amqplib", "amqp-client"): del w["refund"]; w["sent"] = "a time"; w["id"] = 3000000000
    if writer == "aio-pika": w["id"] = 3000000000
    if writer in ("aio-pika", "amqp-client"): w["price"], w["received_at"] = 19.989999771118164, 1767323008.0
    if writer == "amqp-client": w["id"] = -1294967296
    if writer == "amqplib": w["sent"] = {}
    if reader == "pika": w.update({k: int(w[k]) for k in ("amount", "price", "received_at")})
    if reader in ("amqplib", "amqp-client") and "refund" in w: w["refund"] = 42949660.21
    return w
failed = len(results) != 20
for reader, writer, headers in results:
    headers = {k: headers[k] for k in sorted(headers)}
    print(f"{writer:11} -> {reader:11}", *[f"{k}={v}" for k, v in headers.items()])
    if headers != wanted(reader, writer): failed = True; print("   changed: expected", wanted(reader, writer))
sys.exit(failed)
E
timeout 60 v/bin/python t.py "amqp://guest:guest@127.0.0.1:$port/"
