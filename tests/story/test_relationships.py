"""Relationships: values of one table stand in another one, of the same contract, of another output, of an input, or it is said."""

import json

import pytest

from conftest import DOMAIN, MESH
from story_help import check, edit, the_error, told

CUSTOMERS = "domains/people/customers"
ORDERS = "domains/sales/orders"

GRANT = """\
apiVersion: weft/v1
kind: Policy
id: orders-read-customers
description: Orders read customers.
owner: guild
grant: {contract: customers, role: reader, to: {products: [sales.orders]}}
"""


def contract(id, tables, **more):
    return json.dumps({"apiVersion": "v3.1.0", "kind": "DataContract", "id": id, "version": "1.0.0", "status": "active",
                       "schema": tables, **more}, ensure_ascii=False)


def table(name, columns, **more):
    """Columns as `name type`, or with more keys."""
    properties = []
    for column in columns:
        column = column if isinstance(column, dict) else {"name": column.split()[0], "type": column.split()[1]}
        kind = column.pop("type")
        logical = {"int": "integer", "text": "string"}[kind]
        properties.append({"logicalType": logical, "physicalType": {"int": "INTEGER", "text": "VARCHAR"}[kind], **column})
    return {"name": name, "properties": properties, **more}


def product(name, inputs, outputs):
    return json.dumps({"apiVersion": "v1.0.0", "kind": "DataProduct", "id": f"p-{name}", "name": name, "version": "1.0.0",
                       "status": "active", "description": {"purpose": "Rows."},
                       "inputPorts": [{"name": port, "version": "1.0.0", "contractId": id} for port, id in inputs],
                       "outputPorts": [{"name": port, "version": "1.0.0", "contractId": id} for port, id in outputs]})


def write(mesh, orders, inputs=(), source_tables=None, relation_of_source=None):
    """people.customers, and sales.orders with the tables of its output contract; each table from a CSV of its name."""
    mesh.write("mesh.yaml", MESH)
    mesh.write("policies/read.policy.yaml", GRANT)
    mesh.write("domains/people/domain.yaml", DOMAIN.replace("sales", "people").replace("Sales", "People"))
    mesh.write("domains/sales/domain.yaml", DOMAIN)
    customers = [table("customers", [{"name": "id", "type": "int", "id": "cust-id"}, "country text", "number int"], id="cust")]
    files = [{"server": "files", "type": "local", "path": "data/{table}.csv", "format": "csv"}]
    mesh.write(f"{CUSTOMERS}/product.odps.yaml", product("customers", [("crm", "crm-files")], [("customers", "customers")]))
    mesh.write(f"{CUSTOMERS}/customers.odcs.yaml", contract("customers", customers))
    mesh.write(f"{CUSTOMERS}/crm.odcs.yaml", contract("crm-files", customers, servers=files))
    mesh.write(f"{ORDERS}/product.odps.yaml", product("orders", [("shop", "shop-files"), *inputs], [("orders", "orders")]))
    mesh.write(f"{ORDERS}/orders.odcs.yaml", contract("orders", orders))
    bare = source_tables or [table(t["name"], [{"name": p["name"], "type": "int" if p["logicalType"] == "integer" else "text"}
                                              for p in t["properties"]]) for t in orders]
    mesh.write(f"{ORDERS}/shop.odcs.yaml", contract("shop-files", bare, servers=files))
    mesh.write("data/customers.csv", "id,country,number\n1,CH,1\n2,CH,2\n3,DE,1\n")
    mesh.write("data/orders.csv", "id,customer,country,number\n1,1,CH,1\n2,9,CH,9\n3,,DE,\n4,9,,1\n")
    mesh.write("data/lines.csv", "order_id,position\n1,1\n1,2\n7,1\n")


def orders_table(customer=None, **more):
    return table("orders", ["id int", {"name": "customer", "type": "int", **(customer or {})}, "country text", "number int"], **more)


def relates(*to, **more):
    return {"relationships": [{"to": one, **more} for one in to]}


def run(mesh):
    mesh.weft("apply", "--yes")
    mesh.weft("run", "people.customers")
    return mesh.weft("run", "sales.orders", ok=None)


def verdicts(mesh):
    return mesh.rows("SELECT table_name, column_name, verdict, rows_failed, message FROM mesh.checks WHERE kind = 'relationship' "
                     "ORDER BY rule_id", as_user="ana")


