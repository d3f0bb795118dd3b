/*
 * Views for people and dashboards, of both stores: `sqlite3 history.db 'SELECT * FROM ...'` and
 * psql answer alike. dumpdiff itself uses none of them.
 *
 * TIME(ns)  SQL that makes a time of nanoseconds since 1970, NULL of NULL
 */
#ifndef DUMPDIFF_HISTORY_VIEWS_H
#define DUMPDIFF_HISTORY_VIEWS_H

#include "history/history.h"

#define VIEWS_OF_RUN \
    " FROM run r JOIN release l ON l.id = r.release JOIN instance i ON i.id = r.instance" \
    " JOIN environment e ON e.id = i.environment JOIN program p ON p.id = e.program"

/* Which lives of which processes there are. */
#define VIEW_RUNS(TIME) \
    "SELECT r.id AS run, p.name AS program, l.name AS release, e.name AS environment," \
    " i.name AS instance, r.process_start_ns, " TIME("r.process_start_ns") " AS process_start," \
                                                                           " r.pid" VIEWS_OF_RUN

#define VIEW_SNAPSHOTS(TIME) \
    "SELECT s.id AS snapshot, s.run, p.name AS program, l.name AS release, e.name AS environment," \
    " i.name AS instance, s.captured_at_ns, " TIME( \
        "s.captured_at_ns") " AS captured_at," \
                            " r.process_start_ns, s.label, s.runtime, s.trust, s.objects, " \
                            "s.bytes" VIEWS_OF_RUN " JOIN snapshot s ON s.run = r.id"

/* What changed: a figure stands until the next row of its run and type. */
#define VIEW_CHANGES(TIME) \
    "SELECT v.snapshot, v.run, p.name AS program, l.name AS release, e.name AS environment," \
    " i.name AS instance, s.captured_at_ns, " TIME( \
        "s.captured_at_ns") " AS captured_at," \
                            " CASE t.kind WHEN 0 THEN 'type' ELSE 'value' END AS kind, t.name, " \
                            "v.objects, v.bytes," \
                            " v.mature_bytes, v.live_objects, v.live_bytes" VIEWS_OF_RUN \
                            " JOIN value v ON v.run = r.id JOIN snapshot s ON s.id = v.snapshot " \
                            "JOIN type t ON t.id = v.type"

/* The first and the last figure of each type in each run, and what lies between. */
#define VIEW_GROWTH(TIME) \
    "SELECT g.run, p.name AS program, l.name AS release, e.name AS environment," \
    " i.name AS instance, t.name AS type, g.first_bytes, g.last_bytes," \
    " g.last_bytes - g.first_bytes AS growth_bytes, s.first_ns, s.last_ns," \
    " CASE WHEN s.last_ns > s.first_ns THEN (g.last_bytes - g.first_bytes) * 3600e9 /" \
    " (s.last_ns - s.first_ns) END AS bytes_an_hour" \
    " FROM (SELECT run, type, max(CASE WHEN first = 1 THEN bytes END) AS first_bytes," \
    " max(CASE WHEN last = 1 THEN bytes END) AS last_bytes FROM" \
    " (SELECT run, type, bytes, row_number() OVER (PARTITION BY run, type ORDER BY snapshot)" \
    " AS first, row_number() OVER (PARTITION BY run, type ORDER BY snapshot DESC) AS last" \
    " FROM value) o GROUP BY run, type) g JOIN run r ON r.id = g.run" \
    " JOIN (SELECT run, min(captured_at_ns) AS first_ns, max(captured_at_ns) AS last_ns" \
    " FROM snapshot GROUP BY run) s ON s.run = g.run JOIN type t ON t.id = g.type AND t.kind = 0" \
    " JOIN release l ON l.id = r.release JOIN instance i ON i.id = r.instance" \
    " JOIN environment e ON e.id = i.environment JOIN program p ON p.id = e.program"

#define VIEW_FINDINGS(TIME) \
    "SELECT p.name AS program, l.name AS release, e.name AS environment, i.name AS instance," \
    " f.run, f.rule, f.severity, f.subject, f.summary, f.first_snapshot, f.last_snapshot," \
    " " TIME("a.captured_at_ns") " AS first_seen, " TIME( \
        "z.captured_at_ns") " AS last_seen" VIEWS_OF_RUN " JOIN finding f ON f.run = r.id" \
                            " LEFT JOIN snapshot a ON a.id = f.first_snapshot LEFT JOIN snapshot " \
                            "z ON z.id = f.last_snapshot"

#define VIEW_CAUSES(TIME) \
    "SELECT p.name AS program, l.name AS release, e.name AS environment, i.name AS instance," \
    " c.run, c.type, c.held_by, c.objects, c.bytes, c.first_snapshot, c.last_snapshot," \
    " " TIME("z.captured_at_ns") " AS last_seen" VIEWS_OF_RUN \
                                 " JOIN growth_cause c ON c.run = r.id LEFT JOIN snapshot z ON " \
                                 "z.id = c.last_snapshot"

/* Name, text. */
#define VIEWS_EACH(VIEW, TIME) \
    VIEW("runs", VIEW_RUNS(TIME)) \
    VIEW("snapshots", VIEW_SNAPSHOTS(TIME)) \
    VIEW("changes", VIEW_CHANGES(TIME)) \
    VIEW("growth", VIEW_GROWTH(TIME)) \
    VIEW("findings", VIEW_FINDINGS(TIME)) \
    VIEW("growth_causes", VIEW_CAUSES(TIME))

#endif
