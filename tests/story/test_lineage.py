"""Labels follow lineage: a column carries those of all that its values come from, across products and domains, masked or not."""

import json
import re

import pytest

from story_help import ORDERS, check, edit, place_of, told

MASK = """\
apiVersion: weft/v1
kind: Policy
id: mask-pii
description: Personal data is shown only to those who answer for it.
owner: guild
mask: {columns: {classification: [pii]}, with: {method: constant, value: hidden}, except: {owners: true}}
"""

REACH = "domains/marketing/reach"

MARKETING = """\
apiVersion: weft/v1
kind: Domain
name: marketing
title: Marketing
alignment: consumer
owners: [user:max]
members: [group:campaigns]
"""

REACH_PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: marketing-reach
name: reach
version: 1.0.0
status: active
inputPorts:
  - {name: orders, version: 1.0.0, contractId: orders}
outputPorts:
  - {name: reach, version: 1.0.0, contractId: reach}
"""

REACH_GRANTS = """\
apiVersion: weft/v1
kind: Policy
id: marketing-reads-orders
description: Marketing builds on orders.
owner: guild
grant: {contract: orders, role: reader, to: {products: [marketing.reach]}}
"""

REACH_READERS = """\
apiVersion: weft/v1
kind: Policy
id: analysts-read-reach
description: Analysts read what marketing makes.
owner: guild
grant: {contract: reach, role: reader, to: {groups: [analysts]}}
"""


def reach_contract(**columns):
    """Columns by name: what stands in their line behind the name."""
    lines = "".join(f"      - {{name: {name}, {rest}}}\n" for name, rest in columns.items())
    return ("apiVersion: v3.1.0\nkind: DataContract\nid: reach\nname: Reach\nversion: 1.0.0\nstatus: active\nschema:\n"
            f"  - name: reach\n    properties:\n{lines}")


TEXT = "logicalType: string, physicalType: VARCHAR"
NUMBER = "logicalType: integer, physicalType: BIGINT"


def write_reach(mesh, sql, contract, policies=True):
    edit(mesh, "mesh.yaml", "  eve: {groups: [visitors]}", "  eve: {groups: [visitors]}\n  max: {groups: [campaigns]}")
    mesh.write("domains/marketing/domain.yaml", MARKETING)
    mesh.write(f"{REACH}/product.odps.yaml", REACH_PRODUCT)
    mesh.write(f"{REACH}/reach.odcs.yaml", contract)
    mesh.write(f"{REACH}/reach.sql", sql)
    mesh.write("policies/reach.policy.yaml", REACH_GRANTS)
    mesh.write("policies/readers.policy.yaml", REACH_READERS)
    if policies:
        mesh.write("policies/mask.policy.yaml", MASK)


REACH_SQL = "SELECT id, upper(email) AS shout, length(email) AS letters, country FROM orders.orders\n"
REACH_CONTRACT = reach_contract(id=NUMBER, shout=TEXT, letters=NUMBER, country=TEXT)


@pytest.fixture
def reach(shop):
    write_reach(shop, REACH_SQL, REACH_CONTRACT)
    # What the build sees in the clear is opened to it by name; the labels follow all the same.
    edit(shop, "policies/mask.policy.yaml", "except: {owners: true}", "except: {owners: true, products: [marketing.reach]}")
    excepted(shop, "{product: marketing.reach, digest: %s}" % digest_to_write(shop)[1])
    return shop


def started(mesh):
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    return mesh


def labels(mesh, *args):
    return {(c["action"], c["name"], c["detail"]) for c in mesh.weft("plan", *args, "--format", "json").json["changes"]
            if c["kind"] == "label"}


def test_a_column_of_another_domain_is_masked_by_the_label_of_its_origin(reach):
    started(reach)
    rows = reach.rows("SELECT id, shout, letters, country FROM marketing.reach.reach ORDER BY id LIMIT 1", "noor")
    assert rows == [{"id": 1, "shout": "hidden", "letters": None, "country": "CH"}]
    # The owner of the derived product answers for no personal data of others; the owner of the origin does.
    assert reach.rows("SELECT shout FROM marketing.reach.reach WHERE id = 1", "max") == [{"shout": "hidden"}]
    reach.write("policies/ana.policy.yaml", REACH_READERS.replace("analysts-read-reach", "ana-reads-reach")
                .replace("{groups: [analysts]}", "{users: [ana]}"))
    reach.weft("apply", "--yes")
    assert reach.rows("SELECT shout FROM marketing.reach.reach WHERE id = 1", "ana") == [{"shout": "ADA@EXAMPLE.COM"}]


def test_a_contract_that_says_less_is_corrected_and_told_where(reach):
    found = [f for f in check(reach, ok=True) if f["level"] == "warning"]
    assert [f["message"] for f in found] == [
        "column shout inherits pii from sales.orders.orders.email and 1 more",
        "column letters inherits pii from sales.orders.orders.email and 1 more",
        "mask mask-pii cannot keep the type of marketing.reach.reach.letters: it is NULL there"]
    line, _ = place_of(reach, f"{REACH}/reach.odcs.yaml", "name: shout")
    assert (found[0]["file"], found[0]["line"]) == (f"{REACH}/reach.odcs.yaml", line)
    reach.write(f"{REACH}/reach.odcs.yaml", reach_contract(id=NUMBER, shout=TEXT + ", classification: pii",
                                                           letters=NUMBER + ", classification: pii", country=TEXT))
    assert [f["file"] for f in check(reach, ok=True) if f["level"] == "warning"] == ["policies/mask.policy.yaml"]


def test_a_plan_shows_which_columns_gain_and_lose_labels_and_whom_it_concerns(reach):
    concerned = "; mask by mask-pii; read by group:analysts"
    gained = {("added", f"marketing.reach.reach.{c}", f"gains pii from sales.orders.orders.email and 1 more{concerned}")
              for c in ("shout", "letters")}
    assert labels(reach) == gained
    assert "gains pii from sales.orders.orders.email" in reach.weft("plan").out
    started(reach)
    assert labels(reach) == set()
    reach.write(f"{REACH}/reach.sql", REACH_SQL.replace("upper(email)", "upper(customer)"))
    assert labels(reach) == {("removed", name, detail.replace("gains", "loses").replace(" and 1 more", ""))
                             for _, name, detail in gained if name.endswith("shout")}
    started(reach)
    assert reach.rows("SELECT shout FROM marketing.reach.reach WHERE id = 1", "noor") == [{"shout": "ADA"}]
    # A release that was made of the address keeps its label.
    assert reach.rows('SELECT shout FROM marketing."reach#1".reach WHERE id = 1', "noor") == [{"shout": "hidden"}]


@pytest.mark.parametrize("sql", [
    "SELECT d::VARCHAR AS digit FROM orders.orders JOIN range(100) r(d) ON length(email) = d",
    "SELECT d::VARCHAR AS digit FROM orders.orders, range(100) r(d) WHERE length(email) - d = 0",
    "SELECT d::VARCHAR AS digit FROM range(100) r(d) WHERE d IN (SELECT length(email) FROM orders.orders)",
    "SELECT d::VARCHAR AS digit FROM (SELECT d, length(email) - d AS rest FROM orders.orders, range(100) r(d)) WHERE rest = 0",
    "SELECT count(*)::VARCHAR AS digit FROM orders.orders o JOIN range(100) r(d) ON d < length(email) GROUP BY o.id",
    "SELECT CASE WHEN email = 'ada@example.com' THEN 'a' ELSE 'b' END AS digit FROM orders.orders",
    "SELECT (o).letters AS digit FROM (orders.orders JOIN (SELECT id AS k, customer AS letters FROM orders.orders) o ON id = k) o",
    "WITH RECURSIVE w(i, t) AS (SELECT 1, email FROM orders.orders UNION ALL SELECT i + 1, substr(t, 2) FROM w WHERE i < 9)"
    " SELECT t AS digit FROM w",
    "SELECT s.letters AS digit FROM self.step s",
])
def test_no_detour_loses_a_label(shop, sql):
    write_reach(shop, sql, reach_contract(digit=TEXT))
    if "self.step" in sql:
        shop.write(f"{REACH}/internal/step.sql", "SELECT replace(letters, 'a', 'b') AS letters FROM self.first")
        shop.write(f"{REACH}/internal/first.sql", "SELECT email AS letters FROM orders.orders")
    found = shop.weft("check", "--format", "json", ok=None)
    messages = [f["message"] for f in found.json]
    assert "column digit inherits pii from sales.orders.orders.email and 1 more" in messages, messages


def test_a_filter_by_a_constant_labels_nothing(shop):
    write_reach(shop, "SELECT id, country FROM orders.orders WHERE email LIKE '%@example.com'", reach_contract(id=NUMBER, country=TEXT))
    assert check(shop, ok=True) == []
    assert labels(shop) == set()


def test_a_label_of_a_source_reaches_what_is_passed_through(shop):
    (shop.folder / f"{ORDERS}/orders.sql").unlink()
    source = shop.folder / f"{ORDERS}/shop.odcs.yaml"
    source.write_text(source.read_text().replace("name: raw_orders", "name: orders").replace(
        "{name: customer, logicalType: string, physicalType: VARCHAR}",
        "{name: customer, logicalType: string, physicalType: VARCHAR, classification: pii}"))
    shop.write("policies/mask.policy.yaml", MASK)
    messages = [f["message"] for f in check(shop, ok=True)]
    assert messages == ["column customer inherits pii from sales.orders:shop-files.orders.customer"]
    started(shop)
    assert shop.rows("SELECT customer, country FROM sales.orders.orders WHERE id = 1", "noor") == [{"customer": "hidden", "country": "CH"}]


def test_circles_have_no_labels_to_pass_on(reach):
    """A product that reads what is made of it, and an internal table that reads itself, are refused by their path."""
    reach.write(f"{REACH}/internal/a.sql", "SELECT * FROM self.b")
    reach.write(f"{REACH}/internal/b.sql", "SELECT * FROM self.a")
    answer = reach.weft("check", ok=False)
    assert "internal tables read each other in a circle: a -> b -> a" in told(answer)
    for name in "ab":
        (reach.folder / f"{REACH}/internal/{name}.sql").unlink()
    edit(reach, f"{ORDERS}/product.odps.yaml", "contractId: shop-files}", "contractId: shop-files}\n"
         "  - {name: reach, version: 1.0.0, contractId: reach}")
    answer = reach.weft("check", ok=False)
    assert "sales.orders" in told(answer) and "marketing.reach" in told(answer) and "circle" in told(answer)


# ---- edges


def edges(mesh, *args):
    return mesh.weft("lineage", *args, "--format", "json").json


def test_edges_of_a_release_are_asked_for_up_and_down(reach):
    started(reach)
    up = edges(reach, "marketing.reach.reach.shout", "--columns", "--up")
    assert [(e["from"], e["from_column"], e["to"], e.get("to_column"), e["type"], e["subtype"], e["carries_labels"]) for e in up] == [
        ("sales.orders.orders", "email", "marketing.reach.reach", "shout", "DIRECT", "TRANSFORMATION", True),
        ("sales.orders:shop-files.raw_orders", "email", "sales.orders.orders", "email", "DIRECT", "IDENTITY", True)]
    down = edges(reach, "sales.orders", "--down")
    assert [(e["from"], e["to"], e["release"]) for e in down] == [("sales.orders.orders", "marketing.reach.reach", 1)]
    shown = reach.weft("lineage", "sales.orders.orders.email", "--columns", "--down").out
    assert "shout" in shown and "letters" in shown and "TRANSFORMATION" in shown
    server = reach.serve()
    status, answer = server.call("GET", "/api/v1/lineage/sales.orders.orders.country?direction=down&columns=1")
    assert status == 200 and [e["to_column"] for e in answer["edges"]] == ["country"]
    assert reach.weft("lineage", "sales.nothing", ok=False).code != 0


def test_the_mesh_has_its_lineage_as_a_table(reach):
    started(reach)
    rows = reach.rows("SELECT column_name, input_address, input_column, subtype FROM mesh.lineage "
                      "WHERE table_address = 'marketing.reach.reach' ORDER BY 1", "eve")
    assert rows == [{"column_name": c, "input_address": "sales.orders.orders", "input_column": i, "subtype": k} for c, i, k in (
        ("country", "country", "IDENTITY"), ("id", "id", "IDENTITY"), ("letters", "email", "TRANSFORMATION"),
        ("shout", "email", "TRANSFORMATION"))]
    rows = reach.rows("SELECT inherited FROM mesh.columns WHERE table_address = 'marketing.reach.reach' AND name = 'shout'", "eve")
    assert rows == [{"inherited": "pii from sales.orders.orders.email, pii from sales.orders:shop-files.raw_orders.email"}]


def test_lineage_drops_what_may_not_be_discovered(reach):
    edit(reach, f"{ORDERS}/product.odps.yaml", "status: active\n", "status: active\ncustomProperties:\n  - {property: visibility, value: restricted}\n")
    started(reach)
    assert reach.rows("SELECT input_address FROM mesh.lineage WHERE table_address LIKE 'marketing.%'", "eve") == []
    assert reach.rows("SELECT inherited FROM mesh.columns WHERE table_address = 'marketing.reach.reach' AND name = 'shout'", "eve") == [
        {"inherited": "pii"}]
    assert json.loads(reach.weft("lineage", "marketing.reach", "--as", "eve", "--format", "json").out) == []
    assert reach.weft("lineage", "sales.orders", "--as", "eve", ok=False).code != 0
    assert len(reach.rows("SELECT input_address FROM mesh.lineage WHERE table_address LIKE 'marketing.%'", "noor")) > 0


# ---- exceptions of products


def excepted(mesh, entry):
    edit(mesh, "policies/mask.policy.yaml", "products: [marketing.reach]", f"products: [{entry}]")


def digest_to_write(mesh):
    found = [f for f in mesh.weft("check", "--format", "json", ok=None).json if "exception" in f["message"] or "excepts" in f["message"]]
    assert len(found) == 1, found
    return found[0], re.search(r"digest: ([0-9a-f]{64})", found[0]["hint"])[1]


@pytest.fixture
def opened(shop):
    write_reach(shop, REACH_SQL, REACH_CONTRACT)
    edit(shop, "policies/mask.policy.yaml", "except: {owners: true}", "except: {owners: true, products: [marketing.reach]}")
    return shop


def test_an_exception_of_a_product_is_for_the_sql_that_its_giver_has_read(opened):
    finding, digest = digest_to_write(opened)
    assert (finding["level"], finding["file"]) == ("error", "policies/mask.policy.yaml")
    assert finding["message"] == "the exception of marketing.reach from policy mask-pii does not say for which SQL"
    assert opened.weft("apply", "--yes", ok=False).code != 0
    excepted(opened, "{product: marketing.reach, digest: %s}" % digest)
    started(opened)
    clear = "SELECT shout FROM marketing.reach.reach WHERE id = 1"
    opened.write("policies/ana.policy.yaml", REACH_READERS.replace("analysts-read-reach", "ana-reads-reach")
                 .replace("{groups: [analysts]}", "{users: [ana]}"))
    opened.weft("apply", "--yes")
    assert opened.rows(clear, "ana") == [{"shout": "ADA@EXAMPLE.COM"}]
    # Another text is not what was read: plan says so to its team, and the run sees what it may see without the exception.
    opened.write(f"{REACH}/reach.sql", REACH_SQL + "-- and now for something else\n")
    finding, new = digest_to_write(opened)
    assert finding["level"] == "warning" and new != digest
    assert finding["file"] == f"{REACH}/product.odps.yaml"
    assert "its next run is decided without the exception" in opened.weft("plan", "--domain", "marketing").out
    started(opened)
    assert opened.rows(clear, "ana") == [{"shout": "HIDDEN"}]
    edit(opened, "policies/mask.policy.yaml", digest, new)
    started(opened)
    assert opened.rows(clear, "ana") == [{"shout": "ADA@EXAMPLE.COM"}]


# ---- declassification


DECLASSIFY = "customProperties: [{property: declassify, value: {method: %s, who: ana, why: It names nobody%s}}]"


def aggregate(k=2, subject="id"):
    return DECLASSIFY % ("aggregate", f", subject: {subject}, k: {k}")


COUNTS_SQL = "SELECT country, count(DISTINCT id) AS people, count(email) AS letters FROM orders.orders GROUP BY country\n"


def counts(mesh, sql=COUNTS_SQL, letters=None):
    write_reach(mesh, sql, reach_contract(country=TEXT, people=NUMBER, letters=f"{NUMBER}, {letters or aggregate()}"))
    return mesh


def problem(mesh):
    found = [f for f in mesh.weft("check", "--format", "json", ok=None).json if f["level"] == "error"]
    assert len(found) == 1, found
    assert found[0]["file"] == f"{REACH}/reach.odcs.yaml"
    return found[0]["message"]


def test_an_aggregate_of_enough_subjects_sheds_its_labels(shop):
    counts(shop, COUNTS_SQL.replace("\n", " HAVING count(DISTINCT id) >= 2\n"))
    assert [f for f in check(shop, ok=True) if "letters" in f["message"]] == []
    started(shop)
    assert shop.rows("SELECT * FROM marketing.reach.reach", "noor") == [{"country": "CH", "people": 2, "letters": 2}]
    run = shop.weft("show", "runs", "--format", "json").json[0]
    verdicts = [c for c in shop.weft("show", run["id"], "--format", "json").json["checks"] if c["column"] == "letters"]
    assert [(c["verdict"], c["rule"]) for c in verdicts] == [("pass", "declassify-letters")]


def test_a_group_of_too_few_rejects_the_run(shop):
    counts(shop)
    shop.weft("apply", "--yes")
    answer = shop.weft("run", "--all", ok=False)
    assert "declassification of marketing.reach is not proven" in told(answer)
    assert "expected at least 2 distinct id in every group, found a group of 1" in told(answer)
    assert shop.rows("SELECT release FROM mesh.products WHERE address = 'marketing.reach'", "noor") == [{"release": None}]


@pytest.mark.parametrize("sql, why", [
    (COUNTS_SQL.replace("count(email)", "max(email)::BIGINT"), "it is not count, sum or avg of one column"),
    (COUNTS_SQL.replace("count(email)", "count(email) FILTER (WHERE id = 1)"), "it is not count, sum or avg of one column"),
    (COUNTS_SQL.replace("count(email)", "sum(CASE WHEN id = 1 THEN length(email) END)::BIGINT"), "it is not count, sum or avg"),
    (COUNTS_SQL.replace("count(DISTINCT id)", "count(*)"), "no column of its SELECT is count(DISTINCT id)"),
    (COUNTS_SQL.replace("count(DISTINCT id)", "count(DISTINCT id) FILTER (WHERE id > 0)"), "no column of its SELECT is count(DISTINCT id)"),
    ("SELECT country, count(DISTINCT id) AS people, sum(letters)::BIGINT AS letters FROM (SELECT *, max(length(email)) OVER () AS letters"
     " FROM orders.orders) GROUP BY country", "its SELECT does not group one table"),
    ("SELECT country, count(DISTINCT id) AS people, sum(letters)::BIGINT AS letters FROM self.wide GROUP BY country",
     "the internal table that it groups does not make the value of one row"),
    ("SELECT country, count(DISTINCT id) AS people, sum(letters)::BIGINT AS letters FROM self.joined GROUP BY country",
     "the internal table that it groups is no plain SELECT of one table"),
])
def test_what_no_rows_could_prove_is_refused_at_plan(shop, sql, why):
    counts(shop, sql)
    if "self.wide" in sql:
        shop.write(f"{REACH}/internal/wide.sql", "SELECT id, country, max(length(email)) OVER () AS letters FROM orders.orders")
    if "self.joined" in sql:
        shop.write(f"{REACH}/internal/joined.sql", "SELECT a.id, a.country, length(b.email) AS letters FROM orders.orders a"
                   " JOIN orders.orders b ON b.id = 1")
    assert problem(shop).startswith(f"column letters cannot be declassified by aggregate: {why}")


def test_a_keyed_hash_sheds_its_labels_where_the_build_saw_no_more(shop):
    write_reach(shop, "SELECT id, email AS key FROM orders.orders", reach_contract(id=NUMBER, key=f"{TEXT}, {DECLASSIFY % ('keyed-hash', '')}"),
                policies=False)
    shop.write("policies/mask.policy.yaml", MASK.replace("method: constant, value: hidden", "method: hash"))
    started(shop)
    keys = [row["key"] for row in shop.rows("SELECT key FROM marketing.reach.reach WHERE key IS NOT NULL", "noor")]
    assert len(keys) == 3 and all(re.fullmatch("[0-9a-f]{64}", key) for key in keys)
    shop.write("policies/mask.policy.yaml", MASK)
    shop.weft("apply", "--yes")
    answer = shop.weft("run", "--all", ok=False)
    assert "expected keyed hashes alone, found orders.orders.email is no keyed hash" in told(answer)


def test_a_constant_is_one_value(shop):
    sql = "SELECT id, CASE WHEN length(email) > 0 THEN 'yes' ELSE 'yes' END AS reachable FROM orders.orders"
    write_reach(shop, sql, reach_contract(id=NUMBER, reachable=f"{TEXT}, {DECLASSIFY % ('constant', '')}"))
    started(shop)
    assert shop.rows("SELECT reachable FROM marketing.reach.reach WHERE id = 1", "noor") == [{"reachable": "yes"}]
    shop.write(f"{REACH}/reach.sql", sql.replace("ELSE 'yes'", "ELSE 'no'").replace("length(email) > 0", "length(email) > 6 OR id = 2"))
    shop.weft("apply", "--yes")
    assert "expected one value, found 2 values" in told(shop.weft("run", "--all", ok=False))
    shop.write(f"{REACH}/reach.sql", "SELECT id, max(email) OVER () AS reachable FROM orders.orders")
    assert "its value is made of a column" in problem(shop)
    edit(shop, f"{REACH}/reach.odcs.yaml", "who: ana, ", "")
    assert any("a declassification says who" in f["message"] for f in shop.weft("check", "--format", "json", ok=None).json)
