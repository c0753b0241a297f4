"""What checks are made with: a proxy in front of a receiver, one in front of an origin, and what a check says."""

import inspect
import itertools
import threading
from dataclasses import dataclass
from pathlib import Path

from fronts import Front
from origin import Origin
from processes import free_port
from receiver import TOKEN, Receiver
from wire import ask, notification, request

PATH = f"/webhook/{TOKEN}"


@dataclass
class Cell:
    """What a check found of a proxy, and whether what must hold does."""

    text: str
    holds: bool = True


class Waiting:
    """A watch that runs beside the other checks, since it mostly waits."""

    def __init__(self, function, *arguments):
        def run():
            try:
                self.cell = function(*arguments)
            except Exception as error:  # told in its row
                self.cell = Cell(f"{type(error).__name__}: {error}"[:200], holds=False)

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def result(self):
        self.thread.join()
        return self.cell


class Row:
    """A check: a function that takes a bench and gives a cell, or its text alone."""

    def __init__(self, function):
        self.function = function
        self.label = " ".join(inspect.getdoc(function).split())

    def cell(self, bench):
        try:
            found = self.function(bench)
        except Exception as error:  # one that fails must not hide the others
            return Cell(f"{type(error).__name__}: {error}"[:200], holds=False)
        return found if isinstance(found, Cell) else Cell(found)


class Concern:
    """A table: its title and its rows, in the order in which they are written."""

    def __init__(self, title):
        self.title, self.rows = title, []

    def row(self, function):
        self.rows.append(Row(function))
        return function


class Bench:
    """One proxy with what it needs, each started when it is first asked for."""

    def __init__(self, kind, folder):
        self.kind, self.folder = kind, Path(folder)
        self._made, self._lock, self._numbers = {}, threading.Lock(), itertools.count(1)
        self._to_stop = []
        # What runs beside the other checks, by its name.
        self.waiting = {}

    def _once(self, name, make):
        with self._lock:
            if name not in self._made:
                self._made[name] = self.keep(make())
            return self._made[name]

    def keep(self, thing):
        """Has it stopped with the bench, and gives it back."""
        self._to_stop.append(thing)
        return thing

    def place(self, name):
        """A folder that is not there yet."""
        return self.folder / f"{self.kind.program}-{next(self._numbers)}-{name}"

    @property
    def receiver(self):
        return self._once("receiver", lambda: Receiver(self.place("receiver")))

    @property
    def front(self):
        """In front of the receiver."""
        receiver = self.receiver
        return self._once("front", lambda: self.new_front([receiver.port]))

    @property
    def origin(self):
        return self._once("origin", lambda: Origin(free_port()))

    @property
    def origin_front(self):
        """In front of the origin."""
        origin = self.origin
        return self._once("origin front", lambda: self.new_front([origin.port]))

    def new_origin(self):
        return self.keep(Origin(free_port()))

    def new_receiver(self, inbox_url=None, **settings):
        return self.keep(Receiver(self.place("receiver"), inbox_url, **settings))

    def new_front(self, ports, usual_logs=False):
        return Front(self.kind, self.place("proxy"), ports, usual_logs)

    def post(self, *lines, path=PATH, body=None, **how):
        """The answer to a post of a valid notification through to the receiver."""
        body = notification()[1] if body is None else body
        return ask(self.front.port, request(path, body, *lines, **how))

    def post_to_origin(self, *lines, path="/post", **how):
        """The answer to a post, and the requests that arrived for it."""
        before = len(self.origin.posts())
        answer = ask(self.origin_front.port, request(path, b"{}", *lines, **how))
        return answer, self.origin.posts()[before:]

    def stop(self):
        # The proxies first, so that none writes of receivers that are gone.
        for thing in reversed(self._to_stop):
            thing.stop()


def status_of(answer):
    return str(answer.status) if answer.status else "no answer"
