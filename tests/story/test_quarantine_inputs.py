"""Quarantine before anything is made: rows of sources, and rows without a partner."""

import json

import pytest

from test_quarantine import BAD, COLUMNS, COUNTRY, DIVERT, DOMAIN, EMAIL, HEAD, MESH, MOST, PRODUCT, ROWS, ids, policy, put, rules, run, write

SOURCE = 'sales."orders!quarantine"."files.raw"'
BOTH = (("country", COUNTRY), ("email", EMAIL))


def source(mesh, *columns, table=MOST % "3", properties=None, more=""):
    mesh.write("domains/sales/orders/shop.odcs.yaml", HEAD.format(id="shop", version="1.0.0") +
               "servers: [{server: files, type: local, path: 'data/{table}.csv', format: csv}]\nschema:\n  - name: raw\n"
               "    physicalName: orders\n" + table + "    properties:\n" + (properties or rules(*columns)) + more)


@pytest.fixture
def orders(mesh):
    write(mesh)
    source(mesh, *BOTH)
    mesh.weft("apply", "--yes")
    return mesh


def diverted(mesh, user="ana", name=SOURCE, columns="id, country, email, amount::VARCHAR AS amount, weft_rule, weft_reason"):
    return mesh.rows(f"SELECT {columns} FROM {name} ORDER BY id", as_user=user)


def test_rows_of_a_source_go_no_further(orders):
    told = run(orders)
    assert (told["rows"], told["rows_quarantined"]) == (20, 3)
    assert told["quarantined"] == [{"table": "files.raw", "rows": 3, "of": 23}]
    assert ids(orders) == [r[0] for r in ROWS]
    assert [(r["id"], r["country"], r["email"], r["amount"], r["weft_rule"]) for r in diverted(orders)] == [
        (100, "XX", "100@x.ch", "7.50", "country-known"),
        (101, "CH", None, "3.00", "email-there"),
        (102, "YY", None, None, "country-known, email-there")]
    assert diverted(orders, columns="DISTINCT typeof(amount) AS t, weft_run", name=f"(SELECT *, 1 AS id FROM (SELECT amount, weft_run FROM {SOURCE}))") == [
        {"t": "DECIMAL(12,2)", "weft_run": told["run"]}]
    checks = orders.rows("SELECT table_name, is_input, rule_id, severity, verdict, rows_total, rows_failed, rows_quarantined FROM mesh.checks "
                         "WHERE severity = 'quarantine' ORDER BY rule_id", as_user="ana")
    assert [tuple(c.values()) for c in checks] == [
        ("files.raw", True, "country-known", "quarantine", "fail", 23, 2, 2),
        ("files.raw", True, "email-there", "quarantine", "fail", 23, 2, 2)]
    # Read whole each time: what fails is there once, and goes when it is mended.
    run(orders)
    assert len(diverted(orders)) == 3
    put(orders, ROWS + BAD[:1])
    assert run(orders)["rows_quarantined"] == 1 and [r["id"] for r in diverted(orders)] == [100]
    put(orders, ROWS)
    assert run(orders)["rows_quarantined"] == 0
    assert orders.weft("quarantine", "list").out == "no rows are in quarantine\n"
    assert orders.weft("verify", "--format", "json").json["damaged"] == []


def test_above_a_number_the_run_is_rejected(mesh):
    write(mesh, rows=ROWS)
    source(mesh, *BOTH, table=MOST % "2")
    mesh.weft("apply", "--yes")
    run(mesh)
    put(mesh, ROWS + BAD)
    told = run(mesh, ok=False)
    assert told["state"] == "rejected"
    assert "3 of 23 rows of sales.orders.files.raw would be quarantined, more than 2 rows" in told["error"]["message"]
    assert ids(mesh) == [r[0] for r in ROWS]
    checks = mesh.rows(f"SELECT rule_id, verdict, rows_failed, rows_quarantined FROM mesh.checks WHERE run_id = '{told['run']}' "
                       "ORDER BY rule_id", as_user="ana")
    assert [tuple(c.values()) for c in checks] == [("country-known", "fail", 2, 0), ("email-there", "fail", 2, 0)]
    assert mesh.weft("quarantine", "list").out == "no rows are in quarantine\n"


