#!/usr/bin/env bash
# Expected: a Go program reads the times that another program (Python, Rust, Ruby, psql \copy, the sender's own text) wrote into a SQLite column of type TIMESTAMP or
#   DATETIME as these times, or gets an error from Scan, as it does for a number with a point. Its documentation: "time.Time | timestamp/datetime".
# Happens: go-sqlite3 1.14.16 (Debian 12) takes a whole number for seconds up to 12 digits and for milliseconds from 13 on. 1717236000123456, microseconds of June 2024,
#   is a morning of July 2023, without an error: a thousand times too much, and the rest of a division by 584 years. A second later is 17 minutes later, a day later 2.7
#   years, and every seven months it begins again at 1677. Nanoseconds are in 1707; milliseconds before September 2001 in the year 17814. A text that is not in its
#   list is the year 1: "2024-06-01 10:00:00 UTC" (GitLab), "+0200" and "+0000" (Facebook, Ruby), "+00" (PostgreSQL), and a blank before the offset, which SQLite
#   itself understands. In a column of type TEXT each is whole.
# Means: "delete what is older than 30 days", written in Go, deletes the newest, a repeat is never "within five minutes", jobs are due at once or in a hundred years. Store
#   RFC 3339 with "Z" or milliseconds there, or declare the column TEXT or INTEGER and parse it yourself.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }; command -v gcc >/dev/null || { echo "needs gcc"; exit 2; }
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-mattn-go-sqlite3-dev libsqlite3-dev libsqlite3-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f golang-github-mattn-go-sqlite3-dev_*.deb Version); echo "go-sqlite3 $version"; [[ $version == 1.14.16* ]] || { echo "   changed: expected 1.14.16"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; rm "$package"; done; libraries=$dir/root/usr/lib/x86_64-linux-gnu
export GOROOT=$dir/root/usr/lib/go-1.19 GOPATH=$dir/root/usr/share/gocode GO111MODULE=off GOCACHE=$dir/cache GOFLAGS=-p=2 HOME=$dir
export CGO_ENABLED=1 CGO_CFLAGS=-I$dir/root/usr/include CGO_LDFLAGS=-L$libraries LD_LIBRARY_PATH=$libraries
mkdir t; cat > t/main.go <<'E2'
package main

import ("database/sql"; "fmt"; "os"; "runtime"; "time"; sqlite3 "github.com/mattn/go-sqlite3")

func main() {
	version, _, _ := sqlite3.Version(); fmt.Println(runtime.Version(), "SQLite", version)
	db, err := sql.Open("sqlite3", ":memory:"); if err != nil { panic(err) }
	db.SetMaxOpenConns(1); failed := false
	if _, err := db.Exec("CREATE TABLE event (at TIMESTAMP, other DATETIME, whole TEXT)"); err != nil { panic(err) }
	zero, june := "0001-01-01T00:00:00Z", "2024-06-01T10:00:00Z"
	for _, c := range []struct{ written interface{}; right, read string }{
		{"2024-06-01T10:00:00Z", june, june}, {"2024-06-01T12:00:00+02:00", june, june}, {"2024-06-01 10:00:00", june, june}, {int64(1717236000), june, june},
		{int64(1717236000123), "2024-06-01T10:00:00.123Z", "2024-06-01T10:00:00.123Z"},
		{int64(1717236000123456), "2024-06-01T10:00:00.123456Z", "2023-07-08T07:27:48.467699712Z"},
		{int64(1717236001123456), "2024-06-01T10:00:01.123456Z", "2023-07-08T07:44:28.467699712Z"},
		{int64(1717322400123456), "2024-06-02T10:00:00.123456Z", "2026-04-03T07:27:48.467699712Z"}, {int64(1725184800123456), "2024-09-01T10:00:00.123456Z", "1690-11-06T07:53:14.758148096Z"},
		{int64(1717236000123456789), "2024-06-01T10:00:00.123456789Z", "1707-01-04T14:28:07.209963328Z"}, {int64(500000000000), "1985-11-05T00:53:20Z", "17814-05-16T00:53:20Z"},
		{"2024-06-01 10:00:00 UTC", june, zero}, {"2024-06-01T10:00:00+0000", june, zero}, {"2024-06-01 12:00:00 +0200", june, zero},
		{"2024-06-01 10:00:00.5+00", "2024-06-01T10:00:00.5Z", zero}, {"2024-06-01 12:00:00 +02:00", june, zero}, {"Sat, 01 Jun 2024 10:00:00 GMT", june, zero},
	} {
		if _, err := db.Exec("DELETE FROM event"); err != nil { panic(err) }
		if _, err := db.Exec("INSERT INTO event VALUES (?, ?, ?)", c.written, c.written, c.written); err != nil { panic(err) }
		var at, other time.Time; var whole string
		if err := db.QueryRow("SELECT at, other, whole FROM event").Scan(&at, &other, &whole); err != nil { fmt.Println("   CHANGED: an error:", err); failed = true; continue }
		got := at.UTC().Format(time.RFC3339Nano)
		note := "as it was meant"; if got != c.right { note = "meant " + c.right }
		fmt.Printf("%-30v is %-31s %s\n", c.written, got, note)
		if got != c.read || !other.Equal(at) || whole != fmt.Sprint(c.written) { failed = true; fmt.Println("   CHANGED: expected", c.read, "and DATETIME is", other, "TEXT", whole) }
	}
	var at time.Time
	err = db.QueryRow("SELECT x FROM (SELECT at AS x FROM event) WHERE 0").Scan(&at); if err != sql.ErrNoRows { failed = true; fmt.Println("CHANGED:", err) }
	db.Exec("DELETE FROM event"); db.Exec("INSERT INTO event (at) VALUES (1717236000.5)"); err = db.QueryRow("SELECT at FROM event").Scan(&at)
	fmt.Printf("%-30v error: %.60v...\n", "1717236000.5", err); if err == nil { failed = true; fmt.Println("   CHANGED: expected an error") }
	var own string; db.QueryRow("SELECT datetime('2024-06-01 12:00:00 +02:00')").Scan(&own); fmt.Println("SQLite itself: datetime('2024-06-01 12:00:00 +02:00') is", own)
	if own != "2024-06-01 10:00:00" { failed = true; fmt.Println("   CHANGED: expected 2024-06-01 10:00:00") }
	if failed { os.Exit(1) }
}
E2
cd t; timeout 100 "$GOROOT/bin/go" run .
