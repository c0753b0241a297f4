#!/usr/bin/env bash
# Expected: `journalctl -o json`, the form for machines, has each line of the log whole; if anything, the form for eyes shortens.
# Happens: journalctl of systemd 252 writes "MESSAGE": null for each line of 4,088 bytes or more (4,096 with `MESSAGE=`), in json and json-pretty;
#   the line is in the journal, and -o cat gives it whole. Only --all does so in JSON. A colour (ESC) in it makes MESSAGE a list of numbers.
# Means: a pipeline over `journalctl -o json` (a shipper, a nightly count of failures) loses just the long lines: those with a body, a chain of errors, a
#   trace, so those of failures; and a jq filter by contains() fails at the first of them. Always say --all (-a), or read -o cat.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get journalctl jq; do command -v $tool >/dev/null || { echo "needs Debian 12 with systemd and jq"; exit 2; }; done
# systemd-journal-remote writes a journal from a file, without a running journald.
apt-get download -qq systemd-journal-remote libmicrohttpd12 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in ./*.deb; do dpkg -x "$package" root; done
journalctl --version | sed -n 1p; jq --version
python3 - <<'E'
import struct
def line(length): return b'{"error":"' + b"x" * (length - 12) + b'"}'
with open("export", "wb") as file:
    for n, message in enumerate([line(50), line(4087), line(4088), line(60000), b'{"error":"\x1b[31mred"}']):
        file.write(b"__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\nMESSAGE\n%s%s\n\n" % (17 * 10**14 + n, n + 1, b"ab" * 16, struct.pack("<Q", len(message)), message))
E
LD_LIBRARY_PATH="$dir/root/usr/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu/systemd:/lib/systemd" root/lib/systemd/systemd-journal-remote -o out.journal export 2>&1
read_as() { journalctl --quiet --file out.journal -o "$@"; }
failed=0
show() { # show WANTED NAME SEEN
  printf '%-21s length, or kind, of each MESSAGE: %s\n' "$2" "$3"; [ "$1" = "$3" ] || { echo "   changed: expected $1"; failed=1; }
}
kinds() { jq -c '.MESSAGE | if type == "string" then length else type end' | xargs; }
for form in json json-pretty; do
  show "50 4087 null null array" "-o $form" "$(read_as $form | kinds)"; show "50 4087 4088 60000 array" "-o $form --all" "$(read_as $form --all | kinds)"
done
show "50 4087 4088 60000 20" "-o cat" "$(read_as cat | awk '{ print length($0) }' | xargs)"
said=$(read_as json | jq -r 'select(.MESSAGE | contains("xxxx")) | "found"' 2>&1 | xargs -0 echo) || true; echo "jq's contains(): $said"
[[ $said == *"null (null) and string"*"cannot have their containment checked"* ]] || { echo "   changed"; failed=1; }
exit $failed
