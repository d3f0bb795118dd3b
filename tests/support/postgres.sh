#!/bin/sh
# A PostgreSQL server of its own in FOLDER, reached through a socket there and by nothing else.
# usage: postgres.sh start FOLDER [durable]   prints what --db takes, or why there is none (status 77)
#        postgres.sh stop FOLDER, and start it again: postgres.sh again FOLDER
set -u
folder=$2
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
# It refuses root: then it is nobody.
as_nobody() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && exec setpriv --reuid="$(id -u nobody)" --regid="$(id -g nobody)" --clear-groups "$@")
    else
        (cd / && exec "$@")
    fi
}
case $1 in
start)
    [ -x "$bin/initdb" ] || { echo "there is no PostgreSQL server (postgresql-15)"; exit 77; }
    [ "$(id -u)" -ne 0 ] || command -v setpriv >/dev/null || { echo "there is no setpriv (util-linux)"; exit 77; }
    mkdir -p "$folder" && chmod 755 "$folder" || exit 1
    [ "$(id -u)" -ne 0 ] || chown nobody "$folder"
    as_nobody "$bin/initdb" -D "$folder/data" -A trust -U dumpdiff --no-sync -E UTF8 --locale=C >"$folder/log" 2>&1 || {
        cat "$folder/log" >&2
        exit 1
    }
    sync='-c fsync=off -c synchronous_commit=off'
    [ "${3-}" != durable ] || sync=
    as_nobody "$bin/pg_ctl" -D "$folder/data" -l "$folder/data/log" -w -t 60 \
        -o "-k '$folder' -h '' -c max_connections=60 $sync" start >"$folder/log" 2>&1 || {
        cat "$folder/log" "$folder/data/log" >&2
        exit 1
    }
    as_nobody "$bin/createdb" -h "$folder" -U dumpdiff history || exit 1
    echo "postgresql:///history?host=$folder&user=dumpdiff"
    ;;
again)
    as_nobody "$bin/pg_ctl" -D "$folder/data" -l "$folder/data/log" -w -t 60 \
        -o "-k '$folder' -h '' -c max_connections=60" start
    ;;
stop) as_nobody "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 ;;
*) exit 2 ;;
esac