def test_between_tables_of_one_contract(mesh):
    lines = table("lines", [{"name": "order_id", "type": "int", **relates("orders.id")}, "position int"])
    write(mesh, [orders_table(), lines])
    refused = run(mesh)
    assert refused.code == 65
    assert "lines: order_id must be in orders.id: found 1 of 3 rows that does not (33.33 percent)" in told(refused)
    assert [(r["table_name"], r["verdict"], r["rows_failed"]) for r in verdicts(mesh)] == [("lines", "fail", 1)]
    mesh.write("data/lines.csv", "order_id,position\n1,1\n,2\n4,1\n")
    assert mesh.weft("run", "sales.orders").code == 0
    assert {r["verdict"]: r["message"] for r in verdicts(mesh)}["pass"] == "order_id must be in orders.id: found none of 3 rows"


def test_within_one_table_and_by_ids(mesh):
    write(mesh, [table("orders", [{"name": "id", "type": "int", "id": "o_id"}, {"name": "customer", "type": "int",
                 **relates("/schema/o/properties/o_id")}, "country text", "number int"], id="o")])
    refused = run(mesh)
    assert "customer must be in orders.id: found 2 of 4 rows that do not (50 percent)" in told(refused)


def test_of_an_input_through_the_gate(mesh):
    """The target is another domain's product, pinned like any input; a warning is published."""
    customer = relates("../../people/customers/customers.odcs.yaml#/schema/cust/properties/cust-id",
                       customProperties=[{"property": "onFailure", "value": "warn"}])
    write(mesh, [orders_table(customer)], [("customers", "customers")])
    answer = run(mesh)
    assert answer.code == 0, told(answer)
    row, = verdicts(mesh)
    assert (row["verdict"], row["rows_failed"], row["column_name"]) == ("fail", 2, "customer")
    assert "customers.odcs.yaml cust.cust-id: found 2 of 4 rows that do not (50 percent)" in row["message"]
    # Who may not read the target cannot have it compared: that is no pass.
    mesh.write("policies/read.policy.yaml", GRANT.replace("sales.orders", "sales.nothing"))
    edit(mesh, f"{ORDERS}/orders.odcs.yaml", '"warn"', '"reject"')
    mesh.weft("apply", "--yes", ok=None)
    refused = mesh.weft("run", "sales.orders", ok=False)
    assert "cannot be checked: you may not read customers.customers" in told(refused)


def test_a_key_of_two_columns_ignores_rows_with_a_null(mesh):
    relation = {"from": ["orders.country", "orders.number"],
                "to": [f"../../people/customers/customers.odcs.yaml#/schema/customers/properties/{c}" for c in ("country", "number")]}
    write(mesh, [orders_table(relationships=[relation])], [("customers", "customers")])
    refused = run(mesh)
    assert refused.code == 65
    assert ("country, number must be in ../../people/customers/customers.odcs.yaml customers (country, number): "
            "found 1 of 4 rows that does not (25 percent)") in told(refused)


def test_of_a_source_contract(mesh):
    """Inputs are held against their own relationships, before anything is made of them."""
    orders = orders_table()
    lines = table("lines", [{"name": "order_id", "type": "int", **relates("orders.id")}, "position int"])
    write(mesh, [orders], source_tables=[orders, lines])
    refused = run(mesh)
    assert refused.code == 65 and "inputs" in told(refused)
    assert "order_id must be in orders.id: found 1 of 3 rows" in told(refused)


@pytest.mark.parametrize("to, message, hint", [
    ("nothing.id", "there is no such table", ""),
    ("orders.nothing", "there is no such column", ""),
    ("orders.country", "the types at both ends of the relationship differ", ""),
    ("../../people/customers/customers.odcs.yaml#/schema/cust/properties/cust-id", "which is no input of sales.orders",
     "add it to inputPorts of domains/sales/orders/product.odps.yaml: {name: NAME, version: 1.0.0, contractId: customers}"),
])
def test_what_leads_nowhere_is_refused_by_check(mesh, to, message, hint):
    write(mesh, [orders_table(relates(to))])
    found = the_error(check(mesh))
    assert message in found["message"] and hint in (found.get("hint") or ""), found


def test_a_table_that_the_target_lacks(mesh):
    write(mesh, [orders_table(relates("../../people/customers/customers.odcs.yaml#/schema/other/properties/x"))],
          [("customers", "customers")])
    assert "customers.odcs.yaml has no table other" in the_error(check(mesh))["message"]


def test_keys_of_unequal_length(mesh):
    write(mesh, [orders_table(relationships=[{"from": ["orders.country", "orders.number"], "to": ["orders.country"]}])])
    assert mesh.weft("check", ok=False).code != 0


def test_what_is_outside_of_the_mesh_is_said_and_never_passed(mesh):
    write(mesh, [orders_table(relates("https://example.com/x.odcs.yaml#/schema/a/properties/b"))])
    warned = mesh.weft("check")
    assert "is not checked: it is no contract of this mesh" in told(warned)
    assert run(mesh).code == 0
    row, = verdicts(mesh)
    assert row["verdict"] == "not executable" and "is no contract of an input of the product" in row["message"]
