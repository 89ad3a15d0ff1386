"""Quarantine: rows that fail a rule are put beside the release, typed, with the reason, for owners to read, drop or bring back."""

import json

import pytest

MESH = """\
apiVersion: weft/v1
kind: Mesh
name: shop
admins: [user:root]
users: {ana: {groups: [team]}, max: {groups: [analysts]}, mia: {groups: []}, root: {groups: []}}
sources: {roots: [data/]}
"""
DOMAIN = "apiVersion: weft/v1\nkind: Domain\nname: sales\nowners: [user:ana]\nmembers: [user:mia]\n"
PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-orders
version: 1.0.0
status: active
inputPorts: [{name: files, version: 1.0.0, contractId: shop}]
outputPorts: [{name: orders, version: 1.0.0, contractId: orders}]
"""
HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: {id}\nversion: {version}\nstatus: active\n"
COLUMNS = """\
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true}
      - {name: country, logicalType: string}
      - {name: email, logicalType: string, classification: pii}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}
"""
DIVERT = "customProperties: [{property: onFailure, value: quarantine}]"
COUNTRY = "id: country-known, metric: invalidValues, arguments: {validValues: [CH, DE]}, mustBe: 0, " + DIVERT
EMAIL = "id: email-there, metric: nullValues, mustBe: 0, " + DIVERT
ROWS = [(i, "CH" if i % 2 else "DE", f"{i}@x.ch", i) for i in range(1, 21)]
BAD = [(100, "XX", "100@x.ch", 7.5), (101, "CH", "", 3), (102, "YY", "", "")]
DIVERTED = 'sales."orders!quarantine".orders'


def rules(*columns):
    """The properties of the output, with rules of columns: (column, rule)."""
    text = ""
    for line in COLUMNS.splitlines():
        mine = [rule for column, rule in columns if f"name: {column}," in line]
        text += line.replace("}", ", quality: [" + ", ".join("{" + r + "}" for r in mine) + "]}") + "\n" if mine else line + "\n"
    return text


def output(mesh, *columns, table="", version="1.0.0", properties=None):
    mesh.write("domains/sales/orders/orders.odcs.yaml", HEAD.format(id="orders", version=version) +
               "schema:\n  - name: orders\n" + table + "    properties:\n" + (properties or rules(*columns)))


def put(mesh, rows):
    mesh.write("data/orders.csv", "id,country,email,amount\n" + "".join(",".join(map(str, r)) + "\n" for r in rows))


def policy(mesh, name, text):
    mesh.write(f"policies/{name}.policy.yaml",
               f"apiVersion: weft/v1\nkind: Policy\nid: {name}\nowner: guild\ndescription: story\n{text}\n")


BOTH = (("country", COUNTRY), ("email", EMAIL))
MOST = "    customProperties: [{property: quarantineMost, value: %s}]\n"


def write(mesh, *columns, table=MOST % "3", rows=None):
    mesh.write("mesh.yaml", MESH)
    mesh.write("domains/sales/domain.yaml", DOMAIN)
    mesh.write("domains/sales/orders/product.odps.yaml", PRODUCT)
    mesh.write("domains/sales/orders/shop.odcs.yaml", HEAD.format(id="shop", version="1.0.0") +
               "servers: [{server: files, type: local, path: data/orders.csv, format: csv}]\nschema:\n"
               "  - name: raw\n    properties:\n" + COLUMNS)
    mesh.write("domains/sales/orders/orders.sql", "SELECT id, country, email, amount FROM files.raw\n")
    output(mesh, *columns, table=table)
    policy(mesh, "grant", "grant: {contract: orders, role: reader, to: {groups: [analysts]}}")
    put(mesh, ROWS + BAD if rows is None else rows)


@pytest.fixture
def orders(mesh):
    write(mesh, *BOTH)
    mesh.weft("apply", "--yes")
    return mesh


def run(mesh, *options, ok=True):
    answer = mesh.weft("run", "sales.orders", "--format", "json", *options, ok=None)
    product = answer.json["products"][0]
    assert (answer.code == 0) == ok, json.dumps(product, indent=1)
    return product


def diverted(mesh, user="ana"):
    return mesh.rows(f"SELECT id, country, email, amount::VARCHAR AS amount, weft_rule, weft_reason FROM {DIVERTED} ORDER BY id",
                     as_user=user)


def ids(mesh):
    return [r["id"] for r in mesh.rows("SELECT id FROM sales.orders.orders ORDER BY id", as_user="ana")]


def test_rows_that_fail_are_put_beside_the_release(orders):
    told = run(orders)
    assert (told["rows"], told["rows_quarantined"]) == (20, 3)
    assert told["quarantined"] == [{"table": "orders", "rows": 3, "of": 23}]
    assert ids(orders) == [r[0] for r in ROWS]

    rows = diverted(orders)
    assert [(r["id"], r["country"], r["email"], r["amount"], r["weft_rule"]) for r in rows] == [
        (100, "XX", "100@x.ch", "7.50", "country-known"),
        (101, "CH", None, "3.00", "email-there"),
        (102, "YY", None, None, "country-known, email-there")]
    assert "invalidValues of country" in rows[0]["weft_reason"] and "nullValues of email" in rows[1]["weft_reason"]
    assert orders.rows(f"SELECT DISTINCT weft_run, weft_at IS NOT NULL AS at FROM {DIVERTED}", as_user="ana") == [
        {"weft_run": told["run"], "at": True}]

    # Typed as the table.
    types = orders.rows(f"SELECT typeof(id) AS i, typeof(amount) AS a FROM {DIVERTED} LIMIT 1", as_user="ana")
    assert types == [{"i": "BIGINT", "a": "DECIMAL(12,2)"}]

    checks = orders.rows("SELECT rule_id, severity, verdict, rows_total, rows_failed, rows_quarantined FROM mesh.checks "
                         "WHERE severity = 'quarantine' ORDER BY rule_id", as_user="ana")
    assert checks == [
        {"rule_id": "country-known", "severity": "quarantine", "verdict": "fail", "rows_total": 23, "rows_failed": 2, "rows_quarantined": 2},
        {"rule_id": "email-there", "severity": "quarantine", "verdict": "fail", "rows_total": 23, "rows_failed": 2, "rows_quarantined": 2}]
    assert "orders: 3 of 23 rows quarantined" in orders.weft("run", "sales.orders").out

    # Made anew: what was diverted before is diverted again, not twice.
    assert len(diverted(orders)) == 3
    put(orders, ROWS)
    assert run(orders)["rows_quarantined"] == 0
    assert diverted(orders) == []
    assert orders.rows("SELECT verdict, rows_failed, rows_quarantined FROM mesh.checks WHERE rule_id = 'email-there' "
                       "AND verdict = 'pass'", as_user="ana") == [{"verdict": "pass", "rows_failed": 0, "rows_quarantined": 0}]


@pytest.mark.parametrize("most, good", [("2", False), ("3", True), ('"13%"', False), ('"13.05%"', True), (None, False)])
def test_above_a_number_or_share_the_run_is_rejected(mesh, most, good):
    write(mesh, *BOTH, table=MOST % most if most else "", rows=ROWS)
    mesh.weft("apply", "--yes")
    run(mesh)
    put(mesh, ROWS + BAD)
    told = run(mesh, ok=good)
    if good:
        return
    assert "3 of 23 rows of sales.orders.orders would be quarantined, more than " in told["error"]["message"]
    assert told["state"] == "rejected"
    # The last release stays, nothing is put aside, and the verdicts say so.
    assert ids(mesh) == [r[0] for r in ROWS] and diverted(mesh) == []
    checks = mesh.rows(f"SELECT rule_id, verdict, rows_total, rows_failed, rows_quarantined FROM mesh.checks "
                       f"WHERE run_id = '{told['run']}' AND NOT is_input ORDER BY rule_id", as_user="ana")
    assert [(c["rule_id"], c["verdict"], c["rows_total"], c["rows_failed"], c["rows_quarantined"]) for c in checks] == [
        ("country-known", "fail", 23, 2, 0), ("email-there", "fail", 23, 2, 0)]


def test_only_owners_read_them_and_under_policies(orders):
    run(orders)
    for user, code in (("max", "denied"), ("mia", "denied"), ("root", "denied")):
        answer = orders.weft("query", f"SELECT * FROM {DIVERTED}", "--as", user, ok=False)
        assert "quarantined rows are for the owners of domain sales" in answer.err, answer
    # Not even a grant to all opens them; numbers are for the clear.
    assert orders.rows("SELECT rule_id, rows, rows_of_run FROM mesh.quarantine ORDER BY rule_id", as_user="mia") == [
        {"rule_id": "country-known", "rows": None, "rows_of_run": None}, {"rule_id": "email-there", "rows": None, "rows_of_run": None}]
    assert orders.rows("SELECT rule_id, rows, rows_of_run FROM mesh.quarantine ORDER BY rule_id", as_user="ana") == [
        {"rule_id": "country-known", "rows": 2, "rows_of_run": 3}, {"rule_id": "email-there", "rows": 2, "rows_of_run": 3}]

    # A mask that holds for the owner holds here, and what tells of the masked value goes with it.
    policy(orders, "mask", 'mask: {columns: {classification: [pii]}, with: {method: "null"}}')
    answer = orders.weft("apply", "--yes", ok=None)
    if answer.code != 0:
        pytest.fail(str(answer))
    assert [(r["id"], r["email"], r["weft_rule"], r["weft_reason"]) for r in diverted(orders)] == [
        (100, None, None, None), (101, None, None, None), (102, None, None, None)]
