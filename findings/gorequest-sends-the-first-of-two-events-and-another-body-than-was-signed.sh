#!/usr/bin/env bash
# Expected: gorequest's Post(url).Send(text) (Go, a client of many programs) sends the text; its README shows it with JSON. A signature over the text fits
#   what arrives.
# Happens: gorequest 0.2.15 (Debian 12) reads the text and writes it anew. Of JSON lines ({..}\n{..}, as for
#   Elasticsearch, ClickHouse or a log) only the first is sent, with no error; the keys are sorted, <, > and & are \u003c, blanks are gone, 1.50 and long ids
#   stay. Any text that is no JSON is a form: "hello world" arrives as "hello+world=", "a=1&a=2" as "a=2&a=1", a line of InfluxDB or a metric is a key
#   without value; "100% sure" as it is. Arrays of objects are sorted as well. net/http sends what it gets.
# Means: batches lose all but the first event and the answer is 200; an HMAC over the text is refused by each receiver, for some texts only (one key, or
#   keys in order, as in a test). Type("text") with a Content-Type of your own, set by Set() behind it, sends the text as it is (below); or use net/http.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-parnurzeal-gorequest-dev golang-github-pkg-errors-dev golang-golang-x-net-dev golang-golang-x-text-dev golang-github-moul-http2curl-dev >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f golang-github-parnurzeal-gorequest-dev_*.deb Version); echo "gorequest $version"; [[ $version == 0.2.15-* ]] || { echo "   changed: expected 0.2.15"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; rm "$package"; done
export GOROOT=$dir/root/usr/lib/go-1.19 GOPATH=$dir/root/usr/share/gocode GO111MODULE=off GOCACHE=$dir/cache GOFLAGS=-p=2 CGO_ENABLED=0 HOME=$dir NO_PROXY=127.0.0.1
mkdir t; cat > t/main.go <<'E2'
package main

import ("crypto/hmac"; "crypto/sha256"; "fmt"; "io"; "net/http"; "net/http/httptest"; "os"; "runtime"; "strings"; "github.com/parnurzeal/gorequest")

var failed bool
var body, kind string

func sign(text string) string { h := hmac.New(sha256.New, []byte("secret")); h.Write([]byte(text)); return fmt.Sprintf("%x", h.Sum(nil)) }
func main() {
	fmt.Println(runtime.Version())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // the receiver: 401 for a wrong signature
		all, _ := io.ReadAll(r.Body); body, kind = string(all), r.Header.Get("Content-Type")
		if r.Header.Get("X-Signature") != "" && r.Header.Get("X-Signature") != sign(body) { w.WriteHeader(401) }
	})); defer server.Close()
	fmt.Println("Send(text), and what arrives")
	check := func(text, wanted, wantedKind string) {
		_, _, errs := gorequest.New().Post(server.URL).Send(text).End(); if errs != nil { panic(errs) }
		fmt.Printf("  %-52q %q %s\n", text, body, kind)
		if body != wanted || kind != wantedKind { fmt.Printf("   changed: expected %q %s\n", wanted, wantedKind); failed = true }
		if _, _, errs := gorequest.New().Post(server.URL).Type("text").Set("Content-Type", "application/json").Send(text).End(); errs != nil || body != text || kind != "application/json" { fmt.Println("   changed: Type(\"text\")", body, kind, errs); failed = true }
		if _, err := http.Post(server.URL, "application/json", strings.NewReader(text)); err != nil || body != text { fmt.Println("   changed: net/http", body, err); failed = true }
	}
	js, form := "application/json", "application/x-www-form-urlencoded"
	check("{\"id\":\"evt_1\"}\n{\"id\":\"evt_2\"}\n", `{"id":"evt_1"}`, js)
	check("{\"index\":{}}\n{\"id\":\"evt_1\"}\n{\"index\":{}}\n{\"id\":\"evt_2\"}\n", `{"index":{}}`, js)
	check(`{"id":"evt_1","amount":1.50}`, `{"amount":1.50,"id":"evt_1"}`, js); check(`{"text":"a < b & c"}`, `{"text":"a \u003c b \u0026 c"}`, js); check(`{"id": 9007199254740993}`, `{"id":9007199254740993}`, js)
	check(`[{"id":1,"amount":2.50},{"id":2}]`, `[{"amount":2.50,"id":1},{"id":2}]`, js)
	check("hello world", "hello+world=", form); check("a=1&a=2", "a=2&a=1", form); check("cpu,host=a value=1.5", "cpu%2Chost=a+value%3D1.5", form); check("paid 5 1732917600", "paid+5+1732917600=", form)
	check("100% sure", "100% sure", js); check(`{"amount":1.50,"id":"evt_1"}`, `{"amount":1.50,"id":"evt_1"}`, js); check(`[1,2.50]`, `[1,2.50]`, js)
	fmt.Println("with an HMAC over the text: status")
	for _, c := range []struct{ text string; status int }{{`{"id":"evt_1"}`, 200}, {`{"amount":1.50,"id":"evt_1"}`, 200}, {`{"id":"evt_1","amount":1.50}`, 401}, {`{"id":"evt_1", "type":"paid"}`, 401}, {`{"text":"R&D"}`, 401}} {
		answer, _, errs := gorequest.New().Post(server.URL).Set("X-Signature", sign(c.text)).Send(c.text).End(); if errs != nil { panic(errs) }
		fmt.Printf("  %-52q %d\n", c.text, answer.StatusCode); if answer.StatusCode != c.status { fmt.Println("   changed: expected", c.status); failed = true }
	}
	if failed { os.Exit(1) }
}
E2
"$GOROOT/bin/go" build -o test ./t && ./test
