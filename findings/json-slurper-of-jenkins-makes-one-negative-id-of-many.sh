#!/usr/bin/env bash
# Expected: JsonSlurper, the JSON reader of Groovy (of Jenkins pipelines and shared libraries, and of build scripts), gives an id of 20 digits as a BigInteger, as it
#   gives a BigDecimal for 19.99 and for 1e21, with every digit. JsonOutput.toJson writes what was read, in the order in which it came.
# Happens: Groovy 2.4.21 (Debian 12, and the version inside Jenkins): with none of the four parsers that setType offers, a whole number from 2^63 on is right. Three of them, the
#   one by default among them, let it run over: 12345678901234567890 is -6101065172474983726, ids that are 2^64 apart are one id, some are small and look right
#   (18446744073709551657 is 41), and ten ether in wei are -8446744073709551616. The fourth (CHARACTER_SOURCE) gives null. Nothing warns. The keys come in the order of
#   the alphabet. JsonSlurperClassic, in the same jar, and JsonOutput.prettyPrint give every digit.
# Means: a pipeline that a hook starts asks for, comments on or deletes what has another id, and null == null for all of them. Use JsonSlurperClassic, or have ids and amounts
#   sent as strings, and sign or store the bytes that came.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and Java"; exit 2; }; done
apt-get download -qq groovy >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f groovy_* Package Version | xargs; [[ $(dpkg -f groovy_* Version) == 2.4.21-* ]] || { echo "   changed: expected 2.4.21"; exit 1; }
dpkg -x groovy_*.deb root; jar=$(find root -name 'groovy-all-2.4.21.jar' -type f | head -1)
cat > t.groovy <<'G'
import groovy.json.*
failed = false
def check(text, got, wanted) { printf "  %-58s %s%n", text, got; if (String.valueOf(got) != wanted) { println "   changed: expected $wanted"; failed = true } }
def types = JsonParserType.values()
check "the parsers, and the one by default", "${types.join(' ')}; ${new JsonSlurper().type}", "INDEX_OVERLAY CHARACTER_SOURCE LAX CHAR_BUFFER; CHAR_BUFFER"
def read = { type, number -> new JsonSlurper().setType(type).parseText('{"id":' + number + '}').id }
def each = { number -> types.collect { String.valueOf(read(it, number)) }.join(" ") }
for (number in ["41", "1234567890123456789", "9223372036854775807", "19.99", "100.0"]) {
  check number, each(number), ([number] * 4).join(" ")
  check "   by JsonSlurperClassic", new JsonSlurperClassic().parseText('{"id":' + number + '}').id, number
}
check "1e21, as digits", types.collect { read(it, "1e21").toBigInteger() }.unique().join(" "), "1" + "0" * 21
for (row in [["9223372036854775808", "-9223372036854775808"], ["12345678901234567890", "-6101065172474983726"], ["18446744073709551615", "-1"], ["18446744073709551657", "41"],
             ["10000000000000000000", "-8446744073709551616"], ["123456789012345678901234567890", "-4362896299872285998"]]) {
  def (number, wrong) = row
  check number, each(number), "$wrong null $wrong $wrong".toString()
  check "   by JsonSlurperClassic", new JsonSlurperClassic().parseText('{"id":' + number + '}').id, number
  check "   by prettyPrint", JsonOutput.prettyPrint('[' + number + ']').replaceAll(/\s/, ""), "[" + number + "]"
}
def event = '{"type":"refund","id":12345678901234567890,"amount":19.99}'
check "an event, read and written", JsonOutput.toJson(new JsonSlurper().parseText(event)), '{"amount":19.99,"id":-6101065172474983726,"type":"refund"}'
def ids = (0..2).collect { new BigInteger("12345678901234567890").add(BigInteger.TWO.pow(64).multiply(it as BigInteger)) }
check "three ids, how many by JsonSlurper", ids.collect { new JsonSlurper().parseText("[$it]".toString())[0] }.toSet().size(), "1"
check "   by JsonSlurperClassic", ids.collect { new JsonSlurperClassic().parseText("[$it]".toString())[0] }.toSet().size(), "3"
System.exit(failed ? 1 : 0)
G
timeout 100 java -cp "$jar" groovy.ui.GroovyMain t.groovy 2>err || { code=$?; grep -v WARNING err || true; exit $code; }
