#!/usr/bin/env bash
# Builds the wheel in release mode, measures it beside its peers and prints a markdown table with the
# goals; with a path, the same as JSON into that file.
#   ROUNDS (5), SECONDS_PACED (10), PYTHON (python3).
set -euo pipefail
cd "$(dirname "$0")"
target=${CARGO_TARGET_DIR:-$PWD/target}
venv=$target/venv
[[ -x $venv/bin/python ]] || "${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
(cd ../../python && "$venv/bin/maturin" build --quiet --profile wheel --interpreter "$venv/bin/python" \
    --target-dir "$target" --out "$target/wheels")
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall --no-index \
    --find-links "$target/wheels" continuum-observability
exec "$venv/bin/python" -P report.py "$@"
