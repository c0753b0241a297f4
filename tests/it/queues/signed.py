"""Takes what is sent to SQS where it is signed as botocore signs it with this secret; prints its port first.

signed.py SECRET
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.is_signed(body):
            self.answer(200, {"MessageId": "taken", "Attributes": {}})
        else:
            told = self.headers["authorization"] + self.headers.get("x-amz-security-token", "")
            self.answer(403, {"__type": "com.amazon.coral.service#SignatureDoesNotMatch", "message": told})

    def is_signed(self, body):
        words = self.headers["authorization"].split(" ", 1)[1].split(", ")
        said = dict(word.split("=", 1) for word in words)
        key_id, _day, region, service, _end = said["Credential"].split("/")
        names = said["SignedHeaders"].split(";")
        if not {"host", "x-amz-date", "x-amz-target"} <= set(names):
            return False
        request = AWSRequest(
            method="POST",
            url=f"http://{self.headers['host']}{self.path}",
            data=body,
            headers={name: self.headers[name] for name in names},
        )
        request.context["timestamp"] = self.headers["x-amz-date"]
        auth = SigV4Auth(Credentials(key_id, sys.argv[1]), service, region)
        text = auth.string_to_sign(request, auth.canonical_request(request))
        return auth.signature(text, request) == said["Signature"]

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
print(server.server_port, flush=True)
server.serve_forever()
