#!/usr/bin/env bash
# Expected: in Tcl every value is a string, and a test does not change it: after "string is integer $id", which says yes or no, db eval {INSERT ... VALUES($id)} of SQLite's
#   interface for Tcl stores the id of the event as it came, above all in a TEXT column.
# Happens: SQLite 3.40.1 and Tcl 8.6.13 (Debian 12): the interface binds what Tcl has last taken the value for. After string is integer or double, expr {$id > 0}, lsort -integer
#   or format %d, "00123" is stored as 83 (octal), "0x1F" as 31, "+491711234567" without the plus, "1.10" as 1.1, "1700000000.123456789" with 15 digits. A test that says no
#   changes it, too: after "string is integer" of a short hash 12e4, 120000.0 is stored, of 9e999 infinity. The variable itself, printed, is the old string. eq, in, regexp,
#   switch and string is alpha change nothing. TDBC (tdbc::sqlite3) does the same. And a time "300" from a file, put in untouched, is text: json_extract(...) < $time is
#   true for every row, and false for the same rows after if {$time > 0}.
# Means: one debug line or validation changes ids, phone numbers and amounts in the store, a replay of the event is not found, and a clean-up deletes the old events or all of them.
#   Validate with regexp; give "CAST($time AS INTEGER)" where a number is meant.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq tcl8.6 libtcl8.6 libsqlite3-tcl libsqlite3-0 tcl8.6-tdbc tcl8.6-tdbc-sqlite3 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libsqlite3-tcl_* libtcl8.6_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f libsqlite3-tcl_* Version) == 3.40.1-* && $(dpkg -f libtcl8.6_* Version) == 8.6.13* ]] || { echo "   changed: expected 3.40.1 and 8.6.13"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu TCL_LIBRARY=$dir/root/usr/share/tcltk/tcl8.6 TCLLIBPATH="$dir/root/usr/lib/tcltk $dir/root/usr/lib/x86_64-linux-gnu $dir/root/usr/share/tcltk"
cat > t.tcl <<'E'
package require sqlite3; package require tdbc::sqlite3
set failed 0
proc check {text got wanted} { puts [format "  %-66s %s" $text $got]; if {$got ne $wanted} { puts "   changed: expected $wanted"; set ::failed 1 } }
sqlite3 db :memory:; db eval {CREATE TABLE events (id TEXT)}
# What is stored in a TEXT column of $value, of which no representation is cached, after $look has been run with it as $id; the variable itself must stay what it was.
proc stored {value look} {
  set id [string range "x$value" 1 end]; catch $look answer
  db eval {DELETE FROM events; INSERT INTO events VALUES ($id)}
  if {$id ne $value} { return "the variable is $id" }
  return [db onecolumn {SELECT id FROM events}]
}
foreach {value wanted} {evt_1 evt_1 42 42 00123 83 0x1F 31 +491711234567 491711234567 1.10 1.1 1700000000.123456789 1700000000.12346 12e4 120000.0 9e999 Inf} {
  check "$value, not looked at" [stored $value {}] $value
  check "$value, after string is integer -strict" [stored $value {string is integer -strict $id}] $wanted
  check "   after string is double, and after expr {\$id > 0}" "[stored $value {string is double $id}] [stored $value {expr {$id > 0}}]" "$wanted $wanted"
  foreach look {{if {$id eq "x"} {}} {if {$id in {x y}} {}} {regexp {^[0-9]+$} $id} {string is alpha $id} {switch -- $id x {} default {}} {format %s $id}} {
    if {[stored $value $look] ne $value} { check "   after $look" [stored $value $look] $value }
  }
}
check "00123, after lsort -integer, and after format %d" "[stored 00123 {lsort -integer [list $id 5]}] [stored 00123 {format %d $id}]" "83 83"
proc answers value { set id [string range "x$value" 1 end]; string is integer -strict $id }
check "string is integer -strict said of 00123, 12e4, 9e999" "[answers 00123] [answers 12e4] [answers 9e999]" "1 0 0"
# The same event twice: its id was looked at in one of the two.
set id [string range x00123 1 end]; db eval {DELETE FROM events; INSERT INTO events VALUES ($id)}
check "stored, and found again" [db onecolumn {SELECT count(*) FROM events WHERE id = $id}] 1
if {![string is integer -strict $id]} { error $id }
check "   found again after string is integer, by the same variable" [db onecolumn {SELECT count(*) FROM events WHERE id = $id}] 0
tdbc::sqlite3::connection create other :memory:; other allrows {CREATE TABLE events (id TEXT)}
foreach {look wanted} {{} 00123 {string is integer $id} 83} {
  set id [string range x00123 1 end]; eval $look; other allrows {DELETE FROM events}; other allrows {INSERT INTO events VALUES (:id)}
  check "TDBC, after \"$look\"" [dict get [lindex [other allrows {SELECT id FROM events}] 0] id] $wanted
}
db eval {CREATE TABLE log (body TEXT)}; for {set at 100} {$at <= 1000} {incr at 100} { db eval {INSERT INTO log VALUES (json_object('at', $at))} }
set time [lindex [split "before=300" =] 1]
check "of ten, older than a time read from a file" [db onecolumn {SELECT count(*) FROM log WHERE json_extract(body, '$.at') < $time}] 10
check "   with CAST(\$time AS INTEGER)" [db onecolumn {SELECT count(*) FROM log WHERE json_extract(body, '$.at') < CAST($time AS INTEGER)}] 2
if {$time > 0} {}
check "   after if {\$time > 0}" [db onecolumn {SELECT count(*) FROM log WHERE json_extract(body, '$.at') < $time}] 2
exit $failed
E
timeout 60 root/usr/bin/tclsh8.6 t.tcl
