#!/usr/bin/env bash
# Expected: PyPI's package named uuid7 makes UUIDs of version 7, whose first 48 bits are Unix milliseconds, that sort among those of others.
# Happens: uuid7 0.1.0 follows an early draft (36 bits of seconds first): its ids bear version 7, pass every check, and say the year 2203 to all who read
#   them by RFC 9562 (shown with uuid_utils 1.2.0 and npm uuid 14.0.3 beside it).
# Means: as webhook ids or keys they sort after all others for 177 years: "newer than the last seen id" never sees another sender's again, and
#   expiry by the id's time never comes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts uuid@14.0.3
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check uuid7==0.1.0 uuid_utils==1.2.0
node -e "console.log(require('uuid').v7())" > npm
cat > t.py <<'E'
import datetime, uuid, uuid_extensions, uuid_utils
from importlib.metadata import version
ids = {f"PyPI uuid7 {version('uuid7')}": uuid_extensions.uuid7(), f"PyPI uuid_utils {version('uuid_utils')}": uuid.UUID(str(uuid_utils.uuid7())),
       "npm uuid 14.0.3": uuid.UUID(open("npm").read().strip())}
for name, each in ids.items():
    when = datetime.datetime.fromtimestamp((each.int >> 80) / 1000, datetime.timezone.utc)
    print(f"{name:24} {each} version {each.version} {each.variant} time in it: {when:%Y-%m-%d}")
    assert each.version == 7 and each.variant == uuid.RFC_4122
    now = datetime.datetime.now(datetime.timezone.utc)
    assert (when.year > now.year + 100) == ("uuid7" in name)
assert max(ids.values()) == ids[f"PyPI uuid7 {version('uuid7')}"]
E
timeout 60 v/bin/python t.py
