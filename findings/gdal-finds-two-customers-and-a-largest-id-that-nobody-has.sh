#!/usr/bin/env bash
# Expected: SELECT MAX(id) gives the largest id of the file, each of the 64 bits that GDAL keeps of an integer; WHERE id >= 1795953600123456790 does compare them exactly. With the
#   dialect SQLITE, which by its page has the whole syntax of SQLite and runs on it, = tells cus_Ab1 from cus_aB1, as SQLite does. (GDAL's own dialect ignores the case of letters
#   in =, as its page says.)
# Happens: pyogrio 0.13.0 with GDAL 3.12.4: MAX, MIN and SUM go by way of a double and come back as integers: the largest of ids from ...456789 to ...456791 is ...456768, less than
#   each of them. The dialect SQLITE has these right, but hands the conditions on a file of GeoJSON or FlatGeobuf down to GDAL, and takes its answer: = and IN find both customers,
#   also with COLLATE BINARY, by a sub-query, and by >= with <=. GROUP BY, and a condition that is not handed down (+customer = ...), tell them apart. In GeoPackage
#   files all is right. No warning.
# Means: "after the largest id" begins with what was there already, and the orders of one customer, whose id differs by the case of a letter (Stripe, base58, nanoid), go to
#   another. Use the dialect SQLITE for MAX, +customer in conditions, or filter in pandas.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check geopandas==1.2.0 pyogrio==0.13.0 pandas==3.1.1 numpy==2.4.6 shapely==2.2.0 pyproj==3.7.2
cat > t.py <<'E'
import json, pathlib, sys, warnings
warnings.simplefilter("error")
import geopandas, pyogrio
print("geopandas", geopandas.__version__, "pyogrio", pyogrio.__version__, "GDAL", ".".join(map(str, pyogrio.__gdal_version__))); failed = False
if pyogrio.__gdal_version__ != (3, 12, 4): failed = True; print("   changed: expected GDAL 3.12.4")
def check(what, got, wanted):
    global failed
    print(f"  {what:74} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
point = {"type": "Point", "coordinates": [13.4, 52.5]}; rows = [("a", "cus_Ab1", 1795953600123456789), ("b", "cus_aB1", 1795953600123456790), ("c", "cus_Z", 1795953600123456791)]
pathlib.Path("e.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [{"type": "Feature", "properties": dict(zip(("name", "customer", "id"), row)), "geometry": point} for row in rows]}))
frame = geopandas.read_file("e.geojson"); check("the ids as they are read", frame["id"].tolist(), [row[2] for row in rows])
frame.to_file("e.fgb"); frame.to_file("e.gpkg", layer="e")
def sql(query, dialect=None, suffix="geojson"): return pyogrio.read_dataframe(f"e.{suffix}", sql=query, sql_dialect=dialect, read_geometry=False).iloc[:, 0].tolist()
print("the largest id:")
for suffix, wanted in {"geojson": 1795953600123456768, "fgb": 1795953600123456768, "gpkg": 1795953600123456791}.items(): check(f"{suffix}: MAX(id)", sql("SELECT MAX(id) FROM e", suffix=suffix), [wanted])
check("geojson: MIN(id)", sql("SELECT MIN(id) FROM e"), [1795953600123456768]); check("geojson: MAX(id), dialect SQLITE", sql("SELECT MAX(id) FROM e", "SQLITE"), [1795953600123456791])
check("geojson: WHERE id >= 1795953600123456790", sql("SELECT name FROM e WHERE id >= 1795953600123456790"), ["b", "c"])
check("geojson: WHERE id > the MAX(id) that it gave, of nothing new", sql("SELECT name FROM e WHERE id > 1795953600123456768"), ["a", "b", "c"])
print("the events of cus_aB1, dialect SQLITE:")
conditions = {"customer = 'cus_aB1'": ["a", "b"], "customer IN ('cus_aB1')": ["a", "b"], "customer = 'cus_aB1' COLLATE BINARY": ["a", "b"], "customer IN (SELECT customer FROM e WHERE name = 'b')": ["a", "b"],
    "customer >= 'cus_aB1' AND customer <= 'cus_aB1'": ["a", "b"], "+customer = 'cus_aB1'": ["b"], "customer GLOB 'cus_aB1'": ["b"]}
for condition, wanted in conditions.items():
    for suffix in ("geojson", "fgb"): check(f"{suffix}: {condition}", sql(f"SELECT name FROM e WHERE {condition}", "SQLITE", suffix), wanted)
check("gpkg: customer = 'cus_aB1'", sql("SELECT name FROM e WHERE customer = 'cus_aB1'", "SQLITE", "gpkg"), ["b"])
check("geojson: customers by GROUP BY", sql("SELECT customer FROM e GROUP BY customer", "SQLITE"), ["cus_Ab1", "cus_Z", "cus_aB1"])
check("geojson: count(*) WHERE customer = 'cus_aB1'", sql("SELECT count(*) FROM e WHERE customer = 'cus_aB1'", "SQLITE"), [2])
sys.exit(failed)
E
timeout 120 v/bin/python t.py
