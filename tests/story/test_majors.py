"""Two majors of a contract, side by side: built by one run, each under a name of its own."""

import pytest

from conftest import DOMAIN, OUTPUT, ROWS
from story_help import ORDERS, edit, told

SECOND = OUTPUT.replace("version: 1.0.0", "version: 2.0.0").replace(
    "{name: amount, logicalType: number, physicalType: \"DECIMAL(12,2)\"}",
    "{name: cents, logicalType: integer, physicalType: BIGINT}")
SECOND_SQL = "SELECT id, customer, email, country, CAST(amount * 100 AS BIGINT) AS cents, ordered_on FROM shop.raw_orders\n"

READER = """\
apiVersion: v1.0.0
kind: DataProduct
id: reports-money
name: money
version: 1.0.0
status: active
inputPorts:
  - {name: orders, version: VERSION, contractId: orders}
outputPorts:
  - {name: money, version: 1.0.0, contractId: money}
"""

MONEY = """\
apiVersion: v3.1.0
kind: DataContract
id: money
version: 1.0.0
status: active
schema:
  - name: money
    properties:
      - {name: total, logicalType: integer, physicalType: BIGINT}
"""


def add_second(mesh):
    mesh.write(f"{ORDERS}/orders-v2.odcs.yaml", SECOND)
    mesh.write(f"{ORDERS}/v2/orders.sql", SECOND_SQL)
    edit(mesh, f"{ORDERS}/product.odps.yaml", "  - {name: orders, version: 1.0.0, contractId: orders}\n",
         "  - {name: orders, version: 1.0.0, contractId: orders}\n  - {name: orders, version: 2.0.0, contractId: orders}\n")


def add_report(mesh, version, sql):
    mesh.write("domains/reports/domain.yaml", DOMAIN.replace("name: sales", "name: reports").replace("title: Sales", "title: Reports"))
    mesh.write("domains/reports/money/product.odps.yaml", READER.replace("VERSION", version))
    mesh.write("domains/reports/money/money.odcs.yaml", MONEY)
    mesh.write("domains/reports/money/money.sql", f"SELECT {sql} AS total FROM orders.orders\n")
    mesh.write("policies/money.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: money-reads
description: The report reads orders.
owner: guild
grant: {contract: orders, role: reader, to: {products: [reports.money]}}
""")


@pytest.fixture
def both(applied):
    """The shop with a second major beside the first, in one release."""
    add_second(applied)
    applied.weft("apply", "--yes")
    applied.weft("run", "--all")
    return applied


def test_a_major_that_no_release_holds_is_not_read_as_empty(applied):
    """Nor is anything made of it: who reads it has to wait for the run that makes it."""
    add_second(applied)
    add_report(applied, "2.0.0", "count(*)")
    applied.weft("apply", "--yes")
    asked = applied.weft("query", 'SELECT count(*) FROM sales."orders@2".orders', "--as", "noor", ok=False)
    explained = applied.weft("explain", 'SELECT count(*) FROM sales."orders@2".orders', "--as", "noor").out
    assert 'sales.orders@2.orders: granted' in explained and "release" not in explained, explained
    assert "has no release yet" in asked.err and "weft run sales.orders" in asked.err, asked
    known = applied.rows("SELECT address, release FROM mesh.tables WHERE product = 'sales.orders' ORDER BY release", as_user="noor")
    assert known == [{"address": "sales.orders.orders", "release": 1}, {"address": "sales.orders@2.orders", "release": None}]
    run = applied.weft("run", "reports.money", ok=False)
    assert "has no release yet" in told(run) and "weft run sales.orders" in told(run), run
    applied.weft("run", "sales.orders")
    applied.weft("run", "reports.money")
    assert applied.rows("SELECT total FROM reports.money.money", as_user="ana") == [{"total": 4}]


def test_a_second_major_runs_beside_the_first(both):
    first = both.rows("SELECT id, amount FROM sales.orders.orders ORDER BY id LIMIT 1", as_user="noor")
    second = both.rows('SELECT id, cents FROM sales."orders@2".orders ORDER BY id LIMIT 1', as_user="noor")
    assert (first, second) == ([{"id": 1, "amount": 10.5}], [{"id": 1, "cents": 1050}])
    joined = both.rows('SELECT count(*) AS n FROM sales.orders.orders a JOIN sales."orders@2".orders b USING (id) '
                       "WHERE a.amount * 100 = b.cents", as_user="noor")
    assert joined == [{"n": 4}]
    # The first by its number too, and both in a past release.
    assert both.rows('SELECT amount FROM sales."orders@1".orders WHERE id = 1', as_user="noor") == [{"amount": 10.5}]
    assert both.rows('SELECT cents FROM sales."orders@2#2".orders WHERE id = 1', as_user="noor") == [{"cents": 1050}]
    assert both.rows("SELECT DISTINCT release FROM mesh.tables WHERE product = 'sales.orders'", as_user="noor") == [{"release": 2}]


def test_names_of_majors_that_are_not_there(both):
    for name in ('"orders@3"', '"orders@"', '"orders@02"', '"orders@2x"', '"orders@0"'):
        refused = both.weft("query", f"SELECT 1 FROM sales.{name}.orders", "--as", "noor", ok=False)
        assert refused.code == 66 and "does not exist" in refused.err, refused
    refused = both.weft("query", 'SELECT 1 FROM sales.orders."orders@2"', "--as", "noor", ok=False)
    assert refused.code == 66
    refused = both.weft("query", 'SELECT 1 FROM sales."orders@2".ordres', "--as", "noor", ok=False)
    assert 'did you mean sales."orders@2".orders?' in refused.err


def test_the_catalog_tells_of_both(both):
    tables = both.rows("SELECT address, name FROM mesh.tables WHERE product = 'sales.orders' ORDER BY 1", as_user="noor")
    assert tables == [{"address": "sales.orders.orders", "name": "orders"}, {"address": "sales.orders@2.orders", "name": "orders"}]
    columns = both.rows("SELECT name FROM mesh.columns WHERE table_address = 'sales.orders@2.orders' AND name = 'cents'", as_user="noor")
    assert columns == [{"name": "cents"}]
    shown = both.weft("show", "sales.orders").out
    assert "sales.orders@2.orders" in shown
    assert "cents" in both.weft("show", "sales.orders@2.orders").out
    assert "cents" not in both.weft("show", "sales.orders.orders").out


def test_lineage_tells_of_both(both):
    """By its address, as SQL spells it, and as a table of its product."""
    add_report(both, "2.0.0", "sum(cents)::BIGINT")
    both.weft("apply", "--yes")
    both.weft("run", "--all")
    def ends(*args):
        return {(edge["from"], edge["to"]) for edge in both.weft("lineage", *args, "--format", "json").json}
    made = ("sales.orders@2.orders", "reports.money.money")
    for name in ("sales.orders@2.orders", 'sales."orders@2".orders'):
        assert ends(name, "--down") == {made} and made not in ends(name, "--up")
        assert "cents" in both.weft("show", name).out
    assert ends("sales.orders", "--down") == {made} and ends("sales.orders.orders", "--down") == set()
    assert {to for _, to in ends("sales.orders", "--up")} == {"sales.orders.orders", "sales.orders@2.orders"}
    column = both.weft("lineage", "sales.orders@2.orders.cents", "--columns", "--down").out
    assert "reports.money.money" in column and "total" in column


def test_releases_of_both_are_compared(both):
    both.write("data/orders.csv", ROWS.replace("10.50", "11.00"))
    both.weft("run", "sales.orders")
    both.weft("run", "sales.orders", "--candidate")
    for asked in ("sales.orders", "sales.orders#candidate"):
        compared = both.weft("diff", asked, "--as", "noor", "--format", "json").json["tables"]
        changes = 0 if "#" in asked else 1
        assert {t["table"]: t["changed"] for t in compared} == {"orders": changes, "orders@2": changes}, asked
    (second,) = both.weft("diff", "sales.orders", "--table", "orders@2", "--rows", "5", "--as", "noor", "--format", "json").json["tables"]
    assert second["rows"] == [{"change": "changed", "key": ["1"], "column": "cents", "before": "1050", "after": "1100"}]


def test_policies_and_grants_cover_every_major(both):
    both.write("policies/mask.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: mask-personal-data
description: Personal data is shown only to those who need it.
owner: guild
mask: {columns: {table: [sales.orders.orders], column: [email]}, with: {method: "null"}}
""")
    both.weft("apply", "--yes")
    for product in ("orders", '"orders@2"'):
        assert both.rows(f"SELECT email FROM sales.{product}.orders WHERE id = 1", as_user="noor") == [{"email": None}]
        refused = both.weft("query", f"SELECT 1 FROM sales.{product}.orders", "--as", "eve", ok=False)
        assert refused.code == 77


