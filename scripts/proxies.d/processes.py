"""Processes, ports and waiting."""

import itertools
import os
import random
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# How long a state is waited for before a check fails: far longer than it ever takes.
PATIENCE = 30.0

# Below the ports that the system picks, and above those of the tests: nobody else gets one while it is free for a moment.
_ports = itertools.cycle(random.sample(range(30_000, 32_700), 2_700))
_ports_lock = threading.Lock()


def free_port():
    """A port on which nothing listens, given out once."""
    with _ports_lock:
        for port in _ports:
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue
    raise AssertionError("there is always a next port")


def wait_until(look, what, seconds=PATIENCE):
    """What `look` gives, once it is true."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.02)


def is_listening(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A program in the foreground that ends with this one, and what it says in a file."""

    def __init__(self, command, folder, env=None, output="output.log"):
        self.output = Path(folder) / output
        # Nothing of ours may change what it does, and a proxy would be asked for what is on this machine.
        kept = {name: value for name, value in os.environ.items() if not _is_foreign(name)}
        with open(self.output, "ab") as output_file:
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *map(str, command)],
                cwd=folder,
                env={**kept, "HOME": str(folder), **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output_file,
                stderr=output_file,
            )

    def said(self):
        return self.output.read_text(errors="replace")

    def wait_for_port(self, port):
        def look():
            if self.popen.poll() is not None:
                raise RuntimeError(f"{self.popen.args[3]} ended: {self.said()[-2000:]}")
            return is_listening(port)

        try:
            wait_until(look, "it to listen")
        except TimeoutError as error:
            raise TimeoutError(f"{self.popen.args[3]}: {error}: {self.said()[-2000:]}") from error

    def stop(self, how=signal.SIGTERM, seconds=20):
        """Ends it; by force if it does not in time. Its exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(how)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            return self.popen.wait()


def _is_foreign(name):
    return name.startswith("CAIGUNN_") or name == "PORT" or name.lower().endswith("_proxy")
