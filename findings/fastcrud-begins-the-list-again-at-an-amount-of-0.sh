#!/usr/bin/env bash
# Expected: get_multi_by_cursor() of fastcrud (the data layer of many FastAPI applications) gives all rows once, page by page, to who hands its next_cursor back until it is None; the only thing it asks for is
#   an index on the column, its examples sort by registration_date and created_at.
# Happens: fastcrud 0.23.0: next_cursor is the last row's value, and where that is 0 (an amount, a balance, a counter, or an empty text) the next call takes it for "no cursor" and gives the first page
#   again: a loop never ends, and what is behind 0 never comes. Where the page ends with a row without a value, next_cursor is None, "the end": with three such rows in front, 3 of 9 are all. (In
#   descending order they stand at the end and never come; in PostgreSQL it is ascending order that has them at the end.) Rows that have the value of a page's last row are passed over: of ten events, four in each second, two are missing. No error, no warning.
# Means: an export, a second delivery or a comparison with the sender, written as in the examples, is not complete or does not end, by what stands at the end of a page; with small tables and the default
#   limit of 100 all is there. Sort by the unique id only, and by one that never is 0 (for rows of a time: where=, with the time and the id).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check fastcrud==0.23.0 "sqlalchemy[asyncio]==2.1.9" aiosqlite==0.22.1
cat > t.py <<'E'
import asyncio, sqlite3, sys
from datetime import datetime
from importlib.metadata import version
from fastcrud import FastCRUD
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
failed = False
class Base(DeclarativeBase): pass
class Event(Base):
    __tablename__ = "event"
    id: Mapped[int] = mapped_column(primary_key=True); kind: Mapped[str]; amount: Mapped[int | None]; at: Mapped[datetime | None]
async def main():
    engine = create_async_engine("sqlite+aiosqlite://")
    async with engine.begin() as c: await c.run_sync(Base.metadata.create_all)
    print("Python", sys.version.split()[0], "SQLite", sqlite3.sqlite_version, *(f"{n} {version(n)}" for n in ("fastcrud", "sqlalchemy")))
    async with AsyncSession(engine) as db:
        def add(kind, amounts=(), times=()):
            db.add_all(Event(kind=kind, amount=a) for a in amounts); db.add_all(Event(kind=kind, at=t) for t in times)
        add("plain", (1, 2, 3, 4, 5, 6, 7)); add("refunds", (-20, -10, 0, 10, 20, 30, 40)); add("unknown", (None, None, None, 1, 2, 3, 4, 5, 6))
        add("seconds", times=[datetime(2026, 5, 1, 10, 0, n // 4) for n in range(10)]); await db.commit()
        crud = FastCRUD(Event)
        async def check(what, column, kind, wanted, order="asc"):
            global failed
            got, cursor = [], None
            for n in range(5): # five pages of three at most
                page = await crud.get_multi_by_cursor(db, cursor=cursor, limit=3, sort_column=column, sort_order=order, kind=kind); cursor = page["next_cursor"]
                got.append([r[column] if column != "at" else r["at"].second for r in page["data"]])
                if cursor is None: break
            end = "the end" if cursor is None else f"goes on with {cursor}"; print(f"{what:24} {end:16} {got}")
            if (got, end) != wanted: failed = True; print("   changed: expected", wanted)
        await check("1 to 7", "amount", "plain", ([[1, 2, 3], [4, 5, 6], [7]], "the end"))
        await check("-20 to 40", "amount", "refunds", ([[-20, -10, 0]] * 5, "goes on with 0"))
        await check("three without an amount", "amount", "unknown", ([[None, None, None]], "the end"))
        await check("the same, descending", "amount", "unknown", ([[6, 5, 4], [3, 2, 1], []], "the end"), "desc")
        await check("four in each second", "at", "seconds", ([[0, 0, 0], [1, 1, 1], [2, 2]], "the end"))
    await engine.dispose()
asyncio.run(main()); sys.exit(failed)
E
timeout 60 v/bin/python t.py
