#!/bin/bash
# A fleet as doc/fleet-size.md has it: snapshots of 5,000 types of which 200 change, by eight writers at once, into SQLite
# and, where a server is to be had, into PostgreSQL. Says what an `add` takes (it may take 50 ms), what the file holds a
# snapshot, or a changed row the server (60 bytes with indexes), and what a question over a fleet takes: over 500 instances
# and 90 days in PostgreSQL 200 ms.
# usage: fleet.sh PROGRAM MAKE_FLEET FOLDER [RUNS [INSTANCES [SNAPSHOTS]]]
# Exit status: 1 when a limit is missed or a program fails.
set -u
here=$(realpath "$(dirname "$0")")
program=$(realpath "$1") make_fleet=$(realpath "$2")
runs=${4:-5} instances=${5:-16} snapshots=${6:-30}
mkdir -p "$3" && cd "$3" || exit 1
WRITERS=8 ADD_MS_MOST=50 ROW_BYTES_MOST=60 TREND_MS_MOST=200
failed=0
failed() { echo "[  FAILED  ] $*"; failed=1; }
# fill DB: adds to $adds what an add took (median of a writer), to $seconds what all of them did
fill() {
    "$make_fleet" "$1" "$instances" "$snapshots" 5000 "$WRITERS" 200 >fill.out 2>&1 || { cat fill.out; return 1; }
    adds+=" $(sed -n 's/^a writer: an add took \([0-9.]*\) ms (median).*/\1/p' fill.out)"
    seconds+=" $(sed -n 's/.* writers*: \([0-9.]*\) s, .*/\1/p' fill.out)"
}
# ask DB: adds to $asked what a question took [ms]
ask() {
    local begin=$EPOCHREALTIME
    "$program" history trend --db "$1" --program Shop Shop.Caching.CacheEntry >ask.out 2>&1 || { head -c 300 ask.out; return 1; }
    asked+=" $(awk -v begin="$begin" -v end="$EPOCHREALTIME" 'BEGIN { print (end - begin) * 1000 }')"
}
# tell NAME UNIT VALUES [PEER VALUES]
tell() {
    python3 "$here/figures.py" add "$@"
    printf '  %-58s median %s %s\n' "$1" "$(printf '%s\n' $3 | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }')" "$2"
}
# judge NAME LIMIT UNIT VALUES: the median
judge() {
    printf '%s\n' $4 | sort -g | awk -v what="$1" -v most="$2" -v unit="$3" '{ v[NR] = $1 }
        END { m = v[int((NR + 1) / 2)]; print "  limit of " what ": " most " " unit ": " (m > most ? "MISSED" : "ok"); exit m > most }' || failed=1
}
# a_fleet WORD DB-COMMAND: runs of filling (each into an empty one) and of asking
a_fleet() {
    adds='' seconds='' asked=''
    for ((i = 0; i < runs; i++)); do
        db=$("$2") && fill "$db" || { failed "filling $1"; return 1; }
    done
    for ((i = 0; i < runs; i++)); do ask "$db" || { failed "asking $1"; return 1; }; done
}
of_sqlite() { rm -f fleet.db fleet.db-*; echo fleet.db; }
of_postgres() {
    psql -X -q "$uri" -c 'DROP SCHEMA IF EXISTS dumpdiff CASCADE' >/dev/null 2>&1 || return 1
    "$program" history init --db "$uri" >/dev/null && echo "$uri"
}

echo "a fleet: $instances instances x $snapshots snapshots of 5,000 types, $WRITERS writers"
a_fleet SQLite of_sqlite || exit 1
sqlite_adds=$adds sqlite_seconds=$seconds sqlite_asked=$asked
tell 'fleet, SQLite: an add' ms "$adds"
tell 'fleet, SQLite: all adds' s "$seconds"
tell 'fleet, SQLite: trend of a type over the fleet' ms "$asked"
tell 'fleet, SQLite: size a snapshot' KB \
    "$(stat -c %s fleet.db | awk -v n=$((instances * snapshots)) '{ printf "%.2f", $1 / n / 1024 }')"
judge 'an add, SQLite' $ADD_MS_MOST ms "$sqlite_adds"

folder=$(mktemp -d /tmp/dumpdiff-fleet-XXXXXX) && chmod 755 "$folder" || exit 1
server=$here/../support/postgres.sh
trap '"$server" stop "$folder/pg" >/dev/null 2>&1; rm -rf "$folder"' EXIT
if uri=$("$server" start "$folder/pg"); then
    if a_fleet PostgreSQL of_postgres; then
        tell 'fleet, PostgreSQL: an add; peer: SQLite' ms "$adds" SQLite "$sqlite_adds"
        tell 'fleet, PostgreSQL: all adds; peer: SQLite' s "$seconds" SQLite "$sqlite_seconds"
        tell 'fleet, PostgreSQL: trend over the fleet; peer: SQLite' ms "$asked" SQLite "$sqlite_asked"
        judge 'an add, PostgreSQL' $ADD_MS_MOST ms "$adds"
        row=$(psql -X -q -At "$uri" -c 'VACUUM' -c "SELECT round(sum(pg_total_relation_size(inhrelid)) /
            (SELECT count(*) FROM dumpdiff.cell), 1) FROM pg_inherits WHERE inhparent = 'dumpdiff.cell'::regclass" | tail -1)
        tell 'fleet, PostgreSQL: a changed row with its indexes' bytes "$row"
        judge 'a changed row, PostgreSQL' $ROW_BYTES_MOST bytes "$row"
        db=$(of_postgres) && "$make_fleet" "$db" 500 90 200 2 40 >fill.out 2>&1 && psql -X -q "$db" -c 'VACUUM (ANALYZE)' || failed 'filling 500 instances'
        asked=''
        for ((i = 0; i < runs; i++)); do ask "$db" || failed 'asking 500 instances'; done
        tell 'fleet, PostgreSQL: trend over 500 instances and 90 days' ms "$asked"
        judge 'a trend, PostgreSQL' $TREND_MS_MOST ms "$asked"
    fi
else
    echo "[  SKIPPED ] the fleet in PostgreSQL: $uri"
fi
exit $failed
