#!/usr/bin/env bash
# test.sh [--long]: installs what the tests need, builds, runs everything; ends with `N passed, N failed, N skipped`.
#   fast: asan (gcc, -Werror) with all tests, clang -Werror build, end-to-end tests on the asan build, three at a time: they wait more than they work
#   long: also ten million steps of the simulator, ten million pairs of rules and events by the engine and by a plain one, a million streams of events by correlations and by plain ones, and so the published rules where $DW_CORPORA is, tsan with unit and end-to-end tests, the latter once more as a user who may nothing, 60 s a fuzz target, and on the release build the long form of the end-to-end tests:
#   500,000 lines, 20 kills a program; packages, units, images and manifests of deploy/. An hour and a half on two cores.
set -uo pipefail
cd "$(dirname "$0")/.."
long=no; [ "${1:-}" = --long ] && long=yes
tools/deps.sh test || exit 3
export ASAN_OPTIONS=detect_leaks=1
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
said=$work/said; : >"$said" # every line that counts: `ok    NAME`, `FAIL  NAME`, `SKIPPED why`
export work said

run() { # a name, a command: its verdict; its output where it failed. May run beside others: each is told in one piece
  local name=$1 log verdict began=$SECONDS; shift; log=$(mktemp -p "$work")
  if "$@" >"$log" 2>&1; then verdict="ok    $name"; else verdict="FAIL  $name"; fi
  verdict="$verdict ($((SECONDS - began)) s)"
  {
    flock 9
    [ "${verdict%% *}" = ok ] || tail -40 "$log"
    { echo "$verdict"; grep '^SKIPPED' "$log"; } | tee -a "$said"
  } 9>"$work/lock"
}
export -f run
configure() { [ -f "build/$1/build.ninja" ] || cmake --preset "$@" >/dev/null; cmake --build --preset "$1"; }
programs() { local preset=$1; shift; cmake --preset "$preset" -DDW_TESTS=ON >/dev/null; cmake --build --preset "$preset" --target "$@"; }
count() { grep -cE "$1" "$2" || true; }
( said=$work/probe; export said; : >"$said"; run probe false >/dev/null; [ "$(count '^FAIL ' "$said")" = 1 ] ) || { echo "test.sh: a failure is not counted"; exit 3; }
run build.asan configure asan
grep -q '^FAIL' "$said" && { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
ctest --preset asan -j2 >"$work/ctest" 2>&1
sed -n '/Failed\|\*\*\*/p' "$work/ctest" | head -40
passed=$(count ' Test +#[0-9]+: .* Passed ' "$work/ctest"); failed=$(count ' Test +#[0-9]+: .*\*\*\*' "$work/ctest"); skipped=$(count '\*\*\*Skipped|Not Run' "$work/ctest")
[ "$failed" -gt 0 ] && sed -n '1,400p' "$work/ctest" | grep -E 'ERROR|error:|FAILED' | head -40
run build.clang configure clang & # beside what follows, which waits more than it works
clang=$!
longest=$(printf 'tests/e2e/e2e_%s.py ' spool topic states inputs kafka share tamper kafka_secure docker outputs kafka_net) # begun first, so that none is waited for alone
e2e() { # so many at a time, a name and a build for the end-to-end tests, then what they are called with
  local lanes=$1 name=$2 build=$3; shift 3
  { ls $longest; ls tests/e2e/e2e_*.py; } | grep -v e2e_lib | awk '!seen[$0]++' |
    DW_BUILD=build/$build xargs -P "$lanes" -I{} bash -c 't=$1; shift; n=${t##*/e2e_}; run "$0.${n%.py}" python3 "$t" "$@"' "$name" {} "$@"
}
e2e 3 e2e asan
wait $clang
fuzz() { # 60 s a target
  local f short corpus
  for f in build/fuzz/tests/fuzz_*; do
    [ -x "$f" ] || continue
    short=$(basename "$f" | sed s/fuzz_//); corpus=$(mktemp -d -p "$work")
    run "fuzz60.$short" nice "$f" -max_total_time=60 -timeout=20 -rss_limit_mb=4096 -artifact_prefix=build/fuzz/ "$corpus" "tests/fuzz/seeds/$short"
  done
}
unprivileged() { # the end-to-end tests once more as a user who may nothing: the agent has its fences, and no capability
  local there=$work/unprivileged
  [ "$(id -u)" = 0 ] || return 0 # then they were that already
  mkdir -p "$there/build/asan" "$there/home" && chmod 755 "$work" && git archive HEAD | tar -x -C "$there" || return 1
  mkdir "$there/build/asan/tests" && cp build/asan/tests/query_many build/asan/tests/states_driver "$there/build/asan/tests/" || return 1
  cp build/asan/dogwatch* "$there/build/asan/" && cp -r build/kafka-jars "$there/build/" && chown -R nobody "$there"
  ls tests/e2e/e2e_*.py | grep -v e2e_lib | xargs -P 2 -I{} bash -c 't=$1; there=$2; n=${t##*/e2e_}
    run "nobody.${n%.py}" setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$there/home" TMPDIR="$there/home" DW_BUILD=build/asan \
      python3 -B "$there/$t"' nobody {} "$there"
}
corpora() { # the published rules over the corpora's events: engine and plain one
  local from=${DW_CORPORA:-../shared/corpora}/sigma
  [ -f "$from/sigmahq/sigma-rules.tar.gz" ] || { echo "SKIPPED diff.corpora: no corpora at $from, set DW_CORPORA"; return 0; }
  mkdir -p "$work/sigma" && tar xzf "$from/sigmahq/sigma-rules.tar.gz" -C "$work/sigma" || return 1
  nice build/release/tests/diff --rules "$work/sigma" "$from"/matrix/*.events.jsonl
}
if [ $long = yes ]; then
  run build.tsan configure tsan
  run sim.long nice build/asan/tests/sim --seed random --steps 10000000
  run diff.long nice build/asan/tests/diff --seed random --pairs 10000000
  run ctest.tsan ctest --preset tsan -L 'unit|fault'
  run build.fuzz configure fuzz
  run build.release programs release dogwatch dogwatch-agent dogwatch-collector query_many states_driver diff oracle # two drivers, of a test each
  run diff.corpora corpora
  run oracle.long nice build/release/tests/oracle --seed random --streams 1000000
  fuzz & # on one core; what follows waits much of its time
  TSAN_OPTIONS=halt_on_error=1 e2e 1 e2e.tsan tsan
  e2e 2 long release --long # these wait more than they work
  unprivileged
  run deps.deploy tools/deps.sh deploy
  for t in tests/deploy/deploy_*.py; do
    n=${t##*/deploy_}; [ "$n" = lib.py ] || DW_BUILD=build/release run "deploy.${n%.py}" python3 "$t"
  done
  wait $!
fi
passed=$((passed + $(count '^ok ' "$said"))); skipped=$((skipped + $(count '^SKIPPED' "$said"))); n=$(count '^FAIL ' "$said")
[ "$failed" -gt 0 ] && echo "failed: ctest: $failed, see above"
sed -n 's/^FAIL */failed: /p' "$said"
failed=$((failed + n))
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
