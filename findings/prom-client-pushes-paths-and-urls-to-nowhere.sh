#!/usr/bin/env bash
# Expected: the groupings of a push to Prometheus' Pushgateway are labels with any value: a path, a URL, a topic. A push that the gateway did not take rejects
#   its promise. The Pushgateway takes values with a slash as base64 (its README), which is the client's business, as in Python's prometheus_client.
# Happens: prom-client 15.1.3 writes each value into the URL with %2F, which Pushgateway 1.5.1 (Debian 12) reads as a slash. A value that begins with a slash or has
#   two together ("/hooks/app", "https://app.example/hooks") is answered by a redirect (301) to another path; prom-client takes all below 400 for success:
#   the promise is fulfilled and nothing is stored. A value of three parts makes labels of its parts: the topic "shop/orders/new" is topic="shop",
#   orders="new", and a job "eu/queue/mail" is job="eu", queue="mail". Only two or four parts ("acme/shop") are an error. delete() answers the same way:
#   what another client pushed under such a value stays. Values without a slash, and the same pushes by prometheus_client 0.26.0, are right.
# Means: the heartbeat of a nightly export by path or URL was never there, so an alert on its age has no series to fire on, and the job's log says "pushed". Write
#   such values without slashes, or the grouping by hand: { "path@base64": Buffer.from(path).toString("base64url") }; look at resp.statusCode.
set -euo pipefail
dir=$(mktemp -d); gateway=; trap '[ -z "$gateway" ] || { kill $gateway && wait $gateway; } 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq prometheus-pushgateway >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f prometheus-pushgateway_*.deb Package Version | xargs
[[ $(dpkg -f prometheus-pushgateway_*.deb Version) == 1.5.1-* ]] || { echo "   changed: expected Pushgateway 1.5.1"; exit 1; }
dpkg -x prometheus-pushgateway_*.deb root
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts prom-client@15.1.3
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check prometheus_client==0.26.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
root/usr/bin/prometheus-pushgateway --web.listen-address=127.0.0.1:"$port" --web.enable-admin-api >gateway.log 2>&1 & gateway=$!
cat > push.py <<'E'
import json, sys
from prometheus_client import CollectorRegistry, Gauge, push_to_gateway
url, job, groupings = sys.argv[1:]; registry = CollectorRegistry(); Gauge("last_success", "x", registry=registry).set(1)
push_to_gateway(url, job=job, grouping_key=json.loads(groupings), registry=registry)
E
cat > t.js <<'E'
const { Registry, Gauge, Pushgateway } = require('prom-client'), { execFileSync } = require('child_process');
const url = 'http://127.0.0.1:' + process.argv[2]; let failed = false;
const registry = new Registry(); new Gauge({ name: 'last_success', help: 'x', registers: [registry] }).set(1);
const gateway = new Pushgateway(url, {}, registry);
const stored = async () => (await (await fetch(url + '/api/v1/metrics')).json()).data.map((group) => group.labels);
const empty = async () => { await fetch(url + '/api/v1/admin/wipe', { method: 'PUT' }); };
const show = (name, got, wanted) => {
  console.log(' ', name.padEnd(78), got);
  if (got !== wanted) { failed = true; console.log('   changed: expected', wanted); }
};
const node = (job, groupings) => gateway.pushAdd({ jobName: job, groupings }).then(({ resp }) => `fulfilled (${resp.statusCode})`, () => 'rejected');
const python = (job, groupings) => execFileSync('v/bin/python', ['push.py', url, job, JSON.stringify(groupings)]);
(async () => {
  for (let i = 0; i < 100; i++) { try { await fetch(url + '/-/ready'); break; } catch { await new Promise((done) => setTimeout(done, 100)); } }
  await empty();
  for (const [job, groupings, answer, labels] of [
    ['export', { path: 'hooks' }, 'fulfilled (200)', [{ job: 'export', path: 'hooks' }]],
    ['export', { host: '10.0.0.1:80', text: 'a+b 100% é' }, 'fulfilled (200)', [{ host: '10.0.0.1:80', job: 'export', text: 'a+b 100% é' }]],
    ['export', { path: '/hooks/app' }, 'fulfilled (301)', []],
    ['export', { path: '/' }, 'fulfilled (301)', []],
    ['export', { url: 'https://app.example/hooks' }, 'fulfilled (301)', []],
    ['export', { topic: 'shop/orders/new' }, 'fulfilled (200)', [{ job: 'export', orders: 'new', topic: 'shop' }]],
    ['eu/queue/mail', {}, 'fulfilled (200)', [{ job: 'eu', queue: 'mail' }]],
    ['export', { repository: 'acme/shop' }, 'rejected', []],
  ]) {
    const name = JSON.stringify({ job, ...groupings });
    show('prom-client:       ' + name, (await node(job, groupings)) + ' ' + JSON.stringify(await stored()), answer + ' ' + JSON.stringify(labels));
    await empty(); python(job, groupings);
    const right = { ...groupings, job }, got = (await stored()).map((found) => Object.keys(right).every((key) => found[key] === right[key]) && Object.keys(found).length === Object.keys(right).length);
    show('prometheus_client: ' + name, JSON.stringify(got), '[true]');
    if (groupings.path === '/hooks/app') {
      const answer = await gateway.delete({ jobName: job, groupings }).then(({ resp }) => `fulfilled (${resp.statusCode})`, () => 'rejected');
      show('prom-client: delete() of the group that prometheus_client pushed', `${answer}, groups left: ${(await stored()).length}`, 'fulfilled (301), groups left: 1');
    }
    await empty();
  }
  show('prom-client, {"path@base64": ...}', (await node('export', { 'path@base64': Buffer.from('/hooks/app').toString('base64url') })) + ' ' + JSON.stringify(await stored()), 'fulfilled (200) [{"job":"export","path":"/hooks/app"}]');
  process.exit(failed ? 1 : 0);
})();
E
timeout 60 node t.js "$port"
