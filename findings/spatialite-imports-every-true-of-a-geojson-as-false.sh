#!/usr/bin/env bash
# Expected: ImportGeoJSON('events.geojson', 'events') of SpatiaLite makes a table of the features of a GeoJSON file (what trackers, couriers and geofences send), with a column for each property, and
#   VirtualGeoJSON shows the file as a table: the values are those of the JSON, or it is refused, as a feature is that lacks a property of others.
# Happens: SpatiaLite 5.0.1 (Debian 12): ImportGeoJSON writes true as 0, like false (VirtualGeoJSON has 1). Both leave escapes as they are written: "M\u00fcller", as Python's json.dumps writes by default,
#   is those eleven characters, "a\/b" of PHP and "\n" too; "say \"hi\"" ends at the first \". 1e-07 is 1, so is 1e22; ids of 20 digits are 9223372036854775807. Where a column has 5 and 19.99, each is text
#   in the table, so amount > 1000 finds both. An empty text, or a list of numbers, takes all properties behind it away, from the columns, or from this feature of
#   VirtualGeoJSON where others have them (there the import refuses it). The import returns the number of features.
# Means: who asks WHERE delivered finds nobody, "amount above 1000" is every order, names with an umlaut are not found, and notes that are empty take the amounts behind them along, while the import says that
#   all were read. Import with ogr2ogr, or with json_each() of SQLite and GeomFromGeoJSON().
# The version is that of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and python3"; exit 2; }; done
apt-get download -qq sqlite3 libsqlite3-0 libsqlite3-mod-spatialite libspatialite7 libfreexl1 libgeos3.11.1 libgeos-c1v5 libproj25 libreadosm1 librttopo1 libxml2 libicu72 libtiff6 libcurl3-gnutls libminizip1 \
  libwebp7 libjbig0 libjpeg62-turbo libdeflate0 liblerc4 libnghttp2-14 librtmp1 libssh2-1 libpsl5 libldap-2.5-0 libsasl2-2 libbrotli1 libidn2-0 libunistring2 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in libsqlite3-mod-spatialite_* sqlite3_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f libsqlite3-mod-spatialite_* Version) == 5.0.1-* ]] || { echo "   changed: expected SpatiaLite 5.0.1"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu SPATIALITE_SECURITY=relaxed LC_ALL=C.UTF-8
cat > t.py <<'E'
import json, subprocess, sys
failed = False
def check(what, got, wanted):
    global failed
    print(f"  {what:<58} {got}")
    if got != wanted: print(f"   changed: expected {wanted}"); failed = True
# What SQLite prints for a query: of the table imported from features with these properties (t) or of the file itself (f).
def ask(features, *queries, text=None):
    point = {"type": "Point", "coordinates": [11.5, 48.1]}
    with open("events.geojson", "w") as file: file.write(text or json.dumps({"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": point, "properties": event} for event in features]}))
    script = ".load root/usr/lib/x86_64-linux-gnu/mod_spatialite\n.output /dev/null\nSELECT InitSpatialMetaData(1); CREATE VIRTUAL TABLE f USING VirtualGeoJSON('events.geojson', 4326);\n.output\n.nullvalue NULL\nSELECT ImportGeoJSON('events.geojson', 't');\n"
    done = subprocess.run(["root/usr/bin/sqlite3", ":memory:"], input=script + "".join(query + ";\n" for query in queries), capture_output=True, text=True, timeout=60)
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()
def columns(table): return f"SELECT group_concat(name) FROM (SELECT name FROM pragma_table_info('{table}') WHERE name NOT IN ('fid', 'pk_uid', 'geometry'))"
orders = [{"id": 1, "delivered": True, "amount": 5, "customer": "Müller"}, {"id": 2, "delivered": False, "amount": 19.99, "customer": "Meier"}]
got = ask(orders, "SELECT group_concat(delivered) FROM t", "SELECT group_concat(delivered) FROM f", "SELECT count(*) FROM t WHERE delivered", "SELECT group_concat(typeof(amount)) FROM t", "SELECT count(*) FROM t WHERE amount > 1000",
    "SELECT count(*) FROM f WHERE amount > 1000", "SELECT max(amount) FROM t", "SELECT customer FROM t WHERE id = 1", "SELECT count(*) FROM t WHERE customer = 'Müller'")
for what, value, wanted in zip(("features imported", "delivered: true and false, in the table", "   in the file", "   WHERE delivered", "amount: 5 and 19.99, in the table", "   WHERE amount > 1000", "   in the file", "   max(amount)", "Müller, by json.dumps", "   WHERE customer = 'Müller'"), got,
    ("2", "0,0", "1,0", "0", "text,text", "2", "0", "5", "M\\u00fcller", "0")): check(what, value, wanted)
print("a value alone, in the table and in the file:")
for written, wanted in (("19.99", "19.99"), ("-0.5", "-0.5"), ("1e-07", "1"), ("1e+22", "1"), ("1.5e3", "1"), ("9007199254740993", "9007199254740993"), ("12345678901234567890", "9223372036854775807"), ('"say \\"hi\\""', "say \\"), ('"a\\/b"', "a\\/b"), ('"two\\nlines"', "two\\nlines"), ('"it\'s, {a}"', "it's, {a}"), ('{"id": 7}', "0")):
    text = '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [11.5, 48.1]}, "properties": {"id": 1, "value": ' + written + '}}]}'
    check(written, " and ".join(ask([], "SELECT value FROM t", "SELECT value FROM f", text=text)[1:]), f"{wanted} and {wanted}")
print("the columns of an event:")
for event, wanted in (({"id": 1, "note": "x", "amount": 5, "state": "paid"}, "id,note,amount,state"), ({"id": 1, "note": "", "amount": 5, "state": "paid"}, "id"), ({"id": 1, "tags": [1, 2], "amount": 5, "state": "paid"}, "id,tags"), ({"id": 1, "tags": ["a"], "amount": 5, "state": "paid"}, "id,tags,amount,state")):
    check(json.dumps(event), " and ".join(ask([event], columns("t"), columns("f"))[1:]), f"{wanted} and {wanted}")
sys.exit(failed)
E
timeout 110 python3 t.py
