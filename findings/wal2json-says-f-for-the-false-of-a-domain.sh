#!/usr/bin/env bash
# Expected: wal2json, the plugin that writes PostgreSQL's changes as JSON (for CDC, caches, search indexes), writes false as false and a number as a number; a
#   column whose type is a domain (CREATE DOMAIN flag AS boolean, cents AS bigint with a CHECK) is as its base type, at the latest with
#   include-domain-data-type, which names the base type.
# Happens: wal2json 2.5 with PostgreSQL 15 (Debian 12): false in a domain is the string "f", 19.99 is "19.99", 1000 is "1000"; a bytea in a domain is "\\x00ff",
#   in a plain column "00ff". In format 2 include-domain-data-type changes the type only: {"type":"boolean","value":"f"}, {"type":"bigint","value":"1000"}. In
#   format 1 the same option changes the values as well: false, 1000, "00ff". Plain columns are right in all of them.
# Means: "f" is true in JavaScript, Python and Ruby: what was switched off is on in the copy from the day on which somebody gave the column a domain; as strings
#   "999" is more than "1000". Read a boolean by === true or "t", convert by the type named, or take format 1 with the option. A test with a domain of each kind
#   finds it.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get, python3)"; exit 2; }; done
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 postgresql-15-wal2json >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in postgresql-15_* postgresql-15-wal2json_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f postgresql-15-wal2json_* Version) == 2.5-* ]] || { echo "   changed: expected wal2json 2.5"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C PGHOST=127.0.0.1 PGUSER=u PGDATABASE=postgres PGPORT=$port
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
options="-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off -c wal_level=logical"
! grep -q output_plugin_libraries data/postgresql.conf || options="$options -c output_plugin_libraries=wal2json"
as "$bin/pg_ctl" -s -w -D data -l data/log -o "$options" start
psql() { "$bin/psql" -X -q -At -v ON_ERROR_STOP=1 "$@"; }
psql >/dev/null <<'E'
CREATE DOMAIN flag AS boolean; CREATE DOMAIN amount AS numeric(12, 2) CHECK (VALUE >= 0); CREATE DOMAIN cents AS bigint; CREATE DOMAIN digest AS bytea;
CREATE TABLE hook (id int PRIMARY KEY, active boolean, active_d flag, amount numeric(12, 2), amount_d amount, cents bigint, cents_d cents, digest bytea, digest_d digest);
SELECT FROM pg_create_logical_replication_slot('copy', 'wal2json');
INSERT INTO hook VALUES (1, false, false, 19.99, 19.99, 1000, 1000, '\x00ff', '\x00ff');
E
changes() { psql -c "SELECT data FROM pg_logical_slot_peek_changes('copy', NULL, NULL, 'add-tables', 'public.hook'$1)"; }
for format in 1 2; do for domain in 0 1; do changes ", 'format-version', '$format', 'include-domain-data-type', '$domain'" > "$format.$domain"; done; done
cat > t.py <<'E'
import json, sys
failed = False
def check(name, got, wanted):
    global failed; print(f"  {name:<26} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def columns(format, domain):
    for line in open(f"{format}.{domain}"):
        change = json.loads(line)
        if format == 2 and change["action"] == "I": return {column["name"]: (column["type"], column["value"]) for column in change["columns"]}
        if format == 1:
            for one in change["change"]: return {name: (kind, value) for name, kind, value in zip(one["columnnames"], one["columntypes"], one["columnvalues"])}
plain = {"active": ("boolean", False), "amount": ("numeric(12,2)", 19.99), "cents": ("bigint", 1000), "digest": ("bytea", "00ff")}
own = {"active_d": ("flag", "f"), "amount_d": ("amount", "19.99"), "cents_d": ("cents", "1000"), "digest_d": ("digest", "\\x00ff")}
named = {"active_d": ("boolean", "f"), "amount_d": ("numeric(12,2)", "19.99"), "cents_d": ("bigint", "1000"), "digest_d": ("bytea", "\\x00ff")}
right = {"active_d": ("boolean", False), "amount_d": ("numeric(12,2)", 19.99), "cents_d": ("bigint", 1000), "digest_d": ("bytea", "00ff")}
for format, domain, wanted in (1, 0, own), (1, 1, right), (2, 0, own), (2, 1, named):
    print(f"format-version {format}, include-domain-data-type {domain}:"); got = columns(format, domain)
    for name in [*plain, *wanted]: check(name, got[name], {**plain, **wanted}[name])
check("is the hook on, by Python", [bool(columns(2, 1)[name][1]) for name in ("active", "active_d")], [False, True])
sys.exit(failed)
E
timeout 30 python3 t.py
