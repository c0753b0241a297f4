#!/usr/bin/env bash
# Expected: TRUE in a data frame is 1 in the TINYINT that RMySQL itself makes of it (dbDataType(con, TRUE) is "tinyint"), and a BIT(1) that is 1, as Hibernate
#   writes a boolean, is 1 in R. A number that a column cannot hold is refused: the server is strict by default, and refuses the same INSERT.
# Happens: RMySQL 0.10.25 with MariaDB 10.11 (Debian 12, which has no other driver of R for MySQL but ODBC): dbWriteTable() writes each TRUE as 0, in a table of
#   its own and with append = TRUE; only NA stays NULL. It sends the word TRUE by LOAD DATA LOCAL, which is never strict: 3000000000 becomes 2147483647 in an INT,
#   a text of 12 letters is cut to 10, a time loses its fraction, and it returns TRUE, with no warning. A BIT(1) that is 1 is read as 0 as well. A boolean that the
#   server has as TINYINT is read right, and so are 1L written and SELECT paid + 0.
# Means: paid, refunded, livemode: after an archive or a correction by way of R no event has any of them, and of a table of Hibernate none had it before. Write
#   as.integer(paid), read CAST(paid AS UNSIGNED), and compare sums on both sides; or INSERT by dbExecute().
set -euo pipefail
dir=$(mktemp -d); mariadb=
trap '[ -z "$mariadb" ] || { kill $mariadb; wait $mariadb; } 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and Python"; exit 2; }; done
apt-get download -qq r-base-core libblas3 liblapack3 libgfortran5 libquadmath0 libgomp1 libicu72 libreadline8 libtirpc3 libdeflate0 libstdc++6 \
  r-cran-rmysql r-cran-dbi \
  mariadb-server-core mariadb-client-core mariadb-client libaio1 libnuma1 liburing2 libpcre2-8-0 libmariadb3 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f r-cran-rmysql_* Package Version | xargs; dpkg -f mariadb-server-core_* Package Version | xargs
