"""An operational PostgreSQL as a source: types exact, one snapshot, read only, drift told."""

import threading

import pytest

from conftest import DOMAIN, GRANT, MESH, wait_for_end

SOURCE = """\
apiVersion: v3.1.0
kind: DataContract
id: erp
version: 1.0.0
status: active
servers:
  - server: production
    type: postgres
    host: 127.0.0.1
    port: {port}
    database: postgres
    schema: {schema}
    customProperties:
      - {{property: user, value: weft}}
      - {{property: password, value: "${{ERP_PASSWORD}}"}}
schema:
{tables}
"""

OUTPUT = """\
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
{tables}
"""

PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-orders
name: orders
version: 1.0.0
status: active
inputPorts:
  - {name: erp, version: 1.0.0, contractId: erp}
outputPorts:
  - {name: orders, version: 1.0.0, contractId: orders}
"""


def table(name, columns):
    lines = [f"  - name: {name}", "    properties:"]
    for column, kind in columns.items():
        logical = "array" if kind.endswith("[]") else "string"
        extra = ", items: {logicalType: string}" if logical == "array" else ""
        lines.append(f'      - {{name: {column}, logicalType: {logical}, physicalType: "{kind}"{extra}}}')
    return "\n".join(lines)


def write(mesh, postgres, tables, schema="public"):
    mesh.write("mesh.yaml", MESH.replace("{roots: [data/]}", f'{{hosts: ["127.0.0.1:{postgres.port}"]}}'))
    mesh.write("policies/analysts.policy.yaml", GRANT)
    mesh.write("domains/sales/domain.yaml", DOMAIN)
    mesh.write("domains/sales/orders/product.odps.yaml", PRODUCT)
    text = "\n".join(table(name, columns) for name, columns in tables.items())
    mesh.write("domains/sales/orders/erp.odcs.yaml", SOURCE.format(port=postgres.port, schema=schema, tables=text))
    mesh.write("domains/sales/orders/orders.odcs.yaml", OUTPUT.format(tables=text))
    mesh.env["WEFT_SECRET_SALES_ERP_PASSWORD"] = postgres.password


@pytest.fixture
def schema(postgres, request):
    name = "s_" + request.node.name[5:40].lower().replace("[", "_").replace("]", "_")
    postgres.sql(f"DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}")
    return name


@pytest.mark.smoke
def test_types_are_kept_exactly(mesh, postgres, schema):
    postgres.sql(f"""
        SET search_path = {schema};
        CREATE TYPE mood AS ENUM ('fine', 'bad');
        CREATE TABLE things (
            id bigint PRIMARY KEY, price numeric(20, 8), any_price numeric, at timestamptz, local timestamp,
            key uuid, doc jsonb, numbers int[], words text[], feeling mood, raw bytea, share float8, day date,
            clock time, code char(5), flag boolean);
        INSERT INTO things VALUES
            (1, 12345678901.12345678, 0.25, '2026-03-29 01:30:00.123456+02', '2026-03-29 02:30:00', 
             '6a804cea-f984-47ff-95fd-37db857fd12a', '{{"b": [1, 2.50], "a": "x"}}', '{{1,NULL,3}}', '{{"a,b","c\\"d"}}',
             'bad', '\\x00ff10', 0.1, '1999-12-31', '23:59:59.999999', 'ab', true),
            (2, NULL, 99999999.99, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)""")
    write(mesh, postgres, {"things": {
        "id": "bigint", "price": "numeric(20,8)", "any_price": "numeric(18,2)", "at": "timestamptz",
        "local": "timestamp", "key": "uuid", "doc": "jsonb", "numbers": "int[]", "words": "text[]", "feeling": "text",
        "raw": "bytea", "share": "double precision", "day": "date", "clock": "time", "code": "char(5)",
        "flag": "boolean"}}, schema)
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    sql = """SELECT id, price::varchar AS price, any_price::varchar AS any_price, "at"::varchar AS moment,
        "local"::varchar AS local_time, "key"::varchar AS key, doc->>'a' AS a, numbers, words, feeling,
        hex(raw) AS raw, share, day::varchar AS day, clock::varchar AS clock, code, flag
        FROM sales.orders.things ORDER BY id"""
    one, two = mesh.rows(sql, as_user="ana")
    assert one == {
        "id": 1, "price": "12345678901.12345678", "any_price": "0.25", "moment": "2026-03-28 23:30:00.123456+00",
        "local_time": "2026-03-29 02:30:00", "key": "6a804cea-f984-47ff-95fd-37db857fd12a", "a": "x",
        "numbers": [1, None, 3], "words": ["a,b", 'c"d'], "feeling": "bad", "raw": "00FF10", "share": 0.1,
        "day": "1999-12-31", "clock": "23:59:59.999999", "code": "ab", "flag": True}
    assert all(v is None for k, v in two.items() if k not in ("id", "any_price"))


@pytest.mark.parametrize("kind, value", [("numeric", "1.005"), ("numeric", "'NaN'"), ("numeric(10,2)", "'NaN'"), ("numeric(8,1)", "'NaN'"),
                                         ("numeric(12,2)", "1234567890.00"), ("numeric(10,3)", "1.005")])
def test_digits_that_do_not_fit_stop_the_run(mesh, postgres, schema, kind, value):
    postgres.sql(f"CREATE TABLE {schema}.prices (id int, price {kind}); INSERT INTO {schema}.prices VALUES (0, 1), (1, {value}), (2, NULL)")
    write(mesh, postgres, {"prices": {"id": "int", "price": "numeric(10,2)"}}, schema)
    mesh.weft("apply", "--yes")
    refused = mesh.weft("run", "--all", ok=False)
    assert "column price: a value is no DECIMAL(10,2)" in refused.out + refused.err


@pytest.mark.parametrize("kind", ["numeric(10,2)", "numeric(8,1)", "numeric(10,3)", "numeric(20,1)"])
def test_decimals_of_other_sizes_keep_their_values(mesh, postgres, schema, kind):
    postgres.sql(f"CREATE TABLE {schema}.prices (id int, price {kind}); INSERT INTO {schema}.prices VALUES (0, -1234567.5), (1, NULL), (2, 0)")
    write(mesh, postgres, {"prices": {"id": "int", "price": "numeric(10,2)"}}, schema)
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    assert mesh.rows("SELECT price::VARCHAR AS price FROM sales.orders.prices ORDER BY id", as_user="ana") == [
        {"price": "-1234567.50"}, {"price": None}, {"price": "0.00"}]


def test_two_tables_come_from_one_snapshot(mesh, postgres, schema):
    """Money moves between two tables while they are read: the sum is the same in each release."""
    postgres.sql(f"""
        SET search_path = {schema};
        CREATE TABLE here (id int, amount bigint); CREATE TABLE there (id int, amount bigint);
        INSERT INTO here SELECT g, 1000 FROM generate_series(1, 20000) g;
        INSERT INTO there SELECT g, 1000 FROM generate_series(1, 20000) g""")
    columns = {"id": "int", "amount": "bigint"}
    write(mesh, postgres, {"here": columns, "there": columns}, schema)
    mesh.weft("apply", "--yes")
    stop = threading.Event()

    def move():
        with postgres.connect() as connection:
            while not stop.is_set():
                with connection.transaction():
                    connection.execute(f"UPDATE {schema}.here SET amount = amount - 1 WHERE id = 1")
                    connection.execute(f"UPDATE {schema}.there SET amount = amount + 1 WHERE id = 1")

    thread = threading.Thread(target=move)
    thread.start()
    try:
        for _ in range(3):
            mesh.weft("run", "--all")
            total = mesh.rows("SELECT (SELECT sum(amount) FROM sales.orders.here) + "
                              "(SELECT sum(amount) FROM sales.orders.there) AS total", as_user="ana")
            assert total == [{"total": 40000000}]
    finally:
        stop.set()
        thread.join()


def test_drift_is_told_as_a_whole_and_the_last_release_stays(mesh, postgres, schema):
    postgres.sql(f"CREATE TABLE {schema}.t (id int, name text, n int); INSERT INTO {schema}.t VALUES (1, 'a', 1)")
    write(mesh, postgres, {"t": {"id": "int", "name": "text", "n": "int"}}, schema)
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    postgres.sql(f"""ALTER TABLE {schema}.t RENAME name TO names; ALTER TABLE {schema}.t ALTER n TYPE text;
                     ALTER TABLE {schema}.t ADD extra int""")
    refused = mesh.weft("run", "--all", ok=False)
    told = refused.out + refused.err
    assert refused.code == 65
    for part in ("column name", "names", "column n has another type", "INTEGER", "text", "new column extra",
                 "erp.odcs.yaml"):
        assert part in told, told
    assert mesh.rows("SELECT name FROM sales.orders.t", as_user="ana") == [{"name": "a"}]
    assert mesh.rows("SELECT state FROM mesh.runs ORDER BY started_at", as_user="ana") == [
        {"state": "published"}, {"state": "rejected"}]


def test_a_source_is_read_only(mesh, postgres, schema):
    """A view that writes when it is read is refused by the source's own transaction."""
    postgres.sql(f"""
        CREATE TABLE {schema}.log (n int);
        CREATE FUNCTION {schema}.note() RETURNS int LANGUAGE plpgsql AS
            $$BEGIN INSERT INTO {schema}.log VALUES (1); RETURN 1; END$$;
        CREATE VIEW {schema}.t AS SELECT {schema}.note() AS id""")
    write(mesh, postgres, {"t": {"id": "int"}}, schema)
    mesh.weft("apply", "--yes")
    refused = mesh.weft("run", "--all", ok=False)
    assert "read-only transaction" in refused.out + refused.err


