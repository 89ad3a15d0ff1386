"""A large table of PostgreSQL whose rows lie in the order of its key: read in the ranges of the files of the release before, each of which is a
file of the next one; the same files as of a table that is read as a whole. Before there is a release, its statistics say where to cut. Where rows lie
in another order, they are read in pieces as they lie."""

import os
import signal
import threading

import pytest

from conftest import DOMAIN, GRANT, MESH
from story_help import Started, is_whole, runs, told, wait_until, workers
from test_parts import count, files, path, run
from test_postgres import PRODUCT, SOURCE

HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: orders\nversion: 1.0.0\nstatus: active\nschema:\n"
TABLE = """\
  - name: orders
    properties:
      - {{name: id, logicalType: {logical}, physicalType: "{type}", required: true, primaryKey: true}}
      - {{name: country, logicalType: string}}
      - {{name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"{rule}}}"""
ASIDE = ", quality: [{metric: nullValues, mustBe: 0, customProperties: [{property: onFailure, value: quarantine}]}]"


@pytest.fixture
def statements(postgres):
    """The statements of which a source was asked for rows of orders, since the last call."""
    postgres.sql("ALTER ROLE weft SET log_statement = 'all'")
    log, seen = postgres.folder / "log", [0]
    seen[0] = log.stat().st_size

    def since():
        with open(log, "rb") as file:
            file.seek(seen[0])
            text = file.read().decode(errors="replace")
        seen[0] += len(text.encode())
        return [line for line in text.splitlines() if "LOG:  statement: COPY (SELECT" in line and '"orders"' in line]

    yield since
    postgres.sql("ALTER ROLE weft RESET log_statement")


@pytest.fixture
def shop(mesh, postgres, request):
    """A mesh of one table, in which a file takes a thousand rows at most."""
    schema = "r_" + request.node.name[5:40].lower().replace("[", "_").replace("]", "_").replace(" ", "_")
    mesh.env["WEFT_PART_ROWS_MAX"] = "1000"

    def make(ids="g * 2", type="bigint", logical="integer", order="g", rule="", rows=5000, country="(ARRAY['CH', 'DE', 'AT'])[1 + g % 3]"):
        postgres.sql(f"""
            DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema};
            CREATE TABLE {schema}.orders (id {type} PRIMARY KEY, country text, amount numeric(12,2));
            INSERT INTO {schema}.orders SELECT {ids}, {country}, g % 997
            FROM generate_series(1, {rows}) g ORDER BY {order};
            ANALYZE {schema}.orders""")
        table = TABLE.format(type=type, logical=logical, rule=rule)
        mesh.write("mesh.yaml", MESH.replace("{roots: [data/]}", f'{{hosts: ["127.0.0.1:{postgres.port}"]}}'))
        mesh.write("policies/analysts.policy.yaml", GRANT)
        mesh.write("domains/sales/domain.yaml", DOMAIN)
        mesh.write("domains/sales/orders/product.odps.yaml", PRODUCT)
        mesh.write("domains/sales/orders/erp.odcs.yaml", SOURCE.format(port=postgres.port, schema=schema, tables=table))
        mesh.write("domains/sales/orders/orders.odcs.yaml", HEAD + table + "\n")
        mesh.env["WEFT_SECRET_SALES_ERP_PASSWORD"] = postgres.password
        mesh.weft("apply", "--yes")
        return mesh, f"{schema}.orders"

    return make


def whole_is(mesh, postgres, table):
    """The rows of the release are those of the source, in the order of the key over all files."""
    import duckdb
    found = [row for file in files(mesh) for row in
             duckdb.sql(f"SELECT translate(id::VARCHAR, '()', ''), country, amount FROM read_parquet('{path(mesh, file)}')").fetchall()]
    with postgres.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return found == connection.execute(f"SELECT id::text, country, amount FROM {table} o ORDER BY o.id").fetchall()


