#!/usr/bin/env bash
# Expected: a time with its offset is one moment: pd.Timestamp(text), pd.to_datetime([text]), a column read from a CSV and that column compared with
#   its own text agree. "Thu Jul 02 2026 10:00:00 GMT+0200" is how JavaScript writes a Date (what toString() has in front of the zone's name, with
#   which pandas refuses it), "2026-07-02 10:00:00 UTC+02:00" how many reports and mails do.
# Happens: in pandas 3.1.1 to_datetime() of such texts, and read_csv with parse_dates, give 08:00 UTC, as it is; pd.Timestamp(), format="mixed",
#   DatetimeIndex(), astype() and a dtype of "datetime64[ns, UTC]" turn the sign and give 12:00 UTC. So a column does not have its own text (==,
#   isin, between, query, .loc), a cell that is set to that text is four hours off its neighbour, and format="mixed", which the error about a second
#   format in the column advises, moves all of these rows. "UTC+2" and GMT+0200 with (CEST) behind it are turned by to_datetime() as well. Without
#   GMT or UTC, "+0200", all is well. No warning.
# Means: events since a moment, a join, a deduplication and a deadline are off by twice the offset, hours early in New York and late in Berlin, as
#   soon as one line of the program takes another way into pandas, or one row another format. Take "GMT" and "UTC" out before a sign first, or give
#   the format: "%a %b %d %Y %H:%M:%S GMT%z". (Python 3.11, python-dateutil 4.0.0, whose parser does so by the POSIX rule; its own
#   tz.gettz("UTC+2") does not)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pandas==3.1.1 numpy==2.4.6 python-dateutil==4.0.0
cat > t.py <<'E'
import io, sys, warnings
from datetime import datetime
from importlib.metadata import version
import pandas as pd
from dateutil import tz
warnings.simplefilter("error"); failed = False; print("Python", sys.version.split()[0], *(f"{p} {version(p)}" for p in ("pandas", "numpy", "python-dateutil")))
def check(what, got, wanted):
    global failed
    print(f"{what:62} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def utc(t): return t.tz_convert("UTC").strftime("%H:%M")
right, turned = "08:00", "12:00"
for text in ("Thu Jul 02 2026 10:00:00 GMT+0200", "2026-07-02 10:00:00 UTC+02:00", "2026-07-02 10:00:00 GMT+02:00"):
    print(text)
    check("   to_datetime(text)", utc(pd.to_datetime(text)), right)
    check("   to_datetime([text]), a Series, utc=True", [utc(pd.to_datetime([text])[0]), utc(pd.to_datetime(pd.Series([text]))[0]), utc(pd.to_datetime([text], utc=True)[0])], [right] * 3)
    column = pd.read_csv(io.StringIO(f'at\n"{text}"\n"{text}"\n'), parse_dates=["at"])["at"]
    check("   read_csv(parse_dates=)", [utc(t) for t in column], [right, right])
    check("   Timestamp(text)", utc(pd.Timestamp(text)), turned)
    check("   to_datetime(format='mixed')", utc(pd.to_datetime([text], format="mixed")[0]), turned)
    check("   DatetimeIndex([text])", utc(pd.DatetimeIndex([text])[0]), turned)
    check("   astype, Series(dtype=)", [utc(pd.Series([text]).astype("datetime64[ns, UTC]")[0]), utc(pd.Series([text], dtype="datetime64[ns, UTC]")[0])], [turned] * 2)
    check("   Timestamp(text) - to_datetime(text)", str(pd.Timestamp(text) - pd.to_datetime(text)), "0 days 04:00:00")
    check("   the column == its text, isin, between", [(column == text).tolist(), column.isin([text]).tolist(), column.between(text, text).tolist()], [[False, False]] * 3)
    frame = pd.DataFrame({"at": column})
    check("   query(at >= text), .loc[text:]", [len(frame.query(f"at >= '{text}'")), len(frame.set_index("at").loc[text:])], [0, 0])
    cells = column.dt.tz_convert("UTC"); cells[0] = text; check("   the first cell set to the same text", [utc(t) for t in cells], [turned, right])
    two = ["2026-07-02T08:00:00Z", text]; check("   after a time with Z, format='mixed', utc=True", [utc(t) for t in pd.to_datetime(two, format="mixed", utc=True)], [right, turned])
    try: pd.to_datetime(two, utc=True); advice = None
    except ValueError as e: advice = "`format='mixed'`" in str(e)
    check("   after a time with Z, no format: the error advises 'mixed'", advice, True)
print("controls")
for text in ("2026-07-02 10:00:00 +0200", "Thu, 02 Jul 2026 10:00:00 +0200", "2026-07-02T10:00:00+02:00"):
    check(f"   {text}", [utc(pd.Timestamp(text)), utc(pd.to_datetime([text])[0]), utc(pd.to_datetime([text], format="mixed")[0])], [right] * 3)
check("   given as '%a %b %d %Y %H:%M:%S GMT%z'", utc(pd.to_datetime(["Thu Jul 02 2026 10:00:00 GMT+0200"], format="%a %b %d %Y %H:%M:%S GMT%z")[0]), right)
check("   datetime.strptime", datetime.strptime("Thu Jul 02 2026 10:00:00 GMT+0200", "%a %b %d %Y %H:%M:%S GMT%z").isoformat(), "2026-07-02T10:00:00+02:00")
check("   dateutil's tz.gettz('UTC+2')", datetime(2026, 7, 2, 10, tzinfo=tz.gettz("UTC+2")).isoformat(), "2026-07-02T10:00:00+02:00")
for text in ("2026-07-02 10:00:00 UTC+2", "Thu Jul 02 2026 10:00:00 GMT+0200 (CEST)"): check(f"to_datetime: {text}", utc(pd.to_datetime([text])[0]), turned)
sys.exit(failed)
E
TZ=UTC timeout 60 v/bin/python t.py
