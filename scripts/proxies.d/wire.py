"""A client that sends bytes as they are and reads answers, without a library's opinions."""

import json
import socket
import ssl
import uuid
from dataclasses import dataclass, field

# How long an answer may take. More than any proxy waits for its receiver with our configurations.
ANSWER_SECONDS = 40.0


@dataclass
class Answer:
    """One answer; `status` 0 if the connection ended before there was a whole one."""

    status: int = 0
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    # The statuses of the 1xx answers before it.
    interim: list = field(default_factory=list)

    def is_of_receiver(self):
        kind = self.headers.get("content-type", "")
        return kind.startswith("application/problem+json") or b'"receipt_id"' in self.body


class Client:
    """A connection that takes part in a `with`."""

    def __init__(self, port, context=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="hooks.example.com")
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Whether the other side took all of it."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def is_answered(self, seconds):
        """Whether something comes within so long: an answer, or an end."""
        if self.buffer:
            return True
        self.socket.settimeout(seconds)
        try:
            self.buffer = self.socket.recv(65536) or b""
            return True
        except TimeoutError:
            return False
        except OSError:
            return True
        finally:
            self.socket.settimeout(ANSWER_SECONDS)

    def answer(self):
        interim = []
        while True:
            try:
                answer = self._one_answer()
            except (OSError, EOFError, ValueError):
                return Answer(interim=interim)
            if answer.status < 200:
                interim.append(answer.status)
                continue
            answer.interim = interim
            return answer

    def _one_answer(self):
        head = self._until(b"\r\n\r\n").decode("latin-1")
        status_line, *lines = head.strip().split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        answer = Answer(int(status_line.split()[1]), headers)
        if answer.status < 200 or answer.status in (204, 304):
            return answer
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self._until(b"\r\n").split(b";")[0], 16):
                answer.body += self.exactly(size + 2)[:-2]
            self._until(b"\r\n")
        elif "content-length" in headers:
            answer.body = self.exactly(int(headers["content-length"]))
        else:
            while self._more():
                pass
            answer.body, self.buffer = self.buffer, b""
        return answer

    def _more(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def _until(self, end):
        while end not in self.buffer:
            if not self._more():
                raise EOFError
        part, _, self.buffer = self.buffer.partition(end)
        return part + end

    def exactly(self, count):
        while len(self.buffer) < count:
            if not self._more():
                raise EOFError
        part, self.buffer = self.buffer[:count], self.buffer[count:]
        return part


def notification(padding=0):
    """The event id and the body of a valid notification."""
    event_id = str(uuid.uuid4())
    data = {"chatbot_id": str(uuid.uuid4()), "training_data_ids": [str(uuid.uuid4())]}
    document = {"event": "crawling", "status": "completed", "event_id": event_id, "data": data}
    if padding:
        document["padding"] = "x" * padding
    return event_id, json.dumps(document).encode()


def head(path, *lines, method="POST", host="127.0.0.1", version="1.1"):
    """The head of a request; with a Host unless it is None."""
    named = [f"Host: {host}"] if host else []
    fields = [*named, "Content-Type: application/json", *lines]
    return "\r\n".join([f"{method} {path} HTTP/{version}", *fields, "", ""]).encode("latin-1")


def request(path, body=b"{}", *lines, **how):
    """A whole request whose length is said."""
    return head(path, f"Content-Length: {len(body)}", *lines, **how) + body


def ask(port, data):
    """The answer to one request on a connection of its own."""
    try:
        with Client(port) as client:
            client.send(data)
            return client.answer()
    except OSError:
        return Answer()


def trusting(*protocols):
    """TLS with whoever answers: the certificate is a run's own."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context
