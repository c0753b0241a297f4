#!/usr/bin/env bash
# Expected: calendar, OCaml's library for dates, reads by from_fstring what it writes by sprint with the same format: its manual has one table for both, with %z "+hhmm", %I "01..12",
#   %p and %y, and only padding is said to be for printing alone. Text behind a time is refused.
# Happens: calendar 3.0.0 (Debian 12) leaves the minutes of an offset out: 10:00:00+0530 (India) is 05:00 UTC, which is that of Pakistan, -0330 is -3, -0030 is UTC; %:z as well. 12:30
#   PM is half past midnight of the next day, 12:30 AM is half past noon; sprint writes both right. %y of 26 is 1926, also for the 2026 that it wrote as 26. 25:61:00 is 02:01 of
#   the next day, February 31 is March 3. from_unixfloat rounds to the nearest second: 0.7 s past 23:59:59 is printed as 24:00:00 of the old day. Nothing is raised.
# Means: events from India, Nepal, Iran, Newfoundland and the middle of Australia are half an hour or more off, and of all times with AM and PM those of the two hours
#   around noon and midnight by twelve hours. Read offsets and AM/PM by hand, or times by Ptime.of_rfc3339; cut a time to whole seconds before from_unixfloat.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq ocaml ocaml-base ocaml-interp libre-ocaml-dev libcalendar-ocaml libcalendar-ocaml-dev >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f libcalendar-ocaml_*.deb Package Version | xargs; [[ $(dpkg -f libcalendar-ocaml_*.deb Version) == 3.0.0-* ]] || { echo "   changed: expected 3.0.0"; exit 1; }
mkdir root; for package in ./ocaml-*.deb ./lib*.deb; do dpkg -x "$package" root; done
dpkg --fsys-tarfile ocaml_*.deb | tar -x -C root --wildcards './usr/lib/ocaml/*.cmi' './usr/lib/ocaml/stdlib.cma'
cat > t.ml <<'E'
open CalendarLib
let failed = ref false
let check what got wanted = Printf.printf "  %-58s %s\n" what got; if got <> wanted then (failed := true; Printf.printf "   changed: expected %s\n" wanted)
let iso = "%Y-%m-%d %H:%M:%S"
let read format text = try Printer.Calendar.sprint iso (Printer.Calendar.from_fstring format text) with Invalid_argument _ -> "refused"
let written format (year, month, day, hour, minute) = Printer.Calendar.sprint format (Calendar.make year month day hour minute 0)
let () =
  print_endline "10:00:00 of 2026-07-02 with an offset, in UTC:";
  List.iter (fun (offset, wanted) -> check ("%z, " ^ offset) (read "%Y-%m-%dT%H:%M:%S%z" ("2026-07-02T10:00:00" ^ offset)) ("2026-07-02 " ^ wanted))
    ["+0200", "08:00:00"; "-0300", "13:00:00"; "+0530", "05:00:00"; "+0500", "05:00:00"; "+0545", "05:00:00"; "+0930", "01:00:00"; "-0330", "13:00:00"; "-0030", "10:00:00"];
  check "%:z, +05:30" (read "%Y-%m-%dT%H:%M:%S%:z" "2026-07-02T10:00:00+05:30") "2026-07-02 05:00:00";
  print_endline "written by sprint, and read again with the same format:";
  List.iter (fun (time, text, wanted) -> let format = "%F %r" in check (written iso time) (written format time) text; check "" (read format text) wanted)
    [(2026, 7, 2, 0, 30), "2026-07-02 12:30:00 AM", "2026-07-02 12:30:00"; (2026, 7, 2, 12, 30), "2026-07-02 12:30:00 PM", "2026-07-03 00:30:00"; (2026, 7, 2, 14, 30), "2026-07-02 02:30:00 PM", "2026-07-02 14:30:00"];
  check (written iso (2026, 7, 2, 10, 0)) (written "%D %T" (2026, 7, 2, 10, 0)) "07/02/26 10:00:00"; check "" (read "%D %T" "07/02/26 10:00:00") "1926-07-02 10:00:00";
  print_endline "texts that are no time:";
  check "2026-07-02 25:61:00" (read iso "2026-07-02 25:61:00") "2026-07-03 02:01:00"; check "2026-02-31 10:00:00" (read iso "2026-02-31 10:00:00") "2026-03-03 10:00:00"; check "2026-07-02 10:00:00Z" (read iso "2026-07-02 10:00:00Z") "refused";
  print_endline "from_unixfloat:";
  List.iter (fun (seconds, wanted) -> check (Printf.sprintf "%.1f" seconds) (Printer.Calendar.sprint iso (Calendar.from_unixfloat seconds)) wanted)
    [1782950399.0, "2026-07-01 23:59:59"; 1782950399.4, "2026-07-01 23:59:59"; 1782950399.7, "2026-07-01 24:00:00"; 1782950400.0, "2026-07-02 00:00:00"];
  exit (if !failed then 1 else 0)
E
lib=$dir/root/usr/lib/ocaml; export OCAMLLIB=$lib CAML_LD_LIBRARY_PATH=$lib/stublibs TZ=UTC
timeout 60 root/usr/bin/ocamlrun root/usr/bin/ocaml -I "$lib/re" -I "$lib/calendar" unix.cma str.cma re.cma calendarLib.cma t.ml
