"""Incremental tables: a run brings what is new, the files that are there stay, and readers see one state."""

import json
import random

import pytest

from conftest import wait_for_end

MESH = """\
apiVersion: weft/v1
kind: Mesh
name: shop
admins: [user:root]
users: {ana: {groups: [team]}, noor: {groups: [analysts]}, max: {groups: [analysts, swiss]}}
sources: {roots: [data/]}
"""
DOMAIN = "apiVersion: weft/v1\nkind: Domain\nname: sales\nowners: [user:ana]\n"
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
    properties:
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: KEY}
      - {name: country, logicalType: string}
      - {name: email, logicalType: string, classification: pii}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}
      - {name: changed, logicalType: timestamp, physicalType: TIMESTAMP, required: true}
"""
MERGE = "{mode: merge, key: changed}"
APPEND = "{mode: append, key: changed}"
SQL = "SELECT id, country, email, amount, changed FROM files.raw WHERE changed > $since\n"
COUNT = "SELECT count(*) AS n, sum(amount)::VARCHAR AS amount FROM sales.orders.orders"


def policy(mesh, name, text):
    mesh.write(f"policies/{name}.policy.yaml",
               f"apiVersion: weft/v1\nkind: Policy\nid: {name}\nowner: guild\ndescription: story\n{text}\n")


def source(mesh, table="raw", columns=COLUMNS):
    mesh.write("domains/sales/orders/shop.odcs.yaml", HEAD.format(id="shop", version="1.0.0") +
               "servers: [{server: files, type: local, path: data/orders.csv, format: csv}]\nschema:\n"
               f"  - name: {table}\n" + columns.replace("KEY", "false"))


def output(mesh, how, quality="", key="true", version="1.0.0", columns=COLUMNS):
    mesh.write("domains/sales/orders/orders.odcs.yaml", HEAD.format(id="orders", version=version) +
               "schema:\n  - name: orders\n    tags: [rows]\n"
               "    customProperties:\n      - {property: materialization, value: incremental}\n"
               f"      - {{property: incremental, value: {how}}}\n" + quality + columns.replace("KEY", key))


@pytest.fixture
def shop(mesh):
    def make(how=MERGE, sql=SQL, quality="", key="true", rows_max=1000):
        mesh.env["WEFT_PART_ROWS_MAX"] = str(rows_max)
        mesh.write("mesh.yaml", MESH)
        mesh.write("domains/sales/domain.yaml", DOMAIN)
        mesh.write("domains/sales/orders/product.odps.yaml", PRODUCT)
        source(mesh, "raw" if sql else "orders")
        output(mesh, how, quality, key)
        if sql:
            mesh.write("domains/sales/orders/orders.sql", sql)
        policy(mesh, "grant", "grant: {contract: orders, role: reader, to: {groups: [analysts, team]}}")
        policy(mesh, "mask", 'mask: {columns: {classification: [pii]}, with: {method: "null"}, except: {users: [ana]}}')
        policy(mesh, "filter", "filter: {tables: {tag: [rows]}, where: \"country = 'CH'\", except: {users: [ana, noor]}}")
        return mesh

    return make


def moment(second):
    return f"2026-01-{1 + second // 86400:02} {second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}"


def row(number, second, amount=1, country=None):
    return {"id": number, "country": country or ("CH", "DE", "AT")[number % 3], "email": f"{number}.{second}@example.com",
            "amount": f"{amount}.00", "changed": moment(second)}


def put(mesh, rows):
    lines = ["id,country,email,amount,changed"]
    lines += [",".join(str(r[c] if r[c] is not None else "") for c in ("id", "country", "email", "amount", "changed")) for r in rows]
    mesh.write("data/orders.csv", "\n".join(lines) + "\n")


def run(mesh, *options, ok=True):
    """What became of the rows of the table."""
    answer = mesh.weft("run", "sales.orders", "--format", "json", *options, ok=None)
    product = answer.json["products"][0]
    assert (answer.code == 0) == ok, json.dumps(product, indent=1)
    return product["increments"][0] if ok else product["error"]


def state(mesh, user="ana"):
    """All rows that he sees, by their key."""
    found = mesh.rows("SELECT id, country, email, amount::VARCHAR AS amount, changed::VARCHAR AS changed "
                      "FROM sales.orders.orders ORDER BY id, changed", as_user=user)
    return found


def expected(rows, user="ana"):
    shown = sorted((dict(r) for r in rows), key=lambda r: (r["id"], r["changed"]))
    if user == "max":
        shown = [r for r in shown if r["country"] == "CH"]
    if user != "ana":
        for r in shown:
            r["email"] = None
    return shown


def hold(mesh, rows):
    """Every reader sees this state, as far as it is his, and its numbers are told right."""
    for user in ("ana", "noor", "max"):
        assert state(mesh, user) == expected(rows, user), user
    told = mesh.rows("SELECT rows FROM mesh.tables WHERE address = 'sales.orders.orders'", as_user="ana")
    assert told == [{"rows": len(rows)}]


def start(mesh, rows):
    put(mesh, rows)
    mesh.weft("apply", "--yes")
    return run(mesh)


def test_only_rows_behind_the_last_key_are_appended(shop):
    mesh = shop(APPEND)
    rows = [row(i, i) for i in range(50)]
    assert start(mesh, rows) == {"table": "orders", "all_rows": "there is no release before"}
    hold(mesh, rows)

    # A row that is behind, one that is late, and one that was changed: only the first is new.
    late, changed, new = row(100, 20), row(3, 3, amount=9), row(101, 60)
    put(mesh, [r for r in rows if r["id"] != 3] + [late, changed, new])
    done = run(mesh)
    assert (done["added"], done["replaced"], done["deleted"], done["files_kept"], done["files_new"]) == (1, 0, 0, 1, 1)
    hold(mesh, rows + [new])

    # Nothing new: nothing is written.
    done = run(mesh)
    assert (done["added"], done["files_kept"], done["files_new"]) == (0, 2, 0)
    hold(mesh, rows + [new])
    assert "0 rows added, 0 replaced, 0 deleted; 2 files kept, 0 new" in mesh.weft("run", "sales.orders").out

    # All of it, when asked.
    assert run(mesh, "--full") == {"table": "orders", "all_rows": "it was asked for"}
    hold(mesh, [r for r in rows if r["id"] != 3] + [late, changed, new])


@pytest.mark.parametrize("sql", [SQL, None], ids=["select", "passed through"])
def test_rows_take_the_place_of_those_with_their_key(shop, sql):
    mesh = shop(MERGE, sql)
    rows = {i: row(i, i) for i in range(3000)}
    start(mesh, rows.values())
    assert len(files(mesh)) == 4

    rows[7], rows[2999], rows[5000] = row(7, 4000, 2, "FR"), row(2999, 4001, 3), row(5000, 4002, 4)
    put(mesh, rows.values())
    done = run(mesh)
    assert (done["added"], done["replaced"], done["deleted"], done["files_kept"], done["files_new"]) == (1, 2, 0, 4, 1)
    hold(mesh, rows.values())
    # Two files have rows that are no more, the others are named as they were.
    assert [bool(deletions) for _, deletions, _ in files(mesh)] == [True, False, False, True, False]

    # One of them once more: of three rows of the small file two are left, which is written anew.
    rows[7] = row(7, 5000, 5, "CH")
    put(mesh, rows.values())
    assert run(mesh)["files_joined"] == 1
    hold(mesh, rows.values())
    assert [n for _, _, n in files(mesh)] == [1, 0, 0, 1, 0]


def files(mesh):
    """Name, deletions and number of deleted rows of the files of the current release."""
    import sqlite3
    with sqlite3.connect(f"file:{mesh.home}/catalog.db?mode=ro", uri=True) as db:
        return db.execute("SELECT f.sha256, r.deletions, r.deleted_rows FROM release_file r JOIN file f ON f.id = r.file_id "
                          "WHERE r.release_id = (SELECT max(id) FROM release) ORDER BY r.part").fetchall()


def test_no_reader_is_given_a_row_that_is_no_more(shop):
    """He who sees everything reads originals, but not those of which rows are deleted."""
    mesh = shop(MERGE)
    rows = {i: row(i, i) for i in range(20)}
    start(mesh, rows.values())
    gone = rows[5]["email"]
    rows[5] = row(5, 100)
    put(mesh, rows.values())
    run(mesh)
    hold(mesh, rows.values())
    copies = [p for p in (mesh.home / "cleared").rglob("*.parquet")]
    assert any("-" in p.name for p in copies)
    import duckdb
    for copy in copies:
        with duckdb.connect() as db:
            held = db.execute(f"SELECT * FROM read_parquet('{copy}')").fetchall()
        if "-" in copy.name:
            assert all(gone not in map(str, r) for r in held), copy
    # As it was then.
    before = mesh.rows('SELECT email FROM sales."orders#1".orders WHERE id = 5', as_user="ana")
    assert before == [{"email": gone}]


def test_late_rows_come_within_the_lookback(shop):
    mesh = shop("{mode: append, key: changed, lookback: 10s}")
    rows = [row(i, i) for i in range(0, 100, 2)]
    start(mesh, rows)
    late, too_late = row(1001, 93), row(1002, 80)
    put(mesh, rows + [late, too_late, row(1003, 101)])
    done = run(mesh)
    # Rows behind second 88 were taken again: five of before, and two new ones.
    assert (done["added"], done["deleted"]) == (7, 5)
    hold(mesh, rows + [late, row(1003, 101)])


def test_lookback_of_a_merge(shop):
    mesh = shop("{mode: merge, key: changed, lookback: 1m}")
    rows = {i: row(i, i * 10) for i in range(20)}
    start(mesh, rows.values())
    rows[100], rows[101] = row(100, 140), row(101, 120)
    put(mesh, rows.values())
    done = run(mesh)
    assert done["added"] == 1
    del rows[101]
    hold(mesh, rows.values())


@pytest.mark.parametrize("sql", [True, False], ids=["select", "passed through"])
@pytest.mark.parametrize("kind, least, lookback", [("TINYINT", -120, "100"), ("SMALLINT", -32000, "100000"),
                                                   ("BIGINT", -9223372036854775800, "100")])
def test_a_lookback_may_reach_further_than_the_type(shop, kind, least, lookback, sql):
    how = f"{{mode: merge, key: changed, lookback: {lookback}}}"
    mesh = shop(how, SQL if sql else None)
    columns = COLUMNS.replace("logicalType: timestamp, physicalType: TIMESTAMP", f"logicalType: integer, physicalType: {kind}")
    source(mesh, "raw" if sql else "orders", columns)
    output(mesh, how, columns=columns)
    rows = [dict(row(i, i), changed=str(least + i)) for i in range(5)]
    start(mesh, rows)
    put(mesh, rows + [dict(row(5, 5), changed=str(least + 1))])
    done = run(mesh)
    assert (done["added"], done["replaced"]) == (1, 5)


@pytest.mark.parametrize("kind, value, bounds", [("integer, physicalType: BIGINT", "7", ["1.5", "x", "9223372036854775808"]),
                                                 ("date, physicalType: DATE", "2026-01-07", ["2026-01-01 12:00:00", "2026-02-30"])])
def test_a_bound_is_not_rounded(shop, kind, value, bounds):
    mesh = shop(MERGE)
    columns = COLUMNS.replace("timestamp, physicalType: TIMESTAMP", kind)
    source(mesh, "raw", columns)
    output(mesh, MERGE, columns=columns)
    start(mesh, [dict(row(1, 1), changed=value)])
    for bound in bounds:
        assert f"--from {bound} is no " in run(mesh, "--from", bound, ok=False)["message"]
    assert run(mesh, "--from", value, "--to", value)["replaced"] == 1


@pytest.mark.parametrize("how", [APPEND, MERGE])
@pytest.mark.parametrize("sql", [SQL, None], ids=["select", "passed through"])
def test_a_window_is_made_anew(shop, how, sql):
    mesh = shop(how, sql)
    rows = {i: row(i, i) for i in range(100)}
    start(mesh, rows.values())
    rows[10], rows[50], rows[90] = row(10, 10, 7), row(50, 50, 7), row(90, 90, 7)
    del rows[60]
    put(mesh, rows.values())
    done = run(mesh, "--from", moment(40), "--to", moment(70))
    kept = dict(rows)
    kept[10], kept[90] = row(10, 10), row(90, 90)
    if how == MERGE:
        kept[60] = row(60, 60)
        assert (done["added"], done["replaced"], done["deleted"]) == (0, 30, 0)
    else:
        assert (done["added"], done["replaced"], done["deleted"]) == (30, 0, 31)
    hold(mesh, kept.values())
    run(mesh, "--from", moment(80))
    kept[90] = rows[90]
    hold(mesh, kept.values())
    # What comes next goes on from the last key.
    rows[200] = kept[200] = row(200, 300)
    put(mesh, rows.values())
    assert run(mesh)["added"] == 1
    hold(mesh, kept.values())


def test_windows_that_cannot_be(shop):
    mesh = shop()
    start(mesh, [row(1, 1)])
    assert "--from yesterday is no TIMESTAMP" in run(mesh, "--from", "yesterday", ok=False)["message"]
    assert "the window from 2026-01-02 to 2026-01-01 ends before it begins" in \
        run(mesh, "--from", "2026-01-02", "--to", "2026-01-01", ok=False)["message"]
    run(mesh, "--from", "2026-01-02", "--to", "2026-01-02")
    assert mesh.weft("run", "--all", "--from", "2026-01-01", ok=False).code == 2
    # As of a variable of a script that is not set.
    assert "from and to are values of a key" in mesh.weft("run", "sales.orders", "--from", "", ok=False).err
    assert mesh.weft("run", "sales.orders", "--full", "--to", "2026-01-01", ok=False).code == 2
    output(mesh, MERGE, version="1.0.0", quality="    description: Changed.\n")
    mesh.weft("apply", "--yes")
    error = run(mesh, "--from", "2026-01-01", ok=False)
    assert "no window of sales.orders.orders can be made anew: its SQL or its contracts have changed" in error["message"]


def test_what_made_the_rows_has_changed(shop):
    mesh = shop()
    rows = {i: row(i, i) for i in range(30)}
    start(mesh, rows.values())
    assert "all_rows" not in run(mesh)
    mesh.write("domains/sales/orders/orders.sql", SQL.replace("amount, changed", "CAST(amount * 2 AS DECIMAL(12,2)) AS amount, changed", 1))
    mesh.weft("apply", "--yes")
    assert run(mesh)["all_rows"] == "its SQL or its contracts have changed since its last release"
    hold(mesh, [dict(r, amount="2.00") for r in rows.values()])
    shown = mesh.weft("run", "sales.orders", "--full").out
    assert "  orders: all rows, since it was asked for" in shown


def write_news(mesh):
    """A product that reads the table, and has an incremental one too."""
    mesh.write("domains/sales/news/product.odps.yaml", """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-news
