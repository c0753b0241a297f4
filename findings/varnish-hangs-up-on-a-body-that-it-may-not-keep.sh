#!/usr/bin/env bash
# Expected: `std.cache_req_body(1MB)`, which "returns true if the body was cached, false otherwise" (vmod_std), leaves VCL to decide about a larger body: pass
#   it on as it comes, or answer 413.
# Happens: Varnish 7.1.1 (Debian 12) ends the connection of a client whose body is one byte over the size, by Content-Length or in chunks, without any answer,
#   whatever VCL does with the `false`: `return (pass)`, `return (synth(413))`, a branch that does nothing. The backend is not asked. At the size it works.
# Means: who keeps bodies to be able to retry a POST turns each large one into a network error, which senders try again for days; neither the backend's log nor
#   an access log of the backend's has a line. Look at Content-Length first, and keep nothing of what is larger or does not say its length.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); pids=; trap 'kill $pids 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; chmod 755 "$dir"
for tool in apt-get gcc curl; do command -v $tool >/dev/null || { echo "needs Debian 12 with curl and gcc, with which Varnish compiles its VCL"; exit 2; }; done
apt-get download -qq varnish libjemalloc2 libvarnishapi3 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in ./*.deb; do dpkg -x "$package" root; done
libraries=$dir/root/usr/lib/x86_64-linux-gnu; modules=$(dirname "$(find root -name libvmod_std.so)")
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
backend=$(free_port)
cat > backend.py <<'E'
import http.server, sys
class Backend(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        if "content-length" in self.headers: length = len(self.rfile.read(int(self.headers["content-length"])))
        else:
            length = 0
            while size := int(self.rfile.readline(), 16): length += len(self.rfile.read(size + 2)) - 2
            self.rfile.readline()
        print(length, flush=True); self.send_response(200); self.send_header("content-length", "0"); self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Backend).serve_forever()
E
python3 backend.py "$backend" >>backend.log 2>backend.err & pids+=" $!"
declare -A bodies=(
  ['return (pass)']='std.cache_req_body(1MB); return (pass);'
  ['return (synth(413))']='if (!std.cache_req_body(1MB)) { return (synth(413)); } return (pass);'
  ['only small ones']='if (std.integer(req.http.Content-Length, 1048577) <= 1048576) { std.cache_req_body(1MB); } return (pass);')
declare -A ports
for name in "${!bodies[@]}"; do
  port=$(free_port); ports[$name]=$port; mkdir "$port"
  printf 'vcl 4.1;\nimport std from "%s/libvmod_std.so";\nbackend default { .host = "127.0.0.1"; .port = "%s"; }\nsub vcl_recv { %s }\n' \
    "$dir/$modules" "$backend" "${bodies[$name]}" >"$port.vcl"
  LD_LIBRARY_PATH=$libraries "$dir/root/usr/sbin/varnishd" -F -n "$dir/$port" -a "127.0.0.1:$port" -f "$dir/$port.vcl" -j none -T none >"$port.log" 2>&1 & pids+=" $!"
done
for port in $backend "${ports[@]}"; do for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done; done
grep -ho 'varnish-[0-9.]*' ./*.log | head -1; failed=0
try() { # try NAME SIZE WANTED-STATUS WANTED-AT-THE-BACKEND [HEADER]; curl says 000 where there was no answer
  local said seen; : >backend.log; head -c "$2" /dev/zero >body
  said=$(curl -s -m 20 -o answer -w '%{http_code}' -H 'Expect:' ${5:+-H "$5"} --data-binary @body "http://127.0.0.1:${ports[$1]}/" || true); sleep 0.3; seen=$(tr '\n' ' ' <backend.log)
  printf '%-20s %8d bytes%-9s status %s   at the backend: %s\n' "$1" "$2" "${5:+, chunked}" "$said" "${seen:-nothing}"
  [ "$said $seen" = "$3 $4" ] || { echo "   changed: expected $3, $4"; failed=1; }
}
chunked='Transfer-Encoding: chunked'
for name in 'return (pass)' 'return (synth(413))'; do
  try "$name" 1048576 200 '1048576 '
  try "$name" 1048577 000 ''
  try "$name" 3000000 000 ''
  try "$name" 3000000 000 '' "$chunked"
done
try 'only small ones' 1048577 200 '1048577 '
try 'only small ones' 3000000 200 '3000000 '
try 'only small ones' 3000000 200 '3000000 ' "$chunked"
exit $failed