def test_owners_list_show_and_drop_them(orders):
    first = run(orders)["run"]
    listed = orders.weft("quarantine", "list", "sales.orders", "--format", "json", "--as", "ana").json["quarantine"]
    assert [(q["table"], q["is_input"], q["is_candidate"], q["run"], q["release"], q["rows"]) for q in listed] == [
        ("files.raw", True, False, first, 1, 3)]
    assert [q["rows"] for q in orders.weft("quarantine", "list", "--format", "json", "--as", "mia").json["quarantine"]] == [None]
    shown = orders.weft("quarantine", "show", "sales.orders.files.raw", "--format", "csv", "--as", "ana").out
    assert shown.splitlines()[0] == "id,country,email,amount,weft_rule,weft_reason,weft_run,weft_at" and len(shown.splitlines()) == 4
    assert orders.rows("SELECT table_name, rule_id, rows, rows_of_run FROM mesh.quarantine ORDER BY rule_id", as_user="ana") == [
        {"table_name": "files.raw", "rule_id": "country-known", "rows": 2, "rows_of_run": 3},
        {"table_name": "files.raw", "rule_id": "email-there", "rows": 2, "rows_of_run": 3}]
    for user in ("max", "mia", "root"):
        answer = orders.weft("query", f"SELECT * FROM {SOURCE}", "--as", user, ok=False)
        assert "quarantined rows are for the owners of domain sales" in answer.err
    # They come again with the source, and in no other way.
    answer = orders.weft("quarantine", "replay", "sales.orders", ok=False)
    assert "rows of a source come again with the source" in answer.out + answer.err, answer
    assert "weft run sales.orders" in answer.out + answer.err
    told = orders.weft("quarantine", "drop", "sales.orders", "--table", "files.raw", "--as", "ana").out
    assert told == "sales.orders: 3 rows dropped\n"
    assert "does not exist" in orders.weft("query", f"SELECT * FROM {SOURCE}", "--as", "ana", ok=False).err
    assert "has no table files.raw" in orders.weft("quarantine", "drop", "sales.orders", "--table", "files.raw", "--as", "ana", ok=False).err


def test_policies_of_what_is_made_hold_for_what_it_is_made_of(orders):
    """A source has no labels, and its columns other names: what hides a column of the product hides where it comes from."""
    orders.write("domains/sales/orders/orders.sql", "SELECT id, country, lower(email) AS email, amount FROM files.raw\n")
    source(orders, *BOTH, properties=rules(*BOTH).replace(", classification: pii", ""))
    policy(orders, "mask", "mask: {columns: {table: sales.orders.orders, column: email}, with: {method: \"null\"}}")
    orders.weft("apply", "--yes")
    run(orders)
    # A rule reads it, so that which rule a row fails is hidden too.
    assert [(r["id"], r["country"], r["email"], r["weft_rule"]) for r in diverted(orders)] == [
        (100, "XX", None, None), (101, "CH", None, None), (102, "YY", None, None)]
    # A filter on what is made cannot be asked of what it is made of.
    policy(orders, "filter", "filter: {tables: {table: sales.orders.orders}, where: \"country = 'XX'\"}")
    orders.weft("apply", "--yes")
    answer = orders.weft("query", f"SELECT * FROM {SOURCE}", "--as", "ana", ok=False)
    assert "rows of a source are for those who see all rows of sales.orders.orders" in answer.err, answer
    assert [q["rows"] for q in orders.weft("quarantine", "list", "--format", "json", "--as", "ana").json["quarantine"]] == [None]


def test_labels_come_along(orders):
    """One that the column has by what came from it holds, though policies name it alone."""
    source(orders, *BOTH, properties=rules(*BOTH).replace(", classification: pii", ""))
    policy(orders, "mask", 'mask: {columns: {classification: [pii]}, with: {method: partial, keepLast: 4}}')
    orders.weft("apply", "--yes")
    run(orders)
    assert [r["email"] for r in diverted(orders)] == [None, None, None]


