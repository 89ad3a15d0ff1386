"""Releases that come back, and what is different between two of them."""

import pytest

from conftest import OUTPUT, ROWS, SQL
from story_help import ORDERS, audit, edit
from test_policies import ENTITLED, filtered, write_entitlements

SECOND = """\
id,customer,email,country,amount,ordered_on
1,Ada,ada@example.org,CH,10.50,2026-01-01
2,Bob,bob@example.com,AT,99.00,2026-01-02
4,Dan,,AT,7.75,2026-01-04
7,Gil,gil@example.com,CH,1.00,2026-02-01
8,Hal,hal@example.com,CH,1.00,2026-02-01
"""


@pytest.fixture
def twice(applied):
    """Release 1 and 2 of the orders."""
    applied.write("data/orders.csv", SECOND)
    applied.weft("run", "--all")
    return applied


def count(mesh, name="orders"):
    return mesh.rows(f'SELECT count(*) AS n FROM sales."{name}".orders', as_user="noor")[0]["n"]


def rollback(mesh, number, *args, ok=True, **how):
    return mesh.weft("rollback", "sales.orders", "--to", number, *args, ok=ok, **how)


# ---- rollback


@pytest.mark.smoke
def test_an_earlier_release_comes_back_at_once_as_a_new_one(twice):
    files = sorted(p.name for p in (twice.home / "files").rglob("*") if p.is_file())
    assert count(twice) == 5
    answer = rollback(twice, 1, "--reason", "amounts of Bob are wrong")
    assert "release 3 is release 1 again" in answer.out
    assert count(twice) == 4 and count(twice, "orders#2") == 5 and count(twice, "orders#3") == 4
    assert sorted(p.name for p in (twice.home / "files").rglob("*") if p.is_file()) == files
    rows = twice.rows("SELECT number, restores, is_current, rows FROM mesh.releases ORDER BY number", as_user="ana")
    assert rows == [{"number": 1, "restores": None, "is_current": False, "rows": 4},
                    {"number": 2, "restores": None, "is_current": False, "rows": 5},
                    {"number": 3, "restores": 1, "is_current": True, "rows": 4}]
    row = [r for r in audit(twice) if r["action"] == "rollback"][0]
    assert row["object"] == "sales.orders" and row["outcome"] == "done"
    assert '"restores":1' in str(row["detail"]).replace(" ", "").replace("'", '"')
    assert "amounts of Bob are wrong" in str(row["detail"])
    shown = twice.weft("show", "sales.orders", "--format", "json").json
    assert [r["restores"] for r in shown["releases"]] == [1, None, None]
    # The next run goes on from there.
    twice.weft("run", "--all")
    assert count(twice) == 5 and count(twice, "orders#4") == 5
    assert twice.weft("verify").code == 0


def test_lineage_and_labels_come_back_with_it(twice):
    before = twice.weft("lineage", "sales.orders", "--columns", "--format", "json").json
    rollback(twice, 1)
    after = twice.weft("lineage", "sales.orders", "--columns", "--format", "json").json
    assert [dict(e, release=0) for e in before] == [dict(e, release=0) for e in after]


def test_what_cannot_come_back(twice):
    assert "current" in rollback(twice, 2, ok=False).err
    answer = rollback(twice, 9, ok=False)
    assert answer.code == 66 and "does not exist" in answer.err
    assert rollback(twice, 0, ok=False).code == 2
    for name in ("sales.orders", "sales.orders#2"):
        answer = twice.weft("rollback", name, ok=False)
        assert answer.code == 2
        assert "hint: weft rollback sales.orders --to RELEASE; weft show sales.orders lists them" in answer.err
    answer = twice.weft("rollback", "sales.nothing", "--to", "1", ok=False)
    assert answer.code == 66
    assert count(twice) == 5


def test_who_may_bring_a_release_back(twice):
    answer = rollback(twice, 1, "--as", "noor", ok=False)
    assert answer.code == 77 and "may not run" in answer.err
    rollback(twice, 1, "--as", "ana")
    assert count(twice) == 4


