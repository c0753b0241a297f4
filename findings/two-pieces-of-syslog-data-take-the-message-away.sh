#!/usr/bin/env bash
# Expected: a syslog message of RFC 5424 with structured data ([shop@32473 id="evt_1"], as logger writes it and audit trails carry it) is read in
#   Node.js or Python as its data and its text, with \" and \] in a value unescaped; the readmes of glossy and nsyslog-parser promise that format.
# Happens: nsyslog-parser 0.10.1 does not know elements without an @ in the name, which are those of the RFC: timeQuality, which logger of Debian 12
#   (2.38.1) puts first by default, and meta. With an own element behind it, the message is tzKnown="1" isSynced="0"], and the text is in no field but
#   originalMessage; alone, the element becomes a part of the text; so does an own element with a \" in a value. glossy 0.1.7 cuts the text behind its
#   last "] ": of "order [7] paid, job [3] took 9 s" it keeps "took 9 s", and makes an element "7]". syslog-rfc5424-parser 0.3.2 (PyPI) leaves each
#   backslash in the values, so JSON in one is no JSON. rfc5424-logging-handler 1.4.3 cuts names behind 32 letters, as the RFC asks, so two become one
#   name, and of their values one is left. All are right about the same text without structured data.
# Means: the day somebody adds an id to the log lines, their texts vanish from the index, without an error. Let rsyslog or syslog-ng read the protocol
#   and write JSON, or keep ids in the text; call logger with --rfc5424=notq.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq bsdutils >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f bsdutils_*.deb Version); echo "bsdutils $version"; [[ $version == *2.38.1-* ]] || { echo "   changed: expected 2.38.1"; exit 1; }
dpkg -x bsdutils_*.deb root
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check rfc5424-logging-handler==1.4.3 syslog-rfc5424-parser==0.3.2
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts glossy@0.1.7 nsyslog-parser@0.10.1
cat > t.js <<'E'
const glossy = require('glossy').Parse, nsyslog = require('nsyslog-parser'), clean = (s) => s.replace('\ufeff', '');
console.log(JSON.stringify(JSON.parse(require('fs').readFileSync(0, 'utf8')).map((line) => { const g = glossy.parse(line), n = nsyslog(line);
  return { glossy: [g.structuredData ?? {}, clean(g.message)], nsyslog: [Object.fromEntries(n.structuredData.map(({ $id, ...rest }) => [$id, rest])), clean(n.message)] }; })));
E
cat > t.py <<'E'
import json, logging, socket, subprocess, sys, rfc5424logging, syslog_rfc5424_parser
failed = False
def show(what, is_now, wanted):
    global failed
    print(f"   {what:30} {is_now}")
    if is_now != wanted: failed = True; print("      changed: expected", wanted)
taker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); taker.bind(("127.0.0.1", 0)); taker.settimeout(10)
host, port = taker.getsockname(); log = logging.getLogger("app"); log.setLevel("INFO"); log.propagate = False
log.addHandler(rfc5424logging.Rfc5424SysLogHandler(address=(host, port), hostname="host", appname="app", procid=1, enterprise_id="32473", msg_as_utf8=False))
def of_logger(data, text):
    more = [word for name, values in data.items() for word in ("--sd-id", name, *(w for k, v in values.items() for w in ("--sd-param", f'{k}="{v}"')))]
    subprocess.run(["root/usr/bin/logger", "--rfc5424", "-d", "-n", host, "-P", str(port), "-t", "app", *more, "--", text], check=True); return taker.recv(65535).decode()
def of_python(data, text): log.info(text, extra={"structured_data": data}); return taker.recv(65535).decode()
def read(line):
    node = json.loads(subprocess.run(["node", "t.js"], input=json.dumps([line]), capture_output=True, text=True, check=True).stdout)[0]
    m = syslog_rfc5424_parser.SyslogMessage.parse(line); return {"glossy": node["glossy"], "nsyslog-parser": node["nsyslog"], "syslog-rfc5424-parser": [m.as_dict()["sd"], m.msg]}
def check(writer, line, data, text, **other):
    print(writer, "writes", line[line.index("app "):] if "app " in line else line)
    if writer == "logger": data = {**data, "timeQuality": None}
    for name, got in read(line).items():
        if got[0].get("timeQuality"): got[0]["timeQuality"] = None
        show(name, got, other.get(name.replace("-", "_"), [data, text]))
shop, meta, text, brackets = {"shop@32473": {"id": "evt_1"}}, {"meta": {"sequenceId": "7"}}, "no such customer", "order [7] paid, job [3] took 9 s"
for words in (text, brackets): check("control: handler", of_python({}, words), {}, words)
check("control: handler", of_python(shop, text), shop, text)
check("handler", of_python(meta, text), meta, text, nsyslog_parser=[{}, 'sequenceId="7"] ' + text])
check("handler", of_python({**meta, **shop}, text), {**meta, **shop}, text, nsyslog_parser=[shop, 'sequenceId="7"]'])
check("handler", of_python(shop, brackets), shop, brackets, glossy=[{**shop, "7]": {}}, "took 9 s"])
line = of_logger(shop, text); first = line[line.index("tzKnown"):line.index("]") + 1]
check("logger", line, shop, text, nsyslog_parser=[shop, first])
check("logger", of_logger(shop, brackets), shop, brackets, nsyslog_parser=[shop, first], glossy=[{**shop, "timeQuality": None, "7]": {}}, "took 9 s"])
check("logger", of_logger({}, text), {}, text, nsyslog_parser=[{}, first + " " + text])
body = {"shop@32473": {"body": '{"id":"evt_1"}'}}; left = {"shop@32473": {"body": r'{\"id\":\"evt_1\"}'}}
check("handler", of_python(body, text), body, text, syslog_rfc5424_parser=[left, text], nsyslog_parser=[{}, r'[shop@32473 body="{\"id\":\"evt_1\"}"] ' + text])
long = "idempotency_key_of_the_customers_"; one = {"shop@32473": {long[:32]: "2"}}
check("handler, names end with order and refund", of_python({"shop@32473": {long + "order": "1", long + "refund": "2"}}, text), one, text)
sys.exit(failed)
E
timeout 60 v/bin/python t.py
