"""What is hidden shows nowhere: meshes that differ only in hidden rows and masked values answer with the same bytes."""

import json
import re
import struct

import duckdb
import pytest

import leak_data
from conftest import Mesh

# Which hidden data a mesh holds: their mark, how rows lie in the file, how many are hidden.
MESHES = {
    "one": ("a", "mixed", leak_data.HIDDEN),
    "two": ("bb", "mixed", leak_data.HIDDEN + 12_345),
    "two, other order": ("bb", "sorted", leak_data.HIDDEN + 12_345),
    "nothing hidden": ("ccc", "mixed", 0),
}

T = "sales.orders.orders"

# Total order, or one row: what an answer is made of then depends on seen rows alone.
QUERIES = {
    # counts and aggregates
    "count": f"SELECT count(*), count(email), count(salary), count(DISTINCT country) FROM {T}",
    "count of masked": f"SELECT count(DISTINCT email), count(DISTINCT salary), sum(salary), max(email) FROM {T}",
    "low and high": f"SELECT min(id), max(id), min(big), max(big), min(day), max(day), min(moment), max(moment), max(cp) FROM {T}",
    "sums": f"SELECT sum(amount), sum(big), sum(region), bit_xor(big), bool_and(cp < 100) FROM {T}",
    "group by": f"SELECT region, count(*), sum(amount), min(note), max(day) FROM {T} GROUP BY region ORDER BY region",
    "group by masked": f"SELECT email, salary, count(*) FROM {T} GROUP BY ALL ORDER BY ALL",
    "group by country": f"SELECT country, count(*) FROM {T} GROUP BY country ORDER BY country",
    "having": f"SELECT note, count(*) FROM {T} GROUP BY note HAVING count(*) > 130 ORDER BY note",
    "grouping sets": f"SELECT region, country, count(*), grouping(region) FROM {T} GROUP BY CUBE (region, country) ORDER BY ALL",
    "distinct": f"SELECT DISTINCT pattern FROM {T} ORDER BY pattern",
    "distinct on": f"SELECT DISTINCT ON (region) region, id FROM {T} ORDER BY region, id",
    "mode and histogram": f"SELECT mode(region ORDER BY region), histogram(cp) FROM {T}",
    "quantiles": f"SELECT quantile_disc(big, [0.01, 0.5, 0.99, 1.0]), median(amount), mad(big) FROM {T}",
    "exact quantile of days": f"SELECT quantile_disc(day, 0.999), quantile_disc(moment, 1.0) FROM {T}",
    "approximate": f"SELECT approx_count_distinct(email), approx_count_distinct(country), approx_count_distinct(region) FROM {T}",
    "arg": f"SELECT arg_max(id, (big, id)), arg_min(customer, (id)), max_by(note, id), max(big, 3) FROM {T}",
    "text of all": f"SELECT md5(string_agg(note, ',' ORDER BY id)), length(string_agg(uid, '')) FROM {T}",
    "bits": f"SELECT bitstring_agg(region, 1, 60) FROM {T}",
    "entropy": f"SELECT round(entropy(region), 9), round(skewness(region), 4) FROM {T}",
    # points, ranges, limits
    "point": f"SELECT * FROM {T} WHERE id = 77776",
    "point of a hidden row": f"SELECT * FROM {T} WHERE id = 77777",
    "range above all that is seen": f"SELECT count(*) FROM {T} WHERE big > 500000",
    "search for a mark": f"SELECT id FROM {T} WHERE customer LIKE '%hidden%' OR email LIKE '%masked%' OR note LIKE '%zz%' ORDER BY id",
    "search for a number": f"SELECT id FROM {T} WHERE salary BETWEEN 1 AND 999999999999999 ORDER BY id",
    "other countries": f"SELECT count(*) FROM {T} WHERE country <> 'CH' OR country IS NULL",
    "masked in a filter": f"SELECT count(*) FROM {T} WHERE email IS NOT NULL OR salary = 1",
    "limit": f"SELECT id, note, tags, pair FROM {T} ORDER BY id DESC LIMIT 10 OFFSET 12345",
    "percent": f"SELECT count(*) FROM (SELECT id FROM {T} ORDER BY id LIMIT 10%)",
    "all columns": f"SELECT * FROM {T} ORDER BY id LIMIT 2000",
    "columns by pattern": f"SELECT max(COLUMNS('^(id|e|s|c).*')) FROM {T}",
    "not in": f"SELECT count(*) FROM {T} WHERE region NOT IN (SELECT region FROM {T} WHERE region < 20)",
    "case around a hidden value": f"SELECT sum(CASE WHEN country = 'CH' THEN 1 ELSE note::INTEGER END) FROM {T}",
    # casts that fail on every hidden value
    "cast to integer": f"SELECT sum(note::INTEGER) FROM {T}",
    "cast before the filter": f"SELECT count(*) FROM {T} WHERE note::INTEGER >= 0 AND country = 'CH'",
    "cast to uuid": f"SELECT max(uid::UUID) FROM {T}",
    "cast to json": f"SELECT count(*), max(doc::JSON ->> 'a') FROM {T}",
    "json text": f"SELECT sum((doc ->> '$.a')::INTEGER) FROM {T}",
    "cast to blob": f"SELECT max(bytes::BLOB) FROM {T}",
    "narrow decimal": f"SELECT sum(dec::DECIMAL(4, 2)) FROM {T}",
    "narrow number": f"SELECT sum(amount::DECIMAL(6, 2)), sum(big::INTEGER) FROM {T}",
    "cast to list": f"SELECT sum(list_sum(list::INTEGER[])) FROM {T}",
    "cast to struct": f"SELECT sum((tree::STRUCT(a INTEGER)).a) FROM {T}",
    "cast of a list": f"SELECT count(*) FROM {T} WHERE ([note, note]::INTEGER[])[1] > 500",
    "cast of a struct": f"SELECT sum(({{'x': note}}::STRUCT(x INTEGER)).x) FROM {T}",
    "cast of a map": f"SELECT sum(map_values(MAP {{'x': note}}::MAP(VARCHAR, INTEGER))[1]) FROM {T}",
    "cast of tags": f"SELECT count(*) FROM {T} WHERE len(tags::VARCHAR) > 3",
    "cast of a pair": f"SELECT max(pair::STRUCT(k VARCHAR, n INTEGER)) FROM {T}",
    "cast to a day": f"SELECT max(strptime(form, '%%Y')) FROM {T}",
    "cast to an enum": f"SELECT max(country::ENUM('CH')) FROM {T}",
    "cast to bits": f"SELECT max(cp::TINYINT), max(region::UTINYINT) FROM {T}",
    "error of a seen value": f"SELECT sum(odd::INTEGER) FROM {T}",
    "error in a list": f"SELECT max([odd]::INTEGER[]) FROM {T}",
    "error in json": f"SELECT max(odd::JSON) FROM {T} WHERE id > 100000 AND id < 200000",
    "error of our own": f"SELECT error('max is ' || max(big)::VARCHAR) FROM {T}",
    "division": f"SELECT sum(1 / (country = 'CH')::INTEGER), sum(100 // (200 - cp)) FROM {T}",
    "overflow": f"SELECT sum(big * 18446744073709551) FROM {T} WHERE id = 77776",
    "masked in a cast": f"SELECT sum(email::INTEGER), max(salary::TINYINT) FROM {T}",
    # functions that the engine runs over whole dictionaries
    "chr": f"SELECT count(*) FROM {T} WHERE chr(cp) = 'A'",
    "substring": f"SELECT count(*) FROM {T} WHERE substring(country, 1, 1) = 'C'",
    "date_trunc": f"SELECT date_trunc('month', day) AS m, count(*) FROM {T} GROUP BY m ORDER BY m",
    "strftime": f"SELECT strftime(moment, '%Y-%m-%d'), count(*) FROM {T} GROUP BY 1 ORDER BY 1",
    "strftime by form": f"SELECT max(strftime(day, '%Y')), count(*) FROM {T} WHERE upper(form) = '%Y'",
    "regexp_replace": f"SELECT count(*) FROM {T} WHERE regexp_replace(note, '^1', 'x') = 'x23'",
    "regexp by pattern": f"SELECT count(*) FROM {T} WHERE regexp_matches('a7777', pattern) AND id < 20000",
    "from hex": f"SELECT max(unhex(uid)) FROM {T}",
    "from base64": f"SELECT count(from_base64(substring(uid, 1, 4))) FROM {T}",
    "make_date": f"SELECT max(make_date(cp + 1950, 1, 1)) FROM {T}",
    "repeat": f"SELECT max(length(repeat('x', region))) FROM {T}",
    "format": f"SELECT max(format('{{}}', note)), max(printf('%s', country)) FROM {T}",
    "parse a number": f"SELECT sum(try_cast(note AS INTEGER)), count(try_cast(uid AS UUID)) FROM {T}",
    "translate": f"SELECT translate(country, 'CH', 'ch'), count(*) FROM {T} GROUP BY 1",
    "json_extract": f"SELECT json_extract(doc, '$.a') AS a, count(*) FROM {T} GROUP BY a ORDER BY a::INTEGER",
    "monthname": f"SELECT DISTINCT monthname(day), dayname(moment) FROM {T} ORDER BY ALL",
    "age": f"SELECT min(date_diff('day', DATE '2024-01-01', day)), max(year(moment)) FROM {T}",
    # joins, set operations, windows, CTEs, lists
    "self join": f"SELECT count(*), sum(a.big) FROM {T} a JOIN {T} b ON a.id = b.id + 2 WHERE a.region < 3",
    "join on a masked column": f"SELECT count(*) FROM {T} a JOIN {T} b ON a.email = b.email",
    "outer join": f"SELECT x, count(id) FROM range(38, 48) r(x) LEFT JOIN {T} ON region = x GROUP BY x ORDER BY x",
    "anti join": f"SELECT x FROM range(1, 61) r(x) WHERE x NOT IN (SELECT region FROM {T}) ORDER BY x",
    "join with marks": f"SELECT count(*) FROM {T} JOIN (VALUES ('DE'), ('AT'), ('hiddenzzsecreta')) v(c) ON country = c",
    "asof join": f"SELECT q, max(day) FROM (VALUES (DATE '1100-01-01'), (DATE '2024-06-01')) v(q) ASOF LEFT JOIN {T} ON q >= day GROUP BY q ORDER BY q",
    "lateral": f"SELECT x, n FROM range(5) r(x), LATERAL (SELECT count(*) AS n FROM {T} WHERE region % 5 = x) ORDER BY x",
    "exists": f"SELECT EXISTS (FROM {T} WHERE country = 'DE'), EXISTS (FROM {T} WHERE salary IS NOT NULL)",
    "scalar subquery": f"SELECT (SELECT max(big) FROM {T}) - (SELECT min(big) FROM {T})",
    "union": f"SELECT country FROM {T} UNION SELECT note FROM {T} WHERE note::INTEGER < 5 ORDER BY 1",
    "except": f"SELECT region FROM {T} EXCEPT SELECT x FROM range(1, 41) r(x) ORDER BY 1",
    "intersect": f"SELECT region FROM {T} INTERSECT SELECT x FROM range(35, 60) r(x) ORDER BY 1",
    "window": f"SELECT id, rank() OVER (ORDER BY big, id) AS r, lag(note) OVER (ORDER BY id) FROM {T} ORDER BY id LIMIT 50",
    "window over all": f"SELECT max(n), min(n) FROM (SELECT count(*) OVER (PARTITION BY region) AS n FROM {T})",
    "qualify": f"SELECT region, id FROM {T} QUALIFY row_number() OVER (PARTITION BY region ORDER BY big DESC, id) = 1 ORDER BY ALL",
    "ntile": f"SELECT n, min(id), max(id) FROM (SELECT id, ntile(7) OVER (ORDER BY id) AS n FROM {T}) GROUP BY n ORDER BY n",
    "cte": f"WITH a AS MATERIALIZED (SELECT * FROM {T}), b AS (FROM a WHERE note::INTEGER > 990) SELECT count(*), max(uid::UUID) FROM b",
    "recursion": f"WITH RECURSIVE r(n) AS (SELECT min(id) FROM {T} UNION ALL SELECT (SELECT min(id) FROM {T} WHERE id > n) FROM r WHERE n < 6) SELECT * FROM r ORDER BY n",
    "list": f"SELECT len(list(note)), list_sort(list(DISTINCT country)), md5(list(id ORDER BY id)::VARCHAR) FROM {T}",
    "list functions": f"SELECT sum(len(list_filter(tags, lambda x: x LIKE 'hidden%'))), max(list_contains(tags, 'zzsecreta')) FROM {T}",
    "unnest": f"SELECT word, count(*) FROM (SELECT unnest(tags) AS word FROM {T}) GROUP BY word ORDER BY word",
    "list aggregate by name": f"SELECT list_aggregate(list(region), 'histogram'), list_aggregate(list(country), 'max') FROM {T}",
    "struct": f"SELECT max(pair.n), max(pair.k), count(DISTINCT pair) FROM {T}",
    "pivot": f"SELECT * FROM (SELECT country, region FROM {T} WHERE region < 4) PIVOT (count(*) FOR region IN (1, 2, 3, 41, 42)) ORDER BY ALL",
    "unpivot": f"SELECT name, count(*) FROM (SELECT note, uid, email FROM {T}) UNPIVOT (v FOR name IN (note, uid, email)) GROUP BY name ORDER BY name",
    "hash of a row": f"SELECT bit_xor(hash(t)) FROM {T} t",
    # how the engine holds rows
    "type of vectors": f"SELECT vector_type(email), vector_type(salary), count(*) FROM {T} GROUP BY ALL ORDER BY ALL",
    "sort key": f"SELECT max(create_sort_key(country, 'DESC NULLS LAST'))::VARCHAR FROM {T}",
    "types": f"SELECT DISTINCT typeof(email), typeof(salary), typeof(pair) FROM {T}",
    "statistics": f"SELECT stats(big) FROM {T} LIMIT 1",
    "statistics of a masked column": f"SELECT stats(salary), stats(email) FROM {T} LIMIT 1",
    "row numbers": f"SELECT max(rowid) FROM {T}",
    "file names": f"SELECT DISTINCT filename FROM {T}",
    "file row numbers": f"SELECT max(file_row_number) FROM {T}",
    "file indexes": f"SELECT max(file_index) FROM {T}",
    "definition of a view": "SELECT list(pg_get_viewdef(x)) FROM range(3000) r(x)",
    "definition of a constraint": "SELECT list(pg_get_constraintdef(x * 1000000)) FROM range(3000) r(x)",
    "metadata of parquet": "SELECT * FROM parquet_metadata('in/*.parquet')",
    "schema of parquet": "SELECT * FROM parquet_schema('in/*.parquet')",
    "bloom filters": "SELECT * FROM parquet_bloom_probe('in/*.parquet', 'country', 'DE')",
    "files": "SELECT * FROM glob('in/*')",
    "a file of the worker": "SELECT count(*) FROM 'in/*.parquet'",
    "views of the engine": "SELECT sql FROM duckdb_views() WHERE NOT internal",
    "columns of the engine": "SELECT * FROM duckdb_columns() WHERE NOT internal",
    "sizes in the engine": "SELECT estimated_size FROM duckdb_tables()",
    "cache of the engine": "SELECT * FROM duckdb_external_file_cache()",
    "storage": f"SELECT * FROM pragma_storage_info('{T}')",
    "information schema": "SELECT * FROM information_schema.tables",
    "a table by its name": f"SELECT count(*) FROM query_table('{T}')",
    "a text in a text": "SELECT * FROM query('SELECT 1')",
    "explain": f"EXPLAIN SELECT * FROM {T} WHERE big > 1000",
    "explain analyze": f"EXPLAIN ANALYZE SELECT count(*) FROM {T}",
    "sample": f"SELECT count(*) FROM {T} USING SAMPLE 10% (system, 7)",
    "tablesample": f"SELECT count(*) FROM {T} TABLESAMPLE 100 ROWS",
    "describe": f"DESCRIBE {T}",
    "summarize": f"SUMMARIZE {T}",
    "summarize in from": f"SELECT * FROM (SUMMARIZE {T})",
    "show": "SHOW ALL TABLES",
    # what the mesh tells of itself
    "mesh.tables": "SELECT * FROM mesh.tables ORDER BY ALL",
    "mesh.columns": "SELECT * FROM mesh.columns ORDER BY ALL",
    "mesh.releases": "SELECT * EXCLUDE (run_id, published_at) FROM mesh.releases ORDER BY ALL",
    "mesh.runs": "SELECT * EXCLUDE (run_id, created_at, started_at, ended_at) FROM mesh.runs ORDER BY ALL",
    "mesh.products": "SELECT * EXCLUDE (published_at) FROM mesh.products ORDER BY ALL",
    "mesh.checks": "SELECT * EXCLUDE (run_id) FROM mesh.checks ORDER BY ALL",
    "mesh and data": f"SELECT t.rows, t.bytes, (SELECT count(*) FROM {T}) FROM mesh.tables t",
    "a past release": 'SELECT count(*), max(big), max(email) FROM sales."orders#1".orders',
}

