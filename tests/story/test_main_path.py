"""From a folder of files to a governed answer."""

import json
import sqlite3

import pytest

from conftest import OUTPUT, ROWS, SQL, wait_for_end
from story_help import rewritten


@pytest.mark.smoke
def test_a_csv_file_becomes_a_release_that_analysts_can_ask(shop):
    planned = shop.weft("plan", "--format", "json").json
    assert {c["kind"] for c in planned["changes"]} >= {"mesh", "domain", "product", "table", "column", "policy", "sql"}
    assert all(c["action"] == "added" for c in planned["changes"])
    shop.weft("apply", "--yes")
    ran = shop.weft("run", "sales.orders")
    assert "sales.orders" in ran.out
    rows = shop.rows("SELECT id, customer, amount FROM sales.orders.orders ORDER BY id", as_user="noor")
    assert rows == [
        {"id": 1, "customer": "Ada", "amount": 10.50},
        {"id": 2, "customer": "Bob", "amount": 20.00},
        {"id": 3, "customer": "Cleo", "amount": 5.25},
        {"id": 4, "customer": "Dan", "amount": 7.75},
    ]


def test_the_answer_comes_in_each_format(applied):
    sql = "SELECT id, customer FROM sales.orders.orders WHERE id < 3 ORDER BY id"
    ask = ["query", sql, "--as", "noor", "--format"]
    assert json.loads(applied.weft(*ask, "json").out) == {
        "columns": [{"name": "id", "type": "INTEGER"}, {"name": "customer", "type": "VARCHAR"}],
        "rows": [[1, "Ada"], [2, "Bob"]]}
    assert applied.weft(*ask, "ndjson").out.splitlines() == ['{"id":1,"customer":"Ada"}', '{"id":2,"customer":"Bob"}']
    assert applied.weft(*ask, "csv").out.replace("\r\n", "\n") == "id,customer\n1,Ada\n2,Bob\n"
    table = applied.weft(*ask, "table").out
    assert "customer" in table and "Bob" in table and "(2 rows)" in table


def test_nothing_is_granted_by_default(applied):
    refused = applied.weft("query", "SELECT * FROM sales.orders.orders", "--as", "eve", ok=False)
    assert refused.code == 77
    assert "sales.orders.orders" in refused.err
    # The operator administers and reads nothing.
    refused = applied.weft("query", "SELECT * FROM sales.orders.orders", ok=False)
    assert refused.code == 77 and "--as" in refused.err


def test_owners_read_their_own_products(applied):
    assert len(applied.rows("SELECT * FROM sales.orders.orders", as_user="ana")) == 4


def test_apply_twice_changes_nothing(applied):
    again = applied.weft("apply", "--yes")
    assert "nothing" in (again.out + again.err).lower()
    before = applied.weft("status", "--format", "json").json["mesh_version"]
    applied.weft("apply", "--yes")
    assert applied.weft("status", "--format", "json").json["mesh_version"] == before


