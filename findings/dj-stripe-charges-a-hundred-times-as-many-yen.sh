#!/usr/bin/env bash
# Expected: dj-stripe gives amounts as Decimal in the currency, and turns them into Stripe's smallest unit and back: of a currency without cents
#   (the yen) there is nothing to turn, and of one with three places it is a thousand. Its settings have a list of the currencies without cents.
# Happens: dj-stripe 2.11.0 does not use that list, and takes each currency for one with two places. customer.charge(Decimal("1000"),
#   currency="jpy") and add_invoice_item() ask Stripe for 100000 yen, Price.create(unit_amount=1000) offers it for that. A charge of 1000 yen, from
#   a webhook, is Charge.amount 10.00; refund(amount=Decimal("500")) takes 500 for more than those 10.00, and refunds all 1000. Of Kuwaiti dinars
#   charge(Decimal("12.30")) takes 1.230, and a charge of 12.300 is stored as 123.00. No error. Dollars, and a refund without an amount, are right.
# Means: with the first customer in Japan, Korea or Chile a shop that ran for years takes a hundred times the price, gives back twice what it was
#   to, and sums up a hundredth. Give Stripe's own number of the smallest unit to stripe itself (Charge.create, Refund.create), and read
#   stripe_data["amount"]. (Python 3.11, Django 5.2.19, stripe 15.6.2; Stripe is a server on 127.0.0.1 that writes down what it is asked)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check dj-stripe==2.11.0 Django==5.2.19 stripe==15.6.2
cat > t.py <<'E'
import json, sys, threading, warnings
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from urllib.parse import parse_qsl, urlparse
warnings.simplefilter("ignore"); asked = []; common = {"created": 1777629600, "livemode": False, "metadata": {}}
known = {"features": {"object": "list", "data": [], "has_more": False, "url": "/"}, "account": {"id": "acct_1", "object": "account", "type": "standard", "country": "JP", "default_currency": "jpy", "charges_enabled": True, "payouts_enabled": True,
    "details_submitted": True, "settings": {"branding": {}}} | common}
class Stripe(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *a): pass
    def answer(self, thing):
        body = json.dumps(thing).encode(); self.send_response(200); self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_GET(self): self.answer(known[self.path.split("?")[0].split("/")[-1]])
    def do_POST(self):
        sent = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode())); kind = urlparse(self.path).path.split("/")[-1][:-1]; asked.append(sent)
        more = {"charge": {"amount_refunded": 0, "captured": True, "paid": True, "refunded": False, "status": "succeeded"}, "refund": {"reason": None, "status": "succeeded"},
            "invoiceitem": {"date": 1777629600, "period": {"start": 1777629600, "end": 1777629600}, "proration": False, "discounts": [], "tax_rates": []},
            "price": {"active": True, "type": "one_time", "billing_scheme": "per_unit"}}[kind]
        sent = {k: int(v) if "amount" in k else v for k, v in sent.items()}; self.answer({"id": f"{kind}_{len(asked)}", "object": kind} | common | more | sent)
server = ThreadingHTTPServer(("127.0.0.1", 0), Stripe); threading.Thread(target=server.serve_forever, daemon=True).start()
import django
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}, USE_TZ=True, SECRET_KEY="x", MIGRATION_MODULES={"djstripe": None},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "djstripe"], DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    STRIPE_LIVE_MODE=False, STRIPE_TEST_SECRET_KEY="sk_test_" + "x" * 24, STRIPE_API_HOST=f"http://127.0.0.1:{server.server_port}")
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0, run_syncdb=True)
from djstripe.models import Charge, Customer, Price, Product
from djstripe.settings import djstripe_settings
failed = False; print("Python", sys.version.split()[0], *(f"{p} {version(p)}" for p in ("dj-stripe", "Django", "stripe")))
def check(what, got, wanted):
    global failed
    print(f"{what:62} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
check("jpy is in the list of settings.py", "jpy" in djstripe_settings.ZERO_DECIMAL_CURRENCIES, True)
customer = Customer.sync_from_stripe_data({"id": "cus_1", "object": "customer", "currency": None} | common)
product = Product.sync_from_stripe_data({"id": "prod_1", "object": "product", "name": "tea", "active": True, "type": "service"} | common)
known["prod_1"] = {"id": "prod_1", "object": "product", "name": "tea", "active": True, "type": "service"} | common
known["cus_1"] = {"id": "cus_1", "object": "customer", "currency": None} | common
def came(currency, units): # as in the webhook charge.succeeded
    known["ch_" + currency] = {"id": "ch_" + currency, "object": "charge", "amount": units, "amount_refunded": 0, "currency": currency, "customer": "cus_1", "paid": True,
        "captured": True, "refunded": False, "status": "succeeded"} | common
    Charge.sync_from_stripe_data(known["ch_" + currency]); return Charge.objects.get(id="ch_" + currency)
def sums(): return asked[-1].get("amount") or asked[-1]["unit_amount"], asked[-1].get("currency")
for currency, amount, units, stored in (("usd", "19.99", "1999", "19.99"), ("jpy", "1000", "100000", "10.00"), ("kwd", "12.30", "1230", "123.00")):
    customer.charge(Decimal(amount), currency=currency); check(f"customer.charge({amount}, {currency}) asks Stripe for", sums(), (units, currency))
    customer.add_invoice_item(Decimal(amount), currency); check(f"customer.add_invoice_item({amount}, {currency})", sums(), (units, currency))
    price = Price.create(unit_amount=Decimal(amount), currency=currency, product=product); check(f"Price.create(unit_amount={amount}, {currency})", sums(), (units, currency))
    right = {"usd": 1999, "jpy": 1000, "kwd": 12300}[currency]; charge = came(currency, right)
    check(f"a charge of {right} {currency} comes: Charge.amount, str()", (str(charge.amount), str(charge).split(" (")[0].lstrip("$¥")), (stored, f"{stored} {currency.upper()}"))
for currency, amount, units in (("usd", "5.00", "500"), ("jpy", "500", "1000")):
    Charge.objects.get(id="ch_" + currency).refund(amount=Decimal(amount)); check(f"refund(amount={amount}) of it, {currency}, asks Stripe for", asked[-1]["amount"], units)
Charge.objects.get(id="ch_jpy").refund(); check("refund() of it, jpy", asked[-1]["amount"], "1000")
server.shutdown(); sys.exit(failed)
E
timeout 60 v/bin/python t.py
