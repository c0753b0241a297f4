#!/usr/bin/env bash
# Expected: a store that knows JSON finds a member whichever way the sender wrote its name: "a\/b" and "a/b" are one name, and so are "gr\u00f6\u00dfe" and "größe".
#   PHP's json_encode writes the first way, Python's json.dumps the second, if nobody says otherwise.
# Happens: MariaDB 10.11 (Debian 12): JSON_EXTRACT is NULL and JSON_CONTAINS_PATH 0 for such a name, while JSON_VALUE, JSON_EXISTS, JSON_TABLE, JSON_SET and
#   JSON_REMOVE find it. Of values, JSON_CONTAINS, JSON_OVERLAPS and JSON_EQUALS do not take "https:\/\/x" for "https://x", where JSON_VALUE = does. SQLite 3.40.1
#   (Debian 12, its Python too): json_extract, ->> and json_type are NULL, json_remove removes nothing, json_set, json_insert and json_patch put a second member
#   of that name beside the first, while json_each shows it under its name. SQLite 3.54.1 (apsw), DuckDB 2.0.1 and Python find it, and have one.
# Means: the same event is there for the query or not, by the language of its sender; an update leaves two values, and readers disagree which one counts. Do not
#   query the text as it came: write it anew when storing it (json.dumps(..., ensure_ascii=False)), beside the signed original, or keep what is searched in columns.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null && wait $server || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq mariadb-server-core mariadb-client-core libaio1 libnuma1 liburing2 libpcre2-8-0 sqlite3 libsqlite3-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in mariadb-server-core sqlite3; do dpkg -f $package*.deb Package Version | xargs; done
[[ $(dpkg -f mariadb-server-core*.deb Version) == 1:10.11.* && $(dpkg -f libsqlite3-0*.deb Version) == 3.40.1* ]] || { echo "   changed: expected 10.11 and 3.40.1"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check apsw==3.54.1.0 duckdb==2.0.1
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu; mkdir data
root/usr/sbin/mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/data" --socket="$dir/s" --pid-file="$dir/pid" --skip-networking --skip-grant-tables \
  --lc-messages-dir="$dir/root/usr/share/mysql" --character-sets-dir="$dir/root/usr/share/mysql/charsets" --innodb-log-file-size=4M >mariadb.log 2>&1 & server=$!
cat > t.py <<'E'
import json, subprocess, sys, time
import apsw, duckdb
def mariadb(sql):
    return subprocess.run(["root/usr/bin/mariadb", "--no-defaults", "-S", "s", "-N", "--raw", "--default-character-set=utf8mb4", "-e", sql], capture_output=True, text=True)
def sqlite(sql):
    return subprocess.run(["root/usr/bin/sqlite3", "-noheader", "-nullvalue", "NULL", ":memory:", sql], capture_output=True, text=True)
for _ in range(200):
    if mariadb("SELECT 1").returncode == 0: break
    time.sleep(0.1)
new = apsw.Connection(":memory:"); failed = False
def text(value): return "NULL" if value is None else str(value)
ask = {"MariaDB": lambda sql: mariadb("SELECT " + sql.replace("\\", "\\\\")), "SQLite 3.40.1": lambda sql: sqlite("SELECT " + sql),
       "SQLite 3.54.1": lambda sql: text(new.execute("SELECT " + sql).fetchone()[0]), "DuckDB": lambda sql: text(duckdb.execute("SELECT " + sql).fetchone()[0])}
def show(store, sql, wanted):
    global failed
    got = ask[store](sql)
    if not isinstance(got, str): got = (got.stdout + got.stderr).strip()
    print(f"  {store:14}{sql:96} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
print("versions:", mariadb("SELECT version()").stdout.strip(), sqlite("SELECT sqlite_version()").stdout.strip(), apsw.sqlite_lib_version(), duckdb.__version__)
for name, escaped in (("a/b", r"a\/b"), ("größe", json.dumps("größe")[1:-1])):
    assert json.loads('{"%s":1}' % escaped) == {name: 1}
    path = f"'$.\"{name}\"'"
    for kind, written in (("not escaped", name), ("escaped", escaped)):
        print(f"{name}, {kind}:"); document = "'{\"%s\":1}'" % written; same = written == name; both = '{"%s":1,"%s":7}' % (written, name); anew = '{"%s":7}' % written
        for function, found in (("JSON_EXTRACT", same), ("JSON_CONTAINS_PATH", same), ("JSON_VALUE", True), ("JSON_EXISTS", True)):
            arguments = f"{document}, 'one', {path}" if function == "JSON_CONTAINS_PATH" else f"{document}, {path}"
            show("MariaDB", f"{function}({arguments})", "1" if found else "0" if "PATH" in function else "NULL")
        show("MariaDB", f"JSON_COMPACT(JSON_SET({document}, {path}, 7))", anew)
        show("MariaDB", f"JSON_REMOVE({document}, {path})", "{}")
        show("MariaDB", f"x FROM JSON_TABLE({document}, '$' COLUMNS (x INT PATH {path})) t", "1")
        for store, right in (("SQLite 3.40.1", same), ("SQLite 3.54.1", True)):
            show(store, f"json_extract({document}, {path})", "1" if right else "NULL")
            show(store, f"json_type({document}, {path})", "integer" if right else "NULL")
            show(store, f"json_set({document}, {path}, 7)", anew if right else both)
            show(store, f"json_remove({document}, {path})", "{}" if right else document[1:-1])
            show(store, f"json_patch({document}, '{{\"{name}\":7}}')", anew if right else both)
            show(store, f"key FROM json_each({document})", name)
        show("DuckDB", f"json_extract({document}, {path})", "1")
print("values:"); written, url = r'{"url":"https:\/\/x"}', '"https://x"'
for document, found in (('{"url":"https://x"}', "1"), (written, "0")):
    show("MariaDB", f"JSON_CONTAINS('{document}', '{url}', '$.url')", found)
    show("MariaDB", f"JSON_EQUALS('{document}', '{{\"url\":{url}}}')", found)
    show("MariaDB", f"JSON_OVERLAPS('[{document[7:-1]}]', '[{url}]')", found)
    show("MariaDB", f"JSON_VALUE('{document}', '$.url') = 'https://x'", "1")
    show("SQLite 3.40.1", f"json_extract('{document}', '$.url') = 'https://x'", "1")
sys.exit(failed)
E
timeout 90 v/bin/python t.py