# These are no questions that weft answers: were one to pass, the same bytes would prove nothing.
REFUSED = {
    "statistics", "statistics of a masked column", "definition of a view", "definition of a constraint",
    "metadata of parquet", "schema of parquet", "bloom filters", "files", "a file of the worker", "views of the engine",
    "columns of the engine", "sizes in the engine", "cache of the engine", "storage", "information schema",
    "a table by its name", "a text in a text", "explain", "explain analyze", "sample", "tablesample", "describe",
    "summarize", "summarize in from", "show",
}
FAILED = {
    "error of a seen value", "error in a list", "error in json", "error of our own", "overflow", "row numbers",
    "file names", "file row numbers", "file indexes",
}


@pytest.fixture(scope="module")
def meshes(tmp_path_factory):
    made = {}
    for name, (mark, order, hidden) in MESHES.items():
        mesh = made[name] = Mesh(tmp_path_factory.mktemp("leak") / "mesh")
        mesh.folder.mkdir()
        leak_data.write_mesh(mesh)
        leak_data.write_rows(mesh.folder / "data/orders.csv", mark, order, hidden)
        mesh.server = mesh.serve()
        mesh.weft("apply", "--yes")
        mesh.weft("run", "--all")
        (mesh.folder / "data/orders.csv").unlink()
        mesh.token = mesh.weft("token", "create", "noor", "--format", "json").json["token"]
    yield made
    for mesh in made.values():
        mesh.close()


