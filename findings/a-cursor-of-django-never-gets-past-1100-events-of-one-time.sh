#!/usr/bin/env bash
# Expected: who follows "next" of Django REST framework's CursorPagination gets each row once, and then no "next"; its documentation has that, and
#   says that the field to order by need not be unique, as it counts on from the last position where several rows have the same.
# Happens: djangorestframework 3.18.3 counts on to 1000 at most: of 2600 events, 1500 of which have one time (a date, a time in seconds, a night's
#   import), the pages of 100 give the first 1100, and then "next" of the page with 1000 behind it leads to itself, for ever: the client gets the
#   same 100 again and again with 200, and never the 1500 others. A second field, ("at", "id"), as one adds it for an order without ties, does not
#   help: only the first is in the cursor. The limit is in the code (offset_cutoff), and not in the documentation. With pages of 400 it is 1400. Up
#   to 1000 behind a position all is well.
# Means: a consumer that takes over what it missed stands at the day of the import, books 100 events again with each round if it does not know
#   repeats, and never gets what came since; no test has a thousand rows of one time. Order by one unique field (id), or set offset_cutoff = None.
#   (Python 3.11, Django 5.2.19, SQLite)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check Django==5.2.19 djangorestframework==3.18.3
cat > t.py <<'E'
import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
import django
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}, INSTALLED_APPS=["rest_framework"], USE_TZ=True, SECRET_KEY="x", ALLOWED_HOSTS=["*"],
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "DEFAULT_PERMISSION_CLASSES": [], "UNAUTHENTICATED_USER": None})
django.setup()
from django.db import connection, models
from rest_framework import generics, pagination, serializers
from rest_framework.test import APIRequestFactory
class Event(models.Model):
    id = models.BigAutoField(primary_key=True); at = models.DateTimeField(db_index=True)
    class Meta: app_label = "t"
with connection.schema_editor() as editor: editor.create_model(Event)
class Json(serializers.ModelSerializer):
    class Meta: model = Event; fields = ["id", "at"]
def follow(order, most=60, size=100, **more): # what a client gets that follows "next"
    pages = type("Pages", (pagination.CursorPagination,), {"ordering": order, "page_size": size} | more)
    view = generics.ListAPIView.as_view(queryset=Event.objects.all(), serializer_class=Json, pagination_class=pages); url = "/events"; got = []; seen = []
    while url and len(got) < most:
        answer = view(APIRequestFactory().get(url)); assert answer.status_code == 200
        seen.append(url); got.append([row["id"] for row in answer.data["results"]]); url = answer.data["next"]
    ids = [i for page in got for i in page]
    return {"pages": len(got), "rows": len(ids), "of them different": len(set(ids)), "ends": url is None, "next is itself": url == seen[-1], "last page twice": len(got) > 1 and got[-1] == got[-2]}
night = datetime(2026, 11, 1, tzinfo=timezone.utc)
def fill(same, before, after):
    Event.objects.all().delete(); times = [night - timedelta(hours=n + 1) for n in range(before)] + [night] * same + [night + timedelta(seconds=n + 1) for n in range(after)]
    Event.objects.bulk_create(Event(at=t) for t in times)
failed = False; print("Python", sys.version.split()[0], "Django", django.__version__, "djangorestframework", version("djangorestframework"))
def check(what, got, pages, rows, different, ends):
    global failed
    print(f"{what:58} {got}")
    if got != {"pages": pages, "rows": rows, "of them different": different, "ends": ends, "next is itself": not ends, "last page twice": not ends}: failed = True; print("   changed")
fill(1500, 0, 1100)
check("1500 of one time, then 1100; at", follow("at"), 60, 6000, 1100, False)
check("   ('at', 'id')", follow(("at", "id")), 60, 6000, 1100, False)
check("   at, pages of 400", follow("at", size=400), 60, 24000, 1400, False)
check("   ordered by id", follow("id"), 26, 2600, 2600, True)
check("   at, offset_cutoff = None", follow("at", offset_cutoff=None), 26, 2600, 2600, True)
fill(1100, 0, 1500); check("1100 of one time, then 1500; at", follow("at"), 26, 2600, 2600, True)
fill(1101, 0, 1499); check("1101 of one time, then 1499; at", follow("at"), 60, 6000, 1100, False)
fill(1500, 1000, 100); check("100, then 1500 of one time, then 1000; -at", follow("-at"), 60, 6000, 1200, False)
sys.exit(failed)
E
timeout 80 v/bin/python t.py
