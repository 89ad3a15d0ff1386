"""Quarantine: rows that fail a rule are put beside the release, typed, with the reason, for owners to read, drop or bring back."""

import json
import shutil

import pytest

from conftest import Mesh

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
COUNTRY_TOO = ("country", COUNTRY)
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


def output(mesh, *columns, table="", version="0.1.0", properties=None):
    mesh.write("domains/sales/orders/product.odps.yaml", PRODUCT.replace("name: orders, version: 1.0.0", "name: orders, version: " + version))
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
    assert told["error"]["hint"] == ("mend the rows, or raise the quarantineMost of the table" if most else
                                     "mend the rows, or let the table say quarantineMost")
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


def test_a_filter_holds_and_a_new_owner_reads_them(orders):
    run(orders)
    policy(orders, "filter", "filter: {tables: {domain: sales}, where: \"country = 'XX'\"}")
    orders.weft("apply", "--yes")
    assert [r["id"] for r in diverted(orders)] == [100]
    # Ownership is what opens them: from the moment on when it does.
    orders.write("domains/sales/domain.yaml", DOMAIN.replace("user:ana", "user:mia"))
    orders.weft("apply", "--yes")
    assert [r["id"] for r in diverted(orders, "mia")] == [100]
    assert "owners of domain sales" in orders.weft("query", f"SELECT * FROM {DIVERTED}", "--as", "ana", ok=False).err


def test_names_that_are_none(orders):
    run(orders)
    for name in ('sales."nothing!quarantine".orders', 'sales."orders!quarantine".other', 'sales."orders#1!quarantine".orders',
                 'sales."orders!quarantine#1".orders', 'sales."!quarantine".orders', 'sales."orders!other".orders'):
        answer = orders.weft("query", f"SELECT * FROM {name}", "--as", "ana", ok=False)
        assert "does not exist, or you may not discover it" in answer.err, (name, answer)


def test_over_http(orders):
    first = run(orders)["run"]
    server = orders.serve()
    status, listed = server.call("GET", "/api/v1/quarantine?product=sales.orders", as_user="ana")[:2]
    assert (status, listed["quarantine"][0]["rows"]) == (200, 3)
    status, told = server.call("POST", "/api/v1/products/sales.orders/quarantine/drop", {"run": first}, as_user="mia")[:2]
    assert status == 403, told
    status, told = server.call("POST", "/api/v1/products/sales.orders/quarantine/replay", {"rum": first}, as_user="ana")[:2]
    assert status == 400, told
    status, told = server.call("POST", "/api/v1/products/sales.orders/quarantine/replay", {"run": first}, as_user="max")[:2]
    assert status == 403, told
    status, told = server.call("POST", "/api/v1/products/sales.orders/quarantine/drop", {"run": first}, as_user="ana")[:2]
    assert (status, told) == (200, {"product": "sales.orders", "rows": 3})


def test_of_a_large_table_what_is_left_is_split(mesh):
    mesh.env["WEFT_PART_ROWS_MAX"] = "100"
    rows = [(i, "XX" if i % 20 == 7 else "CH", f"{i}@x.ch", i) for i in range(1000)]
    write(mesh, *BOTH, table='    customProperties: [{property: quarantineMost, value: "5%"}, {property: clusterBy, value: id}]\n', rows=rows)
    mesh.weft("apply", "--yes")
    for _ in range(2):
        told = run(mesh)
        assert (told["rows"], told["rows_quarantined"]) == (950, 50)
        assert ids(mesh) == [r[0] for r in rows if r[1] == "CH"]
        assert [r["id"] for r in diverted(mesh)] == [r[0] for r in rows if r[1] == "XX"]


