#!/usr/bin/env bash
# Fetches the client when it is not there as package-lock.json wants it.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"
exec 9>.lock
flock 9   # tests run side by side
if ! cmp -s package-lock.json node_modules/.skep-lock; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/.skep-lock
fi
