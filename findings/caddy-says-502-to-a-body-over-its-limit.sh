#!/usr/bin/env bash
# Expected: a proxy whose own limit on bodies is passed answers 413, whatever the body's framing, and does not trouble the receiver.
# Happens: Caddy 2.6.2 (Debian 12) with `request_body { max_size }` before `reverse_proxy` answers 502 to a body with a Content-Length over the limit,
#   also where Content-Length alone says so; only a chunked one gets 413. It opens the post at the receiver, sends as much as the limit allows and cuts it
#   off. nginx 1.22.1 (client_max_body_size) says 413 to both, and sends nothing on.
# Means: senders take 413 for final and 502 for "try again": one notification that is too large is posted for days, holds up those behind it where order
#   is kept, or has the sender switch the webhook off; and the receiver's log has a client that left, not a large body. Set no limit at the
#   proxy but the receiver's, which answers 413 through Caddy, too.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); pids=; trap 'kill $pids 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; for tool in caddy nginx curl; do command -v $tool >/dev/null || { echo "needs Debian's $tool"; exit 2; }; done
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
receiver=$(free_port); caddy=$(free_port); nginx=$(free_port); bare=$(free_port)
cat > receiver.py <<'E'
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        length, limit, sent = int(self.headers.get("content-length", 0)), int(sys.argv[2]), 0
        chunk = self.chunk() if self.headers.get("transfer-encoding") == "chunked" else length
        while chunk:
            body = self.rfile.read(chunk); sent += len(body)
            if len(body) < chunk: print("cut off", flush=True); self.close_connection = True; return
            chunk = self.chunk() if not length else 0
        length = sent
        status = 413 if length > limit else 200
        print(status, length, flush=True); self.send_response(status); self.send_header("content-length", "0"); self.end_headers()
    def chunk(self):
        line = self.rfile.readline()
        if not line: raise ConnectionError
        size = int(line, 16)
        if not size: self.rfile.readline()
        return size
    def log_message(self, *_): pass
    def handle(self):
        try: super().handle()
        except ConnectionError: print("cut off", flush=True)
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
E
cat > Caddyfile <<E
{
	admin off
	auto_https off
}
http://127.0.0.1:$caddy {
	request_body {
		max_size 100KB
	}
	reverse_proxy 127.0.0.1:$receiver
}
http://127.0.0.1:$bare {
	reverse_proxy 127.0.0.1:$receiver
}
E
cat > nginx.conf <<E
daemon off; pid $dir/nginx.pid; error_log $dir/nginx.log; worker_processes 1;
events { }
http {
  access_log off; client_max_body_size 100000;
  client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3; uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
  server { listen 127.0.0.1:$nginx; location / { proxy_pass http://127.0.0.1:$receiver; } }
}
E
chmod 755 "$dir"
python3 receiver.py "$receiver" 150000 >>receiver.log 2>receiver.err & pids+=" $!"
HOME=$dir XDG_DATA_HOME=$dir XDG_CONFIG_HOME=$dir caddy run --config Caddyfile --adapter caddyfile >caddy.log 2>&1 & pids+=" $!"
nginx -e "$dir/nginx.log" -c "$dir/nginx.conf" >nginx.out 2>&1 & pids+=" $!"
for port in $receiver $caddy $nginx; do for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done; done
echo "Caddy $(caddy version), $(nginx -v 2>&1)"; : > receiver.log; failed=0
try() { # try NAME PORT SIZE WANTED SEEN-BY-THE-RECEIVER [HEADER]
  local said seen; : > receiver.log; head -c "$3" /dev/zero > body
  said=$(curl -s -m 20 -o /dev/null -w '%{http_code}' --data-binary @body -H 'Expect:' ${6:+-H "$6"} "http://127.0.0.1:$2/"); sleep 0.5; seen=$(tr '\n' ' ' < receiver.log)
  printf '%-24s %7d bytes%-9s %s   the receiver: %s\n' "$1" "$3" "${6:+, chunked}" "$said" "${seen:-nothing}"
  [ "$said" = "$4" ] && [[ "$seen" =~ ^$5$ ]] || { echo "   changed: expected $4, $5"; failed=1; }
}
chunked='Transfer-Encoding: chunked'
try 'Caddy, max_size 100KB' "$caddy" 90000 200 '200 90000 '
for size in 100001 140000 1000000; do try 'Caddy, max_size 100KB' "$caddy" $size 502 "cut off "; done
try 'Caddy, max_size 100KB' "$caddy" 140000 413 "(cut off )?" "$chunked"
for size in 140000 1000000; do try 'nginx, 100000' "$nginx" $size 413 ''; done
try 'nginx, 100000' "$nginx" 140000 413 '' "$chunked"
try 'Caddy without a limit' "$bare" 140000 200 '200 140000 '
try 'Caddy without a limit' "$bare" 1000000 413 '413 1000000 '
exit $failed
