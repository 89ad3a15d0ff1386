"""`weft contract test`: a table or file, where it lies, against its contract; without a home and without a server."""

import csv
import io
import json
import sys

import duckdb
import pytest

from conftest import ROOT
from story_help import told

sys.path.insert(0, str(ROOT / "tests/corpus"))
from parquet_file import BYTE_ARRAY, INT32, Column, parquet  # noqa: E402

ORDERS = """\
id,customer_id,country,amount,ordered_on
1,1,CH,10.50,2026-01-01
2,2,DE,20.00,2026-01-02
3,9,XX,-1.00,2026-01-03
3,,CH,5.00,2026-01-04
"""
CUSTOMERS = "id,name\n1,ada\n2,bob\n"

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
servers:
  - {server: prod, type: local, path: "data/{table}.csv", format: csv}
  - {server: lake, type: local, path: "data/{table}.parquet", format: parquet}
  - {server: events, type: local, path: "data/{table}.ndjson", format: ndjson}
  - {server: document, type: local, path: "data/{table}.json", format: json}
schema:
  - name: orders
    quality:
      - {metric: rowCount, mustBeGreaterThan: 2}
      - {id: negative, type: sql, query: "SELECT count(*) FROM {object} WHERE amount < 0", mustBe: 0}
      - {type: text, description: amounts are in francs}
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER, required: true, primaryKey: true, primaryKeyPosition: 1}
      - name: customer_id
        logicalType: integer
        physicalType: INTEGER
        required: true
        relationships: [{to: customers.id}]
      - name: country
        logicalType: string
        physicalType: VARCHAR
        logicalTypeOptions: {maxLength: 2}
        quality:
          - {metric: invalidValues, arguments: {validValues: [CH, DE]}, mustBeLessThan: 10, unit: percent, severity: warning}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)", logicalTypeOptions: {minimum: 0}}
      - {name: ordered_on, logicalType: date, physicalType: DATE}
  - name: customers
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER, required: true, unique: true}
      - {name: name, logicalType: string, physicalType: VARCHAR}
