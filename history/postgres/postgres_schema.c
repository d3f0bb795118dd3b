/*
 * The schema `dumpdiff` of a database: its tables, views and functions. They are the same as those
 * of SQLite, but that `value` is a view: its rows lie in tables of a month, and take less there.
 */
#include "history/postgres/postgres_internal.h"
#include "history/views.h"

#include <stdio.h>

#define POSTGRES_TIME(ns)         "to_timestamp(" ns " / 1e9)"
#define POSTGRES_VIEW(name, text) "CREATE VIEW dumpdiff." name " AS " text,
/* "dumpdiff", as a number: who changes the schema holds it. */
#define SCHEMA_LOCK "4919706310817997414"

#define NUMBERED "integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY"

static const char *const version_1[] = {
    "CREATE TABLE dumpdiff.program(id " NUMBERED ", name text NOT NULL UNIQUE);"
    "CREATE TABLE dumpdiff.rename(program integer NOT NULL REFERENCES dumpdiff.program(id),"
    " old text NOT NULL, new text NOT NULL, PRIMARY KEY(program, old));"
    "CREATE TABLE dumpdiff.release(id " NUMBERED ","
    " program integer NOT NULL REFERENCES dumpdiff.program(id), name text NOT NULL,"
    " UNIQUE(program, name));"
    "CREATE TABLE dumpdiff.environment(id " NUMBERED ","
    " program integer NOT NULL REFERENCES dumpdiff.program(id), name text NOT NULL,"
    " UNIQUE(program, name));"
    "CREATE TABLE dumpdiff.instance(id " NUMBERED ","
    " environment integer NOT NULL REFERENCES dumpdiff.environment(id), name text NOT NULL,"
    " UNIQUE(environment, name));",
    "CREATE TABLE dumpdiff.run(id " NUMBERED ","
    " instance integer NOT NULL REFERENCES dumpdiff.instance(id),"
    " release integer NOT NULL REFERENCES dumpdiff.release(id),"
    " process_start_ns bigint, pid bigint);"
    "CREATE INDEX run_instance ON dumpdiff.run(instance, release);"
    "CREATE TABLE dumpdiff.snapshot(id " NUMBERED ","
    " run integer NOT NULL REFERENCES dumpdiff.run(id), hash bytea NOT NULL, label text,"
    " captured_at_ns bigint, runtime text, trust integer NOT NULL, parts bigint NOT NULL,"
    " objects bigint, bytes bigint, UNIQUE(run, hash));"
    "CREATE TABLE dumpdiff.type(id " NUMBERED ","
    " program integer NOT NULL REFERENCES dumpdiff.program(id), kind integer NOT NULL,"
    " name text NOT NULL, UNIQUE(program, kind, name));"
    "CREATE TABLE dumpdiff.value(taken date NOT NULL, type integer NOT NULL, run integer NOT NULL,"
    " snapshot integer NOT NULL, objects bigint, bytes bigint, mature_bytes bigint,"
    " live_objects bigint, live_bytes bigint) PARTITION BY RANGE(taken);"
    /* Many rows have the same type, so that an entry takes six bytes and a bit. */
    "CREATE INDEX value_type ON dumpdiff.value(type);"
    /* Rows lie in the order of their snapshots: a summary of pages finds them. */
    "CREATE INDEX value_snapshot ON dumpdiff.value USING brin(snapshot);"
    "CREATE TABLE dumpdiff.value_other PARTITION OF dumpdiff.value DEFAULT;",
    "CREATE TABLE dumpdiff.state(run integer PRIMARY KEY REFERENCES dumpdiff.run(id),"
    " day integer NOT NULL, rows bytea NOT NULL);"
    /* Dense already: packing it takes longer than writing it. */
    "ALTER TABLE dumpdiff.state ALTER COLUMN rows SET STORAGE EXTERNAL;"
    "CREATE TABLE dumpdiff.finding(run integer NOT NULL REFERENCES dumpdiff.run(id),"
    " rule text NOT NULL, subject text NOT NULL, severity text NOT NULL, summary text NOT NULL,"
    " first_snapshot integer NOT NULL, last_snapshot integer NOT NULL,"
    " PRIMARY KEY(run, rule, subject));"
    "CREATE TABLE dumpdiff.growth_cause(run integer NOT NULL REFERENCES dumpdiff.run(id),"
    " type text NOT NULL, held_by text NOT NULL, objects bigint, bytes bigint,"
    " first_snapshot integer NOT NULL, last_snapshot integer NOT NULL, PRIMARY KEY(run, type));",
    /*
     * Who may only add cannot make tables: this does it for them, within two hundred years. What
     * lies elsewhere, or came before, is in value_other.
     */
    "CREATE FUNCTION dumpdiff.prepare_month(day date) RETURNS void LANGUAGE plpgsql"
    " SECURITY DEFINER SET search_path = dumpdiff, pg_temp AS $make$"
    " DECLARE first date := date_trunc('month', day);"
    " name text := 'value_' || to_char(day, 'YYYY_MM');"
    " BEGIN"
    " IF day < '2000-01-01' OR day >= '2200-01-01' OR to_regclass('dumpdiff.' || name) IS NOT NULL"
    " THEN RETURN; END IF;"
    " PERFORM pg_advisory_xact_lock(" SCHEMA_LOCK ");"
    " IF to_regclass('dumpdiff.' || name) IS NULL AND NOT EXISTS"
    " (SELECT FROM dumpdiff.value_other WHERE taken >= first AND taken < first + interval '1 "
    "month')"
    " THEN EXECUTE format('CREATE TABLE dumpdiff.%I PARTITION OF dumpdiff.value"
    " FOR VALUES FROM (%L) TO (%L)', name, first, (first + interval '1 month')::date);"
    " END IF; END $make$;"
    "REVOKE ALL ON FUNCTION dumpdiff.prepare_month(date) FROM PUBLIC;",
    /* Whole months go without a trace in other tables' files; who owns them may. */
    "CREATE FUNCTION dumpdiff.drop_months(before date) RETURNS integer LANGUAGE plpgsql"
    " SET search_path = dumpdiff, pg_temp AS $drop$"
    " DECLARE part text; dropped integer := 0;"
    " BEGIN FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = 'dumpdiff.value'::regclass AND c.relname ~ '^value_[0-9]{4}_[0-9]{2}$'"
    " AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= before"
    " LOOP EXECUTE format('DROP TABLE dumpdiff.%I', part); dropped := dropped + 1; END LOOP;"
    /* 1970-01-01: nobody knows when. */
    " DELETE FROM dumpdiff.value_other WHERE taken < before AND taken <> '1970-01-01';"
    " RETURN dropped; END $drop$;"
    "REVOKE ALL ON FUNCTION dumpdiff.drop_months(date) FROM PUBLIC;",
    VIEWS_EACH(POSTGRES_VIEW, POSTGRES_TIME) NULL};

