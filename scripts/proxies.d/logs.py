"""What is written down of the path, in which the token is."""

import time

from bench import PATH, Cell, Concern, Waiting
from receiver import TOKEN
from wire import ask, request

LOGS = Concern("Logs")

# A part of the token that no log writes in another way.
MARK = TOKEN.split("_")[0]

# How long a log may be held back before it is written.
FLUSH_SECONDS = 15


def _files_with_token(bench, usual_logs):
    """The files that hold the token after posts that went well, were refused, and found no receiver."""
    origin = bench.new_origin()
    front = bench.keep(bench.new_front([origin.port], usual_logs))
    ask(front.port, request(PATH))
    ask(front.port, request(PATH, b"{}", "X-Do: unavailable"))
    # One that waits for its answer when the receiver goes, and two that find nobody.
    ask(front.port, request(PATH, b"{}", "X-Do: gone"))
    origin.stop()
    origin.close_idle()
    for _ in range(2):
        ask(front.port, request(PATH))
    # What is no request is told of with its bytes by some.
    ask(front.port, request(PATH).replace(b"Host:", b"Host :"))
    time.sleep(FLUSH_SECONDS)
    while_it_runs = front.files_with(MARK)
    front.stop()
    return sorted({*while_it_runs, *front.files_with(MARK)})


@LOGS.row
def usual(bench):
    """Files with the token, where nothing is said of logs"""
    return bench.waiting["usual logs"].result().text


@LOGS.row
def ours(bench):
    """Files with the token, with our configuration"""
    return bench.waiting["our logs"].result()


SLOW_ROWS = (usual, ours)


def start_waiting(bench):
    """Begins both, which mostly wait."""
    bench.waiting |= {
        "usual logs": Waiting(_cell, bench, True),
        "our logs": Waiting(_cell, bench, False),
    }


def _cell(bench, usual_logs):
    files = _files_with_token(bench, usual_logs)
    return Cell(", ".join(_name(name) for name in files) or "none", not files)


def _name(file):
    """Without what differs from run to run."""
    if file.startswith("_.Log"):
        return "the log in memory"
    return "standard output" if file == "output.log" else f"`{file}`"
