"""An input port says which versions and which columns its product needs: held at check, and told to the producer's plan."""

import json

import pytest

from story_help import ORDERS, check, edit, errors, the_error, told

CONTRACT = f"{ORDERS}/orders.odcs.yaml"
AMOUNT = "      - {name: amount, logicalType: number, physicalType: \"DECIMAL(12,2)\"}\n"
MONEY = "domains/reports/money"

PORT = """\
  - name: orders
    version: 1.0.0
    contractId: orders
    customProperties:
      - {property: versions, value: ">=1.0 <1.2"}
      - {property: columns, value: {orders: [id, amount]}}
"""

READER = """\
apiVersion: v1.0.0
kind: DataProduct
id: reports-money
name: money
version: 1.0.0
status: active
inputPorts:
PORTS
outputPorts:
  - {name: money, version: 1.0.0, contractId: money}
"""

MONEY_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: money
version: 1.0.0
status: active
schema:
  - name: money
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}
"""

GRANT = """\
apiVersion: weft/v1
kind: Policy
id: money-reads-orders
description: Money is counted from orders.
owner: guild
grant: {contract: orders, role: reader, to: {products: [reports.money]}}
"""


def add_reader(mesh):
    mesh.write("domains/reports/domain.yaml",
               "apiVersion: weft/v1\nkind: Domain\nname: reports\ntitle: Reports\nalignment: consumer\nowners: [user:noor]\n")
    mesh.write(f"{MONEY}/product.odps.yaml", READER.replace("PORTS\n", PORT))
    mesh.write(f"{MONEY}/money.odcs.yaml", MONEY_CONTRACT)
    mesh.write(f"{MONEY}/money.sql", "SELECT id, amount FROM orders.orders\n")
    mesh.write("policies/money.policy.yaml", GRANT)


@pytest.fixture
def read(shop):
    """The shop, and a product of another domain that reads it."""
    add_reader(shop)
    return shop


@pytest.fixture
def running(read):
    read.weft("apply", "--yes")
    read.weft("run", "--all")
    return read


def planned(mesh, *args):
    """A plan that is refused: findings, and changes of contracts."""
    answer = mesh.weft("plan", *args, "--format", "json", ok=False)
    assert answer.code == 65, answer
    document = json.loads(answer.err)
    return errors(document["findings"]), document["contract_changes"]


def test_a_port_takes_what_fits(read):
    check(read, ok=True)
    read.weft("apply", "--yes")
    read.weft("run", "--all")
    assert read.rows("SELECT sum(amount) AS s FROM reports.money.money", as_user="noor") == [{"s": 43.5}]


@pytest.mark.parametrize("value, problem", [
    ('">=1.x"', "versions: >=1.x is no part of a range of versions"),
    ('"1.2"', "versions: 1.2 is no part of a range of versions"),
    ('""', "versions: a range of versions says something"),
    ('">=2 <1"', "versions: no version is in this range"),
    ('["^1"]', "versions is a range of versions, as text"),
    ('"^2"', "the version of the input port orders is not in its range"),
])
def test_a_range_that_is_none_is_refused(read, value, problem):
    edit(read, f"{MONEY}/product.odps.yaml", '">=1.0 <1.2"', value)
    found = errors(check(read))
    assert problem in [f["message"] for f in found], found
    assert found[0]["file"] == f"{MONEY}/product.odps.yaml" and found[0]["line"] == 12


def test_a_range_that_no_version_fits_names_those_that_there_are(read):
    edit(read, CONTRACT, "version: 1.0.0", "version: 1.2.0")
    edit(read, f"{ORDERS}/product.odps.yaml", "{name: orders, version: 1.0.0", "{name: orders, version: 1.2.0")
    found = the_error(check(read))
    assert found["message"] == "reports.money, input port orders: no version of the contract orders is in its range"
    assert (found["found"], found["allowed"]) == ("1.2.0", ">=1.0 <1.2")
    assert (found["file"], found["line"]) == (f"{MONEY}/product.odps.yaml", 12)
    refused = read.weft("plan", ok=False)
    assert refused.code == 65 and "no version of the contract orders" in told(refused)


@pytest.mark.parametrize("columns, message, hint", [
    ("{orders: [id, amuont]}", "reports.money, input port orders names the column orders.amuont: "
                               "the contract orders 1.0.0 has no such column", "did you mean amount?"),
    ("{ordres: [id]}", "reports.money, input port orders names the column ordres.id: "
                       "the contract orders 1.0.0 has no such table", "did you mean orders?"),
    ("{orders: [id, id]}", "the column id stands here twice", ""),
    ("{orders: id}", "columns names columns of tables", ""),
    ("[]", "columns names columns of tables", ""),
])
def test_columns_that_are_not_there(read, columns, message, hint):
    edit(read, f"{MONEY}/product.odps.yaml", "{orders: [id, amount]}", columns)
    found = [f for f in errors(check(read)) if f["message"] == message]
    assert len(found) == 1, check(read)
    assert (found[0].get("hint") or "") == hint and found[0]["line"] == 13


def test_the_columns_of_the_only_table_need_no_name(read):
    edit(read, f"{MONEY}/product.odps.yaml", "{orders: [id, amount]}", "[id, amount]")
    check(read, ok=True)


@pytest.mark.parametrize("sql, column", [
    ("SELECT id, amount FROM orders.orders WHERE country = 'CH'", "country"),
    ("SELECT a.id, a.amount FROM orders.orders a JOIN orders.orders b ON a.customer = b.customer", "customer"),
    ("SELECT * FROM orders.orders", "country"),
    ("SELECT id, amount FROM self.kept", "email"),
])
def test_a_column_that_the_port_does_not_name_is_not_read(read, sql, column):
    read.write(f"{MONEY}/money.sql", sql + "\n")
    if "self.kept" in sql:
        read.write(f"{MONEY}/internal/kept.sql", "SELECT id, amount FROM orders.orders ORDER BY email\n")
    found = [f for f in errors(check(read)) if f"orders.orders.{column} is read" in f["message"]]
    assert len(found) == 1, errors(check(read))
    assert f"add {column} to columns of the port in {MONEY}/product.odps.yaml" in found[0]["hint"]


def test_rows_may_be_counted_without_a_column(read):
    read.write(f"{MONEY}/money.sql", "SELECT CAST(count(*) AS INTEGER) AS id, CAST(1 AS DECIMAL(12,2)) AS amount FROM orders.orders\n")
    check(read, ok=True)


def test_a_table_that_is_passed_through_reads_its_columns(read):
    (read.folder / MONEY / "money.sql").unlink()
    edit(read, f"{MONEY}/money.odcs.yaml", "  - name: money\n", "  - name: orders\n")
    check(read, ok=True)
    edit(read, f"{MONEY}/product.odps.yaml", "[id, amount]", "[id]")
    assert "orders.orders.amount is read" in the_error(check(read))["message"]


def test_the_plan_of_a_producer_names_whom_a_removed_column_breaks(running):
    edit(running, CONTRACT, AMOUNT, "")
    edit(running, f"{ORDERS}/orders.sql", "amount, ", "")
    found, changes = planned(running, "--domain", "sales", "--as", "ana")
    messages = [f["message"] for f in found]
    assert ("reports.money, input port orders names the column orders.amount: the contract orders 1.0.0 has no such column"
            in messages), messages
    (change,) = [c for c in changes if c["change"] == "column removed"]
    (consumer,) = change["evidence"]["products"]
    assert (consumer["product"], consumer["input"], consumer["names"], consumer["leaves"]) == (
        "reports.money", "orders", ["orders.amount"], None)
    assert "product reports.money (input port orders, names orders.amount, reads it)" in change["evidence"]["text"]


def test_a_column_that_nobody_names_is_nobodys_need(running):
    edit(running, CONTRACT, "      - {name: customer, logicalType: string, physicalType: VARCHAR}\n", "")
    edit(running, f"{ORDERS}/orders.sql", "customer, ", "")
    found, changes = planned(running, "--domain", "sales", "--as", "ana")
    assert not [f for f in found if "reports.money, input port" in f["message"]]
    (change,) = [c for c in changes if c["change"] == "column removed"]
    assert [c["names"] for c in change["evidence"]["products"]] == [[]]


def test_the_plan_of_a_producer_names_whose_range_a_version_leaves(running):
    edit(running, CONTRACT, "version: 1.0.0", "version: 1.2.0")
    edit(running, f"{ORDERS}/product.odps.yaml", "{name: orders, version: 1.0.0", "{name: orders, version: 1.2.0")
    found, changes = planned(running, "--domain", "sales", "--as", "ana")
    assert "reports.money, input port orders: no version of the contract orders is in its range" in [f["message"] for f in found]
    (change,) = [c for c in changes if c["change"] == "version raised"]
    (consumer,) = change["evidence"]["products"]
    assert (consumer["product"], consumer["input"], consumer["leaves"]) == ("reports.money", "orders", ">=1.0 <1.2")
    # A version that the range has is no matter.
    edit(running, CONTRACT, "version: 1.2.0", "version: 1.1.0")
    edit(running, f"{ORDERS}/product.odps.yaml", "{name: orders, version: 1.2.0", "{name: orders, version: 1.1.0")
    running.weft("apply", "--yes", "--domain", "sales", "--as", "ana")


def test_who_may_not_discover_a_consumer_learns_that_there_is_one(running):
    edit(running, f"{MONEY}/product.odps.yaml", "outputPorts:", "customProperties: [{property: visibility, value: restricted}]\noutputPorts:")
    running.weft("apply", "--yes")
    edit(running, CONTRACT, AMOUNT, "")
    edit(running, f"{ORDERS}/orders.sql", "amount, ", "")
    answer = running.weft("plan", "--domain", "sales", "--as", "ana", "--format", "json", ok=False)
    assert answer.code == 65 and "money" not in told(answer), answer
    document = json.loads(answer.err)
    assert "errors in files of products that you may not discover" in " ".join(f["message"] for f in document["findings"])
    (change,) = [c for c in document["contract_changes"] if c["change"] == "column removed"]
    assert (change["evidence"]["products"], change["evidence"]["products_hidden"]) == ([], 1)


def test_a_range_over_majors_keeps_to_the_one_that_the_port_names(running):
    """A new major beside the old one moves nobody; with the old one gone, a range that has both goes on with the new."""
    second = (running.folder / CONTRACT).read_text().replace("version: 1.0.0", "version: 2.0.0")
    running.write(f"{ORDERS}/orders-v2.odcs.yaml", second)
    running.write(f"{ORDERS}/v2/orders.sql", (running.folder / ORDERS / "orders.sql").read_text())
    edit(running, f"{ORDERS}/product.odps.yaml", "contractId: orders}\n", "contractId: orders}\n  - {name: orders, version: 2.0.0, contractId: orders}\n")
    edit(running, f"{MONEY}/product.odps.yaml", ">=1.0 <1.2", ">=1.0 <3")
    running.weft("apply", "--yes")
    product = running.weft("show", "reports.money", "--format", "json").json
    assert product["inputs"][0]["versions"] == ">=1.0 <3" and product["inputs"][0]["columns"] == ["orders.id", "orders.amount"]
    running.weft("run", "--all")
    assert running.rows("SELECT DISTINCT input_address AS a FROM mesh.lineage WHERE table_address = 'reports.money.money'",
                        as_user="noor") == [{"a": "sales.orders.orders"}]
