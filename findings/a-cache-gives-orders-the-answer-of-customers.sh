#!/usr/bin/env bash
# Expected: two functions that are cached have each its own answers, also where one piece of code makes both: get = crud("customer"), get = crud("order"), as an
#   endpoint per model or a client per shop is made in a loop.
# Happens: the cache goes by the function's name and the arguments: with dogpile.cache 1.5.0, Beaker 1.14.1, Flask-Caching 2.5.1, fastapi-cache2 0.2.2, cashews
#   7.6.0, diskcache 5.6.3, ring 0.10.1 and joblib 1.6.0 order 7 is answered with customer 7, whoever came first (dogpile and Beaker do so with methods of one name
#   in two classes of a file as well). So does wrap() of npm's cacheable 2.5.0, in particular with each function that has no name, as in wrap(async (id) => ...):
#   the option "key", which its readme gives for that, is not looked at (keyPrefix is). memoizerific 1.11.3 does it with ANY two
#   functions where memoizerific(100) is kept in a constant, as do aiocache 0.12.3 and theine 2.0.0 (else right) with one decorator kept for both. No error. Right
#   are cacheout 0.17.0, functools.lru_cache, memoizee 0.4.17 and moize 6.1.7. And of an argument dogpile.cache, Beaker, Flask-Caching, fastapi-cache2, cashews and
#   aiocache look at the text: each SecretStr of pydantic 2.14.4 is "**********" there, so the shop with key b gets the orders of the one with key a.
# Means: with one table or one shop all is well; with the second, one gets the other's rows until the entry ends. Give each a prefix of its own
#   (cache_on_arguments(namespace=kind), key_prefix, name=, keyPrefix), or each its own cache, and a shop's id as an argument of its own beside its secret key.
#   (Python 3.11, Node.js 20; dogpile's docstring knows of the classes)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts cacheable@2.5.0 memoizerific@1.11.3 memoizee@0.4.17 moize@6.1.7
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check dogpile.cache==1.5.0 Beaker==1.14.1 Flask-Caching==2.5.1 Flask==3.1.3 fastapi-cache2==0.2.2 fastapi==0.165.0 \
  cashews==7.6.0 diskcache==5.6.3 ring==0.10.1 joblib==1.6.0 aiocache==0.12.3 cacheout==0.17.0 theine==2.0.0 pydantic==2.14.4
cat > crud.py <<'E2'
def crud(kind, cached):
    @cached
    def get(id): return f"{kind} {id}"
    return get
def crud_async(kind, cached):
    @cached
    async def get(id): return f"{kind} {id}"
    return get
def shop(cached):
    @cached
    def orders(key): return f"orders of {key.get_secret_value()}"
    return orders
def shop_async(cached):
    @cached
    async def orders(key): return f"orders of {key.get_secret_value()}"
    return orders
E2
cat > t.py <<'E2'
import asyncio, functools, inspect, sys, warnings
from importlib.metadata import version
from crud import crud, crud_async, shop, shop_async
from pydantic import SecretStr
import aiocache, beaker.cache, beaker.util, cacheout, cashews, diskcache, dogpile.cache, fastapi_cache, fastapi_cache.decorator, flask, flask_caching, joblib, ring, theine
from fastapi_cache.backends.inmemory import InMemoryBackend
warnings.simplefilter("error", joblib.memory.JobLibCollisionWarning)
region = dogpile.cache.make_region().configure("dogpile.cache.memory")
manager = beaker.cache.CacheManager(**beaker.util.parse_cache_config_options({"cache.regions": "short", "cache.short.type": "memory", "cache.short.expire": "60"}))
app = flask.Flask("t"); app.app_context().push(); flask_cache = flask_caching.Cache(app, config={"CACHE_TYPE": "SimpleCache"})
fastapi_cache.FastAPICache.init(InMemoryBackend()); cashews.cache.setup("mem://"); disk = diskcache.Cache("disk"); memory = joblib.Memory("joblib", verbose=0); store = {}; out = cacheout.Cache()
caches = {"dogpile.cache": region.cache_on_arguments, "Beaker": lambda: manager.region("short"), "Flask-Caching": lambda: flask_cache.memoize(60),
    "fastapi-cache2": lambda: fastapi_cache.decorator.cache(expire=60), "cashews": lambda: cashews.cache(ttl="1m"), "diskcache": disk.memoize, "ring": lambda: ring.dict(store),
    "joblib": lambda: memory.cache, "aiocache": aiocache.cached, "cacheout": out.memoize, "theine": lambda: theine.Memoize(1000, None), "functools": functools.lru_cache}
kept = {"aiocache": aiocache.cached(), "theine": theine.Memoize(1000, None)} # one decorator, kept and used twice
right, fix = {"aiocache", "cacheout", "theine", "functools"}, {"dogpile.cache": lambda kind: region.cache_on_arguments(namespace=kind), "diskcache": lambda kind: disk.memoize(name=kind),
    "cashews": lambda kind: cashews.cache(ttl="1m", prefix=kind), "fastapi-cache2": lambda kind: fastapi_cache.decorator.cache(expire=60, namespace=kind)}
