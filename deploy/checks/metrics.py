"""Runs every query of the board and of the rules on a real Prometheus that scrapes a real receiver.

metrics.py PROMETHEUS RECEIVER

A query must be read by Prometheus and give series, but for those that wait for what only CaiGunn can bring about. Of docs/metrics.md
every metric must be on the board, and what a rule names as its document must be there.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "d3b07384d113edec49eaa6238ad5ff00"
# How long for Prometheus to have scraped and reckoned, in seconds: far longer than it takes.
PATIENCE = 90
# A registration is confirmed by CaiGunn alone.
EMPTY_WITHOUT_CAIGUNN = "(max(caigunn_webhook_last_confirmed_registration_timestamp_seconds"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(url, **parameters):
    """What a server says to a request, as JSON; None while it says nothing."""
    if parameters:
        url += "?" + urllib.parse.urlencode(parameters)
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error) if error.headers.get_content_type() == "application/json" else None
    except OSError:
        return None


def wait_for(what, look):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    sys.exit(f"waited in vain for {what}")


def start_receiver(program, folder, port, admin_port):
    nobody = "http://127.0.0.1:9"
    environment = {
        "PATH": "/usr/bin:/bin",
        "CAIGUNN_LISTEN": f"127.0.0.1:{port}",
        "CAIGUNN_ADMIN_LISTEN": f"127.0.0.1:{admin_port}",
        "CAIGUNN_INBOX_URL": f"sqlite:{folder}/inbox.db",
        "CAIGUNN_ADMIN_TOKEN": "another",
        "CAIGUNN_ADMIN_READ_ONLY_TOKEN": TOKEN,
        "CAIGUNN_ACCESS_TOKEN": "nobody-asks-for-it",
        "CAIGUNN_API_URL": nobody,
        "CAIGUNN_PUBLIC_URL": nobody,
        "CAIGUNN_DELIVERY_DESTINATION": json.dumps([{"name": "app", "kind": "http", "url": nobody}]),
        "CAIGUNN_NOTICE": json.dumps([{"name": "ops", "url": nobody}]),
    }
    log = open(folder / "receiver.log", "w")
    return subprocess.Popen([program, "serve"], env=environment, cwd=folder, stdout=log, stderr=log)


def post_as_caigunn(port):
    """A sample of `trigger` would not count as a notification of CaiGunn's."""
    ids = {"event_id": str(uuid.uuid4()), "data": {"chatbot_id": str(uuid.uuid4())}}
    body = json.dumps({"event": "crawling", "status": "initial", **ids}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/webhook", data=body, headers=headers)
    urllib.request.urlopen(request, timeout=10).close()


def start_prometheus(program, folder, port, admin_port):
    """With the files as they are shipped, but for where the receiver is and its token."""
    (folder / "token").write_text(TOKEN)
    settings = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yaml").read_text())
    settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    settings["rule_files"] = [str(ROOT / "deploy/prometheus/rules.yaml")]
    (scrape,) = settings["scrape_configs"]
    scrape["authorization"]["credentials_file"] = str(folder / "token")
    scrape["static_configs"] = [{"targets": [f"127.0.0.1:{admin_port}"]}]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(settings))
    arguments = [
        f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    log = open(folder / "prometheus.log", "w")
    return subprocess.Popen([program, *arguments], cwd=folder, stdout=log, stderr=log)


def board():
    return json.loads((ROOT / "deploy/grafana/caigunn-webhook.json").read_text())


def queries():
    """Those of the board, as it asks them with its variables filled in."""
    for panel in board()["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$job", "caigunn-webhook")
            yield panel["title"], query.replace("$__rate_interval", "10s")


def check_board(url):
    count = 0
    for title, query in queries():
        answer = ask(f"{url}/api/v1/query", query=query)
        if answer["status"] != "success":
            sys.exit(f"{title}: {query}: {answer}")
        if not answer["data"]["result"] and EMPTY_WITHOUT_CAIGUNN not in query:
            sys.exit(f"{title}: {query} gives no series")
        count += 1
    (variable,) = (v for v in board()["templating"]["list"] if v["type"] == "query")
    name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()
    if ask(f"{url}/api/v1/label/{label}/values", **{"match[]": name})["data"] != ["caigunn-webhook"]:
        sys.exit(f"the board finds no deployment by {variable['definition']}")
    print(f"{count} queries of the board")


def check_rules(url):
    def reckoned():
        (group,) = ask(f"{url}/api/v1/rules")["data"]["groups"]
        rules = group["rules"]
        return rules if all(rule["health"] == "ok" for rule in rules) else []

    for rule in wait_for("all rules to be reckoned", reckoned):
        path, _, anchor = rule["annotations"]["runbook"].partition("#")
        headings = re.findall(r"^#+ (.*)$", (ROOT / path).read_text(), re.MULTILINE)
        anchors = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
        if anchor and anchor not in anchors:
            sys.exit(f"{rule['name']}: {rule['annotations']['runbook']} is not there")
    # It begins to wait for one that is scraped, and must know this one as a receiver.
    quiet = lambda: [rule for rule in reckoned() if (rule["name"], rule["state"]) == ("CaigunnWebhookDown", "inactive")]
    wait_for("CaigunnWebhookDown to be quiet", quiet)
    print("all rules are reckoned, their documents are there, and the receiver is known as one")


def check_names():
    documented = re.findall(r"^\| (`.*?) \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    names = [re.match(r"\w+", name).group() for cell in documented for name in re.findall(r"`([^`]+)`", cell)]
    asked = " ".join(query for _, query in queries())
    missing = [name for name in names if not re.search(rf"caigunn_webhook_{name}(_bucket|_sum)?\b", asked)]
    if missing or len(names) < 25:
        sys.exit(f"not on the board: {missing}")
    print(f"{len(names)} metrics of docs/metrics.md are on the board")


def main():
    prometheus, receiver = map(os.path.abspath, sys.argv[1:])
    check_names()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        port, admin_port, prometheus_port = free_port(), free_port(), free_port()
        running = []
        try:
            running.append(start_receiver(receiver, folder, port, admin_port))
            running.append(start_prometheus(prometheus, folder, prometheus_port, admin_port))
            said = (folder / "receiver.log").read_text
            wait_for("the receiver", lambda: running[0].poll() is not None or "listening on" in said())
            if running[0].poll() is not None:
                sys.exit(f"the receiver ended: {said()}")
            post_as_caigunn(port)
            url = f"http://127.0.0.1:{prometheus_port}"
            last = "rate(caigunn_webhook_notifications_total[10s]) >= 0 and on(job) (caigunn_webhook_last_notification_timestamp_seconds > 0)"
            scraped = lambda: (ask(f"{url}/api/v1/query", query=last) or {}).get("data", {}).get("result")
            wait_for("Prometheus to scrape the receiver twice", scraped)
            check_board(url)
            check_rules(url)
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait()


if __name__ == "__main__":
    main()
