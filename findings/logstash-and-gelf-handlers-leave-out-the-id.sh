#!/usr/bin/env bash
# Expected: log.info("received", extra={"id": ..., "type": ..., "customer": ...}) sends the three fields to Logstash or Graylog. Python's logging
#   refuses names that it uses itself ("message", "name") with a KeyError, and "id" is none of them.
# Happens: python-logstash 0.4.8, python-logstash-async 4.1.0, logstash-sync 0.5.5 and json-logging-py 0.2 leave out "id", and no other of the three:
#   each has it in its list of the fields that every log record has, which it is not. So do graypy 2.1.0 and pygelf 0.4.3, though GELF only has no
#   "_id". Nothing is said. python-logstash leaves out "password", "auth_token" and "extra" too. python-logstash-async writes a UUID without its
#   hyphens, so that a search for the id finds nothing, and a datetime by its clock: 12:00+02:00 is "12:00:00.000Z" on a server in UTC, and 10:00 UTC
#   is "14:00:00.000Z" in New York, without the fraction.
# Means: the line of each event is there, with its type and its customer, and not the id for which one looks it up; found out on the day of the
#   complaint. Call the field event_id, and give texts: str(id), at.isoformat(). python-json-logger 4.2.0, ecs-logging 2.3.0, JSON-log-formatter 1.2.1
#   and logstash_formatter 0.5.17 send "id".
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check python-logstash-async==4.1.0 graypy==2.1.0 pygelf==0.4.3 json-logging-py==0.2 logstash-sync==0.5.5 \
  python-json-logger==4.2.0 ecs-logging==2.3.0 JSON-log-formatter==1.2.1 logstash_formatter==0.5.17
v/bin/pip -q install --no-compile --disable-pip-version-check --target other python-logstash==0.4.8 # Its module has a name that others have.
cat > t.py <<'E'
import importlib, json, logging, os, socket, sys, time, uuid
from datetime import datetime, timedelta, timezone
sys.path.append("other")
import ecs_logging, graypy, json_log_formatter, jsonlogging, logstash, logstash_async.handler, logstash_async.transport, logstash_formatter, logstash_sync.formatter, pygelf
import pythonjsonlogger.json
failed = False; print("Python", sys.version.split()[0])
fields = {"id": "evt_1", "type": "order.paid", "customer": "cus_7"}
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("127.0.0.1", 0)); udp.settimeout(15); host, port = udp.getsockname()
log = logging.getLogger("app"); log.setLevel(logging.INFO); log.propagate = False
def send(handler, extra):
    log.addHandler(handler); log.info("received", extra=extra); log.removeHandler(handler)
    data = json.loads(udp.recv(65536)); handler.close(); assert "received" in json.dumps(data); return data
class Written(logging.Handler):
    """Sends what a formatter makes of a record, where there is no handler over UDP."""
    def __init__(self, formatter): super().__init__(); self.setFormatter(formatter)
    def emit(self, record): text = self.format(record); udp.sendto(text if isinstance(text, bytes) else text.encode(), (host, port))
def find(data, name):
    for key, value in data.items():
        if key in (name, "_" + name): return value
        if isinstance(value, dict) and (found := find(value, name)) is not None: return found
def case(name, handler, wanted, extra=fields):
    global failed
    data = send(handler, extra); got = {key: find(data, key) for key in extra}; got = {key: value for key, value in got.items() if value is not None}
    print(f"{name:24} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def asynchronous():
    return logstash_async.handler.AsynchronousLogstashHandler(host, port, None, transport=logstash_async.transport.UdpTransport(host, port))
less = {"type": "order.paid", "customer": "cus_7"}
case("python-logstash", logstash.UDPLogstashHandler(host, port, version=1), less)
case("python-logstash-async", asynchronous(), less)
case("logstash-sync", Written(logstash_sync.formatter.LogstashFormatterVersion1()), less)
case("json-logging-py", Written(jsonlogging.JSONFormatter()), less)
case("graypy", graypy.GELFUDPHandler(host, port, compress=False), less)
case("pygelf", pygelf.GelfUdpHandler(host, port, compress=False, include_extra_fields=True), less)
case("python-json-logger", Written(pythonjsonlogger.json.JsonFormatter()), fields)
case("ecs-logging", Written(ecs_logging.StdlibFormatter()), fields)
case("JSON-log-formatter", Written(json_log_formatter.JSONFormatter()), fields)
case("logstash_formatter", Written(logstash_formatter.LogstashFormatterV1()), fields)
try: log.info("received", extra={"name": "x"}); raise SystemExit("logging takes a name of its own")
except KeyError as error: print("logging itself           KeyError:", error.args[0])
case("python-logstash", logstash.UDPLogstashHandler(host, port, version=1), {"n": 1}, {"password": "p", "auth_token": "t", "n": 1})
event = uuid.UUID("3fa85f64-5717-4562-b3fc-2c963f66afa6"); noon = datetime(2026, 5, 1, 12, 0, 0, 250000, timezone(timedelta(hours=2))); ten = noon.astimezone(timezone.utc)
for zone, at, wanted in (("UTC", ten, "10"), ("UTC", noon, "12"), ("America/New_York", ten, "14")):
    os.environ["TZ"] = zone; time.tzset(); print(f"in {zone}, {at}:")
    case("python-logstash-async", asynchronous(), {"event_id": event.hex, "at": f"2026-05-01T{wanted}:00:00.000Z"}, {"event_id": event, "at": at})
sys.exit(failed)
E
TZ=UTC timeout 80 v/bin/python t.py