/*
 * Figures as they are kept since version 2: numbers of four bytes, which nearly all of them fit
 * into, and of bytes in gen2 and large only what is not as many as `bytes`. Rows that do not fit
 * are in cell_wide. These go from columns of `value`.
 */
#define CELL_COLUMNS "type, snapshot, objects, bytes, mature_bytes, live_objects, live_bytes"
#define CELL_FITS \
    "greatest(objects, bytes, mature_bytes, live_objects, live_bytes, 0) <= 2147483647"
#define CELL_OF(snapshot) \
    "type, " snapshot ", objects, bytes, CASE WHEN mature_bytes IS NOT DISTINCT FROM bytes" \
    " THEN NULL ELSE coalesce(mature_bytes, -1) END, live_objects, live_bytes"
#define CELL_COUNTED(type) \
    "type integer NOT NULL, snapshot integer NOT NULL, objects " type ", bytes " type \
    ", mature_bytes " type ", live_objects " type ", live_bytes " type
/* Without arguments, so that they stand in a text as its other lines do. */
#define CELL_SMALL        CELL_COUNTED("integer")
#define CELL_WIDE         CELL_COUNTED("bigint")
#define CELL_OF_ITS_OWN   CELL_OF("snapshot")
#define CELL_OF_FIRST     CELL_OF("first")
#define CELL_OF_PARAMETER CELL_OF("$1")
#define CHANGES_VIEW      VIEW_CHANGES(POSTGRES_TIME)
#define GROWTH_VIEW       VIEW_GROWTH(POSTGRES_TIME)
/* And back; c: the table. */
#define VALUE_OF_CELL \
    "SELECT c.type, s.run, c.snapshot, CAST(c.objects AS bigint) AS objects," \
    " CAST(c.bytes AS bigint) AS bytes, CAST(CASE WHEN c.mature_bytes IS NULL THEN c.bytes" \
    " WHEN c.mature_bytes >= 0 THEN c.mature_bytes END AS bigint) AS mature_bytes," \
    " CAST(c.live_objects AS bigint) AS live_objects," \
    " CAST(c.live_bytes AS bigint) AS live_bytes" \
    " FROM dumpdiff.snapshot s JOIN "

