#!/usr/bin/env bash
# Expected: django-webhook, which posts the changes of Django's models to subscribers, lists "Retries with exponential backoff" and an "Audit log with past
#   webhook events" among its features: an event goes out again, later and later, until the subscriber takes it, and the log says how it ended.
# Happens: django-webhook 0.0.15 tries again only if there was an answer. When nobody listens, or the connection ends without an answer (a receiver that is
#   being restarted), its task trips over the missing answer (AttributeError: 'NoneType' object has no attribute 'status_code'), Celery takes that for the
#   end, and nothing is sent again; the log says PENDING for ever. After a 503 it does try again, five times, each after 60 s: Celery's backoff works for
#   autoretry_for only, not for self.retry(). After five minutes it is over. A change that is rolled back is posted all the same: it goes out at save(), not
#   at the commit.
# Means: a deploy of the receiver loses events for good while all looks configured, and a receiver whose proxy answers 502 hides it in every test; some
#   events tell of rows that never were. Look for PENDING rows and post them again yourself, and let the receiver fetch a row by its id before it acts.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check django-webhook==0.0.15 celery==5.7.0 Django==5.2.19 requests==2.34.2
mkdir shop; touch shop/__init__.py
cat > shop/models.py <<'E'
from django.db import models
class Order(models.Model): note = models.CharField(max_length=9)
E
cat > t.py <<'E'
import datetime, http.server, logging, socket, socketserver, sys, threading, time
from importlib.metadata import version
import django; from django.conf import settings
settings.configure(INSTALLED_APPS=["django.contrib.contenttypes", "django_webhook", "shop"], USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "t.db"}}, DJANGO_WEBHOOK={"MODELS": ["shop.Order"], "USE_CACHE": False})
from celery import Celery, signals
from celery.contrib.testing.worker import start_worker
app = Celery("t", broker="memory://", backend="cache+memory://"); app.set_default(); django.setup(); logging.disable(logging.CRITICAL)
from django.core.management import call_command; from django.db import transaction
call_command("migrate", run_syncdb=True, verbosity=0)
from django_webhook.models import Webhook, WebhookEvent, WebhookTopic, populate_topics_from_settings
from django_webhook.tasks import fire_webhook; from shop.models import Order
populate_topics_from_settings()
print("Python", sys.version.split()[0], *(f"{name} {version(name)}" for name in ("django-webhook", "celery", "Django", "requests"))); failed = False
posts, published, ended = [], [], []
class Answer(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"])); posts.append(self.path)
        if self.path == "/cut": return
        self.send_response(int(self.path[1:])); self.send_header("Content-Length", "0"); self.end_headers()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer); threading.Thread(target=server.serve_forever, daemon=True).start()
free = socket.socket(); free.bind(("127.0.0.1", 0)); closed = free.getsockname()[1]
@signals.before_task_publish.connect(weak=False)
def publish(headers=None, **_):
    eta = headers.get("eta"); wait = eta and round((datetime.datetime.fromisoformat(eta) - datetime.datetime.now(datetime.timezone.utc)).total_seconds())
    published.append((headers["retries"], wait))
@signals.task_failure.connect(weak=False)
def fail(exception=None, **_): ended.append(type(exception).__name__)
@signals.task_retry.connect(weak=False)
def retry(**_): ended.append("retry")
@signals.task_success.connect(weak=False)
def success(**_): ended.append("done")
def show(what, got, wanted):
    global failed
    print(f"{what}: {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def run(path, port, retries=0):
    WebhookEvent.objects.all().delete(); published.clear(); ended.clear(); posts.clear()
    hook = Webhook.objects.create(url=f"http://127.0.0.1:{port}{path}")
    fire_webhook.apply_async((hook.id, '{"object": 1}'), dict(topic="shop.Order/create", object_type="shop.Order"), retries=retries)
    end = time.time() + 15
    while not ended and time.time() < end: time.sleep(0.05)
    time.sleep(0.2); return len(posts), *ended, [e.status for e in WebhookEvent.objects.all()], published[1:]
with start_worker(app, perform_ping_check=False, pool="solo"):
    show("200: posts, end of the task, log, sent again (number, after seconds)", run("/200", server.server_port), (1, "done", ["SUCCESS"], []))
    show("503", run("/503", server.server_port), (1, "retry", ["FAILURE"], [(1, 60)]))
    show("503 the second, third, fourth and fifth time", [run("/503", server.server_port, n)[3] for n in (1, 2, 3, 4)], [[(n, 60)] for n in (2, 3, 4, 5)])
    show("503 the sixth time", run("/503", server.server_port, 5)[1:], ("HTTPError", ["FAILURE"], []))
    show("nobody listens", run("/200", closed), (0, "AttributeError", ["PENDING"], []))
    show("closed without an answer", run("/cut", server.server_port), (1, "AttributeError", ["PENDING"], []))
Webhook.objects.all().delete(); hook = Webhook.objects.create(url="http://127.0.0.1:1/"); hook.topics.set(WebhookTopic.objects.all()); published.clear()
try:
    with transaction.atomic(): Order.objects.create(note="never"); raise KeyError
except KeyError: pass
show("rolled back: rows, tasks", (Order.objects.count(), len(published)), (0, 1))
sys.exit(failed)
E
timeout 80 v/bin/python -W ignore t.py
