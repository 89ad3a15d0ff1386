"""A release that waits: made, tried by all who read the product, then published or dropped."""

import pytest

from conftest import ROWS
from story_help import ORDERS, audit, edit
from test_policies import ENTITLED, filtered, write_entitlements
from test_withdrawal import begin

TOTALS = "domains/finance/totals"
MORE = ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n"
BAD = ROWS + "6,Fay,fay@example.com,FR,-3.00,2026-01-06\n"
FINANCE = """\
apiVersion: weft/v1
kind: Domain
name: finance
title: Finance
alignment: consumer
owners: [user:eve]
members: [group:visitors]
"""
PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: finance-totals
name: totals
version: 1.0.0
status: active
description: {purpose: What each country brings.}
inputPorts:
  - {name: orders, version: 1.0.0, contractId: orders}
outputPorts:
  - {name: totals, version: 1.0.0, contractId: totals}
"""
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: totals
name: Totals
version: 1.0.0
status: active
schema:
  - name: totals
    properties:
      - {name: country, logicalType: string, physicalType: VARCHAR, primaryKey: true, primaryKeyPosition: 1, required: true}
      - name: amount
        logicalType: number
        physicalType: DECIMAL(38,2)
        quality:
          - {name: no country loses money, type: sql, query: "SELECT count(*) FROM ${object} WHERE amount < 0", mustBe: 0}
"""
SQL = "SELECT country, sum(amount) AS amount FROM orders.orders GROUP BY country\n"
GRANT = """\
apiVersion: weft/v1
kind: Policy
id: finance-reads-orders
description: Finance reads orders.
owner: guild
grant: {contract: orders, role: reader, to: {products: [finance.totals]}}
"""
TEST = """\
apiVersion: weft/v1
kind: ProductTest
cases:
  - name: a country is one row
    given:
      orders.orders:
        - {id: 1, country: CH, amount: 1.50}
        - {id: 2, country: CH, amount: 2.50}
    expect:
      totals:
        - {country: CH, amount: 4.00}
"""


@pytest.fixture
def read(shop):
    """Orders, and a product of another domain that reads them; both have release 1."""
    shop.write("domains/finance/domain.yaml", FINANCE)
    shop.write(f"{TOTALS}/product.odps.yaml", PRODUCT)
    shop.write(f"{TOTALS}/totals.odcs.yaml", CONTRACT)
    shop.write(f"{TOTALS}/totals.sql", SQL)
    shop.write(f"{TOTALS}/tests/totals.yaml", TEST)
    shop.write("policies/finance.policy.yaml", GRANT)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    return shop


def run(mesh, *args, ok=True, **how):
    return mesh.weft("run", "sales.orders", "--candidate", *args, ok=ok, **how)


def shown(mesh, *args, **how):
    return mesh.weft("candidate", "show", "sales.orders", "--format", "json", *args, **how).json


def publish(mesh, *args, ok=True, **how):
    return mesh.weft("candidate", "publish", "sales.orders", *args, ok=ok, **how)


def count(mesh, name="orders"):
    return mesh.rows(f'SELECT count(*) AS n FROM sales."{name}".orders', as_user="noor")[0]["n"]


def releases(mesh):
    return mesh.rows("SELECT product, number, is_current FROM mesh.releases ORDER BY product, number", as_user="ana")


def files(mesh):
    return sorted(p.name for p in (mesh.home / "files").rglob("*") if p.is_file())


