#!/usr/bin/env bash
# Expected: JSON-GLib, the JSON library of GNOME and of what is written in C, Vala, GJS or PyGObject beside it, gives back what it read; its json-glib-format only changes
#   the blanks, and json-glib-validate says whether the text is good. A number that it cannot keep is refused, or becomes the nearest one, as with other libraries.
# Happens: JSON-GLib 1.6.6 (Debian 12): a whole number from 2^63 on becomes a negative one, and every one from 2^64-1 on is -1, so all ids of 21 digits are one id. A number
#   of 10^17 and more that is one digit and zeros (1e17, 1e21, -2e30) is written as 1e+21.0, which is no JSON: neither Python nor JSON-GLib itself reads it again. 19.99
#   becomes 19.989999999999998, the same number in other letters. Nothing warns, and json-glib-validate finds all of the bodies good, before.
# Means: check ids by their text, not by json_object_get_int_member, and sign or store the bytes that came, not what the library writes. An amount as 1e21 (wei, token
#   units) makes the whole event unreadable for whoever gets it next: have such values sent as strings.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and Python"; exit 2; }; done
apt-get download -qq json-glib-tools libjson-glib-1.0-0 libglib2.0-0 libpcre2-8-0 libffi8 libmount1 libblkid1 libselinux1 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f libjson-glib-1.0-0_* Package Version | xargs; [[ $(dpkg -f libjson-glib-1.0-0_* Version) == 1.6.6-* ]] || { echo "   changed: expected 1.6.6"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/bin; failed=0
run() { LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu LC_ALL=C timeout 20 "$bin/$1" "$2"; }
check() { printf '  %-62s %s\n' "$1" "$2"; [[ $2 == "$3" ]] || { echo "   changed: expected $3"; failed=1; }; }
reads() { if "$@" >/dev/null 2>&1; then echo yes; else echo no; fi; }
while IFS='|' read -r json wanted again; do
  printf '%s' "$json" > in.json; run json-glib-format in.json > out.json; got=$(tr -d '\n ' < out.json)
  check "$json" "$got" "$wanted"
  check "    valid for JSON-GLib, and for Python" "$(reads run json-glib-validate in.json), $(reads python3 -m json.tool in.json)" "yes, yes"
  check "    what it wrote, for JSON-GLib and for Python" "$(reads run json-glib-validate out.json), $(reads python3 -m json.tool out.json)" "$again, $again"
done <<'L'
{"id":1234567890123456789}|{"id":1234567890123456789}|yes
{"id":9223372036854775807}|{"id":9223372036854775807}|yes
{"id":9223372036854775808}|{"id":-9223372036854775808}|yes
{"id":12345678901234567890}|{"id":-6101065172474983726}|yes
{"id":18446744073709551615}|{"id":-1}|yes
{"id":100000000000000000001}|{"id":-1}|yes
{"id":100000000000000000002}|{"id":-1}|yes
{"amount":100.0}|{"amount":100.0}|yes
{"amount":19.99}|{"amount":19.989999999999998}|yes
{"amount":1e16}|{"amount":10000000000000000.0}|yes
{"amount":1e17}|{"amount":1e+17.0}|no
{"amount":1e21}|{"amount":1e+21.0}|no
{"amount":-2e30}|{"amount":-2e+30.0}|no
{"amount":1.2e20}|{"amount":1.2e+20}|yes
L
# A list of three events, one of which has such an amount: the other two are lost with it.
printf '[{"id":1,"paid":true},{"id":2,"wei":1e21},{"id":3,"paid":false}]' > in.json; run json-glib-format in.json > out.json
check "three events, after JSON-GLib" "$(tr -d '\n ' < out.json)" '[{"id":1,"paid":true},{"id":2,"wei":1e+21.0},{"id":3,"paid":false}]'
check "    read as events by Python" "$(python3 -c 'import json; print(len(json.load(open("out.json"))))' 2>&1 | tail -1 | cut -d: -f1)" "json.decoder.JSONDecodeError"
check "    before, by Python" "$(python3 -c 'import json; print(len(json.load(open("in.json"))))')" "3"
exit $failed
