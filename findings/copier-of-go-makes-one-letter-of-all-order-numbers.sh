#!/usr/bin/env bash
# Expected: copier.Copy(&to, from) of jinzhu/copier (Go; from the record of a database into that of an API, field by field) copies fields of one name and
#   of types that fit. An id that is an int64 in one and a string in the other is written out ("1001"), left out, or an error; so is a number that does not
#   fit.
# Happens: copier 0.3.2 (Debian 12) takes the number for the number of a letter: id 42 is "*", 1001 is
#   "ϩ", and each id over 1114111 is "\ufffd", the same for all of them. 3000000000 in an int32 is -1294967296, 200 in an int8 -56, 19.99 in an int 19, a
#   uint64 over 2^63 negative. The error is nil each time. A time in a string and a bool in a string stay empty, also with nil.
# Means: events put under such an id are one event ("seen before" from the second on), and an amount or a time in milliseconds that passed through a
#   smaller type is another. Give both structs one type for each field, convert by hand (strconv), or use Option.Converters of newer versions; test with a
#   seven-digit id.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-jinzhu-copier-dev >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f golang-github-jinzhu-copier-dev_*.deb Version); echo "copier $version"; [[ $version == 0.3.2-* ]] || { echo "   changed: expected 0.3.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; rm "$package"; done
export GOROOT=$dir/root/usr/lib/go-1.19 GOPATH=$dir/root/usr/share/gocode GO111MODULE=off GOCACHE=$dir/cache GOFLAGS=-p=2 CGO_ENABLED=0 HOME=$dir
mkdir t; cat > t/main.go <<'E2'
package main

import ("fmt"; "os"; "runtime"; "time"; "github.com/jinzhu/copier")

type record struct { ID int64; Customer int64; Amount float64; Ms int64; Qty int16; Serial uint64; Note string; Created time.Time; Paid bool; Parts []int64 }
type answer struct { ID string; Customer int64; Amount int64; Ms int32; Qty int8; Serial int64; Note string; Created string; Paid string; Parts []string }

var failed bool

func check(name, got, wanted string) { fmt.Printf("%-44s %s\n", name, got); if got != wanted { fmt.Println("   changed: expected", wanted); failed = true } }
func main() {
	fmt.Println(runtime.Version())
	for _, c := range []struct{ id int64; wanted string }{{42, `"*"`}, {1001, `"ϩ"`}, {48217, `"뱙"`}, {1234567, `"�"`}, {1234568, `"�"`}, {9007199254740993, `"�"`}} {
		var to answer; err := copier.Copy(&to, record{ID: c.id})
		check(fmt.Sprintf("ID int64 %d to string", c.id), fmt.Sprintf("%q %v", to.ID, err), c.wanted+" <nil>")
	}
	var to answer
	err := copier.Copy(&to, record{Customer: 1234567, Amount: 19.99, Ms: 1732917600123, Qty: 200, Serial: 1<<63 + 5, Note: "x", Created: time.Unix(1732917600, 0), Paid: true, Parts: []int64{1234567, 42}})
	check("the same type: Customer int64, Note string", fmt.Sprint(to.Customer, " ", to.Note, " ", err), "1234567 x <nil>")
	check("Amount float64 19.99 to int64", fmt.Sprint(to.Amount), "19"); check("Ms int64 1732917600123 to int32", fmt.Sprint(to.Ms), "2045779835")
	check("Qty int16 200 to int8", fmt.Sprint(to.Qty), "-56"); check("Serial uint64 2^63 + 5 to int64", fmt.Sprint(to.Serial), "-9223372036854775803")
	check("Created time, Paid bool to string", fmt.Sprintf("%q %q", to.Created, to.Paid), `"" ""`); check("Parts []int64 to []string", fmt.Sprintf("%q", to.Parts), `["�" "*"]`)
	seen := map[string]bool{}; repeats := 0
	for id := int64(1500001); id <= 1500010; id++ {
		var to answer; if err := copier.Copy(&to, &record{ID: id}); err != nil { panic(err) }
		if seen[to.ID] { repeats++ }; seen[to.ID] = true
	}
	check("ten events, 1500001 to 1500010: known as repeats", fmt.Sprint(repeats), "9")
	if failed { os.Exit(1) }
}
E2
"$GOROOT/bin/go" build -o test ./t && ./test