"""

VERDICTS = {
    "orders.id.required": ("pass", 0),
    "orders.customer_id.required": ("fail", 1),
    "orders.country.maxLength": ("pass", 0),
    "orders.amount.minimum": ("fail", 1),
    "orders.primaryKey": ("fail", 1),
    "orders.rowCount.0": ("pass", None),
    "negative": ("fail", None),
    "orders.text.2": ("not executable", None),
    "orders.country.invalidValues.0": ("fail", 1),
    "orders.customer_id.relationship.0": ("fail", 1),
    "customers.id.required": ("pass", 0),
    "customers.id.unique": ("pass", 0),
}


@pytest.fixture
def folder(mesh):
    mesh.write("orders.odcs.yaml", CONTRACT)
    mesh.write("data/orders.csv", ORDERS)
    mesh.write("data/customers.csv", CUSTOMERS)
    return mesh


def copy_as(mesh, kind, options=""):
    for table, types in (("orders", "{'amount': 'DECIMAL(12,2)', 'id': 'INTEGER', 'customer_id': 'INTEGER'}"),
                         ("customers", "{'id': 'INTEGER'}")):
        duckdb.sql(f"COPY (FROM read_csv('{mesh.folder}/data/{table}.csv', types = {types})) "
                   f"TO '{mesh.folder}/data/{table}.{kind}' ({options})")


def held(mesh, *args, code=65):
    """Checks by the id of their rule, and the whole answer."""
    done = mesh.weft("contract", "test", *args, "--format", "json", ok=None)
    assert done.code == code, told(done)
    answer = json.loads(done.out)
    return {check["rule"]: check for check in answer["checks"]}, answer


def verdicts(checks):
    return {rule: (check["verdict"], check["rows_failed"]) for rule, check in checks.items()}


def test_a_file_is_held_against_all_rules_of_its_contract(folder):
    checks, answer = held(folder, "orders.odcs.yaml")
    assert verdicts(checks) == VERDICTS
    assert answer["server"] == "prod" and answer["findings"] == []
    assert checks["orders.customer_id.required"]["message"] == "customer_id must not be null: found 1 null in 4 rows (25 percent)"
    assert not (folder.folder / ".weft").exists(), "a home was made"


@pytest.mark.parametrize("server, kind, options", [
    ("lake", "parquet", "FORMAT parquet"), ("events", "ndjson", "FORMAT json"), ("document", "json", "FORMAT json, ARRAY true")])
def test_verdicts_are_the_same_in_every_format(folder, server, kind, options):
    copy_as(folder, kind, options)
    checks, answer = held(folder, "orders.odcs.yaml", "--server", server)
    assert verdicts(checks) == VERDICTS and answer["server"] == server


def test_people_and_sheets_are_told_too(folder):
    done = folder.weft("contract", "test", "orders.odcs.yaml", ok=False)
    assert done.code == 65
    assert "orders.amount.minimum" in done.out and "1 of 4 rows" in done.out
    assert done.out.endswith("12 rules, 5 failed, 1 warned, 1 not executable\n")
    rows = list(csv.DictReader(io.StringIO(folder.weft("contract", "test", "orders.odcs.yaml", "--format", "csv", ok=False).out)))
    assert {row["rule"]: row["verdict"] for row in rows} == {rule: verdict for rule, (verdict, _) in VERDICTS.items()}


def test_warnings_fail_nothing(folder):
    folder.write("data/orders.csv", "id,customer_id,country,amount,ordered_on\n"
                                    "1,1,XX,1,2026-01-01\n2,1,CH,1,2026-01-01\n3,2,CH,1,2026-01-01\n")
    checks, _ = held(folder, "orders.odcs.yaml", code=0)
    assert checks["orders.country.invalidValues.0"]["verdict"] == "fail"
    assert checks["orders.country.invalidValues.0"]["effect"] == "warns"


def test_rows_that_a_run_would_put_aside_fail_the_test(folder):
    folder.write("orders.odcs.yaml", CONTRACT.replace("mustBeLessThan: 10, unit: percent, severity: warning",
                                                      "mustBe: 0, customProperties: [{property: onFailure, value: quarantine}]"))
    folder.write("data/orders.csv", "id,customer_id,country,amount,ordered_on\n"
                                    "1,1,XX,1,2026-01-01\n2,1,CH,1,2026-01-01\n3,2,CH,1,2026-01-01\n")
    checks, _ = held(folder, "orders.odcs.yaml")
    assert {rule for rule, check in checks.items() if check["verdict"] == "fail"} == {"orders.country.invalidValues.0"}
    assert checks["orders.country.invalidValues.0"]["effect"] == "quarantines"


def test_one_table_alone_and_names_that_are_none(folder):
    checks, _ = held(folder, "orders.odcs.yaml", "--table", "customers", code=0)
    assert set(checks) == {"customers.id.required", "customers.id.unique"}
    checks, _ = held(folder, "orders.odcs.yaml", "--table", "orders")
    assert checks["orders.customer_id.relationship.0"]["verdict"] == "fail", "its target is read too"
    assert all(check["table"] == "orders" for check in checks.values())
    wrong = folder.weft("contract", "test", "orders.odcs.yaml", "--table", "order", ok=False)
    assert wrong.code != 0 and "has no table order" in told(wrong) and "orders, customers" in told(wrong)
    wrong = folder.weft("contract", "test", "orders.odcs.yaml", "--server", "staging", ok=False)
    assert "has no server staging" in told(wrong) and "prod, lake, events, document" in told(wrong)


def test_drift_is_told_first_and_passes_no_rule(folder):
    folder.write("data/orders.csv", ORDERS.replace("amount", "sum", 1))
    checks, answer = held(folder, "orders.odcs.yaml")
    assert [finding["level"] for finding in answer["findings"] if "amount" in finding["message"]] == ["error"]
    assert "new column sum" in json.dumps(answer["findings"])
    orders = {check["verdict"] for check in checks.values() if check["table"] == "orders"}
    assert orders == {"error", "not executable"}
    assert checks["customers.id.unique"]["verdict"] == "pass", "the other table is checked all the same"
    shown = folder.weft("contract", "test", "orders.odcs.yaml", ok=False)
    assert shown.out.index("column amount of orders is not in the source") < shown.out.index("orders.primaryKey")


@pytest.mark.parametrize("delimiter, said", [(";", "value: ';'"), ("\t", 'value: "\\t"'), ("|", "value: '|'")])
def test_another_delimiter_is_told_once(folder, delimiter, said):
    folder.write("data/orders.csv", ORDERS.replace(",", delimiter))
    _, answer = held(folder, "orders.odcs.yaml")
    (finding,) = [f for f in answer["findings"] if "orders" in f["message"]]
    assert "one name, which holds another delimiter" in finding["message"] and said in finding["hint"], finding


def test_a_value_of_another_type_names_file_and_line(folder):
    folder.write("data/orders.csv", ORDERS.replace("20.00", "twenty"))
    checks, answer = held(folder, "orders.odcs.yaml")
    told_so = json.dumps(answer["findings"])
    assert "data/orders.csv" in told_so and "amount" in told_so and "line 3" in told_so.lower()
    assert checks["orders.primaryKey"]["verdict"] == "error"
    assert checks["customers.id.unique"]["verdict"] == "pass"


def test_parquet_of_another_type_is_drift(folder):
    copy_as(folder, "parquet", "FORMAT parquet")
    (folder.folder / "data/customers.parquet").write_bytes(
        parquet([Column("id", BYTE_ARRAY, [b"1"]), Column("name", BYTE_ARRAY, [b"ada"])]))
    checks, answer = held(folder, "orders.odcs.yaml", "--server", "lake")
    assert any("customers.parquet" in finding["message"] and finding["level"] == "error" for finding in answer["findings"])
    assert checks["customers.id.unique"]["verdict"] == "error"
    assert checks["orders.customer_id.relationship.0"]["verdict"] == "not executable"


def test_bytes_of_parquet_that_have_to_be_texts_are_read_as_a_run_would(folder):
    """Bytes may be no text: such a file cannot be read in part, so that all of it is looked at."""
    def customers(*names):
        (folder.folder / "data/customers.parquet").write_bytes(
            parquet([Column("id", INT32, list(range(len(names)))), Column("name", BYTE_ARRAY, list(names))]))
    customers(b"ada", b"bob")
    held(folder, "orders.odcs.yaml", "--server", "lake", "--table", "customers", code=0)
    customers(b"ada", b"\xff\xfe")
    checks, answer = held(folder, "orders.odcs.yaml", "--server", "lake", "--table", "customers")
    assert any(finding["level"] == "error" for finding in answer["findings"])
    assert {check["verdict"] for check in checks.values()} == {"error"}


def test_values_of_parquet_that_are_damaged_are_told_with_the_file(folder):
    """The head says that all is well: only who reads the values sees it, and that is the query of a rule."""
    whole = parquet([Column("id", INT32, [1, 2]), Column("name", BYTE_ARRAY, [b"ada", b"bob"], converted="UTF8")])
    for rule in ("{metric: invalidValues, arguments: {validValues: [ada]}, mustBe: 0}",
                 "{type: sql, query: \"SELECT count(*) FROM {object} WHERE name > 'a'\", mustBe: 0}"):
        folder.write("orders.odcs.yaml", CONTRACT.replace("{name: name, logicalType: string, physicalType: VARCHAR}",
                                                          f"{{name: name, logicalType: string, quality: [{rule}]}}"))
        (folder.folder / "data/customers.parquet").write_bytes(whole)
        checks, _ = held(folder, "orders.odcs.yaml", "--server", "lake", "--table", "customers", code=65)
        assert [check["verdict"] for check in checks.values() if check["column"] == "name"] == ["fail"]
        (folder.folder / "data/customers.parquet").write_bytes(whole.replace(b"\3\0\0\0ada", b"\3\1\0\0ada"))
        answer = folder.weft("contract", "test", "orders.odcs.yaml", "--server", "lake", "--table", "customers", ok=False)
        assert answer.code == 69, answer
        assert "table customers of data/customers.parquet: the Parquet file is damaged, or was cut" in answer.err


def test_physical_names_and_sql_rules_over_parquet(folder):
    copy_as(folder, "parquet", "FORMAT parquet")
    folder.write("orders.odcs.yaml", CONTRACT.replace("name: amount,", "name: total, physicalName: amount,")
                 .replace("amount < 0", "total < 0"))
    checks, _ = held(folder, "orders.odcs.yaml", "--server", "lake")
    assert checks["negative"]["verdict"] == "fail" and checks["negative"]["found"] == "1"


def test_the_sql_of_a_contract_stays_in_its_fence(folder):
    for text in ("SELECT count(*) FROM read_text('/etc/passwd')", "SELECT count(*) FROM '/etc/passwd'",
                 "COPY (SELECT 1) TO 'x.csv'", "SELECT count(*) FROM pg_catalog.pg_class"):
        folder.write("orders.odcs.yaml", CONTRACT.replace("SELECT count(*) FROM {object} WHERE amount < 0", text))
        checks, _ = held(folder, "orders.odcs.yaml")
        assert checks["negative"]["verdict"] == "error", text
    assert not (folder.folder / "x.csv").exists()


def test_what_cannot_be_read_at_all_is_an_error_with_its_name(folder):
    (folder.folder / "data/customers.csv").unlink()
    gone = folder.weft("contract", "test", "orders.odcs.yaml", ok=False)
    assert gone.code != 0 and "table customers" in told(gone) and "data/customers.csv" in told(gone)
    folder.write("bad.odcs.yaml", CONTRACT.replace("kind: DataContract", "kind: DataContrat"))
    wrong = folder.weft("contract", "test", "bad.odcs.yaml", ok=False)
    assert wrong.code == 65 and "bad.odcs.yaml:2" in wrong.out
    assert "none.odcs.yaml" in told(folder.weft("contract", "test", "none.odcs.yaml", ok=False))
    assert folder.weft("contract", "test", ok=False).code == 2


def test_access_logs_tell_how_many_lines_were_left_out(mesh):
    mesh.write("access.log", '1.2.3.4 - - [01/Jan/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 12\nnonsense\n'
                             '1.2.3.5 - - [01/Jan/2026:10:00:01 +0000] "GET /x HTTP/1.1" 500 12\n')
    mesh.write("log.odcs.yaml", """\
