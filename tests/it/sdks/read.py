"""What PyPI's cloudevents, 1.x or 2.x, reads in what was delivered.

    read.py <DELIVERED

Takes JSON, {"arrivals": [{"headers": {...}, "body": BASE64}]}, and prints of each the attributes and the data, and whether the
data is what json.loads finds there; or the error.
"""

import base64
import importlib.metadata
import json
import sys
from datetime import datetime

if importlib.metadata.version("cloudevents").startswith("1."):
    from cloudevents.http import from_http

    def read(headers, body):
        event = from_http(headers, body)
        return event.get_attributes(), event.get_data()

else:
    from cloudevents.core.bindings.http import HTTPMessage, from_http_event

    def read(headers, body):
        event = from_http_event(HTTPMessage(headers=headers, body=body))
        return event.get_attributes(), event.get_data()


def told(arrival):
    body = base64.b64decode(arrival["body"])
    try:
        attributes, data = read(arrival["headers"], body)
        time = attributes["time"]
        return {
            "id": attributes["id"],
            "type": attributes["type"],
            "subject": attributes.get("subject"),
            "time": time.isoformat() if isinstance(time, datetime) else time,
            "data": data,
            "is_same": data == json.loads(body)["data"],
        }
    except Exception as error:
        return {"error": f"{type(error).__name__}: {str(error)[:200]}"}


print(json.dumps([told(arrival) for arrival in json.load(sys.stdin)["arrivals"]]))
