#!/usr/bin/env bash
# Expected: a table of MariaDB's engine FEDERATED (FederatedX) is a table on another server, with transactions, so the ways to share work hold there as well: INSERT IGNORE
#   says 0 rows for an id that was seen before, UPDATE ... SET state = 'taken' WHERE id = ... AND state = 'new' says 1 row to one worker only, n = n + 1 counts.
# Happens: MariaDB 10.11 (Debian 12) does an UPDATE there in two steps: it fetches the row, looks at the WHERE itself, and sends back new values for the key alone. Two
#   workers that come together both get "1 row affected" for one job, and two n = n + 1 are one; BEGIN and SELECT ... FOR UPDATE change nothing, since no lock is asked for.
#   INSERT IGNORE says 1 row, no warning, for an id that is there, as for a new one. In a table without a key, one that has a FLOAT with 19.99 in it, UPDATE and DELETE say
#   1 row affected, and nothing happens. On the server itself, all of these are right.
# Means: jobs run twice, every repeat is new, and counters fall behind, only under load and without an error. Read through such a table, write what is shared on the
#   server that has it, or claim by a plain INSERT of the job's id, whose error for a second one is right here, too.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); servers=(); trap '{ for pid in "${servers[@]}"; do kill $pid; wait $pid; done; } 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq mariadb-server mariadb-server-core mariadb-client-core libaio1 libnuma1 liburing2 libpcre2-8-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f mariadb-server_*.deb Package Version | xargs; [[ $(dpkg -f mariadb-server_*.deb Version) == 1:10.11.* ]] || { echo "   changed: expected 10.11"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'); listen=(--bind-address=127.0.0.1 --port="$port")
for name in store link; do
  mkdir $name; root/usr/sbin/mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/$name" --socket="$dir/$name.sock" --pid-file="$dir/$name.pid" --skip-grant-tables "${listen[@]}" \
    --plugin-dir="$dir/root/usr/lib/mysql/plugin" --plugin-load-add=ha_federatedx.so --lc-messages-dir="$dir/root/usr/share/mysql" --innodb-buffer-pool-size=16M \
    --character-sets-dir="$dir/root/usr/share/mysql/charsets" --innodb-log-file-size=4M >$name.log 2>&1 & servers+=($!); listen=(--skip-networking)
done
cat > t.py <<'E'
import subprocess, sys, time
failed = False; client = ["root/usr/bin/mariadb", "--no-defaults", "-N", "--raw", "--unbuffered"]
def sql(server, text):
    done = subprocess.run([*client, "-S", f"{server}.sock", "-e", text], capture_output=True, text=True, timeout=30); return " ".join((done.stdout + done.stderr).split())
def check(text, got, wanted):
    global failed
    print(f"  {text:64} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
for server in ("store", "link"):
    for _ in range(200):
        if sql(server, "CREATE DATABASE IF NOT EXISTS h") == "": break
        time.sleep(0.1)
for name, columns in ("seen", "id varchar(40) PRIMARY KEY"), ("jobs", "id varchar(40) PRIMARY KEY, state varchar(10) NOT NULL DEFAULT 'new', n int NOT NULL DEFAULT 0"), ("log", "id int, amount float, state varchar(10)"):
    sql("store", f"CREATE TABLE h.{name} ({columns})")
    assert sql("link", f"CREATE TABLE h.{name} ({columns}) ENGINE=FEDERATED CONNECTION='mysql://root@127.0.0.1:{sys.argv[1]}/h/{name}'") == ""
def together(server, statements):
    """Two workers run the statements while a third holds the job's row on the server that has it; it lets go when both wait."""
    holder = subprocess.Popen([*client, "-S", "store.sock", "h"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    holder.stdin.write("BEGIN; SELECT 'held' FROM jobs WHERE id = 'job' FOR UPDATE;\n"); holder.stdin.flush(); holder.stdout.readline()
    workers = [subprocess.Popen([*client, "-S", f"{server}.sock", "h", "-e", statements], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    for _ in range(60):
        time.sleep(0.3)  # InnoDB shows an older state if it is asked more often
        if sql("store", "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'") == "2": break
    holder.communicate("COMMIT;\n"); return sorted(worker.communicate(timeout=30)[0].split()[-1] for worker in workers)
take = "UPDATE jobs SET state = 'taken' WHERE id = 'job' AND state = 'new'; SELECT ROW_COUNT()"
locked = f"BEGIN; SELECT state FROM jobs WHERE id = 'job' FOR UPDATE; UPDATE jobs SET state = 'taken' WHERE id = 'job' AND state = 'new'; SELECT ROW_COUNT() INTO @rows; COMMIT; SELECT @rows"
count = "UPDATE jobs SET n = n + 1 WHERE id = 'job'; SELECT ROW_COUNT()"
for server, seen, taken, counted, changed in ("store", "0 1", ["0", "1"], "2", "done"), ("link", "1 0", ["1", "1"], "1", "new"):
    print({"store": "on the server itself", "link": "through the federated table"}[server])
    sql("store", "TRUNCATE h.seen; TRUNCATE h.jobs; TRUNCATE h.log; INSERT INTO h.log VALUES (1, 19.99, 'new'), (2, 0.5, 'new')")
    insert = "INSERT IGNORE INTO h.seen VALUES ('evt_1'); SELECT ROW_COUNT(), @@warning_count"
    check("INSERT IGNORE of a new id: rows, warnings", sql(server, insert), "1 0")
    check("   of the same id: rows, warnings", sql(server, insert), seen)
    check("   a plain INSERT of it is refused", "ERROR" in sql(server, "INSERT INTO h.seen VALUES ('evt_1')"), True)
    for text, statements in ("UPDATE ... AND state = 'new', two workers: rows", take), ("   in a transaction with SELECT ... FOR UPDATE: rows", locked):
        sql("store", "REPLACE INTO h.jobs (id) VALUES ('job')"); check(text, together(server, statements), taken)
    sql("store", "REPLACE INTO h.jobs (id) VALUES ('job')"); check("n = n + 1, two workers: rows", together(server, count), ["1", "1"])
    check("   n is then", sql("store", "SELECT n FROM h.jobs"), counted)
    check("no key, FLOAT 0.5: rows of the UPDATE, state", sql(server, "UPDATE h.log SET state = 'done' WHERE id = 2; SELECT ROW_COUNT(); SELECT state FROM h.log WHERE id = 2"), "1 done")
    check("no key, FLOAT 19.99: rows of the UPDATE, state", sql(server, "UPDATE h.log SET state = 'done' WHERE id = 1; SELECT ROW_COUNT(); SELECT state FROM h.log WHERE id = 1"), f"1 {changed}")
    check("   rows of the DELETE, rows left", sql(server, "DELETE FROM h.log WHERE id = 1; SELECT ROW_COUNT(); SELECT COUNT(*) FROM h.log WHERE id = 1"), "1 0" if server == "store" else "1 1")
sys.exit(failed)
E
timeout 100 python3 t.py "$port"
