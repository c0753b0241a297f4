#!/usr/bin/env bash
# Expected: beanstalkd with -b keeps jobs and their changes of state in its binlog, by its manual; with -f 0 each is on the disk before the answer. After a restart, a job that
#   was buried and given back is ready, one that failed twenty times has failed twenty times, and one that was put behind the others is behind them.
# Happens: beanstalkd 1.12 (Debian 12) writes put, delete, bury, kick and a release with a delay, but no reserve, no timeout and no release without a delay. A job taken from the
#   buried ones with reserve-job and released is ready, and buried again after a restart; one taken from the delayed ones that way waits for its old time again. The
#   priority of a release without delay is the old one, reserves, releases and timeouts are 0 again; with a delay, they are kept. buries is one more than before. A pause
#   of a tube is over at once.
# Means: an event that somebody has rescued is stuck once more, and nobody looks for it; a poisonous one starts its tries anew at each restart, in front of all others, where
#   a worker gives up by "releases" or "timeouts". Rescue with kick-job, release with a delay of at least one second, and count the tries in the job or in a table.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq beanstalkd libsystemd0 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f beanstalkd_*.deb Package Version | xargs; [[ $(dpkg -f beanstalkd_*.deb Version) == 1.12-* ]] || { echo "   changed: expected 1.12"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; mkdir binlog
cat > t.py <<'E'
import socket, subprocess, sys, time
failed = False; free = socket.create_server(("127.0.0.1", 0)); port = free.getsockname()[1]; free.close()
def check(text, got, wanted):
    global failed
    print(f"  {text:58} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
class Beanstalkd:
    def __enter__(self):
        self.server = subprocess.Popen(["root/usr/bin/beanstalkd", "-l", "127.0.0.1", "-p", str(port), "-b", "binlog", "-f", "0"])
        for _ in range(100):
            try: self.socket = socket.create_connection(("127.0.0.1", port), timeout=10); break
            except OSError: time.sleep(0.1)
        self.file = self.socket.makefile("rb"); self("use hooks"); self("watch hooks"); return self
    def __exit__(self, *_): self.socket.close(); self.server.terminate(); self.server.wait()
    def __call__(self, command, body=None):
        self.socket.sendall(command.encode() + b"\r\n" + (body.encode() + b"\r\n" if body else b"")); answer = self.file.readline().decode().strip()
        if answer.split()[0] not in ("OK", "RESERVED"): return answer
        return self.file.read(int(answer.split()[-1]) + 2).decode()
    def put(self, body, delay=0, ttr=60): return self(f"put 100 {delay} {ttr} {len(body)}", body).split()[1]
    def take(self, job): self(f"reserve-job {job}")
    def job(self, job, *names): all = dict(line.split(": ") for line in self(f"stats-job {job}").splitlines() if ": " in line); return " ".join(all[name] for name in names)
    def pause(self): return "paused" if "pause: 0" not in self("stats-tube hooks") else "not paused"
jobs = {}; counts = ("state", "pri", "reserves", "releases", "timeouts", "buries")
with Beanstalkd() as queue:
    for name, delay, ttr in (("new", 0, 60), ("kicked", 0, 60), ("buried", 0, 60), ("with a delay", 0, 60), ("rescued", 0, 60), ("brought forward", 3600, 60), ("put behind", 0, 60), ("timed out", 0, 1)):
        jobs[name] = queue.put(name, delay, ttr)
    for name in "kicked", "buried", "rescued": queue.take(jobs[name]); queue(f"bury {jobs[name]} 100")
    queue(f"kick-job {jobs['kicked']}"); queue.take(jobs["with a delay"]); queue(f"release {jobs['with a delay']} 300 1")
    for name in "rescued", "brought forward": queue.take(jobs[name]); queue(f"release {jobs[name]} 100 0")
    for _ in range(20): queue.take(jobs["put behind"]); queue(f"release {jobs['put behind']} 5000 0")
    queue.take(jobs["timed out"]); time.sleep(2.2); queue("pause-tube hooks 3600")
    print("before:", *counts)
    for name, wanted in (("new", "ready 100 0 0 0 0"), ("kicked", "ready 100 1 0 0 1"), ("buried", "buried 100 1 0 0 1"), ("with a delay", "ready 300 1 1 0 0"), ("rescued", "ready 100 2 1 0 1"),
                         ("brought forward", "ready 100 1 1 0 0"), ("put behind", "ready 5000 20 20 0 0"), ("timed out", "ready 100 1 0 1 0")): check(name, queue.job(jobs[name], *counts), wanted)
    check("the tube", queue.pause(), "paused")
with Beanstalkd() as queue:
    print("after a restart: kept")
    for name, wanted in ("new", "ready 100 0 0 0 0"), ("kicked", "ready 100 1 0 0 1"), ("with a delay", "ready 300 1 1 0 0"): check(name, queue.job(jobs[name], *counts), wanted)
    print("   not kept")
    for name, wanted in (("buried", "buried 100 1 0 0 2"), ("rescued", "buried 100 1 0 0 2"), ("brought forward", "delayed 100 0 0 0 0"), ("put behind", "ready 100 0 0 0 0"),
                         ("timed out", "ready 100 0 0 0 0")): check(name, queue.job(jobs[name], *counts), wanted)
    check("brought forward: seconds left", int(queue.job(jobs["brought forward"], "time-left")) > 3500, True)
    check("the tube", queue.pause(), "not paused")
sys.exit(failed)
E
LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu timeout 60 python3 t.py