def ask(mesh, sql, as_user="noor"):
    """Status, kind of content and body, without what names the request."""
    status, body = mesh.server.call("POST", "/api/v1/query", {"sql": sql}, as_user=as_user, raw=True)
    return status, re.sub(rb',"request":"[^"]*"', b"", body)


@pytest.mark.slow
@pytest.mark.parametrize("name", QUERIES)
def test_hidden_data_change_no_byte_of_an_answer(meshes, name):
    answers = {which: ask(mesh, QUERIES[name]) for which, mesh in meshes.items()}
    first = answers["one"]
    for which, answer in answers.items():
        assert answer == first, f"one says {first[1][:2000]}, {which} says {answer[1][:2000]}"
    assert not holds_mark(first[1].replace(b"'zzsecreta'", b"")), first[1][:2000]
    if name in REFUSED:
        assert first[0] in (400, 403, 404), first
        assert json.loads(first[1])["code"] in ("REFUSED", "UNKNOWN_NAME", "SYNTAX"), first
    elif name in FAILED:
        assert first[0] in (400, 422), first
    else:
        assert first[0] == 200, first[1][:2000]


def holds_mark(body):
    return leak_data.MARK.encode() in body.lower()


@pytest.mark.slow
def test_the_owner_sees_what_the_analyst_does_not(meshes):
    """Else the story above would compare nothing with nothing."""
    count = f"SELECT count(*), max(big) >= {leak_data.FIRST_HIDDEN_NUMBER}, count(DISTINCT email) FROM {T}"
    status, body = ask(meshes["two"], count, as_user="ana")
    rows = leak_data.SEEN + MESHES["two"][2]
    assert (status, json.loads(body)["rows"]) == (200, [[rows, True, rows]])
    assert ask(meshes["two"], f"SELECT max(email) FROM {T}", as_user="ana") != ask(meshes["one"], f"SELECT max(email) FROM {T}", as_user="ana")
    assert b"hiddennote" in ask(meshes["one"], f"SELECT max(note) FROM {T}", as_user="ana")[1]


