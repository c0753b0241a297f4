#!/usr/bin/env bash
# Expected: with QoS 1 and a session that is kept, what the broker has confirmed reaches a subscriber that was away, or the publisher hears of it.
# Happens: mosquitto 2.0.11 (Debian 12) keeps 1,000 messages for a session and drops each later one, the newest, while it confirms it as a success, with
#   MQTT 3.1.1 and with 5 (whose PUBACK could say "quota exceeded"). One line a session is in its log, and $SYS/broker/publish/messages/dropped grows.
#   `max_queued_messages 0` keeps all (paho-mqtt 2.2.0).
# Means: webhooks handed on to MQTT (a gateway, a worker that is redeployed) are lost after the thousandth of an outage, though each was confirmed and
#   the receiver's side counts them as delivered; and what comes back is the old state: `initial` without its `completed`. Count what is missing by an
#   id of the sender's, raise the limit, and have max_queued_bytes and the disk guard the broker.
set -euo pipefail
dir=$(mktemp -d); broker=; trap 'kill $broker 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq mosquitto libcap2 libdlt2 libsystemd0 libwrap0 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in ./*.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH="$dir/root/usr/lib/x86_64-linux-gnu"; mosquitto=$dir/root/usr/sbin/mosquitto
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check paho-mqtt==2.2.0
cat > t.py <<'E'
import sys, time, threading
import paho.mqtt.client as mqtt
from paho.mqtt.properties import Properties, PacketTypes
port, wanted = int(sys.argv[1]), int(sys.argv[2])
def connect(name, version, keep):
    options = {} if version == mqtt.MQTTv5 else {"clean_session": not keep}
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=version, **options)
    up = threading.Event(); client.on_connect = lambda *_: up.set()
    if version == mqtt.MQTTv5:
        properties = Properties(PacketTypes.CONNECT); properties.SessionExpiryInterval = 3600 if keep else 0
        client.connect("127.0.0.1", port, clean_start=False, properties=properties)
    else: client.connect("127.0.0.1", port)
    return client, up
def start(pair):
    pair[0].loop_start(); assert pair[1].wait(10); return pair[0]
for label, version in (("MQTT 3.1.1", mqtt.MQTTv311), ("MQTT 5", mqtt.MQTTv5)):
    topic = name = "worker-" + label.replace(" ", "-"); subscribed = threading.Event()
    worker = start(connect(name, version, True)); worker.on_subscribe = lambda *_: subscribed.set()
    worker.subscribe(topic, qos=1); assert subscribed.wait(10); worker.disconnect(); worker.loop_stop(); time.sleep(0.3)
    sender, codes = start(connect(name + "-sender", version, False)), []
    sender.on_publish = lambda client, data, number, reason, properties: codes.append(str(reason))
    for message in [sender.publish(topic, str(n), qos=1) for n in range(1500)]: message.wait_for_publish(20)
    time.sleep(0.3); sender.disconnect(); sender.loop_stop()
    got, pair = [], connect(name, version, True); pair[0].on_message = lambda client, data, message: got.append(int(message.payload))
    worker = start(pair); end, last = time.time() + 20, -1
    while time.time() < end and len(got) != last: last = len(got); time.sleep(1.5)
    worker.disconnect(); worker.loop_stop()
    print(f"{label:10} confirmed: {len(codes)} {set(codes)}, arrived: {len(got)}, the first {got[0]}, the last {got[-1]}")
    assert codes == ["Success"] * 1500 and got == list(range(wanted))
E
try() { # try WANTED SETTINGS...
  local wanted=$1 port; shift; port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  printf '%s\n' "listener $port 127.0.0.1" 'allow_anonymous true' "user $(id -un)" "$@" > m.conf
  "$mosquitto" -c m.conf >m.log 2>&1 & broker=$!
  for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
  echo "$(grep -m1 -o 'mosquitto version [^ ]*' m.log), settings: ${*:-none}"; timeout 60 v/bin/python t.py "$port" "$wanted"
  grep -o 'Outgoing messages.*' m.log | sed 's/^/   its log: /' || true
  kill "$broker"; wait "$broker" 2>/dev/null || true
}
try 1000
try 1500 'max_queued_messages 0'
