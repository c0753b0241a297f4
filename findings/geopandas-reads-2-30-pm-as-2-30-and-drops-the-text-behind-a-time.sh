#!/usr/bin/env bash
# Expected: geopandas (GDAL below) reads the texts of GeoJSON as texts and makes times of those that are times; its documentation says that texts of dates and times are
#   detected. A text that goes on behind the time is no time, but a note, an interval, or a time of the twelve-hour clock: "2026-07-02 rest" does stay a text.
# Happens: pyogrio 0.13.0 with GDAL 3.12.4 takes each text that begins with a time for one, and drops what stands behind: the note "10:30 ring twice" is 10:30:00,
#   "2026-07-02 10:00:00 customer called" is 10:00:00, the interval "...T10:00:00Z/...T12:00:00Z" is its beginning, and "02:30 PM" is half past two in the night, with or
#   without a date. "UTC", "CET" and a comma with milliseconds go as well. It is so where all texts of a column begin with a time (one that does not, and all stay), so
#   it differs from file to file. The same in CSV with AUTODETECT_TYPE. No warning.
# Means: positions with notes, delivery windows and pick-up times lose their end, their text or twelve hours, and to_file() writes it so. Give DATE_AS_STRING="YES" to
#   read_file() for GeoJSON and read the times of known columns by pandas.to_datetime(); leave AUTODETECT_TYPE out for CSV.
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
    print(f"  {what:60} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def read(*texts, **options):
    point = {"type": "Point", "coordinates": [13.4, 52.5]}
    with open("events.geojson", "w") as file: json.dump({"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"id": f"evt_{n}", "text": text}, "geometry": point} for n, text in enumerate(texts)]}, file)
    return geopandas.read_file("events.geojson", **options)
def one(*texts, **options): return [str(value) for value in read(*texts, **options)["text"]]
print("a column with one text:")
for text, got in {"2026-07-02T10:00:00+02:00": "2026-07-02 10:00:00+02:00", "call before 10:30": "call before 10:30", "2026-07-02 rest": "2026-07-02 rest",
    "10:30 ring twice": "10:30:00", "2026-07-02 10:00:00 customer called": "2026-07-02 10:00:00", "2026-07-02T10:00:00Z/2026-07-02T12:00:00Z": "2026-07-02 10:00:00+00:00",
    "2026-07-02 10:00 - 12:00": "2026-07-02 10:00:00", "02:30 PM": "02:30:00", "2026-07-02 02:30:00 PM": "2026-07-02 02:30:00", "2026-07-02 10:00:00 UTC": "2026-07-02 10:00:00",
    "2026-07-02 10:00:00 CET": "2026-07-02 10:00:00", "2026-07-02 10:00:00,250": "2026-07-02 10:00:00"}.items():
    check(text, one(text)[0], got); check('   with DATE_AS_STRING="YES"', one(text, DATE_AS_STRING="YES")[0], text)
print("columns with two:")
check("10:30 ring twice, 11:00", one("10:30 ring twice", "11:00"), ["10:30:00", "11:00:00"])
check("10:30 ring twice, ring twice", one("10:30 ring twice", "ring twice"), ["10:30 ring twice", "ring twice"])
check("2026-07-02T10:00:00Z, 2026-07-02 11:00:00 PM", one("2026-07-02T10:00:00Z", "2026-07-02 11:00:00 PM"), ["2026-07-02 10:00:00+00:00", "2026-07-02 11:00:00+00:00"])
print("read, and written again:")
read("10:30 ring twice", "02:30 PM").to_file("again.geojson"); check("the texts in the new file", [feature["properties"]["text"] for feature in json.loads(pathlib.Path("again.geojson").read_bytes())["features"]], ["10:30:00", "02:30:00"])
with open("events.csv", "w") as file: file.write('id,text\n1,10:30 ring twice\n2,02:30 PM\n')
print("CSV:"); check('AUTODETECT_TYPE="YES"', [str(value) for value in pyogrio.read_dataframe("events.csv", AUTODETECT_TYPE="YES")["text"]], ["10:30:00", "02:30:00"])
check("without", [str(value) for value in pyogrio.read_dataframe("events.csv")["text"]], ["10:30 ring twice", "02:30 PM"])
sys.exit(failed)
E
timeout 120 v/bin/python t.py
