#!/usr/bin/env bash
# Installs the compiler when it is not there as package-lock.json wants it, and compiles the client, its tests and the example.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"
if ! cmp -s package-lock.json node_modules/.skep-lock; then
  npm ci --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/.skep-lock
fi
node node_modules/typescript/bin/tsc
node node_modules/typescript/bin/tsc -p ../../examples/echo-typescript
