"""Receivers that stop, restart, are replaced or killed while posts come."""

import signal
import time

from bench import PATH, Cell, Concern, status_of
from load import Load
from processes import free_port
from receiver import postgres_url
from wire import ask, notification, request

OUTAGES = Concern("Stops, restarts and outages")

OUTAGE_SECONDS = 5
RESTART_COUNT = 3
# Longer than our configurations pass over a receiver that failed, and than they ask for /readyz.
DRAIN_SECONDS = 2

# Those whose configuration answers every post with 200 while two receivers are replaced, and when one of two is killed.
SPARE_WHEN_REPLACED = {"nginx", "haproxy", "caddy", "apache2", "varnishd"}
SPARE_WHEN_KILLED = {"nginx", "haproxy", "varnishd"}


@OUTAGES.row
def nobody_there(bench):
    """No receiver: what comes, and when"""
    front = bench.keep(bench.new_front([free_port()]))
    start = time.monotonic()
    answer = ask(front.port, request(PATH, notification()[1]))
    seconds = time.monotonic() - start
    return f"{status_of(answer)} {'at once' if seconds < 0.5 else f'after {seconds:.0f} s'}"


@OUTAGES.row
def back_after_an_outage(bench):
    """A receiver is away for 5 s: how long until posts get 200 again"""
    receiver = bench.new_receiver()
    front = bench.keep(bench.new_front([receiver.port]))
    ask(front.port, request(PATH, notification()[1]))
    receiver.stop(signal.SIGKILL)
    with Load(front.port, PATH) as load:
        time.sleep(OUTAGE_SECONDS)
        receiver.start()
        back_at = time.monotonic()
        load.wait_for(20)
        time.sleep(1)
    failed = [at for _, status, at in load.posted if status != 200 and at > back_at]
    seconds = max(failed, default=back_at) - back_at
    told = "at once" if seconds < 0.5 else f"{seconds:.1f} s"
    return Cell(told, seconds < 3 and not load.lost_count(receiver.stored_ids()))


@OUTAGES.row
def restarts(bench):
    """One receiver is restarted three times under load: posts that did not get 200"""
    receiver = bench.new_receiver()
    front = bench.keep(bench.new_front([receiver.port]))
    with Load(front.port, PATH) as load:
        for _ in range(RESTART_COUNT):
            load.wait_for(200)
            receiver.stop()
            receiver.start()
        load.wait_for(200)
    cell = _judged(bench, load, receiver)
    if load.failures():
        seconds = load.longest_gap()
        cell.text += f", for {seconds:.1f} s at most" if seconds >= 0.05 else ", for less than 0.1 s"
    return cell


def _pair(bench):
    """Two receivers on one database, and the proxy in front of both."""
    settings = {"SERVER_DRAIN_DELAY_SECONDS": DRAIN_SECONDS}
    pair = [bench.new_receiver(postgres_url(), **settings) for _ in range(2)]
    return pair, bench.keep(bench.new_front([receiver.port for receiver in pair]))


def _judged(bench, load, receiver, sparing=()):
    """How many failed, which must be none where the proxy is among those. All that got 200 must be stored once."""
    lost = load.lost_count(receiver.stored_ids())
    holds = not lost and (not load.failures() or bench.kind.program not in sparing)
    return Cell(load.told() + (f", {lost} not stored once" if lost else ""), holds)


def _why_not(bench):
    if bench.kind.most_receivers < 2:
        return "knows one"
    return None if postgres_url() else "not run: no PostgreSQL"


@OUTAGES.row
def replaced_one_by_one(bench):
    """Two receivers are replaced one by one under load: posts that did not get 200"""
    if why := _why_not(bench):
        return why
    pair, front = _pair(bench)
    with Load(front.port, PATH) as load:
        for receiver in pair:
            load.wait_for(300)
            receiver.stop()
            receiver.start()
            # Until the proxy has seen that it is back.
            time.sleep(DRAIN_SECONDS)
        load.wait_for(300)
    return _judged(bench, load, pair[0], SPARE_WHEN_REPLACED)


@OUTAGES.row
def killed(bench):
    """One of two is killed under load (`kill -9`)"""
    if why := _why_not(bench):
        return why
    pair, front = _pair(bench)
    with Load(front.port, PATH) as load:
        load.wait_for(300)
        pair[0].stop(signal.SIGKILL)
        load.wait_for(500)
    return _judged(bench, load, pair[1], SPARE_WHEN_KILLED)