def test_a_major_has_its_own(orders):
    run(orders)
    orders.write("domains/sales/orders/product.odps.yaml", PRODUCT.replace(
        "contractId: orders}]", "contractId: orders}, {name: orders2, version: 2.0.0, contractId: orders}]").replace(
        "name: orders, version: 1.0.0", "name: orders, version: 0.1.0"))
    orders.write("domains/sales/orders/orders2.odcs.yaml", HEAD.format(id="orders", version="2.0.0") +
                 "schema:\n  - name: orders\n" + MOST % 3 + "    properties:\n" + rules(("country", COUNTRY)))
    orders.write("domains/sales/orders/v2/orders.sql", "SELECT id, country, email, amount FROM files.raw\n")
    orders.weft("apply", "--yes")
    assert run(orders)["rows_quarantined"] == 5
    assert len(diverted(orders)) == 3
    rows = orders.rows('SELECT id FROM sales."orders@2!quarantine".orders ORDER BY id', as_user="ana")
    assert [r["id"] for r in rows] == [100, 102]
    shown = orders.weft("quarantine", "show", "sales.orders.orders@2", "--format", "csv", "--as", "ana").out
    assert len(shown.splitlines()) == 3
    orders.weft("quarantine", "drop", "sales.orders", "--table", "orders@2", "--as", "ana")
    assert len(diverted(orders)) == 3
    assert orders.rows('SELECT id FROM sales."orders@2!quarantine".orders', as_user="ana") == []


def replay(mesh, *options, ok=True):
    answer = mesh.weft("quarantine", "replay", "sales.orders", "--format", "json", *options, ok=None)
    product = answer.json["products"][0]
    assert (answer.code == 0) == ok, json.dumps(product, indent=1)
    return product


def test_they_are_listed_shown_and_dropped(orders):
    first = run(orders)["run"]
    listed = orders.weft("quarantine", "list", "sales.orders", "--format", "json", "--as", "ana").json["quarantine"]
    assert [(q["product"], q["table"], q["run"], q["release"], q["rows"]) for q in listed] == [("sales.orders", "orders", first, 1, 3)]
    assert [(r["rule"], r["rows"]) for r in listed[0]["rules"]] == [("country-known", 2), ("email-there", 2)]
    shown = orders.weft("quarantine", "list", "--as", "mia").out
    assert "country-known" in shown and "invalidValues of country" in shown
    assert [q["rows"] for q in orders.weft("quarantine", "list", "--format", "json", "--as", "mia").json["quarantine"]] == [None]

    rows = orders.weft("quarantine", "show", "sales.orders.orders", "--run", first, "--format", "csv", "--as", "ana").out
    assert rows.splitlines()[0] == "id,country,email,amount,weft_rule,weft_reason,weft_run,weft_at" and len(rows.splitlines()) == 4
    assert "owners of domain sales" in orders.weft("quarantine", "show", "sales.orders.orders", "--as", "mia", ok=False).err
    assert "tables are named" in orders.weft("quarantine", "show", "sales.orders", ok=False).err
    # The audit knows who read them.
    log = orders.weft("audit", "show", "--actor", "ana", "--format", "json", ok=None).out
    assert "orders!quarantine" in log, log

    # Neither a member nor he who reads the table may drop them.
    for user in ("mia", "max"):
        assert "owners of domain sales" in orders.weft("quarantine", "drop", "sales.orders", "--as", user, ok=False).err
    assert "there is no product" in orders.weft("quarantine", "drop", "sales.nothing", "--as", "ana", ok=False).err
    assert "has no table" in orders.weft("quarantine", "drop", "sales.orders", "--table", "other", "--as", "ana", ok=False).err
    assert "no such rows" in orders.weft("quarantine", "drop", "sales.orders", "--run", "another", "--as", "ana", ok=False).err
    whole = orders.weft("verify", "--format", "json").json
    assert whole["damaged"] == [] and whole["files"] == 2
    told = orders.weft("quarantine", "drop", "sales.orders", "--run", first, "--reason", "test orders", "--as", "ana").out
    assert told == "sales.orders: 3 rows dropped\n"
    assert diverted(orders) == [] and ids(orders) == [r[0] for r in ROWS]
    dropped = orders.weft("audit", "show", "--action", "quarantine.drop", "--format", "json").out
    assert "test orders" in dropped and first in dropped
    assert orders.weft("verify", "--format", "json").json["files"] == 1
    assert "no rows are in quarantine" in orders.weft("quarantine", "list").out
    assert "no such rows" in orders.weft("quarantine", "drop", "sales.orders", "--as", "ana", ok=False).err