[[ $(dpkg -f r-cran-rmysql_* Version) == 0.10.25* && $(dpkg -f mariadb-server-core_* Version) == *10.11.* ]] || { echo "   changed: expected RMySQL 0.10.25 and MariaDB 10.11"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
export R_HOME=$dir/root/usr/lib/R R_LIBS=$dir/root/usr/lib/R/site-library R_DEFAULT_PACKAGES=utils,stats,methods TZ=UTC LC_ALL=C.UTF-8 R_SHARE_DIR=$dir/root/usr/share/R/share
export LD_LIBRARY_PATH=$R_HOME/lib:$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/usr/lib/x86_64-linux-gnu/blas:$dir/root/usr/lib/x86_64-linux-gnu/lapack
rm "$R_HOME/etc/Renviron"; cp "$R_HOME/etc/Renviron.ucf" "$R_HOME/etc/Renviron"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
libraries=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu share=$dir/root/usr/share/mysql; mkdir maria
server() { LD_LIBRARY_PATH=$libraries exec root/usr/sbin/mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/maria" --lc-messages-dir="$share" \
  --character-sets-dir="$share/charsets" --innodb-log-file-size=4M "$@"; }
{ printf 'CREATE DATABASE mysql;\nUSE mysql;\n'; cat "$share"/mysql_system_tables.sql "$share"/mysql_system_tables_data.sql; } >boot.sql
(server --bootstrap <boot.sql) >boot.log 2>&1 || { tail boot.log; exit 2; }
server --socket="$dir/s" --pid-file="$dir/pid" --bind-address=127.0.0.1 --port="$port" >mariadb.log 2>&1 & mariadb=$!
maria() { LD_LIBRARY_PATH=$libraries root/usr/bin/mariadb --no-defaults -u root -S s -N --raw "$@"; }
for _ in $(seq 200); do maria -e "SELECT 1" >/dev/null 2>&1 && break; sleep 0.1; done
maria -e "CREATE USER r@'127.0.0.1' IDENTIFIED BY 'r'; GRANT ALL ON *.* TO r@'127.0.0.1'; CREATE DATABASE d"
export MARIA_PORT=$port
cat > t.R <<'E'
suppressMessages(library(RMySQL)); con <- dbConnect(MySQL(), host = "127.0.0.1", port = as.integer(Sys.getenv("MARIA_PORT")), user = "r", password = "r", dbname = "d"); failed <- FALSE; warned <- 0
check <- function(text, got, wanted) { got <- paste(got, collapse = " "); cat(sprintf("  %-62s %s\n", text, got)); if (got != wanted) { cat("   changed: expected", wanted, "\n"); failed <<- TRUE } }
run <- function(sql) invisible(dbClearResult(dbSendQuery(con, sql))); one <- function(sql) as.character(dbGetQuery(con, sql)[[1]])
write <- function(table, frame) withCallingHandlers(dbWriteTable(con, table, frame, append = TRUE, row.names = FALSE), warning = function(w) { warned <<- warned + 1; invokeRestart("muffleWarning") })
events <- data.frame(id = 1:4, paid = c(TRUE, TRUE, FALSE, NA))
check("dbDataType(con, TRUE), and sql_mode is strict", c(dbDataType(con, TRUE), grepl("STRICT_TRANS", one("SELECT @@sql_mode"))), "tinyint TRUE")
cat("TRUE TRUE FALSE NA:\n")
check("dbWriteTable() returns", write("own", events), "TRUE")
check("   in a table that it made", one("SELECT paid FROM own ORDER BY id"), "0 0 0 NA")
run("CREATE TABLE events (id INT, paid BOOLEAN)"); write("events", events) -> done
check("   in a column BOOLEAN", one("SELECT paid FROM events ORDER BY id"), "0 0 0 NA")
run("DELETE FROM events"); write("events", transform(events, paid = as.integer(paid))) -> done
check("   as.integer() of it", one("SELECT paid FROM events ORDER BY id"), "1 1 0 NA")
run("DELETE FROM events"); run("INSERT INTO events VALUES (1, TRUE), (2, TRUE), (3, FALSE), (4, NULL)")
check("by INSERT, and read", dbReadTable(con, "events")$paid, "1 1 0 NA")
copy <- dbReadTable(con, "events"); copy$paid <- as.logical(copy$paid); run("DELETE FROM events"); write("events", copy) -> done
check("   read, as.logical(), and written again", one("SELECT paid FROM events ORDER BY id"), "0 0 0 NA")
run("CREATE TABLE java (id INT, paid BIT(1))"); run("INSERT INTO java VALUES (1, TRUE), (2, TRUE), (3, FALSE), (4, NULL)")
check("a BIT(1) by INSERT, and read", dbReadTable(con, "java")$paid, "0 0 0 NA")
check("   SELECT CAST(paid AS UNSIGNED)", suppressWarnings(one("SELECT CAST(paid AS UNSIGNED) FROM java ORDER BY id")), "1 1 0 NA")
check("   how many the server finds paid", one("SELECT count(*) FROM java WHERE paid"), "2")
cat("other values:\n"); run("CREATE TABLE other (cents INT, code VARCHAR(10), at DATETIME(6))")
check("INSERT of 3000000000 into INT", if (inherits(try(run("INSERT INTO other (cents) VALUES (3000000000)"), silent = TRUE), "try-error")) "refused" else "written", "refused")
check("dbWriteTable() of it returns", write("other", data.frame(cents = 3000000000, code = "ABCDEFGHIJKL", at = as.POSIXct("2026-07-02 03:04:05.123456", tz = "UTC"))), "TRUE")
check("   written", one("SELECT concat_ws(' ', cents, code, at) FROM other"), "2147483647 ABCDEFGHIJ 2026-07-02 03:04:05.000000")
check("warnings of dbWriteTable()", warned, "0")
quit(status = if (failed) 1 else 0)
E
timeout 60 "$R_HOME/bin/exec/R" --no-echo --vanilla -f t.R 2>t.err || { cat t.err; exit 1; }
