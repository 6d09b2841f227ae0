#!/usr/bin/env bash
# Two hives on one machine: "lab" has an agent, and a person in "shop" talks to it. Ends with Ctrl-C, or by itself with
# an argument: the question to ask once. SKEP: the binary (default: the one in PATH).
set -euo pipefail
skep=${SKEP:-skep}
dir=$(mktemp -d "${TMPDIR:-/tmp}/two-hives-XXXXXX")
port=${PORT:-9321}
pids=()
clean_up() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap clean_up EXIT

mkdir "$dir/lab" "$dir/shop"
cat >"$dir/lab/skep.toml" <<TOML
[agent]
name = "Professor"
[hive]
id = "lab"
listen = "127.0.0.1:$port"
authorized_hives = ["shop"]
[api]
listen = "127.0.0.1:0"
TOML
cat >"$dir/shop/skep.toml" <<TOML
[hive]
id = "shop"
uplinks = ["127.0.0.1:$port"]
authorized_hives = ["lab"]
default_agent = "AI.Professor@lab"   # whom the people of this hive talk to
[api]
listen = "127.0.0.1:0"
TOML

for hive in lab shop; do "$skep" hive keygen --home "$dir/$hive"; done
# In life the certificates travel between people, who compare the fingerprints.
"$skep" hive join --yes --home "$dir/lab" "$dir/shop/credentials/hive.crt"
"$skep" hive join --yes --home "$dir/shop" "$dir/lab/credentials/hive.crt"

for hive in lab shop; do
  "$skep" up --home "$dir/$hive" >"$dir/$hive.log" 2>&1 &
  pids+=($!)
done
# Each hive's page says who is there; wait until the shop sees the lab's agent.
for _ in $(seq 100); do
  if "$skep" status --home "$dir/shop" 2>/dev/null | grep -q '^hive .*lab.*up, [1-9]'; then break; fi
  sleep 0.2
done
"$skep" status --home "$dir/shop"
if [ $# -gt 0 ]; then
  "$skep" chat --home "$dir/shop" --as ann -m "$*"
else
  "$skep" chat --home "$dir/shop" --as ann
fi
