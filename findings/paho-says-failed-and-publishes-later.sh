#!/usr/bin/env bash
# Expected: when paho's publish() returns "not connected" and wait_for_publish() raises "publish failed", the message was not sent and will not be: whoever
#   has to deliver it keeps it and tries again once there is a connection. With QoS 2 it then arrives exactly once.
# Happens: paho-mqtt 2.2.0 keeps messages with QoS 1 and 2 all the same and sends them at the next connect, before the try that follows: two of each, with
#   QoS 2 too. With QoS 0 the same code and the same exception mean that it is gone. After the broker has confirmed it, when on_publish() has come,
#   is_published() goes on raising "failed". aiomqtt 2.5.1, built upon it, raises MqttCodeError, and publishes at the next `async with`. (broker: aedes 1.2.0)
# Means: the outbox of a gateway makes a duplicate of each event of an outage, just where QoS 2 was to prevent it. For QoS 1 and 2 take MQTT_ERR_NO_CONN for
#   "accepted" (and only MQTT_ERR_QUEUE_SIZE for "no"), or ask is_connected() first; make a new Client for each connection; put an id into the message.
set -euo pipefail
dir=$(mktemp -d); broker=; trap 'kill $broker 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check paho-mqtt==2.2.0 aiomqtt==2.5.1
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts aedes@1.2.0
cat > broker.mjs <<'E'
import { Aedes } from 'aedes'; import net from 'node:net'; import { writeFileSync } from 'node:fs';
const aedes = await Aedes.createBroker(); const server = net.createServer(aedes.handle);
server.listen(0, '127.0.0.1', () => writeFileSync('port', `${server.address().port}`));
E
node broker.mjs & broker=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
cat > t.py <<'E'
import asyncio, logging, sys, time
from importlib.metadata import version
import aiomqtt, paho.mqtt.client as mqtt
logging.disable(); port = int(open("port").read()); failed = False; got = []
print("paho-mqtt", version("paho-mqtt"), "aiomqtt", version("aiomqtt"))
def check(what, value, wanted):
    global failed
    print(f"{what:58} {value}")
    if value != wanted: failed = True; print("   changed: expected", wanted)
def wait(condition):
    for _ in range(100):
        if condition(): return True
        time.sleep(0.05)
def new(name): return mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name)
reader, ready = new("reader"), []
reader.on_message = lambda c, u, m: got.append(m.payload.decode()); reader.on_subscribe = lambda *a: ready.append(1)
reader.on_connect = lambda *a: reader.subscribe("events/#", 2)
reader.connect("127.0.0.1", port); reader.loop_start(); assert wait(lambda: ready)
def copies(): time.sleep(1); return [got.count(f"evt_{qos}") for qos in (0, 1, 2)]
def tell(call):
    try: return str(call())
    except RuntimeError: return "RuntimeError"
for state in ("before the first connect", "after a disconnect"):
    gateway, confirmed = new("gateway"), []; gateway.on_publish = lambda c, u, mid, reason, properties: confirmed.append(mid); got.clear()
    if state != "before the first connect":
        gateway.connect("127.0.0.1", port); gateway.loop_start(); assert wait(gateway.is_connected); gateway.disconnect(); gateway.loop_stop()
    infos = [gateway.publish(f"events/{qos}", f"evt_{qos}", qos) for qos in (0, 1, 2)]
    check(f"{state}: rc for QoS 0, 1, 2", [int(i.rc) for i in infos], [4, 4, 4])
    check("   wait_for_publish()", [tell(lambda: i.wait_for_publish(1)) for i in infos], ["RuntimeError"] * 3)
    gateway.reconnect() if gateway.host else gateway.connect("127.0.0.1", port)
    gateway.loop_start(); assert wait(gateway.is_connected)
    check("   connected: copies that arrive of themselves", copies(), [0, 1, 1])
    check("   confirmed by the broker", [i.mid in confirmed for i in infos], [False, True, True])
    check("   is_published(), after that", [tell(i.is_published) for i in infos], ["RuntimeError"] * 3)
    again = [gateway.publish(f"events/{qos}", f"evt_{qos}", qos) for qos in (0, 1, 2)]; [i.wait_for_publish(5) for i in again]
    check("   tried again: copies", copies(), [1, 2, 2])
    gateway.disconnect(); gateway.loop_stop()
async def with_aiomqtt():
    client = aiomqtt.Client("127.0.0.1", port, identifier="aio"); got.clear(); outcome = []
    async with client: await client.publish("events/1", "evt_1", qos=1)
    for qos in (1, 2):
        try: await client.publish(f"events/{qos}", f"evt_{qos}", qos=qos); outcome.append("ok")
        except aiomqtt.MqttError as e: outcome.append(type(e).__name__)
    check("aiomqtt, outside its `async with`: publish()", outcome, ["MqttCodeError"] * 2)
    async with client: await asyncio.sleep(1)
asyncio.run(with_aiomqtt())
check("   at the next one: copies (one was sent before)", copies(), [0, 2, 1])
reader.disconnect(); reader.loop_stop(); sys.exit(failed)
E
timeout 60 v/bin/python t.py
