#!/usr/bin/env bash
# Expected: Gearman's "unique" makes one job of several that are submitted under it (the id of a webhook, or the digest of its body); the worker gets the payload as
#   it was submitted. The protocol names no longest one; gearmand refuses 65 characters and more ("Unique value too large").
# Happens: gearmand 1.1.20 (Debian 12) takes 64 characters, the length of a SHA-256 in hex, and fails at them in two ways, without an error: each submission is a
#   job of its own, none is recognised, waiting or running; and a worker that asks for jobs with their unique (GRAB_JOB_UNIQ: pygearman 0.2.6, gearman3) gets it
#   cut to 63 characters and a zero byte before the payload, so that JSON does not parse. With GRAB_JOB the payload is right. With 63 characters, or the
#   40 of a SHA-1, all is well.
# Means: who moves from SHA-1 or a UUID to SHA-256 has jobs twice from that day on, or bodies that Python takes for UTF-16, for the zero in front. Cut the
#   digest (32 characters are plenty), and let no sender's id be the unique as it is: at 64 it goes wrong, at 65 it is refused.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq gearman-job-server libevent-2.1-7 libevent-pthreads-2.1-7 libhiredis0.14 libmariadb3 libhashkit2 libmemcached11 libboost-program-options1.74.0 libpq5 \
  >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f gearman-job-server_*.deb Version); echo "gearman-job-server $version"; [[ $version == 1.1.20* ]] || { echo "   changed: expected 1.1.20"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pygearman==0.2.6
cat > t.py <<'E'
import hashlib, json, os, socket, struct, subprocess, sys, time
import gearman
SUBMIT, CREATED, CAN_DO, GRAB, NO_JOB, ASSIGN, COMPLETE, ERROR, GRAB_UNIQ, ASSIGN_UNIQ = 18, 8, 1, 9, 10, 11, 13, 19, 30, 31
class Peer:
    def __init__(self, port): self.socket = socket.create_connection(("127.0.0.1", port), timeout=20); self.stream = self.socket.makefile("rb")
    def say(self, kind, *arguments): data = b"\0".join(arguments); self.socket.sendall(b"\0REQ" + struct.pack(">II", kind, len(data)) + data)
    def ask(self, kind, *arguments):
        self.say(kind, *arguments); kind, size = struct.unpack(">II", self.stream.read(12)[4:]); return kind, self.stream.read(size)
failed = False
def show(name, got, wanted):
    global failed
    print(f"{name:44} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
with socket.socket() as free: free.bind(("127.0.0.1", 0)); port = free.getsockname()[1]
libraries = os.path.abspath("root/usr/lib/x86_64-linux-gnu")
server = subprocess.Popen(["root/usr/sbin/gearmand", "-L", "127.0.0.1", "-p", str(port), "-l", "none"], env={**os.environ, "LD_LIBRARY_PATH": libraries})
try:
    for _ in range(100):
        try: socket.create_connection(("127.0.0.1", port)).close(); break
        except OSError: time.sleep(0.1)
    print("pygearman", gearman.__version__); body = b'{"id":"evt_1"}'; sender, worker = Peer(port), Peer(port); worker.say(CAN_DO, b"hook")
    digest = hashlib.sha256(body).hexdigest().encode(); sha1 = hashlib.sha1(body).hexdigest().encode()
    def handed(grab):
        """The jobs that a worker gets, each done at once: unique and payload."""
        jobs = []
        while True:
            kind, data = worker.ask(grab)
            if kind == NO_JOB: return jobs
            parts = data.split(b"\0", 3 if kind == ASSIGN_UNIQ else 2); worker.say(COMPLETE, parts[0], b""); jobs.append(parts[2:])
    for name, unique, right in ((f"SHA-1, {len(sha1)} characters", sha1, True), ("SHA-256 cut to 63", digest[:63], True), ("SHA-256, 64", digest, False)):
        for _ in range(3): assert sender.ask(SUBMIT, b"hook", unique, body)[0] == CREATED
        show(f"{name}: submitted 3 times, GRAB_JOB_UNIQ", handed(GRAB_UNIQ), [[unique, body]] if right else [[unique[:63], b"\0" + body]] * 3)
        for _ in range(3): assert sender.ask(SUBMIT, b"hook", unique, body)[0] == CREATED
        show(f"{name}: ... GRAB_JOB", handed(GRAB), [[body]] * (1 if right else 3))
        assert sender.ask(SUBMIT, b"hook", unique, body)[0] == CREATED; running = worker.ask(GRAB)[1].split(b"\0")[0]
        assert sender.ask(SUBMIT, b"hook", unique, body)[0] == CREATED; show(f"{name}: again while it runs, new jobs", len(handed(GRAB)), 0 if right else 1)
        worker.say(COMPLETE, running, b"")
    show("65 characters:", sender.ask(SUBMIT, b"hook", digest + b"0", body), (ERROR, b"ARGUMENT_TOO_LARGE\0Unique value too large"))
    client, consumer, seen = gearman.GearmanClient([f"127.0.0.1:{port}"]), gearman.GearmanWorker([f"127.0.0.1:{port}"]), []
    def work(_, job): seen.append((len(job.unique), bytes(job.data))); return b""
    consumer.register_task(b"pygearman", work)
    for unique, wanted in ((sha1, [(40, body)]), (digest, [(63, b"\0" + body)] * 2)):
        for _ in range(2): client.submit_job("pygearman", body.decode(), unique=unique.decode(), background=True)
        seen.clear(); end = time.time() + 2; consumer.after_poll = lambda _: time.time() < end; consumer.work(poll_timeout=0.2)
        show(f"pygearman, {len(unique)} characters, submitted twice:", seen, wanted)
    for data, wanted in ((body, "parses"), (b"\0" + body, "UnicodeDecodeError")):
        try: json.loads(data); got = "parses"
        except ValueError as error: got = type(error).__name__
        show("json.loads() of that:", got, wanted)
finally: server.terminate(); server.wait(20)
sys.exit(failed)
E
timeout 60 v/bin/python t.py
