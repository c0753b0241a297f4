#!/usr/bin/env bash
# Expected: Webhook.sign(id, timestamp, body) takes an aware datetime for the moment that it is, in whatever time zone it is written.
# Happens: PyPI standardwebhooks 1.1.0 (and svix 2.9.1, which uses it) REPLACES the zone by UTC: 12:00+02:00 is signed as 12:00Z, two hours off. So a
#   receiver that checks the header with the true Unix time refuses it; verify of the same library says "No matching signature found". A naive local
#   datetime is off likewise. With UTC all is well, so tests on servers in UTC pass.
# Means: sign with datetime.now(timezone.utc) only; at a refused signature of a Python sender, try the signature over its timestamp moved by the offset.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --disable-pip-version-check standardwebhooks==1.1.0 svix==2.9.1
cat > t.py <<'E'
import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
import standardwebhooks, svix.webhooks
SECRET, BODY = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", '{"a":1}'
now = datetime.now(timezone.utc).replace(microsecond=0)
def outcome(webhook, stamp):
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(stamp.timestamp())), "webhook-signature": webhook.sign("msg_1", stamp, BODY)}
    try:
        webhook.verify(BODY, headers); return "verified"
    except standardwebhooks.WebhookVerificationError as error:
        return str(error)
for name, webhook in (("standardwebhooks", standardwebhooks.Webhook(SECRET)), ("svix", svix.webhooks.Webhook(SECRET))):
    for hours in (0, 2, -5):
        stamp = now.astimezone(timezone(timedelta(hours=hours)))
        said = outcome(webhook, stamp)
        print(f"python {sys.version.split()[0]} {name} {version(name)} signs {stamp.isoformat()} (the same moment) -> {said}")
        assert said == ("verified" if hours == 0 else "No matching signature found")
    berlin = now.astimezone(timezone(timedelta(hours=2)))
    assert webhook.sign("msg_1", berlin, BODY) == webhook.sign("msg_1", now + timedelta(hours=2), BODY)
E
timeout 60 v/bin/python t.py
