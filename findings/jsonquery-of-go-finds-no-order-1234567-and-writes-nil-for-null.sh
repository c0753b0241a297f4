#!/usr/bin/env bash
# Expected: jsonquery (antchfx, Go: XPath on JSON) finds {"id": 1234567} by //e/*[id='1234567'], and InnerText() of its id is what the JSON says, as it is
#   for 999999. A field that is null has no text, or is not there.
# Happens: jsonquery 1.3.1 (Debian 12) keeps the text of a number as Go's %v writes a float64: 1234567 is
#   "1.234567e+06", from the seventh digit on, 1732917600123 "1.732917600123e+12", 0.00001 "1e-05". String comparisons, contains(), starts-with() and the
#   output have that; only a comparison with a number as a literal is right. null is the text "<nil>": [s] and [string-length(s) > 0] find it, not(s) does
#   not, and OutputXML() writes <s><nil></s>, which no XML reader takes.
# Means: lookups by order number work in the test (six digits) and find nothing from the millionth order on; ids written into a table, a URL or a log have
#   the e. Compare with numbers ([id=1234567]) and format the value yourself: strconv.FormatFloat(x, 'f', -1, 64), up to 2^53, or read ids with
#   encoding/json; ask for null with [s='<nil>'].
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-antchfx-jsonquery-dev golang-github-antchfx-xpath-dev golang-github-golang-groupcache-dev >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f golang-github-antchfx-jsonquery-dev_*.deb Version); echo "jsonquery $version"; [[ $version == 1.3.1-* ]] || { echo "   changed: expected 1.3.1"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; rm "$package"; done
export GOROOT=$dir/root/usr/lib/go-1.19 GOPATH=$dir/root/usr/share/gocode GO111MODULE=off GOCACHE=$dir/cache GOFLAGS=-p=2 CGO_ENABLED=0 HOME=$dir
mkdir t; cat > t/main.go <<'E2'
package main

import ("encoding/xml"; "fmt"; "io"; "os"; "runtime"; "strings"; "github.com/antchfx/jsonquery")

var failed bool

func check(name, got, wanted string) {
	fmt.Printf("  %-46s %s\n", name, got); if got != wanted { fmt.Println("   changed: expected", wanted); failed = true }
}
func wellFormed(text string) string {
	reader := xml.NewDecoder(strings.NewReader(text))
	for { if _, err := reader.Token(); err == io.EOF { return "well-formed" } else if err != nil { return "not well-formed" } }
}
func main() {
	fmt.Println(runtime.Version())
	events := `{"e":[{"k":"a","id":999999,"ref":"999999","s":"x"},{"k":"b","id":1234567,"ref":"1234567","s":""},{"k":"c","id":1000000,"s":null},{"k":"d","id":1732917600123},{"k":"e","id":1234568,"rate":0.00001}]}`
	doc, err := jsonquery.Parse(strings.NewReader(events)); if err != nil { panic(err) }
	found := func(path string) string {
		nodes, err := jsonquery.QueryAll(doc, path); if err != nil { return "error" }
		texts := []string{}; for _, node := range nodes { texts = append(texts, node.InnerText()) }
		return strings.Join(texts, " ")
	}
	fmt.Println(events)
	check("//id", found("//id"), "999999 1.234567e+06 1e+06 1.732917600123e+12 1.234568e+06"); check("//rate", found("//rate"), "1e-05"); check("//ref", found("//ref"), "999999 1234567")
	check("//e/*[id='999999']/k", found("//e/*[id='999999']/k"), "a"); check("//e/*[id='1234567']/k", found("//e/*[id='1234567']/k"), "")
	check("//e/*[id=1234567]/k", found("//e/*[id=1234567]/k"), "b"); check("//e/*[id>1000000]/k", found("//e/*[id>1000000]/k"), "b d e")
	check("//e/*[starts-with(id,'17329')]/k", found("//e/*[starts-with(id,'17329')]/k"), ""); check("//e/*[contains(id,'1234567')]/k", found("//e/*[contains(id,'1234567')]/k"), "")
	check("//e/*[contains(id,'99999')]/k", found("//e/*[contains(id,'99999')]/k"), "a")
	check("//s", found("//s"), "x  <nil>"); check("//e/*[s]/k", found("//e/*[s]/k"), "a b c"); check("//e/*[not(s)]/k", found("//e/*[not(s)]/k"), "d e")
	check("//e/*[string-length(s)>0]/k", found("//e/*[string-length(s)>0]/k"), "a c"); check("//e/*[s='<nil>']/k", found("//e/*[s='<nil>']/k"), "c")
	check("OutputXML()", wellFormed(doc.OutputXML()), "not well-formed")
	plain, err := jsonquery.Parse(strings.NewReader(`{"id":999999,"s":"x"}`)); if err != nil { panic(err) }
	check("OutputXML() without null", wellFormed(plain.OutputXML()), "well-formed")
	if failed { os.Exit(1) }
}
E2
"$GOROOT/bin/go" build -o test ./t && ./test
