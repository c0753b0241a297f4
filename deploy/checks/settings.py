"""Holds the compose files and the deployments for Kubernetes against their schemas, gives the receiver the settings
and files that each of them would give it, and sees that each starts it anew however it ended: a signal, whoever sends it, ends
it with exit code 0, and nobody else takes what is posted.

settings.py RECEIVER KUBECTL COMPOSE_SCHEMA
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[2]
# The oldest that knows all that is set, and the newest that the package knows.
KUBERNETES = ("1.27", "1.37")
# For how long the health check of the image lets a receiver start.
IMAGE_STARTS_FOR = re.search(r"^HEALTHCHECK .*--start-period=(\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE).group(1)
SECRETS = {
    "access-token": "eyJhbGciOiJIUzI1NiJ9.e30.made-up",
    "admin-token": "0cc175b9c0f1b6a831c399e269772661",
    "inbox-url": "postgres://caigunn:92eb5ffee6ae2fec3ad71c777531578f@postgres/caigunn?sslmode=disable",
    "postgres-password": "92eb5ffee6ae2fec3ad71c777531578f",
    "webhook-token": "4a8a08f09d37b73795649038408b5f33",
}
# What is asked for below the public URL, and by whom.
ASKED = {
    "/webhook": "CaiGunn posts to where there is no token",
    f"/webhook/{SECRETS['webhook-token']}": "CaiGunn posts to",
    "/healthz": "the receiver's own probe asks for (src/subscription/probe.rs)",
}


def take(receiver, what, environment, files):
    """Has a receiver read these settings, where files are by their paths in the container; each secret must come from its file."""
    with tempfile.TemporaryDirectory() as root:
        for path, content in files.items():
            path = Path(root + path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        moved = {name: root + value if value in files else value for name, value in environment.items()}
        for name, value in environment.items():
            if value.startswith("/") and value not in files:
                sys.exit(f"{what}: {name} names {value}, which nobody puts there")
        moved.setdefault("CAIGUNN_DEFAULTS", str(ROOT / "config/image.toml"))
        checked = subprocess.run(
            [receiver, "config", "check"], env=moved, cwd=root, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if checked.returncode:
            sys.exit(f"{what}: {checked.stdout}")
        for name in environment:
            if name.endswith("_FILE") and not any(line.split()[-1:] == [name] for line in checked.stdout.splitlines()):
                sys.exit(f"{what}: nothing comes from {name}:\n{checked.stdout}")
    print(f"{what}: the receiver takes its settings")


def check_compose(receiver, schema, path):
    schema = json.loads(Path(schema).read_text())
    file = yaml.safe_load((ROOT / path).read_text())
    # It names no draft that the validator knows by that spelling.
    jsonschema.Draft201909Validator(schema).validate(file)
    for name, service in file["services"].items():
        if service.get("restart") not in ("always", "unless-stopped"):
            sys.exit(f"{path}, {name}: restart is {service.get('restart')}, so one that was ended by a signal stays so")
        if not service.get("logging", {}).get("options", {}).keys() >= {"max-size", "max-file"}:
            sys.exit(f"{path}, {name}: nothing bounds its log")
        for secret in service.get("secrets", []):
            content = SECRETS[Path(file["secrets"][secret]["file"]).name.replace("_", "-")]
            service.setdefault("files", {})[f"/run/secrets/{secret}"] = content
        for config in service.get("configs", []):
            source = file["configs"][config["source"]]["file"]
            shipped = source.removeprefix("${HOOKS_SETTINGS:-").removesuffix("}")
            service.setdefault("files", {})[config["target"]] = (ROOT / shipped).read_text()
        if not name.startswith("receiver"):
            continue
        environment = dict(service["environment"])
        if "CAIGUNN_PUBLIC_URL" in environment:
            environment["CAIGUNN_PUBLIC_URL"] = "https://hooks.example.com"
        take(receiver, f"{path}, {name}", environment, service["files"])
        if service.get("healthcheck", {}).get("start_period", IMAGE_STARTS_FOR) != "1h":
            sys.exit(f"{path}, {name}: an update of the inbox's tables passes for a failure")
    postgres = file["services"].get("postgres")
    if postgres and postgres["environment"]["POSTGRES_PASSWORD_FILE"] not in postgres["files"]:
        sys.exit(f"{path}: the database has no password")


def build(kubectl, name):
    """What kustomize makes of a deployment, with secrets where the repository has none."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "kubernetes"
        shutil.copytree(ROOT / "deploy/kubernetes", copy)
        for secret, content in SECRETS.items():
            (copy / name / "secrets" / secret).write_text(content + "\n")
        built = subprocess.run([kubectl, "kustomize", copy / name], check=True, text=True, stdout=subprocess.PIPE)
    return list(yaml.safe_load_all(built.stdout))


def passes(rule, path):
    """Whether a path of an Ingress takes that of a request."""
    if rule["pathType"] == "Exact":
        return path == rule["path"]
    return (path + "/").startswith(rule["path"].rstrip("/") + "/")


