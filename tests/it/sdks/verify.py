"""What PyPI's standardwebhooks and svix say to what was delivered.

    verify.py <DELIVERED

Takes JSON, {"secrets": [...], "arrivals": [{"headers": {...}, "body": BASE64}]}, and prints of each arrival, by library, whether
it is accepted with each secret.
"""

import base64
import json
import sys

import standardwebhooks
import svix.webhooks


def accepts(verify, error, arrival):
    try:
        verify(base64.b64decode(arrival["body"]), arrival["headers"])
        return True
    except error:
        return False


def told(arrival):
    told = {"standardwebhooks": [], "svix": []}
    for secret in secrets:
        webhook = standardwebhooks.Webhook(secret)
        verify = lambda body, headers: webhook.verify(body, headers, json_parse=False)
        told["standardwebhooks"].append(accepts(verify, standardwebhooks.WebhookVerificationError, arrival))
        verify = svix.webhooks.Webhook(secret).verify
        told["svix"].append(accepts(verify, svix.webhooks.WebhookVerificationError, arrival))
    return told


delivered = json.load(sys.stdin)
secrets = delivered["secrets"]
print(json.dumps([told(arrival) for arrival in delivered["arrivals"]]))