static const char *const version_2[] = {
    /*
     * A row of `value` took 77 bytes: 32 of them its header, since it had more than eight columns
     * that may be NULL, then what its snapshot says as well (its day, its run), and figures of
     * eight bytes. Months are tables that inherit: they need no column that says which.
     */
    "DROP VIEW dumpdiff.growth; DROP VIEW dumpdiff.changes;"
    "ALTER TABLE dumpdiff.value RENAME TO value_1;"
    "DROP FUNCTION dumpdiff.prepare_month(date); DROP FUNCTION dumpdiff.drop_months(date);"
    "CREATE TABLE dumpdiff.cell(" CELL_SMALL ");"
    "CREATE INDEX cell_type ON dumpdiff.cell(type);"
    "CREATE TABLE dumpdiff.cell_wide(" CELL_WIDE ");"
    "CREATE INDEX cell_wide_type ON dumpdiff.cell_wide(type);"
    "CREATE TABLE dumpdiff.state_change(run integer NOT NULL REFERENCES dumpdiff.run(id),"
    " snapshot integer NOT NULL, rows bytea NOT NULL, PRIMARY KEY(run, snapshot));"
    "ALTER TABLE dumpdiff.state_change ALTER COLUMN rows SET STORAGE EXTERNAL;",
    /*
     * Who may only add cannot make tables: this does it for them, within two hundred years. What
     * lies elsewhere, or came before, is in `cell` itself. Rights are those of `cell`.
     */
    "CREATE FUNCTION dumpdiff.prepare_month(day date) RETURNS void LANGUAGE plpgsql"
    " SECURITY DEFINER SET search_path = dumpdiff, pg_temp AS $make$"
    " DECLARE name text := 'cell_' || to_char(day, 'YYYY_MM'); given record;"
    " BEGIN"
    " IF day < '2000-01-01' OR day >= '2200-01-01' OR to_regclass('dumpdiff.' || name) IS NOT NULL"
    " THEN RETURN; END IF;"
    " PERFORM pg_advisory_xact_lock(" SCHEMA_LOCK ");"
    /* to_regclass() may not know yet what the one before us made while we waited. */
    " IF EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = 'dumpdiff' AND c.relname = name) THEN RETURN; END IF;"
    " EXECUTE format('CREATE TABLE dumpdiff.%I() INHERITS (dumpdiff.cell)', name);"
    /* Many rows have the same type, so that an entry takes six bytes and a bit. */
    " EXECUTE format('CREATE INDEX %I ON dumpdiff.%I(type)', name || '_type', name);"
    /* Rows lie in the order of their snapshots: a summary of pages finds them. */
    " EXECUTE format('CREATE INDEX %I ON dumpdiff.%I USING brin(snapshot)', name || '_snapshot',"
    " name);"
    " FOR given IN SELECT a.grantee::regrole AS grantee, a.privilege_type FROM pg_class c,"
    " aclexplode(c.relacl) a WHERE c.oid = 'dumpdiff.cell'::regclass AND a.grantee <> c.relowner"
    " AND a.grantee <> 0 LOOP"
    " EXECUTE format('GRANT %s ON dumpdiff.%I TO %s', given.privilege_type, name, given.grantee);"
    " END LOOP; END $make$;"
    "REVOKE ALL ON FUNCTION dumpdiff.prepare_month(date) FROM PUBLIC;",
    /* Whole months go without a trace in other tables' files; who owns them may. */
    "CREATE FUNCTION dumpdiff.drop_months(before date) RETURNS integer LANGUAGE plpgsql"
    " SET search_path = dumpdiff, pg_temp AS $drop$"
    " DECLARE part text; dropped integer := 0;"
    " before_ns bigint := extract(epoch FROM before)::bigint * 1000000000;"
    " BEGIN FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = 'dumpdiff.cell'::regclass AND c.relname ~ '^cell_[0-9]{4}_[0-9]{2}$'"
    " AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= before"
    " LOOP EXECUTE format('DROP TABLE dumpdiff.%I', part); dropped := dropped + 1; END LOOP;"
    " DELETE FROM ONLY cell c USING snapshot s WHERE s.id = c.snapshot"
    " AND s.captured_at_ns < before_ns;"
    " DELETE FROM cell_wide c USING snapshot s WHERE s.id = c.snapshot"
    " AND s.captured_at_ns < before_ns;"
    " RETURN dropped; END $drop$;"
    "REVOKE ALL ON FUNCTION dumpdiff.drop_months(date) FROM PUBLIC;",
    /* What a run said of its types before a snapshot, as rows of that one, in its month. */
    "CREATE FUNCTION dumpdiff.let_go(of_run integer, first integer) RETURNS void LANGUAGE plpgsql"
    " SET search_path = dumpdiff, pg_temp AS $go$"
    " DECLARE name text := (SELECT 'cell_' || to_char(to_timestamp(captured_at_ns / 1000000000)"
    " AT TIME ZONE 'UTC', 'YYYY_MM') FROM snapshot WHERE id = first);"
    " BEGIN"
    " IF name IS NULL OR to_regclass('dumpdiff.' || name) IS NULL THEN name := 'cell'; END IF;"
    " CREATE TEMP TABLE dumpdiff_stands ON COMMIT DROP AS SELECT * FROM"
    " (SELECT v.*, row_number() OVER (PARTITION BY type ORDER BY snapshot DESC) AS place"
    " FROM value v WHERE run = of_run AND snapshot <= first) newest"
    " WHERE place = 1 AND snapshot < first;"
    " EXECUTE format('INSERT INTO dumpdiff.%I(" CELL_COLUMNS ") SELECT " CELL_OF_PARAMETER
    " FROM pg_temp.dumpdiff_stands WHERE " CELL_FITS "', name) USING first;"
    " INSERT INTO cell_wide(" CELL_COLUMNS ") SELECT " CELL_OF_FIRST
    " FROM pg_temp.dumpdiff_stands WHERE NOT (" CELL_FITS ");"
    " DROP TABLE pg_temp.dumpdiff_stands;"
    " DELETE FROM cell c USING snapshot s WHERE s.id = c.snapshot AND s.run = of_run"
    " AND s.id < first;"
    " DELETE FROM cell_wide c USING snapshot s WHERE s.id = c.snapshot AND s.run = of_run"
    " AND s.id < first;"
    " END $go$;"
    "REVOKE ALL ON FUNCTION dumpdiff.let_go(integer, integer) FROM PUBLIC;",
    "CREATE VIEW dumpdiff.value AS " VALUE_OF_CELL
    "dumpdiff.cell c ON c.snapshot = s.id UNION ALL " VALUE_OF_CELL
    "dumpdiff.cell_wide c ON c.snapshot = s.id",
    "CREATE VIEW dumpdiff.changes AS " CHANGES_VIEW "; CREATE VIEW dumpdiff.growth AS " GROWTH_VIEW,
    /* What the first version has, month by month, in the order of its snapshots. */
    "DO $move$ DECLARE part text; into_name text; BEGIN"
    " FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = 'dumpdiff.value_1'::regclass ORDER BY 1 LOOP"
    " into_name := 'cell';"
    " IF part ~ '^value_[0-9]{4}_[0-9]{2}$' THEN"
    " PERFORM dumpdiff.prepare_month(to_date(right(part, 7), 'YYYY_MM'));"
    " into_name := 'cell_' || right(part, 7); END IF;"
    " EXECUTE format('INSERT INTO dumpdiff.%I(" CELL_COLUMNS ") SELECT " CELL_OF_ITS_OWN
    " FROM dumpdiff.%I WHERE " CELL_FITS " ORDER BY snapshot, type', into_name, part);"
    " EXECUTE format('INSERT INTO dumpdiff.cell_wide(" CELL_COLUMNS ") SELECT " CELL_OF_ITS_OWN
    " FROM dumpdiff.%I WHERE NOT (" CELL_FITS ")', part);"
    " END LOOP; END $move$;"
    "DROP TABLE dumpdiff.value_1;",
    NULL};

