"""A corpus of texts: what the gate lets through, and what it refuses, with which words and where."""

import json

import pytest

from conftest import OUTPUT, Mesh, write_shop

T = "sales.orders.orders"

# Texts that are answered.
ACCEPTED = {
    "a constant": "SELECT 1",
    "from first": f"FROM {T}",
    "a table": f"SELECT * FROM {T}",
    "case": "select ID from SALES.Orders.ORDERS",
    "quotes": 'SELECT "id" FROM "sales"."orders"."orders"',
    "quotes and case": 'SELECT "ID" FROM "Sales"."ORDERS"."orders"',
    "an alias": f"SELECT o.id FROM {T} AS o",
    "names of columns": f"SELECT a, b FROM {T} AS o(a, b)",
    "full name of a column": f"SELECT {T}.id, orders.country FROM {T}",
    "a past release": 'SELECT count(*) FROM sales."orders#1".orders',
    "two releases": f'SELECT count(*) FROM {T} a JOIN sales."orders#1".orders b USING (id)',
    "mesh": "SELECT * FROM mesh.tables",
    "mesh and case": 'SELECT count(*) FROM "MESH"."Tables"',
    "mesh and data": f"SELECT count(*) FROM mesh.columns, {T}",
    "a comment": f"-- all of it\nSELECT /* one */ count(*) FROM {T} -- end",
    "comments that nest": "SELECT /*1/*2/*3/*4/*5/*6/*7/*8*/*/*/*/*/*/*/*/ 1",
    "one semicolon": "SELECT 1;",
    "a semicolon and space": "SELECT 1 ; \n -- no more\n /* at all */",
    "a semicolon in a text": "SELECT ';' AS a, $$;$$ AS b, $x$ ; $x$ AS c, E'\\';' AS d",
    "a semicolon in a name": 'SELECT 1 AS ";"',
    "cte": f"WITH a AS (SELECT id FROM {T}) SELECT * FROM a",
    "cte that hides a name": f"WITH orders AS (SELECT id FROM {T}) SELECT * FROM orders",
    "cte of a cte": f"WITH a AS (SELECT id FROM {T}), b AS (SELECT * FROM a) SELECT * FROM b, a",
    "cte named as a function": "WITH read_text AS (SELECT 1) SELECT * FROM read_text",
    "cte named as a file": 'WITH "x.parquet" AS (SELECT 7 AS n) SELECT n FROM "x.parquet"',
    "cte named as a view of the engine": "WITH duckdb_settings AS (SELECT 1 AS n) SELECT n FROM duckdb_settings",
    "cte in a subquery": f"SELECT * FROM (WITH a AS (SELECT id FROM {T}) SELECT * FROM a)",
    "cte in an expression": f"SELECT (WITH a AS (SELECT max(id) AS m FROM {T}) SELECT m FROM a)",
    "recursion": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r",
    "recursion with a key": "WITH RECURSIVE r(n, m) USING KEY (n) AS (SELECT 1, 2 UNION SELECT n, m - 1 FROM r WHERE m > 0) SELECT * FROM r",
    "materialized": f"WITH a AS MATERIALIZED (FROM {T}) SELECT count(*) FROM a",
    "join": f"SELECT count(*) FROM {T} a JOIN {T} b USING (id) LEFT JOIN {T} c ON c.id = b.id",
    "natural join": f"SELECT count(*) FROM {T} NATURAL JOIN {T} o",
    "asof join": f"SELECT count(*) FROM {T} a ASOF JOIN {T} b ON a.id >= b.id",
    "positional join": f"SELECT count(*) FROM {T} a POSITIONAL JOIN {T} b",
    "semi and anti": f"SELECT count(*) FROM {T} a SEMI JOIN {T} b USING (id) ANTI JOIN {T} c ON c.id = a.id + 1",
    "lateral": f"SELECT * FROM {T} o, LATERAL (SELECT o.id + 1 AS next)",
    "unnest": "SELECT unnest([1, 2, 3])",
    "unnest in from": f"SELECT * FROM {T}, unnest([id, 2]) u(x)",
    "range": "SELECT sum(range) FROM range(1000)",
    "series": "SELECT * FROM generate_series(DATE '2026-01-01', DATE '2026-02-01', INTERVAL 1 WEEK)",
    "repeat in from": "SELECT count(*) FROM repeat('x', 10)",
    "json_each": "SELECT key, value FROM json_each('{\"a\": 1}')",
    "values": "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) v(n, t)",
    "union": f"SELECT id FROM {T} UNION ALL SELECT 1 EXCEPT SELECT 2 INTERSECT SELECT 3",
    "union by name": f"SELECT id FROM {T} UNION BY NAME SELECT 1 AS id, 2 AS other",
    "pivot": f"SELECT * FROM (SELECT country, id FROM {T}) PIVOT (count(*) FOR country IN ('CH', 'DE'))",
    "unpivot": f"SELECT * FROM (SELECT id, customer, country FROM {T}) UNPIVOT (v FOR k IN (customer, country))",
    "grouping sets": f"SELECT country, customer, count(*) FROM {T} GROUP BY GROUPING SETS ((country), (customer), ())",
    "group by all": f"SELECT country, count(*) FROM {T} GROUP BY ALL ORDER BY ALL",
    "window": f"SELECT id, sum(amount) OVER w FROM {T} WINDOW w AS (PARTITION BY country ORDER BY id)",
    "qualify": f"SELECT id FROM {T} QUALIFY row_number() OVER (ORDER BY id) = 1",
    "star with parts": f"SELECT * EXCLUDE (email) REPLACE (id + 1 AS id) RENAME (country AS land) FROM {T}",
    "columns": f"SELECT COLUMNS(c -> c LIKE 'c%') FROM {T}",
    "lambda": "SELECT list_transform([1, 2], lambda x: x + 1), [y * 2 FOR y IN [1, 2] IF y > 1]",
    "method": f"SELECT customer.lower().upper() FROM {T}",
    "method of a name with its table": f"SELECT orders.customer.lower() FROM {T}",
    "function with its schema": "SELECT main.lower('A'), system.main.upper('b')",
    "struct and map": "SELECT {'a': 1, 'b': [1, 2]}, MAP {'x': 1}, (1, 2), row(1, 2)",
    "cast": "SELECT '1'::INTEGER, CAST('2026-01-01' AS DATE), TRY_CAST('x' AS INTEGER), '1'::DECIMAL(4, 1)",
    "nested types": "SELECT NULL::STRUCT(a INTEGER, b VARCHAR[])[], NULL::MAP(VARCHAR, INTEGER), NULL::INTEGER[3], 'a'::ENUM('a')",
    "collation": "SELECT 'A' COLLATE NOCASE = 'a'",
    "distinct on": f"SELECT DISTINCT ON (country) country, id FROM {T} ORDER BY country, id",
    "limit by percent": f"SELECT id FROM {T} ORDER BY id LIMIT 50%",
    "position": f"SELECT id, country FROM {T} ORDER BY 2, 1",
    "filter clause": f"SELECT count(*) FILTER (id > 1), list(id ORDER BY id DESC) FROM {T}",
    "json": "SELECT '{\"a\": {\"b\": 1}}'::JSON -> 'a' ->> 'b'",
    "eight arrows": "SELECT '{}'::JSON -> 'a' -> 'a' -> 'a' -> 'a' -> 'a' -> 'a' -> 'a' -> 'a'",
    "interval and time": "SELECT INTERVAL 3 DAY, TIMESTAMPTZ '2026-01-01 00:00:00+01', TIME '12:00', now() IS NOT NULL",
    "large repeat": "SELECT length(repeat('x', 1000000))",
    "emoji": "SELECT '🙂' AS \"naïve 🙂\"",
    "between, in, like, is": "SELECT 1 BETWEEN 0 AND 2, 1 IN (1, 2), 'a' LIKE 'A', 1 IS DISTINCT FROM NULL, 'a' SIMILAR TO 'a|b'",
    "name with a quote": 'SELECT "a""b" FROM (SELECT 1 AS "a""b")',
    "name with a line": 'SELECT "a\nb" FROM (SELECT 1 AS "a\nb")',
    "try": "SELECT TRY(1 // 0), TRY('x'::INTEGER)",
    "fifty functions deep": "SELECT " + "abs(" * 50 + "1" + ")" * 50,
    "two thousand conditions": f"SELECT count(*) FROM {T} WHERE id IN (" + ", ".join(map(str, range(2000))) + ")",
    "a comment of 200 KB": "SELECT 1 /*" + "x" * 200_000 + "*/",
}

