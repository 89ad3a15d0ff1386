"""Large tables: several files, split by key ranges that hold from release to release."""

import json

import pytest

from conftest import Mesh  # noqa: F401

MESH = """\
apiVersion: weft/v1
kind: Mesh
name: shop
admins: [user:root]
users: {ana: {groups: [team]}, noor: {groups: [analysts]}}
sources: {roots: [data/]}
"""
DOMAIN = """\
apiVersion: weft/v1
kind: Domain
name: sales
owners: [user:ana]
"""
PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-orders
version: 1.0.0
status: active
inputPorts: [{name: files, version: 1.0.0, contractId: shop}]
outputPorts: [{name: orders, version: 1.0.0, contractId: orders}]
"""
HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: {id}\nversion: 1.0.0\nstatus: active\n"
TABLE = """\
schema:
  - name: orders
    tags: [rows]
    customProperties: [{custom}]
    properties:
      - {{name: id, logicalType: integer, physicalType: BIGINT{key}}}
      - {{name: country, logicalType: string}}
      - {{name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}}
"""
GRANT = "grant: {contract: orders, role: reader, to: {groups: [analysts, team]}}"
SWISS = "filter: {tables: {tag: [rows]}, where: \"country = 'CH'\", except: {users: [ana]}}"
KEY = ", primaryKey: true, required: true"
CLUSTER = "{property: clusterBy, value: [country]}"


def policy(mesh, name, text):
    mesh.write(f"policies/{name}.policy.yaml",
               f"apiVersion: weft/v1\nkind: Policy\nid: {name}\nowner: guild\ndescription: story\n{text}\n")


def rows(count, countries=("CH", "DE", "AT", "FR")):
    return {i: (countries[i % len(countries)], f"{i % 997}.50") for i in range(count)}


def put(mesh, table, order=None):
    lines = [f"{i},{table[i][0] or ''},{table[i][1]}" for i in (order or sorted(table))]
    mesh.write("data/orders.csv", "id,country,amount\n" + "\n".join(lines) + "\n")


@pytest.fixture
def large(mesh):
    """A mesh of one table, in which a file takes a thousand rows at most."""
    mesh.env["WEFT_PART_ROWS_MAX"] = "1000"

    def make(key=KEY, custom="", sql=None):
        mesh.write("mesh.yaml", MESH)
        mesh.write("domains/sales/domain.yaml", DOMAIN)
        mesh.write("domains/sales/orders/product.odps.yaml", PRODUCT)
        mesh.write("domains/sales/orders/shop.odcs.yaml", HEAD.format(id="shop") +
                   "servers: [{server: files, type: local, path: data/orders.csv, format: csv}]\n" +
                   TABLE.format(key="", custom=""))
        mesh.write("domains/sales/orders/orders.odcs.yaml", HEAD.format(id="orders") +
                   TABLE.format(key=key, custom=custom))
        if sql:
            mesh.write("domains/sales/orders/orders.sql", sql)
        policy(mesh, "grant", GRANT)
        return mesh

    return make


def run(mesh):
    """Runs, and gives the files of the release in their order: (name, rows, low, high of id)."""
    mesh.weft("run", "--all")
    return files(mesh)


def files(mesh):
    import sqlite3
    with sqlite3.connect(f"file:{mesh.home}/catalog.db?mode=ro", uri=True) as db:
        found = db.execute(
            "SELECT f.sha256, f.rows FROM release r JOIN release_file p ON p.release_id = r.id JOIN file f ON f.id = p.file_id "
            "WHERE r.id = (SELECT max(id) FROM release) ORDER BY p.table_id, p.part").fetchall()
    return found


def path(mesh, file):
    return mesh.home / "files" / file[0][:2] / file[0]


def read(mesh, file):
    import duckdb
    return duckdb.sql(f"SELECT id, country, amount FROM read_parquet('{path(mesh, file)}')").fetchall()


def whole(mesh, found):
    return [row for file in found for row in read(mesh, file)]


def expected(table):
    import decimal
    return [(i, table[i][0], decimal.Decimal(table[i][1])) for i in sorted(table)]


def count(mesh, user="ana"):
    return mesh.rows("SELECT count(*) AS n, sum(id)::BIGINT AS ids FROM sales.orders.orders", as_user=user)


def test_a_small_table_is_one_file_and_a_large_one_several(large):
    mesh = large()
    put(mesh, rows(1000))
    mesh.weft("apply", "--yes")
    assert [f[1] for f in run(mesh)] == [1000]
    table = rows(5000)
    # In another order than that of the key.
    put(mesh, table, sorted(table, key=lambda i: i * 7919 % 5003))
    found = run(mesh)
    assert 5 <= len(found) <= 8 and all(250 <= f[1] <= 1000 for f in found)
    assert whole(mesh, found) == expected(table), "by the key, over all files"
    assert all(path(mesh, f).stat().st_mode & 0o777 == 0o444 for f in found)
    assert count(mesh) == [{"n": 5000, "ids": sum(table)}]
    assert mesh.weft("verify", "--format", "json").json["damaged"] == []


def test_a_changed_row_changes_one_file(large):
    mesh = large()
    table = rows(6000)
    put(mesh, table)
    mesh.weft("apply", "--yes")
    first = run(mesh)
    assert len(first) >= 6

    table[2500] = ("CH", "1.00")
    put(mesh, table)
    changed = run(mesh)
    assert len(changed) == len(first) and len(set(first) - set(changed)) == 1

    # One less, and one more before and after; also in another order of the source.
    del table[10]
    put(mesh, table, sorted(table, reverse=True))
    gone = run(mesh)
    assert len(set(changed) - set(gone)) == 1
    table[-5] = ("DE", "2.00")
    table[9000] = ("DE", "2.00")
    put(mesh, table)
    grown = run(mesh)
    assert len(set(gone) - set(grown)) <= 2 and whole(mesh, grown) == expected(table)
    assert count(mesh) == [{"n": len(table), "ids": sum(table)}]
