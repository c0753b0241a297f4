#!/usr/bin/env bash
# Expected: hashstructure.Hash of two different JSON values is different (but for chance, one in 2^64). Its documentation names as equal only lists tagged "set" in another
#   order, what is tagged "ignore" or unexported, and, where the option ZeroNil is set (it is not, by itself), pointers to nothing.
# Happens: hashstructure 1.1.0 (Debian 12) hashes what encoding/json made of a body: null is 0 (inside: {"refund":null} and {"refund":0}), an empty object is an empty list
#   ([] and {} as a whole are both hash 0), [1,null] is [1,0], {"a":0,"b":null} is {"a":null,"b":0}. IgnoreZeroValue and ZeroNil change nothing of it. null is not
#   false and not "", 0 is not false, as one would think.
# Means: as the key of a set of events seen, or of "has the state changed?", it drops the event that says "refunded: 0" after the one with null ("not known yet"), and the list
#   that was emptied. Hash the bytes of the body, or of a canonical JSON, with SHA-256.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-mitchellh-hashstructure-dev >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f golang-github-mitchellh-hashstructure-dev_*.deb Version); echo "hashstructure $version"; [[ $version == 1.1.0-* ]] || { echo "   changed: expected 1.1.0"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; rm "$package"; done
export GOROOT=$dir/root/usr/lib/go-1.19 GOPATH=$dir/root/usr/share/gocode GO111MODULE=off GOCACHE=$dir/cache GOFLAGS=-p=2 CGO_ENABLED=0 HOME=$dir
mkdir t; cat > t/main.go <<'E2'
package main

import ("encoding/json"; "fmt"; "os"; "runtime"; "github.com/mitchellh/hashstructure")

func main() {
	fmt.Println(runtime.Version()); failed := false
	hash := func(text string, options *hashstructure.HashOptions) uint64 {
		var value interface{}; if err := json.Unmarshal([]byte(text), &value); err != nil { panic(err) }
		h, err := hashstructure.Hash(value, options); if err != nil { panic(err) }
		return h
	}
	for _, c := range []struct{ one, other string; same bool }{
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`, true}, {`{"a":1,"b":2}`, `{"a":2,"b":1}`, false}, {`{"refund":null}`, `{"refund":1}`, false}, {`{"refund":null}`, `{"refund":false}`, false},
		{`{"refund":null}`, `{"refund":""}`, false}, {`{"refund":0}`, `{"refund":false}`, false}, {`{"refund":null}`, `{}`, false}, {`{"lines":[]}`, `{"lines":[[]]}`, false},
		{`{"refund":null}`, `{"refund":0}`, true}, {`{"id":"evt_1","a":0,"b":null}`, `{"id":"evt_1","a":null,"b":0}`, true}, {`[1,null]`, `[1,0]`, true}, {`null`, `0`, true},
		{`{"lines":{}}`, `{"lines":[]}`, true}, {`{}`, `[]`, true},
	} {
		for _, o := range []*hashstructure.HashOptions{nil, {ZeroNil: true}, {IgnoreZeroValue: true}} {
			same := hash(c.one, o) == hash(c.other, o)
			if o == nil { fmt.Printf("%-32s %-32s the same hash: %v\n", c.one, c.other, same) }
			if same != c.same { failed = true; fmt.Println("   CHANGED: expected", c.same, o) }
		}
	}
	fmt.Println("hash of {}:", hash("{}", nil), "of []:", hash("[]", nil)); if hash("{}", nil) != 0 || hash("[]", nil) != 0 { failed = true; fmt.Println("   CHANGED: expected 0") }
	if failed { os.Exit(1) }
}
E2
cd t; timeout 100 "$GOROOT/bin/go" run .
