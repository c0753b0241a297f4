"""As much of HTTP/2 as one POST takes (RFC 9113), with a head that uses no compression (RFC 7541)."""

import struct

from wire import Client, trusting

DATA, HEADERS, SETTINGS, PING, GOAWAY = 0, 1, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def _frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _field(name, value):
    """A field that is not indexed, with a name of its own; both are shorter than 127 bytes."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def post(front, path, body):
    """The status of a POST, with TLS where the proxy has it and else in plain; None if it speaks no HTTP/2."""
    context = trusting("h2", "http/1.1") if front.kind.has_tls else None
    with Client(front.tls_port if context else front.port, context) as client:
        if context and client.socket.selected_alpn_protocol() != "h2":
            return None
        fields = {":method": "POST", ":scheme": "https" if context else "http", ":path": path}
        fields |= {":authority": f"127.0.0.1:{front.tls_port if context else front.port}"}
        fields |= {"content-type": "application/json", "content-length": str(len(body))}
        block = b"".join(_field(name, value) for name, value in fields.items())
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(SETTINGS, 0, 0))
        client.send(_frame(HEADERS, END_HEADERS, 1, block) + _frame(DATA, END_STREAM, 1, body))
        return _status(client)


def _status(client):
    """The status of the answer on stream 1: whatever table its field uses, the three digits stand there, or an index."""
    while True:
        size, kind, flags, stream = struct.unpack(">IBBI", b"\0" + client.exactly(9))
        payload = client.exactly(size)
        if kind == SETTINGS and not flags & ACK:
            client.send(_frame(SETTINGS, ACK, 0))
        elif kind == GOAWAY:
            return None
        elif kind == HEADERS and stream == 1:
            return _read_status(payload)


def _read_status(block):
    """The first field of an answer's head is its status (RFC 9113, 8.3)."""
    while block[0] & 0xE0 == 0x20:  # a new size of the table
        block = block[1:]
    indexed = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}
    return indexed.get(block[0], "another")