# What the API says beside answers; ids and times are of the mesh, not of hidden data.
PAGES = ["/api/v1/products", "/api/v1/products/sales.orders", "/api/v1/runs", "/api/v1/status", "/api/v1/runs/RUN",
         "/api/v1/jobs/JOB", "/api/v1/jobs/JOB/events", "/api/v1/audit", "/api/v1/config", "/api/v1/tokens", "/api/v1/users"]
OWN = re.compile(r'"(?:[a-z_]+_at|time|id|run|run_id|job|home|request|request_id|created|until|instance|actor_id)":\s*(?:"[^"]*"|null)')


def page(mesh, path):
    runs = mesh.server.call("GET", "/api/v1/runs")[1]["runs"]
    path = path.replace("RUN", runs[0]["id"]).replace("JOB", job_of(mesh))
    status, body = mesh.server.call("GET", path, token=mesh.token, raw=True)
    text = body.decode().replace(str(mesh.home), "HOME")
    text = re.sub(r'"(workers[a-z_]*|image_version)":\d+', "", text)  # who works is no secret, and changes by itself
    return status, OWN.sub("", text.replace(runs[0]["id"], "RUN").replace(job_of(mesh), "JOB"))


def job_of(mesh):
    import sqlite3
    with sqlite3.connect(f"file:{mesh.home}/catalog.db?mode=ro", uri=True) as db:
        return db.execute("SELECT id FROM job ORDER BY rowid LIMIT 1").fetchone()[0]


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_hidden_data_change_no_byte_of_a_page(meshes, path):
    for mesh in meshes.values():  # classes of several readers, so that their copies weigh something
        ask(mesh, f"SELECT count(*) FROM {T}")
        ask(mesh, f"SELECT count(*) FROM {T}", as_user="ana")
    answers = {which: page(mesh, path) for which, mesh in meshes.items()}
    first = answers["one"]
    assert not holds_mark(first[1].encode()), first
    for which, answer in answers.items():
        assert answer == first, f"one says {first}, {which} says {answer}"