@pytest.mark.parametrize("how", ["kill", "fail"])
@pytest.mark.parametrize("fault", ["RUN_DIVERT", "PUBLISH_BEFORE_COMMIT", "PUBLISH_AFTER_COMMIT"])
def test_a_crash_leaves_one_state(orders, fault, how):
    put(orders, ROWS)
    run(orders)
    put(orders, ROWS + BAD)
    server = orders.serve(env={"WEFT_FAULT": f"{fault}:{how}"}, http=False)
    assert orders.weft("run", "sales.orders", ok=None).code != 0
    if how == "kill":
        server.process.wait(60)
    else:
        server.stop()
    listed = orders.weft("quarantine", "list", "--format", "json", "--as", "ana").json["quarantine"]
    assert sum(q["rows"] for q in listed) == (3 if fault == "PUBLISH_AFTER_COMMIT" else 0)
    run(orders)
    assert len(diverted(orders)) == 3
    assert orders.weft("verify", "--format", "json").json["damaged"] == []


def test_a_port_that_goes_takes_its_rows_along(orders):
    run(orders)
    orders.write("domains/sales/orders/product.odps.yaml", PRODUCT.replace("name: files", "name: other").replace(
        "name: orders, version: 1.0.0", "name: orders, version: 0.1.0"))
    orders.write("domains/sales/orders/orders.sql", "SELECT id, country, email, amount FROM other.raw\n")
    orders.weft("apply", "--yes")
    assert "does not exist" in orders.weft("query", f"SELECT * FROM {SOURCE}", "--as", "ana", ok=False).err
    run(orders)
    listed = orders.weft("quarantine", "list", "--format", "json", "--as", "ana").json["quarantine"]
    assert [q["table"] for q in listed] == ["other.raw"]


def test_a_source_that_is_read_from_a_key_on(mesh):
    how = ("    customProperties:\n      - {property: materialization, value: incremental}\n"
           "      - {property: incremental, value: {mode: append, key: id}}\n")
    write(mesh, rows=ROWS[:10])
    source(mesh, *BOTH, table="")
    mesh.write("domains/sales/orders/shop.odcs.yaml", (mesh.folder / "domains/sales/orders/shop.odcs.yaml").read_text().replace(
        "name: raw", "name: orders").replace("    physicalName: orders\n", MOST % 3))
    mesh.write("domains/sales/orders/orders.odcs.yaml", HEAD.format(id="orders", version="0.1.0") +
               "schema:\n  - name: orders\n" + how + "    properties:\n" + COLUMNS)
    (mesh.folder / "domains/sales/orders/orders.sql").unlink()
    mesh.weft("apply", "--yes")
    run(mesh)
    name = 'sales."orders!quarantine"."files.orders"'
    put(mesh, ROWS + BAD[:1] + [(200, "CH", "200@x.ch", 1)])
    told = run(mesh)
    assert (told["rows"], told["rows_quarantined"]) == (21, 1)
    put(mesh, ROWS + BAD[:1] + [(200, "CH", "200@x.ch", 1), (300, "ZZ", "300@x.ch", 1)])
    assert run(mesh)["rows_quarantined"] == 1
    assert run(mesh)["rows_quarantined"] == 1
    # 100 is behind the key, and stays; 300 is read again by every run, and is there once.
    assert [r["id"] for r in diverted(mesh, name=name)] == [100, 300]
    put(mesh, ROWS + [(100, "CH", "mended@x.ch", 1), (200, "CH", "200@x.ch", 1), (300, "CH", "300@x.ch", 1)])
    assert run(mesh)["rows_quarantined"] == 0
    assert [r["id"] for r in diverted(mesh, name=name)] == [100]
    # What was mended behind the key comes with a window, and leaves the quarantine with it.
    assert run(mesh, "--from", "100", "--to", "100")["rows_quarantined"] == 0
    assert mesh.weft("quarantine", "list").out == "no rows are in quarantine\n"
    assert ids(mesh) == [r[0] for r in ROWS] + [100, 200, 300]


