"""The mesh of the crash matrix: a product that is made anew, one that grows, one that diverts rows, and an analyst under a mask."""

from conftest import DOMAIN, GRANT, MESH, ROWS, write_shop

MORE = ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n"
MASK = """\
apiVersion: weft/v1
kind: Policy
id: mask-personal-data
description: Personal data is for the shop.
owner: guild
mask: {columns: {classification: [pii]}, with: {method: "null"}}
"""
PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-NAME
version: 1.0.0
status: active
inputPorts: [{name: files, version: 1.0.0, contractId: NAME-files}]
outputPorts: [{name: NAME, version: 1.0.0, contractId: NAME}]
"""
HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: {id}\nversion: 1.0.0\nstatus: active\n"
SOURCE = "servers: [{server: files, type: local, path: data/NAME.csv, format: csv}]\nschema:\n  - name: raw\n    properties:\n"
COLUMNS = """\
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: KEY}
      - {name: country, logicalType: string}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}
      - {name: changed, logicalType: timestamp, physicalType: TIMESTAMP, required: true}
"""
MERGE = ("    customProperties:\n      - {property: materialization, value: incremental}\n"
         "      - {property: incremental, value: {mode: merge, key: changed}}\n")
KNOWN = (", quality: [{id: country-known, metric: invalidValues, arguments: {validValues: [CH, DE, AT]}, mustBe: 0, "
         "customProperties: [{property: onFailure, value: quarantine}]}]}")


def event(number, second, country="CH", amount=1):
    return f"{number},{country},{amount}.00,2026-01-01 00:00:{second:02}\n"


def put(mesh, name, rows):
    mesh.write(f"data/{name}.csv", "id,country,amount,changed\n" + "".join(rows))


def write_product(mesh, name, table, columns, sql, status="active"):
    folder = f"domains/sales/{name}"
    mesh.write(f"{folder}/product.odps.yaml", PRODUCT.replace("NAME", name))
    mesh.write(f"{folder}/files.odcs.yaml", HEAD.format(id=f"{name}-files") + SOURCE.replace("NAME", name) + COLUMNS.replace("KEY", "false"))
    mesh.write(f"{folder}/{name}.odcs.yaml", HEAD.format(id=name).replace("active", status) + f"schema:\n  - name: {name}\n" + table + "    properties:\n" + columns)
    mesh.write(f"{folder}/{name}.sql", sql)


def write_mesh(mesh):
    write_shop(mesh)
    mesh.write("mesh.yaml", MESH)
    mesh.write("domains/sales/domain.yaml", DOMAIN)
    keyed = COLUMNS.replace("KEY", "true")
    write_product(mesh, "events", MERGE, keyed, "SELECT id, country, amount, changed FROM files.raw WHERE changed > $since\n")
    write_product(mesh, "checked", "    customProperties: [{property: quarantineMost, value: 5}]\n",
                  keyed.replace("country, logicalType: string}", "country, logicalType: string" + KNOWN),
                  "SELECT id, country, amount, changed FROM files.raw\n", status="draft")
    mesh.write("policies/events.policy.yaml", GRANT.replace("orders", "events"))
    mesh.write("policies/mask.policy.yaml", MASK)
    put(mesh, "events", [event(i, i) for i in range(1, 9)])
    put(mesh, "checked", [event(i, i) for i in range(1, 9)])


def grow(mesh):
    """New rows, and others in the place of some that are there."""
    put(mesh, "events", [event(i, i) for i in range(1, 9)] + [event(i, 20 + i, "DE", 7) for i in (2, 5, 9, 10)])


def spoil(mesh):
    """Rows that a rule diverts."""
    put(mesh, "checked", [event(i, i) for i in range(1, 9)] + [event(20, 40, "XX"), event(21, 41, "YY")])