@pytest.mark.smoke
def test_nobody_sees_it_until_it_is_published(read):
    before = releases(read)
    read.write("data/orders.csv", MORE)
    answer = run(read)
    assert "candidate" in answer.out and "finance.totals" in answer.out
    assert releases(read) == before and count(read) == 4
    assert read.weft("query", 'SELECT * FROM sales."orders#2".orders', "--as", "noor", ok=False).code != 0
    assert read.weft("query", 'SELECT * FROM sales."orders#0".orders', "--as", "noor", ok=False).code != 0
    said = shown(read)
    assert said["follows"] == 1 and said["tried"] and said["readers"] == ["finance.totals"] and said["failing"] == []
    verdicts = {(v["kind"], v["name"], v["verdict"]) for v in said["verdicts"]}
    assert ("build", "SELECTs", "pass") in verdicts and ("test", "a country is one row", "pass") in verdicts
    assert any(kind == "check" and "no country loses money" in name and verdict == "pass" for kind, name, verdict in verdicts)
    assert [r["state"] for r in read.rows("SELECT state FROM mesh.runs ORDER BY started_at DESC LIMIT 1", as_user="ana")] == ["candidate"]
    stored = files(read)
    assert list((read.home / "staging").iterdir()) == []

    answer = publish(read, "--reason", "as agreed")
    assert "release 2" in answer.out
    assert count(read) == 5 and files(read) == stored
    assert [r["state"] for r in read.rows("SELECT state FROM mesh.runs ORDER BY started_at DESC LIMIT 1", as_user="ana")] == ["published"]
    assert read.weft("candidate", "show", "sales.orders", ok=False).code == 66
    row = [r for r in audit(read) if r["action"] == "publish"][-1]
    assert "as agreed" in str([r["detail"] for r in audit(read) if r["action"] == "publish"]), row
    # What read it goes on as it was, until it runs.
    assert read.weft("run", "--all").code == 0 and count(read, "orders#2") == 5
    assert read.weft("verify").code == 0


def test_a_reader_that_fails_is_named_and_blocks(read):
    read.write("data/orders.csv", BAD)
    answer = run(read, ok=False)
    assert answer.code == 65 and "finance.totals" in answer.err
    assert "no country loses money" in answer.out and "fail" in answer.out
    said = shown(read)
    assert said["failing"] == ["finance.totals"]
    # Who sees all rows of the reader is told what it found, others are not.
    assert all(v.get("message") is None for v in shown(read, "--as", "ana")["verdicts"] if v["kind"] == "check")
    answer = publish(read, ok=False)
    assert answer.code == 65 and "--force" in answer.err and count(read) == 4
    publish(read, "--force")
    assert count(read) == 5
    assert '"forced":true' in str([r["detail"] for r in audit(read)]).replace(" ", "").replace("'", '"').replace("True", "true")


def test_a_select_that_cannot_run_over_it_is_an_error(read):
    edit(read, f"{TOTALS}/totals.sql", "sum(amount)", "sum(CAST(customer || '1' AS DECIMAL(12,2)))")
    read.write("data/orders.csv", ROWS.replace("Ada", "1").replace("Bob", "2").replace("Cleo", "3").replace("Dan", "4"))
    edit(read, f"{TOTALS}/tests/totals.yaml", "country: CH, amount: 1.50", "country: CH, customer: '1', amount: 1.50")
    edit(read, f"{TOTALS}/tests/totals.yaml", "country: CH, amount: 2.50", "country: CH, customer: '1', amount: 2.50")
    edit(read, f"{TOTALS}/tests/totals.yaml", "amount: 4.00", "amount: 22.00")
    read.weft("apply", "--yes")
    read.weft("run", "--all")
    read.write("data/orders.csv", ROWS)
    assert run(read, ok=False).code == 65
    [build] = [v for v in shown(read)["verdicts"] if v["kind"] == "build"]
    assert build["verdict"] == "error" and build["blocks"]


def test_it_is_dropped_and_leaves_nothing(read):
    before = files(read)
    read.write("data/orders.csv", MORE)
    run(read)
    assert files(read) != before
    assert "dropped" in read.weft("candidate", "drop", "sales.orders").out
    assert read.weft("candidate", "drop", "sales.orders", ok=False).code == 66
    assert read.weft("candidate", "list", "--format", "json").json == []
    assert publish(read, ok=False).code == 66 and count(read) == 4
    # The next start sweeps.
    read.close()
    assert read.weft("verify").code == 0
    assert files(read) == before
    assert read.rows("SELECT state FROM mesh.runs ORDER BY started_at DESC LIMIT 1", as_user="ana") == [{"state": "cancelled"}]


def test_a_new_one_takes_the_place_of_the_old(read):
    read.write("data/orders.csv", BAD)
    run(read, ok=False)
    read.write("data/orders.csv", MORE)
    run(read)
    listed = read.weft("candidate", "list", "--format", "json").json
    assert [c["product"] for c in listed] == ["sales.orders"] and listed[0]["follows"] == 1
    publish(read)
    assert count(read) == 5 and [r["number"] for r in releases(read) if r["product"] == "sales.orders"] == [1, 2]


