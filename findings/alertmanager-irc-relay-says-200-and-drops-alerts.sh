#!/usr/bin/env bash
# Expected: alertmanager-irc-relay, a webhook receiver that passes Prometheus' alerts on to IRC, answers with an error when it cannot keep an alert, so that
#   Alertmanager sends it again, as it does after any 5xx. Its README has a "buffer size for alerts received but not yet sent".
# Happens: alertmanager-irc-relay 0.4.2 (Debian 12) answers 200 to all. While IRC is away it keeps as many alerts as alert_buffer_size says (2048 unless set)
#   and drops each later one, the newest; of one request with six alerts and room for three it keeps three, with 200. Ended (SIGTERM: an upgrade, a reboot)
#   while IRC is away, it drops all of them. When IRC is back only what the buffer held comes; what was refused inside is in a metric and in its log.
#   A channel that it may not join costs 200 and the alert as well, ten seconds later.
# Means: the alerts of the hour in which the network was gone are just those that are lost, and Alertmanager has them down as delivered. Watch its metric
#   webhook_alert_handling_errors, keep a second receiver, and do not take the 200 of a relay for more than "read".
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12"; exit 2; }
apt-get download -qq alertmanager-irc-relay >log 2>&1 ||
  { apt-get update -qq >log 2>&1; apt-get download -qq alertmanager-irc-relay >log 2>&1; } || { cat log; exit 2; }
version=$(dpkg -f alertmanager-irc-relay_*.deb Version); echo "alertmanager-irc-relay $version"
[[ $version == 0.4.2* ]] || { echo "   changed: expected 0.4.2"; exit 1; }
dpkg -x alertmanager-irc-relay_*.deb root
cat > t.py <<'E'
import json, socket, subprocess, sys, threading, time, urllib.request
failed = False
def free():
    with socket.socket() as s: s.bind(("127.0.0.1", 0)); return s.getsockname()[1]
class Irc(threading.Thread):
    """An IRC server for one client, which may join #app, but not #closed."""
    def __init__(self, port):
        super().__init__(daemon=True); self.seen = []
        self.listener = socket.create_server(("127.0.0.1", port)); self.start()
    def run(self):
        connection, _ = self.listener.accept(); stream = connection.makefile("rb")
        def say(text): connection.sendall(text.encode() + b"\r\n")
        for line in stream:
            words = line.decode().strip().split(" ")
            if words[0] == "USER": say(":irc 001 relay :welcome")
            if words[0] == "PING": say(":irc PONG irc " + words[1])
            if words[0] == "JOIN" and words[1] == "#closed": say(":irc 473 relay #closed :invite only")
            elif words[0] == "JOIN": say(f":relay!relay@host JOIN {words[1]}")
            if words[0] == "QUIT": break
            if words[0] in ("NOTICE", "PRIVMSG") and words[1].startswith("#"): self.seen.append(" ".join(words[2:])[1:])
        connection.shutdown(socket.SHUT_RDWR); connection.close()
class Relay:
    def __init__(self, irc_port):
        self.port = free()
        with open("config.yml", "w") as file:
            file.write(f"http_host: 127.0.0.1\nhttp_port: {self.port}\nirc_host: 127.0.0.1\nirc_port: {irc_port}\nirc_use_ssl: no\n"
                       "irc_nickname: relay\nirc_channels:\n  - name: '#app'\nalert_buffer_size: 3\nmsg_template: '{{ .Labels.id }}'\n")
        self.process = subprocess.Popen(["root/usr/bin/alertmanager-irc-relay", "--config", "config.yml"], stdout=open("log", "a"), stderr=subprocess.STDOUT)
        for _ in range(100):
            try: self.metrics(); break
            except OSError: time.sleep(0.1)
    def metrics(self): return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10).read().decode()
    def post(self, *ids, channel="app"):
        times = {"startsAt": "2024-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z"}
        alerts = [{"status": "firing", "labels": {"id": id}, "annotations": {}, **times} for id in ids]
        body = json.dumps({"version": "4", "status": "firing", "receiver": "irc", "groupLabels": {}, "commonLabels": {}, "alerts": alerts}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{channel}", body, {"Content-Type": "application/json"})
        return urllib.request.urlopen(request, timeout=10).status
    def dropped(self):
        return sum(float(line.split()[-1]) for line in self.metrics().splitlines() if "internal_comm_channel_full" in line and line[0] != "#")
    def end(self): self.process.terminate(); self.process.wait(20)
def show(name, got, wanted):
    global failed
    print(f"{name:58} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def wait_for(irc, count):
    for _ in range(300):
        if len(irc.seen) >= count: break
        time.sleep(0.1)
    time.sleep(1.5); return irc.seen
try:
    irc_port = free(); relay = Relay(irc_port)
    show("IRC away, five requests, room for three:", [relay.post(f"msg_{n}") for n in range(1, 6)], [200] * 5)
    show("dropped, says the metric:", relay.dropped(), 2.0)
    irc = Irc(irc_port); show("IRC is back, it gets:", wait_for(irc, 3), ["msg_1", "msg_2", "msg_3"])
    show("IRC is there, a request:", (relay.post("msg_6"), wait_for(irc, 4)[-1]), (200, "msg_6"))
    relay.end()
    irc_port = free(); relay = Relay(irc_port)
    show("IRC away, one request with six alerts:", (relay.post(*[f"msg_{n}" for n in range(1, 7)]), relay.dropped()), (200, 3.0))
    relay.end(); relay = Relay(irc_port); irc = Irc(irc_port)
    show("ended and started again, IRC is back, it gets:", (relay.post("msg_7"), wait_for(irc, 1)), (200, ["msg_7"]))
    show("a channel that it may not join:", relay.post("msg_8", channel="closed"), 200)
    for _ in range(200):
        if 'irc_send_msg_errors{error="not_joined",ircchannel="#closed"} 1' in relay.metrics(): break
        time.sleep(0.1)
    show("... is lost, says the metric:", 'error="not_joined",ircchannel="#closed"} 1' in relay.metrics(), True)
finally: relay.end()
sys.exit(failed)
E
timeout 110 python3 t.py & server=$!
wait $server
