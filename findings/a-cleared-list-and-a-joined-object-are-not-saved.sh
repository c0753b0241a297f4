#!/usr/bin/env bash
# Expected: a document or row that notices by itself what changes in its JSON saves each change: .update(), .append() and a new item are saved by
#   all here. The readme of sqlalchemy-json says that NestedMutableJson tracks what happens in nested objects and lists; save() of mongoengine is to
#   write what changed.
# Happens: mongoengine 0.29.3 does not notice `|=` on an object (DictField, MapField, in embedded documents, one level down) nor .clear() on a list
#   (ListField, EmbeddedDocumentListField, one level down): save() sends nothing to the database and returns as always, and the object in memory has
#   the change. .update(), del x[:] and x[:] = [] are saved. sqlalchemy-json 0.7.0 does not notice insert(), reverse(), clear(), += and *= of a
#   list, one that is the column itself or lies in an object (row.body["x"] += [..] is saved, items = row.body["x"]; items += [..] is not); append()
#   and extend() are. Pony 0.7.20 saves e.body |= .., and not b = e.body; b |= ..; lists likewise. SQLAlchemy's own MutableDict and MutableList save
#   all of these. No warning.
# Means: "status": "paid" merged into an order is open again for the next reader, the next webhook sends an emptied cart or ships it, a history line
#   put in front is gone; tests that look at the object are green. Write .update(), x[:] = [] and x[0:0] = [item], or assign a new object. (Python
#   3.11, mongomock 4.3.0 in place of a server: the command is not sent; clear() of mongoengine is reported upstream)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check mongoengine==0.29.3 mongomock==4.3.0 pymongo==4.20.1 SQLAlchemy==2.1.9 sqlalchemy-json==0.7.0 pony==0.7.20
cat > t.py <<'E'
import copy, json, sys, warnings
from importlib.metadata import version
warnings.simplefilter("ignore")
import mongoengine as me, mongomock
from pony import orm as pony
from sqlalchemy import JSON, Integer, create_engine
from sqlalchemy.ext.mutable import MutableDict, MutableList
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
from sqlalchemy_json import NestedMutableJson
failed = False; print("Python", sys.version.split()[0], *(f"{p} {version(p)}" for p in ("mongoengine", "mongomock", "pymongo", "SQLAlchemy", "sqlalchemy-json", "pony")))
def check(what, saved, in_memory, wanted):
    global failed
    same = json.dumps(saved, sort_keys=True) == json.dumps(in_memory, sort_keys=True)
    print(f"{what:75} {'saved' if same else 'NOT SAVED'}")
    if same != wanted: failed = True; print("   changed:", saved, in_memory)
body = {"status": "open", "card": {"last4": "4242"}, "lines": [{"sku": "a"}, {"sku": "b"}], "history": ["created", "sent"]}
me.connect("t", mongo_client_class=mongomock.MongoClient)
class Part(me.EmbeddedDocument): sku = me.StringField(); info = me.DictField()
class Order(me.Document): body = me.DictField(); parts = me.EmbeddedDocumentListField(Part); tags = me.ListField(me.StringField()); by = me.MapField(me.DictField())
def plain(o): return {k: v for k, v in o.to_mongo().to_dict().items() if k != "_id"}
def mongo(code, wanted):
    Order.drop_collection(); Order(body=copy.deepcopy(body), parts=[Part(sku="a", info={"q": 1})], tags=["x", "y"], by={"p": {"q": 1}}).save()
    o = Order.objects.first(); exec(code, {"o": o}); now = plain(o); nothing = o._delta() == ({}, {}); o.save(); check("mongoengine      " + code, plain(Order.objects.first()), now, wanted)
    assert nothing != wanted # what it would send
mongo("o.body |= {'status': 'paid'}", False); mongo("o.body.update({'status': 'paid'})", True); mongo("o.body['status'] = 'paid'", True)
mongo("o.body['card'] |= {'last4': '1'}", False); mongo("o.by['p'] |= {'q': 2}", False); mongo("o.parts[0].info |= {'q': 2}", False)
mongo("o.body['card'].update({'last4': '1'})", True); mongo("o.parts[0].info.update({'q': 2})", True)
mongo("o.tags.clear()", False); mongo("o.parts.clear()", False); mongo("o.body['lines'].clear()", False); mongo("o.body.clear()", True)
mongo("del o.tags[:]", True); mongo("o.parts[:] = []", True); mongo("o.tags += ['z']", True); mongo("o.tags.insert(0, 'z')", True); mongo("o.tags.reverse()", True)
class Base(DeclarativeBase): pass
class Row(Base):
    __tablename__ = "row"; id = mapped_column(Integer, primary_key=True)
    body = mapped_column(NestedMutableJson); items = mapped_column(NestedMutableJson)
    own = mapped_column(MutableDict.as_mutable(JSON)); own_items = mapped_column(MutableList.as_mutable(JSON))
engine = create_engine("sqlite://"); Base.metadata.create_all(engine)
def values(row): return [copy.deepcopy(json.loads(json.dumps(getattr(row, k)))) for k in ("body", "items", "own", "own_items")]
def alchemy(name, code, wanted):
    with Session(engine) as s: s.query(Row).delete(); s.add(Row(id=1, body=copy.deepcopy(body), items=[3, 1, 2], own=copy.deepcopy(body), own_items=[3, 1, 2])); s.commit()
    with Session(engine) as s: r = s.get(Row, 1); exec(code, {"r": r}); now = values(r); s.commit()
    with Session(engine) as s: check(f"{name:16} {code}", values(s.get(Row, 1)), now, wanted)
for code, wanted in (("insert(0, 9)", False), ("reverse()", False), ("clear()", False), ("append(9)", True), ("extend([9])", True), ("sort()", True), ("remove(3)", True)):
    alchemy("sqlalchemy-json", "r.items." + code, wanted); alchemy("SQLAlchemy", "r.own_items." + code, True)
for code in ("+= [9]", "*= 2"): alchemy("sqlalchemy-json", "r.items " + code, False); alchemy("SQLAlchemy", "r.own_items " + code, True)
alchemy("sqlalchemy-json", "r.body['history'].insert(0, 'paid')", False); alchemy("sqlalchemy-json", "r.body['lines'].clear()", False)
alchemy("sqlalchemy-json", "h = r.body['history']; h += ['paid']", False); alchemy("sqlalchemy-json", "r.body['history'] += ['paid']", True)
alchemy("sqlalchemy-json", "r.body['history'].append('paid')", True); alchemy("sqlalchemy-json", "r.body['card']['last4'] = '1'", True)
alchemy("SQLAlchemy", "r.own |= {'status': 'paid'}", True); alchemy("SQLAlchemy", "o = r.own; o |= {'status': 'paid'}", True)
db = pony.Database("sqlite", ":memory:")
class E(db.Entity): body = pony.Optional(pony.Json)
db.generate_mapping(create_tables=True)
def ponies(code, wanted):
    with pony.db_session: E.select().delete(); E(body=copy.deepcopy(body))
    with pony.db_session: e = E.select().first(); exec(code, {"e": e}); now = json.loads(json.dumps(e.body.get_untracked()))
    with pony.db_session: check("Pony             " + code, json.loads(json.dumps(E.select().first().body.get_untracked())), now, wanted)
ponies("e.body |= {'status': 'paid'}", True); ponies("b = e.body; b |= {'status': 'paid'}", False); ponies("b = e.body; b.update(status='paid')", True)
ponies("h = e.body['history']; h += ['paid']", False); ponies("h = e.body['history']; h.append('paid')", True)
sys.exit(failed)
E
timeout 60 v/bin/python t.py
