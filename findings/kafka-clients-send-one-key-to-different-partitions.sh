#!/usr/bin/env bash
# Expected: Kafka keeps the order of a key, since a key always goes to one partition.
# Happens: which one is the client's choice: librdkafka (confluent-kafka 2.16.1, so Rust's rdkafka, PHP and .NET clients too) hashes with CRC32 by default,
#   kafka-python 3.0.12 and aiokafka 0.14.0 with murmur2 like the Java client. The same key lands elsewhere, with no word of it;
#   partitioner=murmur2_random makes librdkafka agree.
# Means: two services that write events of one job (or one that was rewritten in another language) lose the order per job; set it before the first event.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check confluent-kafka==2.16.1 kafka-python==3.0.12 aiokafka==0.14.0
cat > t.py <<'E'
from importlib.metadata import version
from confluent_kafka import Producer, libversion
import aiokafka.partitioner, kafka.partitioner.default
KEYS = [f"job-{n}".encode() for n in range(1, 41)]
def librdkafka(**more):
    seen = {}
    producer = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0, **more})
    for key in KEYS:
        producer.produce("events", key=key, value=b"x", on_delivery=lambda error, message: seen.__setitem__(message.key(), message.partition()))
    assert producer.flush(30) == 0
    return [seen[key] for key in KEYS]
plain, murmur = librdkafka(), librdkafka(partitioner="murmur2_random")
count = list(range(4))  # the mock cluster gives a new topic four partitions
assert set(plain) == set(murmur) == set(count), (set(plain), set(murmur))
python = [(kafka.partitioner.default.murmur2(key) & 0x7FFFFFFF) % len(count) for key in KEYS]
aio = [aiokafka.partitioner.DefaultPartitioner()(key, count, count) for key in KEYS]
print("confluent-kafka", version("confluent-kafka"), "librdkafka", libversion()[0], "| kafka-python", version("kafka-python"), "| aiokafka", version("aiokafka"))
for n in range(4): print(KEYS[n].decode(), "librdkafka:", plain[n], "| with murmur2_random:", murmur[n], "| kafka-python:", python[n], "| aiokafka:", aio[n])
apart = sum(a != b for a, b in zip(plain, python))
print(f"{apart} of {len(KEYS)} keys land elsewhere with librdkafka's default than with kafka-python's")
assert python == aio == murmur and apart > len(KEYS) // 2
E
timeout 120 v/bin/python t.py
