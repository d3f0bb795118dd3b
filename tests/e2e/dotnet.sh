# Sourced by the scripts that make dumps of real .NET programs: builds the programs, makes the dumps.
# Sets nothing but functions and WORK, the folder everything is made in.
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")

# Says why and leaves with success: what this machine lacks is no failure of the program.
skip() {
    echo "[  SKIPPED ] $(basename "$0" .sh): $*"
    exit 0
}

# Folder of the newest installed runtime, and with it of createdump.
runtime_folder() {
    dotnet --list-runtimes | sed -n 's/^Microsoft.NETCore.App \([^ ]*\) \[\(.*\)\]/\2\/\1/p' | tail -1
}

# need_dotnet FOLDER: leaves unless programs can be built and dumped here; FOLDER is made and kept.
need_dotnet() {
    command -v dotnet >/dev/null || skip "no dotnet on this machine"
    createdump=$(runtime_folder)/createdump
    [ -x "$createdump" ] || skip "no createdump in $(runtime_folder)"
    WORK=$(realpath -m "$1")
    mkdir -p "$WORK"
    # No build server is to be left behind.
    export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false
}

# build PROJECT [ARGUMENTS...]: to $WORK/PROJECT
build() {
    local project=$1 target=${build_as:-$1}
    shift
    timeout 180 dotnet publish "$here/$project/$project.csproj" -c Release -o "$WORK/$target" \
        --artifacts-path "$WORK/artifacts-$target" "$@" >"$WORK/$target.log" 2>&1 ||
        skip "$project cannot be built here: $(grep -m1 error "$WORK/$target.log" | head -c 200)"
}

# start NAME PROGRAM ARGUMENTS...: runs it until it says that it is ready; its id is in $pid
start() {
    local name=$1 program=$2 i
    shift 2
    rm -rf "${WORK:?}/run-$name"
    mkdir -p "$WORK/run-$name"
    "$program" "$WORK/run-$name" "$@" >"$WORK/run-$name/out" 2>&1 &
    pid=$!
    for ((i = 0; i < 1200; i++)); do
        [ -e "$WORK/run-$name/ready" ] && return 0
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    echo "[  FAILED  ] $name did not start: $(head -c 300 "$WORK/run-$name/out")"
    return 1
}

stop() {
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
}