version: 1.0.0
status: active
inputPorts: [{name: orders, version: 1.0.0, contractId: orders}]
outputPorts: [{name: news, version: 1.0.0, contractId: news}]
""")
    mesh.write("domains/sales/news/news.odcs.yaml", HEAD.format(id="news", version="1.0.0") + """\
schema:
  - name: orders
    customProperties:
      - {property: materialization, value: incremental}
      - {property: incremental, value: {mode: merge, key: changed}}
    properties:
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true}
      - {name: country, logicalType: string}
      - {name: changed, logicalType: timestamp, physicalType: TIMESTAMP, required: true}
""")
    policy(mesh, "news", "grant: {contract: news, role: reader, to: {groups: [team]}}")
    policy(mesh, "build", "grant: {contract: orders, role: reader, to: {products: [sales.news]}}")


def test_what_the_build_may_see_has_changed(shop):
    """Rows that were made under another policy do not stay."""
    mesh = shop()
    start(mesh, [row(i, i) for i in range(30)])
    write_news(mesh)
    mesh.weft("apply", "--yes")
    news = "SELECT count(*) AS n, count(DISTINCT country) AS countries FROM sales.news.orders"
    mesh.weft("run", "sales.news")
    assert mesh.rows(news, as_user="ana") == [{"n": 10, "countries": 1}]
    assert "0 rows added, 1 replaced" in mesh.weft("run", "sales.news").out
    policy(mesh, "filter", "filter: {tables: {tag: [rows]}, where: \"country = 'CH'\", except: {users: [ana, noor]}}".replace("= 'CH'", "IN ('CH', 'AT')"))
    mesh.weft("apply", "--yes")
    assert "all rows, since what the product may see of its inputs has changed" in mesh.weft("run", "sales.news").out
    assert mesh.rows(news, as_user="ana") == [{"n": 20, "countries": 2}]
    policy(mesh, "filter", "filter: {tables: {tag: [rows]}, where: \"country = 'DE'\"}")
    mesh.weft("apply", "--yes")
    mesh.weft("run", "sales.news")
    assert mesh.rows(news, as_user="ana") == [{"n": 10, "countries": 1}]


def test_a_release_that_was_read_is_taken_back(shop):
    """What was made of its rows is made anew: nobody can say which of them they are."""
    mesh = shop(MERGE)
    write_news(mesh)
    policy(mesh, "filter", "filter: {tables: {tag: [rows]}, where: \"country = 'CH'\", except: {users: [ana]}}")
    start(mesh, [row(i, i) for i in range(9)])
    mesh.weft("run", "sales.news")
    put(mesh, [row(i, i) for i in range(9)] + [row(999, 100, country="CH")])
    run(mesh)
    assert "1 rows added" in mesh.weft("run", "sales.news").out
    mesh.weft("rollback", "sales.orders", "--to", "1", "--reason", "story")
    put(mesh, [row(i, i) for i in range(9)] + [row(30, 50, country="CH")])
    run(mesh)
    assert "all rows, since release 2 of its input orders was taken back" in mesh.weft("run", "sales.news").out
    assert [r["id"] for r in mesh.rows("SELECT id FROM sales.news.orders ORDER BY id", as_user="ana")] == [0, 3, 6, 30]
    assert "0 rows added" in mesh.weft("run", "sales.news").out
    # Back to the very release that was read: nothing is wrong with its rows.
    put(mesh, [row(i, i) for i in range(9)] + [row(30, 50, country="CH"), row(33, 60, country="CH")])
    run(mesh)
    mesh.weft("rollback", "sales.orders", "--to", "4", "--reason", "story")
    assert "0 rows added" in mesh.weft("run", "sales.news").out


def test_rules_are_held_against_all_rows(shop):
    quality = """\
    quality:
      - {id: many, metric: rowCount, mustBeLessThan: 12}
      - {id: sum, type: sql, query: "SELECT sum(amount) FROM {object}", mustBeLessThan: 100}
      - {id: once, metric: duplicateValues, arguments: {properties: [email]}, mustBe: 0}
