#!/usr/bin/env bash
# Expected: the protobuf library of Google for PHP (google/protobuf) reads the JSON of a Timestamp, a Duration, a uint64 and bytes as those of other languages write it, and
#   above all what it wrote itself: all of them follow one mapping to JSON, and mergeFromJsonString raises GPBDecodeException for what it cannot read.
# Happens: 3.21.12 without the C extension (Debian 12's php-google-protobuf): "...05.250Z" is 250 nanoseconds, "...05.250000Z" 250000, only nine
#   digits are right. It writes three or six itself, so each pass through JSON makes a thousandth or a millionth of the fraction. "-0.5s" is plus half a second ("-1.5s" is
#   right). A uint64 over 2^63 is 9223372036854775807 each time. Bytes in the alphabet for URLs (-_), which a reader must accept, are cut, or empty. No error anywhere.
# Means: events of one second lose their order (.9 as .900Z is before .123456Z), ages and timeouts change sign, and ids from 2^63 on are all one. Pass the binary form between
#   services, install the C extension, or read times with DateTime and Timestamp::fromDateTime, which keep the microseconds.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq php-google-protobuf php8.2-cli php8.2-common php8.2-bcmath libargon2-1 libpcre2-8-0 libsodium23 libxml2 libicu72 liblzma5 zlib1g >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in php-google-protobuf_* php8.2-cli_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f php-google-protobuf_* Version) == 3.21.12-* ]] || { echo "   changed: expected 3.21.12"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu
cat > t.php <<'E'
<?php
use Google\Protobuf\{Timestamp, Duration, UInt64Value, BytesValue};
error_reporting(E_ALL);
spl_autoload_register(function ($class) { $file = __DIR__ . "/root/usr/share/php/" . str_replace("\\", "/", $class) . ".php"; if (is_file($file)) require $file; });
$failed = 0;
function check($text, $got, $wanted) { global $failed; printf("  %-50s %s\n", $text, $got); if ($got !== $wanted) { echo "   changed: expected $wanted\n"; $failed = 1; } }
function read($class, $json) { $message = new $class; $message->mergeFromJsonString($json); return $message; }
foreach (["2026-01-02T03:04:05Z" => 0, "2026-01-02T03:04:05.250000000Z" => 250000000, "2026-01-02T03:04:05.250Z" => 250, "2026-01-02T03:04:05.050+02:00" => 50, "2026-01-02T03:04:05.250000Z" => 250000,
          "2026-01-02T03:04:05.999Z" => 999] as $text => $wanted)
  check("nanoseconds of $text", (string) read(Timestamp::class, "\"$text\"")->getNanos(), (string) $wanted);
$time = (new Timestamp)->setSeconds(1767323045)->setNanos(500000000); $json = $time->serializeToJsonString();
check("half a second, as JSON", $json, '"2026-01-02T03:04:05.500Z"');
check("   read, as JSON again", $json = read(Timestamp::class, $json)->serializeToJsonString(), '"2026-01-02T03:04:05.000000500Z"');
check("   as binary and back", (function ($data) { $copy = new Timestamp; $copy->mergeFromString($data); return $copy->serializeToJsonString(); })($time->serializeToString()), '"2026-01-02T03:04:05.500Z"');
$time = new Timestamp; $time->fromDateTime(new DateTime("2026-01-02T03:04:05.123456Z"));
check("from a DateTime with .123456, as JSON", $json = $time->serializeToJsonString(), '"2026-01-02T03:04:05.123456Z"');
check("   read, and as a DateTime", read(Timestamp::class, $json)->toDateTime()->format("H:i:s.u"), "03:04:05.000123");
$order = ["2026-01-02T03:04:05.123456Z", "2026-01-02T03:04:05.900Z"]; usort($order, fn ($a, $b) => read(Timestamp::class, "\"$a\"")->getNanos() <=> read(Timestamp::class, "\"$b\"")->getNanos());
check("sorted", implode(" ", $order), "2026-01-02T03:04:05.900Z 2026-01-02T03:04:05.123456Z");
foreach (["0.5s" => '0 500000000 "0.500s"', "1.5s" => '1 500000000 "1.500s"', "-1.5s" => '-1 -500000000 "-1.500s"', "-0.5s" => '0 500000000 "0.500s"', "-0.25s" => '0 250000000 "0.250s"'] as $text => $wanted) {
  $duration = read(Duration::class, "\"$text\""); check("seconds, nanoseconds, JSON of $text", "{$duration->getSeconds()} {$duration->getNanos()} {$duration->serializeToJsonString()}", $wanted);
}
foreach (["9007199254740993" => 0, "9223372036854775807" => 0, "9223372036854775808" => 1, "12345678901234567890" => 1, "18446744073709551615" => 1] as $text => $wrong) {
  $text = (string) $text; check("uint64 of \"$text\"", read(UInt64Value::class, "\"$text\"")->serializeToJsonString(), $wrong ? '"9223372036854775807"' : "\"$text\"");
}
check("uint64 of ones, set and written", (new UInt64Value)->setValue(-1)->serializeToJsonString(), '"18446744073709551615"');
foreach (["+/8=" => "fbff", "a+b/" => "6be6ff", "_-8=" => "", "a-b_" => "69"] as $text => $wanted) check("bytes of \"$text\"", bin2hex(read(BytesValue::class, "\"$text\"")->getValue()), $wanted);
try { read(Timestamp::class, '"2026-01-02"'); check("a date alone", "taken", "raises"); } catch (Google\Protobuf\Internal\GPBDecodeException $e) { check("a date alone", "raises", "raises"); }
exit($failed);
E
extensions=$(dirname "$(find root/usr/lib/php -name bcmath.so)")
timeout 60 root/usr/bin/php8.2 -n -d "extension_dir=$dir/$extensions" -d extension=bcmath.so -d extension=ctype.so t.php
