#!/usr/bin/env bash
# Expected: yq -Y -i '.image = "new"' values.yaml changes that one line: -Y is the option that keeps tags, styles and comments. Who reads the file next with
#   PyYAML, as Ansible does, finds the other settings as before. So with tomlq -t, the "roundtrip" of its readme.
# Happens: yq 4.4.5 (PyPI) reads by the rules of YAML 1.2 and writes for readers of 1.1: `enabled: no` comes back as 'no' in quotes, a text, and so a yes
#   wherever one asks if it is set. `mode: 0644` is 644, which is another mode; a day, 22:30 and 1_000_000 are texts; a commit
#   1234e56 is the number 1.234e+59. With --yml-out-ver=1.2 the mode and the commit are wrong still. tomlq -t puts each time into quotes, makes 1000 of 1e3, and
#   9223372036854776000, which is no 64-bit number any more, of the largest one; tomlq -T keeps the times. No error, and the diff is easily taken for a matter
#   of quotes.
# Means: a release script that sets the image turns on what was off beside it, a debug mode or a forwarding, and opens a file of secrets. Write true and false
#   in such files, quote commits and days, or edit with sed, and compare what PyYAML sees before and after.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq jq libjq1 libonig5 >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f jq_*.deb Version); echo "jq $version"; [[ $version == 1.6-* ]] || { echo "   changed: expected 1.6"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check yq==4.4.5 PyYAML==6.0.3
export PATH=$dir/root/usr/bin:$dir/v/bin:$PATH LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
cat > values.yaml <<'E'
# values of the receiver
enabled: no
forward: off
mode: 0644
quiet_from: 22:30
since: 2026-11-30
commit: 1234e56
limit: 1_000_000
name: "0042"
image: old
E
cat > config.toml <<'E'
since = 2026-11-30T10:00:00+02:00
day = 2026-11-30
factor = 1e3
largest = 9223372036854775807
image = "old"
E
for options in -y -Y "-Y --yml-out-ver=1.2"; do cp values.yaml "values$options.yaml"; yq $options -i '.image = "new"' "values$options.yaml"; done
for options in -t -T; do cp config.toml "config$options.toml"; tomlq $options -i '.image = "new"' "config$options.toml"; done
cat > t.py <<'E'
import datetime, sys, yaml
from importlib.metadata import version
print("yq", version("yq"), "PyYAML", version("PyYAML")); failed = False
def check(what, got, wanted):
    global failed
    print(f"{what}:\n    {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def read(name): return list(yaml.safe_load(open(name)).values())
before = [False, False, 420, 22 * 60 + 30, datetime.date(2026, 11, 30), "1234e56", 1000000, "0042", "old"]
quoted = ["no", "off", 644, "22:30", "2026-11-30", 1.234e59, "1_000_000", "0042", "new"]
check("values.yaml for PyYAML", read("values.yaml"), before)
check("after yq -y", read("values-y.yaml"), quoted)
check("after yq -Y", read("values-Y.yaml"), quoted)
check("after yq -Y --yml-out-ver=1.2", read("values-Y --yml-out-ver=1.2.yaml"), [*before[:2], 644, *before[3:5], 1.234e59, *before[6:8], "new"])
check("is it enabled? before, after", [bool(read(name)[0]) for name in ("values.yaml", "values-Y.yaml")], [False, True])
check("the file after yq -Y", open("values-Y.yaml").read().splitlines(), ["# values of the receiver", "enabled: 'no'", "forward: 'off'", "mode: 644", "quiet_from: '22:30'", "since: '2026-11-30'", "commit: 1.234e+59",
      "limit: '1_000_000'", 'name: "0042"', "image: new"])
check("after tomlq -t", open("config-t.toml").read().splitlines(), ['since = "2026-11-30T10:00:00+02:00"', 'day = "2026-11-30"', "factor = 1000", "largest = 9223372036854776000", 'image = "new"'])
check("after tomlq -T", open("config-T.toml").read().splitlines(), ["since = 2026-11-30T10:00:00+02:00", "day = 2026-11-30", "factor = 1e3", "largest = 9223372036854776000", 'image = "new"'])
sys.exit(failed)
E
timeout 30 v/bin/python t.py
