-- Each statement answers with the rows that are worth an alert: none, and all is well. Run as dumpdiff_reader.

-- A type of which half of the instances of a release, three at least, gained a megabyte an hour since they began.
SELECT program, release, environment, type, count(*) AS instances, round(max(bytes_an_hour)::numeric) AS worst
FROM dumpdiff.growth
WHERE last_ns > (SELECT max(captured_at_ns) FROM dumpdiff.snapshot) - 86400000000000
GROUP BY program, release, environment, type
HAVING count(*) FILTER (WHERE bytes_an_hour > 1048576) >= 3
   AND count(*) FILTER (WHERE bytes_an_hour > 1048576) * 2 >= count(*)
ORDER BY worst DESC;

-- An instance that was seen in the last day, but not in the last three hours.
SELECT program, environment, instance, max(captured_at) AS last_seen
FROM dumpdiff.snapshots
GROUP BY program, environment, instance
HAVING max(captured_at) BETWEEN now() - interval '1 day' AND now() - interval '3 hours'
ORDER BY last_seen;

-- A finding of a rule that is critical, in the newest snapshot of its run.
SELECT f.program, f.release, f.instance, f.rule, f.subject, f.summary
FROM dumpdiff.findings f
WHERE f.severity = 'critical'
  AND f.last_snapshot = (SELECT max(id) FROM dumpdiff.snapshot s WHERE s.run = f.run)
ORDER BY f.program, f.instance, f.rule;
