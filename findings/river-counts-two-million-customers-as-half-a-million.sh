#!/usr/bin/env bash
# Expected: sketch.NUnique of river (HyperLogLog, to count the different customers, addresses or ids of a stream in little memory) is off by its error_rate,
#   0.01 by default, also for millions, which is what the algorithm is for; a lower error_rate, says its docstring, is more exact.
# Happens: river 0.26.1: up to 100,000 different ids it is, then it falls behind and stands still: 400,000 are 353,628, a million are 542,345, two millions
#   566,457, and no more come, with ids of any kind and each seed. The rank of an id is read from the same bits of the hash as its bucket, so high ranks are in a few
#   buckets only. With error_rate=0.02 two millions are 1,639,500: what was asked to be twice as exact is far more wrong. The same algorithm over the
#   same hash with other bits for the rank, written out below in twelve lines, is within 2 %.
# Means: numbers of customers, of different ids or addresses (an alarm when they jump, a ratio of repeats to events) are right in a trial, and later too small by
#   any amount; the ratio says that most are repeats. Use another library for it, and compare with a count(DISTINCT) of the size that will come.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check river==0.26.1
cat > t.py <<'E'
import hashlib, math, sys
from importlib.metadata import version
from river import sketch
failed = False
def check(name, got, good, at=None):                                  # good: near the truth; at: what it is otherwise, exactly
    global failed; print(f"  {name:<46} {got:>9,}")
    if at is not None and got != at or good is not (abs(got / truth - 1) < 0.05): failed = True; print("   changed: expected", at or ("near" if good else "far from"), truth)
class Control:                                                        # the same estimate, the rank from bits of its own
    def __init__(self, bits=14): self.bits, self.m, self.ranks = bits, 1 << bits, [0] * (1 << bits)
    def update(self, text):
        hashed = int.from_bytes(hashlib.blake2s(text.encode(), salt=b"seed").digest()[:12], "big")
        bucket, rest = hashed & self.m - 1, hashed >> self.bits & 0xffffffff
        self.ranks[bucket] = max(self.ranks[bucket], 33 - rest.bit_length())
    def get(self):
        estimate, empty = 0.7213 / (1 + 1.079 / self.m) * self.m ** 2 / sum(2.0 ** -rank for rank in self.ranks), self.ranks.count(0)
        return int(self.m * math.log(self.m / empty) if estimate <= 2.5 * self.m and empty else estimate)
print("river", version("river"))
finest, other, coarse, control = sketch.NUnique(seed=1), sketch.NUnique(seed=2), sketch.NUnique(error_rate=0.02, seed=1), Control()
print(f"  error_rate {finest.error_rate}, buckets {finest.n_buckets}")
exact = {100_000: None, 400_000: 353_628, 1_000_000: 542_345, 2_000_000: 566_457}
for i in range(2_000_000):
    customer = f"evt_{i}"; finest.update(customer); coarse.update(customer)
    if i < 1_000_000: control.update(customer); other.update(f"cus-{i * 7919:08x}")
    truth = i + 1
    if truth in exact:
        print(f"{truth:,} different ids")
        check("NUnique()", finest.get(), exact[truth] is None, exact[truth])
        if truth <= 1_000_000: check("the control", control.get(), True)
        if truth == 1_000_000: check("NUnique() with other ids and another seed", other.get(), False)
        if truth == 2_000_000: check("NUnique(error_rate=0.02)", coarse.get(), False, 1_639_500)
sys.exit(failed)
E
timeout 100 v/bin/python t.py
