#!/bin/bash
# A fleet in PostgreSQL and in SQLite: how long an `add` takes of eight writers at once, how long `trend` over 500
# instances and 90 days, and the bytes of a changed row with its indexes.
# usage: fleet.sh PROGRAM MAKE_FLEET FOLDER [RUNS]
# Exit status: 1 when a limit is missed or a program fails; 0, aloud, where there is no server.
set -u
program=$(realpath "$1") make_fleet=$(realpath "$2") runs=${4:-9}
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d "${TMPDIR:-/tmp}/fleet-bench-XXXXXX") || exit 1
chmod 755 "$work"
# shellcheck disable=SC2317 # by the trap
stop() {
    "$here/../support/postgres.sh" stop "$work/server"
    rm -rf "$work"
}
# What it tells is kept over to the next disk flush, as a server's is.
uri=$("$here/../support/postgres.sh" start "$work/server" durable)
case $? in
0) ;;
77) echo "[  SKIPPED ] a fleet in PostgreSQL: $uri"; rm -rf "$work"; exit 0 ;;
*) rm -rf "$work"; exit 1 ;;
esac
trap stop EXIT
status=0

# judge NAME UNIT LIMIT VALUE...: the median against the limit
judge() {
    local name=$1 unit=$2 limit=$3
    shift 3
    python3 "$here/figures.py" "$name" "$unit" "$*"
    printf '%s\n' "$@" | sort -g | awk -v name="$name" -v unit="$unit" -v limit="$limit" '
        { v[NR] = $1 } END {
            middle = v[int((NR + 1) / 2)]
            printf "%-64s %8.1f %s (limit: at most %s)%s\n", name, middle, unit, limit, (middle > limit ? "   MISSED" : "")
            exit middle > limit }' || status=1
}
# adds DB WRITERS: milliseconds of an add, the median of a writer
adds() {
    local told
    told=$("$make_fleet" "$1" $((2 * $2)) 40 5000 "$2" 200) || { echo "[  FAILED  ] $told" >&2; exit 1; }
    sed -n 's/^a writer: an add took \([0-9.]*\) ms.*/\1/p' <<<"$told"
}
sql() { psql -X -q -At "$uri" -c "$1"; }

judge "history add, 5,000 types, 200 changed, PostgreSQL, 8 writers" ms 50 "$(adds "$uri" 8)"
judge "history add, 5,000 types, 200 changed, SQLite, 8 writers" ms 50 "$(adds "$work/history.db" 8)"
sql 'VACUUM (ANALYZE, FREEZE)'
judge "bytes a changed row with its indexes, PostgreSQL" B 60 "$(sql "SELECT round(sum(pg_total_relation_size(inhrelid))
    / (SELECT count(*) FROM dumpdiff.value), 1) FROM pg_inherits WHERE inhparent = 'dumpdiff.value'::regclass")"
sql 'SET client_min_messages = warning; DROP SCHEMA dumpdiff CASCADE'
"$make_fleet" "$uri" 500 90 60 4 6 >/dev/null || exit 1
sql 'VACUUM (ANALYZE)'
times=()
for ((i = 0; i < runs; i++)); do
    begin=$(date +%s%N)
    "$program" history trend Shop.Caching.CacheEntry --db "$uri" >"$work/trend" || exit 1
    times+=("$(awk -v n=$(($(date +%s%N) - begin)) 'BEGIN { print n / 1e6 }')")
done
judge "history trend of a type, 500 instances, 90 days, PostgreSQL" ms 200 "${times[@]}"
exit $status
