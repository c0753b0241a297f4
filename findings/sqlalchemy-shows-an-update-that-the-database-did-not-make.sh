#!/usr/bin/env bash
# Expected: session.execute(update(Order).where(...).values(...)) brings the objects that the session has in line with the rows, which is what its
#   default, synchronize_session="auto", is for: "evaluate" where the condition can be looked at in Python, else "fetch". What it looks at in Python
#   comes out as in the database.
# Happens: SQLAlchemy 2.1.9 looks at each condition as Python does: text by its letters, though the column's collation is NOCASE (here SQLite's;
#   case-insensitive is what MySQL and MariaDB have by default), not_in([5, None]) as if None were a value, where SQL finds nothing, and % of a
#   number below zero. A row that was paid is open in the object, and the other way round. New values, too: amount * 1.195 of a Numeric(12, 2) is
#   23.88805 in the object and 23.89 for whoever reads the row, an id given as "12" stays text. With expire_on_commit=False, which its documentation
#   has for asyncio, the objects stay so after the commit. No error. With synchronize_session="fetch" it is the right rows, with the same values.
# Means: the handler answers, mails or queues on a state that is not the row's: a payment to "Ada@example.com" is marked for "ada@example.com" in
#   the table, and not in the program that goes on with it. Read the objects again after it (session.expire_all(), refresh()). (Python 3.11, SQLite)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check SQLAlchemy==2.1.9
cat > t.py <<'E'
import sqlite3, sys, warnings
from decimal import Decimal
import sqlalchemy
from sqlalchemy import Integer, Numeric, String, create_engine, delete, select, update
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
warnings.filterwarnings("ignore", message=".*Decimal.*"); failed = False # SQLite has no Decimal, it says
class Base(DeclarativeBase): pass
class Order(Base):
    __tablename__ = "orders"; id = mapped_column(Integer, primary_key=True); email = mapped_column(String(50, collation="NOCASE"))
    shard = mapped_column(Integer, nullable=True); amount = mapped_column(Numeric(12, 2)); status = mapped_column(String(20), default="open")
engine = create_engine("sqlite://"); Base.metadata.create_all(engine)
print("Python", sys.version.split()[0], "SQLAlchemy", sqlalchemy.__version__, "SQLite", sqlite3.sqlite_version)
def run(where, field, values, how=None, expire=False):
    with Session(engine) as s:
        s.execute(delete(Order)); s.add_all([Order(id=1, email="Ada@example.com", shard=-7, amount=Decimal("19.99")), Order(id=2, email="bob@example.com", shard=8, amount=Decimal("0.10"))]); s.commit()
    with Session(engine, expire_on_commit=expire) as s:
        objects = s.scalars(select(Order).order_by(Order.id)).all(); change = update(Order).where(where).values(**values)
        s.execute(change.execution_options(synchronize_session=how) if how else change); s.commit(); ours = [getattr(o, field) for o in objects]
    with Session(engine) as s: return ours, [getattr(o, field) for o in s.scalars(select(Order).order_by(Order.id))]
def check(what, where, field, values, ours, rows):
    global failed
    got = run(where, field, values); fetched = run(where, field, values, "fetch"); expired = run(where, field, values, expire=True)
    print(f"{what:50} objects {[str(v) for v in got[0]]!s:28} rows {[str(v) for v in got[1]]!s:22} by 'fetch' {[str(v) for v in fetched[0]]}")
    if repr(got) != repr((ours, rows)) or expired[0] != rows or repr(fetched) != repr((rows if field == "status" else ours, rows)): failed = True; print("   changed: expected", ours, rows, expired, fetched)
paid = {"status": "paid"}
check("where email == 'ada@example.com'", Order.email == "ada@example.com", "status", paid, ["open", "open"], ["paid", "open"])
check("where email.in_(['ada@example.com'])", Order.email.in_(["ada@example.com"]), "status", paid, ["open", "open"], ["paid", "open"])
check("where email != 'ada@example.com'", Order.email != "ada@example.com", "status", paid, ["paid", "paid"], ["open", "paid"])
check("where shard.not_in([5, None])", Order.shard.not_in([5, None]), "status", paid, ["paid", "paid"], ["open", "open"])
check("where shard % 3 == 2", Order.shard % 3 == 2, "status", paid, ["paid", "paid"], ["open", "paid"])
D = Decimal; check("set amount = amount * 1.195", Order.id > 0, "amount", {"amount": Order.amount * D("1.195")}, [D("23.88805"), D("0.11950")], [D("23.89"), D("0.12")])
check("set shard = shard % 3", Order.id > 0, "shard", {"shard": Order.shard % 3}, [2, 2], [-1, 2])
check("set shard = '12'", Order.id > 0, "shard", {"shard": "12"}, ["12", "12"], [12, 12])
print("controls")
check("where email == 'Ada@example.com'", Order.email == "Ada@example.com", "status", paid, ["paid", "open"], ["paid", "open"])
check("where id == 1", Order.id == 1, "status", paid, ["paid", "open"], ["paid", "open"])
check("where email.like('ada%'), which is no 'evaluate'", Order.email.like("ada%"), "status", paid, ["paid", "open"], ["paid", "open"])
sys.exit(failed)
E
timeout 60 v/bin/python t.py
