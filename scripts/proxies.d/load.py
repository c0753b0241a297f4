"""Clients that post one notification after another, each on a connection of its own, and keep account."""

import threading
import time

from wire import ask, notification, request

CLIENT_COUNT = 8
# Between two posts of a client: some hundred posts a second in all.
PAUSE_SECONDS = 0.02


class Load:
    """Posts to a port until it is ended, which leaving a `with` of it does, too."""

    def __init__(self, port, path):
        # (event id, status, when) of each post.
        self.posted, self._is_over = [], threading.Event()
        self._threads = [threading.Thread(target=self._post, args=(port, path), daemon=True) for _ in range(CLIENT_COUNT)]
        for thread in self._threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def _post(self, port, path):
        while not self._is_over.is_set():
            event_id, body = notification()
            status = ask(port, request(path, body)).status
            self.posted.append((event_id, status, time.monotonic()))
            time.sleep(PAUSE_SECONDS)

    def wait_for(self, count):
        """Waits until so many more posts have got 200, for a minute at most."""
        wanted, deadline = self.good_count() + count, time.monotonic() + 60
        while self.good_count() < wanted and time.monotonic() < deadline:
            time.sleep(0.05)

    def good_count(self):
        return sum(status == 200 for _, status, _ in self.posted)

    def end(self):
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def failures(self):
        """How often each other answer came."""
        counts = {}
        for _, status, _ in self.posted:
            if status != 200:
                counts[status] = counts.get(status, 0) + 1
        return counts

    def lost_count(self, stored_ids):
        """How many got 200 and have not exactly one receipt."""
        counts = {}
        for event_id in stored_ids:
            counts[event_id] = counts.get(event_id, 0) + 1
        return sum(status == 200 and counts.get(event_id, 0) != 1 for event_id, status, _ in self.posted)

    def longest_gap(self):
        """For how many seconds at most one post failed after the other, without a 200 between them."""
        longest, since = 0.0, None
        for _, status, at in sorted(self.posted, key=lambda each: each[2]):
            since = None if status == 200 else since or at
            longest = max(longest, at - since) if since else longest
        return longest

    def told(self):
        failures = self.failures()
        if not failures:
            return f"0 of {len(self.posted)}"
        kinds = ", ".join(f"{status or 'no answer'}" for status in sorted(failures))
        return f"{sum(failures.values())} of {len(self.posted)} ({kinds})"