def test_what_has_moved_on_refuses(read):
    read.write("data/orders.csv", MORE)
    run(read)
    read.weft("run", "sales.orders")
    answer = publish(read, "--force", ok=False)
    assert answer.code == 75 and "another release" in answer.err
    run(read)
    edit(read, f"{ORDERS}/orders.sql", "FROM shop.raw_orders", "FROM shop.raw_orders WHERE id > 1")
    read.weft("apply", "--yes")
    answer = publish(read, "--force", ok=False)
    assert answer.code == 75 and "files of the product" in answer.err


def test_what_its_product_may_no_longer_see_refuses(read):
    read.weft("run", "finance.totals", "--candidate")
    (read.folder / "policies/finance.policy.yaml").unlink()
    read.weft("apply", "--yes")
    answer = read.weft("candidate", "publish", "finance.totals", "--force", ok=False)
    assert answer.code == 75 and "see other data" in answer.err


def test_a_reader_that_may_not_read_is_not_blamed_on_it(read):
    (read.folder / "policies/finance.policy.yaml").unlink()
    read.weft("apply", "--yes")
    read.write("data/orders.csv", MORE)
    run(read)
    said = shown(read)
    assert [v["verdict"] for v in said["verdicts"] if v["kind"] == "build"] == ["not executable"]
    assert said["failing"] == []
    publish(read)


def test_who_may(read):
    read.write("data/orders.csv", MORE)
    for asked in (["run", "sales.orders", "--candidate"], ["candidate", "show", "sales.orders"],
                  ["candidate", "publish", "sales.orders"], ["candidate", "drop", "sales.orders"]):
        answer = read.weft(*asked, "--as", "noor", ok=False)
        assert answer.code == 77, (asked, answer)
    run(read, "--as", "ana")
    assert read.weft("candidate", "list", "--as", "noor", "--format", "json").json == []
    publish(read, "--as", "ana")


def test_a_reader_that_one_may_not_discover_is_a_number(read):
    edit(read, f"{TOTALS}/product.odps.yaml", "status: active",
         "status: active\ncustomProperties: [{property: visibility, value: restricted}]")
    read.weft("apply", "--yes")
    read.write("data/orders.csv", BAD)
    answer = run(read, "--as", "ana", ok=False)
    assert answer.code == 65 and "totals" not in answer.out + answer.err
    said = shown(read, "--as", "ana")
    assert said["verdicts"] == [] and said["hidden_readers"] == 1 and said["hidden_failing"] == 1



def test_what_is_asked_wrongly(read):
    assert read.weft("run", "--all", "--candidate", ok=False).code == 2
    assert read.weft("run", "sales.orders", "finance.totals", "--candidate", ok=False).code == 2
    assert read.weft("run", "sales.nothing", "--candidate", ok=False).code == 66


def test_entitlements_come_with_its_publication(shop):
    write_entitlements(shop, [("noor", "CH")])
    filtered(shop, ENTITLED)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    write_entitlements(shop, [("noor", "AT")])
    shop.weft("apply", "--yes")
    shop.weft("run", "sales.entitlements", "--candidate")
    assert count(shop) == 2
    shop.weft("candidate", "publish", "sales.entitlements")
    assert count(shop) == 1


def test_the_first_release_may_be_a_candidate(shop):
    shop.weft("apply", "--yes")
    run(shop)
    assert shown(shop)["follows"] is None
    assert releases(shop) == [] and shop.weft("lineage", "sales.orders", "--format", "json").json == []
    for refused in (["query", "SELECT * FROM sales.orders.orders", "--as", "noor"], ["diff", "sales.orders"],
                    ["rollback", "sales.orders", "--to", "0"]):
        assert shop.weft(*refused, ok=False).code != 0
    publish(shop)
    assert count(shop) == 4 and [r["number"] for r in releases(shop)] == [1]
    assert shop.weft("lineage", "sales.orders", "--columns", "--format", "json").json != []


def test_a_requirement_that_came_meanwhile_refuses(read):
    read.write("data/orders.csv", MORE)
    run(read)
    read.write("policies/few.policy.yaml", "apiVersion: weft/v1\nkind: Policy\nid: one-release\ndescription: Nobody publishes twice.\n"
               "owner: guild\nrequire:\n  query: \"SELECT address AS product, release FROM mesh.products WHERE release > 1\"\n")
    read.weft("apply", "--yes")
    answer = publish(read, ok=False)
    assert answer.code == 65 and "one-release" in answer.err and count(read) == 4


