"""The nine proxies, each with the file of config/proxies, and what is put into it for a run on this machine."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from processes import ROOT, Process, free_port

CONFIGURATIONS = ROOT / "config" / "proxies"

# What begins a paragraph of a configuration that keeps the token out of the logs.
TOKEN_PARAGRAPH = "The token is in the path"

NAME = "hooks.example.com"


class Front:
    """A proxy that runs, in a folder of its own with all that it writes."""

    def __init__(self, kind, folder, receivers, usual_logs=False):
        """In front of the receivers at these ports. With the logs that it usually has, or those of our configuration."""
        self.kind, self.folder = kind, Path(folder)
        self.folder.mkdir(mode=0o755)
        # Some give up root's rights before they write.
        self.logs = self.folder / "logs"
        self.logs.mkdir()
        self.logs.chmod(0o777)
        self.receivers, self.usual_logs = receivers, usual_logs
        self.port, self.tls_port = free_port(), free_port()
        self.beside = []
        self.process = kind.start(self)
        self.process.wait_for_port(self.port)

    def configuration(self, file, *changes):
        """The shipped file, with our addresses in it. Each change is (what stands there once, what shall)."""
        text = (CONFIGURATIONS / file).read_text()
        if self.usual_logs:
            paragraphs = re.split(r"(?m)^\s*\n", text)
            text = "\n".join(part for part in paragraphs if TOKEN_PARAGRAPH not in part)
        lines = text.splitlines()
        if len(self.receivers) > 1:
            lines = [line[2:].lstrip() if line.startswith("#2") else line for line in lines]
        else:
            lines = [line for line in lines if not line.startswith("#2")]
        text = "\n".join(lines) + "\n"
        ports = zip(("8080", "8081"), self.receivers)
        for old, new in [*((old, str(new)) for old, new in ports if old in text), *changes]:
            if text.count(old) != 1:
                raise ValueError(f"{file}: {old!r} stands there {text.count(old)} times")
            text = text.replace(old, new)
        return text.replace(f"/etc/ssl/{NAME}", str(certificate(self.folder.parent)))

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
        return path

    def run(self, *command, **env):
        return Process(command, self.folder, {name: str(value) for name, value in env.items()})

    def stop(self):
        for process in [*self.beside, self.process]:
            process.stop()

    def files_with(self, text):
        """Of what it has written, the files that hold this."""
        paths = [path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink()]
        return sorted(path.name for path in paths if text.encode() in path.read_bytes())


@dataclass
class Kind:
    """A proxy that there is."""

    name: str
    program: str
    version_option: str
    start: Callable[[Front], Process]
    # How many receivers it can be in front of.
    most_receivers: int = 2
    has_tls: bool = True

    def version(self):
        """As it says itself: Debian's package of Traffic Server has an older one in its name."""
        asked = subprocess.run([self.program, self.version_option], capture_output=True, text=True)
        return re.search(r"\d+\.\d+\.\d+", asked.stdout + asked.stderr)[0]


def certificate(folder):
    """The path, without its ending, of a certificate (.crt), its key (.key) and both (.pem); made by the first call."""
    path = Path(folder) / NAME
    if not path.with_name(NAME + ".pem").exists():
        made = ["-keyout", f"{path}.key", "-out", f"{path}.crt", "-subj", f"/CN={NAME}", "-addext"]
        made += [f"subjectAltName=DNS:{NAME},IP:127.0.0.1", "-days", "2", "-newkey", "ec", "-pkeyopt"]
        made += ["ec_paramgen_curve:prime256v1", "-nodes"]
        subprocess.run(["openssl", "req", "-x509", *made], check=True, capture_output=True)
        for ending in ("key", "crt"):
            os.chmod(f"{path}.{ending}", 0o644)
        both = Path(f"{path}.crt").read_text() + Path(f"{path}.key").read_text()
        Path(f"{path}.pem").write_text(both)
    return path