@pytest.mark.parametrize("on_input", [False, True])
def test_what_a_property_demands_by_itself(mesh, on_input):
    """logicalTypeOptions, required and unique say what every row has to be: rows that are not may go aside as well."""
    aside = ", customProperties: [{property: onFailure, value: quarantine}]}"
    columns = COLUMNS.replace("logicalType: integer, physicalType: BIGINT, required: true}",
                              "logicalType: integer, physicalType: BIGINT, required: true, unique: true, logicalTypeOptions: {maximum: 100}" + aside)
    columns = columns.replace("name: country, logicalType: string}", "name: country, logicalType: string, logicalTypeOptions: {pattern: '^[A-Z]+$'}" + aside)
    write(mesh)
    if on_input:
        source(mesh, table=MOST % 9, properties=columns)
    else:
        mesh.write("domains/sales/orders/shop.odcs.yaml", (mesh.folder / "domains/sales/orders/shop.odcs.yaml").read_text().replace(
            "physicalType: BIGINT, required: true", "physicalType: BIGINT"))
        from test_quarantine import output
        output(mesh, table=MOST % 9, properties=columns)
    mesh.weft("apply", "--yes")
    put(mesh, ROWS + [(101, "CH", "a", 1), (30, "ch", "a", 1), (31, "", "a", 1), (7, "CH", "a", 1), ("", "CH", "a", 1)])
    told = run(mesh)
    assert (told["rows"], told["rows_quarantined"]) == (21, 4), told
    name = 'sales."orders!quarantine"."' + ("files.raw" if on_input else "orders") + '"'
    assert sorted(r["weft_rule"].split(".", 1)[1] for r in diverted(mesh, name=name)) == [
        "country.pattern", "id.maximum", "id.required", "id.unique"]


def test_one_whose_partner_goes_makes_no_other_a_duplicate(mesh):
    """Equal rows are compared when no row loses its partner any more."""
    related(mesh, on_input=False, columns=TO_ONE + ", quality: [{id: once, metric: duplicateValues, mustBe: 0, " + DIVERT + "}]")
    partners(mesh, [(r[0], "CH") for r in ROWS])
    put(mesh, [(99, "CH", "a", 1), (99, "CH", "b", 1)] + ROWS + [ROWS[0]])
    assert run(mesh)["rows_quarantined"] == 3
    assert [(r["id"], r["weft_rule"]) for r in diverted(mesh, name='sales."orders!quarantine".orders')] == [
        (1, "once"), (99, "orders.id.relationship.0"), (99, "orders.id.relationship.0")]


# ---- rows without a partner

CUSTOMERS = """\
  - name: customers
{table}    properties:
      - {{name: number, logicalType: integer, physicalType: BIGINT, required: true}}
      - {{name: land, logicalType: string, required: true{rule}}}
"""
TO_ONE = "relationships: [{to: customers.number, " + DIVERT + "}]"
LAND = "quality: [{id: land-known, metric: invalidValues, arguments: {validValues: [CH, DE]}, mustBe: 0, " + DIVERT + "}]"


def partners(mesh, rows):
    mesh.write("data/customers.csv", "number,land\n" + "".join(",".join(map(str, r)) + "\n" for r in rows))


def related(mesh, *, on_input, columns=TO_ONE, table="", rule=""):
    """Orders of customers: id is the number of the customer."""
    write(mesh)
    contract = HEAD.format(id="orders", version="0.1.0") + "schema:\n"
    own = COLUMNS.replace("{name: id,", "{name: id, " + columns + ",") if columns else COLUMNS
    if on_input:
        source(mesh, table=MOST % 30 + table, properties=own, more=CUSTOMERS.format(table=MOST % 30, rule=", " + rule if rule else ""))
        mesh.write("domains/sales/orders/orders.odcs.yaml", contract + "  - name: orders\n    properties:\n" + COLUMNS)
    else:
        source(mesh, table="", more=CUSTOMERS.format(table="", rule=""))
        mesh.write("domains/sales/orders/orders.odcs.yaml", contract + "  - name: orders\n" + MOST % 30 + table + "    properties:\n" + own +
                   CUSTOMERS.format(table=MOST % 30, rule=", " + rule if rule else ""))
        mesh.write("domains/sales/orders/customers.sql", "SELECT number, land FROM files.customers\n")
    mesh.write("domains/sales/orders/product.odps.yaml", PRODUCT.replace("name: orders, version: 1.0.0", "name: orders, version: 0.1.0"))
    put(mesh, ROWS)
    mesh.weft("apply", "--yes")


