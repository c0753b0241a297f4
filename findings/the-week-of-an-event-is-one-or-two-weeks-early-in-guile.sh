#!/usr/bin/env bash
# Expected: date->string of SRFI-19, Guile's library for dates, writes the week of a date by ~V: with Monday as the first day, from 01 to 53, says its manual; so %V of strftime, which Guile has as well, PostgreSQL's
#   IYYY-IW, MySQL's week(d, 3) and other programs number weeks. ~U and ~W are the weeks that begin with the first Sunday or Monday, ~I is the hour of the clock from 01 to 12.
# Happens: Guile 3.0.8 (Debian 12): ~V is never the week of %V. It is one week less in years like 2024 and 2027, two in 2025 and 2026: July 2nd of 2026 is week 25 (27), December 31st is 51 (53), and a year begins
#   with the week -1, or 00 if on a Monday. ~W is a week less on the days of a year that begins with a Monday, ~U of one that begins with a Sunday. The half hour behind midnight is "00:30 AM" by ~I:~M ~p and by ~r (12:30 AM), which the
#   reader of another program refuses or takes for something else; noon is 12 PM. No error anywhere.
# Means: counts of events by week, made in Guile and joined with those of a database or of another service, are those of other weeks; "2026--1" and "2026-00" are in the report, and two weeks at its end have none.
#   Take strftime with (localtime ...) for weeks and for ~I.
# The version is that of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq guile-3.0 guile-3.0-libs libgc1 libunistring2 libffi8 libgmp10 libcrypt1 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f guile-3.0_* Package Version | xargs; [[ $(dpkg -f guile-3.0_* Version) == 3.0.8-* ]] || { echo "   changed: expected 3.0.8"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
cat > t.scm <<'E'
(use-modules (srfi srfi-1) (srfi srfi-19) (ice-9 format))
(define failed #f)
(define (check what got wanted) (format #t "  ~50a ~a\n" what got) (if (not (equal? got wanted)) (begin (format #t "   changed: expected ~a\n" wanted) (set! failed #t))))
(define (at year month day hour minute) (make-date 0 0 minute hour day month year 0))
; One date, written by SRFI-19 and by Guile's own strftime.
(define (by-c date format) (strftime format (gmtime (time-second (date->time-utc date)))))
(define (both date letter) (string-append (date->string date (string-append "~" letter)) ", strftime " (by-c date (string-append "%" letter))))
(display "the week by ~V:\n")
(for-each (lambda (day wanted) (let ((date (apply at (append day '(12 0))))) (check (date->string date "~1") (both date "V") wanted)))
  '((2026 1 1) (2026 1 5) (2026 7 2) (2026 12 28) (2026 12 31) (2027 1 1) (2027 1 4) (2027 7 1) (2024 7 1) (2025 7 1) (2028 7 3))
  '("-1, strftime 01" "00, strftime 02" "25, strftime 27" "51, strftime 53" "51, strftime 53" "-1, strftime 53" "00, strftime 01" "25, strftime 26" "26, strftime 27" "25, strftime 27" "26, strftime 27"))
(define (days year) (map (lambda (n) (time-utc->date (make-time time-utc 0 (+ (time-second (date->time-utc (at year 1 1 12 0))) (* 86400 n))) 0)) (iota (if (zero? (modulo year 4)) 366 365))))
(define (differ year letter) (count (lambda (date) (not (string=? (date->string date (string-append "~" letter)) (by-c date (string-append "%" letter))))) (days year)))
(display "days of the year on which ~V, ~W and ~U are another number:\n")
(for-each (lambda (year wanted) (check (number->string year) (map (lambda (letter) (differ year letter)) '("V" "W" "U")) wanted))
  '(2023 2024 2025 2026 2027 2028) '((365 0 365) (366 366 0) (365 0 0) (365 0 0) (365 0 0) (366 0 0)))
(display "the weeks of 2026:\n")
(check "the first, the last, how many by ~V" (let ((weeks (delete-duplicates (map (lambda (date) (date->string date "~V")) (days 2026))))) (list (first weeks) (second weeks) (last weeks) (length weeks))) '("-1" "00" "51" 53))
(check "   by strftime" (let ((weeks (delete-duplicates (map (lambda (date) (by-c date "%V")) (days 2026))))) (list (first weeks) (second weeks) (last weeks) (length weeks))) '("01" "02" "53" 53))
(display "the hour:\n")
(for-each (lambda (hour wanted) (let ((date (at 2026 7 2 hour 30))) (check (date->string date "~H:~M") (string-append (date->string date "~I:~M ~p, ~r") ", strftime " (by-c date "%I:%M %p")) wanted)))
  '(0 1 12 13) '("00:30 AM, 00:30:00 AM, strftime 12:30 AM" "01:30 AM, 01:30:00 AM, strftime 01:30 AM" "12:30 PM, 12:30:00 PM, strftime 12:30 PM" "01:30 PM, 01:30:00 PM, strftime 01:30 PM"))
(display "other parts:\n")
(check "~Y-~m-~dT~H:~M:~S~z" (date->string (make-date 0 5 4 3 2 7 2026 -12600) "~Y-~m-~dT~H:~M:~S~z") "2026-07-02T03:04:05-0330") (check "~j ~w ~N" (date->string (make-date 7 5 4 3 2 7 2026 0) "~j ~w ~N") "183 4 000000007")
(exit (if failed 1 0))
E
lib=$dir/root/usr/lib/x86_64-linux-gnu; export LD_LIBRARY_PATH=$lib GUILE_LOAD_PATH=$dir/root/usr/share/guile/3.0 GUILE_LOAD_COMPILED_PATH=$lib/guile/3.0/ccache GUILE_AUTO_COMPILE=0 TZ=UTC LC_ALL=C HOME=$dir
timeout 60 root/usr/bin/guile-3.0 --no-auto-compile -q -s t.scm
