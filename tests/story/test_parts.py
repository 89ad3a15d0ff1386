"""Large tables: several files, split by key ranges that hold from release to release."""

import json
import os
import pty
import subprocess

import pytest

from conftest import WEFT

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


def cleared(mesh):
    return [p for p in (mesh.home / "cleared").rglob("*.parquet")]


def test_files_of_one_value_are_cleared_by_name_alone(large):
    mesh = large(custom=CLUSTER)
    table = {i: row for i, row in rows(3200).items()}
    for i in range(3200, 3205):
        table[i] = ("BE", "1.00")  # few, between AT and CH
    put(mesh, table)
    policy(mesh, "swiss", SWISS)
    mesh.weft("apply", "--yes")
    found = run(mesh)
    values = [sorted({row[1] for row in read(mesh, f)}) for f in found]
    assert values == [["AT"], ["BE"], ["CH"], ["DE"], ["FR"]]
    swiss = mesh.rows("SELECT country, count(*) AS n FROM sales.orders.orders GROUP BY country", as_user="noor")
    assert swiss == [{"country": "CH", "n": 800}]
    assert cleared(mesh) == [], "every file is visible as it is, or hidden"
    # Without it each file holds all countries, and a copy of each is made.
    mesh.write("domains/sales/orders/orders.odcs.yaml", HEAD.format(id="orders") + TABLE.format(key=KEY, custom=""))
    mesh.weft("apply", "--yes")
    found = run(mesh)
    assert mesh.rows("SELECT count(*) AS n FROM sales.orders.orders", as_user="noor") == [{"n": 800}]
    assert len(cleared(mesh)) == len(found) > 3


def test_a_value_with_too_many_rows_goes_by_the_next_column(large):
    mesh = large(custom=CLUSTER)
    table = {i: ("CH" if i % 4 else None, "1.00") for i in range(4000)}
    table |= {i: ("DE", "1.00") for i in range(4000, 4400)}
    put(mesh, table)
    mesh.weft("apply", "--yes")
    found = run(mesh)
    values = [sorted({str(row[1]) for row in read(mesh, f)}) for f in found]
    assert values == [["CH"]] * 4 + [["DE"], ["None"]]
    ordered = sorted(table, key=lambda i: (table[i][0] or "ZZ", i))
    assert [row[0] for row in whole(mesh, found)] == ordered
    # A new one among them changes the one file of its range.
    table[5001] = ("CH", "3.00")
    table[-1] = ("CH", "3.00")
    put(mesh, table)
    changed = run(mesh)
    assert len(set(found) - set(changed)) == 2 and len(changed) == len(found)
    assert mesh.rows("SELECT count(*) AS n FROM sales.orders.orders WHERE country IS NULL", as_user="ana") == [{"n": 1000}]


def test_without_a_key_rows_keep_their_order(large):
    mesh = large(key="")
    table = rows(3700)
    order = sorted(table, key=lambda i: i * 7919 % 3701)
    put(mesh, table, order)
    mesh.weft("apply", "--yes")
    found = run(mesh)
    assert [row[0] for row in whole(mesh, found)] == order
    assert [f[1] for f in found] == [750, 750, 750, 750, 700]
    # What is appended changes the last file.
    table |= {i: ("CH", "1.00") for i in range(4000, 4400)}
    put(mesh, table, order + list(range(4000, 4400)))
    grown = run(mesh)
    assert found[:-1] == grown[:4] and [f[1] for f in grown[4:]] == [750, 350]


def test_many_files_of_rows_in_any_order_are_sorted_once(large):
    mesh = large(custom="{property: clusterBy, value: [country, id]}", key="")
    countries = tuple(f"C{i:02}" for i in range(40))
    table = rows(12000, countries)
    put(mesh, table, sorted(table, key=lambda i: i * 7919 % 12007))
    mesh.weft("apply", "--yes")
    found = run(mesh)
    assert len(found) >= 12
    assert [row[0] for row in whole(mesh, found)] == sorted(table, key=lambda i: (table[i][0], i))
    # In order already: the same rows are the same files.
    put(mesh, table, sorted(table, key=lambda i: (table[i][0], i)))
    assert run(mesh) == found


