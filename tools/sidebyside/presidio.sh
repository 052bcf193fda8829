#!/bin/sh
# Presidio as a rival for worker bench --compare --against, in a virtual environment of its own (.tools/presidio, made at the first call).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=$here/../../.tools/presidio
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv" && "$venv/bin/pip" --quiet install -r "$here/requirements.txt" >&2
fi
exec "$venv/bin/python" "$here/presidio.py"
