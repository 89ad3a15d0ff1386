"""What is no longer granted is no longer read: within a second, in queries and builds that run, and nobody else's."""

import json

import pytest

from conftest import GRANT
from story_help import ORDERS, Called, edit, runs, wait_until, workers

T = "sales.orders.orders"
ENDLESS = f"SELECT count(*) AS n FROM {T}, range(100000000) a, range(1000) b"

FILTER = """\
apiVersion: weft/v1
kind: Policy
id: swiss-rows
owner: guild
filter: {tables: {tag: [customer-rows]}, where: "country = 'CH'", except: {users: [ana]}}
"""
DEPUTY = """\
apiVersion: weft/v1
kind: Policy
id: deputies-read-orders
owner: guild
grant: {contract: orders, role: reader, to: {groups: [deputies]}}
"""


def lent(server):
    return server.call("GET", "/api/v1/status")[1]["workers_lent"]


def begin(server, user, sql=ENDLESS, others=0):
    """A query at work. Its class is there before: one that waits for a copy would be decided anew instead."""
    assert server.query(f"SELECT count(*) FROM {T}", as_user=user)[0] == 200
    wait_until("only the others are at work", lambda: lent(server) == others)
    call = Called(server.call, "POST", "/api/v1/query", {"sql": sql, "timeout_ms": 60000}, as_user=user)
    wait_until("the query is at work", lambda: lent(server) > others and len(links(server.mesh)) > others)
    return call


def links(mesh):
    return list((mesh.home / "workers").glob("*/in/*"))


def ends_with_reason(call, *words):
    """Long before its deadline, in words that say why."""
    code, problem = call.end()
    assert (code, problem["code"]) == (403, "DENIED"), problem
    assert "access was withdrawn while the query ran" in problem["detail"], problem
    for word in words:
        assert word in problem["detail"], problem


def is_still_at_work(call):
    return call.thread.is_alive()


@pytest.fixture
def deputies(applied):
    """Eve may read as a deputy, noor as an analyst."""
    applied.write("policies/deputies.policy.yaml", DEPUTY)
    applied.weft("apply", "--yes")
    return applied


def test_a_grant_that_an_apply_removes_ends_the_query_and_no_other(deputies):
    server = deputies.serve()
    deputies.weft("group", "add", "deputies", "eve")
    noor, eve = begin(server, "noor"), begin(server, "eve", others=1)
    (deputies.folder / "policies/analysts.policy.yaml").unlink()
    deputies.weft("apply", "--yes")
    ends_with_reason(noor, T, "nothing is granted")
    assert is_still_at_work(eve)
    # The links of who may read no more are gone, and so is the worker.
    assert lent(server) == 1
    code, problem = server.query(f"SELECT count(*) FROM {T}", as_user="noor")
    assert (code, problem["code"]) == (403, "DENIED") and "withdrawn" not in problem["detail"]
    deputies.weft("group", "remove", "deputies", "eve")
    ends_with_reason(eve, T)
    wait_until("no worker is lent", lambda: lent(server) == 0)
    assert links(deputies) == []


def test_an_idle_worker_ends_with_the_grant(deputies):
    server = deputies.serve(args=["--set", "workers_warm=0"])
    deputies.weft("group", "add", "deputies", "eve")
    for user in ("noor", "eve"):
        assert server.query(f"SELECT count(*) FROM {T}", as_user=user)[0] == 200
    before = workers(deputies, "consumer")
    assert len(before) == 2
    deputies.weft("group", "remove", "deputies", "eve")
    wait_until("one has ended", lambda: len(workers(deputies, "consumer")) == 1)
    assert server.query(f"SELECT count(*) FROM {T}", as_user="noor")[0] == 200
    assert workers(deputies, "consumer")[0] in before


def test_a_group_that_is_left_ends_the_query(deputies):
    server = deputies.serve()
    deputies.weft("group", "add", "deputies", "eve")
    eve = begin(server, "eve")
    deputies.weft("group", "remove", "deputies", "eve")
    ends_with_reason(eve, T)


def test_a_user_who_is_removed_reads_no_more(deputies):
    server = deputies.serve()
    deputies.weft("user", "add", "max")
    deputies.weft("group", "add", "deputies", "max")
    call = begin(server, "max")
    deputies.weft("user", "remove", "max")
    ends_with_reason(call, "max is no longer part of the mesh")