def test_the_number_of_files_stays_bounded(large):
    """Over many releases in which ranges grow and shrink; never more than 200, however small they could be."""
    mesh = large()
    mesh.env["WEFT_PART_ROWS_MAX"] = "100"
    table = rows(4000)
    put(mesh, table)
    mesh.weft("apply", "--yes")
    most = 0
    for turn in range(8):
        low = turn * 500
        for i in range(low, low + 450):
            table.pop(i, None)
        for i in range(5000 + turn * 1000, 5000 + turn * 1000 + 130):
            table[i] = ("AT", "1.00")
        put(mesh, table)
        found = run(mesh)
        most = max(most, len(found))
        assert whole(mesh, found) == expected(table)
        # Two neighbours that would fit into one file are one, once one of them is small.
        sizes = [f[1] for f in found]
        assert all(a >= 25 and b >= 25 or a + b > 100 for a, b in zip(sizes, sizes[1:])), sizes
    assert len(found) < most and most <= 60
    table = rows(30000)
    put(mesh, table)
    found = run(mesh)
    assert 60 < len(found) <= 200 and whole(mesh, found) == expected(table)


READER = """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-copy
version: 1.0.0
status: active
inputPorts: [{name: input, version: 1.0.0, contractId: orders}]
outputPorts: [{name: copy, version: 1.0.0, contractId: copy}]
"""


def all_files(mesh):
    return {p.name for p in (mesh.home / "files").rglob("*") if p.is_file()}


def test_readers_of_many_files(large):
    """Builds, what is passed through, the catalog, past releases, and the sweep of what none of them names."""
    mesh = large()
    mesh.write("domains/sales/copies/product.odps.yaml", READER)
    mesh.write("domains/sales/copies/copy.odcs.yaml", HEAD.format(id="copy") + TABLE.format(key=KEY, custom="") +
               "  - name: sums\n    properties: [{name: country, logicalType: string}, "
               "{name: n, logicalType: integer, physicalType: BIGINT}]\n")
    mesh.write("domains/sales/copies/sums.sql", "SELECT country, count(*) AS n FROM input.orders GROUP BY ALL ORDER BY ALL")
    policy(mesh, "copy", "grant: {contract: copy, role: reader, to: {groups: [analysts, team]}}")
    policy(mesh, "input", "grant: {contract: orders, role: reader, to: {products: [sales.copies]}}")
    table = rows(4000)
    put(mesh, table)
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    sums = [{"country": c, "n": 1000} for c in ("AT", "CH", "DE", "FR")]
    assert mesh.rows("SELECT * FROM sales.copies.sums ORDER BY ALL", as_user="noor") == sums
    both = "SELECT count(*) AS n FROM sales.copies.orders c JOIN sales.orders.orders o USING (id, country, amount)"
    assert mesh.rows(both, as_user="noor") == [{"n": 4000}]
    told = mesh.rows("SELECT product, files, rows FROM mesh.releases ORDER BY ALL", as_user="ana")
    assert told == [{"product": "sales.copies", "files": 7, "rows": 4004}, {"product": "sales.orders", "files": 6, "rows": 4000}]
    first = all_files(mesh)

    table[77] = ("CH", "9.00")
    put(mesh, table)
    mesh.weft("run", "--all")
    assert 1 <= len(all_files(mesh) - first) <= 2, "at most one of each product: equal rows are equal files"
    nine = "SELECT sum(amount)::BIGINT AS s FROM sales.\"orders%s\".orders WHERE id = 77"
    assert mesh.rows(nine % "", as_user="ana") == [{"s": 9}]
    assert mesh.rows(nine % "#1", as_user="ana") == [{"s": 78}]
    # Started anew, and swept: what a release names stays, whichever it shares it with.
    kept = all_files(mesh)
    server = mesh.serve(http=False)
    assert mesh.rows(both, as_user="noor") == [{"n": 4000}]
    server.stop()
    assert all_files(mesh) == kept
    assert mesh.weft("verify", "--format", "json").json["damaged"] == []


