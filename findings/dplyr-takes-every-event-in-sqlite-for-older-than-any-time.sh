#!/usr/bin/env bash
# Expected: times that R wrote into SQLite by dbWriteTable() are found again by dplyr, tbl(con, "events") %>% filter(at < cutoff), with a cutoff of the same class
#   (POSIXct or Date), as they are by dbGetQuery(con, "... WHERE at < ?", list(cutoff)). With extended_types = TRUE, which RSQLite has for times and dates, at the
#   latest.
# Happens: dbplyr 2.3.0, RSQLite 2.2.20 (Debian 12): RSQLite writes the seconds as a number, dbplyr asks for at < '2026-07-02T00:00:00Z', a text, and in SQLite
#   each number is less than each text: all events are older than any time, none is younger or in between, rows_delete() deletes all. A Date in a variable does the
#   same; as.Date("2026-07-02") written in the filter becomes CAST('2026-07-02' AS DATE), in SQLite the number 2026, and all days are after it, as after 2030. No
#   warning; with extended_types = TRUE it is the same, though tbl() shows times.
# Means: a retention job that removes or archives what is older than 30 days takes everything, a report of today is empty. Write filter(at < !!as.numeric(cutoff)),
#   or dbGetQuery() with a parameter, or keep times as ISO text in UTC and compare text with text.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq r-base-core libblas3 liblapack3 libgfortran5 libquadmath0 libgomp1 libicu72 libreadline8 libtirpc3 libdeflate0 libstdc++6 \
  r-cran-dplyr r-cran-dbplyr r-cran-dbi \
  r-cran-rsqlite r-cran-bit64 r-cran-bit r-cran-blob r-cran-memoise r-cran-cachem r-cran-fastmap r-cran-rlang r-cran-vctrs r-cran-cli r-cran-glue r-cran-lifecycle r-cran-pkgconfig \
  r-cran-rcpp libsqlite3-0 r-cran-tibble r-cran-pillar r-cran-fansi r-cran-utf8 r-cran-tidyselect r-cran-tidyr r-cran-purrr r-cran-withr r-cran-generics r-cran-magrittr r-cran-r6 \
  r-cran-stringr r-cran-stringi r-cran-assertthat r-cran-ellipsis r-cran-crayon r-cran-hms >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in r-cran-dbplyr_* r-cran-dplyr_* r-cran-rsqlite_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f r-cran-dbplyr_* Version) == 2.3.0* && $(dpkg -f r-cran-rsqlite_* Version) == 2.2.20* ]] || { echo "   changed: expected dbplyr 2.3.0 and RSQLite 2.2.20"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
export R_HOME=$dir/root/usr/lib/R R_LIBS=$dir/root/usr/lib/R/site-library R_DEFAULT_PACKAGES=utils,stats,methods TZ=UTC LC_ALL=C.UTF-8 R_SHARE_DIR=$dir/root/usr/share/R/share
export LD_LIBRARY_PATH=$R_HOME/lib:$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/usr/lib/x86_64-linux-gnu/blas:$dir/root/usr/lib/x86_64-linux-gnu/lapack
rm "$R_HOME/etc/Renviron"; cp "$R_HOME/etc/Renviron.ucf" "$R_HOME/etc/Renviron"
cat > t.R <<'E'
suppressMessages({library(DBI); library(RSQLite); library(dplyr)}); failed <- FALSE
check <- function(text, got, wanted) { got <- paste(got, collapse = " "); cat(sprintf("  %-62s %s\n", text, got)); if (got != wanted) { cat("   changed: expected", wanted, "\n"); failed <<- TRUE } }
events <- data.frame(id = 1:3, at = as.POSIXct(c("2026-07-01 12:00:00", "2026-07-02 12:00:00", "2026-07-03 12:00:00"), tz = "UTC"), day = as.Date(c("2026-07-01", "2026-07-02", "2026-07-03")))
cutoff <- as.POSIXct("2026-07-02 00:00:00", tz = "UTC"); day <- as.Date("2026-07-02"); warned <- 0
for (extended in c(FALSE, TRUE)) withCallingHandlers({
  con <- dbConnect(SQLite(), ":memory:", extended_types = extended); dbWriteTable(con, "events", events); table <- tbl(con, "events"); ids <- function(query) pull(arrange(query, id), id)
  asked <- function(sql, ...) dbGetQuery(con, paste("SELECT id FROM events WHERE", sql, "ORDER BY id"), params = list(...))$id
  cat("extended_types = ", extended, ", at is ", class(pull(table, at))[1], ":\n", sep = "")
  check("dplyr on the data frame itself: at < cutoff", filter(events, at < cutoff)$id, "1")
  check("dbGetQuery() with a parameter: at < cutoff, at > cutoff", c(asked("at < ?", cutoff), "|", asked("at > ?", cutoff)), "1 | 2 3")
  check("tbl(): filter(at < cutoff)", ids(filter(table, at < cutoff)), "1 2 3")
  check("   filter(at > cutoff), how many", length(ids(filter(table, at > cutoff))), "0")
  check("   filter(at >= cutoff, at < cutoff + 86400), how many", length(ids(filter(table, at >= cutoff, at < !!(cutoff + 86400)))), "0")
  check("   filter(at < the year 1975)", ids(filter(table, at < !!as.POSIXct("1975-01-01", tz = "UTC"))), "1 2 3")
  check("   filter(at < !!as.numeric(cutoff))", ids(filter(table, at < !!as.numeric(cutoff))), "1")
  check("dbGetQuery(): day = day, day < day", c(asked("day = ?", day), "|", asked("day < ?", day)), "2 | 1")
  check("tbl(): filter(day == !!day), how many", length(ids(filter(table, day == !!day))), "0")
  check("   filter(day < !!day)", ids(filter(table, day < !!day)), "1 2 3")
  check("   filter(day < as.Date(\"2026-07-02\")), how many", length(ids(filter(table, day < as.Date("2026-07-02")))), "0")
  check("   filter(day > as.Date(\"2030-01-01\"))", ids(filter(table, day > as.Date("2030-01-01"))), "1 2 3")
  suppressMessages(rows_delete(table, select(filter(table, at < cutoff), id), by = "id", in_place = TRUE, unmatched = "ignore")) -> done
  check("after rows_delete() of those: rows", dbGetQuery(con, "SELECT count(*) n FROM events")$n, "0"); dbDisconnect(con)
}, warning = function(w) { warned <<- warned + 1; print(conditionMessage(w)); invokeRestart("muffleWarning") })
check("warnings", warned, "0"); quit(status = if (failed) 1 else 0)
E
timeout 60 "$R_HOME/bin/exec/R" --no-echo --vanilla -f t.R