def copies_of(mesh):
    return sorted((mesh.home / "cleared").rglob("*.parquet"))


@pytest.mark.slow
def test_cleared_copies_are_made_of_seen_rows_alone(meshes):
    """Byte for byte what would have been made had the hidden rows never been: no sizes of row groups, no dictionaries,
    no statistics and no filters can then tell of them."""
    ask(meshes["one"], f"SELECT count(*) FROM {T}")
    copies = {}
    for which, mesh in meshes.items():
        ask(mesh, f"SELECT count(*) FROM {T}")
        assert len(copies_of(mesh)) == 1
        copies[which] = copies_of(mesh)[0].read_bytes()
    # Seen rows lie in the same order in all but the sorted one.
    assert copies["one"] == copies["two"] == copies["nothing hidden"]
    assert len(copies["two, other order"]) > 0


@pytest.mark.slow
def test_no_linked_file_holds_a_hidden_value(meshes, tmp_path):
    for mesh in meshes.values():
        for copy in copies_of(mesh):
            assert copy.stat().st_mode & 0o777 == 0o444
            check_file(copy, tmp_path / "plain.parquet")
        check_links(mesh)


def check_file(copy, plain):
    assert leak_data.MARK.encode() not in copy.read_bytes()
    with duckdb.connect() as db:
        db.execute(f"CREATE VIEW copy AS FROM read_parquet('{copy}')")
        assert db.execute("SELECT count(*), count(email), count(salary), max(big) < 500000, max(cp) < 100, min(day) FROM copy"
                          ).fetchone()[:5] == (leak_data.SEEN, 0, 0, True, True)
        for column in db.execute("SELECT column_name FROM (DESCRIBE copy)").fetchall():
            found = db.execute(f'SELECT count(*) FROM copy WHERE contains("{column[0]}"::VARCHAR, ?)', [leak_data.MARK]).fetchone()
            assert found == (0,), column
        low_high = db.execute("SELECT path_in_schema, stats_min_value, stats_max_value FROM parquet_metadata(?)", [str(copy)]).fetchall()
        for column, low, high in low_high:
            assert leak_data.MARK not in f"{low} {high}", column
            assert column != "country" or (low, high) == ("CH", "CH")
            assert column not in ("email", "salary") or (low, high) == (None, None)
            assert column not in ("big", "n") or int(high) < 500_000
        for value in ("DE", "AT", "hiddenzzsecreta", "hiddenzzsecretbb"):
            probe = db.execute("SELECT bool_or(NOT bloom_filter_excludes) FROM parquet_bloom_probe(?, 'country', ?)", [str(copy), value])
            assert probe.fetchone()[0] is not True, value
        assert db.execute("SELECT * FROM parquet_kv_metadata(?)", [str(copy)]).fetchall() == []
        # Without compression, what pages and dictionaries hold stands there as it is.
        db.execute(f"COPY copy TO '{plain}' (FORMAT parquet, COMPRESSION uncompressed)")
    data = plain.read_bytes()
    assert leak_data.MARK.encode() not in data
    for k in (1, 2, 3):  # no number of a hidden row or masked column: their upper bytes are like no other's
        low = leak_data.FIRST_HIDDEN_NUMBER + 1_000_000_000 * k
        for number in (low, low + 7, low + 499_999):
            assert struct.pack("<q", number)[2:] not in data


