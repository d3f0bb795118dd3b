// Rows of a history in DuckDB: a file of CSV becomes one of Parquet, and each statement is asked of that.
// usage: duckdb.mjs MODULES CSV PARQUET SQL...     (MODULES: the node_modules that have @duckdb/node-api)
import {createRequire} from 'node:module';
const [modules, csv, parquet, ...asked] = process.argv.slice(2);
const {DuckDBInstance} = createRequire(modules + '/')('@duckdb/node-api');
const connection = await (await DuckDBInstance.create(':memory:')).connect();
await connection.run(`COPY (FROM read_csv('${csv}', header = true)) TO '${parquet}' (FORMAT parquet)`);
await connection.run(`CREATE VIEW history AS FROM '${parquet}'`);
for (const sql of asked)
    for (const row of (await connection.runAndReadAll(sql)).getRows())
        console.log(row.map(String).join('|'));
