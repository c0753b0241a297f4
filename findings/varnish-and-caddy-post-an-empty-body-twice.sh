#!/usr/bin/env bash
# Expected: a proxy that has sent a POST and finds its kept connection closed without an answer says 502 or 503; it does not send the POST again.
# Happens: that is so where the POST has a body. One without a body (Content-Length: 0) Varnish 7.1.1 sends again on a new connection, and Caddy 2.6.2
#   does if it has a header Idempotency-Key or X-Idempotency-Key; the client sees one 200, and nothing says that there were two. nginx 1.22.1
#   with `keepalive` says 502 to all of them.
# Means: hooks that are only a URL (deploy this, rebuild that, a ping) run twice when the receiver is stopped or its worker ends after it read the post,
#   though neither client nor proxy was told to retry; without a body there is often no id to see it by, and the header that should make a repeat
#   harmless is what makes Caddy repeat. Give such posts a body and an id, or have them refused while a run is under way.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); pids=; trap 'kill $pids 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; chmod 755 "$dir"
for tool in caddy nginx apt-get gcc; do command -v $tool >/dev/null || { echo "needs Debian 12 with caddy, nginx and gcc, with which Varnish compiles its VCL"; exit 2; }; done
apt-get download -qq varnish libjemalloc2 libvarnishapi3 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in ./*.deb; do dpkg -x "$package" root; done
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
receiver=$(free_port); varnish=$(free_port); caddy=$(free_port); nginx=$(free_port)
cat > default.vcl <<E
vcl 4.1;
backend default { .host = "127.0.0.1"; .port = "$receiver"; }
E
cat > Caddyfile <<E
{
	admin off
	auto_https off
}
http://127.0.0.1:$caddy {
	reverse_proxy 127.0.0.1:$receiver
}
E
cat > nginx.conf <<E
daemon off; pid $dir/nginx.pid; error_log $dir/nginx.log; worker_processes 1;
events { }
http {
  access_log off; client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3; uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
  upstream receiver { server 127.0.0.1:$receiver; keepalive 4; }
  server { listen 127.0.0.1:$nginx; location / { proxy_pass http://receiver; proxy_http_version 1.1; proxy_set_header Connection ""; } }
}
E
export HOME=$dir XDG_DATA_HOME=$dir XDG_CONFIG_HOME=$dir
libraries=$dir/root/usr/lib/x86_64-linux-gnu; mkdir state
LD_LIBRARY_PATH=$libraries "$dir/root/usr/sbin/varnishd" -F -n "$dir/state" -a "127.0.0.1:$varnish" -f "$dir/default.vcl" -j none -T none >varnish.log 2>&1 & pids+=" $!"
caddy run --config Caddyfile --adapter caddyfile >caddy.log 2>&1 & pids+=" $!"
nginx -e "$dir/nginx.log" -c "$dir/nginx.conf" >nginx.out 2>&1 & pids+=" $!"
for port in $varnish $caddy $nginx; do for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done; done
grep -o 'varnish-[0-9.]*' varnish.log | head -1; echo "Caddy $(caddy version)"; nginx -v 2>&1
cat > t.py <<'E'
import http.client, socketserver, sys, threading, time
stopping, posts = threading.Event(), []
class Receiver(socketserver.StreamRequestHandler):
    """Reads posts and answers each with 200; while it is `stopping`, it ends a kept connection after it has read the next post of it."""
    def handle(self):
        before = 0
        while True:
            line, length = self.rfile.readline(), 0
            if not line: return
            while (header := self.rfile.readline().strip()):
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length": length = int(value)
            posts.append(self.rfile.read(length))
            if stopping.is_set() and before: return
            before += 1; self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); self.wfile.flush()
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
ports = dict(zip(("receiver", "Varnish", "Caddy", "nginx"), map(int, sys.argv[1:])))
threading.Thread(target=Server(("127.0.0.1", ports.pop("receiver")), Receiver).serve_forever, daemon=True).start()
def post(port, body, headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/hook", body, headers); answer = connection.getresponse(); answer.read(); connection.close(); return answer.status
kinds = {"a body": (b'{"a":1}', {}), "a body and a key": (b'{"a":1}', {"idempotency-key": "k"}), "empty": (b"", {}), "empty, with a key": (b"", {"idempotency-key": "k"})}
wanted = {"Varnish": [(503, 1), (503, 1), (200, 2), (200, 2)], "Caddy": [(502, 1), (502, 1), (502, 1), (200, 2)], "nginx": [(502, 1)] * 4}
for proxy, port in ports.items():
    seen = []
    for kind, (body, headers) in kinds.items():
        stopping.clear(); assert post(port, b"{}", {}) == 200; time.sleep(0.3)
        stopping.set(); posts.clear(); status = post(port, body, headers); time.sleep(0.3); seen.append((status, len(posts)))
    print(f"{proxy:8}", ";  ".join(f"{kind}: {status}, posted {n}x" for kind, (status, n) in zip(kinds, seen)))
    assert seen == wanted[proxy], wanted[proxy]
E
timeout 60 python3 t.py "$receiver" "$varnish" "$caddy" "$nginx"