# Texts that are refused: code of the error, and where it points: at the last place of this part of the text; None: nowhere in particular.
REFUSED = {
    # files and functions that read them
    "a file": ("SELECT * FROM 'x.parquet'", "UNKNOWN_NAME", "'x.parquet'"),
    "a file as a name": ('SELECT * FROM "x.csv"', "UNKNOWN_NAME", '"x.csv"'),
    "an absolute file": ("SELECT * FROM '/etc/passwd'", "UNKNOWN_NAME", "'/etc"),
    "a file of the worker": ("SELECT * FROM 'in/*.parquet'", "UNKNOWN_NAME", "'in/"),
    "a file with dots": ("SELECT * FROM '../../../etc/passwd.csv'", "UNKNOWN_NAME", "'../"),
    "a url": ("SELECT * FROM 'https://localhost/x.parquet'", "UNKNOWN_NAME", "'https"),
    "a file in a schema": ('SELECT * FROM sales.orders."x.parquet"', "UNKNOWN_NAME", "sales"),
    "a file in a join": (f"SELECT * FROM {T} JOIN 'x.json' USING (id)", "UNKNOWN_NAME", "'x.json'"),
    "a file in a subquery": ("SELECT (SELECT count(*) FROM 'x.csv')", "UNKNOWN_NAME", "'x.csv'"),
    "a file in exists": ("SELECT 1 WHERE EXISTS (FROM '/etc/shadow')", "UNKNOWN_NAME", "'/etc"),
    "a file in a cte": ("WITH a AS (FROM 'x.csv') SELECT 1", "UNKNOWN_NAME", "'x.csv'"),
    "a file in an unused cte": ("WITH a AS (SELECT * FROM read_text('/etc/passwd')) SELECT 1", "REFUSED", "read_text"),
    "a file in order by": (f"SELECT id FROM {T} ORDER BY (SELECT count(*) FROM 'x.csv')", "UNKNOWN_NAME", "'x.csv'"),
    "a file in a limit": ("SELECT 1 LIMIT (SELECT count(*) FROM 'x.csv')", "UNKNOWN_NAME", "'x.csv'"),
    "a file in a window": ("SELECT sum(1) OVER (ORDER BY (SELECT count(*) FROM 'x.csv'))", "UNKNOWN_NAME", "'x.csv'"),
    "a file in a filter": ("SELECT count(*) FILTER ((SELECT true FROM 'x.csv'))", "UNKNOWN_NAME", "'x.csv'"),
    "a file in a case": ("SELECT CASE WHEN true THEN (FROM 'x.csv') END", "UNKNOWN_NAME", "'x.csv'"),
    "a file in a lambda": ("SELECT list_transform([1], lambda x: (SELECT x FROM 'x.csv'))", "UNKNOWN_NAME", "'x.csv'"),
    "a file in a struct": ("SELECT {'a': (FROM 'x.csv')}", "UNKNOWN_NAME", "'x.csv'"),
    "a file in having": (f"SELECT 1 FROM {T} GROUP BY id HAVING (SELECT true FROM 'x.csv')", "UNKNOWN_NAME", "'x.csv'"),
    "a file in qualify": (f"SELECT 1 FROM {T} QUALIFY (SELECT true FROM 'x.csv')", "UNKNOWN_NAME", "'x.csv'"),
    "a file in values": ("SELECT * FROM (VALUES ((SELECT 1 FROM 'x.csv'))) v", "UNKNOWN_NAME", "'x.csv'"),
    "a file in union": ("SELECT 1 UNION ALL SELECT 2 FROM 'x.csv'", "UNKNOWN_NAME", "'x.csv'"),
    "a file in a pivot": ("SELECT * FROM 'x.csv' PIVOT (count(*) FOR a IN (1))", "UNKNOWN_NAME", "'x.csv'"),
    "a file in an argument": ("SELECT * FROM range((SELECT count(*) FROM 'x.csv'))", "UNKNOWN_NAME", "'x.csv'"),
    "a file in replace": (f"SELECT * REPLACE ((FROM 'x.csv') AS id) FROM {T}", "UNKNOWN_NAME", "'x.csv'"),
    "a file in a key": ("WITH RECURSIVE r(n) USING KEY (n) AS (SELECT 1 UNION SELECT n FROM r, 'x.csv') FROM r", "UNKNOWN_NAME", "'x.csv'"),
    "read_text": ("SELECT * FROM read_text('/etc/passwd')", "REFUSED", "read_text"),
    "read_blob": ("SELECT * FROM read_blob('/etc/shadow')", "REFUSED", "read_blob"),
    "read_csv": ("SELECT * FROM read_csv('x.csv')", "REFUSED", "read_csv"),
    "read_csv_auto": ("SELECT * FROM READ_CSV_AUTO('x.csv')", "REFUSED", "READ_CSV"),
    "read_parquet": ("SELECT * FROM read_parquet(['in/*.parquet'])", "REFUSED", "read_parquet"),
    "parquet_scan": ("SELECT * FROM parquet_scan('x')", "REFUSED", "parquet_scan"),
    "read_json": ("SELECT * FROM read_ndjson_objects('x')", "REFUSED", "read_ndjson"),
    "read_duckdb": ("SELECT * FROM read_duckdb('x.db')", "REFUSED", "read_duckdb"),
    "sniff_csv": ("SELECT * FROM sniff_csv('x.csv')", "REFUSED", "sniff_csv"),
    "glob": ("SELECT * FROM glob('/etc/*')", "REFUSED", "glob"),
    "glob as a value": ("SELECT glob('/etc/*')", "REFUSED", "glob"),
    "parquet_metadata": ("SELECT * FROM parquet_metadata('in/*')", "REFUSED", "parquet_metadata"),
    "parquet_kv_metadata": ("SELECT * FROM parquet_kv_metadata('in/*')", "REFUSED", "parquet_kv"),
    "postgres_scan": ("SELECT * FROM postgres_scan('host=localhost', 'public', 't')", "REFUSED", "postgres_scan"),
    "sqlite_scan": ("SELECT * FROM sqlite_scan('catalog.db', 'user')", "REFUSED", "sqlite_scan"),
    "a function in lateral": (f"SELECT * FROM {T} o, LATERAL read_text(o.customer)", "REFUSED", "read_text"),
    "a function with its schema": ("SELECT * FROM main.read_text('/etc/passwd')", "REFUSED", "main"),
    "a listed function of another schema": ("SELECT * FROM pg_catalog.range(3)", "REFUSED", "pg_catalog"),
    "a quoted function": ('SELECT * FROM "read_text"(\'/etc/passwd\')', "REFUSED", '"read_text"'),
    # functions that run text, or show and change the session
    "query": ("SELECT * FROM query('SELECT 1')", "REFUSED", "query"),
    "query_table": (f"SELECT * FROM query_table('{T}')", "REFUSED", "query_table"),
    "query_table of a file": ("SELECT * FROM query_table(['/etc/passwd'])", "REFUSED", "query_table"),
    "json_execute_serialized_sql": ("SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))", "REFUSED", "json_execute"),
    "json_serialize_sql": ("SELECT json_serialize_sql('SELECT 1')", "REFUSED", "json_serialize"),
    "json_serialize_plan": ("SELECT json_serialize_plan('SELECT * FROM ''x.csv''')", "REFUSED", "json_serialize"),
    "json_deserialize_sql": ("SELECT json_deserialize_sql('{}')", "REFUSED", "json_deserialize"),
    "with a schema": ("SELECT main.json_serialize_sql('SELECT 1')", "REFUSED", "main"),
    "as a method": ("SELECT ('SELECT 1').json_serialize_sql()", "REFUSED", "json_serialize"),
    "as a window": ("SELECT nextval('a') OVER ()", "REFUSED", "nextval"),
    "getenv": ("SELECT getenv('HOME')", "REFUSED", "getenv"),
    "getvariable": ("SELECT getvariable('x')", "REFUSED", "getvariable"),
    "current_setting": ("SELECT current_setting('temp_directory')", "REFUSED", "current_setting"),
    "as a method of a text": ("SELECT 'temp_directory'.current_setting()", "SYNTAX", None),
    "as a method of a column": (f"SELECT customer.current_setting() FROM {T}", "REFUSED", "customer"),
    "set_config": ("SELECT set_config('a', 'b', true)", "REFUSED", "set_config"),
    "enable_logging": ("SELECT * FROM enable_logging(storage='file', storage_path='x')", "REFUSED", "enable_logging"),
    "disable_logging": ("SELECT * FROM disable_logging()", "REFUSED", "disable_logging"),
    "enable_profiling": ("SELECT * FROM enable_profiling()", "REFUSED", "enable_profiling"),
    "write_log": ("SELECT write_log('x')", "REFUSED", "write_log"),
    "checkpoint": ("SELECT * FROM checkpoint()", "REFUSED", "checkpoint"),
    "pragma_database_size": ("SELECT * FROM pragma_database_size()", "REFUSED", "pragma"),
    "pragma_storage_info": ("SELECT * FROM pragma_storage_info('x')", "REFUSED", "pragma"),
    "duckdb_settings": ("SELECT * FROM duckdb_settings()", "REFUSED", "duckdb_settings"),
    "duckdb_secrets": ("SELECT * FROM duckdb_secrets()", "REFUSED", "duckdb_secrets"),
    "duckdb_tables as a name": ("SELECT * FROM duckdb_tables", "UNKNOWN_NAME", "duckdb_tables"),
    "sqlite_master": ("SELECT * FROM sqlite_master", "UNKNOWN_NAME", "sqlite_master"),
    "information_schema": ("SELECT * FROM information_schema.columns", "UNKNOWN_NAME", "information_schema"),
    "information_schema of a catalog": ("SELECT * FROM system.information_schema.columns", "UNKNOWN_NAME", "system"),
    "information_schema of a domain": ("SELECT * FROM sales.information_schema.columns", "UNKNOWN_NAME", "sales"),
    "pg_catalog": ("SELECT * FROM pg_catalog.pg_class", "UNKNOWN_NAME", "pg_catalog"),
    "pg_get_viewdef": ("SELECT pg_get_viewdef(1)", "REFUSED", "pg_get"),
    "pg_get_viewdef with its schema": ("SELECT pg_catalog.pg_get_viewdef(1)", "REFUSED", "pg_catalog"),
    "get_block_size": ("SELECT get_block_size('memory')", "REFUSED", "get_block"),
    "stats": (f"SELECT stats(id) FROM {T}", "REFUSED", "stats"),
    "histogram of a name": (f"SELECT * FROM histogram('{T}', id)", "REFUSED", "histogram"),
    "sleep_ms": ("SELECT sleep_ms(100)", "REFUSED", "sleep_ms"),
    "pg_sleep": ("SELECT pg_sleep(1)", "REFUSED", "pg_sleep"),
    "setseed": ("SELECT setseed(0.5)", "REFUSED", "setseed"),
    "nextval": ("SELECT nextval('s')", "REFUSED", "nextval"),
    "which_secret": ("SELECT * FROM which_secret('x', 's3')", "REFUSED", "which_secret"),
    "test_all_types": ("SELECT * FROM test_all_types()", "REFUSED", "test_all"),
    "seq_scan": ("SELECT * FROM seq_scan()", "REFUSED", "seq_scan"),
    "summary": ("SELECT * FROM summary((SELECT 1))", "REFUSED", "summary"),
    "an unknown function in from": ("SELECT * FROM frobnicate(1)", "REFUSED", "frobnicate"),
    # names
    "no schema": ("SELECT * FROM orders", "UNKNOWN_NAME", "orders"),
    "no domain": ("SELECT * FROM orders.orders", "UNKNOWN_NAME", "orders.orders"),
    "what is not there": ("SELECT * FROM sales.orders.nothing", "UNKNOWN_NAME", "sales"),
    "four parts": ("SELECT * FROM a.sales.orders.orders", "SYNTAX", None),
    "one quoted name": ('SELECT * FROM "sales.orders.orders"', "UNKNOWN_NAME", '"sales'),
    "name with a quote": ('SELECT * FROM "a""b".c.d', "UNKNOWN_NAME", '"a'),
    "name with a line": ('SELECT * FROM "sales\n".orders.orders', "UNKNOWN_NAME", '"sales'),
    "name that ends in space": ('SELECT * FROM "sales ".orders.orders', "UNKNOWN_NAME", '"sales'),
    "name in other letters": ("SELECT * FROM ѕales.orders.orders", "UNKNOWN_NAME", "ѕales"),
    "an empty name": ('SELECT * FROM ""."".""', "SYNTAX", None),
    "release zero": ('SELECT * FROM sales."orders#0".orders', "UNKNOWN_NAME", "sales"),
    "release with a sign": ('SELECT * FROM sales."orders#+1".orders', "UNKNOWN_NAME", "sales"),
    "release with a zero": ('SELECT * FROM sales."orders#01".orders', "UNKNOWN_NAME", "sales"),
    "release not made": ('SELECT * FROM sales."orders#99".orders', "UNKNOWN_NAME", "sales"),
    "a large release": ('SELECT * FROM sales."orders#18446744073709551617".orders', "UNKNOWN_NAME", "sales"),
    "a table of the source": ("SELECT * FROM shop.raw_orders", "UNKNOWN_NAME", "shop"),
    "an internal table": ("SELECT * FROM self.orders", "UNKNOWN_NAME", "self"),
    "an unknown table of mesh": ("SELECT * FROM mesh.users", "UNKNOWN_NAME", "mesh"),
    "mesh of a domain": ("SELECT * FROM sales.mesh.tables", "UNKNOWN_NAME", "sales"),
    "mesh of the engine": ("SELECT * FROM memory.mesh.tables", "UNKNOWN_NAME", "memory"),
    "cte out of sight": (f"SELECT * FROM (WITH a AS (FROM {T}) FROM a), a", "UNKNOWN_NAME", "a"),
    "cte before it is there": (f"WITH a AS (FROM b), b AS (FROM {T}) FROM a", "UNKNOWN_NAME", "b), b"),
    "cte of itself": ("WITH a AS (FROM a) FROM a", "UNKNOWN_NAME", "a) FROM"),
    "cte of another branch": ("(WITH a AS (SELECT 1) FROM a) UNION ALL FROM a", "UNKNOWN_NAME", "a"),
    "cte with a schema": ("WITH a AS (SELECT 1) FROM main.a", "UNKNOWN_NAME", "main"),
    "recurring without recursion": ("WITH a AS (SELECT 1) FROM recurring.a", "UNKNOWN_NAME", "recurring"),
    "a restricted table": ("SELECT * FROM sales.secret.secret", "UNKNOWN_NAME", "sales"),
    "a column not there": (f"SELECT nope FROM {T}", "UNKNOWN_COLUMN", "nope"),
    # statements
    "nothing": ("", "SYNTAX", None),
    "space": (" \n\t ", "SYNTAX", None),
    "a comment alone": ("-- nothing", "SYNTAX", None),
    "semicolons": (";;", "SYNTAX", None),
    "two statements": ("SELECT 1; SELECT 2", "SYNTAX", "SELECT 2"),
    "a statement behind a comment": ("SELECT 1; /* x */ DROP TABLE x", "SYNTAX", "DROP"),
    "two semicolons": ("SELECT 1;;", "SYNTAX", ";"),
    "pragma behind": ("SELECT 1; PRAGMA version", "SYNTAX", "PRAGMA"),
    "an open text": ("SELECT 'x", "SYNTAX", "'x"),
    "an open name": ('SELECT "x', "SYNTAX", '"x'),
    "an open comment": ("SELECT 1 /* x", "SYNTAX", None),
    "an open dollar": ("SELECT $a$ x", "SYNTAX", None),
    "a semicolon after a dollar": ("SELECT 1 $; SELECT 2", "SYNTAX", None),
    "words": ("drop everything please", "SYNTAX", None),
    **{f"{text.split('(')[0].lower()}": (text, ("REFUSED", "SYNTAX"), None) for text in (
        "INSERT INTO sales.orders.orders VALUES (1)", "UPDATE sales.orders.orders SET id = 1", "DELETE FROM sales.orders.orders",
        "CREATE TABLE x AS SELECT 1", "CREATE VIEW x AS SELECT 1", "CREATE MACRO f(x) AS x", "CREATE TEMP MACRO f() AS TABLE SELECT 1",
        "DROP VIEW sales.orders.orders", "ALTER TABLE x ADD COLUMN a INTEGER", "COPY (SELECT 1) TO '/tmp/x.csv'",
        "COPY sales.orders.orders TO '/tmp/x.parquet'", "EXPORT DATABASE '/tmp/x'", "IMPORT DATABASE '/tmp/x'",
        "ATTACH '/tmp/x.db' AS x", "ATTACH ':memory:' AS sales2", "DETACH sales", "USE sales", "INSTALL httpfs", "LOAD postgres_scanner",
        "FORCE INSTALL httpfs", "SET threads = 1", "SET VARIABLE x = 1", "RESET threads", "PRAGMA version", "PRAGMA table_info('x')",
        "CALL pragma_version()", "CHECKPOINT", "VACUUM", "ANALYZE", "BEGIN", "COMMIT", "ROLLBACK", "PREPARE p AS SELECT 1", "EXECUTE p",
        "DEALLOCATE p", "EXPLAIN SELECT 1", "EXPLAIN ANALYZE SELECT 1", "DESCRIBE sales.orders.orders", "SHOW TABLES", "SHOW ALL TABLES",
        "SUMMARIZE sales.orders.orders", "CREATE SECRET s (TYPE s3)", "CREATE SCHEMA x", "CREATE TYPE t AS ENUM ('a')", "CREATE SEQUENCE s",
        "TRUNCATE x", "COMMENT ON TABLE x IS 'y'", "UPDATE EXTENSIONS", "PIVOT sales.orders.orders ON country USING count(*)",
        "MERGE INTO x USING y ON true WHEN MATCHED THEN DELETE")},
    "insert in a cte": ("WITH a AS (INSERT INTO x VALUES (1) RETURNING *) FROM a", ("REFUSED", "SYNTAX"), None),
    "describe in from": (f"SELECT * FROM (DESCRIBE {T})", "REFUSED", None),
    "show in from": ("SELECT * FROM (SHOW TABLES)", "REFUSED", None),
    "summarize in from": (f"SELECT * FROM (SUMMARIZE {T})", "REFUSED", None),
    "select into": (f"SELECT id INTO x FROM {T}", ("SYNTAX", "REFUSED"), None),
    "for update": (f"SELECT id FROM {T} FOR UPDATE", "SYNTAX", None),
    "sample": (f"SELECT id FROM {T} USING SAMPLE 1", "REFUSED", None),
    "tablesample": (f"SELECT id FROM {T} TABLESAMPLE 10%", "REFUSED", None),
    "sample of a subquery": (f"SELECT * FROM (FROM {T}) x TABLESAMPLE 1 ROWS", "REFUSED", None),
    "at version": (f"SELECT id FROM {T} AT (VERSION => 1)", "REFUSED", None),
    "default": ("SELECT DEFAULT", "REFUSED", None),
    "parameter": ("SELECT $1", "SYNTAX", "$1"),
    "question mark": (f"SELECT * FROM {T} WHERE id = ?", "SYNTAX", "?"),
    "named parameter": ("SELECT $name", "SYNTAX", "$name"),
    "parameter as a table": ("SELECT * FROM $1", "SYNTAX", None),
    # sizes
    "nine comments deep": ("SELECT /*1/*2/*3/*4/*5/*6/*7/*8/*9*/*/*/*/*/*/*/*/*/ 1", "LIMIT", "/*1"),
    "256 KB and one": ("SELECT 1 --" + "x" * (262144 - 10), "LIMIT", None),
    "a zero byte": ("SELECT 'a\0b'", ("SYNTAX", "USAGE"), None),
    "ten thousand brackets": ("SELECT " + "(" * 10_000 + "1" + ")" * 10_000, ("SYNTAX", "LIMIT"), None),
    "a thousand lists": ("SELECT " + "[" * 1000 + "1" + "]" * 1000, ("SYNTAX", "LIMIT"), None),
    "deep functions": ("SELECT " + "abs(" * 300 + "1" + ")" * 300, ("SYNTAX", "LIMIT"), None),
    "deep subqueries": ("SELECT * FROM " + "(SELECT * FROM " * 300 + T + ")" * 300, ("SYNTAX", "LIMIT"), None),
    "deep minus": ("SELECT " + "- " * 60_000 + "1", ("SYNTAX", "LIMIT"), None),
    "deep not": ("SELECT " + "NOT " * 60_000 + "true", ("SYNTAX", "LIMIT"), None),
    "long sum": ("SELECT " + "1+" * 120_000 + "1", ("SYNTAX", "LIMIT"), None),
    "long chain of casts": ("SELECT 1" + "::INT" * 45_000, ("SYNTAX", "LIMIT"), None),
    "long chain of fields": ("SELECT a" + ".b" * 120_000, ("SYNTAX", "LIMIT", "UNKNOWN_COLUMN"), None),
    "long chain of indexes": ("SELECT a" + "[1]" * 80_000, ("SYNTAX", "LIMIT"), None),
    "many unions": ("SELECT 1" + " UNION ALL SELECT 1" * 12_000, ("SYNTAX", "LIMIT"), None),
    "many joins": ("SELECT 1 FROM " + ", ".join(["range(1)"] * 25_000), ("SYNTAX", "LIMIT"), None),
    "many parts": ("SELECT " + ", ".join(["1"] * 60_000), ("LIMIT", "SYNTAX"), None),
    "many ctes": ("WITH " + ", ".join(f"a{i} AS (SELECT 1)" for i in range(10_000)) + " SELECT 1", ("LIMIT", "SYNTAX"), None),
    "nine arrows": ("SELECT '{}'::JSON" + " -> 'a'" * 9, "LIMIT", None),
    "nine lambdas": ("SELECT " + "list_transform([1], lambda x: " * 9 + "1" + ")" * 9, "LIMIT", None),
    "repeat": ("SELECT repeat('x', 1000001)", "LIMIT", "repeat"),
    "repeat of a large number": ("SELECT repeat('x', 99999999999999999999999)", "LIMIT", "repeat"),
    "repeat of a cast": ("SELECT repeat('x', '2000000'::BIGINT)", "LIMIT", "repeat"),
    "repeat in another case": ("SELECT REPEAT('x', 2e6::BIGINT)", "LIMIT", "REPEAT"),
    "lpad": ("SELECT lpad('x', 3000000, 'y')", "LIMIT", "lpad"),
    "rpad": ("SELECT rpad('x', 3000000, 'y')", "LIMIT", "rpad"),
    "printf": ("SELECT printf('%9999999d', 1)", "LIMIT", "printf"),
    "printf by argument": ("SELECT printf('%*d', 9999999, 1)", "LIMIT", "printf"),
    "format": ("SELECT format('{:9999999}', 1)", "LIMIT", "format"),
    "list_resize": ("SELECT list_resize([1], 9999999)", "LIMIT", "list_resize"),
    "range": ("SELECT range(1000000000)", "LIMIT", "range"),
    "range in from": ("SELECT count(*) FROM range(0, 1000000000, 2)", "LIMIT", "range"),
    "series": ("SELECT generate_series(-1000000000, 1000000000)", "LIMIT", "generate_series"),
    "a number that no type holds": ("SELECT 1e400", "SYNTAX", None),
    "a large number": ("SELECT repeat('x', 1" + "0" * 100_000 + ")", ("LIMIT", "SYNTAX"), None),
}

