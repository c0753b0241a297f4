#!/usr/bin/env bash
# Expected: fread() of data.table reads back what its own fwrite() wrote, and a CSV of PostgreSQL, SQLite or Python, in which a quote inside of a quoted field is
#   written twice; its help says that it handles embedded quotes robustly, and fwrite() writes them twice by default, as its help says.
# Happens: data.table 1.14.8 (Debian 12): fread() leaves both. Ann "Boss" Lee has 4 quotes when it was stored once, 8 after two times, 16 after three; the JSON
#   body of an event has {""id"":1}, which no JSON parser reads. No warning, and no option of fread() changes it. Fields without quotes are right, and so is
#   read.csv() of R. (Reported upstream.)
# Means: a job that reads a table, adds some rows and writes it again doubles the quotes each time; names do not match those of the database any more, merge()
#   finds nothing for them, and hashes of bodies differ. After fread(), gsub('""', '"', x, fixed = TRUE) for all text columns, or read.csv() or readr, or store
#   JSON lines.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq r-base-core libblas3 liblapack3 libgfortran5 libquadmath0 libgomp1 libicu72 libreadline8 libtirpc3 libdeflate0 libstdc++6 \
  r-cran-data.table r-cran-jsonlite >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f r-cran-data.table_* Package Version | xargs; [[ $(dpkg -f r-cran-data.table_* Version) == 1.14.8* ]] || { echo "   changed: expected data.table 1.14.8"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
export R_HOME=$dir/root/usr/lib/R R_LIBS=$dir/root/usr/lib/R/site-library R_DEFAULT_PACKAGES=utils,stats,methods TZ=UTC LC_ALL=C.UTF-8 R_SHARE_DIR=$dir/root/usr/share/R/share
export LD_LIBRARY_PATH=$R_HOME/lib:$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/usr/lib/x86_64-linux-gnu/blas:$dir/root/usr/lib/x86_64-linux-gnu/lapack
rm "$R_HOME/etc/Renviron"; cp "$R_HOME/etc/Renviron.ucf" "$R_HOME/etc/Renviron"
cat > t.R <<'E'
suppressMessages({library(data.table); library(jsonlite)}); failed <- FALSE; warned <- 0
check <- function(text, got, wanted) { got <- paste(got, collapse = " | "); cat(sprintf("  %-48s %s\n", text, got)); if (got != wanted) { cat("   changed: expected", wanted, "\n"); failed <<- TRUE } }
quiet <- function(x) withCallingHandlers(x, warning = function(w) { warned <<- warned + 1; invokeRestart("muffleWarning") })
# As COPY ... CSV of PostgreSQL, .mode csv of SQLite and the module csv of Python write it.
writeLines(c("id,name,body", "1,Cable,\"{\"\"id\"\":1}\"", "2,\"Monitor 27\"\"\",\"{\"\"id\"\":2,\"\"name\"\":\"\"x\"\"}\"", "3,\"Ann, the \"\"boss\"\"\",{}"), "events.csv")
events <- quiet(fread("events.csv")); right <- read.csv("events.csv")
check("read.csv(): names", right$name, "Cable | Monitor 27\" | Ann, the \"boss\"")
check("fread(): names", events$name, "Cable | Monitor 27\"\" | Ann, the \"\"boss\"\"")
check("read.csv(): bodies that are JSON", sapply(right$body, function(x) isTRUE(validate(x)), USE.NAMES = FALSE), "TRUE | TRUE | TRUE")
check("fread(): bodies that are JSON", sapply(events$body, function(x) isTRUE(validate(x)), USE.NAMES = FALSE), "FALSE | FALSE | TRUE")
check("fread(quote = \"\\\"\"): the second body", quiet(fread("events.csv", quote = "\""))$body[2], "{\"\"id\"\":2,\"\"name\"\":\"\"x\"\"}")
check("rows of both in merge() by name", nrow(merge(right, as.data.frame(events), by = "name")), "1")
cat("fwrite() and fread(), again and again:\n"); table <- data.table(id = 1:2, name = c("Ann \"Boss\" Lee", "x"))
for (wanted in c(4, 8, 16)) { fwrite(table, "t.csv"); table <- quiet(fread("t.csv")); check("quotes in the name", lengths(regmatches(table$name[1], gregexpr("\"", table$name[1], fixed = TRUE))), as.character(wanted)) }
fwrite(data.table(id = 1:2, name = c("Ann \"Boss\" Lee", "x")), "t.csv"); check("fwrite() and read.csv()", read.csv("t.csv")$name[1], "Ann \"Boss\" Lee")
check("fwrite() and fread(), without a quote", { fwrite(data.table(id = 1:2, name = c("Ann, the boss", "x")), "t.csv"); quiet(fread("t.csv"))$name[1] }, "Ann, the boss")
check("warnings", warned, "0"); quit(status = if (failed) 1 else 0)
E
timeout 60 "$R_HOME/bin/exec/R" --no-echo --vanilla -f t.R