def test_secrets_are_told_by_name_only(mesh, postgres, schema):
    postgres.sql(f"CREATE TABLE {schema}.t (id int)")
    write(mesh, postgres, {"t": {"id": "int"}}, schema)
    mesh.weft("apply", "--yes")
    # Secrets are those of the server's environment: another one is begun for each.
    del mesh.env["WEFT_SECRET_SALES_ERP_PASSWORD"]
    wait_for_end(mesh.home)
    missing = mesh.weft("run", "--all", ok=False)
    assert "ERP_PASSWORD" in missing.out + missing.err and missing.code == 78
    mesh.env["WEFT_SECRET_MARKETING_ERP_PASSWORD"] = postgres.password  # another domain's
    wait_for_end(mesh.home)
    assert mesh.weft("run", "--all", ok=False).code == 78
    mesh.env["WEFT_SECRET_SALES_ERP_PASSWORD"] = "wrong-" + postgres.password
    wait_for_end(mesh.home)
    wrong = mesh.weft("run", "--all", ok=False)
    assert "authentication" in wrong.out + wrong.err
    mesh.env["WEFT_SECRET_SALES_ERP_PASSWORD"] = postgres.password
    wait_for_end(mesh.home)
    mesh.weft("run", "--all")
    stored = b"".join(p.read_bytes() for p in mesh.home.rglob("*") if p.is_file())
    assert postgres.password.encode() not in stored
    for log in mesh.folder.rglob("*.log"):
        assert postgres.password not in log.read_text()


