#!/usr/bin/env bash
# score.sh: measures the product on the example corpora ($DW_CORPORA, default ../shared/corpora) with their scorers ($DW_SCORERS,
# default ../shared/tools/score): log lines to ECS, joining, Sigma verdicts, correlation and templates. Needs build/bench (release with tests).
set -uo pipefail
cd "$(dirname "$0")/.."
export DW_CORPORA=${DW_CORPORA:-../shared/corpora} DW_SCORERS=${DW_SCORERS:-../shared/tools/score}
export DW_SCORE=$DW_SCORERS
[ -d "$DW_CORPORA" ] || { echo "score.sh: no corpora at $DW_CORPORA; set DW_CORPORA" >&2; exit 3; }
[ -f build/bench/build.ninja ] || cmake --preset release -B build/bench -DDW_TESTS=ON >/dev/null
cmake --build build/bench --target dogwatch bench_lines_driver >/dev/null || exit 3
status=0
echo "== ecs: lines to events, kind named"; python3 tools/score_ecs.py build/bench/dogwatch | tail -2 || status=1
echo "== ecs: the same, format probed"; python3 tools/score_ecs.py build/bench/dogwatch --auto | tail -2 || status=1
echo "== container-formats and multi-line"; python3 tools/score_lines.py build/bench/tests/bench_lines_driver | tail -4 || status=1
echo "== sigma"; python3 tools/score_sigma.py "build/bench/dogwatch rules" || status=1
echo "== nab: rate_spike over machine metrics"; python3 tools/score_nab.py build/bench/dogwatch || status=1
echo "== templates: grouping accuracy"; python3 tools/score_templates.py build/bench/dogwatch || status=1
exit $status
