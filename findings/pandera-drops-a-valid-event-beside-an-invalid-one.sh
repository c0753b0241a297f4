#!/usr/bin/env bash
# Expected: a pandera schema with drop_invalid_rows=True gives back the rows that are valid, all of them, and only those.
# Happens: pandera 0.35.0 drops by the label of the row: two batches of three events each, put together by pandas.concat(), have the labels 0 1 2 0 1 2, and
#   when the second of the first batch has an amount below zero, the valid second of the other batch goes as well. With the customer as index one wrong
#   event takes all events of that customer along. The same with DataFrameModel. The list of errors (without drop_invalid_rows) names one failure; pandas
#   raises or warns at nothing; with ignore_index=True, or the batches validated one by one, each valid event stays. pandera.polars drops the right row.
# Means: valid payments are gone without a line in a log, only on the days when some sender sends one wrong event, and more of them the more batches there
#   are. reset_index(drop=True) before validate(), or index=pa.Index(int, unique=True) without dropping; and compare the counts before and behind.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check 'pandera[polars]==0.35.0' pandas==3.1.1 polars==2.1.0
cat > t.py <<'E'
import sys, warnings
warnings.simplefilter("error", UserWarning)
import pandas as pd, pandera.pandas as pa, pandera.polars as pp, polars as pl
from importlib.metadata import version as v
print("pandera", v("pandera"), "pandas", v("pandas"), "polars", v("polars"), "Python", sys.version.split()[0]); failed = False
def check(what, got, wanted):
    global failed
    print(f"{what:62} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
batches = [pd.DataFrame({"id": list("abc"), "amount": [1999, -5, 300]}), pd.DataFrame({"id": list("def"), "amount": [700, 800, 900]}), pd.DataFrame({"id": list("ghi"), "amount": [10, 20, 30]})]
columns = {"id": pa.Column(str), "amount": pa.Column(int, pa.Check.ge(0))}
schema, strict = pa.DataFrameSchema(columns, drop_invalid_rows=True), pa.DataFrameSchema(columns)
class Event(pa.DataFrameModel):
    id: str
    amount: int = pa.Field(ge=0)
    class Config: drop_invalid_rows = True
def kept(frame, by=schema): return "".join(by.validate(frame, lazy=True)["id"])
every = pd.concat(batches)
try: strict.validate(every, lazy=True)
except pa.errors.SchemaErrors as error: check("failures found in nine events", error.failure_cases[["column", "failure_case"]].values.tolist(), [["amount", -5]])
check("concat of three batches", kept(every), "acdfgi")
check("   by a DataFrameModel", kept(every, Event), "acdfgi")
check("   with ignore_index=True", kept(pd.concat(batches, ignore_index=True)), "acdefghi")
check("   each batch by itself", "".join(kept(b) for b in batches), "acdefghi")
check("   in polars", "".join(pp.DataFrameSchema({"id": pp.Column(str), "amount": pp.Column(int, pp.Check.ge(0))}, drop_invalid_rows=True)
    .validate(pl.concat(pl.DataFrame(b.to_dict("list")) for b in batches), lazy=True)["id"]), "acdefghi")
named = every.assign(customer=["ann", "ann", "bob", "bob", "ann", "cleo", "ann", "bob", "ann"]).set_index("customer")
check("the customer as index: customers of the nine events", named.index.value_counts().sort_index().to_dict(), {"ann": 5, "bob": 3, "cleo": 1})
check("   and of those that are left", schema.validate(named, lazy=True).index.value_counts().sort_index().to_dict(), {"bob": 3, "cleo": 1})
sys.exit(failed)
E
timeout 90 v/bin/python t.py
