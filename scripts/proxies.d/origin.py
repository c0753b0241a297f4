"""An origin that does what the receiver never does, as the request's header X-Do tells it."""

import contextlib
import socket
import socketserver
import threading
import time
from dataclasses import dataclass


@dataclass
class Seen:
    """A request as it arrived."""

    path: str
    # The names are as they came.
    headers: list
    framing: str
    body_bytes: int
    connection: int

    def names(self):
        return [name.lower() for name, _ in self.headers]

    def value(self, name):
        return next((value for found, value in self.headers if found.lower() == name), None)


@dataclass
class Connection:
    """When the last answer left on it, and when the other side ended it."""

    socket: socket.socket
    answered_at: float = 0.0
    ended_at: float = 0.0
    posts: int = 0


class Origin:
    """Answers each post with 200 and keeps connections for as long as the other side does."""

    def __init__(self, port):
        self.port, self.seen, self.connections = port, [], []
        origin = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                connection = Connection(self.request)
                origin.connections.append(connection)
                try:
                    while origin.serve(self, connection):
                        pass
                except (OSError, ValueError):
                    pass
                connection.ended_at = time.monotonic()

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            request_queue_size = 128

        self.server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def posts(self):
        return [seen for seen in self.seen if seen.path != "/readyz"]

    def close_idle(self):
        """Ends all connections, as a receiver that restarts does."""
        for connection in self.connections:
            # The other side may have ended it first.
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)

    def serve(self, handler, connection):
        """Reads one request and answers it; whether another may follow."""
        reader, writer = handler.rfile, handler.wfile
        line = reader.readline()
        if not line:
            return False
        method, path, _ = line.decode("latin-1").split()
        headers = []
        while text := reader.readline().decode("latin-1").strip():
            name, _, value = text.partition(":")
            headers.append((name, value.strip()))
        seen = Seen(path, headers, "none", 0, id(connection))
        if (seen.value("transfer-encoding") or "").lower() == "chunked":
            seen.framing, seen.body_bytes = "chunked", _read_chunks(reader)
        elif seen.value("content-length"):
            seen.framing, seen.body_bytes = "length", int(seen.value("content-length"))
            reader.read(seen.body_bytes)
        self.seen.append(seen)
        if path != "/readyz":
            connection.posts += 1
        return self._answer(seen, connection, writer)

    def _answer(self, seen, connection, writer):
        do, _, amount = (seen.value("x-do") or "").partition(" ")
        if do == "gone" or do == "vanish" and connection.posts > 1:
            return False
        if do == "hang":
            # Its caller gives up long before.
            time.sleep(120)
            return False
        extra, status = "", "200 OK"
        if do == "unavailable":
            status, extra = "503 Service Unavailable", "Retry-After: 7\r\n"
        elif do == "large":
            extra = "".join(f"X-Large-{n}: {'x' * 1000}\r\n" for n in range(int(amount)))
        body = b'{"outcome":"origin"}'
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nX-Request-Id: of-origin\r\n"
            f"{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
        writer.flush()
        connection.answered_at = time.monotonic()
        return (seen.value("connection") or "").lower() != "close"


def _read_chunks(reader):
    total = 0
    while size := int(reader.readline().split(b";")[0], 16):
        total += len(reader.read(size + 2)) - 2
    while reader.readline().strip():
        pass
    return total