def test_rows_that_pass_by_now_come_back(orders):
    run(orders)
    # XX is a country by now, YY is not; all addresses may be missing.
    output(orders, ("country", COUNTRY.replace("DE]", "DE, XX]")), table=MOST % "3", version="0.2.0")
    orders.weft("apply", "--yes")
    told = replay(orders)
    assert (told["release"], told["rows"], told["rows_quarantined"]) == (2, 22, 1)
    assert ids(orders) == [r[0] for r in ROWS] + [100, 101]
    assert [(r["id"], r["weft_rule"]) for r in diverted(orders)] == [(102, "country-known")]
    # Readers of the table see them as any row; the release before stays as it was.
    assert orders.rows("SELECT count(*) AS n FROM sales.orders.orders", as_user="max") == [{"n": 22}]
    assert orders.rows('SELECT count(*) AS n FROM sales."orders#1".orders', as_user="max") == [{"n": 20}]
    # The lineage is that of before: labels that came along still hold.
    assert orders.rows("SELECT DISTINCT release FROM mesh.lineage WHERE product = 'sales.orders'", as_user="ana") == [{"release": 2}]
    assert replay(orders)["rows_quarantined"] == 1 and len(diverted(orders)) == 1


def test_what_is_not_as_it_was_does_not_come_back(orders):
    run(orders)
    # A key that is there by now.
    columns = rules(("country", COUNTRY.replace("DE]", "DE, XX, YY]"))).replace("required: true", "required: true, primaryKey: true")
    output(orders, table=MOST % "3", version="0.2.0", properties=columns)
    orders.weft("apply", "--yes")
    put(orders, ROWS + [(100, "CH", "new@x.ch", 1)])
    run(orders)
    assert diverted(orders) == []

    # What made them is another by now.
    output(orders, *BOTH, table=MOST % "3", version="0.3.0")
    put(orders, ROWS + BAD)
    orders.weft("apply", "--yes")
    run(orders)
    orders.write("domains/sales/orders/orders.sql", "SELECT id, country, lower(email) AS email, amount FROM files.raw\n")
    orders.weft("apply", "--yes")
    told = replay(orders, ok=False)
    assert told["error"]["code"] == "CONFLICT" and "SQL has changed" in told["error"]["message"] + told["error"].get("detail", "") or \
        "other SQL" in told["error"]["message"]
    assert len(diverted(orders)) == 3
    assert "no such rows" in replay(orders, "--run", "another", ok=False)["error"]["message"]


@pytest.mark.parametrize("how", ["kill", "fail"])
@pytest.mark.parametrize("fault", ["RUN_DIVERT", "RUN_PARTS", "PUBLISH_BEFORE_COMMIT", "PUBLISH_AFTER_COMMIT"])
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
    kept = diverted(orders)
    release = orders.rows("SELECT max(number) AS n FROM mesh.releases", as_user="ana")[0]["n"]
    assert (len(kept), release) in ((0, 1), (3, 2)), (kept, release)
    assert len(kept) == (3 if fault == "PUBLISH_AFTER_COMMIT" else 0)
    run(orders)
    assert len(diverted(orders)) == 3
    assert orders.weft("verify", "--format", "json").json["damaged"] == []


@pytest.mark.parametrize("how", ["kill", "fail"])
def test_a_crash_while_they_are_dropped(orders, how):
    run(orders)
    server = orders.serve(env={"WEFT_FAULT": f"QUARANTINE_BEFORE_COMMIT:{how}"}, http=False)
    assert orders.weft("quarantine", "drop", "sales.orders", "--as", "ana", ok=None).code != 0
    if how == "kill":
        server.process.wait(60)
    else:
        server.stop()
    assert len(diverted(orders)) == 3
    orders.weft("quarantine", "drop", "sales.orders", "--as", "ana")
    assert diverted(orders) == []


