#!/usr/bin/env bash
# Expected: three nodes of Node-RED in a row, "http in", "http request", "http response", with their defaults, are a relay: the sender of a webhook gets the
#   receiver's status, and an error (5xx) where there is no answer, so that it tries again.
# Happens: Node-RED 4.1.15 gives the receiver's status where one came: 202, 404, 503. Where none came, "http request" puts the error's name into msg.statusCode
#   (ECONNREFUSED, ECONNRESET, ENOTFOUND, ETIMEDOUT, EPROTO: as its help says), and "http response" turns it into a number, fails, and takes its default, 200
#   (as its help says): the sender gets 200 with the text of the error. With the option "only send non-2xx responses to Catch node" the sender gets no
#   answer at all where nobody listens.
# Means: each event that comes while the receiver is down is "delivered", is in no queue and is never sent again. Put a function node in between:
#   if (typeof msg.statusCode !== 'number') msg.statusCode = 502.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts node-red@4.1.15
mkdir user; port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > t.js <<'E'
const fs = require('fs'), http = require('http'), net = require('net'), { spawn } = require('child_process');
console.log('node', process.version, 'node-red', require('node-red/package.json').version);
const red = +process.argv[2];
const listening = (server) => new Promise((done) => server.listen(0, '127.0.0.1', () => done(server.address().port)));
let answered = 0;
const receiver = http.createServer((req, res) => {
  const status = +req.url.slice(1);
  if (req.url === '/reset') return req.socket.destroy();      // a crash in the middle of the request
  if (req.url === '/silent') return;                          // no answer until the time-out
  answered++; res.statusCode = status; res.end('receiver');
});
(async () => {
  const up = await listening(receiver), gone = net.createServer(), down = await listening(gone); gone.close();
  const at = `http://127.0.0.1:${up}`;
  const cases = [ // name, URL, wanted status, more settings of "http request", fixed by a function node
    ['202', at + '/202', 202], ['404', at + '/404', 404], ['503', at + '/503', 503],
    ['nobody listens', `http://127.0.0.1:${down}/`, 200], ['breaks off', at + '/reset', 200], ['time-out', at + '/silent', 200],
    ['no such name', 'http://receiver.invalid/', 200], ['TLS error', `https://127.0.0.1:${up}/`, 200],
    ['nobody listens, Catch', `http://127.0.0.1:${down}/`, 'no answer', { senderr: true }],
    ['nobody listens, function', `http://127.0.0.1:${down}/`, 502, {}, true], ['202, function', at + '/202', 202, {}, true],
  ];
  const flows = [{ id: 'tab', type: 'tab', label: 'relay' }];
  cases.forEach(([, url, , more, fixed], n) => flows.push(
    { id: 'in' + n, type: 'http in', z: 'tab', url: '/' + n, method: 'post', upload: false, swaggerDoc: '', x: 1, y: n, wires: [['request' + n]] },
    { id: 'request' + n, type: 'http request', z: 'tab', method: 'POST', ret: 'txt', paytoqs: 'ignore', url, tls: '', persist: false, proxy: '',
      insecureHTTPParser: false, authType: '', senderr: false, headers: [], x: 2, y: n, wires: [[(fixed ? 'function' : 'response') + n]], ...more },
    { id: 'function' + n, type: 'function', z: 'tab', func: "if (typeof msg.statusCode !== 'number') msg.statusCode = 502; return msg;", outputs: 1,
      noerr: 0, initialize: '', finalize: '', libs: [], x: 3, y: n, wires: [['response' + n]] },
    { id: 'response' + n, type: 'http response', z: 'tab', statusCode: '', headers: {}, x: 4, y: n, wires: [] }));
  fs.writeFileSync('user/flows.json', JSON.stringify(flows));
  fs.writeFileSync('user/settings.js', `module.exports = { uiPort: ${red}, uiHost: '127.0.0.1', httpAdminRoot: false, flowFile: 'flows.json',
    httpRequestTimeout: 1500, logging: { console: { level: 'error' } }, telemetry: { enabled: false } };`);
  const log = fs.openSync('log', 'w'), child = spawn(process.execPath, ['node_modules/node-red/red.js', '-u', 'user'], { stdio: ['ignore', log, log] });
  process.on('exit', () => child.kill()); process.on('SIGTERM', () => process.exit(1));
  const post = (n) => new Promise((done) => {
    const request = http.request(`http://127.0.0.1:${red}/${n}`, { method: 'POST', headers: { 'content-type': 'application/json' } }, async (res) => {
      let text = ''; for await (const part of res) text += part; done([res.statusCode, text]);
    });
    request.on('error', (error) => done([error.message, ''])); request.setTimeout(20000, () => request.destroy(new Error('no answer')));
    request.end('{"id":"msg_1"}');
  });
  for (let i = 0; i < 600; i++) { const [status] = await post(0); if (status === 202) break; await new Promise((f) => setTimeout(f, 200)); }
  let failed = 0;
  for (const [n, [name, , wanted]] of cases.entries()) {
    const before = answered, [status, text] = await post(n);
    console.log(name.padEnd(25), 'receiver answered:', answered > before ? 'yes' : 'no ', ' the sender gets:', status, text.split('\n')[0].slice(0, 60));
    if (status !== wanted) { failed = 1; console.log('   changed: expected', wanted); }
  }
  process.exit(failed);
})();
E
timeout 170 node t.js $port & server=$!
wait $server
