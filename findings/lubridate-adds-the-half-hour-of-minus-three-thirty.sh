#!/usr/bin/env bash
# Expected: hm() and hms() of lubridate read "-03:30" as minus three and a half hours: the help says that the minus is for negative durations. duration() and
#   period(), which read ISO 8601 and "90 minutes", take a minus before them, too, or say that they do not.
# Happens: lubridate 1.9.2 (Debian 12): the minus of hms() is of the hours alone. "-03:30" is -2.5 hours, "-09:30" is -8.5, "-00:30:00" and "-00:00:05" have no
#   minus at all, as 0 hours have none. duration("-PT1H30M"), period("-5 minutes"), duration("-90 seconds") and "P-1D" are positive. Nothing warns; each whole
#   hour, "-05:00", is right.
# Means: local times by the utc_offset of an event are an hour off in Newfoundland, a correction of -00:30:00 in a list of worked times adds half an hour, "five
#   seconds early" is late, and a due date of -P1D is tomorrow. Take the sign off first: ifelse(startsWith(x, "-"), -1, 1) * as.numeric(hms(sub("^-", "", x))).
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq r-base-core libblas3 liblapack3 libgfortran5 libquadmath0 libgomp1 libicu72 libreadline8 libtirpc3 libdeflate0 libstdc++6 \
  r-cran-lubridate r-cran-generics r-cran-timechange r-cran-cpp11 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f r-cran-lubridate_* Package Version | xargs; [[ $(dpkg -f r-cran-lubridate_* Version) == 1.9.2* ]] || { echo "   changed: expected lubridate 1.9.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
export R_HOME=$dir/root/usr/lib/R R_LIBS=$dir/root/usr/lib/R/site-library R_DEFAULT_PACKAGES=utils,stats,methods TZ=UTC LC_ALL=C.UTF-8 R_SHARE_DIR=$dir/root/usr/share/R/share
export LD_LIBRARY_PATH=$R_HOME/lib:$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/usr/lib/x86_64-linux-gnu/blas:$dir/root/usr/lib/x86_64-linux-gnu/lapack
rm "$R_HOME/etc/Renviron"; cp "$R_HOME/etc/Renviron.ucf" "$R_HOME/etc/Renviron"
cat > t.R <<'E'
suppressMessages(library(lubridate)); failed <- FALSE; warned <- 0
check <- function(text, got, wanted) { got <- paste(format(got, digits = 15, trim = TRUE), collapse = " "); cat(sprintf("  %-52s %s\n", text, got)); if (got != wanted) { cat("   changed: expected", wanted, "\n"); failed <<- TRUE } }
quiet <- function(x) withCallingHandlers(x, warning = function(w) { warned <<- warned + 1; invokeRestart("muffleWarning") })
hours <- function(x) quiet(as.numeric(x)) / 3600
cat("in hours:\n")
for (case in list(c("05:30", "5.5"), c("-05:00", "-5"), c("-03:30", "-2.5"), c("-09:30", "-8.5"), c("-00:30", "0.5"))) check(paste0("hm(\"", case[1], "\")"), hours(hm(case[1])), case[2])
for (case in list(c("01:30:00", "1.5"), c("-01:30:00", "-0.5"), c("-00:30:00", "0.5"))) check(paste0("hms(\"", case[1], "\")"), hours(hms(case[1])), case[2])
cat("in seconds:\n"); check("hms(\"-00:00:05\")", quiet(as.numeric(hms("-00:00:05"))), "5"); check("ms(\"-01:30\")", quiet(as.numeric(ms("-01:30"))), "-30")
for (case in list(c("PT1H30M", "5400"), c("-PT1H30M", "5400"), c("-P1D", "86400"), c("P-1D", "86400"), c("-90 seconds", "90"), c("-5 minutes", "300"))) {
  check(paste0("duration(\"", case[1], "\")"), quiet(as.numeric(duration(case[1]))), case[2]); check(paste0("period(\"", case[1], "\")"), quiet(as.numeric(period(case[1]))), case[2])
}
check("-duration(\"PT1H30M\")", as.numeric(-duration("PT1H30M")), "-5400")
cat("an event, and a list of worked times:\n")
local <- function(offset) format(ymd_hms("2026-07-02T03:00:00Z") + hm(offset), "%m-%d %H:%M")
check("03:00 UTC + hm(\"-03:00\")", local("-03:00"), "07-02 00:00"); check("03:00 UTC + hm(\"-03:30\"), 23:30 of the day before", local("-03:30"), "07-02 00:30")
check("hours of 08:00:00, -00:30:00, 01:00:00", sum(as.numeric(hms(c("08:00:00", "-00:30:00", "01:00:00")))) / 3600, "9.5")
worked <- c("08:00:00", "-00:30:00", "01:00:00"); check("   with the sign taken off first", sum(ifelse(startsWith(worked, "-"), -1, 1) * as.numeric(hms(sub("^-", "", worked)))) / 3600, "8.5")
check("warnings", warned, "0"); quit(status = if (failed) 1 else 0)
E
timeout 60 "$R_HOME/bin/exec/R" --no-echo --vanilla -f t.R
