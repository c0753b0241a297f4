#!/usr/bin/env bash
# Expected: collectd's plugin curl_json reads numbers out of JSON; a counter (type derive or counter) that a page shows is the number that stands there, however
#   JSON writes it.
# Happens: collectd 5.12.0 (Debian 12) keeps of a number for these types only the digits before the first other letter. Java writes a double from ten million on
#   as 1.00001E7 (Double.toString, so Jackson, and the COUNT of Spring Boot's /actuator/metrics): up to 9999900.0 the counter is right, from then on it is 1,
#   for ever, or 2 from twenty million on. 1e+06 is 1, too. A derive over 2^63 - 1 stays at 9223372036854775807, a counter of -5 is 18446744073709551611. Only
#   the log has a line, "Ignoring trailing garbage", and it has the same one for each 9999900.0, which is right. As a gauge the same texts are right.
# Means: the rate of events falls by ten million once and is 0 from then on, weeks after all was tried; an alert on "too few" fires, one on "too many errors"
#   never does again. Read Java's counters as a gauge and take the rate later, or write whole numbers (a long) into the page.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); pids=; trap 'kill $pids 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get, python3)"; exit 2; }; done
apt-get download -qq collectd-core libyajl2 libcap2 libbrotli1 libcom-err2 libcurl3-gnutls libffi8 libgmp10 libgnutls30 libgssapi-krb5-2 libhogweed6 libidn2-0 libk5crypto3 libkeyutils1 libkrb5-3 \
  libkrb5support0 libldap-2.5-0 libnettle8 libnghttp2-14 libp11-kit0 libpsl5 librtmp1 libsasl2-2 libssh2-1 libtasn1-6 libunistring2 libzstd1 zlib1g >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f collectd-core_*.deb Package Version | xargs; [[ $(dpkg -f collectd-core_*.deb Version) == 5.12.0-* ]] || { echo "   changed: expected 5.12.0"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
cat > page.py <<'E'
import http.server, json
# Each time that it is read, the page is one later: the counters grow by 100.
pages = [{"java": text, "java_text": f'"{text}"', "whole": str(whole), "gauge": text, "large": str(2**63 + 100 * n), "minus": "-5", "exponent": "1e+06"}
         for n, (whole, text) in enumerate([(9999800, "9999800.0"), (9999900, "9999900.0"), (10000000, "1.0E7"), (10000100, "1.00001E7"), (10000200, "1.00002E7"), (20000300, "2.00003E7")])]
assert all(float(page["java"]) == int(page["whole"]) for page in pages)
class Page(http.server.BaseHTTPRequestHandler):
    count = 0
    def do_GET(self):
        page = pages[min(Page.count, len(pages) - 1)]; Page.count += 1
        body = ("{" + ", ".join(f'"{key}": {text}' for key, text in page.items()) + "}").encode(); json.loads(body)
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Page); open("port.new", "w").write(str(server.server_port)); __import__("os").rename("port.new", "port"); server.serve_forever()
E
python3 page.py & pids=$!
for _ in $(seq 100); do [ -f port ] && break; sleep 0.1; done
cat > collectd.conf <<E
BaseDir "$dir"
PIDFile "$dir/pid"
PluginDir "$dir/root/usr/lib/collectd"
TypesDB "$dir/root/usr/share/collectd/types.db"
Hostname "host"
FQDNLookup false
Interval 1
LoadPlugin logfile
LoadPlugin csv
LoadPlugin curl_json
<Plugin logfile>
  File "$dir/log"
</Plugin>
<Plugin csv>
  DataDir "$dir/csv"
</Plugin>
<Plugin curl_json>
  <URL "http://127.0.0.1:$(cat port)/">
    Instance "page"
$(for key in java:derive java_text:derive whole:derive large:derive gauge:gauge minus:counter exponent:counter; do printf '    <Key "%s">\n      Type "%s"\n    </Key>\n' "${key%:*}" "${key#*:}"; done)
  </URL>
</Plugin>
E
LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu root/usr/sbin/collectd -f -C collectd.conf >out 2>&1 & pids="$pids $!"
failed=0
rows() { tail -qn +2 csv/host/curl_json-page/*-"$1"-20* 2>/dev/null | cut -d, -f2 | head -6 | xargs; }
for _ in $(seq 200); do [ "$(rows exponent | wc -w)" = 6 ] && [ "$(rows whole | wc -w)" = 6 ] && break; sleep 0.2; done; sleep 1
check() { printf '  %-44s %s\n' "$1" "$2"; [ "$2" = "$3" ] || { echo "   changed: expected $3"; failed=1; }; }
check "a whole number, as derive" "$(rows whole)" "9999800 9999900 10000000 10000100 10000200 20000300"
check "the same as Java writes it, as gauge" "$(rows gauge)" "9999800.000000 9999900.000000 10000000.000000 10000100.000000 10000200.000000 20000300.000000"
check "the same as Java writes it, as derive" "$(rows java)" "9999800 9999900 1 1 1 2"
check "the same in quotes, as derive" "$(rows java_text)" "9999800 9999900 1 1 1 2"
check "1e+06, as counter" "$(rows exponent)" "1 1 1 1 1 1"
check "2^63 and more, as derive" "$(rows large | cut -d' ' -f1,6)" "9223372036854775807 9223372036854775807"
check "-5, as counter" "$(rows minus | cut -d' ' -f1)" "18446744073709551611"
check "lines in the log for 9999900.0" "$(grep -c 'Ignoring trailing garbage ".0" after derive value. Input string was "9999900.0"' log)" 2
check "lines in the log for 1.00001E7" "$(grep -c 'Ignoring trailing garbage ".00001E7" after derive value' log)" 2
exit $failed