def check_links(mesh):
    """What the server linked for the analyst, by its own record: copies only."""
    import sqlite3
    with sqlite3.connect(f"file:{mesh.home}/catalog.db?mode=ro", uri=True) as db:
        linked = db.execute("SELECT DISTINCT class_id, files FROM query JOIN query_table ON query = sequence"
                            " WHERE on_behalf = 'noor' OR actor = 'noor'").fetchall()
    for class_id, files in linked:
        for name in json.loads(files):
            assert class_id and (mesh.home / "cleared").rglob(f"{class_id}/{name}")


@pytest.mark.slow
def test_the_log_holds_no_value_of_a_row(meshes):
    mesh = meshes["one"]
    ask(mesh, f"SELECT sum(note::INTEGER) FROM {T}", as_user="ana")  # her error names a value, the log does not
    ask(mesh, f"SELECT sum(odd::INTEGER) FROM {T}")
    log = (mesh.folder / "server.log").read_text()
    assert leak_data.MARK not in log and "seen-and-odd" not in log


@pytest.mark.slow
def test_an_error_of_the_owner_may_speak(meshes):
    status, body = ask(meshes["one"], f"SELECT sum(note::INTEGER) FROM {T}", as_user="ana")
    assert status == 422 and b"hiddennote" in body


# ---- over time: policies, labels and names that change

