#!/usr/bin/env bash
# Expected: a circuit breaker around the calls to one receiver stays out of the way while all is well, opens when calls fail or hang, and after its pause
#   lets one call through to see: "allows one test-execution" (circuitbreaker's README), "will allow the next call" (pybreaker's, which also says
#   "Thread-safe").
# Happens: pybreaker 1.4.1 holds its lock while the call runs: ten threads that post for 0.5 s each take 5 s, with call() and as a decorator; `with
#   breaker.calling():` alone does not do so. After the pause circuitbreaker 2.1.3, aiobreaker 1.2.0 and purgatory 3.0.1 let all twenty waiting calls
#   through at once, to a receiver that still fails. Under asyncio.wait_for(call(), ...) a receiver that hangs never opens circuitbreaker or aiobreaker, as
#   a cancelled call is no failure to them (to purgatory it is; with the timeout inside of the function all count it). A slow call that began before
#   circuitbreaker opened, and ends well, closes it at once.
# Means: pybreaker around the deliveries of a pool of threads makes it a pool of one, and one slow customer holds up all; with the others each pause ends in
#   the burst that they are there to prevent, and the timeout at the outermost place, where one puts it, turns them off. Put it inside, and let one probe
#   through yourself.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check pybreaker==1.4.1 circuitbreaker==2.1.3 aiobreaker==1.2.0 purgatory==3.0.1
cat > t.py <<'E'
import asyncio, datetime, sys, time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
import aiobreaker, circuitbreaker, pybreaker, purgatory
print("Python", sys.version.split()[0], *(f"{name} {version(name)}" for name in ("pybreaker", "circuitbreaker", "aiobreaker", "purgatory"))); failed = False
def show(what, got, wanted):
    global failed
    print(f"{what}: {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def parallel(call):
    begin = time.monotonic()
    with ThreadPoolExecutor(10) as pool: list(pool.map(lambda _: call(), range(10)))
    return "one by one" if time.monotonic() - begin > 4.9 else "together"
post = lambda: time.sleep(0.5)
breaker = pybreaker.CircuitBreaker(); sync = purgatory.SyncCircuitBreakerFactory()
def calling():
    with breaker.calling(): post()
def entered():
    with sync.get_breaker("r"): post()
show("ten threads, no breaker", parallel(post), "together")
show("ten threads, pybreaker call()", parallel(lambda: breaker.call(post)), "one by one")
show("ten threads, pybreaker as a decorator", parallel(breaker(post)), "one by one")
show("ten threads, pybreaker calling()", parallel(calling), "together")
show("ten threads, circuitbreaker", parallel(circuitbreaker.CircuitBreaker()(post)), "together")
show("ten threads, purgatory", parallel(entered), "together")
calls = 0
async def send(ok=True, seconds=0.0, limit=None):
    global calls; calls += 1
    await asyncio.wait_for(asyncio.sleep(seconds), limit)
    if not ok: raise ValueError
PAUSE = 4.0
def make(name):
    if name == "circuitbreaker":
        made = circuitbreaker.CircuitBreaker(failure_threshold=2, recovery_timeout=PAUSE); call = made(send)
        async def state(): return made.state
    elif name == "aiobreaker":
        made = aiobreaker.CircuitBreaker(fail_max=2, timeout_duration=datetime.timedelta(seconds=PAUSE)); call = made(send)
        async def state(): return made.current_state.name.lower()
    else:
        factory = purgatory.AsyncCircuitBreakerFactory(default_threshold=2, default_ttl=PAUSE)
        async def call(**options):
            async with await factory.get_breaker("r"): await send(**options)
        async def state(): return (await factory.get_breaker("r")).context.state.replace("opened", "open")
    return call, state
async def all_of(calls): await asyncio.gather(*calls, return_exceptions=True)
async def main():
    global calls
    for name in "circuitbreaker", "aiobreaker", "purgatory":
        call, state = make(name)
        for _ in range(3): await all_of([call(ok=False)])
        show(f"{name}: after failures", await state(), "open")
        calls = 0; await all_of([call() for _ in range(20)]); show(f"{name}: of twenty calls sent while it is open", calls, 0)
        await asyncio.sleep(PAUSE + 0.2)
        calls = 0; await all_of([call(ok=False, seconds=0.5) for _ in range(20)]); show(f"{name}: of twenty calls sent after the pause", calls, 20)
        call, state = make(name)
        for _ in range(5): await all_of([asyncio.wait_for(call(seconds=30), 0.1)])
        show(f"{name}: after five timeouts outside", await state(), "open" if name == "purgatory" else "closed")
        for _ in range(3): await all_of([call(seconds=30, limit=0.1)])
        show(f"{name}: after three timeouts inside", await state(), "open")
        call, state = make(name)
        slow = asyncio.create_task(call(seconds=1.5)); await asyncio.sleep(0.1)
        for _ in range(3): await all_of([call(ok=False)])
        before = await state(); await slow
        show(f"{name}: before and after a slow call ends well", (before, await state()), ("open", "closed" if name == "circuitbreaker" else "open"))
asyncio.run(main())
sys.exit(failed)
E
timeout 150 v/bin/python t.py
