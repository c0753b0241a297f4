#!/usr/bin/env bash
# Expected: extract of json4s, the JSON library of many Scala services, makes a case class of a body, or throws a MappingException ("No usable value for id")
#   where a value does not fit the field: a string for an Int does, and so do true, a list and a number with a point for a Short or a BigInt. A number that is
#   too large for the field does not fit.
# Happens: json4s 3.2.10 (Debian 12) cuts whole numbers down to the bits of the field: 4294967297 in an Int is 1, 3000000000 is -1294967296; in a Long
#   12345678901234567890 is -6101065172474983726, in a Short 70000 is 4464. With a point the rest is dropped, 12.75 is 12 in an Int or Long (99999999999999.98
#   in an Int is 2147483647, 1e21 in a Long 9223372036854775807). So do Option[Int], Some(1), while a string there is None, without an error, and null for a
#   String, BigDecimal or List is null or the empty list. parse itself has every digit (JInt, JDouble).
# Means: a service whose ids were small when it was written takes order 4294967297 for order 1, on the day on which the sender's ids pass two billion, and
#   cents from a sender that counts in euros (12 for 12.75); the "optional" id that came as text is not there at all. Use BigInt or String for ids and
#   BigDecimal (with parse(..., useBigDecimalForDouble = true)) for amounts.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and Java"; exit 2; }; done
apt-get download -qq libjson4s-java libparanamer-java scala scala-library scala-parser-combinators >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libjson4s-java scala-library; do dpkg -f ${package}_* Package Version | xargs; done
[[ $(dpkg -f libjson4s-java_* Version) == *really3.2.10-* && $(dpkg -f scala-library_* Version) == 2.11.12-* ]] || { echo "   changed: expected 3.2.10 and Scala 2.11.12"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; jars=root/usr/share/java
scala=$jars/scala-compiler.jar:$jars/scala-library.jar:$jars/scala-reflect.jar:$(ls $jars/scala-parser-combinators_2.11.jar):$jars/scalap.jar
json=$jars/json4s-ast.jar:$jars/json4s-core.jar:$jars/json4s-native.jar:$jars/paranamer.jar
cat > T.scala <<'E'
import org.json4s._
import org.json4s.native.JsonMethods._
case class AsInt(v: Int); case class AsLong(v: Long); case class AsShort(v: Short); case class AsBigInt(v: BigInt); case class AsString(v: String);
case class AsBigDecimal(v: BigDecimal); case class AsDouble(v: Double)
case class AsOption(v: Option[Int]); case class AsList(v: List[Int]); case class AsBoolean(v: Boolean)
object T {
  implicit val formats = DefaultFormats
  var failed = false
  def check(text: String, got: Any, wanted: String) { println("  %-42s %s".format(text, got));
  if (String.valueOf(got) != wanted) { println("   changed: expected " + wanted); failed = true } }
  def body(value: String) = parse("{\"v\":" + value + "}")
  def field[A](kind: String, value: String, wanted: String)(read: JValue => A) { check(value + " as " + kind, try String.valueOf(read(body(value))) catch { case e: MappingException => "an exception" }, wanted) }
  def int(value: String, wanted: String) = field("Int", value, wanted)(_.extract[AsInt].v)
  def long(value: String, wanted: String) = field("Long", value, wanted)(_.extract[AsLong].v)
  def main(arguments: Array[String]) {
    println("an exception, or right"); int("17", "17"); int("\"17\"", "an exception"); int("true", "an exception"); int("[17]", "an exception");
    int("null", "an exception"); long("1234567890123456789", "1234567890123456789")
    field("BigInt", "12345678901234567890", "12345678901234567890")(_.extract[AsBigInt].v);
    field("String", "12345678901234567890", "12345678901234567890")(_.extract[AsString].v); field("Short", "12.75", "an exception")(_.extract[AsShort].v)
    field("BigInt", "12.75", "an exception")(_.extract[AsBigInt].v); field("BigDecimal", "12.75", "12.75")(_.extract[AsBigDecimal].v);
    field("Boolean", "1", "an exception")(_.extract[AsBoolean].v)
    for (id <- Seq("4294967297", "12345678901234567890")) check("the tree of " + id, compact(render(body(id))), "{\"v\":" + id + "}")
    println("another number"); int("4294967297", "1"); int("3000000000", "-1294967296");
    int("1767323045123", body("1767323045123").extract[AsLong].v.toInt.toString); long("12345678901234567890", "-6101065172474983726");
    long("18446744073709551617", "1")
    field("Short", "70000", "4464")(_.extract[AsShort].v); field("List[Int]", "[4294967297]", "List(1)")(_.extract[AsList].v)
    int("12.75", "12"); long("12.75", "12"); int("99999999999999.98", "2147483647"); long("1e21", "9223372036854775807")
    println("optional, and null"); def option(value: String, wanted: String) = field("Option[Int]", value, wanted)(_.extract[AsOption].v); option("17", "Some(17)");
    option("4294967297", "Some(1)"); option("12.75", "Some(12)"); option("\"17\"", "None")
    field("String", "null", "null")(_.extract[AsString].v); field("BigDecimal", "null", "null")(_.extract[AsBigDecimal].v);
    field("List[Int]", "null", "List()")(_.extract[AsList].v)
    val orders = scala.collection.mutable.Map[Int, String](); for (id <- Seq("1", "4294967297", "8589934593")) orders(body(id).extract[AsInt].v) = id;
    check("three orders by id, how many are there", orders.size, "1")
    sys.exit(if (failed) 1 else 0)
  }
}
E
timeout 90 java -Xss8m -cp "$scala" scala.tools.nsc.Main -nowarn -usejavacp -cp "$json:$jars/scala-library.jar" -d . T.scala
timeout 30 java -cp ".:$json:$scala" T
