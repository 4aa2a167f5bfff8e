#!/usr/bin/env bash
# The browser tests need a Chromium or Chrome on the PATH: this installs Debian's or Ubuntu's where there is none.
set -euo pipefail

for name in chromium chromium-browser google-chrome google-chrome-stable chrome; do
  if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done

as_root=()
if [[ $(id -u) -ne 0 ]]; then as_root=(sudo); fi
if ! command -v apt-get >/dev/null 2>&1 || { [[ ${#as_root[@]} -gt 0 ]] && ! command -v sudo >/dev/null 2>&1; }; then
  echo "The browser tests need Chromium or Chrome. Install one so that 'chromium' or 'google-chrome' is on the PATH." >&2
  exit 1
fi
echo "Installing Chromium …"
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qq --yes --no-install-recommends chromium >/dev/null
command -v chromium >/dev/null 2>&1 || { echo "The package chromium gives no browser here: install Google Chrome." >&2; exit 1; }
