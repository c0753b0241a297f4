"""The receiver as users run it."""

import json
import os
from pathlib import Path

from processes import ROOT, Process, free_port, is_listening, wait_until
from wire import ask, head

# Letters, digits and the four other characters that a token may have.
TOKEN = "planted-Token_1.2~x"


def program():
    """The newest of the builds that are there."""
    built = [ROOT / "target" / profile / "caigunn-webhook" for profile in ("release", "debug")]
    built = [path for path in built if path.exists()]
    return max(built, key=lambda path: path.stat().st_mtime) if built else None


class Receiver:
    """One that can be stopped and started again at the same addresses, on the same inbox."""

    def __init__(self, folder, inbox_url=None, **settings):
        self.folder = Path(folder)
        self.folder.mkdir()
        self.port, self.admin_port = free_port(), free_port()
        self.environment = {
            "CAIGUNN_LISTEN": f"127.0.0.1:{self.port}",
            "CAIGUNN_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}",
            "CAIGUNN_INBOX_URL": inbox_url or f"sqlite:{self.folder}/inbox.db",
            "CAIGUNN_WEBHOOK_TOKEN": TOKEN,
            **{f"CAIGUNN_{name}": str(value) for name, value in settings.items()},
        }
        self.start()

    def start(self):
        self.process = Process([program()], self.folder, self.environment)
        self.process.wait_for_port(self.port)
        wait_until(lambda: is_listening(self.admin_port), "the admin side to listen")

    def stop(self, *how):
        return self.process.stop(*how)

    def stored_ids(self):
        """The event id of each receipt in the inbox, from the first on."""
        ids, after = [], 0
        while True:
            path = f"/api/v1/receipts?limit=500&after={after}"
            page = json.loads(ask(self.admin_port, head(path, method="GET")).body)
            ids += [receipt["event_id"] for receipt in page["receipts"]]
            if not page["receipts"]:
                return ids
            after = page["next_after"]


def postgres_url():
    """The database that scripts/with-postgres has started."""
    return os.environ.get("CAIGUNN_TEST_POSTGRES")
