#!/bin/bash
# The static program (make static) where nothing of ours is: all golden cases are run with it, then in a folder with nothing
# else in it the demo, packed cores, a gate and a history. That for arm64 runs the golden cases under qemu-user, which
# knows no seccomp.
# usage: static.sh MAKE FOLDER
set -u
cd "$(dirname "$0")/../.." || exit 1
make=$1
work=$(mkdir -p "$2/static" && realpath "$2/static") || exit 1
most=$((8 << 20)) # bytes
. tests/e2e/tally.sh

# built CPU: its path from here, or nothing
built() {
    local status
    tools/static.sh "$make" "$1" >"$work/$1.log" 2>&1
    status=$?
    [ $status -ne 0 ] || { echo "build-static-$1/dumpdiff-$1" && return; }
    tail -n 3 "$work/$1.log" >&2
    [ $status -eq 3 ]
}

# The sources once more in another folder, whose name has a blank, of the same packages, and without a cache of objects.
elsewhere() {
    local tree="$work/else where/deeper"
    rm -rf "$work/else where"
    mkdir -p "$tree/build-static-x86_64"
    git ls-files -z | xargs -0 cp --parents -t "$tree"
    cp -r build-static-x86_64/root build-static-x86_64/materials "$tree/build-static-x86_64/"
    CCACHE_DISABLE=1 "$tree/tools/static.sh" "$make" x86_64 >"$work/elsewhere.log" 2>&1 || { tail -n 5 "$work/elsewhere.log" && return 1; }
    cmp "$x64" "$tree/build-static-x86_64/dumpdiff-x86_64" && rm -rf "$work/else where"
}

# golden PROGRAM ALLOWED...: all cases, of which those may differ
golden() {
    local program=$1 other
    shift
    DUMPDIFF=$program MK_SNAP=build/tests/golden/mk_snap_main MK_WINDOWS=build/tests/golden/mk_windows_main \
        build/tests/golden/golden >"$work/golden.log" 2>&1 && return
    other=$(sed -n '/listed below/,$s/^\[  FAILED  \] \([^ ]*\)$/\1/p' "$work/golden.log" | grep -vxF "$(printf '%s\n' "$@")")
    [ -z "$other" ] || { echo "$other" && return 1; }
}

# In a root that has the program, the inputs and a folder for temporary files.
in_bare_root() { # COMMAND...
    local chroot=(chroot)
    [ "$(id -u)" -eq 0 ] || chroot=(unshare --user --map-root-user chroot)
    "${chroot[@]}" "$work/bare" /dumpdiff "$@"
}
same_as_here() { # NAME ARGUMENTS...
    local name=$1
    shift
    in_bare_root "$@" >"$work/bare.out" 2>"$work/bare.err"
    local there=$?
    (cd "$work/bare" && "$ordinary" "$@" >"$work/here.out" 2>"$work/here.err")
    if [ $? -eq $there ] && cmp -s "$work/bare.out" "$work/here.out" && cmp -s "$work/bare.err" "$work/here.err"; then
        ok "in a bare root: $name (exit status $there)"
    else
        fail "in a bare root: $name"
        diff "$work/here.out" "$work/bare.out" | head -n 10
        diff "$work/here.err" "$work/bare.err" | head -n 10
    fi
}

$make build/dumpdiff build/tests/golden/golden build/tests/golden/mk_snap_main build/tests/golden/mk_windows_main \
    >"$work/build.log" 2>&1 || { cat "$work/build.log" && exit 1; }
ordinary=$PWD/build/dumpdiff

x64=$(built x86_64) || fail "a static build for x86-64"
if [ "$x64" ] && [ "$(uname -m)" = x86_64 ]; then
    size=$(stat -c %s "$x64")
    if [ "$size" -le $most ] && ! readelf -lW "$x64" | grep -q INTERP && ! readelf -dW "$x64" | grep -q NEEDED; then
        ok "x86-64: $size bytes, no library is needed"
    else
        fail "x86-64: $size bytes, or a library is needed"
    fi
    if elsewhere; then ok "x86-64: built in another folder, the same bytes"; else fail "x86-64: built in another folder, other bytes"; fi
    golden "$x64" && ok "x86-64: all golden cases" || fail "x86-64: golden cases"
    rm -rf "$work/bare"
    mkdir -p "$work/bare/tmp"
    cp -r "$x64" demo examples tests/dumps "$work/bare/"
    mv "$work/bare/dumpdiff-x86_64" "$work/bare/dumpdiff"
    if in_bare_root --version >/dev/null 2>&1; then
        same_as_here "logs" diff --top 8 demo/before demo/after
        same_as_here "packed cores" diff demo/dumps/before.core.zst demo/dumps/after.core.zst
        same_as_here ".gcdump" diff dumps/store-0.gcdump dumps/store-1.gcdump
        same_as_here "a gate" gate --budget examples/leak-budget.json demo/dumps/before.core.zst demo/dumps/after.core.zst
        for way in bare here; do
            rm -f "$work/bare/h.db"
            run=in_bare_root
            [ $way = bare ] || run=$ordinary
            (cd "$work/bare" && for dump in before after; do
                $run history add --db h.db "demo/dumps/$dump.core.zst" || exit 1
            done && $run history trend --db h.db Store.Pricing.Price) >"$work/history.$way" 2>&1
        done
        cmp -s "$work/history.bare" "$work/history.here" && [ -s "$work/history.bare" ] && ok "in a bare root: a history" || {
            fail "in a bare root: a history"
            diff "$work/history.bare" "$work/history.here"
        }
    else
        skip "in a bare root: chroot is not allowed here"
    fi
else
    skip "x86-64: no static build"
fi

arm64=$(built aarch64) || fail "a static build for arm64"
qemu=$(command -v qemu-aarch64-static qemu-aarch64 | head -n 1)
if [ "$arm64" ] && [ "$qemu" ]; then
    cat >"$work/arm64" <<EOF
#!/bin/bash
case \${1:-} in
diff | show | snapshot | gate | history | watch) set -- "\$1" --no-sandbox "\${@:2}" ;;
esac
exec $qemu $PWD/$arm64 "\$@"
EOF
    chmod +x "$work/arm64"
    golden "$(realpath --relative-to=. "$work/arm64")" bad-core-is-a-program cli-sandbox cli-sandbox-off &&
        ok "arm64: golden cases under qemu" || fail "arm64: golden cases under qemu"
else
    skip "arm64: no static build, or no qemu-user"
fi

tally_ends
