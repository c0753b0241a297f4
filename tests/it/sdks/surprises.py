"""What docs/delivery.md says of the Python libraries of Standard Webhooks; fails where it is not so."""

import json
from datetime import datetime, timezone

import standardwebhooks
import svix.webhooks

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
ONE, OTHER = standardwebhooks.Webhook(SECRET), svix.webhooks.Webhook(SECRET)


def signed(body):
    now = datetime.now(timezone.utc)
    signature = ONE.sign("id", now, body)
    return {"webhook-id": "id", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}


def raises(kind, verify, *arguments):
    try:
        verify(*arguments)
    except Exception as error:
        assert type(error) is kind, error
    else:
        raise AssertionError("it does not raise")


# verify parses, and fails in other ways where it cannot.
assert ONE.verify(b"{}", signed("{}")) == {}
marked, nested = "\ufeff{}", "[" * 200_000 + "]" * 200_000
raises(json.JSONDecodeError, ONE.verify, marked.encode(), signed(marked))
raises(RecursionError, ONE.verify, nested.encode(), signed(nested))
for body in [marked, nested]:
    assert ONE.verify(body.encode(), signed(body), json_parse=False) is None
    # svix returns nothing.
    assert OTHER.verify(body.encode(), signed(body)) is None
# A signature that is none.
for webhook in [ONE, OTHER]:
    raises(ValueError, webhook.verify, b"{}", {**signed("{}"), "webhook-signature": "v1"})
# A line end after the secret.
standardwebhooks.Webhook(SECRET + "\n").verify(b"{}", signed("{}"))