def test_a_contract_that_has_moved_on_refuses(twice):
    edit(twice, f"{ORDERS}/orders.odcs.yaml", "version: 1.0.0", "version: 1.1.0")
    edit(twice, f"{ORDERS}/product.odps.yaml", "name: orders, version: 1.0.0", "name: orders, version: 1.1.0")
    twice.weft("apply", "--yes")
    answer = rollback(twice, 1, ok=False)
    assert answer.code == 75 and "does not fit its contract of today" in answer.err
    assert "contracts were orders 1.0.0 and are orders 1.1.0" in answer.err
    assert count(twice) == 5


def test_a_column_that_the_release_lacks_refuses(twice):
    edit(twice, f"{ORDERS}/orders.odcs.yaml", "      - {name: ordered_on",
         "      - {name: month, logicalType: integer, physicalType: INTEGER}\n      - {name: ordered_on")
    edit(twice, f"{ORDERS}/orders.sql", "amount,", "amount, CAST(month(ordered_on) AS INTEGER) AS month,")
    twice.weft("apply", "--yes")
    twice.weft("run", "--all")
    assert "it has no column month in orders" in rollback(twice, 1, ok=False).err


def test_a_label_of_then_that_is_gone_refuses(twice):
    """Readers of today would see what the label kept from them."""
    edit(twice, f"{ORDERS}/orders.sql", "email,", "'none' AS email,")
    edit(twice, f"{ORDERS}/orders.odcs.yaml", "physicalType: VARCHAR, classification: pii}", "physicalType: VARCHAR}")
    twice.weft("apply", "--yes")
    twice.weft("run", "--all")
    answer = rollback(twice, 1, ok=False)
    assert answer.code == 75 and "carries the label pii there, and not today" in answer.err


def test_a_label_that_came_later_on_what_it_was_made_of_refuses(shop):
    """Release 1 shows the customer as `country`; that customers are personal was declared after its SQL had changed."""
    edit(shop, f"{ORDERS}/orders.sql", "country,", "customer AS country,")
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    shop.write(f"{ORDERS}/orders.sql", SQL)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    edit(shop, f"{ORDERS}/shop.odcs.yaml", "{name: customer, logicalType: string, physicalType: VARCHAR}",
         "{name: customer, logicalType: string, physicalType: VARCHAR, classification: pii}")
    shop.weft("apply", "--yes")
    answer = rollback(shop, 1, ok=False)
    assert "column country of orders carries the label pii of what it was made of" in answer.err


