#!/usr/bin/env bash
# Expected: `webhook` of Debian, which runs a command for each request and hands it the payload or a part of it, runs it for each valid JSON body; if it cannot
#   start it, it says so. "entire-payload" is the payload that came.
# Happens: webhook 2.8.0 (Debian 12) says 200 before it tries. It runs nothing when an argument has 131,072 bytes or more, and nothing when a field that is
#   passed holds \u0000, a valid character of JSON. "entire-payload" is written anew: members sorted, each < > & six bytes, so that a body of 22,000 bytes
#   with markup is too long as well; a list is packed into {"root":...}; of two JSON lines the second is gone. A field that is null is handed on as the five
#   letters <nil>; for the bodies 42 and "x", and for a body whose content-type is not JSON, the command runs with the word null.
# Means: the sender counts an event as delivered that nobody has seen; only webhook's own log (with -verbose) knows of it. Set
#   "include-command-output-in-response" (then it is a 500, and the sender tries again), hand bodies on with "pass-file-to-command", and treat <nil> as missing.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12"; exit 2; }
apt-get download -qq webhook >log 2>&1 || { apt-get update -qq >log 2>&1; apt-get download -qq webhook >log 2>&1; } || { cat log; exit 2; }
version=$(dpkg -f webhook_*.deb Version); echo "webhook $version"; [[ $version == 2.8.0* ]] || { echo "   changed: expected 2.8.0"; exit 1; }
dpkg -x webhook_*.deb root; port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '#!/bin/sh\nprintf "%%s|" "$@" > "%s/part"; mv "%s/part" "%s/ran"\n' "$dir" "$dir" "$dir" > command; chmod +x command
cat > hooks.json <<E
[{"id":"field","execute-command":"$dir/command","pass-arguments-to-command":[{"source":"payload","name":"id"},{"source":"payload","name":"data"}]},
 {"id":"whole","execute-command":"$dir/command","pass-arguments-to-command":[{"source":"entire-payload"}]},
 {"id":"waits","execute-command":"$dir/command","include-command-output-in-response":true,
  "pass-arguments-to-command":[{"source":"payload","name":"id"},{"source":"payload","name":"data"}]}]
E
root/usr/bin/webhook -hooks hooks.json -ip 127.0.0.1 -port $port >log 2>&1 & server=$!
for _ in $(seq 600); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
cat > ask.py <<'E'
import json, os, sys, time, urllib.error, urllib.request
failed = False
def short(text): return text if len(text) < 60 else f"{text[:12]}...{text[-6:]} ({len(text)} bytes)"
def show(hook, body, status, wanted, content_type="application/json"):
    global failed
    json.loads(body.split(b"\n")[0])
    if os.path.exists("ran"): os.remove("ran")
    request = urllib.request.Request(sys.argv[1] + hook, body, {"Content-Type": content_type})
    try: got = urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as error: got = error.code
    for _ in range(100 if wanted else 15):          # up to ten seconds for a command that has to run
        if os.path.exists("ran"): break
        time.sleep(0.1)
    ran = open("ran").read() if os.path.exists("ran") else None
    print(f"{hook} {short(body.decode())!r:62} -> {got} ran: {short(ran) if ran else 'NOTHING'}")
    if (got, ran) != (status, wanted): failed = True; print("   changed: expected", status, short(wanted or "nothing"))
show("field", b'{"id":"msg_1","data":"b"}', 200, "msg_1|b|")
show("field", b'{"id":"msg_1","data":"' + b"x" * 131071 + b'"}', 200, "msg_1|" + "x" * 131071 + "|")
show("field", b'{"id":"msg_1","data":"' + b"x" * 131072 + b'"}', 200, None)
show("field", b'{"id":"msg_1","data":"a\\u0000b"}', 200, None)
show("waits", b'{"id":"msg_1","data":"a\\u0000b"}', 500, None)
show("waits", b'{"id":"msg_1","data":"' + b"x" * 131072 + b'"}', 500, None)
show("field", b'{"id":null,"data":null}', 200, "<nil>|<nil>|")
show("field", b'{"id":"msg_1"}', 200, "msg_1||")
show("whole", b'{"b":1.0,"a":"<&>"}', 200, '{"a":"\\u003c\\u0026\\u003e","b":1.0}|')
show("whole", b'{"a":"' + b"<" * 21843 + b'"}', 200, '{"a":"' + "\\u003c" * 21843 + '"}|')
show("whole", b'{"a":"' + b"<" * 21844 + b'"}', 200, None)
show("whole", b'[{"id":"msg_1"}]', 200, '{"root":[{"id":"msg_1"}]}|')
show("whole", b'{"id":"msg_1"}\n{"id":"msg_2"}\n', 200, '{"id":"msg_1"}|')
for body in (b'42', b'"x"', b'null'): show("whole", body, 200, "null|")
show("whole", b'{"id":"msg_1"}', 200, "null|", "text/plain")
sys.exit(failed)
E
python3 ask.py "http://127.0.0.1:$port/hooks/"
