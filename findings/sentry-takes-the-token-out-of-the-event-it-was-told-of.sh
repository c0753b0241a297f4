#!/usr/bin/env bash
# Expected: sentry-sdk for Python leaves out passwords, tokens and the like of what it sends to Sentry, and what a program goes on working with stays as
#   it was; the SDK's own words are that the event's payload is scrubbed.
# Happens: sentry-sdk 2.75.0, with its defaults, scrubs before it copies. A dict given as data= of add_breadcrumb() or to set_user() is the program's own:
#   with the next capture_exception(), capture_message() or logged error its values under token, secret, auth, session, authorization, cookie,
#   x_forwarded_for (20 names more) are objects AnnotatedValue, and set_user's dict has no ip_address any more. With EventScrubber(recursive=True) it is
#   also what set_extra() and logger.error(..., extra={"payload": payload}) were given, to any depth. json.dumps then fails; with default=str it writes
#   the text {'value': '[Filtered]', 'metadata': ...} in the place of the token, and a token that is compared is another. set_context() is harmless.
# Means: the retry after a reported 503 of a customer goes out without its authorization, the stored event has lost its session or token, and only where
#   an error was reported in between, so no test without Sentry shows it. Give Sentry a copy: data=copy.deepcopy(payload), set_user(dict(user)).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check sentry-sdk==2.75.0
cat > t.py <<'E2'
import copy, importlib.metadata, json, logging, sys
import sentry_sdk
from sentry_sdk.scrubber import EventScrubber
from sentry_sdk.transport import Transport
print("sentry-sdk", importlib.metadata.version("sentry-sdk"), "python", sys.version.split()[0])
failed = False
logging.getLogger().addHandler(logging.NullHandler())
EVENT = {"id": "evt_1", "token": "tok_4711", "customer": {"session": "s_1", "amount": 1999}, "lines": [{"sku": "A", "secret": "x"}]}
USER = {"id": "cus_7", "ip_address": "192.0.2.7", "session": "s_1"}
HEADERS = {"content-type": "application/json", "Authorization": "Bearer abc", "x_forwarded_for": "192.0.2.7"}
sent = []
class Kept(Transport):  # keeps what would be sent: nothing leaves this process
    def capture_envelope(self, envelope): sent.append(envelope.get_event())
FILTERED = """{'value': '[Filtered]', 'metadata': "{'rem': [['!config', 's']]}"}"""  # str() of an AnnotatedValue
def written(value): return json.dumps(value, default=str).replace(json.dumps(FILTERED), '"<AnnotatedValue>"')
def check(name, got, wanted):
    global failed
    print(f"  {name:<62} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def told(name, original, tell, wanted, report=lambda: sentry_sdk.capture_message("503 from the customer")):
    mine = copy.deepcopy(original)
    with sentry_sdk.isolation_scope():
        tell(mine); assert mine == original  # to tell alone changes nothing
        report()
    check(name, written(mine), json.dumps(wanted) if isinstance(wanted, dict) else wanted)
def failing():
    try: raise OSError("503")
    except OSError: sentry_sdk.capture_exception()
for recursive in (False, True):
    options = {"event_scrubber": EventScrubber(recursive=True)} if recursive else {}
    sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=Kept, auto_enabling_integrations=False, **options)
    print("EventScrubber(recursive=True)" if recursive else "defaults")
    deep = '{"id": "evt_1", "token": "<AnnotatedValue>", "customer": {"session": "<AnnotatedValue>", "amount": 1999}, "lines": [{"sku": "A", "secret": "<AnnotatedValue>"}]}'
    top = {**EVENT, "token": "<AnnotatedValue>"}
    breadcrumb = lambda mine: sentry_sdk.add_breadcrumb(category="webhook", message="received", data=mine)
    told("add_breadcrumb(data=event), capture_message()", EVENT, breadcrumb, deep if recursive else top)
    told("add_breadcrumb(data=event), capture_exception()", EVENT, breadcrumb, deep if recursive else top, failing)
    told("add_breadcrumb(data=event), logger.error()", EVENT, breadcrumb, deep if recursive else top, lambda: logging.getLogger("x").error("503"))
    told("add_breadcrumb(data=event), nothing reported", EVENT, breadcrumb, EVENT, lambda: None)
    told("add_breadcrumb(data=headers)", HEADERS, breadcrumb, {**HEADERS, "Authorization": "<AnnotatedValue>", "x_forwarded_for": "<AnnotatedValue>"})
    told("add_breadcrumb(data=deepcopy(event))", EVENT, lambda mine: breadcrumb(copy.deepcopy(mine)), EVENT)
    told("set_user(user)", USER, sentry_sdk.set_user, {"id": "cus_7", "session": "<AnnotatedValue>"})
    told("set_user(dict(user))", USER, lambda mine: sentry_sdk.set_user(dict(mine)), USER)
    told("set_extra('event', event)", EVENT, lambda mine: sentry_sdk.get_isolation_scope().set_extra("event", mine), deep if recursive else EVENT)
    told("logger.error(..., extra={'event': event})", EVENT, lambda mine: globals().update(mine=mine), deep if recursive else EVENT,
         lambda: logging.getLogger("x").error("503", extra={"event": mine}))
    told("set_context('event', event)", EVENT, lambda mine: sentry_sdk.set_context("event", mine), EVENT)
    mine = copy.deepcopy(EVENT)
    with sentry_sdk.isolation_scope(): breadcrumb(mine); failing()
    try: json.dumps(mine); result = "written"
    except TypeError as error: result = str(error)
    check("json.dumps(event) afterwards", result, "Object of type AnnotatedValue is not JSON serializable")
    check("event['token'] == 'tok_4711' afterwards", mine["token"] == "tok_4711", False)
    check("what Sentry was sent", sent[-1]["breadcrumbs"]["values"][-1]["data"]["token"], "[Filtered]")
sys.exit(failed)
E2
v/bin/python t.py
