#!/usr/bin/env bash
# test.sh [--long]: installs what the tests need, builds, runs everything; ends with `N passed, N failed, N skipped`.
#   fast: asan (gcc, -Werror) with all tests, clang -Werror build, end-to-end tests on the asan build
#   long: also tsan with unit and end-to-end tests, 60 s a fuzz target, and on the release build the long form of the end-to-end tests:
#   500,000 lines, 20 kills a program. An hour and a half on two cores.
set -uo pipefail
cd "$(dirname "$0")/.."
long=no; [ "${1:-}" = --long ] && long=yes
tools/deps.sh test || exit 3
export ASAN_OPTIONS=detect_leaks=1
passed=0; failed=0; skipped=0; failures=()
note() { if [ "$2" -eq 0 ]; then passed=$((passed + 1)); echo "ok    $1"; else failed=$((failed + 1)); failures+=("$1"); echo "FAIL  $1"; fi; }
run() { local name=$1; shift; local log; log=$(mktemp); if "$@" >"$log" 2>&1; then note "$name" 0; else tail -40 "$log"; note "$name" 1; fi
  grep '^SKIPPED' "$log"; skipped=$((skipped + $(grep -c '^SKIPPED' "$log"))); rm -f "$log"; }

configure() { [ -f "build/$1/build.ninja" ] || cmake --preset "$@" >/dev/null; cmake --build --preset "$1"; }
programs() { local preset=$1; shift; cmake --preset "$preset" -DDW_TESTS=ON >/dev/null; cmake --build --preset "$preset" --target "$@"; }
run build.asan configure asan
[ $failed -eq 0 ] || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
log=$(mktemp)
ctest --preset asan -j2 >"$log" 2>&1
sed -n '/Failed\|\*\*\*/p' "$log" | head -40
count() { grep -cE "$1" "$log" || true; }
passed=$((passed + $(count ' Test +#[0-9]+: .* Passed '))); n=$(count ' Test +#[0-9]+: .*\*\*\*')
failed=$((failed + n)); skipped=$((skipped + $(count '\*\*\*Skipped|Not Run')))
[ "$n" -gt 0 ] && failures+=("ctest: $n, see above") && sed -n '1,400p' "$log" | grep -E 'ERROR|error:|FAILED' | head -40
rm -f "$log"
run build.clang configure clang
e2e() { # a name and a build for the end-to-end tests, then what they are called with
  local name=$1 build=$2 short; shift 2
  for t in tests/e2e/e2e_*.py; do
    short=$(basename "$t" .py | sed s/e2e_//)
    [ "$short" = lib ] && continue
    DW_BUILD=build/$build run "$name.$short" python3 "$t" "$@"
  done
}
e2e e2e asan
fuzz() { # 60 s a target; counted by the lines it prints
  for f in build/fuzz/tests/fuzz_*; do
    [ -x "$f" ] || continue
    short=$(basename "$f" | sed s/fuzz_//); corpus=$(mktemp -d)
    run "fuzz60.$short" nice "$f" -max_total_time=60 -timeout=20 -rss_limit_mb=4096 -artifact_prefix=build/fuzz/ "$corpus" "tests/fuzz/seeds/$short"
    rm -rf "$corpus"
  done
}
if [ $long = yes ]; then
  run build.tsan configure tsan
  run ctest.tsan ctest --preset tsan -L 'unit|fault'
  run build.fuzz configure fuzz
  run build.release programs release dogwatch dogwatch-agent dogwatch-collector query_many # the last answers many queries for one test
  fuzzed=$(mktemp); fuzz >"$fuzzed" 2>&1 & # on one core; what follows waits much of its time
  TSAN_OPTIONS=halt_on_error=1 e2e e2e.tsan tsan
  e2e long release --long
  wait $!
  cat "$fuzzed"
  n=$(grep -c '^FAIL  ' "$fuzzed"); passed=$((passed + $(grep -c '^ok  ' "$fuzzed"))); failed=$((failed + n))
  [ "$n" -gt 0 ] && failures+=("fuzz60: $n, see above")
  rm -f "$fuzzed"
fi
[ $failed -gt 0 ] && printf 'failed: %s\n' "${failures[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