def nginx(front):
    listen = f"listen 127.0.0.1:{front.port}; listen 127.0.0.1:{front.tls_port} ssl http2;"
    changes = [("listen 443 ssl http2;", listen)]
    if not front.usual_logs:
        changes.append(("/var/log/nginx/", f"{front.logs}/"))
    site = front.configuration("nginx.conf", *changes)
    temporary = "".join(
        f"{kind}_temp_path {front.folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # As Debian's nginx.conf, with its logs.
    path = front.write(
        "nginx.conf",
        f"""daemon off; worker_processes 1; pid {front.folder}/nginx.pid; error_log {front.logs}/error.log;
events {{ worker_connections 1024; }}
http {{
access_log {front.logs}/access.log;
{temporary}{site}}}
""",
    )
    return front.run("nginx", "-e", front.logs / "error.log", "-c", path)


def haproxy(front):
    bind = f"bind 127.0.0.1:{front.port}\n    bind 127.0.0.1:{front.tls_port} ssl"
    drop_users = [("    user haproxy\n", ""), ("    group haproxy\n", "")]
    changes = [("bind :443 ssl", bind), ("log /dev/log local0", "log stdout format raw local0"), *drop_users]
    text = front.configuration("haproxy.cfg", *changes)
    if front.usual_logs:
        text = text.replace("mode http\n", "mode http\n    option httplog\n")
    return front.run("haproxy", "-db", "-f", front.write("haproxy.cfg", text))


def caddy(front):
    path = certificate(front.folder.parent)
    name = "{$HOOKS_HOST:hooks.example.com} {"
    text = front.configuration("Caddyfile", (name, f"http://127.0.0.1:{front.port} {{"))
    # The site once without TLS and once with.
    site = text[text.index("http://127") :].replace("{", f"{{\n\ttls {path}.crt {path}.key", 1)
    text += site.replace(f"http://127.0.0.1:{front.port}", f"https://127.0.0.1:{front.tls_port}")
    options = "{\n\tadmin off\n\tauto_https off\n"
    text = options + "}\n" + text if front.usual_logs else text.replace("{\n", options, 1)
    path = front.write("Caddyfile", text)
    homes = {"XDG_CONFIG_HOME": front.folder, "XDG_DATA_HOME": front.folder}
    return front.run("caddy", "run", "--config", path, "--adapter", "caddyfile", **homes)


def apache(front):
    """With a copy of Debian's configuration."""
    etc = front.folder / "etc"
    shutil.copytree("/etc/apache2", etc, symlinks=True)
    for path in [*(etc / "sites-enabled").iterdir()]:
        path.unlink()
    wanted = ["ssl", "socache_shmcb", "http2", "proxy", "proxy_http", "proxy_balancer", "proxy_hcheck", "watchdog"]
    wanted += ["slotmem_shm", "lbmethod_byrequests"]
    for module in wanted:
        target = etc / "mods-enabled" / f"{module}.load"
        if not target.is_symlink():
            target.symlink_to(f"/etc/apache2/mods-available/{module}.load")
    (etc / "ports.conf").write_text(f"Listen 127.0.0.1:{front.port}\nListen 127.0.0.1:{front.tls_port}\n")
    # The site once with TLS and once without.
    site = front.configuration("apache.conf")
    host = site[site.index("<VirtualHost") :]
    plain = re.sub(r"(?m)^\s*(SSL|Protocols).*\n", "", host).replace("*:443", f"127.0.0.1:{front.port}")
    text = site.replace("*:443", f"127.0.0.1:{front.tls_port}") + "\n" + plain
    (etc / "sites-enabled" / "hooks.conf").write_text(text)
    env = {"APACHE_RUN_USER": "www-data", "APACHE_RUN_GROUP": "www-data", "APACHE_CONFDIR": etc}
    env |= {"APACHE_PID_FILE": front.folder / "pid", "APACHE_LOG_DIR": front.logs}
    env |= {"APACHE_RUN_DIR": front.folder, "APACHE_LOCK_DIR": front.folder}
    return front.run("apache2", "-d", etc, "-f", "apache2.conf", "-DFOREGROUND", **env)


def trafficserver(front):
    """With a copy of Debian's configuration, below a root of its own."""
    root = front.folder / "root"
    for name in ("run", "cache"):
        (root / name).mkdir(parents=True)
    shutil.copytree("/etc/trafficserver", root / "etc")
    ports = f"{front.port} {front.tls_port}:ssl"
    text = front.configuration("trafficserver.records.config", ("STRING 443:ssl", f"STRING {ports}"))
    ours = [line.split() for line in text.splitlines() if line.startswith("CONFIG")]
    names = {words[1] for words in ours}
    records = (root / "etc/records.config").read_text().splitlines()
    records = [line for line in records if not (line.startswith("CONFIG") and line.split()[1] in names)]
    (root / "etc/records.config").write_text("\n".join([*records, text]))
    (root / "etc/remap.config").write_text(front.configuration("trafficserver.remap.config"))
    (root / "etc/storage.config").write_text(f"{root}/cache 16M\n")
    path = certificate(front.folder.parent)
    line = f"dest_ip=* ssl_cert_name={path}.crt ssl_key_name={path}.key\n"
    (root / "etc/ssl_multicert.config").write_text(line)
    places = {"prefix": root, "exec_prefix": "/usr", "bindir": "/usr/bin", "sbindir": "/usr/sbin"}
    places |= {"sysconfdir": root / "etc", "datadir": "/usr/share/trafficserver", "includedir": "/usr/include"}
    places |= {"libdir": "/usr/lib/trafficserver", "libexecdir": "/usr/lib/trafficserver/modules"}
    places |= {"localstatedir": root / "run", "runtimedir": root / "run", "logdir": front.logs}
    places |= {"cachedir": root / "cache"}
    runroot = front.write("root/runroot.yaml", "".join(f"{name}: {value}\n" for name, value in places.items()))
    # It gives up root's rights before it writes.
    for path in (root, *root.rglob("*")):
        path.chmod(path.stat().st_mode | 0o066 | (0o011 if path.is_dir() else 0))
    return front.run("traffic_server", f"--run-root={runroot}")


def varnish(front):
    path = front.write("default.vcl", front.configuration("varnish.vcl"))
    state = front.folder / "state"
    arguments = ["-F", "-n", state, "-a", f"127.0.0.1:{front.port}", "-f", path, "-j", "none", "-T", "none"]
    arguments += ["-p", "feature=+http2", "-s", "malloc,64m"]
    if not front.usual_logs:
        arguments += re.search(r"the option (-p vsl_mask=\S+)\.", path.read_text())[1].split()
    process = front.run("varnishd", *arguments)
    if front.usual_logs:
        # As the service does that Debian starts with it.
        process.wait_for_port(front.port)
        command = ["varnishncsa", "-n", state, "-a", "-w", front.logs / "varnishncsa.log"]
        front.beside.append(Process(command, front.folder, output="varnishncsa.out"))
    return process


def lighttpd(front):
    """With Debian's settings."""
    changes = [(':443"', f'127.0.0.1:{front.tls_port}"')]
    site = front.configuration("lighttpd.conf", *changes)
    text = Path("/etc/lighttpd/lighttpd.conf").read_text()
    kept = [line for line in text.splitlines() if not line.startswith("include")]
    text = "\n".join(kept)
    places = {"/var/cache/lighttpd/uploads": front.logs, "/var/log/lighttpd/error.log": front.logs / "error.log"}
    places |= {"/run/lighttpd.pid": front.folder / "pid", "/var/www/html": front.folder}
    for old, new in places.items():
        text = text.replace(old, str(new))
    text = re.sub(r"(?m)^(server\.port\s*=).*$", rf'\1 {front.port}\nserver.bind = "127.0.0.1"', text)
    site = site.replace("/var/log/lighttpd", str(front.logs))
    return front.run("lighttpd", "-D", "-f", front.write("lighttpd.conf", text + "\n" + site))


def nghttpx(front):
    frontend = f"frontend=127.0.0.1,{front.tls_port}\nfrontend=127.0.0.1,{front.port};no-tls"
    path = front.write("nghttpx.conf", front.configuration("nghttpx.conf", ("frontend=*,443", frontend)))
    return front.run("nghttpx", f"--conf={path}", "--workers=1")


def h2o(front):
    plain = f"listen:\n  port: {front.port}\n  host: 127.0.0.1\nlisten:\n  host: 127.0.0.1\n  port: {front.tls_port}"
    changes = [("listen:\n  port: 443", plain), ("/run/h2o.pid", f"{front.folder}/pid")]
    text = front.configuration("h2o.conf", *changes)
    text = text.replace("user: debian-h2o", "user: root")
    text = text.replace("/var/log/h2o", str(front.logs))
    if front.usual_logs:
        text += f"access-log: {front.logs}/access.log\n"
    return front.run("h2o", "-c", front.write("h2o.conf", text))


KINDS = [
    Kind("nginx", "nginx", "-v", nginx),
    Kind("HAProxy", "haproxy", "-v", haproxy),
    Kind("Caddy", "caddy", "version", caddy),
    Kind("Apache httpd", "apache2", "-v", apache),
    Kind(
        "Traffic Server",
        "traffic_server",
        "--version",
        trafficserver,
        most_receivers=1,
    ),
    Kind("Varnish", "varnishd", "-V", varnish, has_tls=False),
    Kind("lighttpd", "lighttpd", "-v", lighttpd),
    Kind("nghttpx", "nghttpx", "-v", nghttpx),
    Kind("H2O", "h2o", "-v", h2o, most_receivers=1),
]