def test_requirements_of_the_mesh_hold_for_it_too(twice):
    twice.write("policies/described.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: few-releases
description: A product has at most two releases.
owner: guild
require:
  query: SELECT address AS product, release FROM mesh.products WHERE release > 2
  message: at most two releases
""")
    twice.weft("apply", "--yes")
    answer = rollback(twice, 1, ok=False)
    assert answer.code == 65 and "few-releases is not met" in answer.err, answer
    assert count(twice) == 5


def test_entitlements_come_back_with_their_table(shop):
    """Who sees which rows stands in a table: with its release of before, who saw them before sees them again."""
    write_entitlements(shop, [("noor", "CH")])
    filtered(shop, ENTITLED)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    assert count(shop) == 2
    write_entitlements(shop, [("noor", "AT")])
    shop.weft("apply", "--yes")
    shop.weft("run", "sales.entitlements")
    assert count(shop) == 1
    shop.weft("rollback", "sales.entitlements", "--to", "1")
    assert count(shop) == 2


def test_over_http(twice):
    server = twice.serve()
    status, answer = server.call("POST", "/api/v1/products/sales.orders/rollback", {"release": 1})
    assert (status, answer) == (200, {"product": "sales.orders", "release": 3, "restores": 1, "replaces": 2})
    status, answer = server.call("POST", "/api/v1/products/sales.orders/rollback", {"release": 3})
    assert status == 409
    assert server.call("POST", "/api/v1/products/sales.orders/rollback", {})[0] == 400
    assert server.call("POST", "/api/v1/products/sales.orders/rollback", {"release": 1}, as_user="noor")[0] == 403


# ---- diff


@pytest.mark.smoke
def test_what_changed_between_two_releases_by_key(twice):
    answer = twice.weft("diff", "sales.orders#1", "sales.orders#2", "--as", "noor", "--rows", "5", "--format", "json").json
    assert (answer["from"], answer["to"]) == (1, 2)
    table = answer["tables"][0]
    numbers = {k: table[k] for k in ("key", "rows_before", "rows_after", "added", "removed", "changed")}
    assert numbers == {"key": ["id"], "rows_before": 4, "rows_after": 5, "added": 2, "removed": 1, "changed": 2}
    assert [(c["column"], c["changed"]) for c in table["columns"]] == [("email", 1), ("country", 1), ("amount", 1)]
    assert {(r["change"], r["key"][0], r["column"], r["before"], r["after"]) for r in table["rows"]} == {
        ("added", "7", None, None, None), ("added", "8", None, None, None), ("removed", "3", None, None, None),
        ("changed", "1", "email", "ada@example.com", "ada@example.org"), ("changed", "2", "country", "DE", "AT"),
        ("changed", "2", "amount", "20.00", "99.00")}
    text = twice.weft("diff", "sales.orders", "--as", "noor").out
    assert "sales.orders: release 1 -> 2" in text and "orders" in text
    back = twice.weft("diff", "sales.orders#2", "sales.orders#1", "--as", "noor", "--format", "json").json["tables"][0]
    assert (back["added"], back["removed"], back["changed"]) == (1, 2, 2)
    same = twice.weft("diff", "sales.orders#2", "sales.orders#2", "--as", "noor", "--format", "json").json["tables"][0]
    assert (same["added"], same["removed"], same["changed"], same["columns"]) == (0, 0, 0, [])


def test_each_sees_what_his_policies_show(twice):
    twice.write("policies/narrow.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: swiss-rows
description: Analysts see Swiss rows.
owner: guild
filter: {tables: {table: [sales.orders.orders]}, where: "country = 'CH'"}
""")
    twice.write("policies/mask.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: mask-personal-data
description: Nobody sees addresses.
owner: guild
mask: {columns: {classification: [pii]}, with: {method: "null"}}
""")
    twice.weft("apply", "--yes")
    table = twice.weft("diff", "sales.orders#1", "sales.orders#2", "--as", "noor", "--format", "json").json["tables"][0]
    assert (table["rows_before"], table["rows_after"], table["added"], table["removed"], table["changed"]) == (2, 3, 2, 1, 0)
    answer = twice.weft("diff", "sales.orders", "--as", "eve", "--format", "json").json
    assert answer["tables"] == [{"table": "orders", "status": "denied"}]
    assert twice.weft("diff", "sales.orders", "--table", "orders", "--as", "eve", ok=False).code == 77
    # Each comparison is a query of who asks.
    texts = [r["detail"] for r in audit(twice) if r["action"] == "query" and r["on_behalf"]]
    assert texts


def test_rows_without_a_key_one_sees_are_compared_as_a_whole(twice):
    twice.write("policies/mask.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: mask-ids
description: Nobody sees numbers.
owner: guild
mask: {columns: {column: [id]}, with: {method: "null"}}
""")
    twice.weft("apply", "--yes")
    table = twice.weft("diff", "sales.orders", "--as", "noor", "--rows", "3", "--format", "json").json["tables"][0]
    assert table["key"] == [] and table["changed"] is None
    assert (table["added"], table["removed"]) == (4, 3)
    # With their values as he sees them, since no key tells which they are.
    assert [r["change"] for r in table["rows"]] == ["added"] * 3 + ["removed"] * 3
    assert all(r["key"] == [] and r["column"] is None and (r["before"] is None) == (r["change"] == "added") for r in table["rows"])
    assert all("'id': NULL" in (r["after"] or r["before"]) and "'country': " in (r["after"] or r["before"]) for r in table["rows"])
    shown = twice.weft("diff", "sales.orders", "--as", "noor", "--rows", "1").out
    assert "{'id': NULL" in shown


def test_rows_from_before_the_key_are_compared_as_a_whole(shop):
    """Two of them have one key, so that no row says which it was."""
    shop.write(f"{ORDERS}/product.odps.yaml", (shop.folder / f"{ORDERS}/product.odps.yaml").read_text().replace(
        "name: orders, version: 1.0.0", "name: orders, version: 0.1.0"))
    edit(shop, f"{ORDERS}/orders.odcs.yaml", "version: 1.0.0", "version: 0.1.0")
    edit(shop, f"{ORDERS}/orders.odcs.yaml", ", primaryKey: true, primaryKeyPosition: 1", "")
    edit(shop, f"{ORDERS}/orders.sql", "raw_orders", "raw_orders UNION ALL SELECT 1, 'Ann', '', 'CH', 1, DATE '2026-01-01'")
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    edit(shop, f"{ORDERS}/orders.odcs.yaml", "name: id,", "name: id, primaryKey: true,")
    shop.write(f"{ORDERS}/orders.sql", SQL)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    table = shop.weft("diff", "sales.orders", "--format", "json", "--as", "noor").json["tables"][0]
    rows = count(shop)
    assert (table["key"], table["rows_before"], table["rows_after"]) == ([], rows + 1, rows)
    assert (table["added"], table["removed"], table["changed"]) == (0, 1, None)


