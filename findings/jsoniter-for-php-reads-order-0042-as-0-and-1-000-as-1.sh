#!/usr/bin/env bash
# Expected: extra.RegisterFuzzyDecoders() of json-iterator (Go) is for senders like PHP, that write numbers as strings: "42" fits an int. A string that is
#   no number of that kind gives an error, as "abc" does, and as encoding/json's option ",string" does; the documentation tells of tolerance, not of parts.
# Happens: json-iterator 1.1.12 (Debian 12): an integer takes the digits up to the first letter that does not fit and drops the rest, with no
#   error. "0042" is 0 and "09" is 0 (only the first zero is read), "1,000" and "1.000,50" are 1, "12-3456" is 12, "0x1F" is 0, "19.99" and 19.99 are 19, and
#   the JSON number 1e3 is 1. A float64 takes "1,000.50" for 1 and "19,99" for 19. null makes 0, where 7 stood. "abc", "+42" and, for float64, "0042" are
#   errors; without the call all of these are errors.
# Means: all orders with a leading zero become order 0 (and the second one is "seen before"), and 1,000.50 is paid as 1. Since the call works for the whole
#   program, one library that makes it changes the others. Use json.Number or string fields and strconv, which looks at the whole text.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-json-iterator-go-dev golang-github-modern-go-concurrent-dev golang-github-modern-go-reflect2-dev >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f golang-github-json-iterator-go-dev_*.deb Version); echo "json-iterator $version"; [[ $version == 1.1.12-* ]] || { echo "   changed: expected 1.1.12"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; rm "$package"; done
export GOROOT=$dir/root/usr/lib/go-1.19 GOPATH=$dir/root/usr/share/gocode GO111MODULE=off GOCACHE=$dir/cache GOFLAGS=-p=2 CGO_ENABLED=0 HOME=$dir
mkdir t; cat > t/main.go <<'E2'
package main

import ("encoding/json"; "fmt"; "os"; "runtime"; jsoniter "github.com/json-iterator/go"; "github.com/json-iterator/go/extra")

type event struct { N int64; F float64; After string }
type strict struct { N int64; F float64; After string } // read before the call; the decoder of a type is kept
type quoted struct { N int64 `json:",string"` }

var failed bool

func read(text string) (string, string) { // as the field N, as the field F; 7 before
	a, b := event{N: 7}, event{F: 7}; n, f := "error", "error"
	if err := jsoniter.Unmarshal([]byte(`{"N":`+text+`,"After":"x"}`), &a); err == nil && a.After == "x" { n = fmt.Sprint(a.N) }
	if err := jsoniter.Unmarshal([]byte(`{"F":`+text+`,"After":"x"}`), &b); err == nil && b.After == "x" { f = fmt.Sprint(b.F) }
	return n, f
}
func before(text string) (string, string) {
	a, b := strict{N: 7}, strict{F: 7}; n, f := "error", "error"
	if err := jsoniter.Unmarshal([]byte(`{"N":`+text+`,"After":"x"}`), &a); err == nil { n = fmt.Sprint(a.N) }
	if err := jsoniter.Unmarshal([]byte(`{"F":`+text+`,"After":"x"}`), &b); err == nil { f = fmt.Sprint(b.F) }
	return n, f
}
func main() {
	fmt.Println(runtime.Version())
	cases := []struct{ text, n, f string }{
		{`"42"`, "42", "42"}, {`"1732917600123"`, "1732917600123", "1.732917600123e+12"}, {`"-5"`, "-5", "-5"}, {`"19.99"`, "19", "19.99"}, {`19.99`, "19", "19.99"}, {`1e3`, "1", "1000"}, {`"1e3"`, "1", "1000"},
		{`"0042"`, "0", "error"}, {`"09"`, "0", "error"}, {`"0x1F"`, "0", "0"}, {`"1,000"`, "1", "1"}, {`"1,000.50"`, "1", "1"}, {`"1.000,50"`, "1", "1"}, {`"19,99"`, "19", "19"}, {`"12-3456"`, "12", "error"},
		{`"5 EUR"`, "5", "5"}, {`"2026-11-29"`, "2026", "error"}, {`null`, "0", "0"}, {`""`, "0", "error"}, {`"abc"`, "error", "error"}, {`"+42"`, "error", "42"}, {`[]`, "error", "error"}}
	for _, c := range cases { // before the call: only null and numbers that fit
		n, f := before(c.text); one, other := "error", "error"
		if c.text == "null" { one, other = "7", "7" } else if c.text == "19.99" { other = "19.99" } else if c.text == "1e3" { other = "1000" }
		if n != one || f != other { fmt.Println("   changed: without the call", c.text, n, f); failed = true }
	}
	extra.RegisterFuzzyDecoders()
	fmt.Printf("%-18s %s\n", "JSON", "as int64, as float64; as int64 with encoding/json and \",string\"")
	for _, c := range cases {
		n, f := read(c.text); var q quoted; standard := "error"
		if err := json.Unmarshal([]byte(`{"N":`+c.text+`}`), &q); err == nil { standard = fmt.Sprint(q.N) }
		fmt.Printf("%-18s %s, %s; %s\n", c.text, n, f, standard)
		if n != c.n || f != c.f { fmt.Println("   changed: expected", c.n, c.f); failed = true }
		if right := standard == c.n || standard == "error"; !right && c.text != `"0042"` && c.text != `"09"` { fmt.Println("   changed: encoding/json", standard); failed = true }
	}
	seen, repeats := map[int64]bool{}, 0
	for _, order := range []string{"0042", "0043", "0107"} {
		var e event; if err := jsoniter.Unmarshal([]byte(`{"N":"`+order+`"}`), &e); err != nil { panic(err) }
		if seen[e.N] { repeats++ }; seen[e.N] = true
	}
	fmt.Println("orders 0042, 0043, 0107: known as repeats", repeats); if repeats != 2 { fmt.Println("   changed: expected 2"); failed = true }
	if failed { os.Exit(1) }
}
E2
"$GOROOT/bin/go" build -o test ./t && ./test
