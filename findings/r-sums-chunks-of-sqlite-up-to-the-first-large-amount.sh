#!/usr/bin/env bash
# Expected: a large table of SQLite is read in R in chunks, as the page of dbFetch() shows it (while (!dbHasCompleted(rs)) dbFetch(rs, n)), and the chunks put
#   together with rbind(): the same rows as dbGetQuery() gives at once, and the same sum.
# Happens: R 4.2.2, RSQLite 2.2.20 (Debian 12): a column INTEGER comes as integer until a value from 2^31 on, and from that chunk on as integer64, and rbind()
#   takes the class of the first chunk: 3000000000 becomes 1.48219693752374e-314, and the 900 behind it 4.4e-321, in amounts as in ids, with no warning. sum() is
#   that of the chunks before, write.csv() writes 1.48219693752374e-314. Where a large value is in the first chunk, all is right, and so are dbGetQuery() and
#   rbindlist() of data.table.
# Means: a total of payments ends at the first one of 21,474,836.48 or more (in cents), and where ids in milliseconds come behind a first chunk of old small ids,
#   each is a number next to 0. dbConnect(SQLite(), ..., bigint = "numeric"), or rbindlist(), or CAST(cents AS REAL) in the query.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq r-base-core libblas3 liblapack3 libgfortran5 libquadmath0 libgomp1 libicu72 libreadline8 libtirpc3 libdeflate0 libstdc++6 \
  r-cran-data.table r-cran-dbi r-cran-rsqlite \
  r-cran-bit64 r-cran-bit r-cran-blob r-cran-memoise r-cran-cachem r-cran-fastmap r-cran-rlang r-cran-vctrs r-cran-cli r-cran-glue r-cran-lifecycle r-cran-pkgconfig r-cran-rcpp libsqlite3-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f r-base-core_* Package Version | xargs; dpkg -f r-cran-rsqlite_* Package Version | xargs
[[ $(dpkg -f r-base-core_* Version) == 4.2.2* && $(dpkg -f r-cran-rsqlite_* Version) == 2.2.20* ]] || { echo "   changed: expected R 4.2.2 and RSQLite 2.2.20"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
export R_HOME=$dir/root/usr/lib/R R_LIBS=$dir/root/usr/lib/R/site-library R_DEFAULT_PACKAGES=utils,stats,methods TZ=UTC LC_ALL=C.UTF-8 R_SHARE_DIR=$dir/root/usr/share/R/share
export LD_LIBRARY_PATH=$R_HOME/lib:$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/usr/lib/x86_64-linux-gnu/blas:$dir/root/usr/lib/x86_64-linux-gnu/lapack
rm "$R_HOME/etc/Renviron"; cp "$R_HOME/etc/Renviron.ucf" "$R_HOME/etc/Renviron"
cat > t.R <<'E'
suppressMessages({library(DBI); library(RSQLite); library(data.table)}); failed <- FALSE; options(digits = 15)
check <- function(text, value, wanted) {
  got <- paste(as.character(value), collapse = " "); cat(sprintf("  %-46s %s\n", text, got)); if (got != wanted) { cat("   changed: expected", wanted, "\n"); failed <<- TRUE }
}
read <- function(order, put, ...) {
  con <- dbConnect(SQLite(), "e.db", ...); rs <- dbSendQuery(con, paste("SELECT id, cents FROM payments ORDER BY id", order)); chunks <- list()
  while (!dbHasCompleted(rs)) chunks[[length(chunks) + 1]] <- dbFetch(rs, n = 2)
  dbClearResult(rs); dbDisconnect(con); put(chunks)
}
bind <- function(chunks) do.call(rbind, chunks)
step <- function(chunks) { all <- NULL; for (chunk in chunks) all <- rbind(all, chunk); all }
con <- dbConnect(SQLite(), "e.db"); dbExecute(con, "CREATE TABLE payments (id INTEGER PRIMARY KEY, cents INTEGER)") -> done
dbExecute(con, "INSERT INTO payments VALUES (1, 500), (2, 700), (3, 3000000000), (4, 900), (5, 11)") -> done
cat("five payments, 500, 700, 3000000000, 900, 11:\n")
check("sum in SQL", dbGetQuery(con, "SELECT CAST(sum(cents) AS TEXT) t FROM payments")$t, "3000002111")
check("dbGetQuery(): sum(cents)", sum(dbGetQuery(con, "SELECT cents FROM payments")$cents), "3000002111")
all <- read("", bind)
check("in chunks of two, rbind(): sum(cents)", sum(all$cents), "1200")
check("   the cents", all$cents, "500 700 1.48219693752374e-314 4.44659081257122e-321 5.43472210425371e-323")
check("   class and rows", c(class(all$cents), nrow(all)), "numeric 5")
check("   rbind() in a loop: sum(cents)", sum(read("", step)$cents), "1200")
check("   write.csv(), the third row", tail(capture.output(write.csv(all, row.names = FALSE)), 3)[1], "3,1.48219693752374e-314")
check("   the other way round: sum(cents)", sum(read("DESC", bind)$cents), "911")
dbExecute(con, "UPDATE payments SET cents = 3000000000 - 500 WHERE id = 1") -> done
check("a large one in the first chunk as well: sum", sum(read("", bind)$cents), "6000001111")
dbExecute(con, "UPDATE payments SET cents = 500 WHERE id = 1") -> done
check("rbindlist() of data.table: sum(cents)", sum(read("", rbindlist)$cents), "3000002111")
check("bigint = \"numeric\", rbind(): sum(cents)", sum(read("", bind, bigint = "numeric")$cents), "3000002111")
dbExecute(con, "UPDATE payments SET cents = 2147483647 WHERE id = 3") -> done
check("2147483647 in place of it, rbind(): sum(cents)", sum(as.numeric(read("", bind)$cents)), "2147485758")
quit(status = if (failed) 1 else 0)
E
timeout 60 "$R_HOME/bin/exec/R" --no-echo --vanilla -f t.R