def test_what_cannot_be_compared(twice):
    assert twice.weft("diff", "sales.orders#1", "sales.other#2", ok=False).code == 2
    assert twice.weft("diff", "sales.orders#x", ok=False).code == 2
    assert twice.weft("diff", "sales.orders#1", "sales.orders#9", ok=False).code == 66
    assert twice.weft("diff", "sales.nothing", ok=False).code == 66
    assert twice.weft("diff", "sales.orders", "--table", "nothing", ok=False).code == 66


def test_tables_that_came_and_went(twice):
    twice.write(f"{ORDERS}/orders.odcs.yaml", OUTPUT + """\
  - name: countries
    properties:
      - {name: country, logicalType: string, physicalType: VARCHAR, primaryKey: true, required: true}
""")
    twice.write(f"{ORDERS}/countries.sql", "SELECT DISTINCT country FROM shop.raw_orders\n")
    twice.weft("apply", "--yes")
    twice.weft("run", "--all")
    tables = twice.weft("diff", "sales.orders", "--as", "noor", "--format", "json").json["tables"]
    assert {t["table"]: t.get("status") for t in tables} == {"orders": None, "countries": "added"}
    tables = twice.weft("diff", "sales.orders#3", "sales.orders#2", "--as", "noor", "--format", "json").json["tables"]
    assert {t["table"]: t.get("status") for t in tables} == {"orders": None, "countries": "removed"}


def test_columns_that_came_and_went(twice):
    def told(*which, user="noor"):
        (table,) = twice.weft("diff", *which, "--as", user, "--format", "json").json["tables"]
        return [(c["column"], c["status"]) for c in table["columns"] if "status" in c]

    edit(twice, f"{ORDERS}/orders.odcs.yaml", "      - {name: ordered_on",
         "      - {name: month, logicalType: integer, physicalType: INTEGER}\n      - {name: ordered_on")
    edit(twice, f"{ORDERS}/orders.sql", "amount,", "amount, CAST(month(ordered_on) AS INTEGER) AS month,")
    twice.weft("apply", "--yes")
    assert told("sales.orders#1", "sales.orders#2") == [], "no release has it yet"
    twice.weft("run", "--all")
    assert told("sales.orders") == [("month", "added")]
    assert told("sales.orders#3", "sales.orders#2") == [("month", "removed")]
    assert told("sales.orders#1", "sales.orders#2") == []
    shown = twice.weft("diff", "sales.orders", "--as", "noor").out.splitlines()
    assert ["orders", "month", "-", "added"] in [line.split() for line in shown], shown
    # Of a column that is denied to him he is told nothing.
    twice.write("policies/months.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: no-months
description: Nobody sees months.
owner: guild
deny: {columns: {column: [month]}}
""")
    twice.weft("apply", "--yes")
    assert told("sales.orders") == []


def test_a_column_that_no_contract_has_any_more_is_named_to_nobody(shop):
    """No policy of today says whether one may know of it."""
    shop.write(f"{ORDERS}/product.odps.yaml", (shop.folder / f"{ORDERS}/product.odps.yaml").read_text().replace(
        "name: orders, version: 1.0.0", "name: orders, version: 0.1.0"))
    edit(shop, f"{ORDERS}/orders.odcs.yaml", "version: 1.0.0", "version: 0.1.0")
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    text = (shop.folder / f"{ORDERS}/orders.odcs.yaml").read_text()
    gone = [line for line in text.splitlines() if "name: email" not in line]
    shop.write(f"{ORDERS}/orders.odcs.yaml", "\n".join(gone) + "\n")
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    answer = shop.weft("diff", "sales.orders", "--as", "noor", "--format", "json")
    assert answer.json["tables"][0]["rows_after"] == 4 and "email" not in answer.out