/* THE migrations: the n-th leads from version n to n + 1. Append only. */
static const char *const *const migrations[] = {version_1, version_2};
#define VERSION ((uint64_t)(sizeof(migrations) / sizeof(*migrations)))

/* ABSENT: there is no such schema. Errors: those of the body. */
static bool postgres_version(struct history *h, uint64_t *ret_version, struct err *err) {
    uint64_t there;
    *ret_version = ABSENT;
    if (!store_ask(h,
                   "SELECT count(*) FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid"
                   " WHERE n.nspname = 'dumpdiff' AND c.relname = 'version'",
                   NULL, 0, &there, err))
        return false;
    return there == 0 ||
           store_ask(h, "SELECT version FROM dumpdiff.version", NULL, 0, ret_version, err);
}

static bool postgres_may_be(uint64_t version, enum history_mode mode, struct err *err) {
    if (version == ABSENT)
        return mode == HISTORY_CREATE ||
               err_set(err, ERR_IO, "has no history in it (`dumpdiff history init` makes one)");
    if (version > VERSION)
        return err_set(err, ERR_UNSUPPORTED,
                       "version %llu, this program knows up to %llu: a newer dumpdiff wrote it",
                       (unsigned long long)version, (unsigned long long)VERSION);
    if (version < VERSION && mode == HISTORY_READ)
        return err_set(err, ERR_UNSUPPORTED,
                       "version %llu is of an older dumpdiff: `history init` brings it up to date",
                       (unsigned long long)version);
    return true;
}

