#!/bin/bash
# doc/kubernetes.md: its manifests are what Kubernetes knows (the compiler of TypeScript holds them against the types of
# npm's kubernetes-models: fields that nobody knows, fields that are missing, types), and they run, as far as a machine
# without a cluster can: pods.py makes containers of them for crun, with a real .NET process to look into.
# usage: kubernetes.sh MAKE FOLDER
set -u
. "$(dirname "$0")/dotnet.sh"
cd "$here/../.." || exit 1
make=$1
mkdir -p "$2/kubernetes"
lint=$(realpath "$2")/lint
folder=$(realpath "$2/kubernetes")
export work=$folder
. tests/e2e/tally.sh
not_here() { # the word `skip` of tally.sh, which dotnet.sh has too
    skip "kubernetes: $1"
    tally_ends
    exit
}

mkdir -p "$lint"
if ! python3 -c 'import yaml' 2>/dev/null; then
    skip "kubernetes: python3 without yaml (the package python3-yaml)"
elif ! command -v npm >/dev/null || ! (cd "$lint" && timeout 180 npm install --no-audit --no-fund --ignore-scripts \
    kubernetes-models@4 typescript@5 >npm-kubernetes.log 2>&1); then
    skip "kubernetes: no npm, or no kubernetes-models and typescript from it"
else
    check "manifests: what Kubernetes knows" tests/e2e/manifests.py "$lint" packaging/kubernetes
fi

[ "$(id -u)" -eq 0 ] || not_here "needs root"
for tool in buildah umoci crun busybox; do
    command -v $tool >/dev/null || not_here "missing: $tool"
done
python3 -c 'import yaml' 2>/dev/null || not_here "missing: python3-yaml"
command -v dotnet >/dev/null || not_here "no dotnet on this machine"
WORK=$folder
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false
build ticker
cpu=$(uname -m)
tools/static.sh "$make" >"$folder/static.log" 2>&1 || not_here "no static build: $(tail -n 1 "$folder/static.log")"
rm -rf "$folder"/{image,layout,bundle,root-busybox,root-shop,volumes,bundles,crun,service}
tools/image.sh "$folder/image" "build-static-$cpu/dumpdiff-$cpu" >"$folder/image.log" 2>&1 ||
    not_here "no image: $(tail -n 1 "$folder/image.log")"
mkdir -p "$folder/layout"
tar -C "$folder/layout" -xf "$folder"/image/dumpdiff-*.tar
umoci unpack --image "$folder/layout:dumpdiff:$(cat VERSION)" "$folder/bundle" >/dev/null 2>&1
mkdir -p "$folder/root-busybox/bin"
cp -r "$folder/bundle/rootfs/." "$folder/root-busybox/"
cp "$(command -v busybox)" "$folder/root-busybox/bin/"
for tool in sh awk sed sleep date ls head tail; do
    ln -s busybox "$folder/root-busybox/bin/$tool"
done
mkdir -p "$folder/root-shop"
for link in bin lib lib64; do
    [ ! -e /$link ] || ln -s "usr/$link" "$folder/root-shop/$link"
done
mv "$folder/ticker" "$folder/service"
# crun does not start where cgroups of both kinds are mounted: they are hidden from it.
unshare --mount sh -c 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"' sh \
    tests/e2e/pods.py packaging/kubernetes "$folder" "shop=$folder/root-shop" "dumpdiff=$folder/bundle/rootfs" \
    "dumpdiff-busybox=$folder/root-busybox" 2>&1 | tee "$folder/pods.out"
[ "${PIPESTATUS[0]}" -eq 0 ] || grep -q '^\[  FAILED' "$folder/pods.out" || fail "the containers run to the end"
tests=$((tests + $(grep -c '^\[  FAILED\|^\[       OK' "$folder/pods.out")))
failed=$((failed + $(grep -c '^\[  FAILED' "$folder/pods.out")))
tally_ends
