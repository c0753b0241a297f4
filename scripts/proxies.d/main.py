"""Runs the checks through each proxy and prints what came of them."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import connections
import heads
import logs
import outages
import posts
from bench import Bench, Cell
from fronts import KINDS, certificate
from table import markdown

CONCERNS = [posts.POSTS, heads.HEADS, heads.PATHS, logs.LOGS, connections.CONNECTIONS, outages.OUTAGES]


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/proxies", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PROXY", help="only these, such as nginx or haproxy; else all")
    parser.add_argument("--rows", default="", help="only rows whose name or label has this in it")
    parser.add_argument("--jobs", type=int, default=3, help="how many proxies at once (default: 3)")
    return parser.parse_args()


def check(kind, folder, rows):
    """The cells of one proxy."""
    start = time.monotonic()
    bench = Bench(kind, folder)
    cells = {}
    try:
        # What mostly waits runs beside the others.
        slow = set()
        for part in (connections, logs):
            if any(row.function in part.SLOW_ROWS for row in rows):
                part.start_waiting(bench)
                slow |= set(part.SLOW_ROWS)
        in_turn = sorted(rows, key=lambda row: row.function in slow)
        for row in in_turn:
            cells[row, kind.name] = row.cell(bench)
    except Exception as error:  # told beside what is known of the others
        print(f"{kind.name}: {error}", file=sys.stderr)
        cells = {(row, kind.name): Cell("not run", holds=False) for row in rows}
    finally:
        bench.stop()
    print(f"{kind.name}: {len(rows)} checks in {time.monotonic() - start:.0f} s", file=sys.stderr)
    return cells


def leave_at_a_signal(folder):
    """Leaves at once when told to. What was started ends with this process."""

    def leave(*_):
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(130)

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, leave)


def main():
    wanted = arguments()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    kinds = [kind for kind in KINDS if not wanted.names or kind.program in wanted.names]
    concerns = []
    for concern in CONCERNS:
        concern.rows = [row for row in concern.rows if wanted.rows in row.function.__name__ + row.label]
        concerns += [concern] if concern.rows else []
    rows = [row for concern in concerns for row in concern.rows]
    cells = {}
    with tempfile.TemporaryDirectory(prefix="caigunn-proxies.") as folder:
        Path(folder).chmod(0o755)
        leave_at_a_signal(folder)
        certificate(folder)
        with ThreadPoolExecutor(wanted.jobs) as pool:
            for found in pool.map(lambda kind: check(kind, folder, rows), kinds):
                cells.update(found)
    for concern in concerns:
        print(markdown(concern, kinds, cells))
    broken = [(name, row.label, cell.text) for (row, name), cell in cells.items() if not cell.holds]
    for name, label, text in broken:
        print(f"does not hold: {name}: {label}: {text}", file=sys.stderr)
    sys.exit(1 if broken else 0)


main()
