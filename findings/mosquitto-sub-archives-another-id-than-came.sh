#!/usr/bin/env bash
# Expected: `mosquitto_sub -F %J`, the short way to archive MQTT messages as JSON lines, puts the payload there "non-quoted and non-escaped" (its manual, whose example
#   has 27.0); at worst it keeps numbers as a double, so that integers below 2^53, the ones that are safe everywhere, stay what they are.
# Happens: mosquitto_sub 2.0.11 with libcjson 1.7.15 (Debian 12) parses the payload and writes it anew, with 15 digits wherever the rest is within a rounding error:
#   9007199254740991, the largest safe integer, becomes 9.00719925474099e+15, one less; one in five of all integers between 4.6e15 and 2^53 (those that end in 1
#   or 9) is off by one. A string ends at \u0000, the rest of it is gone; 1E400 is null; 1.0 is 1, 0.30000000000000004 is 0.3. Nothing is said, the exit
#   code is 0, and jq reads all of it as valid. With %j (the payload as a string) the same subscriber writes what came.
# Means: ids in the archive are those of others, close to the right ones, and a checksum or a signature over the payload never fits. Archive with %j, or
#   the bytes in hex (%x), and parse later.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); pids=; trap 'kill $pids 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq mosquitto mosquitto-clients libmosquitto1 libcjson1 libdlt2 libwrap0 libcap2 libsystemd0 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in mosquitto-clients libcjson1; do dpkg -f $package*.deb Package Version | xargs; done
[[ $(dpkg -f mosquitto-clients*.deb Version) == 2.0.11* && $(dpkg -f libcjson1*.deb Version) == 1.7.15* ]] || { echo "   changed: expected 2.0.11 and 1.7.15"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
cat > t.py <<'E'
import json, random, socket, subprocess, sys, time
failed = False
def show(name, got, wanted):
    global failed
    print(f"{name:52} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
with socket.socket() as free: free.bind(("127.0.0.1", 0)); port = str(free.getsockname()[1])
open("m.conf", "w").write(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n")
broker = subprocess.Popen(["root/usr/sbin/mosquitto", "-c", "m.conf"], stdout=open("m.log", "w"), stderr=subprocess.STDOUT)
try:
    for _ in range(100):
        try: socket.create_connection(("127.0.0.1", int(port))).close(); break
        except OSError: time.sleep(0.1)
    def archive(payloads, form):
        """The lines that a subscriber writes of these messages."""
        subscriber = ["root/usr/bin/mosquitto_sub", "-p", port, "-t", "hooks", "-q", "1", "-i", f"archive-{time.time_ns()}", "-c", "-W", "40"]
        subprocess.run([*subscriber, "-E"], check=True, timeout=50)   # the session is there, what comes is kept for it
        subprocess.run(["root/usr/bin/mosquitto_pub", "-p", port, "-t", "hooks", "-q", "1", "-l"], input="\n".join(payloads) + "\n", text=True, check=True, timeout=50)
        run = subprocess.run([*subscriber, "-F", form, "-C", str(len(payloads))], capture_output=True, text=True, timeout=50)
        return run.stdout.splitlines(), run.returncode, run.stderr
    cases = [('{"id":9007199254740991}', '{"id":9.00719925474099e+15}'), ('{"id":4611686018427391}', '{"id":4.61168601842739e+15}'), ('{"id":4611686018427392}', '{"id":4611686018427392}'),
             ('{"id":1700000000123456}', '{"id":1700000000123456}'), ('{"text":"a\\u0000b"}', '{"text":"a"}'), ('{"n":1E400}', '{"n":null}'), ('{"n":1.0}', '{"n":1}'),
             ('{"n":0.30000000000000004}', '{"n":0.3}'), ('{"n":52.520006599999997}', '{"n":52.5200066}')]
    lines, code, said = archive([payload for payload, _ in cases], "%J"); show("ended with, said:", (code, said), (0, ""))
    for (payload, wanted), line in zip(cases, lines, strict=True): show(payload, line.rstrip()[:-1].split(',"payload":', 1)[1], wanted)
    lines, code, said = archive([payload for payload, _ in cases], "%j")
    show("with %j, the payloads that are as they came:", sum(json.loads(line)["payload"] == payload for line, (payload, _) in zip(lines, cases, strict=True)), len(cases))
    chosen = random.Random(1); ids = [chosen.randrange(4_600_000_000_000_000, 2**53) for _ in range(2000)]
    lines, code, said = archive([json.dumps({"id": id}) for id in ids], "%J"); got = [int(json.loads(line)["payload"]["id"]) for line in lines]
    wrong = [(a, b) for a, b in zip(ids, got, strict=True) if a != b]
    show("of 2,000 integers from 4.6e15 to 2^53, changed:", len(wrong), sum(id % 10 in (1, 9) for id in ids))
    show("... by how much:", sorted({b - a for a, b in wrong}), [-1, 1])
    show("... last digits of the changed ones:", sorted({a % 10 for a, _ in wrong}), [1, 9])
finally: broker.terminate(); broker.wait(20)
sys.exit(failed)
E
timeout 100 python3 t.py