def test_a_past_release_keeps_its_name(applied):
    applied.write("data/orders.csv", ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n")
    applied.weft("run", "--all")
    count = "SELECT count(*) AS n FROM sales.{}.orders"
    assert applied.rows(count.format("orders"), as_user="noor") == [{"n": 5}]
    assert applied.rows(count.format('"orders#1"'), as_user="noor") == [{"n": 4}]
    assert applied.rows(count.format('"orders#2"'), as_user="noor") == [{"n": 5}]
    unknown = applied.weft("query", count.format('"orders#9"'), "--as", "noor", ok=False)
    assert unknown.code == 66


def test_an_unknown_name_is_told_with_its_place_and_a_guess(applied):
    wrong = applied.weft("query", "SELECT *\nFROM sales.orders.order", "--as", "noor", ok=False)
    assert "does not exist, or you may not discover it" in wrong.err
    assert "sales.orders.orders" in wrong.err
    assert "^" in wrong.err
    hidden = applied.weft("query", "SELECT nope FROM sales.orders.orders", "--as", "noor", ok=False)
    assert "nope" in hidden.err and "^" in hidden.err and hidden.code == 65


def test_many_tables_in_one_product_with_internal_ones(shop):
    shop.write("domains/sales/orders/internal/per_country.sql",
               "SELECT country, count(*) AS orders, sum(amount) AS amount FROM shop.raw_orders GROUP BY country\n")
    shop.write("domains/sales/orders/internal/big.sql", "SELECT * FROM self.per_country WHERE orders > 1\n")
    shop.write("domains/sales/orders/big_countries.sql", "SELECT country, orders FROM self.big\n")
    shop.write("domains/sales/orders/orders.odcs.yaml", OUTPUT + """\
  - name: big_countries
    properties:
      - {name: country, logicalType: string, physicalType: VARCHAR, required: true}
      - {name: orders, logicalType: integer, physicalType: BIGINT}
""")
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    assert shop.rows("SELECT * FROM sales.orders.big_countries", as_user="noor") == [{"country": "CH", "orders": 2}]
    # Internal tables are nobody's but the product's.
    shop.weft("query", "SELECT * FROM sales.orders.per_country", "--as", "ana", ok=False)


def test_a_product_reads_another_one_as_itself(shop):
    shop.write("domains/sales/totals/product.odps.yaml", """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-totals
name: totals
version: 1.0.0
status: active
inputPorts:
  - {name: orders, version: 1.0.0, contractId: orders}
outputPorts:
  - {name: totals, version: 1.0.0, contractId: totals}
""")
    shop.write("domains/sales/totals/totals.odcs.yaml", """\
apiVersion: v3.1.0
kind: DataContract
id: totals
version: 1.0.0
status: active
schema:
  - name: totals
    properties:
      - {name: country, logicalType: string, physicalType: VARCHAR, primaryKey: true, primaryKeyPosition: 1, required: true}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(38,2)"}
""")
    shop.write("domains/sales/totals/totals.sql",
               "SELECT country, sum(amount) AS amount FROM orders.orders GROUP BY country ORDER BY country\n")
    shop.weft("apply", "--yes")
    refused = shop.weft("run", "--all", ok=False)
    assert "not granted" in refused.err + refused.out or "sales.totals" in refused.err + refused.out
    shop.write("policies/totals.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: totals-read-orders
owner: guild
grant: {contract: orders, role: reader, to: {products: [sales.totals]}}
""")
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    assert shop.rows("SELECT * FROM sales.totals.totals ORDER BY country", as_user="ana") == [
        {"country": "AT", "amount": 7.75}, {"country": "CH", "amount": 15.75}, {"country": "DE", "amount": 20.0}]


def test_a_table_without_sql_is_passed_through(shop):
    (shop.folder / "domains/sales/orders/orders.sql").unlink()
    for name in ("shop.odcs.yaml",):
        path = shop.folder / "domains/sales/orders" / name
        path.write_text(path.read_text().replace("raw_orders", "orders"))
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    assert len(shop.rows("SELECT * FROM sales.orders.orders", as_user="noor")) == 4


def test_a_mask_and_a_filter_hold(applied):
    applied.write("policies/mask.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: mask-personal-data
owner: guild
mask:
  columns: {classification: [pii]}
  with: {method: "null"}
  except: {owners: true}
""")
    applied.write("policies/filter.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: only-switzerland
owner: guild
filter: {tables: {tag: [customer-rows]}, where: "country = 'CH'", except: {groups: [shop-team]}}
""")
    applied.weft("apply", "--yes")
    rows = applied.rows("SELECT id, email, country FROM sales.orders.orders ORDER BY id", as_user="noor")
    assert rows == [{"id": 1, "email": None, "country": "CH"}, {"id": 3, "email": None, "country": "CH"}]
    rows = applied.rows("SELECT id, email FROM sales.orders.orders ORDER BY id", as_user="ana")
    assert [r["email"] for r in rows] == ["ada@example.com", "bob@example.com", "cleo@example.com", None]


def test_what_mesh_tables_tell(applied):
    assert applied.rows("SELECT * FROM mesh.domains", as_user="eve")[0]["name"] == "sales"
    joined = applied.rows(
        "SELECT p.name, r.number FROM mesh.products p JOIN mesh.releases r ON r.product = p.address", as_user="noor")
    assert joined == [{"name": "orders", "number": 1}]
    columns = applied.rows("SELECT name FROM mesh.columns ORDER BY ordinal", as_user="noor")
    assert [c["name"] for c in columns][:2] == ["id", "customer"]


def test_a_server_serves_over_tcp_by_token_and_over_its_socket(applied):
    token = applied.weft("token", "create", "noor", "--format", "json").json["token"]
    server = applied.serve()
    status, answer = server.query("SELECT count(*) AS n FROM sales.orders.orders", token=token)
    assert (status, answer["rows"]) == (200, [[4]])
    assert server.query("SELECT 1", token="weft_wrong")[0] == 401
    assert server.call("GET", "/api/v1/status", token="")[0] == 401
    assert server.call("GET", "/health/live", token="")[0] == 200
    status, answer = server.query("SELECT count(*) FROM sales.orders.orders", as_user="noor")
    assert status == 200
    assert server.call("GET", "/health/ready")[0] == 200
    listed = [t for t in applied.weft("token", "list", "--format", "json").json if t["user"] == "noor"]
    applied.weft("token", "revoke", listed[0]["id"])
    assert server.query("SELECT 1", token=token)[0] == 401


def test_the_audit_is_a_chain(applied):
    applied.rows("SELECT 1 AS one FROM sales.orders.orders", as_user="noor")
    verdict = applied.weft("audit", "verify", "--format", "json").json
    assert verdict["whole"] is True and verdict["rows"] >= 3
    wait_for_end(applied.home)
    with rewritten(applied.home / "catalog.db") as db:
        with pytest.raises(sqlite3.IntegrityError):
            db.execute("UPDATE audit SET actor = 'mallory' WHERE sequence = 2")
        db.execute("DROP TRIGGER audit_is_not_changed")
        db.execute("UPDATE audit SET actor = 'mallory' WHERE sequence = 2")
    broken = applied.weft("audit", "verify", "--format", "json", ok=False)
    assert broken.json["whole"] is False and broken.json["broken_at"] == 2
