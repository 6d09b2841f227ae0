#!/usr/bin/env bash
# Runs every fuzz target for some seconds, two at a time. A crash leaves its input in build/fuzz/ and ends with status 1.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
seconds=${1:-60}
out=build/fuzz
mkdir -p "$out"
export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1

run_one() {
  local binary=$1 name
  name=$(basename "$1")
  mkdir -p "$out/corpus/$name"
  local seeds=fuzz/corpus/${name#fuzz_}
  if ! "$binary" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$out/$name-" "$out/corpus/$name" $([ -d "$seeds" ] && echo "$seeds") >"$out/$name.log" 2>&1; then
    echo "$name: CRASHED, see $out/$name.log"
    return 1
  fi
  echo "$name: $(awk '/stat::number_of_executed_units/ {print $2}' "$out/$name.log") runs in $seconds s, no crash"
}
export -f run_one
export out seconds
printf '%s\n' build/asan/bin/fuzz_* | xargs -P "$(nproc)" -I{} bash -c 'run_one {}'