"""
    mesh = shop(MERGE, quality=quality)
    rows = {i: row(i, i) for i in range(10)}
    start(mesh, rows.values())

    def refused(more, *words):
        put(mesh, list(rows.values()) + more)
        error = run(mesh, ok=False)
        assert error["code"] == "CHECK_FAILED"
        for word in words:
            assert word in error["detail"], error
        hold(mesh, rows.values())

    refused([row(20, 20), row(21, 21)], "rowCount")
    refused([row(20, 20, amount=91)], "sql must be less than 100")
    refused([dict(row(20, 20), email=rows[3]["email"])], "duplicateValues")
    refused([row(20, 20), row(20, 21)], "primary key")
    refused([dict(row(20, 20), id="")], "id")
    # A row that takes the place of another is not one more.
    rows[3], rows[20] = row(3, 30, amount=80), row(20, 31)
    put(mesh, rows.values())
    assert run(mesh)["replaced"] == 1
    hold(mesh, rows.values())


def test_appended_rows_are_not_there_already(shop):
    mesh = shop(APPEND)
    rows = [row(i, i) for i in range(10)]
    start(mesh, rows)
    put(mesh, rows + [row(3, 50)])
    assert "primary key" in run(mesh, ok=False)["detail"]
    hold(mesh, rows)
    # A SELECT that forgets to keep to what is new would add everything once more.
    mesh.write("domains/sales/orders/orders.sql", SQL.replace(">", ">="))
    put(mesh, rows)
    mesh.weft("apply", "--yes")
    run(mesh)
    error = run(mesh, ok=False)
    assert error["message"] == "1 of 1 new rows of sales.orders.orders are not behind $since: they may be there already"
    hold(mesh, rows)


def test_a_source_may_have_rows_without_a_key(shop):
    mesh = shop(MERGE, sql=None)
    rows = [row(i, i) for i in range(5)]
    start(mesh, rows)
    put(mesh, rows + [dict(row(9, 9), changed="")])
    assert "changed" in run(mesh, ok=False)["detail"]
    hold(mesh, rows)


def test_random_changes(shop):
    """Many runs, few rows a file: files are joined and dropped, and the state is always the one that it should be."""
    mesh = shop(MERGE, rows_max=100)
    mesh.env["WEFT_KEEP_RELEASES"] = "3"
    draw = random.Random(7)
    rows = {i: row(i, i) for i in range(500)}
    start(mesh, rows.values())
    server = mesh.serve()
    joined, second = 0, 1000
    for _ in range(25):
        for number in draw.sample(range(700), draw.choice([1, 5, 60, 200])):
            second += 1
            rows[number] = row(number, second, draw.randrange(1, 99))
        put(mesh, rows.values())
        done = run(mesh)
        joined += done["files_joined"]
        assert state(mesh) == expected(rows.values())
    hold(mesh, rows.values())
    assert joined > 0
    assert len(files(mesh)) < 40
    server.stop()
    assert mesh.weft("verify", "--format", "json").json["damaged"] == []


def test_files_of_deleted_rows_are_kept_and_verified(shop):
    mesh = shop(MERGE)
    rows = {i: row(i, i) for i in range(20)}
    start(mesh, rows.values())
    rows[5] = row(5, 100)
    put(mesh, rows.values())
    run(mesh)
    (_, deletions, _), _ = files(mesh)
    assert mesh.weft("verify", "--format", "json").json["damaged"] == []
    server = mesh.serve()  # a start removes what no release names
    server.stop()
    hold(mesh, rows.values())
    path = mesh.home / "files" / deletions[:2] / deletions
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    assert mesh.weft("verify", "--format", "json", ok=False).json["damaged"] == [deletions]
    # Nobody is given rows by it, and no run goes on from it.
    wait_for_end(mesh.home)
    (mesh.home / "cache.db").unlink()
    assert mesh.weft("query", COUNT, "--as", "ana", ok=False).code != 0
    rows[5] = row(5, 200)
    put(mesh, rows.values())
    assert run(mesh, ok=False)["code"] == "CORRUPT"
    run(mesh, "--full")
    hold(mesh, rows.values())


def test_a_release_comes_back_with_its_deletions(shop):
    mesh = shop(MERGE)
    rows = {i: row(i, i) for i in range(20)}
    start(mesh, rows.values())
    for second in (100, 200):
        rows[5] = row(5, second)
        put(mesh, rows.values())
        run(mesh)
    mesh.weft("rollback", "sales.orders", "--to", "2", "--reason", "story")
    hold(mesh, [*[r for i, r in rows.items() if i != 5], row(5, 100)])
    assert run(mesh)["replaced"] == 1  # goes on from there
    hold(mesh, rows.values())
    shown = mesh.weft("diff", "sales.orders#1", "sales.orders#5", "--as", "ana").out
    assert "orders  20      20     0      0        1 " in shown, shown


def test_entitlements_of_an_incremental_table(shop):
    """Who may see what is read of all rows that live, not of those that came last."""
    mesh = shop(MERGE)
    people = ["id,person,country,changed"] + [f"{i},{who},{where},{moment(i)}" for i, (who, where) in enumerate([("noor", "CH"), ("noor", "DE"), ("max", "AT")])]
    mesh.write("data/people.csv", "\n".join(people) + "\n")
    mesh.write("domains/sales/people/product.odps.yaml", PRODUCT.replace("sales-orders", "sales-people").replace("shop", "staff").replace("contractId: orders", "contractId: people"))
    columns = """\
    properties:
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true}
      - {name: person, logicalType: string}
      - {name: country, logicalType: string}
      - {name: changed, logicalType: timestamp, physicalType: TIMESTAMP, required: true}
