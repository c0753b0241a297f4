#!/usr/bin/env bash
# Expected: set(key, token, expires_at - now) keeps a token for the rest of its life, and add() with half a second a lock for half a second. What is less than a
#   second is rounded up, forgotten at once, or refused: pymemcache 4.0.0, pylibmc 1.6.3 and memcached 2.2.2 of npm refuse a time that is not whole.
# Happens: python-memcached 1.62, memjs 1.3.2 (npm), dalli 3.0.6 (Ruby), memcached 3.2.0 of PHP in both protocols, and Perl's
#   Cache::Memcached 1.30 and Cache::Memcached::Fast 0.28 cut the part behind the point, and 0 is memcached's "never": the token with 0.4 seconds left, and in
#   most of them the one that ended 0.4 seconds ago, stays until memcached is restarted. No error, no warning. 1.9 seconds are one.
# Means: who writes at any moment of a token's hour hits these two seconds once in two thousand times, and then all senders have an ended token and get 401 for
#   good; a lock is never free again, an event that may come again is a repeat for ever. Store nothing that has ended, and give whole seconds, rounded up.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null && wait $server || true; rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq memcached libevent-2.1-7 libsasl2-2 ruby3.1 libruby3.1 libyaml-0-2 libgmp10 ruby-dalli php8.2-cli php8.2-common php8.2-memcached php8.2-msgpack php8.2-igbinary libmemcached11 libmemcachedutil2 \
  libhashkit2 libsodium23 libargon2-1 libxml2 libicu72 libedit2 libbsd0 libpcre2-8-0 libcache-memcached-perl libcache-memcached-fast-perl libstring-crc32-perl >apt.log 2>&1 || { cat apt.log; exit 2; }
for wanted in memcached=1.6.18 ruby-dalli=3.0.6 php8.2-memcached=3.2.0 libcache-memcached-perl=1.30 libcache-memcached-fast-perl=0.28; do
  version=$(dpkg -f "${wanted%=*}"_*.deb Version); echo "${wanted%=*} $version"; [[ $version == "${wanted#*=}"* ]] || { echo "   changed: expected $wanted"; exit 1; }
done
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr; libraries=$usr/lib/x86_64-linux-gnu
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check python-memcached==1.62 pymemcache==4.0.0 pylibmc==1.6.3
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts memjs@1.3.2 memcached@2.2.2
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'); export AT=127.0.0.1:$port
LD_LIBRARY_PATH=$libraries $usr/bin/memcached -u root -l 127.0.0.1 -p "$port" -U 0 & server=$!
for _ in {1..50}; do (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
# Each writes NAME.left (0.4 s to go), NAME.ended (over since 0.4 s) and NAME.more (1.9 s) and says what it was told.
cat > t.py <<'E'
import os, memcache, pylibmc
from pymemcache.client.base import Client
host, port = os.environ["AT"].split(":")
for name, call in [("python-memcached", lambda k, t: memcache.Client([os.environ["AT"]]).set(k, "token", time=t)), ("pylibmc", lambda k, t: pylibmc.Client([os.environ["AT"]]).set(k, "token", time=t)),
                   ("pymemcache", lambda k, t: Client((host, int(port)), default_noreply=False).set(k, "token", expire=t))]:
    for key, seconds in [("left", 0.4), ("ended", -0.4), ("more", 1.9)]:
        try: call(f"{name}.{key}", seconds)
        except Exception as error: print(f"{name} refuses {seconds}: {type(error).__name__}: {error}")
E
cat > t.mjs <<'E'
import memjs from 'memjs'; import Memcached from 'memcached'; import { promisify } from 'node:util';
const client = memjs.Client.create(process.env.AT), other = new Memcached(process.env.AT), set = promisify(other.set.bind(other));
for (const [key, seconds] of [['left', 0.4], ['ended', -0.4], ['more', 1.9]]) {
  try { await client.set(`memjs.${key}`, 'token', { expires: seconds }); } catch (error) { console.log(`memjs refuses ${seconds}: ${error.message}`); }
  try { await set(`npm-memcached.${key}`, 'token', seconds); } catch (error) { console.log(`npm-memcached refuses ${seconds}: ${error.message ?? error}`); }
}
client.close(); other.end();
E
cat > t.rb <<'E'
require "dalli"; client = Dalli::Client.new(ENV["AT"])
{ "left" => 0.4, "ended" => -0.4, "more" => 1.9 }.each { |key, seconds| begin client.set("dalli.#{key}", "token", seconds) rescue puts "dalli refuses #{seconds}: #{$!.message}" end }
E
cat > t.php <<'E'
<?php [$host, $port] = explode(':', getenv('AT'));
foreach (['php-text' => false, 'php-binary' => true] as $name => $binary) {
  $client = new Memcached(); $client->setOption(Memcached::OPT_BINARY_PROTOCOL, $binary); $client->addServer($host, (int) $port);
  foreach (['left' => 0.4, 'ended' => -0.4, 'more' => 1.9] as $key => $seconds) if (!@$client->set("$name.$key", 'token', $seconds)) echo "$name refuses $seconds: ", $client->getResultMessage(), "\n";
}
E
cat > t.pl <<'E'
use Cache::Memcached; use Cache::Memcached::Fast; my %seconds = (left => 0.4, ended => -0.4, more => 1.9);
for my $class ('Cache::Memcached', 'Cache::Memcached::Fast') { my $client = $class->new({ servers => [$ENV{AT}] }); $client->set("$class.$_", 'token', $seconds{$_}) or print "$class refuses $seconds{$_}\n" for sort keys %seconds; }
E
cat > left.py <<'E'
import os, sys, time
from pymemcache.client.base import Client
host, port = os.environ["AT"].split(":"); client = Client((host, int(port))); failed = False
time.sleep(3.5)
def check(name, wanted):
    global failed
    got = [key for key in ("left", "ended", "more") if client.get(f"{name}.{key}")]
    print(f"{name:24} still there after 3.5 s: {', '.join(got) or 'none'}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
for name, wanted in [("python-memcached", ["left", "ended"]), ("memjs", ["left"]), ("dalli", ["left", "ended"]), ("php-text", ["left", "ended"]), ("php-binary", ["left", "ended"]),
    ("Cache::Memcached", ["left", "ended"]), ("Cache::Memcached::Fast", ["left", "ended"]), ("pylibmc", []), ("pymemcache", []), ("npm-memcached", [])]: check(name, wanted)
sys.exit(failed)
E
v/bin/python t.py; timeout 20 node t.mjs; export LD_LIBRARY_PATH=$libraries
RUBYLIB=$libraries/ruby/3.1.0:$usr/lib/ruby/3.1.0:$usr/lib/ruby/vendor_ruby:$(echo "$usr"/share/rubygems-integration/all/gems/dalli-*/lib) timeout 20 "$usr/bin/ruby3.1" --disable-gems t.rb
modules=$usr/lib/php/20220829; timeout 20 "$usr/bin/php8.2" -n -d extension="$modules/msgpack.so" -d extension="$modules/igbinary.so" -d extension="$modules/memcached.so" t.php
PERL5LIB=$usr/share/perl5:$libraries/perl5/5.36 timeout 20 perl t.pl; unset LD_LIBRARY_PATH
v/bin/python left.py
