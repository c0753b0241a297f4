#!/usr/bin/env bash
# Expected: srsly, spaCy's library for JSON and JSON lines, reads and writes the numbers that Python's json does, or raises where it cannot.
# Happens: srsly 2.5.6 takes some integers beyond 64 bits modulo 2^64: the id 123456789012345678901 is read as 12776324570088369205, -18446744073709551617
#   as -1; others raise ("Value is too big!"). It writes ten digits after the point: 0.000000000004 becomes 0.0, the latitude 52.520006599999997 becomes
#   52.5200066, and some numbers (1.7e-7 among them, of 100,000 prices with cents 48) are read a last digit off.
# Means: a pipeline through read_jsonl and write_jsonl gives events the ids of others and rates of zero, in files that are valid JSON; a body written again
#   fits its signature no more. Read such lines with json or orjson, and ids as strings.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check srsly==2.5.6
cat > t.py <<'E'
import json, sys, srsly
from importlib.metadata import version
print("Python", sys.version.split()[0], "srsly", version("srsly")); failed = False
def tried(call, value):
    try: return call(value)
    except (ValueError, OverflowError) as error: return str(error)
wanted = {  # text: what srsly reads, what it writes of what json reads
  "123456789012345678901": (12776324570088369205, "int too big to convert"),
  "-18446744073709551617": (-1, "can't convert negative int to unsigned"),
  "20000000000000000000001": ("Value is too big!", "int too big to convert"),
  "18446744073709551615": (18446744073709551615, "18446744073709551615"),
  "0.000000000004": (4e-12, "0.0"), "52.520006599999997": (52.520006599999995, "52.5200066"), "1.7e-7": (1.7000000000000001e-07, "0.00000017")}
for text, (read, written) in wanted.items():
    seen = tried(srsly.json_loads, text), tried(srsly.json_dumps, json.loads(text))
    print(f"{text:24} json reads {json.loads(text)!s:24} srsly reads {seen[0]!s:24} srsly writes {seen[1]}")
    if seen != (read, written): failed = True; print("   changed: expected", read, written)
off = sum(srsly.json_loads(f"{cents // 100}.{cents % 100:02}") != float(f"{cents // 100}.{cents % 100:02}") for cents in range(100000))
print("of the 100,000 prices below 1,000.00 read with another value:", off); failed |= off != 48
with open("in.jsonl", "w") as file: file.write('{"id":123456789012345678901,"rate":0.000000000004}\n')
srsly.write_jsonl("out.jsonl", srsly.read_jsonl("in.jsonl")); line = open("out.jsonl").read().strip(); print("through read_jsonl and write_jsonl:", line)
failed |= line != '{"id":12776324570088369205,"rate":0.0}'
sys.exit(failed)
E
timeout 60 v/bin/python t.py