"""
    mesh.write("domains/sales/people/staff.odcs.yaml", HEAD.format(id="staff", version="1.0.0") +
               "servers: [{server: files, type: local, path: data/people.csv, format: csv}]\nschema:\n  - name: people\n" + columns)
    mesh.write("domains/sales/people/people.odcs.yaml", HEAD.format(id="people", version="1.0.0") + """\
schema:
  - name: people
    customProperties:
      - {property: materialization, value: incremental}
      - {property: incremental, value: {mode: merge, key: changed}}
""" + columns)
    policy(mesh, "filter", "filter: {tables: {tag: [rows]}, where: \"country IN (SELECT country FROM sales.people.people WHERE person = $actor.id)\", except: {users: [ana]}}")
    rows = [row(i, i) for i in range(9)]
    put(mesh, rows)
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")

    def seen(user):
        return sorted({r["country"] for r in state(mesh, user)})

    assert (seen("noor"), seen("max")) == (["CH", "DE"], ["AT"])
    people[1], people[3] = f"0,max,CH,{moment(50)}", f"2,max,AT,{moment(2)}"
    mesh.write("data/people.csv", "\n".join(people) + "\n")
    mesh.weft("run", "sales.people")
    assert (seen("noor"), seen("max")) == (["DE"], ["AT", "CH"])
    # The same rows, read for a filter that comes later.
    policy(mesh, "filter", "filter: {tables: {tag: [rows]}, where: \"country IN (SELECT country FROM sales.people.people WHERE person = $actor.id) OR country = 'FR'\", except: {users: [ana]}}")
    mesh.weft("apply", "--yes")
    assert (seen("noor"), seen("max")) == (["DE"], ["AT", "CH"])


@pytest.mark.parametrize("text, said", [
    ("SELECT id, country, email, amount, changed FROM files.raw\nWHERE changed > $since AND no_such > 1\n", "orders.sql:2:28"),
    ("SELECT id, country, email, amount, changed FROM files.raw WHERE $since < changed AND $since < changed\n AND nope.x = 1\n", "orders.sql:2:6"),
])
def test_errors_of_a_text_stand_where_they_are(shop, text, said):
    mesh = shop(MERGE, text)
    put(mesh, [row(1, 1)])
    found = mesh.weft("check", ok=False)
    assert said in found.out + found.err


def test_since_is_known_in_incremental_tables_only(shop):
    mesh = shop(MERGE)
    mesh.write("domains/sales/orders/orders.odcs.yaml", HEAD.format(id="orders", version="1.0.0") +
               "schema:\n  - name: orders\n" + COLUMNS.replace("KEY", "true"))
    found = mesh.weft("check", ok=False)
    assert "orders.sql:1:75: error: $since is known in an incremental table only" in found.out + found.err


@pytest.mark.parametrize("how, text, said", [
    (MERGE, "SELECT id, country, email, amount, changed\nFROM files.raw\nWHERE changed > $since AND changed > $sinc\n",
     ("orders.sql:3:38: error: there is no parameter $sinc", "did you mean $since?")),
    (MERGE, "SELECT id, country, email, amount, changed FROM files.raw WHERE id > ?\n",
     ("orders.sql:1:70: error: there is no parameter ?", "$since is the only one")),
    (None, "SELECT id, country, email, amount, changed FROM files.raw WHERE id > $1\n",
     ("orders.sql:1:70: error: there is no parameter $1", "write the value in its place")),
])
def test_a_text_has_no_other_parameter(shop, how, text, said):
    mesh = shop(how or MERGE, text)
    if how is None:
        mesh.write("domains/sales/orders/orders.odcs.yaml", HEAD.format(id="orders", version="1.0.0") +
                   "schema:\n  - name: orders\n" + COLUMNS.replace("KEY", "true"))
    found = mesh.weft("check", ok=False)
    for words in said:
        assert words in found.out + found.err


def test_a_read_with_nothing_before_takes_everything(shop):
    """`$since` is before every value in a first run: no idiom for it is needed."""
    mesh = shop("{mode: append, key: id}", SQL.replace("changed > $since", "id > $since AND id + 1 > $since"))
    rows = [row(i, i + 5) for i in range(-5, 5)]
    start(mesh, rows)
    hold(mesh, rows)
    put(mesh, rows + [row(5, 1)])
    run(mesh)
    hold(mesh, rows + [row(5, 1)])


CRASHES = ["RUN_BEGIN", "RUN_EXTRACT", "RUN_TRANSFORM", "RUN_MERGE", "RUN_PARTS", "STORE_WRITE", "STORE_SYNC", "STORE_MOVE",
           "STORE_WRITE:1", "STORE_SYNC:1", "STORE_MOVE:1", "PUBLISH_BEFORE_COMMIT", "PUBLISH_AFTER_COMMIT"]


@pytest.mark.parametrize("point", CRASHES)
def test_a_crash_leaves_the_last_state(shop, point):
    """The file of deleted rows is stored first, the new rows second: without the commit neither is anything."""
    mesh = shop(MERGE)
    before = {i: row(i, i) for i in range(20)}
    start(mesh, before.values())
    names = stored(mesh)
    after = before | {5: row(5, 100, 7), 50: row(50, 101)}
    put(mesh, after.values())
    fault, _, passes = point.partition(":")
    server = mesh.serve(env={"WEFT_FAULT": f"{fault}:kill" + (f":{passes}" if passes else "")}, http=False)
    assert mesh.weft("run", "sales.orders", ok=None).code != 0
    server.process.wait(60)
    assert server.process.returncode == -9, f"{point} was not passed"

    verdict = mesh.weft("verify", "--format", "json").json
    assert verdict["damaged"] == [] and verdict["catalog"] == "ok"
    is_done = fault == "PUBLISH_AFTER_COMMIT"
    hold(mesh, (after if is_done else before).values())
    if not is_done:
        assert stored(mesh) == names, "files of a release that never was"
    done = run(mesh)
    assert (done["added"], done["replaced"]) == ((0, 0) if is_done else (1, 1))
    hold(mesh, after.values())


def stored(mesh):
    return sorted(p.name for p in (mesh.home / "files").rglob("*") if p.is_file())


@pytest.mark.parametrize("fault", ["CLEAR_BEFORE_MOVE", "CLEAR_AFTER_MOVE"])
def test_a_crash_while_deletions_are_applied(shop, fault):
    mesh = shop(MERGE)
    rows = {i: row(i, i) for i in range(20)}
    start(mesh, rows.values())
    rows[5] = row(5, 100)
    put(mesh, rows.values())
    run(mesh)
    server = mesh.serve(env={"WEFT_FAULT": f"{fault}:kill"}, http=False)
    assert mesh.weft("query", COUNT, "--as", "ana", ok=None).code != 0
    server.process.wait(60)
    assert server.process.returncode == -9
    hold(mesh, rows.values())


def test_releases_that_go_take_their_deletions_with_them(shop):
    mesh = shop(MERGE)
    mesh.env |= {"WEFT_KEEP_RELEASES": "1", "WEFT_KEEP_DAYS": "0"}
    rows = {i: row(i, i) for i in range(30)}
    start(mesh, rows.values())
    for second in range(100, 105):
        rows[5] = row(5, second)
        put(mesh, rows.values())
        run(mesh)
    server = mesh.serve()
    server.stop()
    server = mesh.serve()
    server.stop()
    named = {n for f in files(mesh) for n in f[:2] if n}
    assert named <= set(stored(mesh))
    hold(mesh, rows.values())
    assert mesh.weft("verify", "--format", "json").json["damaged"] == []


def test_relationships_are_held_against_all_rows(shop):
    """A customer who goes takes the orders that came long before with him: then nothing is published."""
    mesh = shop(MERGE)
    columns = COLUMNS.replace("{name: country, logicalType: string}",
                              "{name: country, logicalType: string, relationships: [{to: countries.code}]}")
    columns = columns.replace("{name: amount,", "{name: amount, relationships: [{to: orders.id}],")
    columns = columns.replace('physicalType: "DECIMAL(12,2)"', "physicalType: BIGINT").replace("logicalType: number", "logicalType: integer")
    countries = "  - name: countries\n    properties:\n      - {name: code, logicalType: string, required: true, primaryKey: true}\n"
    output(mesh, MERGE, columns=columns + countries)
    mesh.write("domains/sales/orders/orders.sql", SQL.replace("amount,", "CAST(amount AS BIGINT) AS amount,"))
    mesh.write("domains/sales/orders/shop.odcs.yaml", HEAD.format(id="shop", version="1.0.0") +
               'servers: [{server: files, type: local, path: "data/{table}.csv", format: csv}]\nschema:\n'
               "  - name: raw\n    physicalName: orders\n" + COLUMNS.replace("KEY", "false") + countries)
    mesh.write("data/countries.csv", "code\nCH\nDE\nAT\n")
    rows = [row(i, i) for i in range(1, 10)]
    start(mesh, rows)

    mesh.write("data/countries.csv", "code\nCH\nDE\n")
    assert "3 rows" in run(mesh, ok=False)["detail"] or "countries" in run(mesh, ok=False)["detail"]
    mesh.write("data/countries.csv", "code\nCH\nDE\nAT\nFR\n")
    put(mesh, rows + [row(20, 20, amount=21, country="FR")])
    assert "orders.id" in run(mesh, ok=False)["detail"]
    put(mesh, rows + [row(20, 20, amount=3, country="FR")])
    assert run(mesh)["added"] == 1


def test_a_unit_test_of_an_incremental_table_is_a_first_run(shop):
    mesh = shop(MERGE)
    mesh.write("domains/sales/orders/tests/orders.yaml", """\