@pytest.mark.parametrize("on_input", [False, True])
def test_rows_without_a_partner(mesh, on_input):
    related(mesh, on_input=on_input)
    partners(mesh, [(i, "CH") for i in range(1, 18)])
    told = run(mesh)
    table = "files.raw" if on_input else "orders"
    assert told["quarantined"] == [{"table": table, "rows": 3, "of": 20}]
    assert ids(mesh) == list(range(1, 18))
    rows = diverted(mesh, name=f'sales."orders!quarantine"."{table}"')
    assert [r["id"] for r in rows] == [18, 19, 20]
    assert "customers.number" in rows[0]["weft_reason"], rows[0]
    checks = mesh.rows("SELECT verdict, rows_total, rows_failed, rows_quarantined FROM mesh.checks WHERE kind = 'relationship'", as_user="ana")
    assert checks == [{"verdict": "fail", "rows_total": 20, "rows_failed": 3, "rows_quarantined": 3}]


@pytest.mark.parametrize("on_input", [False, True])
def test_a_partner_that_is_diverted_is_none(mesh, on_input):
    related(mesh, on_input=on_input, rule=LAND)
    partners(mesh, [(i, "XX" if i in (3, 5) else "CH") for i in range(1, 20)])
    told = run(mesh)
    assert {q["table"]: (q["rows"], q["of"]) for q in told["quarantined"]} == (
        {"files.customers": (2, 19), "files.raw": (3, 20)} if on_input else {"customers": (2, 19), "orders": (3, 20)})
    rows = diverted(mesh, name='sales."orders!quarantine"."' + ("files.raw" if on_input else "orders") + '"')
    assert [r["id"] for r in rows] == [3, 5, 20]
    assert ids(mesh) == [i for i in range(1, 20) if i not in (3, 5)]


def test_several_columns(mesh):
    both = ("    relationships:\n      - {from: [orders.id, orders.country], to: [customers.number, customers.land], " + DIVERT + "}\n")
    related(mesh, on_input=False, columns="", table=both)
    put(mesh, ROWS + [(21, "", "21@x.ch", 1)])
    # 7 is of another land; a null in the key needs no partner.
    partners(mesh, [(r[0], "FR" if r[0] == 7 else r[1]) for r in ROWS])
    assert run(mesh)["rows_quarantined"] == 1
    rows = diverted(mesh, name='sales."orders!quarantine".orders')
    assert [(r["id"], r["country"]) for r in rows] == [(7, "CH")]
    assert 21 in ids(mesh)


def test_who_hangs_on_who_hangs_on_another(mesh):
    """A row's partner is a row of the same table: where it goes, it goes too."""
    related(mesh, on_input=False, columns="", table="    relationships: [{from: orders.amount, to: orders.id, " + DIVERT + "}]\n")
    columns = COLUMNS.replace('logicalType: number, physicalType: "DECIMAL(12,2)"', "logicalType: integer, physicalType: BIGINT")
    for name in ("shop", "orders"):
        path = mesh.folder / f"domains/sales/orders/{name}.odcs.yaml"
        mesh.write(f"domains/sales/orders/{name}.odcs.yaml", path.read_text().replace(COLUMNS, columns))
    partners(mesh, [(1, "CH")])
    put(mesh, [(1, "CH", "a", ""), (2, "CH", "a", 1), (3, "CH", "a", 2), (10, "CH", "a", 99), (11, "CH", "a", 10), (12, "CH", "a", 11)])
    mesh.weft("apply", "--yes")
    assert run(mesh)["rows_quarantined"] == 3
    rows = diverted(mesh, name='sales."orders!quarantine".orders')
    assert [r["id"] for r in rows] == [10, 11, 12] and ids(mesh) == [1, 2, 3]
    checks = mesh.rows("SELECT rows_total, rows_failed, rows_quarantined FROM mesh.checks WHERE kind = 'relationship'", as_user="ana")
    assert checks == [{"rows_total": 6, "rows_failed": 3, "rows_quarantined": 3}]
    # A chain without end is no matter of rows.
    put(mesh, [(i, "CH", "a", i + 1) for i in range(40)] + [(i, "CH", "a", i) for i in range(100, 600)])
    told = run(mesh, ok=False)
    assert told["state"] == "rejected" and "lose their partners to the quarantine over and over" in told["error"]["message"] or \
        "would be quarantined, more than 30 rows" in told["error"]["message"]