def read_as_a_whole(mesh, postgres, table, statements):
    """What PostgreSQL knows of the order of the rows is forgotten for one run."""
    postgres.sql(f"DELETE FROM pg_statistic WHERE starelid = '{table}'::regclass")
    statements()
    found = run(mesh)
    assert len(statements()) == 1
    postgres.sql(f"ANALYZE {table}")
    return found


@pytest.mark.parametrize("ids, type, logical", [
    ("g * 2", "bigint", "integer"), ("g * 2 - 5000", "integer", "integer"), ("date '1990-01-01' + g", "date", "date"),
    ("timestamp '2026-01-01' + g * interval '1.5 second'", "timestamp", "timestamp"),
    ("timestamptz '1999-12-31 23:30:00+00' + g * interval '1.5 second'", "timestamptz", "timestamp")],
    ids=["bigint", "integer", "date", "timestamp", "timestamptz"])
def test_ranges_are_the_files_that_the_whole_makes(shop, postgres, statements, ids, type, logical):
    mesh, table = shop(ids, type, logical)
    first = run(mesh)
    assert len(first) > 4 and len(statements()) == len(first) and whole_is(mesh, postgres, table)
    postgres.sql(f"""UPDATE {table} SET amount = 1000 WHERE id = (SELECT min(id) FROM {table});
                     DELETE FROM {table} WHERE id = (SELECT max(id) FROM {table})""")
    in_ranges = run(mesh)
    asked = statements()
    assert len(asked) == len(first) and all("ORDER BY" in text for text in asked)
    assert len(set(in_ranges) - set(first)) == 2 and whole_is(mesh, postgres, table)
    # The first row has moved to the end of the table.
    assert read_as_a_whole(mesh, postgres, table, statements) == in_ranges
    assert mesh.weft("verify", "--format", "json").json["damaged"] == []


@pytest.mark.parametrize("ids", ["g * 2", "g * g", "CASE WHEN g % 5000 < 2500 THEN g ELSE g + 9000000000000000000 END",
                                 "(g - 2500) * 3600000000000000"], ids=["even", "wider and wider", "a gap", "below zero"])
def test_the_first_release_is_read_in_ranges(shop, postgres, statements, ids):
    mesh, table = shop(ids)
    first = run(mesh)
    assert len(statements()) == len(first) == 7 and all(500 <= f[1] <= 1000 for f in first) and whole_is(mesh, postgres, table)
    assert run(mesh) == first and read_as_a_whole(mesh, postgres, table, statements) == first


def test_the_first_release_of_more_files_than_there_are_statistics(shop, postgres, statements):
    mesh, table = shop()
    postgres.sql(f"ALTER TABLE {table} ALTER id SET STATISTICS 3; ANALYZE {table}")
    first = run(mesh)
    assert len(statements()) == len(first) == 7 and all(250 <= f[1] <= 1000 for f in first) and whole_is(mesh, postgres, table)


def test_statistics_that_are_wrong_lose_no_row(shop, postgres, statements):
    mesh, table = shop()
    postgres.sql(f"INSERT INTO {table} SELECT g, 'CH', 1 FROM generate_series(-4000, -1) g; DELETE FROM {table} WHERE id > 6000")
    first = run(mesh)
    assert len(statements()) == 7 and all(250 <= f[1] <= 1000 for f in first) and whole_is(mesh, postgres, table)


def test_the_first_release_is_read_once_without_statistics(shop, postgres, statements):
    mesh, table = shop()
    postgres.sql(f"DELETE FROM pg_statistic WHERE starelid = '{table}'::regclass")
    first = run(mesh)
    assert len(first) > 4 and len(statements()) == 1 and whole_is(mesh, postgres, table)


def test_a_column_of_a_name_that_views_take_keeps_one_file(shop, postgres, statements):
    mesh, table = shop()
    for name in ("erp", "orders"):
        path = mesh.folder / f"domains/sales/orders/{name}.odcs.yaml"
        path.write_text(path.read_text().replace("name: country", "name: file_row_number"))
    postgres.sql(f"ALTER TABLE {table} RENAME country TO file_row_number")
    mesh.weft("apply", "--yes")
    assert [f[1] for f in run(mesh)] == [5000] and len(statements()) == 1


