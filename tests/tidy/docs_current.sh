#!/usr/bin/env bash
# docs_current.sh DOGWATCH: the pages that come from tables are those that the code would write now.
set -eu
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
"$1" docs "$made"
status=0
for page in $(cd "$made" && find . -type f); do
  cmp -s "$made/$page" "docs/$page" || { echo "docs/$page is not current: run: dogwatch docs docs"; status=1; }
done
exit $status
