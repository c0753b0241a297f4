#!/usr/bin/env bash
# Expected: an HTTP proxy passes header lines of one name on as they came, or as one line with commas between (RFC 9110, 5.3): two lines of a signature while a secret
#   is replaced, of X-Forwarded-For, Link or Set-Cookie.
# Happens: tinyproxy 1.11.1 (Debian 12), as the proxy on the way out and as a reverse proxy, passes on the first line of each name and drops the others, whatever their
#   letters' size, in requests and in answers. Nothing is logged. A list within one line stays whole.
# Means: while a secret is replaced, a sender that signs with the old and the new one in two lines is refused by every receiver that has gone over (or by each that has
#   not, in the other order), for those who go through this proxy only; X-Forwarded-For tells the first hop, a login loses its second cookie, a page its rel="next".
#   Send several values in one line, and compare what a receiver sees through the proxy with what it sees without.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); proxy=; trap '[ -z "$proxy" ] || { kill $proxy; wait $proxy; } 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq tinyproxy-bin >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -x tinyproxy-bin_*.deb root; version=$(dpkg -f tinyproxy-bin_*.deb Version); echo "tinyproxy-bin $version"; [[ $version == 1.11.1-* ]] || { echo "   changed: expected 1.11.1"; exit 1; }
read -r port target < <(python3 -c 'import socket
s = [socket.socket() for _ in range(2)]; [x.bind(("127.0.0.1", 0)) for x in s]; print(*[x.getsockname()[1] for x in s])')
printf '%s\n' "Port $port" "Listen 127.0.0.1" "Timeout 20" "LogLevel Info" "LogFile \"$dir/proxy.log\"" "ReversePath \"/hooks/\" \"http://127.0.0.1:$target/\"" >proxy.conf
root/usr/bin/tinyproxy -d -c proxy.conf >proxy.out 2>&1 & proxy=$!
cat > t.py <<'E'
import http.client, http.server, os, sys, threading, time
port, target = map(int, sys.argv[1:]); failed = False; seen = []
names = ["X-Signature", "webhook-signature", "X-Forwarded-For", "X-Once"]
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])); seen.append(({name: self.headers.get_all(name) for name in names}, body))
        self.send_response(202)
        for name, value in (("Set-Cookie", "session=1"), ("Set-Cookie", "csrf=2"), ("Link", '</1>; rel="prev"'), ("link", '</3>; rel="next"'), ("Content-Length", "0")): self.send_header(name, value)
        self.end_headers()
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", target), Receiver); threading.Thread(target=server.serve_forever, daemon=True).start()
def post(at, path):
    for left in reversed(range(100)):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", at, timeout=20); connection.putrequest("POST", path, skip_host=True); break
        except OSError: time.sleep(0.1)
    connection.putheader("Host", f"127.0.0.1:{target}")
    for name, value in (("X-Signature", "old"), ("X-Signature", "new"), ("Webhook-Signature", "v1,old"), ("webhook-signature", "v1,new"), ("X-Forwarded-For", "203.0.113.1"),
                        ("X-Forwarded-For", "203.0.113.2, 203.0.113.3"), ("X-Once", "a, b"), ("Content-Length", "12")): connection.putheader(name, value)
    connection.endheaders(b'{"id":"e_1"}'); answer = connection.getresponse(); answer.read()
    return answer.status, {name: answer.headers.get_all(name) for name in ("Set-Cookie", "Link")}
def check(name, got, wanted):
    global failed
    print(f"   {name}: {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
whole = {"X-Signature": ["old", "new"], "webhook-signature": ["v1,old", "v1,new"], "X-Forwarded-For": ["203.0.113.1", "203.0.113.2, 203.0.113.3"], "X-Once": ["a, b"]}
first = {"X-Signature": ["old"], "webhook-signature": ["v1,old"], "X-Forwarded-For": ["203.0.113.1"], "X-Once": ["a, b"]}
for _ in range(100):
    try: http.client.HTTPConnection("127.0.0.1", port, timeout=5).connect(); break
    except OSError: time.sleep(0.1)
for way, at, path, request, cookies, links in (
    ("without a proxy", target, "/hook", whole, ["session=1", "csrf=2"], ['</1>; rel="prev"', '</3>; rel="next"']),
    ("as the proxy on the way out", port, f"http://127.0.0.1:{target}/hook", first, ["session=1"], ['</1>; rel="prev"']),
    ("as a reverse proxy", port, "/hooks/hook", first, ["session=1"], ['</1>; rel="prev"'])):
    print(way); status, answer = post(at, path); headers, body = seen.pop(); check("status, body", (status, body), (202, b'{"id":"e_1"}'))
    for name in names: check(f"the receiver's {name}", headers[name], request[name])
    check("the sender's Set-Cookie", answer["Set-Cookie"], cookies); check("the sender's Link", answer["Link"], links)
print("the proxy's log"); log = open("proxy.log").read() if os.path.exists("proxy.log") else ""
check("lines about headers", [line for line in log.splitlines() if "eader" in line or "uplicate" in line], [])
sys.exit(failed)
E
timeout 60 python3 t.py "$port" "$target" || { cat proxy.out; exit 1; }
