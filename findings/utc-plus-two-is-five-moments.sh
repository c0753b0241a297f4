#!/usr/bin/env bash
# Expected: "2026-11-29 22:00:00 UTC+2", as Node.js and browsers write times for French and Finnish readers, and as people and forms write them, is 20:00 UTC, as JavaScript's Date and GNU
#   date read it; a library that can't read it says so.
# Happens: PHP 8.2 (strtotime, DateTime, Carbon 2.65) takes UTC and leaves +2 out: 22:00 UTC; of GMT+2 it takes both. Ruby 3.1's Time.parse leaves out letters and offset, of UTC+2 and of
#   GMT+2, and takes the zone of the machine: 03:00 UTC of the next day in New York; its DateTime.parse is right. python-dateutil 4.0.0, and pendulum 3.3.0 by
#   it, take +2 for -2: midnight UTC, also for the GMT+0200 of JavaScript's own toString(). locutus 3.0.36 (PHP's strtotime for JavaScript) takes +2 for two minutes, 21:58 UTC, and so the +02 of PostgreSQL. No error (PHP has a warning in
#   DateTime::getLastErrors()). +0200 without letters is right everywhere.
# Means: one event is at five times in five services, up to seven hours apart, and a test with UTC+0, or on a machine in UTC, sees little of it. Take the letters away where an offset is
#   behind them (UTC+2 to +02:00) before any of these reads it, or refuse what is not RFC 3339. (Debian 12, Python 3.11, Node.js 20; reported upstream for dateutil and Ruby)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get node python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get), Node.js 20 and python3"; exit 2; }; done
apt-get download -qq php8.2-cli php8.2-common php-nesbot-carbon php-symfony-translation php-symfony-translation-contracts php-symfony-deprecation-contracts libargon2-1 libpcre2-8-0 libsodium23 libxml2 libicu72 liblzma5 zlib1g ruby3.1 libruby3.1 \
  libyaml-0-2 libgmp10 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in php8.2-cli_* php-nesbot-carbon_* ruby3.1_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f php8.2-cli_* Version) == 8.2.* && $(dpkg -f php-nesbot-carbon_* Version) == 2.65.* && $(dpkg -f ruby3.1_* Version) == 3.1.* ]] || { echo "   changed: expected PHP 8.2, Carbon 2.65, Ruby 3.1"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr; libraries=$usr/lib/x86_64-linux-gnu
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts locutus@3.0.36; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check python-dateutil==4.0.0 pendulum==3.3.0
cat > texts <<'E'
2026-11-29 22:00:00 +0200
2026-11-29 22:00:00 UTC+2
2026-11-29 22:00:00 UTC+02:00
2026-11-29 22:00:00 UTC-05:00
2026-11-29 22:00:00 GMT+2
Sun Nov 29 2026 22:00:00 GMT+0200
E
cat > t.php <<'E'
<?php require "Carbon/autoload.php"; date_default_timezone_set("UTC"); [, $how] = $argv;
$read = ["strtotime" => fn ($text) => strtotime($text), "DateTime" => fn ($text) => (new DateTime($text))->getTimestamp(), "Carbon" => fn ($text) => Carbon\Carbon::parse($text)->getTimestamp()][$how];
foreach (file("texts", FILE_IGNORE_NEW_LINES) as $text) { $time = $read($text); echo $time === false ? "refused" : gmdate("d H:i", $time), "\n"; }
E
cat > t.rb <<'E'
require "time"; require "date"
File.foreach("texts", chomp: true) { |text| puts((ARGV[0] == "Time" ? Time.parse(text) : DateTime.parse(text).to_time).utc.strftime("%d %H:%M")) }
E
cat > p.py <<'E'
import warnings; from datetime import timezone; import dateutil.parser, pendulum
warnings.simplefilter("ignore")
reads = {"dateutil": dateutil.parser.parse, "pendulum": lambda text: pendulum.parse(text, strict=False)}
for how, read in reads.items(): print(how, ",".join(read(text.rstrip()).astimezone(timezone.utc).strftime("%d %H:%M") for text in open("texts")), sep="=")
E
cat > l.cjs <<'E'
const { strtotime } = require('locutus/php/datetime/strtotime'); const { readFileSync } = require('fs');
for (const text of [...readFileSync('texts', 'utf8').trim().split('\n'), ...process.argv.slice(2)]) console.log(new Date(strtotime(text) * 1000).toISOString().slice(8, 16).replace('T', ' '));
E
cat > t.mjs <<'E'
import { readFileSync } from 'node:fs';
for (const text of readFileSync('texts', 'utf8').trim().split('\n')) console.log(new Date(text).toISOString().slice(8, 16).replace('T', ' '));
E
failed=0
check() { local seen; seen=$("${@:3}" | paste -sd,) || true; printf '%-38s %s\n' "$1" "$seen"; [[ $seen == "$2" ]] || { echo "   changed: expected $2"; failed=1; }; }
php() { LD_LIBRARY_PATH=$libraries timeout 20 "$usr/bin/php8.2" -n -d error_reporting='E_ALL & ~E_DEPRECATED' -d include_path="$usr/share/php" t.php "$1"; }
ruby() { LD_LIBRARY_PATH=$libraries RUBYLIB=$libraries/ruby/3.1.0:$usr/lib/ruby/3.1.0 TZ=$2 timeout 20 "$usr/bin/ruby3.1" --disable-gems t.rb "$1"; }
gnu() { while read -r text; do date -u -d "$text" '+%d %H:%M'; done < texts; }
say() { node -e 'const at = new Date("2026-11-29T20:00:00Z"); for (const l of ["fr", "fi", "en"]) console.log(new Intl.DateTimeFormat(l, { timeZone: "Africa/Johannesburg", timeZoneName: "short" }).formatToParts(at).at(-1).value)'; }
echo "node $(node --version)"; check "Node.js writes, in French, Finnish, English" "UTC+2,UTC+2,GMT+2" say
echo "texts: $(paste -sd, texts)"
right="29 20:00,29 20:00,29 20:00,30 03:00,29 20:00,29 20:00"
check "JavaScript" "$right" node t.mjs
check "GNU date" "${right%,*},29 20:00" gnu
for how in strtotime DateTime Carbon; do check "PHP, $how" "29 20:00,29 22:00,29 22:00,29 22:00,29 20:00,29 20:00" php $how; done
check "locutus, and of +02 alone" "29 20:00,29 21:58,29 20:00,30 03:00,29 21:58,29 20:00,29 21:58" node l.cjs "2026-11-29 22:00:00+02"
check "Ruby, DateTime" "$right" ruby DateTime UTC
check "Ruby, Time, on a machine in UTC" "29 20:00,29 22:00,29 22:00,29 22:00,29 22:00,29 22:00" ruby Time UTC
check "Ruby, Time, in New York" "29 20:00,30 03:00,30 03:00,30 03:00,30 03:00,30 03:00" ruby Time America/New_York
timeout 60 v/bin/python p.py > python.out; from_python() { sed -n "s/^$1=//p" python.out; }
for how in dateutil pendulum; do check "Python, $how" "29 20:00,30 00:00,30 00:00,29 17:00,30 00:00,30 00:00" from_python $how; done
exit $failed
