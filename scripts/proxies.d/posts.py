"""Posts, their bodies, and how clients send them."""

import threading
import time

import h2
from bench import PATH, Cell, Concern, status_of
from wire import Client, ask, head, notification, request, trusting

MIB = 1 << 20

POSTS = Concern("Posts and bodies")

# What is refused before its body is read: path, method, status.
REFUSED = (("/nowhere", "POST", 404), ("/webhook/guessed", "POST", 401), (PATH, "PUT", 405))

# How long "at once" may take.
AT_ONCE_SECONDS = 3.0


@POSTS.row
def large_body(bench):
    """A valid body of 7 MiB"""
    answer = bench.post(body=notification(padding=7 * MIB)[1])
    return Cell(status_of(answer), answer.status == 200)


def _refused_upload(bench, path, wanted):
    """Sends the head of a post of 9 MiB and a little of its body, and all of it if nothing comes."""
    body = notification(padding=9 * MIB)[1]
    with Client(bench.front.port) as client:
        client.send(head(path, f"Content-Length: {len(body)}") + body[:65536])
        is_early = client.is_answered(AT_ONCE_SECONDS)
        if not is_early:
            client.send(body[65536:])
        answer = client.answer()
    when = "at once" if is_early else "after the body"
    whose = "" if answer.is_of_receiver() else ", its own"
    return Cell(f"{status_of(answer)} {when}{whose}", answer.status in wanted)


@POSTS.row
def over_the_limit(bench):
    """413 to a body of 9 MiB: when it comes, and whose it is"""
    return _refused_upload(bench, PATH, [413])


@POSTS.row
def unauthorized_upload(bench):
    """401 to a body of 9 MiB with a wrong token"""
    return _refused_upload(bench, "/webhook/guessed", [401, 413])


def _slow_refused_upload(bench):
    body = notification(padding=9 * MIB)[1]
    step = 256 << 10
    with Client(bench.front.port) as client:
        client.send(head(PATH, f"Content-Length: {len(body)}"))
        for start in range(0, len(body), step):
            if not client.send(body[start : start + step]):
                break
            time.sleep(0.1)
        return client.answer()


@POSTS.row
def slow_upload_over_the_limit(bench):
    """413 to 9 MiB that are all sent, slowly, before the answer is read"""
    answer = _slow_refused_upload(bench)
    return Cell(status_of(answer), answer.status in (413, 0))


@POSTS.row
def beside_refused(bench):
    """200 valid posts beside some that are refused for path, token and method: how many got 200"""
    is_over, wrong, statuses = threading.Event(), [], []

    def refused(size):
        body = b"x" * size
        while not is_over.is_set():
            for path, method, status in REFUSED:
                found = ask(bench.front.port, request(path, body, method=method)).status
                if found != status:
                    wrong.append(found)

    def valid():
        for _ in range(50):
            statuses.append(bench.post().status)

    beside = [threading.Thread(target=refused, args=(size,)) for size in (300, 300, 200_000, 200_000)]
    posting = [threading.Thread(target=valid) for _ in range(4)]
    for thread in beside + posting:
        thread.start()
    for thread in posting:
        thread.join()
    is_over.set()
    for thread in beside:
        thread.join()
    count = statuses.count(200)
    told = f"; {len(wrong)} refusals came as {sorted(set(wrong))}" if wrong else ""
    return Cell(f"{count}{told}", count == 200)


@POSTS.row
def chunked(bench):
    """A body in chunks: the answer, and how it is passed on"""
    lines = ["Transfer-Encoding: chunked"]
    body = notification()[1]
    pieces = b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (9, body[:9], len(body) - 9, body[9:])
    answer = ask(bench.front.port, head(PATH, *lines) + pieces)
    before = len(bench.origin.posts())
    ask(bench.origin_front.port, head("/post", *lines) + pieces)
    seen = bench.origin.posts()[before]
    framing = {"length": "with its length", "chunked": "in chunks"}[seen.framing]
    both = seen.value("content-length") and seen.value("transfer-encoding")
    return Cell(f"{status_of(answer)}, {framing}", answer.status == 200 and not both)


