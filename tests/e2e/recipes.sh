#!/bin/bash
# The CI recipes of examples/, with the action and the component they use, line by line on a real .NET service that leaks
# and one that does not (recipes.py); their syntax is looked at by actionlint (workflows.sh) and, for GitLab, by
# gitlab-ci-local of npm.
# usage: recipes.sh MAKE FOLDER
set -u
. "$(dirname "$0")/dotnet.sh"
cd "$here/../.." || exit 1
make=$1
mkdir -p "$2/recipes"
lint=$(realpath "$2")/lint
folder=$(realpath "$2/recipes")
export work=$folder
. tests/e2e/tally.sh
not_here() {
    skip "recipes: $1"
    tally_ends
    exit
}
texts() { # what PKGBUILD and the formula are, as far as this machine can say
    check "PKGBUILD: bash can read it" bash -n packaging/PKGBUILD
    if command -v ruby >/dev/null; then check "dumpdiff.rb: ruby can read it" ruby -c packaging/dumpdiff.rb; else skip "dumpdiff.rb: no ruby"; fi
}
texts
python3 -c 'import yaml' 2>/dev/null || not_here "missing: python3-yaml"

# gitlab-ci-local has the schema of .gitlab-ci.yml; the component is included from a folder, of files that git knows.
mkdir -p "$lint"
if command -v npm >/dev/null && (cd "$lint" && timeout 180 npm install --no-audit --no-fund --ignore-scripts \
    gitlab-ci-local@4.61 >npm-gitlab.log 2>&1); then
    rm -rf "$folder/gitlab"
    mkdir -p "$folder/gitlab"
    cp -r templates "$folder/gitlab/"
    sed 's,component: .*,local: templates/memory-gate.yml,' examples/gitlab-ci.yml >"$folder/gitlab/.gitlab-ci.yml"
    git -C "$folder/gitlab" init -q && git -C "$folder/gitlab" remote add origin git@gitlab.invalid:owner/shop.git &&
        git -C "$folder/gitlab" add . && git -C "$folder/gitlab" -c user.name=x -c user.email=x@y.invalid commit -qm x
    listed() { (cd "$folder/gitlab" && node "$lint/node_modules/.bin/gitlab-ci-local" --list 2>&1) | cut -c1-200 | grep memory-gate; }
    check "GitLab: the example and the component are what it knows" listed
else
    skip "GitLab: no npm, or no gitlab-ci-local from it"
fi

command -v dotnet >/dev/null || not_here "no dotnet on this machine"
cpu=$(uname -m)
version=$(cat VERSION)
tools/static.sh "$make" >"$folder/static.log" 2>&1 || not_here "no static build: $(tail -n 1 "$folder/static.log")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false
export DOTNET_TieredCompilation=0 DOTNET_EnableDiagnostics=0
rm -rf "$folder/project" "$folder/releases"
project=$folder/project
mkdir -p "$project/src/Service" "$project/examples" "$project/tools/dumpdiff" "$project/talk" "$folder/releases/v$version"
cp "build-static-$cpu/dumpdiff-$cpu" "$folder/releases/v$version/dumpdiff-$version-linux-$cpu"
cp tests/e2e/service/service.csproj "$project/src/Service/Service.csproj"
cp tests/e2e/service/Program.cs "$project/src/Service/"
cp examples/gate.sh "$project/examples/"
cp examples/memory-budget.json "$project/"
cp -r packaging examples "$project/tools/dumpdiff/"
cat >"$project/load.sh" <<'END'
#!/bin/sh
# One file asks, another answers.
rm -f "$SERVICE_FOLDER/done"
printf %s "$REQUESTS" >"$SERVICE_FOLDER/requests.new" && mv "$SERVICE_FOLDER/requests.new" "$SERVICE_FOLDER/requests"
for i in $(seq 600); do
    [ -e "$SERVICE_FOLDER/done" ] && exit 0
    sleep 0.1
done
exit 9
END
chmod +x "$project/load.sh"
# Where the kernel lets everybody look, or root is who runs this, there is nothing to set: the step is left to a runner.
mkdir -p "$folder/bin"
printf '#!/bin/sh\n[ "$*" = "sysctl kernel.yama.ptrace_scope=0" ]\n' >"$folder/bin/sudo"
chmod +x "$folder/bin/sudo"
PATH="$folder/bin:$PATH" tests/e2e/recipes.py . "$project" "$folder/releases" "$version" \
    "$(sha256sum "build-static-$cpu/dumpdiff-$cpu" | cut -d' ' -f1)" 2>&1 | tee "$folder/out"
[ "${PIPESTATUS[0]}" -eq 0 ] || grep -q '^\[  FAILED' "$folder/out" || fail "the recipes run to the end"
tests=$((tests + $(grep -c '^\[  FAILED\|^\[       OK' "$folder/out")))
failed=$((failed + $(grep -c '^\[  FAILED' "$folder/out")))
tally_ends
