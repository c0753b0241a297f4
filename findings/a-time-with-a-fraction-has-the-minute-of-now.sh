#!/usr/bin/env bash
# Expected: now.Parse of github.com/jinzhu/now (by the author of GORM), which has the formats of RFC 3339, RFC 1123 and others in its list, reads a whole time as that time;
#   only what is missing in the text ("10:30", "06-01") is taken from the present, as its readme shows.
# Happens: jinzhu/now 1.1.1 (Debian 12) takes a zero for "missing" when something smaller is not zero, unless the text ends with the time of day. With a zone behind it, each
#   zero above the first other number is the present's: at 07:41:23, "2024-06-01T10:00:00.500Z" is 10:41:23.5, "2024-06-01T10:00:05+02:00" is 10:41:05, "00:30:00Z" is
#   07:30, a full hour in RFC 1123 likewise. "10:15:20Z", "10:00:00Z" and "10:00:00.000Z" are right, and so is all without a zone. No error.
# Means: one event in sixty of a sender with milliseconds (JavaScript's toISOString) is up to a minute off, those of the first minute of an hour up to an hour, those after
#   midnight up to a day, and read again it is another time, so that a repeat is none. Tests pass at most times. Use time.Parse with time.RFC3339.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-jinzhu-now-dev >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f golang-github-jinzhu-now-dev_*.deb Version); echo "jinzhu/now $version"; [[ $version == 1.1.1-* ]] || { echo "   changed: expected 1.1.1"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; rm "$package"; done
export GOROOT=$dir/root/usr/lib/go-1.19 GOPATH=$dir/root/usr/share/gocode GO111MODULE=off GOCACHE=$dir/cache GOFLAGS=-p=2 CGO_ENABLED=0 HOME=$dir
mkdir t; cat > t/main.go <<'E2'
package main

import ("fmt"; "os"; "runtime"; "time"; "github.com/jinzhu/now")

func main() {
	fmt.Println(runtime.Version()); failed := false
	// the present of now.Parse is time.Now(); now.With sets another one, so that each run is alike
	morning, evening := now.With(time.Date(2026, 11, 30, 7, 41, 23, 123456789, time.UTC)), now.With(time.Date(2026, 12, 1, 21, 17, 48, 0, time.UTC))
	for _, c := range []struct{ text, right, early, late string }{
		{"2024-06-01T10:15:20Z", "2024-06-01T10:15:20Z", "", ""}, {"2024-06-01T10:00:00Z", "2024-06-01T10:00:00Z", "", ""}, {"2024-06-01T10:00:00.000Z", "2024-06-01T10:00:00Z", "", ""},
		{"2024-06-01T10:15:20.500Z", "2024-06-01T10:15:20.5Z", "", ""}, {"2024-06-01 10:00:05", "2024-06-01T10:00:05Z", "", ""},
		{"2024-06-01T10:15:00.500Z", "2024-06-01T10:15:00.5Z", "2024-06-01T10:15:23.5Z", "2024-06-01T10:15:48.5Z"},
		{"2024-06-01T10:00:00.500Z", "2024-06-01T10:00:00.5Z", "2024-06-01T10:41:23.5Z", "2024-06-01T10:17:48.5Z"},
		{"2024-06-01T00:00:00.001Z", "2024-06-01T00:00:00.001Z", "2024-06-01T07:41:23.001Z", "2024-06-01T21:17:48.001Z"},
		{"2024-06-01T10:00:05+02:00", "2024-06-01T08:00:05Z", "2024-06-01T08:41:05Z", "2024-06-01T08:17:05Z"},
		{"2024-06-01T00:30:00Z", "2024-06-01T00:30:00Z", "2024-06-01T07:30:00Z", "2024-06-01T21:30:00Z"},
		{"Sat, 01 Jun 2024 10:00:05 GMT", "2024-06-01T10:00:05Z", "2024-06-01T10:41:05Z", "2024-06-01T10:17:05Z"},
	} {
		show := func(n *now.Now, wanted string) string {
			if wanted == "" { wanted = c.right }
			t, err := n.Parse(c.text); got := t.UTC().Format(time.RFC3339Nano); if err != nil { got = err.Error() }
			if got != wanted { failed = true; got += " (CHANGED: expected " + wanted + ")" }
			if got == c.right { return "right" }
			return got
		}
		fmt.Printf("%-30s read at 07:41:23: %-26s at 21:17:48: %s\n", c.text, show(morning, c.early), show(evening, c.late))
	}
	// now.Parse itself, with the real clock: a look before and one after, for the turn of a minute
	for i := 0; i < 3; i++ {
		before := time.Now(); t, err := now.Parse("2024-06-01T10:00:00.500Z"); after := time.Now()
		if before.Minute() != after.Minute() || before.Second() != after.Second() || after.Minute() == 0 { time.Sleep(time.Second); continue }
		fmt.Println("now.Parse, real clock:        2024-06-01T10:00:00.500Z is", t.Format(time.RFC3339Nano), err)
		if err != nil || t.Minute() != after.Minute() { failed = true; fmt.Println("   CHANGED: expected minute", after.Minute()) }
		break
	}
	if failed { os.Exit(1) }
}
E2
cd t; timeout 100 "$GOROOT/bin/go" run .