def test_a_small_table_that_grows_is_read_in_ranges(shop, postgres, statements):
    mesh, table = shop(rows=900)
    assert len(run(mesh)) == 1 and len(statements()) == 1
    postgres.sql(f"INSERT INTO {table} SELECT g, 'CH', 1 FROM generate_series(2001, 6000) g; ANALYZE {table}")
    grown = run(mesh)
    assert len(statements()) == len(grown) > 4 and whole_is(mesh, postgres, table)


def test_ranges_that_have_grown_or_shrunk_are_cut_anew(shop, postgres, statements):
    mesh, table = shop()
    first = run(mesh)
    postgres.sql(f"INSERT INTO {table} SELECT g, 'CH', 1 FROM generate_series(10001, 12000) g; ANALYZE {table}")
    statements()
    grown = run(mesh)
    assert len(statements()) == len(first) and len(grown) > len(first)
    assert set(first[:-1]) <= set(grown) and all(250 <= f[1] <= 1000 for f in grown) and whole_is(mesh, postgres, table)
    postgres.sql(f"DELETE FROM {table} WHERE id BETWEEN 1900 AND 4100 OR id > 11000; ANALYZE {table}")
    shrunk = run(mesh)
    assert len(statements()) == len(grown) and len(shrunk) < len(grown)
    assert all(250 <= f[1] <= 1000 for f in shrunk) and whole_is(mesh, postgres, table)
    postgres.sql(f"DELETE FROM {table} WHERE id > 500; ANALYZE {table}")
    small = run(mesh)
    assert len(statements()) == len(shrunk)
    assert [f[1] for f in small] == [250] and whole_is(mesh, postgres, table)
    assert count(mesh) == [{"n": 250, "ids": 62750}]


# Rows of which so few fit into a block that there is more than one piece.
WIDE = {"order": "hashint4(g)", "rows": 12000, "country": "repeat(md5(g::text), 60)"}


@pytest.mark.parametrize("ids, type, logical", [("g * 2", "bigint", "integer"), ("lpad(g::text, 5, '0')", "text", "string")], ids=["bigint", "text"])
def test_a_table_in_another_order_is_read_in_pieces(shop, postgres, statements, ids, type, logical):
    mesh, table = shop(ids, type, logical, **WIDE)
    first = run(mesh)
    asked = statements()
    assert len(asked) == 2 and all("ctid" in text for text in asked) and len(first) > 12 and whole_is(mesh, postgres, table)
    assert run(mesh) == first and len(statements()) == 2
    postgres.sql(f"""UPDATE {table} SET amount = 1000 WHERE id = (SELECT min(id) FROM {table});
                     DELETE FROM {table} WHERE id = (SELECT max(id) FROM {table})""")
    in_pieces = run(mesh)
    assert len(statements()) == 2 and len(set(in_pieces) - set(first)) == 2 and whole_is(mesh, postgres, table)
    postgres.sql(f"UPDATE pg_class SET reltuples = -1 WHERE oid = '{table}'::regclass")
    assert run(mesh) == in_pieces and "ctid" not in "".join(statements())


def test_a_table_in_another_order_is_read_once(shop, postgres, statements):
    mesh, table = shop(order="hashint4(g)")
    first = run(mesh)
    statements()
    assert run(mesh) == first and len(statements()) == 1 and whole_is(mesh, postgres, table)


@pytest.mark.parametrize("ids, type, logical", [("lpad(g::text, 5, '0')", "text", "string"), ("g", "numeric(12,0)", "number"),
                                                ("date '0040-01-01 BC' + g", "date", "date")], ids=["text", "numeric", "before Christ"])
def test_a_key_of_another_kind_is_read_once(shop, postgres, statements, ids, type, logical):
    mesh, table = shop(ids, type, logical)
    first = run(mesh)
    statements()
    assert len(first) > 4 and run(mesh) == first and len(statements()) == 1 and whole_is(mesh, postgres, table)


