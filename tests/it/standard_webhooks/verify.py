"""A receiver that believes only the library of Standard Webhooks.

    verify.py SECRET

Prints the port it listens on. Answers 200 to what the library accepts, with the ids that came with it, and 401 with the
library's words to what it does not. What is posted to /changed is changed on the way. Ends with its standard input.
"""

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(sys.argv[1])


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/changed":
            body = body.replace(b"crawling", b"training")
        try:
            webhook.verify(body, dict(self.headers.items()))
            self.answer(200, "accepted " + self.headers["webhook-id"])
        except WebhookVerificationError as error:
            self.answer(401, str(error))

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments):
        pass


server = HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