/*
 * Who adds reads names and numbers, and writes over what a run says last and when something was
 * seen; it removes and renames nothing. Months have the rights of `cell`.
 */
static const char make_roles_sql[] =
    "DO $roles$ BEGIN"
    " IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dumpdiff_writer') THEN"
    " CREATE ROLE dumpdiff_writer NOLOGIN; END IF;"
    " IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dumpdiff_reader') THEN"
    " CREATE ROLE dumpdiff_reader NOLOGIN; END IF; END $roles$";
static const char grant_sql[] =
    "GRANT USAGE ON SCHEMA dumpdiff TO dumpdiff_writer, dumpdiff_reader;"
    "GRANT SELECT ON ALL TABLES IN SCHEMA dumpdiff TO dumpdiff_writer, dumpdiff_reader;"
    "GRANT INSERT ON dumpdiff.program, dumpdiff.release, dumpdiff.environment, dumpdiff.instance,"
    " dumpdiff.run, dumpdiff.snapshot, dumpdiff.type, dumpdiff.cell, dumpdiff.cell_wide,"
    " dumpdiff.state, dumpdiff.state_change, dumpdiff.finding, dumpdiff.growth_cause"
    " TO dumpdiff_writer;"
    "GRANT UPDATE(day, rows) ON dumpdiff.state TO dumpdiff_writer;"
    "GRANT DELETE ON dumpdiff.state_change TO dumpdiff_writer;"
    "GRANT UPDATE(severity, summary, last_snapshot) ON dumpdiff.finding TO dumpdiff_writer;"
    "GRANT UPDATE(held_by, objects, bytes, last_snapshot) ON dumpdiff.growth_cause"
    " TO dumpdiff_writer;"
    "GRANT EXECUTE ON FUNCTION dumpdiff.prepare_month(date) TO dumpdiff_writer;"
    "DO $months$ DECLARE part text; BEGIN"
    " FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = 'dumpdiff.cell'::regclass LOOP"
    " EXECUTE format('GRANT INSERT ON dumpdiff.%I TO dumpdiff_writer', part);"
    " END LOOP; END $months$";