def test_rows_that_go_aside_are_read_as_a_whole(shop, postgres, statements):
    mesh, table = shop(rule=ASIDE)
    first = run(mesh)
    postgres.sql(f"UPDATE {table} SET amount = NULL WHERE id = 4000")
    statements()
    assert sum(f[1] for f in run(mesh)) == sum(f[1] for f in first) - 1 and len(statements()) == 1


def test_other_tables_are_made_of_all_ranges(shop, postgres, statements):
    mesh, table = shop()
    contract = mesh.folder / "domains/sales/orders/orders.odcs.yaml"
    mesh.write("domains/sales/orders/orders.odcs.yaml", contract.read_text() + """\
  - name: totals
    properties:
      - {name: rows, logicalType: integer, physicalType: BIGINT, required: true}
      - {name: ids, logicalType: integer, physicalType: BIGINT, required: true}
""")
    mesh.write("domains/sales/orders/totals.sql", "SELECT count(*) AS rows, sum(id)::BIGINT AS ids FROM erp.orders\n")
    mesh.weft("apply", "--yes")
    run(mesh)
    postgres.sql(f"DELETE FROM {table} WHERE id = 5000")
    statements()
    run(mesh)
    assert len(statements()) > 4
    assert mesh.rows("SELECT rows, ids FROM sales.orders.totals", as_user="ana") == [{"rows": 4999, "ids": 25000000}]


@pytest.mark.parametrize("rows, reads", [({}, 5), (WIDE, 2)], ids=["ranges", "pieces"])
def test_what_is_read_is_of_one_snapshot(shop, postgres, statements, rows, reads):
    """Money moves between the first and the last row while they are read: the sum is the same in each release."""
    mesh, table = shop(**rows)
    run(mesh)
    with postgres.connect() as connection:
        total = connection.execute(f"SELECT sum(amount) FROM {table}").fetchone()[0]
    stop = threading.Event()

    def move():
        with postgres.connect() as connection:
            while not stop.is_set():
                with connection.transaction():
                    connection.execute(f"UPDATE {table} SET amount = amount - 1 WHERE id = 2")
                    connection.execute(f"UPDATE {table} SET amount = amount + 1 WHERE id = 10000")

    thread = threading.Thread(target=move)
    statements()
    thread.start()
    try:
        for _ in range(3):
            assert len(run(mesh)) > 4
            assert mesh.rows("SELECT sum(amount)::BIGINT AS total FROM sales.orders.orders", as_user="ana") == [{"total": int(total)}]
    finally:
        stop.set()
        thread.join()
    assert len(statements()) >= 3 * reads


@pytest.fixture
def reader(postgres):
    """A role with no rights of its own."""
    password = postgres.password.replace("'", "''")
    postgres.sql(f"CREATE ROLE reader LOGIN PASSWORD '{password}'; ALTER ROLE reader SET log_statement = 'all'")
    yield "reader"
    postgres.sql("DROP OWNED BY reader; DROP ROLE reader; GRANT EXECUTE ON FUNCTION pg_export_snapshot() TO public")


@pytest.mark.parametrize("less, is_shared, has_second", [
    ("SELECT 1", True, True), ("ALTER ROLE reader CONNECTION LIMIT 1", True, False),
    ("REVOKE EXECUTE ON FUNCTION pg_export_snapshot() FROM public", False, False)],
    ids=["all", "one connection", "no shared snapshot"])
def test_two_connections_read_ranges_where_they_may(shop, postgres, statements, reader, less, is_shared, has_second):
    mesh, table = shop()
    source = mesh.folder / "domains/sales/orders/erp.odcs.yaml"
    source.write_text(source.read_text().replace("value: weft", "value: reader"))
    postgres.sql(f"GRANT USAGE ON SCHEMA {table.split('.')[0]} TO reader; GRANT SELECT ON {table} TO reader; {less}")
    mesh.weft("apply", "--yes")
    log = postgres.folder / "log"
    seen = log.stat().st_size
    first = run(mesh)
    assert len(statements()) == len(first) == 7 and whole_is(mesh, postgres, table)
    asked = log.read_bytes()[seen:].decode(errors="replace")
    assert ("pg_export_snapshot() AS snapshot" in asked, "SET TRANSACTION SNAPSHOT" in asked) == (is_shared, has_second)
    said = "".join(path.read_text(errors="replace") for path in (mesh.folder / "server.log", mesh.home / "serve.log") if path.exists())
    assert ("reads with one connection alone" in said) == (is_shared and not has_second)