apiVersion: v3.1.0
kind: DataContract
id: log
version: 1.0.0
status: active
servers:
  - server: web
    type: local
    path: access.log
    format: accesslog
    customProperties: [{property: logFormat, value: common}, {property: onBadLine, value: skip}]
schema:
  - name: requests
    properties:
      - {name: host, logicalType: string, physicalType: VARCHAR, required: true}
      - {name: status, logicalType: integer, physicalType: INTEGER, logicalTypeOptions: {maximum: 499}}
""")
    checks, answer = held(mesh, "log.odcs.yaml")
    assert checks["requests.status.maximum"]["rows_failed"] == 1 and checks["requests.host.required"]["rows_total"] == 2
    assert "1 lines do not match" in json.dumps(answer["findings"])


def test_locations_are_of_the_mesh_that_is_named(folder, tmp_path):
    folder.weft("init", ".")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/orders.odcs.yaml").write_text(CONTRACT)
    checks, _ = held(folder, tmp_path / "elsewhere/orders.odcs.yaml", "--folder", folder.folder)
    assert verdicts(checks) == VERDICTS
    checks = folder.weft("contract", "test", "orders.odcs.yaml", "--folder", tmp_path / "elsewhere", ok=False)
    assert "no file matches" in told(checks)


def test_a_table_of_a_database_is_held_against_its_contract(mesh, postgres):
    postgres.sql("""
        DROP SCHEMA IF EXISTS tested CASCADE; CREATE SCHEMA tested; SET search_path = tested;
        CREATE TABLE customers (id int, name text);
        CREATE TABLE orders (id int, customer_id int, country text, amount numeric(12,2), ordered_on date);
        INSERT INTO customers VALUES (1, 'ada'), (2, 'bob');
        INSERT INTO orders VALUES (1, 1, 'CH', 10.5, '2026-01-01'), (2, 2, 'DE', 20, '2026-01-02'),
            (3, 9, 'XX', -1, '2026-01-03'), (3, NULL, 'CH', 5, '2026-01-04')""")
    server = ("  - {server: db, type: postgres, host: 127.0.0.1, port: %d, database: postgres, schema: tested, customProperties: "
              "[{property: user, value: weft}, {property: password, value: \"${SHOP}\"}]}\n" % postgres.port)
    mesh.write("orders.odcs.yaml", CONTRACT.replace("servers:\n", "servers:\n" + server))
    unset = mesh.weft("contract", "test", "orders.odcs.yaml", ok=False)
    assert "${SHOP}" in told(unset) and "PGPASSWORD" in told(unset)
    mesh.env["PGPASSWORD"] = postgres.password
    checks, answer = held(mesh, "orders.odcs.yaml", "--server", "db")
    assert verdicts(checks) == VERDICTS and answer["findings"] == []
    del mesh.env["PGPASSWORD"]
    mesh.env["WEFT_SECRET_SHOP"] = postgres.password
    assert verdicts(held(mesh, "orders.odcs.yaml")[0]) == VERDICTS

    postgres.sql("ALTER TABLE tested.orders ALTER COLUMN id TYPE text; DROP TABLE tested.customers")
    checks, answer = held(mesh, "orders.odcs.yaml")
    findings = json.dumps(answer["findings"])
    assert "no table customers" in findings and "column id has another type" in findings
    assert checks["orders.primaryKey"]["verdict"] == "error" and checks["customers.id.unique"]["verdict"] == "error"
    mesh.env["WEFT_SECRET_SHOP"] = "wrong"
    wrong = mesh.weft("contract", "test", "orders.odcs.yaml", ok=False)
    assert wrong.code != 0 and "authentication" in told(wrong)


APART = """\
apiVersion: v3.1.0
kind: DataContract
id: apart
version: 1.0.0
status: active
servers:
  - {server: prod, type: local, path: "data/{table}.csv", format: csv}
  - {server: lake, type: local, path: "data/{table}.parquet", format: parquet}
