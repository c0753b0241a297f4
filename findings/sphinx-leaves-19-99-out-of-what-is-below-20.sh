#!/usr/bin/env bash
# Expected: a JSON attribute of Sphinx search (a whole event beside its text) compares numbers: j.amount < 20 finds 19.99, j.amount > 20 finds 20.01, = -5 finds -5, and a row
#   without the field is found by none of them.
# Happens: sphinxsearch 2.2.11 (Debian 12): the constant's form decides. A whole one makes "up to 19" of < 20 and "from 21 on" of > 20: of two reports, one with < 20
#   and one with >= 20, none has 19.99. = 20 finds 20.01 too, = 0 finds 0.5 and -0.5. = -5 and IN (-5) find nothing, != -5 finds -5. A row without
#   the field is found by < 20, >= 0 and != 0, and not by = 0. With a point (20.0) each of these is right, as is >= for rows with the field. UPDATE of a 1 in JSON to 2.5 sets 2. No warning.
# Means: limits of a rule, "refunds of -5", and a search for small amounts find other events, and all without an amount. Write constants with a point ("%.2f"), add
#   "AND j.amount IS NOT NULL", or put the field into an attribute of its own (cents in rt_attr_bigint).
set -euo pipefail
dir=$(mktemp -d); pid=; trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; [ -z "$pid" ] || wait "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get, python3)"; exit 2; }; done
apt-get download -qq sphinxsearch libltdl7 libmariadb3 libodbc2 libre2-9 libpq5 libstemmer0d libexpat1 libssl3 libffi8 libgmp10 libgnutls30 libgssapi-krb5-2 libhogweed6 libidn2-0 libk5crypto3 \
  libkrb5-3 libkrb5support0 libldap-2.5-0 libnettle8 libp11-kit0 libsasl2-2 libtasn1-6 libunistring2 libcom-err2 libkeyutils1 zlib1g >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f sphinxsearch_*.deb Package Version | xargs; [[ $(dpkg -f sphinxsearch_*.deb Version) == 2.2.11-* ]] || { echo "   changed: expected 2.2.11"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pymysql==1.2.4
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'); mkdir data
cat > sphinx.conf <<E
index events
{
  type = rt
  path = $dir/data/events
  rt_field = body
  rt_attr_string = event
  rt_attr_json = j
}
searchd
{
  listen = 127.0.0.1:$port:mysql41
  pid_file = $dir/data/pid
  log = $dir/data/log
  binlog_path =
  workers = threads
}
E
LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu root/usr/bin/searchd -c sphinx.conf --console >out 2>&1 & pid=$!
for _ in $(seq 100); do grep -q 'accepting connections' out && break; sleep 0.1; done
cat > t.py <<'E'
import json, pymysql, sys
failed = False; cursor = pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]), autocommit=True).cursor()
def ask(query, *values):
    cursor.execute(query, values or None); rows = cursor.fetchall(); cursor.execute("SHOW WARNINGS"); assert not cursor.fetchall(); return rows
def check(what, got, wanted):
    global failed
    print(f"  {what:44} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
amounts = [-20, -5, -0.5, 0, 0.5, 5, 19, 19.99, 20, 20.01, 100]
for number, amount in enumerate(amounts, 1): ask("INSERT INTO events (id, body, event, j) VALUES (%s, 'paid', %s, %s)", number, str(amount), json.dumps({"amount": amount, "n": 1}))
ask("INSERT INTO events (id, body, event, j) VALUES (99, 'paid', 'none', %s)", json.dumps({"n": 1}))
def found(where): return " ".join(name for name, in ask(f"SELECT event FROM events WHERE {where} ORDER BY id ASC LIMIT 100"))
print("amounts:", *amounts, "and none; found by j.amount")
for where, wanted in {"< 20": "-20 -5 -0.5 0 0.5 5 19 none", "< 20.0": "-20 -5 -0.5 0 0.5 5 19 19.99", "> 20": "100", "> 20.0": "20.01 100", "> 19": "20 20.01 100", "> 19.0": "19.99 20 20.01 100",
    ">= 20": "20 20.01 100", "= 20": "20 20.01", "= 20.0": "20", "= 0": "-0.5 0 0.5", "< 0": "-20 -5", "= -5": "", "= -5.0": "-5", "IN (-5, 20)": "20 20.01", "!= -5": "-20 -5 -0.5 0 0.5 5 19 19.99 20 20.01 100 none",
    ">= 0": "0 0.5 5 19 19.99 20 20.01 100 none", "!= 0": "-20 -5 5 19 19.99 20 20.01 100 none", "> 0": "5 19 19.99 20 20.01 100", "> 0.0": "0.5 5 19 19.99 20 20.01 100"}.items(): check(where, found(f"j.amount {where}"), wanted)
check(">= 0.0", found("j.amount >= 0.0"), "0 0.5 5 19 19.99 20 20.01 100")
check(">= 0 AND j.amount IS NOT NULL", found("j.amount >= 0 AND j.amount IS NOT NULL"), "0 0.5 5 19 19.99 20 20.01 100")
print("two reports:"); check("below 20, and 20 and more: 19.99 in both", ("19.99" in found("j.amount < 20").split(), "19.99" in found("j.amount >= 20").split()), (False, False))
check("20 and less, and above 20: 20.01 in both", ("20.01" in found("j.amount <= 20").split(), "20.01" in found("j.amount > 20").split()), (False, False))
ask("UPDATE events SET j.n = 2.5 WHERE id = 1"); check("UPDATE ... SET j.n = 2.5, where 1 was", json.loads(ask("SELECT j FROM events WHERE id = 1")[0][0])["n"], 2)
sys.exit(failed)
E
timeout 60 v/bin/python t.py "$port"