def _expecting(port, path, body):
    """The answer to a post that waits for a 100, for two seconds at most, before it sends its body."""
    with Client(port) as client:
        client.send(head(path, f"Content-Length: {len(body)}", "Expect: 100-continue"))
        is_told = client.is_answered(2.0)
        if not is_told or client.buffer.startswith(b"HTTP/1.1 100"):
            client.send(body)
        return client.answer()


@POSTS.row
def expect(bench):
    """`Expect: 100-continue`: the answer, and who says 100"""
    answer = _expecting(bench.front.port, PATH, notification()[1])
    before = len(bench.origin.posts())
    # The origin never says 100.
    of_origin = _expecting(bench.origin_front.port, "/post", b"{}")
    seen = bench.origin.posts()[before:]
    passes = bool(seen) and seen[0].value("expect") is not None
    if 100 in of_origin.interim:
        who = "the proxy, which passes the header on as well" if passes else "the proxy"
    else:
        who = "the receiver" if 100 in answer.interim else "nobody"
    return Cell(f"{status_of(answer)}; {who}", answer.status == 200)


@POSTS.row
def expect_unauthorized(bench):
    """`Expect: 100-continue` with a wrong token"""
    answer = _expecting(bench.front.port, "/webhook/guessed", notification()[1])
    told = ", after a 100" if 100 in answer.interim else ", no 100"
    return Cell(status_of(answer) + told, answer.status == 401)


@POSTS.row
def slow_body(bench):
    """A body that takes six seconds"""
    body = notification(padding=3000)[1]
    with Client(bench.front.port) as client:
        client.send(head(PATH, f"Content-Length: {len(body)}"))
        step = len(body) // 30 + 1
        for start in range(0, len(body), step):
            client.send(body[start : start + step])
            time.sleep(0.2)
        answer = client.answer()
    return Cell(status_of(answer), answer.status == 200)


@POSTS.row
def half_closed(bench):
    """A client that closes its side once it has sent all"""
    event_id, body = notification()
    with Client(bench.front.port) as client:
        client.send(request(PATH, body))
        client.half_close()
        answer = client.answer()
    deadline = time.monotonic() + 2
    while not (stored := event_id in bench.receiver.stored_ids()) and time.monotonic() < deadline:
        time.sleep(0.1)
    told = "stored" if stored else "not stored"
    # A 200 without a receipt would be a lie.
    return Cell(f"{status_of(answer)}, {told}", stored or answer.status != 200)


@POSTS.row
def http_1_0(bench):
    """A client that speaks HTTP/1.0"""
    answer = bench.post(version="1.0")
    return Cell(status_of(answer), answer.status == 200)


@POSTS.row
def http_2(bench):
    """A client that speaks HTTP/2, by TLS where the proxy has it"""
    status = h2.post(bench.front, PATH, notification()[1])
    return Cell("no HTTP/2" if status is None else str(status), status in (200, None))


@POSTS.row
def over_tls(bench):
    """A post over TLS, with HTTP/1.1"""
    if not bench.kind.has_tls:
        return "no TLS"
    with Client(bench.front.tls_port, trusting("http/1.1")) as client:
        client.send(request(PATH, notification()[1]))
        answer = client.answer()
    return Cell(status_of(answer), answer.status == 200)


@POSTS.row
def methods(bench):
    """GET, PUT, DELETE, OPTIONS: whether the receiver's 405 comes"""
    found = {}
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        answer = bench.post(method=method, body=b"" if method == "GET" else b"{}")
        found[method] = status_of(answer) + ("" if answer.is_of_receiver() else ", its own")
    if set(found.values()) == {"405"}:
        return "405"
    return ", ".join(f"{method} {status}" for method, status in found.items())


@POSTS.row
def unknown_host(bench):
    """A post with a Host that the configuration does not name"""
    event_id, body = notification()
    answer = bench.post(body=body, host="another.example")
    stored = event_id in bench.receiver.stored_ids()
    return f"{status_of(answer)}, {'stored' if stored else '**not stored**'}"