schema:
  - name: orders
    quality:
      - {id: whole, type: sql, query: "SELECT count(*) FROM (SELECT DISTINCT o FROM {object} o)", mustBe: 4}
      - {id: nothing, type: sql, query: "SELECT count(*) FROM {object}", mustBe: 4}
      - {id: star, type: sql, query: "SELECT count(*) FROM (FROM {object} WHERE note IS NOT NULL)", mustBe: 2}
      - {id: columns, type: sql, query: "SELECT count(x) FROM (SELECT min(COLUMNS(* EXCLUDE (id, amount))) FROM {object}) t(x, y, z, f)", mustBe: 1}
      - {id: other, type: sql, query: "SELECT count(*) FROM self.customers c JOIN {object} o ON c.id = o.customer_id WHERE c.name = 'ada'", mustBe: 2}
      - {id: broken, type: sql, query: "SELECT count(*) FROM {object} WHERE nowhere = 1", mustBe: 0}
      - {id: pairs, metric: duplicateValues, arguments: {properties: [customer_id, paid]}, mustBe: 0}
      - {id: keys, metric: duplicateValues, arguments: {properties: [ordered_on, id]}, mustBe: 0}
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER, required: true, unique: true}
      - {name: customer_id, logicalType: integer, physicalType: INTEGER, required: true, logicalTypeOptions: {maximum: 1}}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}
      - {name: ordered_on, logicalType: date, physicalType: DATE}
      - {name: paid, logicalType: boolean, physicalType: BOOLEAN}
      - name: note
        logicalType: string
        physicalType: VARCHAR
        logicalTypeOptions: {pattern: "^[a-z, ]+$", maxLength: 20}
        quality: [{id: notes, metric: nullValues, mustBeLessThan: 60, unit: percent}]
  - name: customers
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER, required: true, unique: true}
      - {name: name, logicalType: string, physicalType: VARCHAR, logicalTypeOptions: {pattern: "^[a-zö]+$"}}