def test_many_files_asked_again(large):
    """The engine takes many files by name once it has met them, and by id where a column has another name or type than they have."""
    mesh = large(sql="SELECT id, country, amount FROM files.orders")
    contract = (mesh.folder / "domains/sales/orders/orders.odcs.yaml").read_text().replace("{name: country", "{id: c, name: country")
    contract = contract.replace("status: active", "status: draft")  # a rename breaks what is promised
    mesh.write("domains/sales/orders/orders.odcs.yaml", contract)
    policy(mesh, "filter", SWISS)
    put(mesh, rows(8000))
    mesh.weft("apply", "--yes")
    assert len(run(mesh)) > 4
    server = mesh.serve(http=False)
    old = "SELECT country, count(*) AS n, sum(amount) AS s FROM sales.{}.orders GROUP BY country"
    new = "SELECT land, count(*) AS n, typeof(any_value(amount)) AS t FROM sales.{}.orders GROUP BY land"
    for user, groups in (("noor", 1), ("ana", 4)):
        answers = [server.query(old.format("orders"), as_user=user)[1]["rows"] for _ in range(4)]
        assert len(answers[0]) == groups and all(sorted(a) == sorted(answers[0]) for a in answers)

    mesh.write("domains/sales/orders/orders.odcs.yaml", contract.replace("name: country", "name: land").replace("(12,2)", "(14,2)"))
    mesh.write("domains/sales/orders/orders.sql", "SELECT id, country AS land, amount FROM files.orders")
    policy(mesh, "filter", SWISS.replace("country =", "land ="))
    mesh.weft("apply", "--yes")
    for _ in range(3):
        assert server.query(new.format("orders"), as_user="noor")[1]["rows"] == [["CH", 2000, "DECIMAL(14,2)"]]
        status, error = server.query(old.format("orders"), as_user="noor")
        assert status != 200 and "country" in error["detail"]
    mesh.weft("run", "--all")
    for _ in range(3):
        assert server.query(new.format("orders"), as_user="noor")[1]["rows"] == [["CH", 2000, "DECIMAL(14,2)"]]
    server.stop()


@pytest.mark.parametrize("fault", ["RUN_PARTS", "STORE_WRITE", "STORE_SYNC", "STORE_MOVE", "PUBLISH_BEFORE_COMMIT",
                                   "PUBLISH_AFTER_COMMIT"])
def test_killed_with_several_files_on_the_way(large, fault):
    mesh = large()
    table = rows(3000)
    put(mesh, table)
    mesh.weft("apply", "--yes")
    before = run(mesh)
    names = all_files(mesh)
    table = {i: (c, "5.00") for i, (c, _) in table.items()}
    put(mesh, table)
    server = mesh.serve(env={"WEFT_FAULT": f"{fault}:kill"}, http=False)
    assert mesh.weft("run", "--all", ok=None).code != 0
    server.process.wait(60)
    assert server.process.returncode == -9
    assert mesh.weft("verify", "--format", "json").json["damaged"] == []
    fives = "SELECT count(*) AS n FROM sales.orders.orders WHERE amount = 5"
    if fault == "PUBLISH_AFTER_COMMIT":
        assert mesh.rows(fives, as_user="ana") == [{"n": 3000}]
    else:
        assert files(mesh) == before and mesh.rows(fives, as_user="ana") == [{"n": sum(r[2] == 5 for r in whole(mesh, before))}]
        assert all_files(mesh) == names, "moved, and named by nobody"
    run(mesh)
    assert mesh.rows(fives, as_user="ana") == [{"n": 3000}]
    assert mesh.weft("verify", "--format", "json").json["damaged"] == []


