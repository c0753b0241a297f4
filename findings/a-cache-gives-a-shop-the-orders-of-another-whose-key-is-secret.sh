#!/usr/bin/env bash
# Expected: a cached function has one answer for each of its arguments. Two settings that differ in their API key alone are different arguments:
#   pydantic and Python say that they are not equal, and their hashes differ. SecretStr, or repr=False, keeps a key out of logs, and nothing else.
# Happens: dogpile.cache 1.5.0, Beaker 1.14.1, Flask-Caching 2.5.1 (memoize), cashews 7.6.0, aiocache 0.12.3 and fastapi-cache2 0.2.2 go by the text
#   of the arguments, in which every SecretStr is "**********" and a field with repr=False is missing: the second shop, and each further one, gets
#   the orders of the first, until the entry ends. So with pydantic's SecretStr alone or in a model, with Field(repr=False), and with
#   field(repr=False) of a dataclass. No warning. diskcache 5.6.3, joblib 1.6.0, cacheout 0.17.0, cachetools 7.3.3 and functools.lru_cache are
#   right; all are right with a plain str.
# Means: "fetch the orders of this account", cached for a minute, books the orders of the first customer for all, from the day on which somebody
#   makes the key a secret; tests with one account pass. Give such a function an id of the account as an argument of its own, and a key function
#   that uses it. (Python 3.11)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check pydantic==2.14.4 dogpile.cache==1.5.0 Beaker==1.14.1 Flask==3.1.3 Flask-Caching==2.5.1 cashews==7.6.0 aiocache==0.12.3 \
  fastapi-cache2==0.2.2 diskcache==5.6.3 joblib==1.6.0 cacheout==0.17.0 cachetools==7.3.3
cat > t.py <<'E'
import asyncio, functools, sys, tempfile, warnings
from dataclasses import dataclass, field
from importlib.metadata import version
warnings.simplefilter("ignore")
import aiocache, cacheout, cachetools, cashews, diskcache, joblib
from beaker.cache import CacheManager
from dogpile.cache import make_region
from fastapi_cache import FastAPICache
from fastapi_cache.backends.inmemory import InMemoryBackend
from fastapi_cache.decorator import cache as fastapi_cache
from flask import Flask
from flask_caching import Cache
from pydantic import BaseModel, Field, SecretStr
class Shop(BaseModel, frozen=True): region: str = "eu"; key: SecretStr
class Hidden(BaseModel, frozen=True): region: str = "eu"; key: str = Field(repr=False)
class Plain(BaseModel, frozen=True): region: str = "eu"; key: str
@dataclass(frozen=True)
class Data: key: str = field(repr=False); region: str = "eu"
kinds = {"SecretStr": SecretStr, "model with SecretStr": lambda k: Shop(key=k), "model, Field(repr=False)": lambda k: Hidden(key=k),
         "dataclass, field(repr=False)": Data, "model with str": lambda k: Plain(key=k), "str": str}
def orders(shop): # what is to be cached: an answer for the key
    key = getattr(shop, "key", shop); return "orders of " + (key.get_secret_value() if isinstance(key, SecretStr) else key)
def caches():
    def new(): return lambda shop: orders(shop)
    def ask(coroutine): return lambda shop: loop.run_until_complete(coroutine(shop))
    async def later(shop): return orders(shop)
    loop = asyncio.new_event_loop(); asyncio.set_event_loop(loop); app = Flask("t"); flask = Cache(app, config={"CACHE_TYPE": "SimpleCache"}); app.app_context().push()
    yield "dogpile.cache", make_region().configure("dogpile.cache.memory").cache_on_arguments()(new())
    yield "Beaker", CacheManager(type="memory").cache("n" + str(id(loop)), expire=60)(new())
    yield "Flask-Caching", flask.memoize(60)(new())
    c = cashews.Cache(); c.setup("mem://"); yield "cashews", ask(c(ttl="1m")(later))
    yield "aiocache", ask(aiocache.cached(ttl=60)(later))
    FastAPICache.reset(); FastAPICache.init(InMemoryBackend()); loop.run_until_complete(FastAPICache.clear("")); yield "fastapi-cache2", ask(fastapi_cache(expire=60)(later))
    yield "diskcache", diskcache.Cache(tempfile.mkdtemp(dir=".")).memoize()(orders)
    yield "joblib", joblib.Memory(".", verbose=0).cache(orders)
    yield "cacheout", cacheout.Cache().memoize()(orders)
    yield "cachetools", cachetools.cached(cachetools.TTLCache(9, 60))(orders)
    yield "functools.lru_cache", functools.lru_cache(None)(orders)
print("Python", sys.version.split()[0], *(f"{p} {version(p)}" for p in ("pydantic", "dogpile.cache", "Beaker", "Flask-Caching", "cashews", "aiocache", "fastapi-cache2", "diskcache", "joblib", "cacheout", "cachetools")))
failed = False; by_text = {"dogpile.cache", "Beaker", "Flask-Caching", "cashews", "aiocache", "fastapi-cache2"}
for kind, make in kinds.items():
    assert make("a") != make("b") and hash(make("a")) != hash(make("b"))
    for name, cached in caches():
        got = [cached(make(k))[-1] for k in "abca"]; wanted = list("aaaa" if name in by_text and kind not in ("str", "model with str") else "abca")
        print(f"{kind:30}{name:21}asked for a, b, c, a: {' '.join(got)}")
        if got != wanted: failed = True; print("   changed: expected", wanted)
sys.exit(failed)
E
timeout 60 v/bin/python t.py
