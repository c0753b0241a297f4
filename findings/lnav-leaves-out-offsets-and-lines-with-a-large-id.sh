#!/usr/bin/env bash
# Expected: lnav puts the lines of several logs in the order of their times ("+0200" in an access log, an offset in ISO 8601), and its SQL tables have these
#   times and the fields of each JSON line, as the lnav format file names them; ids up to 2^64 and times with and without a fraction are everyday JSON.
# Happens: lnav 0.11.1 (Debian 12) reads offsets and leaves them out: [01/Jun/2026:10:00:00 +0200] comes after 08:40:00 +0000, and log_time_msecs is two hours
#   too much. Where summer time ends, the second 02:01 and 02:40 become 02:59. A JSON line with one integer above 2^63 - 1 in any field, also one that the
#   format does not name, loses all fields: log_body, id and amount are NULL, sums go without it, and its time is that of the line before or behind. In a JSON
#   log whose first line has no fraction (Go's RFC3339Nano and Python's isoformat() leave it out at a full second), or Z, a later line with a fraction, or with
#   +02:00, has a random time, another in each run (the year 4376, 552, 9081). Exit code 0, no message.
# Means: at a failure one looks at "what came before" and sees what came after; `log_time > ...` leaves out the right lines, `sum()` is short. Write all logs in
#   UTC, in one form with a fixed number of digits, ids as strings; or sort with a program that reads offsets.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get, python3)"; exit 2; }; done
apt-get download -qq lnav libacl1 libarchive13 libbrotli1 libbz2-1.0 libcom-err2 libcurl3-gnutls libffi8 libgmp10 libgnutls30 libgssapi-krb5-2 libhogweed6 libicu72 libidn2-0 libk5crypto3 libkeyutils1 \
  libkrb5-3 libkrb5support0 libldap-2.5-0 liblz4-1 liblzma5 libncursesw6 libnettle8 libnghttp2-14 libp11-kit0 libpcre2-8-0 libpsl5 libreadline8 librtmp1 libsasl2-2 libsqlite3-0 libssh2-1 libtasn1-6 \
  libtinfo6 libunistring2 libxml2 libzstd1 zlib1g >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f lnav_*.deb Package Version | xargs; [[ $(dpkg -f lnav_*.deb Version) == 0.11.1-* ]] || { echo "   changed: expected 0.11.1"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
cat > t.py <<'E'
import csv, json, os, subprocess, sys
failed = False; lib = os.path.abspath("root") + "/usr/lib/x86_64-linux-gnu:" + os.path.abspath("root") + "/lib/x86_64-linux-gnu"
environment = {"HOME": os.getcwd(), "TERM": "xterm", "TZ": "UTC", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"], "LD_LIBRARY_PATH": lib}
def check(name, got, wanted):
    global failed; print(f"  {name:<64} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def lnav(*arguments): return subprocess.run(["root/usr/bin/lnav", *arguments], check=True, capture_output=True, text=True, env=environment, timeout=30, stdin=subprocess.DEVNULL).stdout
def table(query, files):
    for name, lines in files.items(): open(name, "w").write("".join(line + "\n" for line in lines))
    return list(csv.reader(lnav("-n", "-c", ";" + query, "-c", ":write-csv-to -", *files).splitlines()))[1:]
json.dump({"$schema": "https://lnav.org/schemas/format-v1.schema.json", "hook_log": {"title": "hooks", "json": True, "timestamp-field": "time", "level-field": "level", "body-field": "msg",
    "line-format": [{"field": "__timestamp__"}, " ", {"field": "msg"}], "value": {"id": {"kind": "integer"}, "amount": {"kind": "float"}}}}, open("format.json", "w")); lnav("-i", "format.json")
print("two access logs of the same morning, in UTC 08:00, 08:10, 08:30, 08:40:")
access = lambda time, path: f'127.0.0.1 - - [{time}] "POST /hook/{path} HTTP/1.1" 200 2 "-" "x"'
logs = {"berlin.log": [access("01/Jun/2026:10:00:00 +0200", "0800"), access("01/Jun/2026:10:30:00 +0200", "0830")],
        "utc.log": [access("01/Jun/2026:08:10:00 +0000", "0810"), access("01/Jun/2026:08:40:00 +0000", "0840")]}
rows = table("SELECT cs_uri_stem, log_time, log_time_msecs FROM access_log", logs)
check("in this order", " ".join(path[6:] for path, *_ in rows), "0810 0840 0800 0830")
check("the time of 10:00:00 +0200", " ".join(rows[2][1:]), "2026-06-01 10:00:00.000 1780308000000")
check("before 09:00", " ".join(path[6:] for path, in table("SELECT cs_uri_stem FROM access_log WHERE log_time < '2026-06-01 09:00'", logs)), "0810 0840")
rows = table("SELECT log_time FROM access_log", {"october.log": [access(f"25/Oct/2026:02:{time}", "x") for time in ("30:00 +0200", "59:00 +0200", "01:00 +0100", "40:00 +0100")]})
check("02:30 and 02:59 +0200, 02:01 and 02:40 +0100", " ".join(time[11:16] for time, in rows), "02:30 02:59 02:59 02:59")
print("JSON lines, of 08:10, 08:11, 08:12:")
event = lambda time, **fields: json.dumps({"time": time, "level": "info", "msg": "paid", "amount": 20.5, **fields})
def events(*lines): return [" ".join(row) for row in table("SELECT substr(log_time, 12, 5), log_body, id, amount FROM hook_log", {"events.log": lines})]
right = ["08:10 paid 1 20.5", "08:11 paid 9223372036854775807 20.5", "08:12 paid 3 20.5"]
check("ids 1, 2^63 - 1, 3", events(event("2026-06-01T08:10:00Z", id=1), event("2026-06-01T08:11:00Z", id=2**63 - 1), event("2026-06-01T08:12:00Z", id=3)), right)
lines = event("2026-06-01T08:10:00Z", id=1), event("2026-06-01T08:11:00Z", id=2**63), event("2026-06-01T08:12:00Z", id=3)
check("ids 1, 2^63, 3", events(*lines), ["08:10 paid 1 20.5", "08:10 <NULL> <NULL> <NULL>", "08:12 paid 3 20.5"])
check("their sum", table("SELECT count(*), sum(amount) FROM hook_log", {"events.log": lines}), [["3", "41"]])
lines = event("2026-06-01T08:10:00Z", id=1, trace=2**64 - 1), event("2026-06-01T08:11:00Z", id=2), event("2026-06-01T08:12:00Z", id=3)
check("2^64 - 1 in a field that the format does not name", events(*lines), ["08:11 <NULL> <NULL> <NULL>", "08:11 paid 2 20.5", "08:12 paid 3 20.5"])
print("times of JSON lines, all of 2026-06-01, in milliseconds:")
def times(*times): return [int(value) for value, in table("SELECT log_time_msecs FROM hook_log", {"times.log": [event(time) for time in times]})]
eight = 1780300800000
check("08:00:00.000Z, 08:00:00.250Z", times("2026-06-01T08:00:00.000Z", "2026-06-01T08:00:00.250Z"), [eight, eight + 250])
check("08:00:00.250Z, 08:00:01Z", times("2026-06-01T08:00:00.250Z", "2026-06-01T08:00:01Z"), [eight + 250, eight + 1000])
for name, later in {"08:00:00Z, 08:00:00.250Z": "2026-06-01T08:00:00.250Z", "08:00:00Z, 10:00:01+02:00": "2026-06-01T10:00:01+02:00"}.items():
    runs = [times("2026-06-01T08:00:00Z", later)[1] for _ in range(4)]
    print(f"  {name:<64} {runs}, in four runs"); check("each more than a year from 2026", all(abs(run - eight) > 3e10 for run in runs), True)
sys.exit(failed)
E
timeout 90 python3 t.py