def test_plan_advises_what_to_cluster_by(large):
    mesh = large()
    put(mesh, rows(900))
    policy(mesh, "swiss", SWISS)
    mesh.weft("apply", "--yes")
    run(mesh)
    assert "clusterBy" not in plan(mesh), "a small table has one file"
    put(mesh, rows(2000))
    run(mesh)
    assert "clusterBy: [country] on sales.orders.orders would make clearing of policy swiss cheap" in plan(mesh)
    policy(mesh, "swiss", "filter: {tables: {tag: [rows]}, where: \"id > 5\", except: {users: [ana]}}")
    assert "clusterBy" not in plan(mesh), "a range is of no use here"
    policy(mesh, "swiss", SWISS)
    mesh.write("domains/sales/orders/orders.odcs.yaml", HEAD.format(id="orders") + TABLE.format(key=KEY, custom=CLUSTER))
    assert "clusterBy" not in plan(mesh)


def plan(mesh):
    answer = mesh.weft("plan")
    return answer.out + answer.err


# ---- how far a cold query is

def told_of_a_cold_query(server, user):
    """What comes before the columns."""
    status, answer = server.call("POST", "/api/v1/query", {"sql": "SELECT count(*) FROM sales.orders.orders", "format": "rows"},
                                 as_user=user, raw=True)
    lines = [json.loads(line) for line in answer.splitlines()]
    head = next(i for i, line in enumerate(lines) if "columns" in line)
    assert status == 200 and "end" in lines[-1], lines
    return [line["progress"] for line in lines[:head] if line["progress"]["step"] == "clear"], lines[head + 1][0]


MASK = "mask: {columns: {table: [sales.orders.orders], column: [amount]}, with: {method: bucket, width: 100}, except: {users: [ana]}}"


def on_a_terminal(mesh, *args):
    """All that a command writes when standard error is a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([WEFT, *args], cwd=mesh.folder, env=mesh.env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            more = os.read(ours, 4096)
        except OSError:
            more = b""
        if not more:
            break
        shown += more
    os.close(ours)
    assert process.wait() == 0, shown
    return shown.decode()


def test_a_cold_query_tells_how_many_files_of_all_are_cleared(large):
    mesh = large()
    policy(mesh, "mask", MASK)
    mesh.weft("apply", "--yes")
    put(mesh, rows(130_000))
    of = len(run(mesh))
    assert of > 128
    server = mesh.serve()
    steps, count = told_of_a_cold_query(server, "noor")
    assert count == 130_000
    # A job takes 64 files at most: so it is done in three steps, or in fewer that are told.
    assert steps and all(step["of"] == of for step in steps)
    done = [step["files"] for step in steps]
    assert done[0] == 0 and done[-1] == of and done == sorted(done)
    assert [step["share"] for step in steps] == sorted(step["share"] for step in steps) and steps[-1]["share"] == 1
    # Warm, and for one who gets the files as they are, there is nothing to tell.
    assert told_of_a_cold_query(server, "noor") == ([], 130_000)
    assert told_of_a_cold_query(server, "ana") == ([], 130_000)
    server.stop()
    # The same in words, where somebody looks on.
    policy(mesh, "mask", MASK.replace("100", "500"))
    mesh.weft("apply", "--yes")
    shown = on_a_terminal(mesh, "query", "SELECT count(*) FROM sales.orders.orders", "--as", "noor")
    assert f"clearing 0 of {of} files, 0 %" in shown and f"clearing {of} of {of} files, 100 %" in shown, shown


def test_under_a_filter_only_the_share_is_told(large):
    """How many files there are, and how many need a copy, would tell of the rows that she does not see."""
    mesh = large(custom=CLUSTER)
    policy(mesh, "filter", SWISS)
    policy(mesh, "mask", MASK)
    mesh.weft("apply", "--yes")
    put(mesh, rows(9000))
    run(mesh)
    server = mesh.serve()
    steps, count = told_of_a_cold_query(server, "noor")
    assert count == 2250 and steps and steps[-1] == {"step": "clear", "share": 1.0}
    assert all(step.keys() == {"step", "share"} for step in steps)
    server.stop()
    policy(mesh, "mask", MASK.replace("100", "500"))
    mesh.weft("apply", "--yes")
    shown = on_a_terminal(mesh, "query", "SELECT count(*) FROM sales.orders.orders", "--as", "noor")
    assert "clearing, 100 %" in shown and " of " not in shown, shown