async def ask(make): # the customer and then the order of id 7, twice
    said = []
    for kind in ("customer", "order"):
        for _ in range(2): x = make(kind)(7); said.append(await x if inspect.isawaitable(x) else x)
    return said
changed = False; print("Python", sys.version.split()[0])
good, wrong = ["customer 7"] * 2 + ["order 7"] * 2, ["customer 7"] * 4
for name, decorator in caches.items():
    code = crud_async if name in ("fastapi-cache2", "cashews", "aiocache") else crud; both = lambda f: asyncio.run(ask({kind: code(kind, f(kind)) for kind in ("customer", "order")}.get))
    said = both(lambda kind: decorator()); own = both(fix[name]) if name in fix else good; held = both(lambda kind: kept[name]) if name in kept else wrong
    ok = said == (good if name in right else wrong) and own == good and held == wrong; changed |= not ok
    more = f", with a prefix {own[2]}" if name in fix else f", by one {name} decorator for both {held[2]}" if name in kept else ""
    print(f"  {name} {'' if name == 'functools' else version(name)}: order 7 is {said[2]}{more}{'' if ok else f'   CHANGED: {said} {own} {held}'}")
by_text = "dogpile.cache", "Beaker", "Flask-Caching", "fastapi-cache2", "cashews", "aiocache"
async def orders(f): return [await x if inspect.isawaitable(x := f(SecretStr(key))) else x for key in "ab"]
for name in (*by_text, "diskcache", "joblib", "cacheout", "functools"):
    said = asyncio.run(orders((shop_async if name in ("fastapi-cache2", "cashews", "aiocache") else shop)(caches[name]())))
    ok = said == ["orders of a", "orders of a" if name in by_text else "orders of b"]; changed |= not ok
    print(f"  {name}: the shop with the secret key b gets {said[1]}{'' if ok else f'   CHANGED: {said}'}")
class Customers:
    @region.cache_on_arguments()
    def find(self, id): return f"customer {id}"
class Orders:
    @region.cache_on_arguments()
    def find(self, id): return f"order {id}"
said = [Customers().find(8), Orders().find(8)]; print(f"  dogpile.cache, two classes: order 8 is {said[1]}"); changed |= said[1] != "customer 8"; sys.exit(1 if changed else 0)
E2
cat > t.mjs <<'E2'
import { Cacheable, CacheableMemory } from 'cacheable'; import { createRequire } from 'node:module'; import { readFileSync } from 'node:fs';
const require = createRequire(import.meta.url), memoizerific = require('memoizerific')(100), memoizee = require('memoizee'), moize = require('moize').default ?? require('moize');
const version = (n) => JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version; console.log('node', process.version);
const shared = new Cacheable(), memory = new CacheableMemory(), other = new Cacheable();
const crud = (kind, wrap) => { const get = (id) => `${kind} ${id}`; return wrap(get, kind); }, crudAsync = (kind, wrap) => { const get = async (id) => `${kind} ${id}`; return wrap(get, kind); };
const wrong = 'customer 7', good = 'order 7', cases = [
  ['cacheable', 'one code for both', crudAsync('customer', (f) => shared.wrap(f)), crudAsync('order', (f) => shared.wrap(f)), wrong],
  ['cacheable', 'no names, with "key"', other.wrap(async (id) => `customer ${id}`, { key: 'customers' }), other.wrap(async (id) => `order ${id}`, { key: 'orders' }), wrong],
  ['cacheable', 'in memory, no names, with "key"', memory.wrap((id) => `customer ${id}`, { ttl: '1h', key: 'c' }), memory.wrap((id) => `order ${id}`, { ttl: '1h', key: 'o' }), wrong],
  ['cacheable', 'no names, with keyPrefix', shared.wrap(async (id) => `customer ${id}`, { keyPrefix: 'c' }), shared.wrap(async (id) => `order ${id}`, { keyPrefix: 'o' }), good],
  ['cacheable', 'two names', shared.wrap(async function customers(id) { return `customer ${id}`; }), shared.wrap(async function orders(id) { return `order ${id}`; }), good],
  ['memoizerific', 'two names', memoizerific(function customers(id) { return `customer ${id}`; }), memoizerific(function orders(id) { return `order ${id}`; }), wrong],
  ['memoizerific', 'each its own', require('memoizerific')(100)((id) => `customer ${id}`), require('memoizerific')(100)((id) => `order ${id}`), good],
  ['memoizee', 'one code for both', crud('customer', (f) => memoizee(f)), crud('order', (f) => memoizee(f)), good], ['moize', 'one code for both', crud('customer', (f) => moize(f)), crud('order', (f) => moize(f)), good]];
for (const [lib, how, customers, orders, expected] of cases) {
  await customers(7); const said = await orders(7); if (said !== expected) process.exitCode = 1;
  console.log(`  ${lib} ${version(lib)}, ${how}: order 7 is ${said}${said === expected ? '' : `   CHANGED, expected ${expected}`}`);
}
E2
status=0; timeout 60 v/bin/python t.py || status=1; timeout 60 node t.mjs || status=1; exit $status
