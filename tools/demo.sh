#!/usr/bin/env bash
# demo.sh: from a clone to printed alerts: installs Debian packages, builds release, watches a folder of container logs that it
# writes as container runtimes would, and shows what dogwatch makes of them. Nothing of it stays but ./demo-data and ./build.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/deps.sh demo
[ -f build/release/build.ninja ] || cmake --preset release -DDW_TESTS=OFF >/dev/null
echo "building (release) ..."
cmake --build --preset release >build/release/build.log 2>&1 || { tail -30 build/release/build.log; exit 3; }
bin=$PWD/build/release; data=$PWD/demo-data/data; logs=$PWD/demo-data/logs
rm -rf demo-data; mkdir -p demo-data "$logs"
title() { printf '\n\033[1m== %s\033[0m\n' "$1"; }

title "Logs are written as docker and a kubelet would, and rotated meanwhile; dogwatch up watches"
"$bin/dogwatch" up --data "$data" --logs "$logs/docker/*/*-json.log" --logs "$logs/pods/*/*/*.log" &
up=$!
trap 'kill -TERM $up 2>/dev/null || true' EXIT
python3 tools/demo_logs.py "$logs"
want=$(cat "$logs/.lines")
for _ in $(seq 1 100); do
  have=$("$bin/dogwatch" query '* | stats count' --data "$data" --output ndjson 2>/dev/null | grep -o '[0-9]*' || echo 0)
  alerts=$("$bin/dogwatch" alerts --data "$data" --output ndjson 2>/dev/null | wc -l)
  [ "${have:-0}" -ge "$want" ] && [ "$alerts" -ge 5 ] && break
  sleep 0.1
done

title "Alerts"
"$bin/dogwatch" alerts --data "$data" --output table
title "One of them in full, with the log lines that prove it"
id=$("$bin/dogwatch" alerts --data "$data" --output csv | tr -d '\r' | awk -F, '/succeeded after brute force/{print $1}' | head -1)
"$bin/dogwatch" alert show "$id" --data "$data" --output table
title "What a gateway may refuse: addresses whose events prove them; nothing is blocked before somebody approves it"
"$bin/dogwatch" policy ls --data "$data" --output table
title "Whom that would hit, by the archive"
"$bin/dogwatch" policy nginx --proposed --dry-run --data "$data" --output table
for attacker in $("$bin/dogwatch" policy ls --data "$data" --output csv | tr -d '\r' | awk -F, '$3 == "proposed" {print $1}'); do
  "$bin/dogwatch" policy approve "$attacker" --for 12h --reason 'attacks the demo' --data "$data"
done
title "For nginx and nftables"
"$bin/dogwatch" policy nginx --data "$data" | tee demo-data/dogwatch.conf
"$bin/dogwatch" policy nftables --data "$data" | tee demo-data/dogwatch.nft
for file in demo-data/dogwatch.conf demo-data/dogwatch.nft; do # 203.0.113.0/24 is where all ordinary clients are
  for attacker in 198.51.100.23 198.51.100.77; do
    grep -qF " $attacker " <(grep -v '^ *#' "$file") || { echo "$attacker is missing in $file"; exit 3; }
  done
  ! grep -v '^ *#' "$file" | grep -q '203\.0\.113\.' || { echo "an ordinary client is in $file"; exit 3; }
done
echo "Both attackers are in both; none of the ordinary clients is."
kill -TERM $up; wait $up || true; trap - EXIT

title "The ledger: where every byte is"
"$bin/dogwatch" ledger --data "$data" --output table
title "Has anything been changed since?"
"$bin/dogwatch" archive verify --data "$data"
title "What proves the brute force before it, as a pack for somebody without the archive, and what verifies it there"
brute=$("$bin/dogwatch" alerts --data "$data" --output csv | tr -d '\r' | awk -F, '/SSH brute force/{print $1}' | head -1); brute=${brute:-$id}
echo "\$ dogwatch evidence export ${brute:0:12} --to demo-data/evidence.tar"
"$bin/dogwatch" evidence export "$brute" --to demo-data/evidence.tar --data "$data" >/dev/null
echo "\$ dogwatch evidence verify demo-data/evidence.tar"
"$bin/dogwatch" evidence verify demo-data/evidence.tar
title "Do these logs make the same alerts again, byte for byte?"
echo "\$ dogwatch replay | diff -s - <(grep '^{\"type\":\"raised\"' DATA/alerts/alerts.log)"
"$bin/dogwatch" replay --data "$data" --output ndjson | diff -s - <(grep '^{"type":"raised"' "$data/alerts/alerts.log") | sed 's|/dev/fd/[0-9]*|alerts.log|; s|Files - |Replay |'
title "What to type next"
cat <<EOF
  export DOGWATCH_DATA=$data PATH=$bin:\$PATH
  dogwatch alerts --group --output table        # by rule and key, the worst first
  dogwatch policy haproxy                       # the same for other gateways
  dogwatch incidents --output table             # alerts that belong together
  dogwatch alert explain $id --output table     # which values met the rule's conditions
  dogwatch query 'source.ip:198.51.100.0/24 | stats count by source.ip, event.outcome' --output table
  dogwatch query '"union select" or "/etc/passwd"' --output table
  zstd -dc $data/archive/seg-* | head           # the very lines the programs wrote
  dogwatch archive ls --output table

  your own containers (docker, pods and podman are found by themselves; reading them needs root):
  sudo $bin/dogwatch up --data /var/lib/dogwatch
  any files:  $bin/dogwatch up --data ~/dogwatch --logs '/var/log/nginx/*.log'
EOF
again=("$bin/dogwatch" up --data "$data" --logs "$logs/docker/*/*-json.log" --logs "$logs/pods/*/*/*.log")
if [ -t 1 ]; then
  title "The same in the browser: the link below signs you in; Ctrl-C ends it"
  exec "${again[@]}"
fi
title "The same in the browser"
cat <<EOF
  $bin/dogwatch up --data $data
  serves the console at http://127.0.0.1:7117/ and prints a link that signs you in (later: dogwatch console)
EOF
