#!/usr/bin/env bash
# Expected: read_file(path, where="at >= '2026-07-02T08:30:00Z'") of geopandas reads from GeoJSON the events since that moment: GDAL makes times with offsets of the texts, and
#   geopandas gives the right moments (in UTC where the offsets differ). GDAL's page about its SQL compares dates and times, with no word on offsets.
# Happens: pyogrio 0.13.0 with GDAL 3.12.4 compares only the digits of day and clock: 09:30:00+02:00, which is 07:30 UTC, is since 08:30Z, and before 08:30Z it is not. A limit
#   with +02:00 finds 09:00Z not, an = with another offset nothing. ORDER BY, MAX and MIN of sql= go by the digits too, in both dialects. The rows that come back show times that
#   are not in what was asked for. In the FlatGeobuf and GeoPackage files that geopandas writes, all are UTC, and a limit in Z is right; one with +02:00 is not. No warning.
# Means: "everything since the last run" leaves out the events of senders to the west and takes those to the east twice, and MAX(at) as the next limit makes it worse. Read
#   without where and filter in pandas, or in the dialect SQLITE write datetime(at) >= datetime('...').
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check geopandas==1.2.0 pyogrio==0.13.0 pandas==3.1.1 numpy==2.4.6 shapely==2.2.0 pyproj==3.7.2
cat > t.py <<'E'
import json, pathlib, sys, warnings
warnings.simplefilter("error")
import geopandas, pandas, pyogrio
print("geopandas", geopandas.__version__, "pyogrio", pyogrio.__version__, "GDAL", ".".join(map(str, pyogrio.__gdal_version__))); failed = False
if pyogrio.__gdal_version__ != (3, 12, 4): failed = True; print("   changed: expected GDAL 3.12.4")
def check(what, got, wanted):
    global failed
    print(f"  {what:62} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
events = {"0730": "2026-07-02T09:30:00+02:00", "0800": "2026-07-02T10:00:00+02:00", "0815": "2026-07-02T08:15:00Z", "0900": "2026-07-02T09:00:00Z", "1000": "2026-07-02T06:00:00-04:00"}
point = {"type": "Point", "coordinates": [13.4, 52.5]}
pathlib.Path("e.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"name": name, "at": at}, "geometry": point} for name, at in events.items()]}))
frame = geopandas.read_file("e.geojson"); print("the events, named by their time in UTC:")
check("read without where", [f"{at:%H%M}" for at in frame["at"]], list(events))
for suffix in ("fgb", "gpkg"): frame.to_file(f"e.{suffix}", layer="e")
def found(where, suffix="geojson"): return " ".join(geopandas.read_file(f"e.{suffix}", where=where)["name"])
for where, wanted in {"at >= '2026-07-02T08:30:00Z'": "0730 0800 0900", "at < '2026-07-02T08:30:00Z'": "0815 1000", "at >= '2026-07-02T10:30:00+02:00'": "", "at = '2026-07-02T11:00:00+02:00'": "", "at = '2026-07-02T09:00:00Z'": "0900"}.items():
    check(where, found(where), wanted)
rows = geopandas.read_file("e.geojson", where="at >= '2026-07-02T08:30:00Z'"); check("the rows of the first: how many are since 08:30Z", int((rows["at"] >= pandas.Timestamp("2026-07-02T08:30:00Z")).sum()), 1)
def sql(query, dialect=None): return [str(value) for value in pyogrio.read_dataframe("e.geojson", sql=query, sql_dialect=dialect, read_geometry=False).iloc[:, 0]]
for dialect in (None, "SQLITE"): check(f"ORDER BY at, dialect {dialect}", " ".join(sql("SELECT name FROM e ORDER BY at", dialect)), "1000 0815 0900 0730 0800")
check("MAX(at), and the true one 10:00Z", sql("SELECT MAX(at) FROM e"), ["2026-07-02 10:00:00+02:00"])
check("at > that, 08:00Z, though 0815, 0900 and 1000 are", found("at > '2026-07-02T10:00:00+02:00'"), "")
check("datetime(at) >= datetime('...T08:30:00Z'), dialect SQLITE", " ".join(sql("SELECT name FROM e WHERE datetime(at) >= datetime('2026-07-02T08:30:00Z')", "SQLITE")), "0900 1000")
print("the files that geopandas wrote:")
for suffix in ("fgb", "gpkg"):
    check(f"{suffix}: at >= '2026-07-02T08:30:00Z'", found("at >= '2026-07-02T08:30:00Z'", suffix), "0900 1000")
    check(f"{suffix}: at >= '2026-07-02T10:30:00+02:00'", found("at >= '2026-07-02T10:30:00+02:00'", suffix), "")
sys.exit(failed)
E
timeout 120 v/bin/python t.py