def test_a_source_that_is_down_or_not_listed(mesh, postgres, schema):
    postgres.sql(f"CREATE TABLE {schema}.t (id int)")
    write(mesh, postgres, {"t": {"id": "int"}}, schema)
    mesh.weft("apply", "--yes")
    contract = mesh.folder / "domains/sales/orders/erp.odcs.yaml"
    contract.write_text(contract.read_text().replace(f"port: {postgres.port}", "port: 1"))
    assert "the host is none of those that the mesh lists" in mesh.weft("check", ok=False).out
    mesh.write("mesh.yaml", (mesh.folder / "mesh.yaml").read_text().replace(f"127.0.0.1:{postgres.port}", "127.0.0.1:1"))
    mesh.weft("apply", "--yes")
    down = mesh.weft("run", "--all", ok=False)
    assert down.code == 69 and "refused" in (down.out + down.err).lower()


KEYS = {"smallint": ("1", "2", "3"), "integer": ("1", "2", "3"), "bigint": ("1", "9999999999", "9999999999999"),
        "date": ("'2026-01-01'", "'2026-01-02'", "'2026-01-03'"),
        "timestamp": ("'2026-01-01 10:00'", "'2026-01-01 10:00:00.000001'", "'2026-01-02'"),
        "timestamptz": ("'2026-01-01 10:00+02'", "'2026-01-01 09:00Z'", "'2026-01-02Z'")}


@pytest.mark.parametrize("kind", KEYS)
def test_of_an_incremental_table_only_what_is_new_is_read(mesh, postgres, schema, kind):
    """A value of an old row that fits no more would stop the run if it were read."""
    first, second, third = KEYS[kind]
    postgres.sql(f"""CREATE TABLE {schema}.t (id int PRIMARY KEY, key {kind} NOT NULL, price numeric);
                     INSERT INTO {schema}.t VALUES (1, {first}, 1), (2, {first}, 2)""")
    write(mesh, postgres, {"t": {"id": "int", "key": kind, "price": "numeric(10,2)"}}, schema)
    contract = (mesh.folder / "domains/sales/orders/orders.odcs.yaml").read_text()
    mesh.write("domains/sales/orders/orders.odcs.yaml", contract.replace("    properties:\n", """\
    customProperties:
      - {property: materialization, value: incremental}
      - {property: incremental, value: {mode: append, key: key}}
    properties:
""").replace("{name: key, ", "{name: key, required: true, "))
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    postgres.sql(f"UPDATE {schema}.t SET price = 1.005 WHERE id = 1; INSERT INTO {schema}.t VALUES (3, {second}, 3), (4, {third}, 4)")
    assert "2 rows added, 0 replaced, 0 deleted; 1 files kept, 1 new" in mesh.weft("run", "--all").out
    assert mesh.rows("SELECT id, price::VARCHAR AS price FROM sales.orders.t ORDER BY id", as_user="ana") == [
        {"id": n, "price": f"{n}.00"} for n in (1, 2, 3, 4)]
    refused = mesh.weft("run", "--all", "--full", ok=False)
    assert "column price: a value is no DECIMAL(10,2)" in refused.out + refused.err
