#!/usr/bin/env bash
# Expected: the unwrap() of a vendor's SDK verifies a webhook and gives an object of the class of its event; for a kind that this version of the SDK does
#   not know yet it raises, or gives something general (other SDKs have a class for it). A new value in one field of a known kind changes nothing.
# Happens: openai 3.57.0, anthropic 2.14.0, dodopayments 1.123.0 and lithic 0.133.0 give an object of the first class of their list that can be made,
#   without an error or a warning: an unknown event of OpenAI is an AgentEnvironmentExpiredWebhookEvent, one of Anthropic (file.deleted) has the data of a
#   session created, one of Dodo Payments (payment.held) is an AbandonedCheckoutDetectedWebhookEvent, one of Lithic (card.closed) an
#   AccountHolderCreatedWebhookEvent. lithic does so for events that it knows, too, when one value is new or one field gone: a tokenization that was
#   declined for a new reason is an account holder created. Only `type` is what was sent.
# Means: `isinstance(event, ...)` or `case AgentEnvironmentExpiredWebhookEvent():`, as a type checker likes it, runs the wrong branch on the day on which
#   the vendor adds a kind or a value: expires an environment, writes to a customer about an abandoned checkout. Branch by event.type alone, with an `else`
#   that keeps the body.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check openai==3.57.0 dodopayments==1.123.0 lithic==0.133.0 anthropic==2.14.0 standardwebhooks==1.1.0
cat > t.py <<'E'
import base64, hashlib, hmac, json, sys, time
from importlib.metadata import version
from openai import OpenAI; from dodopayments import DodoPayments; from lithic import Lithic; from anthropic import Anthropic
print("Python", sys.version.split()[0], *(f"{name} {version(name)}" for name in ("openai", "anthropic", "dodopayments", "lithic"))); failed = False
key = b"0123456789abcdef0123456789abcdef"; secret = "whsec_" + base64.b64encode(key).decode()
def signed(body):
    now = str(int(time.time())); mac = hmac.new(key, f"evt_1.{now}.{body}".encode(), hashlib.sha256).digest()
    return {"webhook-id": "evt_1", "webhook-timestamp": now, "webhook-signature": "v1," + base64.b64encode(mac).decode()}
openai = OpenAI(api_key="x", webhook_secret=secret).webhooks; dodo = DodoPayments(bearer_token="x", webhook_key=secret).webhooks
lithic = Lithic(api_key="x", webhook_secret=secret).webhooks
anthropic = Anthropic(api_key="x", webhook_key=secret).beta.webhooks
read = {"openai": lambda body: openai.unwrap(body, signed(body)), "dodopayments": lambda body: dodo.unwrap(body, headers=signed(body)),
        "lithic": lambda body: lithic.parse(body, headers=signed(body)), "anthropic": lambda body: anthropic.unwrap(body, headers=signed(body)).data}
def show(sdk, what, body, wanted):
    global failed
    event = read[sdk](json.dumps(body)); got = type(event).__name__.removesuffix("WebhookEvent")
    sent = body["data"]["type"] if sdk == "anthropic" else body.get("type") or body["event_type"]
    kept = getattr(event, "type", None) or event.event_type
    print(f"{sdk:12} {sent:24} {what:22} {got}")
    if got != wanted or kept != sent: failed = True; print("   changed: expected", wanted, "of the type", sent, "and has", kept)
def one(kind): return {"id": "evt_1", "object": "event", "created_at": 1700000000, "type": kind, "data": {"id": "batch_1"}}
show("openai", "known", one("batch.cancelled"), "BatchCancelled")
show("openai", "known, a new value", one("batch.cancelled") | {"object": "event.v2"}, "BatchCancelled")
for kind in "batch.paused", "agent.environment.renewed", "invoice.paid": show("openai", "new", one(kind), "AgentEnvironmentExpired")
def session(kind): return {"id": "evt_1", "created_at": "2026-01-01T00:00:00Z", "type": "event",
                           "data": {"id": "s", "type": kind, "organization_id": "o", "workspace_id": "w"}}
show("anthropic", "known", session("session.deleted"), "BetaWebhookSessionDeletedEventData")
for kind in "session.paused", "file.deleted": show("anthropic", "new", session(kind), "BetaWebhookSessionCreatedEventData")
def pay(kind): return {"business_id": "b", "data": {}, "timestamp": "2026-01-01T00:00:00Z", "type": kind}
show("dodopayments", "known", pay("payment.succeeded"), "PaymentSucceeded")
for kind in "payment.held", "customer.created": show("dodopayments", "new", pay(kind), "AbandonedCheckoutDetected")
def token(reason): return {"event_type": "tokenization.result", "account_token": "a", "card_token": "c", "created": "2026-01-01T00:00:00Z", "tokenization_token": "t",
                           "tokenization_result_details": {"issuer_decision": "DENIED", "tokenization_decline_reasons": [reason]}}
show("lithic", "known", token("CVC_MISMATCH"), "TokenizationResult")
show("lithic", "known, a new value", token("PIN_MISMATCH"), "AccountHolderCreated")
show("lithic", "known, a field gone", {name: value for name, value in token("CVC_MISMATCH").items() if name != "created"}, "AccountHolderCreated")
show("lithic", "known", {"event_type": "card.created", "card_token": "c"}, "CardCreated")
show("lithic", "new", {"event_type": "card.closed", "card_token": "c"}, "AccountHolderCreated")
sys.exit(failed)
E
timeout 80 v/bin/python t.py