"""


@pytest.mark.parametrize("how", ["plain", "odd", "quoted", "windows"])
def test_verdicts_over_csv_do_not_depend_on_how_plain_it_is(mesh, how):
    orders = ["id,customer_id,amount,ordered_on,paid,note", "1,1,10.50,2026-01-01,true,a note", "2,2,20.00,2026-01-02,false,",
              '3,1,-1.00,2026-01-03,true,"two, not one"', "3,,5.00,2026-01-04,false,"]
    customers = ["id,name", "1,ada", "2,bjö"]
    if how == "odd":
        orders[2] = "+2, 2,20,2026-01-02,0,"
    if how == "quoted":
        orders = [orders[0]] + [line if '"' in line else ",".join(f'"{cell}"' if cell else "" for cell in line.split(",")) for line in orders[1:]]
    end = "\r\n" if how == "windows" else "\n"
    for name, lines in (("orders", orders), ("customers", customers)):
        mesh.write(f"data/{name}.csv", (end.join(lines) + end).encode())
    for name, rows in (
            ("orders", "(1, 1, 10.5, DATE '2026-01-01', true, 'a note'), (2, 2, 20, DATE '2026-01-02', false, NULL), "
             "(3, 1, -1, DATE '2026-01-03', true, 'two, not one'), (3, NULL, 5, DATE '2026-01-04', false, NULL)) "
             "t(id, customer_id, amount, ordered_on, paid, note)"), ("customers", "(1, 'ada'), (2, 'bjö')) t(id, name)")):
        duckdb.sql(f"COPY (SELECT * REPLACE ({'amount::DECIMAL(12,2) AS amount' if name == 'orders' else 'id AS id'}) FROM (VALUES {rows}) "
                   f"TO '{mesh.folder}/data/{name}.parquet' (FORMAT parquet)")
    mesh.write("apart.odcs.yaml", APART)
    found = {server: {check["rule"]: (check["verdict"], check["rows_failed"]) for check in mesh.weft(
                 "contract", "test", "apart.odcs.yaml", "--server", server, "--format", "json", ok=None).json["checks"]}
             for server in ("prod", "lake")}
    assert found["prod"] == found["lake"]
    assert found["prod"]["pairs"] == ("fail", 1)
    assert {rule: verdict for rule, (verdict, _) in found["prod"].items()} == {
        "whole": "pass", "nothing": "pass", "star": "pass", "columns": "pass", "other": "pass", "broken": "error", "pairs": "fail", "keys": "pass",
        "orders.id.required": "pass", "orders.id.unique": "fail", "orders.customer_id.required": "fail", "orders.customer_id.maximum": "fail",
        "orders.note.pattern": "pass", "orders.note.maxLength": "pass", "notes": "pass", "customers.id.required": "pass",
        "customers.id.unique": "pass", "customers.name.pattern": "pass"}