def test_over_http(read):
    read.write("data/orders.csv", MORE)
    server = read.serve()
    base = "/api/v1/products/sales.orders/candidate"
    status, job = server.call("POST", base, {"fulll": True})
    assert status == 400
    status, job = server.call("POST", base, {})
    assert status == 202
    read.weft("run", "sales.orders", "--candidate")
    status, answer = server.call("POST", base + "/publish", {"force": "yes"})
    assert status == 400
    status, answer = server.call("POST", base + "/publish", {})
    assert status == 200 and (answer["release"], answer["replaces"]) == (2, 1)
    assert server.call("DELETE", base)[0] == 404


CANDIDATE = 'sales."orders#candidate".orders'
MASK = """\
apiVersion: weft/v1
kind: Policy
id: mask-names
description: Names are for the team.
owner: guild
mask: {columns: {column: customer}, with: {method: partial, keepLast: 1}, except: {groups: [shop-team]}}
"""


def copies(mesh):
    return sorted(str(p) for p in (mesh.home / "cleared").rglob("*") if p.is_file())


def test_it_is_asked_by_name_under_the_policies_of_the_product(read):
    read.write("policies/mask.policy.yaml", MASK)
    read.weft("apply", "--yes")
    assert "sales.orders has no candidate" in read.weft("query", f"SELECT * FROM {CANDIDATE}", "--as", "ana", ok=False).err
    assert "sales.orders has no candidate" in read.weft("diff", "sales.orders#candidate", "--as", "ana", ok=False).err
    read.write("data/orders.csv", MORE)
    count(read)
    stored, cleared = files(read), copies(read)
    run(read)
    def names(user):
        return [r["customer"] for r in read.rows(f"SELECT customer FROM {CANDIDATE} ORDER BY id", as_user=user)]

    assert len(names("ana")) == 5 and names("ana")[-1] == "Eva" and names("noor")[-1] == "**a"
    # Who may not read the product may not read what waits of it, and the table as it is has none of its rows.
    assert "you may not read" in read.weft("query", f"SELECT * FROM {CANDIDATE}", "--as", "eve", ok=False).err
    assert "an operator administers" in read.weft("query", f"SELECT * FROM {CANDIDATE}", ok=False).err
    assert count(read) == 4
    told = [r for r in read.weft("audit", "show", "--actor", "noor", "--format", "json").json if "candidate" in str(r)]
    assert told and "orders#candidate" in str(told[-1])

    answer = read.weft("diff", "sales.orders#candidate", "--format", "json", "--rows", "5", "--as", "ana").json
    assert (answer["from"], answer["to"]) == (1, "candidate")
    table = answer["tables"][0]
    assert (table["rows_before"], table["rows_after"], table["added"]) == (4, 5, 1)
    assert "release 1 -> candidate" in read.weft("diff", "sales.orders#1", "sales.orders#candidate", "--as", "ana").out
    assert read.weft("diff", "sales.orders#candidate", "--format", "json", "--as", "eve").json["tables"][0]["status"] == "denied"
    assert "comes last" in read.weft("diff", "sales.orders#candidate", "sales.orders#1", ok=False).err

    # Dropped, nothing is left of it: neither rows, nor what policies made of them.
    assert files(read) != stored and copies(read) != cleared
    read.weft("candidate", "drop", "sales.orders")
    assert files(read) == stored and copies(read) == cleared
    assert "sales.orders has no candidate" in read.weft("query", f"SELECT * FROM {CANDIDATE}", "--as", "ana", ok=False).err
    assert read.weft("verify", "--format", "json").json["damaged"] == []
    for name in ("orders#candidate#1", "orders#1#candidate", "#candidate", "orders#Candidat"):
        assert "does not exist" in read.weft("query", f'SELECT * FROM sales."{name}".orders', "--as", "ana", ok=False).err


def test_who_reads_it_when_it_is_dropped_ends(read):
    """As with all that is withdrawn: his query does not go on over what is gone."""
    read.write("data/orders.csv", MORE)
    run(read)
    server = read.serve()
    call = begin(server, "noor", f"SELECT count(*) AS n FROM {CANDIDATE}, range(100000000) a, range(1000) b")
    assert server.call("DELETE", "/api/v1/products/sales.orders/candidate")[0] == 200
    code, problem = call.end()
    assert (code, problem["code"]) == (403, "DENIED") and "access was withdrawn while the query ran" in problem["detail"], problem
    assert list((read.home / "workers").glob("*/in/*")) == []