apiVersion: weft/v1
kind: ProductTest
cases:
  - name: everything is new
    given:
      files.raw:
        - {id: 1, country: CH, email: a, amount: 1, changed: 2026-01-01}
    expect:
      orders:
        - {id: 1, amount: 1}
""")
    assert mesh.weft("test", "sales.orders").code == 0
    mesh.write("domains/sales/orders/orders.sql", SQL.replace("$since", "$since\nAND CAST(email AS INTEGER) > 0"))
    with_since = mesh.weft("test", "sales.orders", ok=False).out
    mesh.write("domains/sales/orders/orders.sql", SQL.replace("$since", "'0001-01-01'\nAND CAST(email AS INTEGER) > 0"))
    assert "orders.sql:2:" in with_since
    assert with_since.splitlines()[0] == mesh.weft("test", "sales.orders", ok=False).out.splitlines()[0]


def test_a_candidate_is_added_to_as_a_release_is(shop):
    mesh = shop(APPEND)
    rows = [row(i, i) for i in range(30)]
    start(mesh, rows)
    new = row(101, 60)
    put(mesh, [*rows, new])
    mesh.weft("run", "sales.orders", "--candidate")
    hold(mesh, rows)
    mesh.weft("candidate", "publish", "sales.orders")
    hold(mesh, [*rows, new])
    newer = row(102, 70)
    put(mesh, [*rows, new, newer])
    done = run(mesh)
    assert (done["added"], done["files_kept"], done["files_new"]) == (1, 2, 1)
    hold(mesh, [*rows, new, newer])
