#!/usr/bin/env bash
# Expected: a job in R takes the events whose id is not yet in SQLite: events[!events$id %in% seen$id, ], or merge() or setdiff(), with the ids of RSQLite and
#   those of jsonlite. RSQLite reads every integer of SQLite, as it says of bigint, and jsonlite reads ids up to 2^53 without loss; printed, both look the same,
#   and == says that they are.
# Happens: R 4.2.2, RSQLite 2.2.20, jsonlite 1.8.4 (Debian 12): right while all ids in the result are below 2^31. One id from 2147483648 on, in any row, makes the
#   whole column integer64, whose bits match(), merge(), setdiff() and intersect() read as tiny doubles: no id is found any more, the small ones neither, so every
#   event is new. No warning. union() and rbind() with the events first write those doubles: 1700000000123 becomes 8.39911597990889e-312. With library(bit64),
#   seen$id %in% events$id is right, events$id %in% seen$id not.
# Means: the job is right for years and then, after one row, charges and mails everybody again with each run. dbConnect(SQLite(), ..., bigint = "numeric") (below
#   2^53) or seen$id <- as.numeric(seen$id) make it right.
# The versions are those of Debian 12, which its users have; match() of R 4.3 and later compares the text of both.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq r-base-core libblas3 liblapack3 libgfortran5 libquadmath0 libgomp1 libicu72 libreadline8 libtirpc3 libdeflate0 libstdc++6 \
  r-cran-jsonlite r-cran-dbi r-cran-rsqlite \
  r-cran-bit64 r-cran-bit r-cran-blob r-cran-memoise r-cran-cachem r-cran-fastmap r-cran-rlang r-cran-vctrs r-cran-cli r-cran-glue r-cran-lifecycle r-cran-pkgconfig r-cran-rcpp libsqlite3-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f r-base-core_* Package Version | xargs; dpkg -f r-cran-rsqlite_* Package Version | xargs; dpkg -f r-cran-jsonlite_* Package Version | xargs
[[ $(dpkg -f r-base-core_* Version) == 4.2.2* && $(dpkg -f r-cran-rsqlite_* Version) == 2.2.20* && $(dpkg -f r-cran-jsonlite_* Version) == 1.8.4* ]] || { echo "   changed: expected R 4.2.2, RSQLite 2.2.20, jsonlite 1.8.4"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
export R_HOME=$dir/root/usr/lib/R R_LIBS=$dir/root/usr/lib/R/site-library R_DEFAULT_PACKAGES=utils,stats,methods TZ=UTC LC_ALL=C.UTF-8 R_SHARE_DIR=$dir/root/usr/share/R/share
export LD_LIBRARY_PATH=$R_HOME/lib:$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/usr/lib/x86_64-linux-gnu/blas:$dir/root/usr/lib/x86_64-linux-gnu/lapack
rm "$R_HOME/etc/Renviron"; cp "$R_HOME/etc/Renviron.ucf" "$R_HOME/etc/Renviron"
cat > t.R <<'E'
suppressMessages({library(DBI); library(RSQLite); library(jsonlite)}); failed <- FALSE; options(digits = 15)
check <- function(text, value, wanted) {
  got <- paste(format(value, scientific = NA, trim = TRUE), collapse = " "); if (length(value) == 0) got <- "none"
  cat(sprintf("  %-58s %s\n", text, got)); if (got != wanted) { cat("   changed: expected", wanted, "\n"); failed <<- TRUE }
}
case <- function(title, rows, body, new, found, class, ...) {
  cat(title, "\n"); con <- dbConnect(SQLite(), ":memory:", ...); dbExecute(con, "CREATE TABLE seen (id INTEGER PRIMARY KEY, note TEXT)")
  for (id in rows) dbExecute(con, paste0("INSERT INTO seen VALUES (", id, ", 'x')"))
  seen <- dbGetQuery(con, "SELECT * FROM seen"); events <- fromJSON(body); dbDisconnect(con)
  check("class of seen$id", base::class(seen$id), class)
  check("seen$id == events$id, of the one that both have", seen$id[2] == events$id[1], "TRUE")
  check("new: events$id[!events$id %in% seen$id]", events$id[!events$id %in% seen$id], new)
  check("new: setdiff(events$id, seen$id)", setdiff(events$id, seen$id), new)
  check("known: merge(events, seen, by = \"id\")$id", merge(events, seen, by = "id")$id, found)
  check("known: intersect(events$id, seen$id)", intersect(events$id, seen$id), found)
  invisible(list(seen = seen, events = events))
}
known <- '[{"id":17,"amount":500},{"id":18,"amount":700}]'
case("ids of SQLite 16, 17, 2147483647:", c("16", "17", "2147483647"), known, "18", "17", "integer")
case("ids of SQLite 16, 17, 2147483648:", c("16", "17", "2147483648"), known, "17 18", "none", "integer64")
case("the same, bigint = \"numeric\":", c("16", "17", "2147483648"), known, "18", "17", "numeric", bigint = "numeric")
times <- '[{"id":1700000000123,"amount":500},{"id":1700000000999,"amount":700}]'
both <- case("ids that are times in milliseconds:", c("16", "1700000000123", "1700000000456"), times, "1700000000123 1700000000999", "none", "integer64")
check("union(events$id, seen$id), the last", tail(union(both$events$id, both$seen$id), 1), "8.39911598155413e-312")
check("rbind(events[\"id\"], seen[\"id\"])$id, the last", tail(rbind(both$events["id"], both$seen["id"])$id, 1), "8.39911598155413e-312")
check("as.numeric(seen$id): new", setdiff(both$events$id, as.numeric(both$seen$id)), "1700000000999")
suppressMessages(library(bit64)); cat("with library(bit64):\n")
check("new: events$id[!events$id %in% seen$id]", both$events$id[!both$events$id %in% both$seen$id], "1700000000123 1700000000999")
check("seen$id[seen$id %in% events$id]", as.character(both$seen$id[both$seen$id %in% both$events$id]), "1700000000123")
quit(status = if (failed) 1 else 0)
E
timeout 60 "$R_HOME/bin/exec/R" --no-echo --vanilla -f t.R