MASK = """\
apiVersion: weft/v1
kind: Policy
id: mask-personal-data
owner: guild
mask: {columns: {classification: [pii]}, with: {method: "null"}, except: {owners: true}}
"""

ONLY_CH = """\
apiVersion: weft/v1
kind: Policy
id: only-switzerland
owner: guild
filter: {tables: {tag: [customer-rows]}, where: "country = 'CH'", except: {owners: true}}
"""


def rows_of(server, sql, as_user="noor"):
    status, answer = server.query(sql, as_user=as_user)
    return answer["rows"] if status == 200 else answer["code"]


@pytest.mark.smoke
def test_a_policy_that_tightens_holds_at_once(applied):
    """In the same worker, with the same text, for what was read before, and for past releases."""
    server = applied.serve()
    texts = [f"SELECT id, email FROM {T} ORDER BY id", 'SELECT id, email FROM sales."orders#1".orders ORDER BY id']
    for text in texts:
        assert [r[1] for r in rows_of(server, text)] == ["ada@example.com", "bob@example.com", "cleo@example.com", None]
    applied.write("policies/mask.policy.yaml", MASK)
    applied.weft("apply", "--yes")
    for text in texts:
        assert rows_of(server, text) == [[1, None], [2, None], [3, None], [4, None]]
    applied.write("policies/filter.policy.yaml", ONLY_CH)
    applied.weft("apply", "--yes")
    for text in texts:
        assert rows_of(server, text) == [[1, None], [3, None]]
        assert len(rows_of(server, text, "ana")) == 4 and rows_of(server, text, "ana")[0][1] == "ada@example.com"
        assert rows_of(server, text) == [[1, None], [3, None]]
    (applied.folder / "policies/analysts.policy.yaml").unlink()
    applied.weft("apply", "--yes")
    for text in texts:
        assert rows_of(server, text) == "DENIED"