@pytest.mark.parametrize("fault", ["RUN_DIVERT", "PUBLISH_BEFORE_COMMIT"])
def test_a_crash_while_they_come_back(orders, fault):
    run(orders)
    output(orders, ("country", COUNTRY.replace("DE]", "DE, XX]")), table=MOST % "3", version="0.2.0")
    orders.weft("apply", "--yes")
    server = orders.serve(env={"WEFT_FAULT": f"{fault}:kill"}, http=False)
    assert orders.weft("quarantine", "replay", "sales.orders", ok=None).code != 0
    server.process.wait(60)
    assert len(diverted(orders)) == 3 and len(ids(orders)) == 20
    assert replay(orders)["rows"] == 22 and len(diverted(orders)) == 1


REFUSED = {
    "rowCount": ("table", "metric: rowCount, mustBe: 3", "does not say which rows"),
    "sql": ("table", "type: sql, query: 'SELECT count(*) FROM {object}', mustBe: 3", "does not say which rows"),
    "at least": ("email", "metric: nullValues, mustBeGreaterThan: 3", "when all rows that count are gone"),
    "exactly": ("email", "metric: nullValues, mustBe: 3", "when all rows that count are gone"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_rules_that_speak_of_no_rows_are_refused(mesh, name):
    place, rule, why = REFUSED[name]
    rule += ", " + DIVERT
    write(mesh)
    if place == "table":
        output(mesh, table="    quality: [{" + rule + "}]\n")
    else:
        output(mesh, (place, rule))
    answer = mesh.weft("check", ok=False)
    assert "no rows can be quarantined by the rule" in answer.out + answer.err and why in answer.out + answer.err
    assert "onFailure: reject or warn" in answer.out + answer.err


def test_names_that_cannot_be(mesh):
    write(mesh, *BOTH)
    output(mesh, *BOTH, properties=rules(*BOTH) + "      - {name: weft_run, logicalType: string}\n")
    mesh.write("domains/sales/orders/orders.sql", "SELECT id, country, email, amount, 'x' AS weft_run FROM files.raw\n")
    answer = mesh.weft("check", ok=False)
    assert "cannot have a column of this name" in answer.out + answer.err


def test_a_threshold_diverts_only_where_it_fails(mesh):
    write(mesh, ("email", "id: few, metric: nullValues, mustBeLessOrEqualTo: 1, " + DIVERT))
    mesh.weft("apply", "--yes")
    put(mesh, ROWS + BAD[:2])
    assert run(mesh)["rows_quarantined"] == 0 and len(ids(mesh)) == 22
    put(mesh, ROWS + BAD)
    assert run(mesh)["rows_quarantined"] == 2 and len(ids(mesh)) == 21


def test_of_rows_that_are_equal_one_stays(mesh):
    write(mesh, ("id", "id: once, metric: duplicateValues, mustBe: 0, " + DIVERT))
    mesh.weft("apply", "--yes")
    put(mesh, ROWS + [ROWS[0], ROWS[0], ROWS[1]])
    assert run(mesh)["rows_quarantined"] == 3
    assert ids(mesh) == [r[0] for r in ROWS] and sorted(r["id"] for r in diverted(mesh)) == [1, 1, 2]


@pytest.mark.parametrize("rule", ["id: once, metric: duplicateValues, mustBe: 0, " + DIVERT, None], ids=["duplicateValues", "unique"])
@pytest.mark.parametrize("bad_first", [False, True])
def test_a_row_that_goes_itself_makes_no_other_a_duplicate(mesh, rule, bad_first):
    write(mesh, *((("id", rule),) if rule else ()), COUNTRY_TOO, table=MOST % 9)
    if not rule:
        output(mesh, COUNTRY_TOO, table=MOST % 9, properties=rules(COUNTRY_TOO).replace("name: id,", "name: id, unique: true, " + DIVERT + ","))
    mesh.weft("apply", "--yes")
    twins = [(i, "XX", "bad@x.ch", 1) for i in (1, 2)] + [(3, "CH", "more@x.ch", 1)]
    put(mesh, twins + ROWS if bad_first else ROWS + twins)
    assert run(mesh)["rows_quarantined"] == 3
    assert ids(mesh) == [r[0] for r in ROWS]
    by_country, by_country_too, once = diverted(mesh)
    assert (by_country["email"], by_country["weft_rule"], by_country_too["id"], by_country_too["weft_rule"]) == (
        "bad@x.ch", "country-known", 2, "country-known")
    assert (once["id"], once["weft_rule"]) == (3, "once" if rule else "orders.id.unique")


def test_rules_over_equal_rows_take_their_turns(mesh):
    """The second one is asked of what the first one leaves, and no row goes for one that is gone."""
    write(mesh, ("id", "id: one, metric: duplicateValues, mustBe: 0, " + DIVERT),
          ("email", "id: two, metric: duplicateValues, mustBeLessThan: 2, " + DIVERT), table=MOST % 9)
    mesh.weft("apply", "--yes")
    put(mesh, [(1, "CH", "a", 1), (1, "CH", "a", 2), (2, "CH", "a", 1), (3, "CH", "b", 1)])
    assert run(mesh)["rows_quarantined"] == 1
    assert ids(mesh) == [1, 2, 3] and [(r["id"], r["weft_rule"]) for r in diverted(mesh)] == [(1, "one")]
    put(mesh, [(1, "CH", "a", 1), (1, "CH", "a", 2), (2, "CH", "a", 1), (3, "CH", "a", 1)])
    assert run(mesh)["rows_quarantined"] == 3
    assert sorted(r["weft_rule"] for r in diverted(mesh)) == ["one", "two", "two"] and len(ids(mesh)) == 1


def test_incremental_tables_divert_what_comes(mesh):
    how = ("    customProperties:\n      - {property: materialization, value: incremental}\n"
           "      - {property: incremental, value: {mode: append, key: id}}\n      - {property: quarantineMost, value: 3}\n")
    write(mesh, *BOTH)
    output(mesh, *BOTH, table=how)
    mesh.write("domains/sales/orders/orders.sql", "SELECT id, country, email, amount FROM files.raw WHERE id > $since\n")
    mesh.weft("apply", "--yes")
    put(mesh, ROWS[:10])
    run(mesh)
    put(mesh, ROWS + BAD[:1] + [(200, "CH", "200@x.ch", 1)])
    told = run(mesh)
    assert (told["rows"], told["rows_quarantined"]) == (21, 1)
    assert [r["id"] for r in diverted(mesh)] == [100]
    # More come: those of before stay, each once, though the last one is read again by every run.
    put(mesh, ROWS + BAD[:1] + [(200, "CH", "200@x.ch", 1), (300, "ZZ", "300@x.ch", 1)])
    assert run(mesh)["rows_quarantined"] == 1
    assert run(mesh)["rows_quarantined"] == 1
    assert [r["id"] for r in diverted(mesh)] == [100, 300]
    put(mesh, ROWS + BAD[:1] + [(200, "CH", "200@x.ch", 1), (300, "CH", "300@x.ch", 1)])
    assert run(mesh)["rows_quarantined"] == 0
    assert [r["id"] for r in diverted(mesh)] == [100]
    assert ids(mesh) == [r[0] for r in ROWS] + [200, 300]


def test_a_backup_has_them(orders, tmp_path):
    run(orders)
    rows = diverted(orders)
    assert orders.weft("backup", tmp_path / "copy", "--format", "json").json["files"] == 2
    orders.weft("quarantine", "drop", "sales.orders", "--as", "ana")
    other = Mesh(tmp_path / "restored")
    other.folder.mkdir()
    for part in ("policies", "domains", "data"):
        shutil.copytree(orders.folder / part, other.folder / part)
    other.write("mesh.yaml", MESH)
    other.weft("restore", tmp_path / "copy")
    assert diverted(other) == rows and len(rows) == 3
    other.close()


def test_explain_knows_them(orders):
    run(orders)
    told = orders.weft("explain", f"SELECT id FROM {DIVERTED}", "--as", "max", ok=None)
    assert "quarantined rows are for the owners of domain sales" in told.out + told.err
    assert orders.weft("explain", f"SELECT id FROM {DIVERTED}", "--as", "ana").out
