#!/usr/bin/env bash
# Expected: HAProxy's json_query takes a field out of a body, to route by it, to log it or to refuse repeats of an id in a stick table: the number as it stands, the
#   string without its escapes. The manual: it "supports the JSON types string, boolean and number"; "floating point numbers will be returned as a string".
# Happens: HAProxy 2.6.12 (Debian 12) gives six digits of every number, integers too: 1700000000 and 1700000001 are both 1.7e+09, 52.5200066 is 52.52. A string with an
#   escaped slash ("https:\/\/x", as PHP writes it) or with \u and a letter beyond U+00FF is nothing at all, \u00e9 is a single byte, which is no UTF-8, and a
#   name that is written with an escape is not found. With json_query('$.id','int') integers are right up to 2^53 - 1 and nothing beyond; 1e3 is 1, 1.9 is 1.
# Means: a stick table of ids refuses new events as repeats (the first of each ten thousand seconds of Unix time gets through), and lets through every repeat whose
#   id has a slash; `balance hash` sends a whole range of customers to one server. Take 'int' for numbers, strings only for plain letters, and test both sizes.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null && wait $server || true; rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get curl; do command -v $tool >/dev/null || { echo "needs Debian 12 with curl"; exit 2; }; done
apt-get download -qq haproxy liblua5.3-0 libopentracing1 libopentracing-c-wrapper0 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in ./*.deb; do dpkg -x "$package" root; done; haproxy() { LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu exec root/usr/sbin/haproxy "$@"; }
version=$(haproxy -v | sed -n 1p | cut -d' ' -f1-3); echo "$version"; [[ $version == "HAProxy version 2.6.12-"* ]] || { echo "   changed: expected 2.6.12"; exit 1; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
shows=$(free_port); refuses=$(free_port); by_int=$(free_port)
cat > haproxy.cfg <<E
defaults
  mode http
  timeout client 20s
  timeout server 20s
  timeout connect 20s
  option http-buffer-request
frontend shows
  bind 127.0.0.1:$shows
  http-request set-var(txn.plain) req.body,json_query('$.id')
  http-request set-var(txn.int) req.body,json_query('$.id','int')
  http-request return status 200 content-type text/plain lf-string "%[var(txn.plain),hex] %[var(txn.int)]"
frontend refuses
  bind 127.0.0.1:$refuses
  stick-table type string len 64 size 10k expire 1h store gpc0
  http-request track-sc0 req.body,json_query('$.id')
  http-request sc-inc-gpc0(0) if { sc0_tracked }
  http-request return status 409 content-type text/plain string "seen before" if { sc0_tracked } { sc_get_gpc0(0) gt 1 }
  http-request return status 200 content-type text/plain string "new"
frontend by_int
  bind 127.0.0.1:$by_int
  stick-table type string len 64 size 10k expire 1h store gpc0
  http-request track-sc0 req.body,json_query('$.id','int')
  http-request sc-inc-gpc0(0) if { sc0_tracked }
  http-request return status 409 content-type text/plain string "seen before" if { sc0_tracked } { sc_get_gpc0(0) gt 1 }
  http-request return status 200 content-type text/plain string "new"
E
haproxy -f haproxy.cfg -db >haproxy.log 2>&1 & server=$!
for port in $shows $refuses $by_int; do for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done; done
cat > t.py <<'E'
import json, sys, urllib.error, urllib.request
shows, refuses, by_int = sys.argv[1:]; failed = False
def post(port, body):
    try: return urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/", body.encode(), {"Content-Type": "application/json"}), timeout=20).read().decode("latin-1")
    except urllib.error.HTTPError as error: return error.read().decode()
def check(text, got, wanted):
    global failed
    print(text, got)
    if got != wanted: failed = True; print("   changed: expected", wanted)
for body, plain, integer in (
    ('{"id":123456}', b"123456", "123456"), ('{"id":1234567}', b"1.23457e+06", "1234567"), ('{"id":1700000000}', b"1.7e+09", "1700000000"),
    ('{"id":1700000001}', b"1.7e+09", "1700000001"), ('{"id":9007199254740991}', b"9.0072e+15", "9007199254740991"), ('{"id":9007199254740993}', b"9.0072e+15", ""),
    ('{"id":52.5200066}', b"52.52", "52"), ('{"id":1.9}', b"1.9", "1"), ('{"id":1e3}', b"1000", "1"), ('{"id":"1700000001"}', b"1700000001", "1700000001"),
    ('{"id":"https://x/1"}', b"https://x/1", "https://x/1"), (r'{"id":"https:\/\/x\/1"}', b"", ""), (r'{"id":"a\"b"}', b'a"b', 'a"b'),
    (json.dumps({"id": "łódź"}), b"", ""), (r'{"i\u0064":"evt_1"}', b"", "")):
    json.loads(body); first, second = post(shows, body).split(" ", 1)
    check(f"{body:34} json_query, with 'int':", (bytes.fromhex(first), second), (plain, integer))
check(f"{json.dumps({'id': 'é'}):34} json_query:", bytes.fromhex(post(shows, json.dumps({"id": "é"})).split(" ")[0]), b"\xe9")
print("a stick table that refuses repeats:")
for name, port, new, seen in (("", refuses, "seen before", "seen before"), (", 'int'", by_int, "new", "seen before")):
    for body, wanted in (('{"id":1700000000}', "new"), ('{"id":1700000001}', new), ('{"id":1700004999}', new), ('{"id":1700000000}', "seen before"), ('{"id":"evt_1"}', "new"),
                         ('{"id":"evt_2"}', "new"), ('{"id":"evt_1"}', seen), (r'{"id":"crawls\/1"}', "new"), (r'{"id":"crawls\/1"}', "new"), ('{"id":"crawls/1"}', "new"),
                         ('{"id":"crawls/1"}', "seen before")):
        check(f"  json_query('$.id'{name}) {body:22}", post(port, body), wanted)
sys.exit(failed)
E
timeout 60 python3 t.py "$shows" "$refuses" "$by_int"; cat haproxy.log