@pytest.mark.parametrize("version, sql", [("1.0.0", "sum(amount)::BIGINT"), ("2.0.0", "sum(cents)::BIGINT")])
def test_the_version_of_an_input_picks_the_major(both, version, sql):
    add_report(both, version, sql)
    both.weft("apply", "--yes")
    both.weft("run", "--all")
    expected = 44 if version == "1.0.0" else 4350
    assert both.rows("SELECT total FROM reports.money.money", as_user="ana") == [{"total": expected}]
    table = "sales.orders.orders" if version == "1.0.0" else "sales.orders@2.orders"
    up = both.weft("lineage", "reports.money.money.total", "--format", "json").out
    assert f'"from":"{table}","to":"reports.money.money"' in up, up


def test_the_first_major_keeps_its_name(both):
    """Not even when it goes does the bare name come to mean another one."""
    (both.folder / f"{ORDERS}/v2/orders.sql").rename(both.folder / f"{ORDERS}/orders.sql")
    (both.folder / f"{ORDERS}/orders.odcs.yaml").unlink()
    edit(both, f"{ORDERS}/product.odps.yaml", "  - {name: orders, version: 1.0.0, contractId: orders}\n", "")
    said = told(both.weft("plan", ok=False))
    assert "the name sales.orders means major 1 of contract orders for good" in said


def test_a_file_of_a_major_that_no_contract_has(applied):
    applied.write(f"{ORDERS}/v3/orders.sql", SECOND_SQL)
    said = told(applied.weft("plan", ok=False))
    assert "no output of sales.orders has a table orders of major 3" in said
    assert f"{ORDERS}/orders.sql" in said


def test_a_second_major_without_sql_is_passed_through(applied):
    add_second(applied)
    (applied.folder / f"{ORDERS}/v2/orders.sql").unlink()
    said = told(applied.weft("plan", ok=False))
    assert f"write {ORDERS}/v2/orders.sql" in said
