#!/usr/bin/env bash
# Expected: where OpenTelemetry's SDK for Python cannot send a value, it leaves out that value, with a line in its own log, and sends the rest. It does so
#   for attributes: an id beyond 64 bits, or a text with half of a pair ("\ud83d", valid JSON, as senders cut text), costs the one attribute.
# Happens: opentelemetry-sdk 1.45.2 with opentelemetry-exporter-otlp-proto-http 1.45.2 sends nothing of the batch, up to 512 spans or log records of all
#   requests of that moment, when such a text is in the message of an exception that ended a span (it becomes the span's status), in a span's or an event's
#   name, or in a line of the log; or when a log record's message is a dict with a whole number from 2^63 on. No request is sent, none is tried again, and
#   force_flush() says True. All that tells is one line in the SDK's own log ("Failed to encode ...", for log records only one in 20 seconds).
# Means: one event with a cut emoji in the name of a customer, `raise ValueError(f"no customer {name}")`, and the traces and logs of everybody else in those
#   seconds are gone, just when something failed. Put such texts through repr() or .encode("utf-8", "replace").decode(), and watch that logger by another
#   way.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2
cat > t.py <<'E'
import gzip, http.server, json, logging, sys, threading
from importlib.metadata import version
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
print("Python", sys.version.split()[0], *(f"{n} {version(n)}" for n in ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"))); failed = False
arrived, requests, own = [], [], []
class Collector(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])); requests.append(self.path)
        if self.headers.get("Content-Encoding") == "gzip": body = gzip.decompress(body)
        if self.path == "/t": arrived.extend(s for r in ExportTraceServiceRequest.FromString(body).resource_spans for c in r.scope_spans for s in c.spans)
        else: arrived.extend(s for r in ExportLogsServiceRequest.FromString(body).resource_logs for c in r.scope_logs for s in c.log_records)
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector); threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
class Own(logging.Handler):
    def emit(self, record): own.append(record.getMessage())
logging.getLogger("opentelemetry").addHandler(Own()); logging.getLogger("opentelemetry").propagate = False
name = json.loads(r'"Ann \ud83d"'); big = json.loads('{"id": 9223372036854775808}')
def check(what, provider, wanted, seen):
    global failed
    flushed = provider.force_flush(); provider.shutdown()
    print(f"{what:62} {len(arrived):3} of 101 arrived, force_flush() {flushed}, {len(requests)} requests; own log: {own[0].split(':')[0] if own else '-'}")
    if (len(arrived), flushed, bool(own)) != (wanted, True, bool(own) if seen is None else seen) or len(requests) > 1: failed = True; print("   changed: expected", wanted)
def spans(what, work, wanted, seen):
    arrived.clear(); requests.clear(); own.clear()
    provider = TracerProvider(shutdown_on_exit=False); provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url + "/t")))
    tracer = provider.get_tracer("t")
    for n in range(100):
        with tracer.start_as_current_span(f"event {n}"): pass
    try: work(tracer)
    except ValueError: pass
    check("span: " + what, provider, wanted, seen)
def logs(what, message, wanted, seen, **options):
    arrived.clear(); requests.clear(); own.clear()
    provider = LoggerProvider(shutdown_on_exit=False); provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=url + "/l")))
    logger = logging.getLogger("app" + what); logger.propagate = False; logger.setLevel(logging.INFO); logger.addHandler(LoggingHandler(logger_provider=provider))
    for n in range(100): logger.info("event %d", n)
    logger.info(message, **options); check("log: " + what, provider, wanted, seen)
def error(text):
    def work(tracer):
        with tracer.start_as_current_span("deliver"): raise ValueError(f"no customer {text}")
    return work
def named(tracer): tracer.start_span(f"deliver {name}").end()
def event(tracer):
    with tracer.start_as_current_span("deliver") as span: span.add_event(f"got {name}")
def attributes(tracer):
    with tracer.start_as_current_span("deliver") as span: span.set_attribute("customer", name); span.set_attribute("id", 2 ** 64)
spans("an exception with a whole text", error("Ann \U0001f600"), 101, False)
spans("an exception with half of a pair", error(name), 0, True)
spans("the same text with repr()", error(repr(name)), 101, False)
spans("half of a pair in its name", named, 0, True)
spans("half of a pair in an event's name", event, 0, True)
spans("half of a pair and 2^64 as attributes", attributes, 101, True)
logs("a line with a whole text", "no customer Ann \U0001f600", 101, False)
logs("a line with half of a pair", f"no customer {name}", 0, True)
logs("the dict {'id': 9223372036854775807}", {"id": 2 ** 63 - 1}, 101, False)
logs("the dict {'id': 9223372036854775808}", big, 0, None)  # one line in 20 seconds
logs("half of a pair as extra={'customer': ...}", "no customer", 101, True, extra={"customer": name})
sys.exit(failed)
E
timeout 80 v/bin/python -W ignore t.py
