#!/usr/bin/env bash
# Expected: Debian's json2file-go stores the JSON of webhooks as files for other programs. Its README says that checking whether the format is valid is the only
#   thing it does with the data; so a file holds what came, and each valid JSON body makes a file.
# Happens: json2file-go 1.15 (Debian 12) reads the body into Go's maps and writes that anew. Whole numbers beyond 2^53 come out as others: the ids
#   9007199254740993 and 9007199254740992 are one and the same file content, 12345678901234567890 ends in 000; members are sorted, 1.0 is 1, < > & are escapes.
#   Of two JSON lines the second is gone, with 200 "saved". A valid list (a batch), text or number is refused with 400 "Bad or no JSON data"; null is stored.
# Means: what other programs find in the spool has neither the ids nor the bytes of the event, and no signature can be checked afterwards; a sender of
#   batches is refused for ever or loses all but the first. Send ids as strings, one object in each request, and verify the signature in front of it.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12"; exit 2; }
apt-get download -qq json2file-go >log 2>&1 || { apt-get update -qq >log 2>&1; apt-get download -qq json2file-go >log 2>&1; } || { cat log; exit 2; }
version=$(dpkg -f json2file-go_*.deb Version); echo "json2file-go $version"; [[ $version == 1.15* ]] || { echo "   changed: expected 1.15"; exit 1; }
dpkg -x json2file-go_*.deb root; mkdir spool; port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# A name and a colon: one folder, and no secret is asked for (the simplest setting that its README names).
J2F_BASEDIR=$dir/spool J2F_DIRLIST=app: J2F_HOST=127.0.0.1 J2F_PORT=$port root/usr/sbin/json2file-go >log 2>&1 & server=$!
for _ in $(seq 600); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
cat > ask.py <<'E'
import glob, json, sys, urllib.error, urllib.request
seen, failed = set(), False
def post(body):
    global seen
    request = urllib.request.Request(sys.argv[1], body, {"Content-Type": "application/json"})
    try: status = urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as error: status = error.code
    files = set(glob.glob("spool/app/*.json")); new, seen = files - seen, files
    return status, [open(name, "rb").read() for name in sorted(new)]
def show(body, status, *stored):
    global failed
    got = post(body)
    print(f"{body.decode()!r:58} -> {got[0]} {b' | '.join(got[1]).decode() or 'no file'}")
    if got != (status, list(stored)): failed = True; print("   changed: expected", status, stored)
show(b'{"id":"msg_1","data":{"a":1}}', 200, b'{"data":{"a":1},"id":"msg_1"}')
show(b'{"id":9007199254740991}', 200, b'{"id":9007199254740991}')
show(b'{"id":9007199254740992}', 200, b'{"id":9007199254740992}')
show(b'{"id":9007199254740993}', 200, b'{"id":9007199254740992}')
show(b'{"id":12345678901234567890}', 200, b'{"id":12345678901234567000}')
show(b'{"price":1.0,"note":"a < b & c"}', 200, b'{"note":"a \\u003c b \\u0026 c","price":1}')
show(b'{"id":"msg_1"}\n{"id":"msg_2"}\n', 200, b'{"id":"msg_1"}')
show(b'[{"id":"msg_1"},{"id":"msg_2"}]', 400)
show(b'"msg_1"', 400); show(b'42', 400); show(b'null', 200, b'null')
for valid in (b'[{"id":"msg_1"},{"id":"msg_2"}]', b'"msg_1"', b'42'): json.loads(valid)
sys.exit(failed)
E
python3 ask.py "http://127.0.0.1:$port/app"
