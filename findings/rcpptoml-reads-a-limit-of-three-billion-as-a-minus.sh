#!/usr/bin/env bash
# Expected: RcppTOML, the TOML reader of R (also behind the configuration of Python projects in reticulate), reads whole numbers as TOML has them, with 64 bits; R
#   has doubles for what is above 2^31, as jsonlite and yaml use them, and a number that fits nowhere is an error. Numbers with a point, times with offsets and
#   quoted numbers are right.
# Happens: RcppTOML 0.2.2 (Debian 12) keeps the lower 32 bits, without a word: max_bytes = 3000000000 is -1294967296, 2147483648 is NA, 4294967296 is 0, 5000000000
#   is 705032704, an id or a time in milliseconds 1700000000123 is -807049093, alone and in lists. 2147483647 is right, and so are 3000000000.0 and 3e9.
# Means: a limit from 2 GiB on is negative, none at all or another one, a cursor or a list of ids in a TOML file names other events, and ids 2^32 apart are one.
#   Write such numbers with .0 or in quotes, and check what was read for < 0 and NA.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq r-base-core libblas3 liblapack3 libgfortran5 libquadmath0 libgomp1 libicu72 libreadline8 libtirpc3 libdeflate0 libstdc++6 \
  r-cran-rcpptoml r-cran-rcpp >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f r-cran-rcpptoml_* Package Version | xargs; [[ $(dpkg -f r-cran-rcpptoml_* Version) == 0.2.2* ]] || { echo "   changed: expected RcppTOML 0.2.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
export R_HOME=$dir/root/usr/lib/R R_LIBS=$dir/root/usr/lib/R/site-library R_DEFAULT_PACKAGES=utils,stats,methods TZ=UTC LC_ALL=C.UTF-8 R_SHARE_DIR=$dir/root/usr/share/R/share
export LD_LIBRARY_PATH=$R_HOME/lib:$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/usr/lib/x86_64-linux-gnu/blas:$dir/root/usr/lib/x86_64-linux-gnu/lapack
rm "$R_HOME/etc/Renviron"; cp "$R_HOME/etc/Renviron.ucf" "$R_HOME/etc/Renviron"
cat > t.R <<'E'
library(RcppTOML); failed <- FALSE; warned <- 0
check <- function(text, got, wanted) { got <- paste(got, collapse = " "); cat(sprintf("  %-52s %s\n", text, got)); if (got != wanted) { cat("   changed: expected", wanted, "\n"); failed <<- TRUE } }
read <- function(toml) withCallingHandlers(parseTOML(toml, fromFile = FALSE, escape = FALSE), warning = function(w) { warned <<- warned + 1; invokeRestart("muffleWarning") })
say <- function(x) paste(format(x, scientific = FALSE, digits = 15, trim = TRUE), class(x)[1])
for (case in list(c("1000000", "1000000 integer"), c("2147483647", "2147483647 integer"), c("2147483648", "NA integer"), c("3000000000", "-1294967296 integer"), c("4294967296", "0 integer"),
  c("5_000_000_000", "705032704 integer"), c("-3000000000", "1294967296 integer"), c("1700000000123", "-807049093 integer"), c("1234567890123456789", "2112454933 integer"), c("0xB2D05E00", "-1294967296 integer"),
  c("3000000000.0", "3000000000 numeric"), c("3e9", "3000000000 numeric"), c("1700000000.123", "1700000000.123 numeric"), c("\"3000000000\"", "3000000000 character")))
  check(paste("max_bytes =", case[1]), say(read(paste("max_bytes =", case[1]))$max_bytes), case[2])
check("ids = [1700000000123, 1704294967419, 7]", read("ids = [1700000000123, 1704294967419, 7]")$ids, "-807049093 -807049093 7")
check("[queue] limit = 10_737_418_240 (10 GiB)", say(read("[queue]\nlimit = 10_737_418_240")$queue$limit), "NA integer")
check("at = 2026-07-02T03:04:05+02:00, in seconds", as.numeric(read("at = 2026-07-02T03:04:05+02:00")$at), "1782954245")
writeLines("max_bytes = 3000000000", "config.toml"); check("from a file", parseTOML("config.toml")$max_bytes, "-1294967296")
check("warnings", warned, "0"); quit(status = if (failed) 1 else 0)
E
timeout 60 "$R_HOME/bin/exec/R" --no-echo --vanilla -f t.R
