#!/usr/bin/env bash
# Expected: pydantic's union keeps what already is of one of its types: the text "20260702" for datetime | str is that text, "0042" for Decimal |
#   str too, as its documentation says of smart mode and int | str; and what model_dump_json() writes, model_validate_json() reads back as the same.
# Happens: pydantic 2.14.4 (core 2.50.5) does so for Model(...) and model_validate(json.loads(body)), and so in FastAPI 0.165.0;
#   model_validate_json(body) takes each text for the other type where it can be: the order number "20260702" is the 23rd of August 1970, "12" is
#   twelve seconds after 1970 began, the number "0042" is Decimal("42"), "1_000" a thousand, a hexadecimal id is a UUID and is written with hyphens,
#   "10:00" is a timedelta and is written "PT10H". So a model is another one after its own JSON, with no error. int | str, float | str and str |
#   datetime keep the text (with str first a datetime comes back as text).
# Means: a field of free form (metadata, an answer of a form, an id or a time) is right in the handler and changed in the worker behind a queue, a
#   cache or a file, if it looks like a number; a lookup by the id finds nothing, "0042" and "42" are one customer. Put a field for the kind beside
#   it (a discriminator), or read with model_validate(json.loads(..)). (Python 3.11)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pydantic==2.14.4 fastapi==0.165.0
cat > t.py <<'E'
import asyncio, json, sys, warnings
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from importlib.metadata import version
from uuid import UUID
warnings.simplefilter("error")
from fastapi import FastAPI
from pydantic import BaseModel, create_model
failed = False; print("Python", sys.version.split()[0], *(f"{p} {version(p)}" for p in ("pydantic", "pydantic_core", "fastapi")))
def through_fastapi(model, body):
    app = FastAPI(); seen = []
    async def handler(event): seen.append(event.value); return {}
    handler.__annotations__ = {"event": model}; app.post("/")(handler); sent = []
    async def receive(): return {"type": "http.request", "body": body, "more_body": False}
    async def send(message): sent.append(message)
    asyncio.run(app({"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http", "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2)}, receive, send))
    assert sent[0]["status"] == 200; return seen[0]
def check(what, kind, value, after):
    global failed
    model = create_model("Event", value=(kind, ...)); body = json.dumps({"value": value}).encode()
    event = model(value=value); text = event.model_dump_json(); back = model.model_validate_json(text); again = json.loads(back.model_dump_json())["value"]
    same = event.value, model.model_validate(json.loads(body)).value, through_fastapi(model, body)
    print(f"{what:18} {value!r:38} after its own JSON {back.value!s:40} and written {again!r}")
    if repr(same) != repr((value,) * 3) or repr(back.value) != repr(after) and back.value != after or type(back.value) is not type(after): failed = True; print("   changed:", same, repr(back.value))
utc = timezone.utc
check("datetime | str", datetime | str, "20260702", datetime(1970, 8, 23, 11, 58, 22, tzinfo=utc))
check("datetime | str", datetime | str, "12", datetime(1970, 1, 1, 0, 0, 12, tzinfo=utc))
check("datetime | str", datetime | str, "1234567890", datetime(2009, 2, 13, 23, 31, 30, tzinfo=utc))
check("datetime | str", datetime | str, "A-20260702", "A-20260702")
check("Decimal | str", Decimal | str, "0042", Decimal("42"))
check("Decimal | str", Decimal | str, "1_000", Decimal("1000"))
check("Decimal | str", Decimal | str, "1e3", Decimal("1E+3"))
check("UUID | str", UUID | str, "3FA85F6457174562B3FC2C963F66AFA6", UUID("3fa85f64-5717-4562-b3fc-2c963f66afa6"))
check("timedelta | str", timedelta | str, "10:00", timedelta(hours=10))
check("None | Decimal | str", None | Decimal | str, "007", Decimal("7"))
print("controls")
check("str | datetime", str | datetime, "20260702", "20260702"); check("str | Decimal", str | Decimal, "0042", "0042")
check("int | str", int | str, "0042", "0042"); check("float | str", float | str, "1e3", "1e3"); check("bool | str", bool | str, "true", "true")
class Event(BaseModel): value: str | datetime
first = Event(value=datetime(2026, 7, 2, 10, tzinfo=utc)); back = Event.model_validate_json(first.model_dump_json()); print("str | datetime, a datetime, after its own JSON", repr(back.value))
failed |= back.value != "2026-07-02T10:00:00Z"
sys.exit(failed)
E
timeout 60 v/bin/python t.py
