#!/usr/bin/env bash
# Expected: in a template with sprig (the functions of Helm, and of many Go programs that write notifications), {{ .created | date "2006-01-02" }} writes
#   the day of the event, or fails. "date" is described as "formats a date", and its examples begin with now.
# Happens: sprig 3.2.3 (Debian 12) knows times and Go's integers; each number of a JSON event is a float64,
#   and for that, for a text such as 2026-11-29T22:00:00Z, for null and for a missing field date, dateInZone and htmlDate write the time of now, with no
#   error. ago is 0s, duration 0s. toDate with a layout that does not fit is the year 1, dateInZone with a misspelt zone is UTC, date_modify "1d" changes
#   nothing. int reads "0042" as 34, "0089" and "19.99" as 0; mul .amount 100 of 19.99 is 1900, toDecimal of 1999 is 0. With int64 in between ({{ .created |
#   int64 | date ... }}) the day is right; milliseconds are the year 56883.
# Means: "created on", "due on" and "since" in mails, tickets and alerts say today, which looks right in each test that sends an event of today. Write
#   int64 before date, mustToDate (which fails) for texts, mulf for amounts, and test with an event of last year.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-masterminds-sprig-dev golang-github-masterminds-goutils-dev golang-github-masterminds-semver-dev golang-github-huandu-xstrings-dev \
  golang-github-imdario-mergo-dev golang-github-mitchellh-copystructure-dev golang-github-mitchellh-reflectwalk-dev golang-github-spf13-cast-dev golang-github-google-uuid-dev \
  golang-github-shopspring-decimal-dev golang-golang-x-crypto-dev golang-gopkg-yaml.v3-dev >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f golang-github-masterminds-sprig-dev_*.deb Version); echo "sprig $version"; [[ $version == 3.2.3-* ]] || { echo "   changed: expected 3.2.3"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; rm "$package"; done
export GOROOT=$dir/root/usr/lib/go-1.19 GOPATH=$dir/root/usr/share/gocode GO111MODULE=off GOCACHE=$dir/cache GOFLAGS=-p=2 CGO_ENABLED=0 HOME=$dir TZ=UTC
mkdir t; cat > t/main.go <<'E2'
package main

import ("encoding/json"; "fmt"; "os"; "runtime"; "strings"; "text/template"; "time"; "github.com/Masterminds/sprig")

func main() {
	fmt.Println(runtime.Version()); failed := false
	var event map[string]interface{}
	if err := json.Unmarshal([]byte(`{"created":1732917600,"ms":1732917600123,"at":"2024-11-29T22:00:00Z","paid_at":null,"amount":19.99,"price":"19.99","order":"0042","other":"0089","cents":1999}`), &event); err != nil { panic(err) }
	before := time.Now().UTC()
	today := "today" // stands for the day of now, also over midnight
	for _, c := range [][2]string{{`{{ .created | date "2006-01-02" }}`, today}, {`{{ .at | date "2006-01-02" }}`, today}, {`{{ .paid_at | date "2006-01-02" }}`, today}, {`{{ .missing | date "2006-01-02" }}`, today},
		{`{{ .at | dateInZone "2006-01-02" }}`, "error"}, {`{{ dateInZone "2006-01-02" .at "UTC" }}`, today}, {`{{ .created | htmlDate }}`, today}, {`{{ .created | int64 | date "2006-01-02" }}`, "2024-11-29"},
		{`{{ .ms | int64 | date "2006-01-02" }}`, "56883-12-21"}, {`{{ .at | mustToDate "2006-01-02T15:04:05Z07:00" | date "2006-01-02" }}`, "2024-11-29"}, {`{{ .at | toDate "2006-01-02" | date "2006-01-02" }}`, "0001-01-01"},
		{`{{ .at | mustToDate "2006-01-02" | date "2006-01-02" }}`, "error"}, {`{{ ago .created }}`, "0s"}, {`{{ ago .at }}`, "0s"}, {`{{ .created | duration }}`, "0s"}, {`{{ duration "95" }}`, "1m35s"},
		{`{{ dateInZone "15:04" (.created | int64) "America/NewYork" }}`, "22:00"}, {`{{ date_modify "1d" (.at | mustToDate "2006-01-02T15:04:05Z07:00") | date "2006-01-02" }}`, "2024-11-29"},
		{`{{ date_modify "24h" (.at | mustToDate "2006-01-02T15:04:05Z07:00") | date "2006-01-02" }}`, "2024-11-30"}, {`{{ .order | int }}`, "34"}, {`{{ .order | atoi }}`, "42"}, {`{{ .other | int }}`, "0"}, {`{{ .price | int }}`, "0"},
		{`{{ .amount | int }}`, "19"}, {`{{ mul .amount 100 }}`, "1900"}, {`{{ mulf .amount 100 }}`, "1999"}, {`{{ .cents | toDecimal }}`, "0"}, {`{{ printf "%d" .amount }}`, "%!d(float64=19.99)"}} {
		var out strings.Builder; got := "error"
		if t, err := template.New("mail").Funcs(sprig.TxtFuncMap()).Parse(c[0]); err != nil { panic(err) } else if err := t.Execute(&out, event); err == nil { got = out.String() }
		if got == before.Format("2006-01-02") || got == time.Now().UTC().Format("2006-01-02") { got = today }
		fmt.Printf("%-96s %s\n", c[0], got); if got != c[1] { fmt.Println("   changed: expected", c[1]); failed = true }
	}
	if failed { os.Exit(1) }
}
E2
"$GOROOT/bin/go" build -o test ./t && ./test
