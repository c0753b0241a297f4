#!/usr/bin/env bash
# Expected: dbWriteTable() of RPostgreSQL writes the moment that is in a POSIXct, and so a table that was read by dbReadTable() or dbGetQuery() is the same table
#   when it is written again.
# Happens: RPostgreSQL 0.7-5, PostgreSQL 15 (Debian 12): it writes the text of the time without an offset into its timestamptz, and the server takes it for its own
#   TimeZone: with R in UTC (a container) and TimeZone = Europe/Berlin, 03:04:05 UTC comes back as 01:04:05 UTC, without a word, once more with each copy. The
#   fraction is left out, .123456 becomes .000, unless options(digits.secs = 6), which is there for printing. A column that R shows in another zone (attr tzone) is
#   moved by that one. Reading is right, in each zone.
# Means: an archive, a backfill or a corrected table has all times two hours off in summer, one in winter, only with a server not on UTC, and events of one second
#   have lost their order. dbGetQuery(con, "SET TimeZone = 'UTC'") before, times in UTC, and digits.secs; or write epoch seconds (double precision) and let SQL say
#   to_timestamp().
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and Python"; exit 2; }; done
[ -e /usr/share/zoneinfo/Europe/Berlin ] || { echo "needs tzdata"; exit 2; }
apt-get download -qq r-base-core libblas3 liblapack3 libgfortran5 libquadmath0 libgomp1 libicu72 libreadline8 libtirpc3 libdeflate0 libstdc++6 \
  r-cran-rpostgresql r-cran-dbi \
  postgresql-15 postgresql-client-15 libpq5 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f r-cran-rpostgresql_* Package Version | xargs; dpkg -f postgresql-15_* Package Version | xargs
[[ $(dpkg -f r-cran-rpostgresql_* Version) == 0.7-5* && $(dpkg -f postgresql-15_* Version) == 15.* ]] || { echo "   changed: expected RPostgreSQL 0.7-5 and PostgreSQL 15"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
export R_HOME=$dir/root/usr/lib/R R_LIBS=$dir/root/usr/lib/R/site-library R_DEFAULT_PACKAGES=utils,stats,methods TZ=UTC LC_ALL=C.UTF-8 R_SHARE_DIR=$dir/root/usr/share/R/share
export LD_LIBRARY_PATH=$R_HOME/lib:$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/usr/lib/x86_64-linux-gnu/blas:$dir/root/usr/lib/x86_64-linux-gnu/lapack
rm "$R_HOME/etc/Renviron"; cp "$R_HOME/etc/Renviron.ucf" "$R_HOME/etc/Renviron"
bin=$dir/root/usr/lib/postgresql/15/bin; export PGPORT PGDATA=$dir/data
PGPORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $PGPORT -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off -c TimeZone=UTC" start
cat > t.R <<'E'
suppressMessages(library(RPostgreSQL)); con <- dbConnect(PostgreSQL(), host = "127.0.0.1", port = as.integer(Sys.getenv("PGPORT")), user = "u", dbname = "postgres"); failed <- FALSE
check <- function(text, got, wanted) { cat(sprintf("  %-60s %s\n", text, got)); if (got != wanted) { cat("   changed: expected", wanted, "\n"); failed <<- TRUE } }
run <- function(sql) invisible(suppressWarnings(dbGetQuery(con, sql)))
run("CREATE TABLE events (id int, at timestamptz)"); run("INSERT INTO events VALUES (1, '2026-07-02 03:04:05.123456+00'), (2, '2026-01-02 03:04:05.9+00')")
text <- function(table, id = 1) dbGetQuery(con, paste0("SELECT to_char(at AT TIME ZONE 'UTC', 'MM-DD HH24:MI:SS.US') s FROM ", table, " WHERE id = ", id))$s
copy <- function(change = identity) { run("DROP TABLE IF EXISTS copy"); events <- dbReadTable(con, "events"); events$at <- change(events$at); dbWriteTable(con, "copy", events, row.names = FALSE) -> done }
for (zone in c("UTC", "Europe/Berlin", "America/New_York")) {
  run(paste0("SET TimeZone = '", zone, "'")); cat("TimeZone of the server ", zone, ", R in ", Sys.getenv("TZ"), ":\n", sep = "")
  check("read, in seconds", sprintf("%.6f", as.numeric(dbReadTable(con, "events")$at[1])), "1782961445.123456")
  copy(); check("read and written: of July", text("copy"), c("07-02 03:04:05.000000", "07-02 01:04:05.000000", "07-02 07:04:05.000000")[match(zone, c("UTC", "Europe/Berlin", "America/New_York"))])
  check("   of January", text("copy", 2), c("01-02 03:04:05.000000", "01-02 02:04:05.000000", "01-02 08:04:05.000000")[match(zone, c("UTC", "Europe/Berlin", "America/New_York"))])
}
run("SET TimeZone = 'UTC'"); cat("TimeZone of the server UTC:\n")
copy(function(at) { attr(at, "tzone") <- "Asia/Tokyo"; at }); check("a time that R shows in Tokyo", text("copy"), "07-02 12:04:05.000000")
copy(function(at) as.POSIXct("2026-07-02T03:04:05.123456Z", format = "%Y-%m-%dT%H:%M:%OSZ", tz = "UTC") + 0:1); check("a time that R read from text", text("copy"), "07-02 03:04:05.000000")
options(digits.secs = 6); copy(); check("with options(digits.secs = 6)", text("copy"), "07-02 03:04:05.123456")
quit(status = if (failed) 1 else 0)
E
timeout 60 "$R_HOME/bin/exec/R" --no-echo --vanilla -f t.R 2>t.err || { cat t.err; exit 1; }
