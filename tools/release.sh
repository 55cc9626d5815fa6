#!/usr/bin/env bash
# release.sh [CMAKE OPTION]...: the release build that packages and images carry, in build/shipped: compiled once to note which ways the programs go over logs as hosts have
# them (train_logs.py), and once more for these ways: about a tenth faster a line than `cmake --preset release`, which is enough to work with. Nothing to do: builds nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/deps.sh demo # python3 writes the logs
build=$PWD/build/shipped log=build/shipped/build.log
mkdir -p "$build"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
told() { "$@" >"$log" 2>&1 || { tail -30 "$log" >&2; exit 3; }; }

train() { # agent, collector and commands over the same logs. No sandbox: it would keep the programs from writing down what they did
  local dogwatch=$build/dogwatch data=$work/data
  python3 tools/train_logs.py "$work/logs" &&
    "$dogwatch" up --until-idle --data "$data" --logs "$work/logs/docker/*/*-json.log" --logs "$work/logs/pods/*/*/*.log" --logs "$work/logs/*.log" --set agent.sandbox=off --rules rules &&
    "$dogwatch" query '"failed" | stats count by host.name' --data "$data" --output ndjson &&
    "$dogwatch" archive verify --data "$data" &&
    "$dogwatch" replay --data "$data" --output ndjson >/dev/null &&
    [ -n "$(find "$build/profile" -name '*agent*tail.c.gcda')" ]
}

if [ ! -f "$build/trained" ] || [ -n "$(find CMakeLists.txt core parsers correlate collector agent cli include tools/train_logs.py -newer "$build/trained" | head -1)" ]; then
  rm -rf "$build/profile"
  told cmake --preset release -B "$build" -DDW_TESTS=OFF -DDW_TRAINED=make
  told cmake --build "$build"
  told train
  touch "$build/trained"
fi
told cmake --preset release -B "$build" -DDW_TESTS=OFF -DDW_TRAINED=use "$@"
told cmake --build "$build"