def test_partners_of_another_product(mesh):
    related(mesh, on_input=False, columns="")
    partners(mesh, [(i, "CH") for i in range(1, 18)])
    run(mesh)
    mesh.write("domains/sales/bills/product.odps.yaml", """\
apiVersion: v1.0.0
kind: DataProduct
id: bills
version: 0.1.0
status: active
inputPorts: [{name: files, version: 1.0.0, contractId: bills-source}, {name: orders, version: 0.1.0, contractId: orders}]
outputPorts: [{name: bills, version: 0.1.0, contractId: bills}]
""")
    columns = "      - {name: number, logicalType: integer, physicalType: BIGINT, required: true%s}\n"
    mesh.write("domains/sales/bills/source.odcs.yaml", HEAD.format(id="bills-source", version="1.0.0") +
               "servers: [{server: files, type: local, path: data/bills.csv, format: csv}]\nschema:\n  - name: bills\n" + MOST % 9 +
               "    properties:\n" + columns % (", relationships: [{to: ../orders/orders.odcs.yaml#/schema/customers/properties/number, " + DIVERT + "}]"))
    mesh.write("domains/sales/bills/bills.odcs.yaml", HEAD.format(id="bills", version="0.1.0") + "schema:\n  - name: bills\n    properties:\n" +
               columns % "")
    mesh.write("data/bills.csv", "number\n" + "".join(f"{i}\n" for i in range(10, 20)))
    policy(mesh, "builds", "grant: {contract: orders, role: reader, to: {products: [sales.bills]}}")
    mesh.weft("apply", "--yes")
    told = mesh.weft("run", "sales.bills", "--format", "json").json["products"][0]
    assert told["quarantined"] == [{"table": "files.bills", "rows": 2, "of": 10}], told
    assert mesh.rows('SELECT number AS id FROM sales."bills!quarantine"."files.bills" ORDER BY id', as_user="ana") == [{"id": 18}, {"id": 19}]
    assert len(mesh.rows("SELECT * FROM sales.bills.bills", as_user="ana")) == 8


# ---- candidates

def test_what_a_candidate_puts_aside_waits_with_it(mesh):
    write(mesh, *BOTH, rows=ROWS)
    mesh.weft("apply", "--yes")
    run(mesh)
    put(mesh, ROWS + BAD)
    mesh.weft("run", "sales.orders", "--candidate")
    plain, waiting = 'sales."orders!quarantine".orders', 'sales."orders#candidate!quarantine".orders'
    assert diverted(mesh, name=plain) == []
    assert [r["id"] for r in diverted(mesh, name=waiting)] == [100, 101, 102]
    listed = mesh.weft("quarantine", "list", "--format", "json", "--as", "ana").json["quarantine"]
    assert [(q["is_candidate"], q["release"], q["rows"]) for q in listed] == [(True, None, 3)]
    assert mesh.weft("verify", "--format", "json").json["damaged"] == []
    # Dropped, nothing of it is left.
    mesh.weft("candidate", "drop", "sales.orders")
    assert mesh.weft("quarantine", "list").out == "no rows are in quarantine\n"
    assert mesh.weft("verify", "--format", "json").json["files"] == 1
    # Published, it is that of the release.
    mesh.weft("run", "sales.orders", "--candidate")
    mesh.weft("candidate", "publish", "sales.orders")
    assert [r["id"] for r in diverted(mesh, name=plain)] == [100, 101, 102]
    listed = mesh.weft("quarantine", "list", "--format", "json", "--as", "ana").json["quarantine"]
    assert [(q["is_candidate"], q["release"], q["rows"]) for q in listed] == [(False, 2, 3)]
    # The next one takes its place, as with any run: only once it is published.
    put(mesh, ROWS + BAD[:1])
    mesh.weft("run", "sales.orders", "--candidate")
    assert len(diverted(mesh, name=plain)) == 3 and len(diverted(mesh, name=waiting)) == 1
    mesh.weft("candidate", "publish", "sales.orders")
    assert [r["id"] for r in diverted(mesh, name=plain)] == [100]


