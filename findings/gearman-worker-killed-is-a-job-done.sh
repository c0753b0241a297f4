#!/usr/bin/env bash
# Expected: `gearman -w -f hook -- command` runs the command for each job and hands its failure on: a job whose command failed is a failed job for the one who waits.
# Happens: gearman 1.1.20 (Debian 12) looks at the exit status only where there is one: exit 1, 7 or 255 is "Job failed", and the client ends with 1. A command that a
#   signal ended (SIGKILL of the kernel when memory is short, a crash, a timeout's SIGTERM) is a job done: the client ends with 0 and has what was written until then.
#   A command that is not there or not executable is a job done as well, with nothing written. Nothing comes back to the queue.
# Means: the events that a worker dies of, and every event after a deployment with a wrong path, are gone as done, foreground or background. Put a shell between that
#   makes a status of it: gearman -w -f hook -- sh -c 'command; exit $?' (137 for SIGKILL, 127 for what is not there), and let the command say "ok" at its end.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); server=; worker=; trap 'for pid in $worker $server; do { kill $pid; wait $pid; } 2>/dev/null || true; done; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq gearman-tools gearman-job-server libgearman8 libevent-2.1-7 libevent-pthreads-2.1-7 libhiredis0.14 libmariadb3 libhashkit2 libmemcached11 \
  libboost-program-options1.74.0 libpq5 >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f gearman-tools_*.deb Version); echo "gearman-tools $version"; [[ $version == 1.1.20* ]] || { echo "   changed: expected 1.1.20"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
libraries=$dir/root/usr/lib/x86_64-linux-gnu; gearman() { LD_LIBRARY_PATH=$libraries timeout 20 root/usr/bin/gearman -h 127.0.0.1 -p "$port" "$@"; }
LD_LIBRARY_PATH=$libraries root/usr/sbin/gearmand -L 127.0.0.1 -p "$port" -l none & server=$!
for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
cat > run <<'E'
#!/bin/sh
body=$(cat); echo "$body" >>started; echo "half "
case $body in
  *exit*) exit "${body##* }";;
  *KILL*) kill -KILL $$;;
  *TERM*) kill -TERM $$;;
  *SEGV*) ulimit -c 0; kill -SEGV $$;;
esac
echo "whole"; echo "$body" >>finished
E
chmod +x run; sed 's/^/ /' run >unexecutable; failed=0
work() { [ -z "$worker" ] || { kill $worker; wait $worker || true; } 2>/dev/null; LD_LIBRARY_PATH=$libraries timeout 60 root/usr/bin/gearman -h 127.0.0.1 -p "$port" -w -f hook -- "$@" 2>>worker.log & worker=$!; }
show() { # show WANTED NAME EVENT
  local got code=0; got=$(printf '%s' "$3" | gearman -f hook 2>&1 | tr -s ' \n' ' '; exit "${PIPESTATUS[1]}") || code=$?; got="${got:-(nothing) }ends with $code"
  printf '%-54s %s\n' "$2" "$got"; [[ $got == $1 ]] || { echo "   changed: expected $1"; failed=1; }
}
queue() { # how many jobs wait or run
  python3 -c 'import socket, sys; s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10); s.sendall(b"status\n")
print(next((line.split("\t")[1] for line in s.makefile() if line[:1] == "." or line.startswith("hook")), "?"))' "$port"; }
work ./run
show "half whole ends with 0" "a command that ends with 0" "evt_1"
for code in 1 7 255; do show "*Job failed*ends with 1" "exit $code" "evt_2 exit $code"; done
for signal in KILL TERM SEGV; do show "half ends with 0" "ended by SIG$signal" "evt_3 SIG$signal"; done
printf 'evt_4 SIGKILL' | gearman -b -f hook >/dev/null; for _ in $(seq 50); do grep -q evt_4 started && break; sleep 0.1; done; sleep 0.5
check() { printf '%-54s %s\n' "$2" "$3"; [[ $3 == "$1" ]] || { echo "   changed: expected $1"; failed=1; }; }
check 0 "one in the background, killed: jobs in the queue" "$(queue)"
check "8 1" "started, finished" "$(wc -l <started) $(wc -l <finished)"
work ./not-there; show "(nothing) ends with 0" "a command that is not there" "evt_5"
work ./unexecutable; show "(nothing) ends with 0" "a command that is not executable" "evt_6"
work sh -c './run; exit $?'; show "*Job failed*ends with 1" "SIGKILL, with a shell between" "evt_7 SIGKILL"
work sh -c './not-there; exit $?'; show "*Job failed*ends with 1" "a command that is not there, with a shell between" "evt_8"
show "*Job failed*ends with 1" "the same worker, the next event" "evt_9"
exit $failed