def test_what_breaks_in_an_early_range_is_what_is_told(shop, postgres):
    mesh, table = shop()
    first = run(mesh)
    postgres.sql(f"UPDATE {table} SET amount = 'NaN' WHERE id = 2")
    refused = mesh.weft("run", "--all", ok=False)
    assert "input erp: column amount: a value is no DECIMAL(12,2)" in refused.out + refused.err
    assert files(mesh) == first
    postgres.sql(f"UPDATE {table} SET amount = 1 WHERE id = 2")
    assert len(run(mesh)) == len(first) and whole_is(mesh, postgres, table)


def test_what_breaks_in_a_late_range_leaves_the_last_release(shop, postgres, statements):
    mesh, table = shop()
    first = run(mesh)
    postgres.sql(f"UPDATE {table} SET amount = 'NaN' WHERE id = 9000")
    statements()
    refused = mesh.weft("run", "--all", ok=False)
    assert "input erp: column amount: a value is no DECIMAL(12,2)" in refused.out + refused.err
    assert len(statements()) == len(first) and files(mesh) == first


@pytest.fixture
def slow(shop, postgres, reader):
    """A table of which two connections read for a while, once there is a release of it."""
    mesh, table = shop(**WIDE)
    source = mesh.folder / "domains/sales/orders/erp.odcs.yaml"
    source.write_text(source.read_text().replace("value: weft", "value: reader"))
    postgres.sql(f"GRANT USAGE ON SCHEMA {table.split('.')[0]} TO reader; GRANT SELECT ON {table} TO reader")
    mesh.weft("apply", "--yes")
    run(mesh)
    postgres.sql(f"CREATE POLICY slow ON {table} USING (pg_sleep(0.001)::text IS NOT NULL); ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    running = Started(mesh, "run", "--all")
    wait_until("two connections read", lambda: len(readers(postgres)) == 2)
    return mesh, table, running


def readers(postgres):
    with postgres.connect() as connection:
        return [pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity WHERE usename = 'reader' AND query LIKE 'COPY%' AND state = 'active'")]


def is_as_before(mesh, postgres, table, state):
    """The run left nothing behind, and the next one reads all."""
    assert runs(mesh) == ["published", state] and is_whole(mesh)
    wait_until("the source is left", lambda: not readers(postgres))
    postgres.sql(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    run(mesh)
    return whole_is(mesh, postgres, table)


def test_both_connections_are_left_when_the_run_is_cancelled(slow, postgres):
    mesh, table, running = slow
    running.process.send_signal(signal.SIGINT)
    assert running.end().code == 130 and is_as_before(mesh, postgres, table, "cancelled")


@pytest.mark.parametrize("which", [0, 1], ids=["one", "the other"])
def test_a_run_of_which_one_connection_is_cut_fails(slow, postgres, which):
    mesh, table, running = slow
    postgres.sql(f"SELECT pg_terminate_backend({sorted(readers(postgres))[which]})")
    answer = running.end()
    assert answer.code == 69 and "closed the connection" in told(answer), answer
    assert is_as_before(mesh, postgres, table, "failed")


def test_a_killed_worker_of_two_connections_fails_its_run(slow, postgres):
    mesh, table, running = slow
    for pid in workers(mesh, "extract"):
        os.kill(pid, signal.SIGKILL)
    answer = running.end()
    assert answer.code == 70 and "signal 9" in told(answer), answer
    assert is_as_before(mesh, postgres, table, "failed")
