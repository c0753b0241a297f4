"""Connections on both sides: how long they are kept, and what one that is stale costs."""

import time

from bench import Cell, Concern, Waiting, status_of
from wire import Client, ask, request

CONNECTIONS = Concern("Connections")

# Longer than the idle times of all nine, unless they have none.
LONGEST_IDLE_SECONDS = 140
# More than HAProxy waits, four times.
LONGEST_SILENCE_SECONDS = 70
# More than a receiver takes to answer (twice inbox.append_timeout_seconds).
LONGEST_ANSWER_SECONDS = 8


@CONNECTIONS.row
def kept(bench):
    """Connections to the receiver for 20 posts of 20 clients, one after the other"""
    before = len(bench.origin.posts())
    for _ in range(20):
        bench.post_to_origin()
    return str(len({seen.connection for seen in bench.origin.posts()[before:]}))


@CONNECTIONS.row
def closed_while_idle(bench):
    """A post after the receiver has ended all idle connections"""
    bench.post_to_origin()
    bench.origin.close_idle()
    time.sleep(0.5)
    answer, _ = bench.post_to_origin()
    return Cell(status_of(answer), answer.status == 200)


def _vanishing(bench, send):
    """What comes of a post whose kept connection the receiver ends in that moment, and how often it is posted."""
    send("X-Do: none")
    # A proxy of several processes has a pool in each of them.
    for _ in range(8):
        time.sleep(0.1)
        before = len(bench.origin.posts())
        answer = send("X-Do: vanish")
        count = len(bench.origin.posts()) - before
        if (answer.status, count) != (200, 1):
            return f"{status_of(answer)}; posted {'once' if count == 1 else f'{count} times'}"
    return "200; keeps none"


@CONNECTIONS.row
def stale(bench):
    """A post on a kept connection that ends without an answer"""
    return _vanishing(bench, lambda line: bench.post_to_origin(line)[0])


@CONNECTIONS.row
def stale_on_a_kept_client(bench):
    """The same, of a client that keeps its own connection"""
    port = bench.origin_front.port
    with Client(port) as client:

        def send(line):
            client.send(request("/post", b"{}", line))
            return client.answer()

        return _vanishing(bench, send)


@CONNECTIONS.row
def idle_to_the_receiver(bench):
    """How long it keeps an idle connection to the receiver"""
    return bench.waiting["receiver"].result()


@CONNECTIONS.row
def idle_to_the_client(bench):
    """How long it keeps an idle connection of a client"""
    return bench.waiting["client"].result()


@CONNECTIONS.row
def silent_receiver(bench):
    """A receiver that does not answer: what comes, and when"""
    return bench.waiting["silent"].result()


SLOW_ROWS = (idle_to_the_receiver, idle_to_the_client, silent_receiver)


def _watch_receiver_side(origin, port):
    ask(port, request("/idle"))
    connection = next(each for each in origin.connections if each.posts)
    deadline = time.monotonic() + LONGEST_IDLE_SECONDS
    while not connection.ended_at and time.monotonic() < deadline:
        time.sleep(0.1)
    if not connection.ended_at:
        # It may still know that it must not be used any more.
        ask(port, request("/idle"))
        is_used = len({seen.connection for seen in origin.posts()}) == 1
        told = "still used" if is_used else "but used no more"
        return Cell(f"{LONGEST_IDLE_SECONDS} s or more, {told}", not is_used)
    seconds = connection.ended_at - connection.answered_at
    # The receiver's own time, server.idle_timeout_seconds, is 130.
    return Cell("keeps none" if seconds < 0.5 else f"{seconds:.0f} s", seconds < 130)


def _watch_client_side(port):
    with Client(port) as client:
        client.send(request("/idle"))
        if client.answer().status != 200:
            return Cell("no answer", holds=False)
        start = time.monotonic()
        if not client.is_answered(LONGEST_IDLE_SECONDS):
            return Cell(f"more than {LONGEST_IDLE_SECONDS} s")
        return Cell(f"{time.monotonic() - start:.0f} s")


def _watch_silence(port):
    start = time.monotonic()
    with Client(port) as client:
        client.send(request("/silent", b"{}", "X-Do: hang"))
        client.is_answered(LONGEST_SILENCE_SECONDS)
        answer = client.answer()
    seconds = time.monotonic() - start
    return Cell(f"{status_of(answer)} after {seconds:.0f} s", seconds > LONGEST_ANSWER_SECONDS)


def start_waiting(bench):
    """Begins what takes minutes, each with a proxy and an origin of its own."""
    fronts = []
    for _ in range(3):
        origin = bench.new_origin()
        fronts.append((origin, bench.keep(bench.new_front([origin.port])).port))
    bench.waiting |= {
        "receiver": Waiting(_watch_receiver_side, *fronts[0]),
        "client": Waiting(_watch_client_side, fronts[1][1]),
        "silent": Waiting(_watch_silence, fronts[2][1]),
    }
