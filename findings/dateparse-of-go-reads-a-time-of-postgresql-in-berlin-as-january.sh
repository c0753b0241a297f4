#!/usr/bin/env bash
# Expected: dateparse.ParseAny (araddon/dateparse, the usual library of Go for times of unknown form) reads 2026-11-29 22:00:00.123456+01, the way in which
#   PostgreSQL writes a timestamptz, as that moment, or says that it can not. Without a fraction it reads each offset rightly, and with +01:00 or +0100 as
#   well. A "Z" is UTC.
# Happens: dateparse of 2021-04-29 (Debian 12), fraction and offset of two digits: the offset is taken for a piece of a layout of
#   Go. +01 (Berlin) sets the month to January, +02 the day to the 2nd, +03 the hour to 3, +04 the minutes to 4, -05 (New York) the seconds to 5, -06
#   (Chicago) the year to 2006; the offset itself is lost, with +07 to +09, -08 and -09 nothing but that. From 10 on there is an error. ParseStrict does the
#   same. ParseIn(text, place) and ParseLocal read "Z", "UTC" and "+00" behind a fraction as the time of the place: 22:00:00.123Z is 03:00 UTC of the next
#   day for New York, while 22:00:00Z is right.
# Means: events copied from a database as text (psql, COPY, CSV, row_to_json has +01:00 and is right) lie months away, with no error, and in a test under
#   UTC (+00) or without a fraction all is right. Read with time.Parse and the layout "2006-01-02 15:04:05-07" (it takes a fraction), and refuse what does
#   not fit.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-araddon-dateparse-dev tzdata >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f golang-github-araddon-dateparse-dev_*.deb Version); echo "dateparse $version"; [[ $version == *git20210429* ]] || { echo "   changed: expected git20210429"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; rm "$package"; done
export GOROOT=$dir/root/usr/lib/go-1.19 GOPATH=$dir/root/usr/share/gocode GO111MODULE=off GOCACHE=$dir/cache GOFLAGS=-p=2 CGO_ENABLED=0 HOME=$dir ZONEINFO=$dir/root/usr/share/zoneinfo TZ=UTC
mkdir t; cat > t/main.go <<'E2'
package main

import ("fmt"; "os"; "runtime"; "time"; "github.com/araddon/dateparse")

var failed bool

func show(read func(string) (time.Time, error), text string) string {
	t, err := read(text); if err != nil { return "error" }
	return t.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
}
func check(name, got, wanted string) {
	fmt.Printf("  %-46s %s\n", name, got); if got != wanted { fmt.Println("   changed: expected", wanted); failed = true }
}
func main() {
	fmt.Println(runtime.Version())
	any := func(text string) (time.Time, error) { return dateparse.ParseAny(text) }
	strict := func(text string) (time.Time, error) { return dateparse.ParseStrict(text) }
	standard := func(text string) (time.Time, error) {
		if t, err := time.Parse("2006-01-02 15:04:05-07", text); err == nil { return t, nil }
		return time.Parse("2006-01-02 15:04:05Z07:00", text)
	}
	wrong := map[int]string{1: "2026-01-29T22:00:00.123456Z", 2: "2026-11-02T22:00:00.123456Z", 3: "2026-11-29T03:00:00.123456Z", 4: "2026-11-29T22:04:00.123456Z",
		5: "2026-11-29T22:00:05.123456Z", 6: "2006-11-29T22:00:00.123456Z", 7: "2026-11-29T22:00:00.123456Z", 8: "2026-11-29T22:00:00.123456Z", 9: "2026-11-29T22:00:00.123456Z"}
	fmt.Println("ParseAny; ParseStrict; time.Parse")
	for hours := -11; hours <= 12; hours++ {
		text := fmt.Sprintf("2026-11-29 22:00:00.123456%+03d", hours); right := show(standard, text)
		size := hours; if size < 0 { size = -size }
		wanted := wrong[size]; if size == 0 || hours == -7 { wanted = right } else if size > 9 { wanted = "error" }
		check(text, show(any, text)+"; "+show(strict, text)+"; "+right, wanted+"; "+wanted+"; "+right)
		for _, control := range []string{fmt.Sprintf("2026-11-29 22:00:00%+03d", hours), fmt.Sprintf("2026-11-29 22:00:00.123456%+03d:00", hours), fmt.Sprintf("2026-11-29T22:00:00%+03d:00", hours)} {
			if right := show(standard, control); right != "error" && show(any, control) != right { fmt.Println("   changed: not right:", control, show(any, control)); failed = true }
		}
	}
	fmt.Println("ParseIn for New York; ParseLocal with that zone")
	place, err := time.LoadLocation("America/New_York"); if err != nil { panic(err) }
	in := func(text string) (time.Time, error) { return dateparse.ParseIn(text, place) }
	time.Local = place
	local := func(text string) (time.Time, error) { return dateparse.ParseLocal(text) }
	for _, c := range [][2]string{{"2026-11-29T22:00:00Z", "2026-11-29T22:00:00Z"}, {"2026-11-29T22:00:00.123Z", "2026-11-30T03:00:00.123Z"}, {"2026-11-29T22:00:00.123456Z", "2026-11-30T03:00:00.123456Z"},
		{"2026-11-29 22:00:00.123 UTC", "2026-11-30T03:00:00.123Z"}, {"2026-11-29 22:00:00.123456+00", "2026-11-30T03:00:00.123456Z"}, {"2026-11-29 22:00:00+00", "2026-11-29T22:00:00Z"},
		{"2026-11-29T22:00:00.123+00:00", "2026-11-29T22:00:00.123Z"}, {"2026-11-29T22:00:00.123", "2026-11-30T03:00:00.123Z"}} {
		check(c[0], show(in, c[0])+"; "+show(local, c[0]), c[1]+"; "+c[1])
	}
	if t, err := time.ParseInLocation(time.RFC3339, "2026-11-29T22:00:00.123Z", place); err != nil || t.UTC().Hour() != 22 { failed = true; fmt.Println("   changed: time.ParseInLocation", t, err) }
	if failed { os.Exit(1) }
}
E2
"$GOROOT/bin/go" build -o test ./t && ./test
