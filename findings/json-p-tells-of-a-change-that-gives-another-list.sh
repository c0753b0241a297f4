#!/usr/bin/env bash
# Expected: Json.createDiff(before, after) of JSON-P (javax.json, the standard of Java EE; its reference implementation) makes the JSON Patch that turns the
#   one into the other: apply(before) is after, here and with any other program that reads RFC 6902. The documentation says only that there can be more than
#   one such patch.
# Happens: javax.json 1.1.2 (Debian 12) writes the steps for a list from its end, with the places of a list that has changed already. ["a","b"] to ["b","c"],
#   a window of the latest, gives ["c","b"]; [1,2,3] to [2,3,4] gives [2,4,3]. Of all lists of up to three of four letters, one pair in six ends as another
#   list, without an error, and one in twenty (two more at the end of a list) cannot be applied, even to the document it was made from. A "/" in a name is not
#   written as ~1: a change of "text/plain" fails, or changes "plain" inside "text". createMergeDiff is right.
# Means: a store of changes, an audit or a hook that carries the patch leaves the other side with another order of states, items or ids, and nobody sees it.
#   Apply the patch to the old document and compare before it is stored or sent, or send a merge patch, or the whole. (Reported upstream, for the lists that
#   grow.)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get java javac python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and its $tool"; exit 2; }; done
apt-get download -qq libjsonp-java >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f libjsonp-java_* Package Version | xargs; [[ $(dpkg -f libjsonp-java_* Version) == 1.1.2-* ]] || { echo "   changed: expected 1.1.2"; exit 1; }
dpkg -x libjsonp-java_* root; jars=root/usr/share/java
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check jsonpatch==1.33
cat > T.java <<'E'
import java.io.*; import java.util.*; import javax.json.*;
public class T {
  static boolean failed; static PrintStream patches;
  static void check(String text, Object got, String wanted) {
    System.out.printf("  %-74s %s%n", text, got); if (!String.valueOf(got).equals(wanted)) { System.out.println("   changed: expected " + wanted); failed = true; }
  }
  static JsonStructure read(String text) { return Json.createReader(new StringReader(text)).read(); }
  static String change(JsonStructure before, JsonStructure after) {
    JsonPatch patch = Json.createDiff(before, after); String result; try { result = patch.apply(before).toString();
    } catch (JsonException e) { result = "an exception"; }
    patches.println("[" + before + "," + patch + "," + (result.equals("an exception") ? "null" : result) + "]"); return result;
  }
  static void change(String before, String after, String wanted) { check(before + " to " + after, change(read(before), read(after)),
    wanted.isEmpty() ? after : wanted); }
  static void lists(List<JsonArray> all, List<String> list) {
    JsonArrayBuilder array = Json.createArrayBuilder(); list.forEach(array::add); all.add(array.build());
    if (list.size() < 3) for (String letter : "a b c d".split(" ")) if (!list.contains(letter)) { List<String> more = new ArrayList<>(list); more.add(letter);
    lists(all, more); }
  }
  public static void main(String[] arguments) throws Exception {
    patches = new PrintStream("patches.jsonl", "UTF-8");
    System.out.println("right"); change("{\"state\":\"open\",\"n\":1}", "{\"state\":\"paid\",\"n\":1,\"at\":5}", ""); change("[10,20]", "[15,25]", "");
    change("[10,20]", "[10,20,30]", ""); change("[10,20]", "[5,10,20]", ""); change("{\"text\":1}", "{\"text\":2}", "");
    System.out.println("another list");
    change("[\"a\",\"b\"]", "[\"b\",\"c\"]", "[\"c\",\"b\"]"); change("[1,2,3]", "[2,3,4]", "[2,4,3]");
    change("[\"new\"]", "[\"paid\",\"packed\",\"sent\"]", "[\"paid\",\"sent\",\"packed\"]");
    change("{\"items\":[7,8]}", "{\"items\":[9,5,7]}", "{\"items\":[9,7,5]}");
    System.out.println("not to be applied"); change("[\"a\"]", "[\"a\",\"b\",\"c\"]", "an exception"); change("[]", "[1,2]", "an exception");
    System.out.println("a name with a slash"); change("{\"text/plain\":1}", "{\"text/plain\":2}", "an exception");
    change("{\"text/plain\":1,\"text\":{\"plain\":1}}", "{\"text/plain\":2,\"text\":{\"plain\":1}}", "{\"text/plain\":1,\"text\":{\"plain\":2}}");
    List<JsonArray> all = new ArrayList<>(); lists(all, List.of()); int right = 0, wrong = 0, exceptions = 0, merge = 0;
    for (JsonArray before : all) for (JsonArray after : all) if (!before.equals(after)) {
      String result = change(before, after); if (result.equals(after.toString())) right++; else if (result.equals("an exception")) exceptions++; else wrong++;
      JsonObject a = Json.createObjectBuilder().add("l", before).build(), b = Json.createObjectBuilder().add("l", after).build();
      if (Json.createMergeDiff(a, b).apply(a).equals(b)) merge++;
    }
    check("pairs of lists: right, another list, exception; right as a merge patch", right + " " + wrong + " " + exceptions + "; " + merge, "1292 264 84; 1640");
    patches.close(); System.exit(failed ? 1 : 0);
  }
}
E
failed=0; timeout 60 java -cp "$jars/javax.json.jar:$jars/javax.json-api.jar" T.java || failed=1
cat > same.py <<'E'
import json, jsonpatch
same = total = 0
for line in open("patches.jsonl"):
    before, patch, result = json.loads(line)
    try: ours = jsonpatch.apply_patch(before, patch)
    except jsonpatch.JsonPatchException: ours = None
    except jsonpatch.JsonPointerException: ours = None
    total += 1; same += ours == result
print(f"  jsonpatch of Python applies the patches with the same result: {same} of {total}")
if same != total: raise SystemExit("   changed: expected the same result of each")
E
v/bin/python same.py || failed=1
exit $failed