def check_ingress(name, ingress, service, public_url):
    """What is asked for at the public URL leads to the service's public port, and nothing else does."""
    url = urlsplit(public_url)
    (rule,) = ingress["spec"]["rules"]
    if (url.scheme, url.netloc) != ("https", rule["host"]) or rule["host"] not in ingress["spec"]["tls"][0]["hosts"]:
        sys.exit(f"{name}: the Ingress is not for {public_url}")
    paths = rule["http"]["paths"]
    for path in paths:
        to = path["backend"]["service"]
        if to["name"] != service["metadata"]["name"] or to["port"]["name"] != "public":
            sys.exit(f"{name}: {path['path']} does not lead to the public side")
    for path, who in ASKED.items():
        if not any(passes(rule, url.path.rstrip("/") + path) for rule in paths):
            sys.exit(f"{name}: the Ingress does not pass {path} on, which {who}")
    for path in ("/", "/readyz", "/healthz/x", "/webhooks", "/metrics", "/api/v1/receipts"):
        if any(passes(rule, path) for rule in paths):
            sys.exit(f"{name}: the Ingress passes {path} on, which nobody outside needs")


def check_kubernetes(receiver, kubectl, name):
    objects = build(kubectl, name)
    for version in KUBERNETES:
        for object in objects:
            kubernetes_validate.validate(object, version, strict=True)
    by_kind = {object["kind"]: object for object in objects}
    pod = by_kind["Deployment"]["spec"]["template"]
    if pod["spec"].get("restartPolicy", "Always") != "Always":
        sys.exit(f"{name}: restartPolicy is {pod['spec']['restartPolicy']}, so one that was ended by a signal stays so")
    (container,) = pod["spec"]["containers"]
    labels = pod["metadata"]["labels"].items()
    selectors = [by_kind["Service"]["spec"]["selector"]]
    if "PodDisruptionBudget" in by_kind:
        selectors.append(by_kind["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"])
        spread = pod["spec"]["topologySpreadConstraints"]
        selectors.extend(constraint["labelSelector"]["matchLabels"] for constraint in spread)
    if not all(selector.items() <= labels for selector in selectors):
        sys.exit(f"{name}: a selector finds no pod")
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    files = {}
    for mount in container["volumeMounts"]:
        volume = volumes[mount["name"]]
        if "configMap" in volume:
            by_name = next(o for o in objects if o["metadata"]["name"] == volume["configMap"]["name"] and o["kind"] == "ConfigMap")
            files[mount["mountPath"]] = by_name["data"][mount["subPath"]]
        elif "secret" in volume:
            assert volume["secret"]["secretName"] == by_kind["Secret"]["metadata"]["name"]
            for key, content in by_kind["Secret"]["data"].items():
                files[f"{mount['mountPath']}/{key}"] = base64.b64decode(content).decode()
        else:
            claim = volume["persistentVolumeClaim"]["claimName"]
            assert claim == by_kind["PersistentVolumeClaim"]["metadata"]["name"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    take(receiver, f"deploy/kubernetes/{name}, {len(objects)} objects", environment, files)
    settings = tomllib.loads(files[environment["CAIGUNN_CONFIG"]])
    check_ingress(name, by_kind["Ingress"], by_kind["Service"], settings["server"]["public_url"])


def check_service(receiver):
    """The variables of the unit and its drop-in, with the files that the package installs."""
    environment, files, folder, restart = {}, {}, "/run/credentials/caigunn-webhook.service", None
    for name in ("caigunn-webhook.service", "account.conf"):
        for line in (ROOT / "deploy/systemd" / name).read_text().splitlines():
            if line.startswith("Environment="):
                key, value = line.removeprefix("Environment=").split("=", 1)
                environment[key] = value.replace("%d", folder)
            elif line.startswith("LoadCredential="):
                credential = line.removeprefix("LoadCredential=").split(":")[0]
                files[f"{folder}/{credential}"] = SECRETS[credential]
            elif line.startswith("Restart="):
                restart = line.removeprefix("Restart=")
    if restart != "always":
        sys.exit(f"deploy/systemd: Restart is {restart}, so one that was ended by a signal stays so")
    files["/usr/share/caigunn-webhook/defaults.toml"] = (ROOT / "deploy/systemd/defaults.toml").read_text()
    files["/etc/caigunn-webhook/config.toml"] = (ROOT / "deploy/systemd/config.toml").read_text()
    take(receiver, "deploy/systemd", environment, files)


def main():
    receiver, kubectl, schema = map(os.path.abspath, sys.argv[1:])
    for path in ("compose.yaml", "compose.caddy.yaml", "compose.postgres.yaml"):
        check_compose(receiver, schema, path)
    for name in ("sqlite", "postgres"):
        check_kubernetes(receiver, kubectl, name)
    check_service(receiver)


if __name__ == "__main__":
    main()