def test_an_end_date_bites_in_a_query_that_runs(applied):
    applied.write("policies/analysts.policy.yaml", GRANT.replace("to: {groups", "until: 2030-06-30, to: {groups"))
    applied.weft("apply", "--yes")
    server = applied.serve(env={"WEFT_TEST_NOW": "2030-06-30T23:59:52Z"})
    noor = begin(server, "noor")
    code, problem = noor.end()
    assert (code, problem["code"]) == (403, "DENIED") and "withdrawn" in problem["detail"], problem
    assert "2030-06-30" in problem["detail"] or "ended" in problem["detail"], problem
    assert server.query(f"SELECT count(*) FROM {T}", as_user="noor")[0] == 403


def test_a_filter_or_a_mask_that_comes_ends_the_query(applied):
    server = applied.serve()
    for name, text, word in (("rows", FILTER, "rows are filtered by policy swiss-rows"),
                             ("mask", FILTER.replace("swiss-rows", "no-mail").replace(
                                 "filter: {tables: {tag: [customer-rows]}, where: \"country = 'CH'\", except: {users: [ana]}}",
                                 "mask: {columns: {classification: [pii]}, with: {method: \"null\"}, except: {owners: true}}"),
                              "column email is masked by policy no-mail")):
        noor = begin(server, "noor")
        applied.write(f"policies/{name}.policy.yaml", text)
        applied.weft("apply", "--yes")
        ends_with_reason(noor, word)


def test_what_only_loosens_ends_nothing(applied):
    applied.write("policies/rows.policy.yaml", FILTER)
    applied.weft("apply", "--yes")
    server = applied.serve(args=["--set", "query_timeout_ms=60000"])
    noor = begin(server, "noor")
    (applied.folder / "policies/rows.policy.yaml").unlink()
    applied.write("policies/deputies.policy.yaml", DEPUTY)
    applied.weft("apply", "--yes")
    # The next look of the gate has come and gone when another's grant was withdrawn by it.
    applied.weft("group", "add", "deputies", "eve")
    eve = begin(server, "eve", others=1)
    applied.weft("group", "remove", "deputies", "eve")
    ends_with_reason(eve, T)
    assert is_still_at_work(noor)
    assert server.query(f"SELECT count(*) FROM {T}", as_user="noor")[1]["rows"] == [[4]]
    applied.weft("user", "list")
    (applied.folder / "policies/analysts.policy.yaml").unlink()
    applied.weft("apply", "--yes")
    ends_with_reason(noor, T)


# ---- builds

SUMS = {
    "domains/finance/domain.yaml": "apiVersion: weft/v1\nkind: Domain\nname: finance\ntitle: Finance\nalignment: consumer\nowners: [user:noor]\n",
    "domains/finance/sums/product.odps.yaml": """\
apiVersion: v1.0.0
kind: DataProduct
id: finance-sums
name: sums
version: 1.0.0
status: active
description: {purpose: Sums by country.}
inputPorts:
  - {name: orders, version: 1.0.0, contractId: orders}
outputPorts:
  - {name: sums, version: 1.0.0, contractId: sums}
""",
    "domains/finance/sums/sums.odcs.yaml": """\
apiVersion: v3.1.0
kind: DataContract
id: sums
name: Sums
version: 1.0.0
status: active
schema:
  - name: sums
    properties:
      - {name: country, logicalType: string, physicalType: VARCHAR}
      - {name: n, logicalType: integer, physicalType: BIGINT}
""",
    "domains/finance/sums/sums.sql": "SELECT country, count(*) AS n FROM orders.orders, range(100000000) a, range(1000) b GROUP BY country\n",
    "policies/sums.policy.yaml": """\
apiVersion: weft/v1
kind: Policy
id: sums-reads-orders
owner: guild
grant: {contract: orders, role: reader, to: {products: [finance.sums]}}
""",
}


def test_a_build_whose_grant_goes_ends_and_publishes_nothing(applied):
    for path, text in SUMS.items():
        applied.write(path, text)
    applied.weft("apply", "--yes")
    server = applied.serve()
    status, job = server.call("POST", "/api/v1/runs", {"products": ["finance.sums"]})
    assert status == 202, job
    wait_until("it transforms", lambda: runs(applied, as_user="noor")[-1] == "transforming" and links(applied))
    noor = begin(server, "noor", others=1)
    (applied.folder / "policies/sums.policy.yaml").unlink()
    # Whoever takes the grant away leaves the product: it can run again when it has one.
    applied.weft("apply", "--yes")
    wait_until("the run has ended", lambda: runs(applied, as_user="noor")[-1] == "failed")
    row = applied.rows("SELECT error FROM mesh.runs WHERE product = 'finance.sums'", as_user="noor")[-1]
    assert "access was withdrawn while the build ran" in json.dumps(row), row
    assert is_still_at_work(noor)
    (applied.folder / "policies/analysts.policy.yaml").unlink()
    applied.weft("apply", "--yes")
    ends_with_reason(noor, T)
