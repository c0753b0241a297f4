#!/usr/bin/env bash
# Expected: huddle of Tcllib, its type for JSON that is read, changed and written again (json2huddle, create, set, jsondump), writes JSON that any parser reads, whatever the texts are.
# Happens: huddle 0.4 of Tcllib 1.21 (Debian 12): an object with one single field, in whose text (or name) a brace has no partner, is written without its own braces and with a backslash
#   before each quote and blank: {"text": "Build failed :{"} is \"text\":\"Build\ failed\ :\{\", without an error, as a whole body or inside of a larger one, with and without line
#   ends. Two fields, balanced braces, a list or a bracket are right, and so is json::write of Tcllib.
# Means: {"text": ...} is the whole body that Slack and Mattermost take, {"content": ...} that of Discord: the one message with a piece of code, a template or a :-{ in it, mostly that about a
#   failure, is answered with 400 and lost; an event with {"note": "{"} in it can't be read again from the store. Write with json::write, or give each object a second field.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and python3"; exit 2; }; done
apt-get download -qq tcl8.6 libtcl8.6 tcllib >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in tcllib_* libtcl8.6_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f tcllib_* Version) == 1.21+dfsg-* ]] || { echo "   changed: expected 1.21"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu TCL_LIBRARY=$dir/root/usr/share/tcltk/tcl8.6 TCLLIBPATH=$dir/root/usr/share/tcltk LC_ALL=C.UTF-8
# Of each line, an object of JSON: read and written by huddle, in one line and with its defaults; with a first word, the text: made by huddle create and by json::write.
cat > t.tcl <<'E'
package require huddle; package require huddle::json; package require json::write
json::write indented false; json::write aligned false; fconfigure stdin -encoding utf-8
while {[gets stdin line] >= 0} {
  if {[regexp {^text (.*)} $line -> text]} {
    puts [huddle jsondump [huddle create text $text] {} {}]; puts [json::write object text [json::write string $text]]
  } else {
    set event [huddle::json2huddle $line]; puts [huddle jsondump $event {} {}]; puts [string map [list \n " "] [huddle jsondump $event]]
  }
}
E
cat > t.py <<'E'
import json, subprocess, sys
failed = False
def check(text, got, wanted):
    global failed
    print(f"  {text:<62} {got}")
    if got != wanted: print(f"   changed: expected {wanted}"); failed = True
def tcl(line): return subprocess.run(["root/usr/bin/tclsh8.6", "t.tcl"], input=line + "\n", check=True, capture_output=True, text=True).stdout.splitlines()
def same(text, event):
    try: return "the same" if json.loads(text) == event else "another: " + text
    except ValueError: return "no JSON"
for event, wanted in (({"text": "Build failed"}, "the same"), ({"text": "in {braces}"}, "the same"), ({"text": "an array[0"}, "the same"), ({"text": "say \"hi\""}, "the same"), ({"text": "back\\slash"}, "the same"),
    ({"text": "Build failed :{"}, "no JSON"), ({"text": "}"}, "no JSON"), ({"content": "if (x) {\n"}, "no JSON"), ({"a{b": 1}, "no JSON"), ({"text": "Build failed :{", "channel": "#ci"}, "the same"),
    ({"id": 7, "extra": {"note": "a{b"}}, "no JSON"), ({"id": 7, "extra": {"note": "a{b", "n": 1}}, "the same"), ({"id": 7, "list": ["a{b"]}, "the same"), ({"list": [{"note": "{"}, {"note": "ok"}]}, "no JSON")):
    line = json.dumps(event); compact, lines = tcl(line)
    check(line, same(compact, event), wanted); check("   with its defaults", same(lines, event), wanted)
for text, wanted in (("Build failed", "the same"), ("Build failed :{", "no JSON"), ("${name", "no JSON")):
    made, written = tcl("text " + text); check(f"huddle create text {text!r}", same(made, {"text": text}), wanted); check("   by json::write", same(written, {"text": text}), "the same")
check("as it is written", tcl(json.dumps({"text": "Build failed :{"}))[0], r'\"text\":\"Build\ failed\ :\{\"')
sys.exit(failed)
E
timeout 60 python3 t.py