SECRET = """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-secret
name: secret
version: 1.0.0
status: active
customProperties: [{property: visibility, value: restricted}]
inputPorts:
  - {name: orders, version: 1.0.0, contractId: orders}
outputPorts:
  - {name: secret, version: 1.0.0, contractId: secret}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    mesh = Mesh(tmp_path_factory.mktemp("gate") / "mesh")
    mesh.folder.mkdir()
    write_shop(mesh)
    mesh.write("domains/sales/secret/product.odps.yaml", SECRET)
    mesh.write("domains/sales/secret/secret.odcs.yaml", OUTPUT.replace("id: orders", "id: secret").replace("name: orders", "name: secret"))
    mesh.write("domains/sales/secret/secret.sql", "SELECT * FROM orders.orders\n")
    mesh.write("policies/secret.policy.yaml", "apiVersion: weft/v1\nkind: Policy\nid: secret-reads\nowner: guild\n"
               "grant: {contract: orders, role: reader, to: {products: [sales.secret]}}\n")
    started = mesh.serve()
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    started.token = mesh.weft("token", "create", "noor", "--format", "json").json["token"]
    yield started
    mesh.close()


@pytest.mark.smoke
@pytest.mark.parametrize("name", ACCEPTED)
def test_let_through(server, name):
    status, answer = server.query(ACCEPTED[name], as_user="noor")
    assert status == 200, answer


@pytest.mark.parametrize("name", REFUSED)
def test_refused(server, name):
    sql, codes, place = REFUSED[name]
    status, answer = server.query(sql, as_user="noor")
    assert status >= 400 and status != 500 and "code" in answer, answer
    if codes:
        assert answer["code"] in ((codes,) if isinstance(codes, str) else codes), answer
    if place is not None:
        assert answer.get("position") == len(sql[:sql.rindex(place)].encode()) + 1, answer


def test_the_same_words_for_what_is_not_there_and_what_may_not_be_known(server):
    def words(sql, user):
        status, answer = server.query(sql, as_user=user)
        return status, answer["code"], answer["detail"].replace("secret", "X").replace("nothing", "X"), answer.get("position")
    assert words("SELECT * FROM sales.secret.secret", "noor") == words("SELECT * FROM sales.nothing.nothing", "noor")
    assert words("SELECT * FROM sales.secret.secret WHERE nope = 1", "eve") == words("SELECT * FROM sales.nothing.nothing WHERE nope = 1", "eve")
    assert server.query("SELECT count(*) FROM sales.secret.secret", as_user="ana")[1]["rows"] == [[4]]
    # Nor is it a hint.
    _, answer = server.query("SELECT * FROM sales.secret.secre", as_user="noor")
    assert "sales.secret.secret" not in json.dumps(answer).replace("sales.secret.secre ", "")
    for table in ("products", "tables", "columns", "contracts", "releases", "runs", "checks"):
        body = json.dumps(server.query(f"SELECT * FROM mesh.{table}", as_user="noor")[1])
        assert "sales.secret" not in body and "sales.orders" in body


def test_bytes_that_are_no_text_are_refused(server):
    for body in (b'{"sql": "SELECT \'\xff\xfe\'"}', b'{"sql": "SELECT 1', b'{"sql": "SELECT \\ud800"}', b'{"sql": 1}', b'[]', b'{}',
                 b'{"sql": "SELECT 1", "sql": "SELECT 2"}', b'{"sql": "SELECT 1", "as": "ana"}'):
        assert raw(server, body)[0] in (400, 422), body
    assert server.query("SELECT 1", as_user="noor")[0] == 200


def raw(server, body):
    from conftest import UnixConnection
    connection = UnixConnection(server.socket)
    connection.request("POST", "/api/v1/query", body=body, headers={"Weft-As": "noor"})
    answer = connection.getresponse()
    result = answer.status, answer.read()
    connection.close()
    return result


def test_nothing_is_let_through_for_who_has_no_grant(server):
    for sql in ("SELECT 1 FROM sales.orders.orders", "SELECT count(*) FROM sales.orders.orders WHERE false",
                "WITH a AS (FROM sales.orders.orders) SELECT 1", 'SELECT 1 FROM sales."orders#1".orders LIMIT 0'):
        status, answer = server.query(sql, as_user="eve")
        assert (status, answer["code"]) == (403, "DENIED"), answer


def test_nobody_asks_in_another_name(server):
    """A token is a person; who speaks for others comes by the socket, as the operator."""
    sql = {"sql": f"SELECT count(*) FROM {T}"}
    for headers in ({"Weft-As": "ana"}, {"weft-as": "ana"}, {"WEFT-AS": "user:ana"}):
        status, answer = server.call("POST", "/api/v1/query", {"sql": "SELECT count(*) FROM sales.secret.secret"}, token=server.token, headers=headers)
        assert status in (400, 401, 403, 404), answer
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer " + server.token[:-1]}, {"Authorization": server.token},
                    {"Authorization": f"bearer {server.token} x"}, {"Weft-As": "noor"}, {"Authorization": "Basic bm9vcjpub29y"}):
        status, answer = server.call("POST", "/api/v1/query", sql, token="", headers=headers)
        assert status == 401, (headers, answer)
    assert server.call("POST", "/api/v1/query", sql, token=server.token)[0] == 200
    for user in ("nobody-there", "", "root", "sales.orders", "group:guild", "noor, ana", "\x7f"):
        status, answer = server.query(f"SELECT count(*) FROM {T}", as_user=user)
        assert status >= 400 or user == "", (user, answer)


@pytest.mark.parametrize("method, path, body", [
    ("POST", "/api/v1/plans/latest/apply", {}), ("GET", "/api/v1/users", None), ("POST", "/api/v1/users", {"name": "mallory"}),
    ("DELETE", "/api/v1/users/ana", None), ("PUT", "/api/v1/groups/guild/members/noor", {}), ("POST", "/api/v1/tokens", {"user": "ana"}),
    ("GET", "/api/v1/audit/head", None), ("POST", "/api/v1/audit/verify", {}), ("POST", "/api/v1/verify", {}), ("GET", "/api/v1/config", None),
    ("GET", "/api/v1/products/sales.secret", None), ("GET", "/api/v1/runs?product=sales.secret", None),
    ("POST", "/api/v1/runs", {"products": ["sales.secret"]}), ("DELETE", "/api/v1/tokens/999", None),
])
def test_what_an_analyst_may_not_do(server, method, path, body):
    status, answer = server.call(method, path, body, token=server.token)
    assert status in (400, 403, 404), answer


def test_an_analyst_starts_no_run_of_others(server):
    status, answer = server.call("POST", "/api/v1/runs", {"products": ["sales.orders"]}, token=server.token)
    if status == 202:  # a job may be asked for; it then ends in a refusal
        _, events = server.call("GET", f"/api/v1/jobs/{answer['job']}/events", token=server.token, raw=True)
        assert b'"published":0' in events and b'"rows":' not in events, events
    else:
        assert status in (403, 404), answer


def test_runs_and_pages_of_a_restricted_product_are_not_there(server):
    for path in ("/api/v1/products", "/api/v1/runs"):
        status, body = server.call("GET", path, token=server.token, raw=True)
        assert status == 200 and b"sales.secret" not in body and b"sales.orders" in body, path


@pytest.mark.parametrize("method, path, body", [
    ("GET", "/api/v1/products/sales.NAME", None), ("GET", "/api/v1/runs?product=sales.NAME", None),
    ("POST", "/api/v1/runs", {"products": ["sales.NAME"]}),
])
def test_pages_use_the_same_words_for_what_may_not_be_known(server, method, path, body):
    said = []
    for name in ("secret", "nothing"):
        filled = json.loads(json.dumps(body).replace("NAME", name))
        status, answer = server.call(method, path.replace("NAME", name), filled, token=server.token)
        answer.pop("request")
        said.append((status, json.dumps(answer).replace(name, "NAME")))
    assert said[0] == said[1]
