#!/usr/bin/env bash
# Expected: `program | logger` makes one syslog message of each line, whatever its length; long ones are at worst cut by the receiver.
# Happens: logger of util-linux 2.38.1 itself makes two messages of a JSON line of more than 1,024 bytes: the first without its end, the second with the
#   rest, each under a header of its own, and neither is JSON. Given as an argument, the rest is dropped. No error; --size 64KiB heals both.
# Means: a shipper that parses JSON loses just the long lines: those with a stack trace, a URL or a body, so those of failures.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v logger >/dev/null || { echo "needs Debian's bsdutils"; exit 2; }
logger --version
cat > t.py <<'E'
import json, socket, subprocess, sys
syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); syslog.bind("log")
def received(*options, stdin=None):
    subprocess.run(["logger", "--socket", "log", "--tag", "app", *options], input=stdin, check=True, timeout=20)
    messages = []; syslog.settimeout(2)
    try:
        while True: messages.append(syslog.recv(1 << 17).decode().split("app: ", 1)[1])
    except TimeoutError: return messages
def is_json(text):
    try: json.loads(text); return True
    except ValueError: return False
short, line = (json.dumps({"level": "error", "error": "x" * n, "id": 7}) for n in (100, 1500))
failed = False
for what, got, wanted in (("short line by pipe", received(stdin=short.encode() + b"\n"), [True]),
                          ("1.5 kB line by pipe", received(stdin=line.encode() + b"\n"), [False, False]),
                          ("1.5 kB as an argument", received(line), [False]),
                          ("by pipe, --size 64KiB", received("--size", "64KiB", stdin=line.encode() + b"\n"), [True])):
    print(f"{what:22} -> {len(got)} message(s) of {[len(m) for m in got]} bytes, JSON: {[is_json(m) for m in got]}")
    failed |= [is_json(m) for m in got] != wanted
sys.exit(failed)
E
timeout 60 python3 t.py