def test_a_candidate_reads_rows_again(mesh):
    how = ("    customProperties:\n      - {property: materialization, value: incremental}\n"
           "      - {property: incremental, value: {mode: append, key: id}}\n      - {property: quarantineMost, value: 5}\n")
    write(mesh, *BOTH, rows=ROWS)
    from test_quarantine import output
    output(mesh, *BOTH, table=how)
    mesh.write("domains/sales/orders/orders.sql", "SELECT id, country, email, amount FROM files.raw WHERE id > $since\n")
    mesh.weft("apply", "--yes")
    run(mesh)
    put(mesh, ROWS + BAD[:1] + [(50, "CH", "50@x.ch", 1), (200, "ZZ", "200@x.ch", 1)])
    run(mesh)
    plain = 'sales."orders!quarantine".orders'
    assert [r["id"] for r in diverted(mesh, name=plain)] == [100, 200]
    # 100 and 200 are read again; 200 is mended.
    put(mesh, ROWS + BAD[:1] + [(50, "CH", "50@x.ch", 1), (200, "CH", "200@x.ch", 1)])
    mesh.weft("run", "sales.orders", "--candidate")
    assert [r["id"] for r in diverted(mesh, name=plain)] == [100, 200]
    mesh.weft("candidate", "publish", "sales.orders")
    assert [r["id"] for r in diverted(mesh, name=plain)] == [100]
    # Part of what one run put aside is read again: what is left of it stands for it, unless it is dropped meanwhile.
    put(mesh, ROWS + [(210, "ZZ", "a", 1), (300, "CH", "a", 1), (310, "ZZ", "a", 1)])
    run(mesh)
    assert [r["id"] for r in diverted(mesh, name=plain)] == [100, 210, 310]
    mesh.weft("run", "sales.orders", "--candidate")
    mesh.weft("quarantine", "drop", "sales.orders", "--as", "ana")
    mesh.weft("candidate", "publish", "sales.orders")
    assert [r["id"] for r in diverted(mesh, name=plain)] == [310]


@pytest.mark.parametrize("on_input", [False, True])
@pytest.mark.parametrize("fault, waits", [("RUN_DIVERT", 0), ("CANDIDATE_BEFORE_COMMIT", 0), ("CANDIDATE_AFTER_COMMIT", 3)])
def test_a_crash_of_a_candidate_leaves_one_state(mesh, on_input, fault, waits):
    write(mesh, *(() if on_input else BOTH), rows=ROWS)
    if on_input:
        source(mesh, *BOTH)
    mesh.weft("apply", "--yes")
    run(mesh)
    put(mesh, ROWS + BAD)
    server = mesh.serve(env={"WEFT_FAULT": f"{fault}:kill"}, http=False)
    assert mesh.weft("run", "sales.orders", "--candidate", ok=None).code != 0
    server.process.wait(60)
    listed = mesh.weft("quarantine", "list", "--format", "json", "--as", "ana").json["quarantine"]
    assert [(q["is_candidate"], q["rows"]) for q in listed] == ([(True, waits)] if waits else [])
    assert len(mesh.weft("candidate", "list", "--format", "json").json) == bool(waits)
    mesh.weft("run", "sales.orders", "--candidate")
    # Nor is a row lost, or there twice, where its publication breaks off.
    mesh.close()
    server = mesh.serve(env={"WEFT_FAULT": "ROLLBACK_BEFORE_COMMIT:kill"}, http=False)
    assert mesh.weft("candidate", "publish", "sales.orders", ok=None).code != 0
    server.process.wait(60)
    name = 'sales."orders%s!quarantine"."' + ("files.raw" if on_input else "orders") + '"'
    assert len(diverted(mesh, name=name % "#candidate")) == 3
    mesh.weft("candidate", "publish", "sales.orders")
    assert [r["id"] for r in diverted(mesh, name=name % "")] == [100, 101, 102]
    assert mesh.weft("verify", "--format", "json").json["damaged"] == []