bool postgres_make_roles(struct history *h, struct err *err) {
    return postgres_sql(h, make_roles_sql, err) && postgres_sql(h, grant_sql, err);
}

/* What is new has the rights of what was there, where roles were made. */
static bool postgres_grant_again(struct history *h, struct err *err) {
    uint64_t roles;
    return store_ask(h,
                     "SELECT count(*) FROM pg_namespace n, aclexplode(n.nspacl) a JOIN pg_roles r"
                     " ON r.oid = a.grantee WHERE n.nspname = 'dumpdiff'"
                     " AND r.rolname IN ('dumpdiff_writer', 'dumpdiff_reader')",
                     NULL, 0, &roles, err) &&
           (roles == 0 || postgres_sql(h, grant_sql, err));
}

/* Under the lock: another process may be making it at the same time. */
static bool postgres_migrate(struct history *h, enum history_mode mode, struct err *err) {
    uint64_t version;
    if (!postgres_sql(h, "SELECT pg_advisory_xact_lock(" SCHEMA_LOCK ")", err) ||
        !postgres_version(h, &version, err) || !postgres_may_be(version, mode, err))
        return false;
    bool ok = version != ABSENT ||
              postgres_sql(h,
                           "CREATE SCHEMA IF NOT EXISTS dumpdiff; CREATE TABLE dumpdiff.version"
                           "(version bigint NOT NULL); INSERT INTO dumpdiff.version VALUES(0)",
                           err);
    version = version == ABSENT ? 0 : version;
    for (; ok && version < VERSION; version++) {
        char sql[96];
        snprintf(sql, sizeof(sql), "UPDATE dumpdiff.version SET version = %llu",
                 (unsigned long long)version + 1);
        for (const char *const *step = migrations[version]; ok && *step; step++)
            ok = postgres_sql(h, *step, err);
        ok = ok && postgres_sql(h, sql, err);
    }
    return ok && postgres_grant_again(h, err);
}

bool postgres_schema_check(struct history *h, enum history_mode mode, struct err *err) {
    uint64_t version;
    if (!postgres_version(h, &version, err) || !postgres_may_be(version, mode, err))
        return false;
    return version == VERSION ||
           (store_begin(h, true, err) && store_end(h, postgres_migrate(h, mode, err), err));
}

bool postgres_version_stays(struct history *h, uint64_t version, struct err *err) {
    return version == VERSION ||
           err_set(err, ERR_UNSUPPORTED,
                   "%s: version %llu, this program knows up to %llu: a newer dumpdiff changed it"
                   " meanwhile",
                   h->path, (unsigned long long)version, (unsigned long long)VERSION);
}
