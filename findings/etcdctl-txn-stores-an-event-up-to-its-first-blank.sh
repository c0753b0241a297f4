#!/usr/bin/env bash
# Expected: `etcdctl txn` from a script is the way to "store this event only if its id is new": a compare, then `put ID VALUE`. A value goes on to the end of
#   its line, or what is behind the first blank is refused: put takes one key and one value, as del refuses a word too many.
# Happens: etcdctl 3.4.23 (Debian 12) takes the first word for the value, drops the rest of the line and says SUCCESS and OK: {"id":"evt_1","amount":5} is
#   whole, {"id":"evt_2","name":"Anna Lee"} is stored as {"id":"evt_2","name":"Anna. In single quotes, as one would write it in a shell, the value is the one
#   letter { and 'paid' is p. -w json says succeeded:true. So does `etcdctl put ID $body` without quotes: OK, and the first word. Only a value in double quotes
#   with each " and \ of the JSON escaped once more, as in the grammar of its readme, is whole; nothing refuses another.
# Means: test events have no blanks and come back as they were; of the first real customer the body is cut in the middle, and each repeat of the event is
#   refused since its id is there. Write the value with jq -r 'tojson | tojson', or use a client library or the JSON gateway, and read back what was stored.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null && wait $server || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq etcd-server etcd-client >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in etcd-server etcd-client; do version=$(dpkg -f $package*.deb Version); echo "$package $version"; [[ $version == 3.4.23-* ]] || { echo "   changed: expected 3.4.23"; exit 1; }; done
for package in ./*.deb; do dpkg -x "$package" root; done
read -r one two < <(python3 -c 'import socket; s = [socket.socket() for _ in "ab"]; [x.bind(("127.0.0.1", 0)) for x in s]; print(*[x.getsockname()[1] for x in s])')
client=http://127.0.0.1:$one peer=http://127.0.0.1:$two
root/usr/bin/etcd --data-dir data --listen-client-urls "$client" --advertise-client-urls "$client" --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer" >etcd.log 2>&1 & server=$!
export ETCDCTL_API=3; etcdctl() { timeout 20 root/usr/bin/etcdctl --endpoints="$client" "$@"; }
for _ in {1..50}; do etcdctl endpoint health >/dev/null 2>&1 && break; sleep 0.2; done
failed=0; n=0
say() { printf '%-72s %s\n' "$1" "$2"; [[ $2 == "$3" ]] || { failed=1; echo "   changed: expected $3"; }; }
# check VALUE STORED: puts VALUE under a new id, if the id is new
check() {
  local answer; n=$((n + 1)); answer=$(printf 'create("evt_%s") = "0"\n\nput evt_%s %s\n\n\n' $n $n "$1" | etcdctl txn 2>&1 | xargs)
  say "put evt_$n $1" "$answer: $(etcdctl get --print-value-only evt_$n)" "SUCCESS OK: $2"
}
check '{"id":"evt_1","amount":5}' '{"id":"evt_1","amount":5}'
check '{"id":"evt_2","name":"Anna Lee"}' '{"id":"evt_2","name":"Anna'
check '{"id": "evt_3"}' '{"id":'
check "'{\"id\":\"evt_4\"}'" '{'
check "'paid'" p
check '"paid in full"' 'paid in full'
check '"{\"id\":\"evt_7\",\"name\":\"Anna Lee\"}"' '{"id":"evt_7","name":"Anna Lee"}'
check '19.99 EUR' 19.99
answer=$(printf 'create("evt_2") = "0"\n\nput evt_2 "again"\n\n\n' | etcdctl txn | xargs); say "evt_2 once more" "$answer" FAILURE
answer=$(printf 'create("evt_x") = "0"\n\nput evt_x {"name":"Anna Lee"}\n\n\n' | etcdctl txn -w json | grep -o '"succeeded":[a-z]*'); say "-w json" "$answer" '"succeeded":true'
answer=$(printf 'create("evt_y") = "0"\n\ndel evt_1 evt_2 evt_3\n\n\n' | etcdctl txn 2>&1 | grep -o 'Error.*' || true); say "del with a word too many" "$answer" "Error: del command needs one argument as key and an optional argument as range_end"
body='{"id": "evt_z", "amount": 5}'; say 'etcdctl put evt_z $body, without quotes' "$(etcdctl put evt_z $body): $(etcdctl get --print-value-only evt_z)" 'OK: {"id":'
exit $failed
