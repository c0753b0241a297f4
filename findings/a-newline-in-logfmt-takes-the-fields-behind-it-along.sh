#!/usr/bin/env bash
# Expected: a logfmt writer puts what has spaces, quotes or line ends into quotes, with \n and \" as Go's original does it, and a logfmt reader gives
#   each field back; both are there for lines like level=error msg="..." id=evt_1.
# Happens: PyPI logfmt 0.4 takes the next quote after any backslash for a part of the text: of msg="no customer\nline 2" id=evt_1 (so logfmter 0.0.12
#   writes two lines, and a tab) it keeps {"msg": True}, the text and all fields behind it are gone; the same for "C:\\spool" of npm logfmt 1.4.0. npm
#   logfmt as reader drops each backslash: the two lines are "no customernline 2", path=C:\spool (unquoted, as logfmter and structlog 26.1.0 write it)
#   is "C:spool", and one that ends with a backslash takes the next field into itself. npm logfmt as writer leaves line ends as they are, so one
#   record is two lines, and its id is in the second. No error anywhere.
# Means: it is the records of errors (stack traces, paths, several lines) that lose their id and their text when they are searched for, while all
#   others are right. Write JSON lines, or replace line ends and backslashes before the writer; count records without an id.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check logfmt==0.4 logfmter==0.0.12 structlog==26.1.0
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts logfmt@1.4.0
cat > t.js <<'E'
const logfmt = require('logfmt'), work = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify({ written: work.write.map((o) => logfmt.stringify(o)), read: work.read.map((text) => text.split('\n').map((line) => logfmt.parse(line))) }));
E
cat > t.py <<'E'
import io, json, logging, subprocess, sys, logfmt, logfmter, structlog
from importlib.metadata import version
failed = False
def js(write=(), read=()): return json.loads(subprocess.run(["node", "t.js"], input=json.dumps({"write": list(write), "read": list(read)}), capture_output=True, text=True, check=True).stdout)
def show(what, is_now, wanted):
    global failed
    print(f"   {what:24} {is_now}")
    if is_now != wanted: failed = True; print("      changed: expected", wanted)
render = structlog.processors.LogfmtRenderer()
writers = {"logfmter": lambda e: logfmter.Logfmter(keys=[]).format(logging.makeLogRecord({"msg": e})), "structlog": lambda e: render(None, "", dict(e)), "npm logfmt": lambda e: js(write=[e])["written"][0]}
readers = {"PyPI logfmt reads": lambda text: list(logfmt.parse(io.StringIO(text + "\n"))), "npm logfmt reads": lambda text: js(read=[text])["read"][0]}
print(", ".join(f"{name} {version(name)}" for name in ("logfmt", "logfmter", "structlog")), "npm logfmt 1.4.0")
def check(writer, value, line, python, node):
    text = writers[writer]({"msg": value, "id": "evt_1"}); print(f"{writer} writes {value!r} as {text!r}")
    if text != line: show("line", text, line)
    for name, wanted in (("PyPI logfmt reads", python), ("npm logfmt reads", node)): show(name, readers[name](text), wanted)
def whole(value): return [{"msg": value, "id": "evt_1"}]
lines, path, folder = "no customer\nline 2", "C:\\spool", "C:\\spool\\"
check("logfmter", lines, r'msg="no customer\nline 2" id=evt_1', [{"msg": True}], whole("no customernline 2"))
check("logfmter", "a\tb", r'msg="a\tb" id=evt_1', [{"msg": True}], whole("atb"))
check("logfmter", path, r"msg=C:\spool id=evt_1", whole(path), whole("C:spool"))
check("logfmter", folder, "msg=C:\\spool\\ id=evt_1", whole(folder), [{"msg": "C:spool idevt_1"}])
check("structlog", lines, r'msg="no customer\nline 2" id=evt_1', [{"msg": True}], whole("no customernline 2"))
check("structlog", "x\ny", r"msg=x\ny id=evt_1", whole(r"x\ny"), whole("xny"))
check("structlog", path, r"msg=C:\spool id=evt_1", whole(path), whole("C:spool"))
check("npm logfmt", path, r'msg="C:\\spool" id=evt_1', [{"msg": True}], whole(path))
check("npm logfmt", lines, 'msg="no customer\nline 2" id=evt_1', [{"msg": True}, {"line": True, "2": True, "id": "evt_1"}], [{"msg": "no customer"}, {"line": True, "2 id=evt_1": True}])
for writer, write in writers.items():
    values = ("plain", "no customer", 'say "hi"', '{"id":"x"}', "a=b"); texts = [write({"msg": value, "id": "evt_1"}) for value in values]; print("control,", writer, "writes", texts)
    for name, read in readers.items(): show(name + " all right", [read(text) for text in texts] == [whole(value) for value in values], True)
sys.exit(failed)
E
timeout 60 v/bin/python t.py
