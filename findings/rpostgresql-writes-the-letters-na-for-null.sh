#!/usr/bin/env bash
# Expected: NA, or NULL, as a parameter of a query is NULL in the table, as it is with RSQLite and the other drivers of DBI, and with dbWriteTable() of RPostgreSQL
#   itself.
# Happens: RPostgreSQL 0.7-5 (Debian 12, which has no other driver of R for PostgreSQL but ODBC): dbGetQuery(con, "INSERT INTO events VALUES ($1, $2)", list(id,
#   NA)) writes the two letters NA into a column text, NA_character_ as well, and NULL the four letters NULL. No error; printed in R it is NA again, where a real
#   one is <NA>. 100000 is sent as 1e+05: text keeps that, of the ids 99999 to 100001 the middle one is 1e+05, and bigint refuses it, which dbGetQuery() turns into
#   a warning: tryCatch(error = ) sees nothing, and the row is missing (dbSendQuery() stops).
# Means: IS NULL finds no event without a note, coalesce(discount_code, ...) gives NA as the code, a unique index takes one event without a parent and refuses the
#   second, and a customer from Namibia (NA) is as one without a country. Use dbWriteTable(..., append = TRUE), or nullif($2, 'NA') where that is no value;
#   format(id, scientific = FALSE); warning = as well.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and Python"; exit 2; }; done
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
check <- function(text, got, wanted) { got <- paste(got, collapse = " "); cat(sprintf("  %-72s %s\n", text, got)); if (got != wanted) { cat("   changed: expected", wanted, "\n"); failed <<- TRUE } }
run <- function(...) invisible(dbGetQuery(con, ...))
run("CREATE TABLE events (id text, note text, cents bigint)"); insert <- "INSERT INTO events (id, note) VALUES ($1, $2)"
cat("written as the second parameter, a text:\n")
for (case in list(list("\"x\"", "x", "f x"), list("\"\"", "", "f "), list("NA", NA, "f NA"), list("NA_character_", NA_character_, "f NA"), list("NULL", NULL, "f NULL"), list("\"NA\", the country", "NA", "f NA"))) {
  run("DELETE FROM events"); value <- if (length(case) == 3) case[2] else list(NULL); if (is.null(case[[2]])) value <- list(NULL)
  run(insert, c(list("e1"), value)); check(paste0(case[[1]], ": IS NULL, and the text"), dbGetQuery(con, "SELECT (note IS NULL)::text || ' ' || coalesce(note, '(null)') AS s FROM events")$s, sub("^f", "false", case[[3]]))
}
run("DELETE FROM events"); for (note in list("x", NA, NA)) run(insert, list("e", note))
check("events with no note, of two, found by IS NULL", as.integer(dbGetQuery(con, "SELECT count(*)::int n FROM events WHERE note IS NULL")$n), "0")
check("is.na() of what is read again", is.na(dbGetQuery(con, "SELECT note FROM events")$note), "FALSE FALSE FALSE")
cat("the same by dbWriteTable():\n"); run("DELETE FROM events")
dbWriteTable(con, "events", data.frame(id = c("e1", "e2", "e3"), note = c("x", NA, "NA"), cents = 5L), append = TRUE, row.names = FALSE) -> done
check("found by IS NULL, and by = 'NA'", unlist(dbGetQuery(con, "SELECT count(*) FILTER (WHERE note IS NULL)::int, count(*) FILTER (WHERE note = 'NA')::int FROM events")), "1 1")
cat("other columns and ids:\n"); options(warn = -1)
# What a program notices: an error that tryCatch() sees, a warning, or nothing.
outcome <- function(f, ...) { warned <- "nothing"; tryCatch(withCallingHandlers({ f(con, ...); warned }, warning = function(w) { warned <<- "a warning"; invokeRestart("muffleWarning") }), error = function(e) "an error") }
count <- function() as.integer(dbGetQuery(con, "SELECT count(*)::int n FROM events")$n)
cents <- "INSERT INTO events (cents) VALUES ($1)"; run("DELETE FROM events")
check("NA into bigint: what tryCatch() sees of dbGetQuery(), and rows", c(outcome(dbGetQuery, cents, list(NA)), count()), "a warning 0")
check("100000 into bigint: what it sees of dbGetQuery(), and rows", c(outcome(dbGetQuery, cents, list(100000)), count()), "a warning 0")
check("   of dbSendQuery(), and rows", c(outcome(dbSendQuery, cents, list(100000)), count()), "an error 0")
check("100001 into bigint: of dbGetQuery(), and rows", c(outcome(dbGetQuery, cents, list(100001)), count()), "nothing 1")
run("DELETE FROM events"); for (id in c(99999, 100000, 100001)) run(insert, list(id, "x"))
check("the ids 99999, 100000 and 100001 in a column text", dbGetQuery(con, "SELECT id FROM events ORDER BY ctid")$id, "99999 1e+05 100001")
run("DELETE FROM events"); run("CREATE UNIQUE INDEX one ON events (note)"); run(insert, list("e1", NA))
check("a unique index, and a second event with NA: rows", c(outcome(dbGetQuery, insert, list("e2", NA)), count()), "a warning 1")
quit(status = if (failed) 1 else 0)
E
timeout 60 "$R_HOME/bin/exec/R" --no-echo --vanilla -f t.R 2>t.err || { cat t.err; exit 1; }