def change_contract(mesh, old, new):
    path = mesh.folder / "domains/sales/orders/orders.odcs.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_is_classified_today_is_masked_in_past_releases(applied):
    applied.write("policies/mask.policy.yaml", MASK)
    applied.weft("apply", "--yes")
    server = applied.serve()
    past = 'SELECT customer FROM sales."orders#1".orders ORDER BY id'
    assert rows_of(server, past)[0] == ["Ada"]
    change_contract(applied, "{name: customer, ", "{name: customer, classification: pii, ")
    applied.weft("apply", "--yes")
    assert rows_of(server, past) == [[None]] * 4
    assert rows_of(server, past, "ana")[0] == ["Ada"]


def test_what_was_classified_once_stays_masked_in_that_release(applied):
    """A label that is taken away opens what is published from now on, not what was."""
    applied.write("policies/mask.policy.yaml", MASK)
    applied.weft("apply", "--yes")
    server = applied.serve()
    change_contract(applied, "physicalType: VARCHAR, classification: pii}", "physicalType: VARCHAR}")
    applied.weft("apply", "--yes")
    applied.weft("run", "--all")
    # The source still says it, and the column is made of that.
    assert rows_of(server, f"SELECT email FROM {T} ORDER BY id") == [[None]] * 4
    source = applied.folder / "domains/sales/orders/shop.odcs.yaml"
    source.write_text(source.read_text().replace(", classification: pii", ""))
    applied.weft("apply", "--yes")
    applied.weft("run", "--all")
    assert rows_of(server, 'SELECT email FROM sales."orders#1".orders ORDER BY id') == [[None]] * 4
    assert rows_of(server, f"SELECT email FROM {T} ORDER BY id")[0] == ["ada@example.com"]


def test_a_column_that_went_is_not_shown_in_past_releases(applied):
    server = applied.serve()
    change_contract(applied, '      - {name: customer, logicalType: string, physicalType: VARCHAR}\n', "")
    applied.write("domains/sales/orders/orders.sql", "SELECT id, email, country, amount, ordered_on FROM shop.raw_orders\n")
    applied.weft("apply", "--yes")
    applied.weft("run", "--all")
    past = 'SELECT customer FROM sales."orders#1".orders ORDER BY id'
    assert rows_of(server, past) == "UNKNOWN_COLUMN"
    assert len(rows_of(server, past.replace("customer", "id"))) == 4


def test_a_filter_by_a_masked_column_shows_the_rows_and_not_the_column(applied):
    applied.write("policies/mask.policy.yaml", MASK.replace("classification: [pii]", "column: [country]"))
    applied.write("policies/filter.policy.yaml", ONLY_CH)
    applied.weft("apply", "--yes")
    server = applied.serve()
    assert rows_of(server, f"SELECT id, country FROM {T} ORDER BY id") == [[1, None], [3, None]]
    assert rows_of(server, f"SELECT count(*) FROM {T} WHERE country = 'CH'") == [[0]]


def test_a_masked_column_gives_no_order_to_a_copy(shop):
    """Not even one that is named as the engine names the number of a row."""
    for name in ("shop.odcs.yaml", "orders.odcs.yaml"):
        path = shop.folder / "domains/sales/orders" / name
        path.write_text(path.read_text().replace("{name: email,", "{name: file_row_number,"))
    shop.write("domains/sales/orders/orders.sql", "SELECT id, customer, file_row_number, country, amount, ordered_on FROM shop.raw_orders\n")
    shop.write("data/orders.csv", "id,customer,file_row_number,country,amount,ordered_on\n"
               + "".join(f"{i},c,{9 - i},{'CH' if i % 2 else 'DE'},1,2026-01-01\n" for i in range(8)))
    shop.write("policies/mask.policy.yaml", MASK)
    shop.write("policies/filter.policy.yaml", ONLY_CH)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    server = shop.serve()
    assert rows_of(server, f"SELECT id, file_row_number FROM {T} ORDER BY ALL") == [[1, None], [3, None], [5, None], [7, None]]
    with duckdb.connect() as db:
        rows = db.execute(f"SELECT id FROM read_parquet('{copies_of(shop)[0]}')").fetchall()
    assert [r[0] for r in rows] == [1, 3, 5, 7]
