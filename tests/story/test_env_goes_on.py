"""The mesh changes while somebody works in an environment: whoever is met by it ends, and nobody else does."""

import pytest

from env_help import LONG, LOUD, MUCH, ORDERS, TOTALS, build, change, customers, edit, env_products, query, write_two
from story_help import Held, Started, audit, is_whole
from test_env_follow import MASK, PII

TOTALS_GRANT = """\
apiVersion: weft/v1
kind: Policy
id: analysts-read-totals
description: Analysts read totals.
owner: guild
grant: {contract: totals, to: {groups: [analysts]}}
"""


@pytest.fixture
def two(shop):
    write_two(shop).write("policies/pii.policy.yaml", PII)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    return shop


def original(mesh):
    """The folder as the mesh has it: what is changed in the environment is not of the mesh."""
    mesh.write(f"{ORDERS}/orders.sql", LOUD.replace("upper(customer) AS customer", "customer"))


def other_work(mesh):
    """What others do all day: another product's SQL, a new column, a policy of theirs, a word in mesh.yaml."""
    original(mesh)
    edit(mesh, f"{TOTALS}/totals.sql", "sum(amount)", "sum(amount + 0)")
    edit(mesh, f"{TOTALS}/totals.odcs.yaml", "name: Totals", "name: All totals")
    edit(mesh, "mesh.yaml", "reporting: Internal figures", "reporting: Figures")
    mesh.write("policies/totals.policy.yaml", TOTALS_GRANT)


def test_a_build_goes_on_where_it_is_not_concerned(two):
    server = two.serve()
    change(two, text=LONG)
    run = build(two)
    other_work(two)
    two.weft("apply", "--yes")
    # Others see the environment as it is by now, while it works.
    rows = server.call("POST", "/env/dev-x/api/v1/query", {"sql": "SELECT count(*) AS n FROM finance.totals.totals"}, as_user="noor")
    assert rows[0] == 200, rows
    assert run.is_at_work()
    shown = two.weft("env", "show", "dev-x", "--format", "json").json
    assert shown["mesh_version"] == two.weft("status", "--format", "json").json["mesh_version"], shown
    ended = run.end()
    assert ended.code == 0, ended
    assert customers(two, "dev-x")[0] == "ADA" and customers(two)[0] == "Ada"
    assert env_products(two)["sales.orders"]["built"]
    done = two.weft("env", "promote", "dev-x", "--yes", "--format", "json").json["products"]
    assert [(p["product"], p["release"]) for p in done] == [("sales.orders", 2)], done
    two.weft("env", "drop", "dev-x")
    assert "env.follow" in [r["action"] for r in audit(two)]
    assert customers(two)[0] == "ADA" and is_whole(two)


def test_a_build_goes_on_though_nobody_comes_meanwhile(two):
    two.serve()
    change(two, text=LONG)
    run = build(two)
    other_work(two)
    two.weft("apply", "--yes")
    assert run.end().code == 0
    # It was published before the environment followed, and is brought along.
    assert customers(two, "dev-x")[0] == "ADA" and env_products(two)["sales.orders"]["built"]
    assert is_whole(two)


def test_a_query_goes_on_where_it_is_not_concerned(two):
    server = two.serve()
    change(two)
    two.weft("run", "--all", "--env", "dev-x")
    asked = query(two, server)
    other_work(two)
    two.weft("apply", "--yes")
    assert customers(two, "dev-x")[0] == "ADA" and asked.is_at_work()
    status, answer = asked.end()
    assert status == 200 and int(answer["rows"][0][0]) == 4 * 100000 * 200000, answer


@pytest.mark.parametrize("how", ["its own file", "a label of what it reads", "a mask", "a source root", "its owners"])
def test_whoever_is_concerned_ends(two, how):
    server = two.serve()
    change(two)
    two.weft("run", "--all", "--env", "dev-x")
    asked = query(two, server, f"SELECT max(customer), count(*) FROM sales.orders.orders, {MUCH}")
    change(two, text=LONG)
    run = build(two)
    original(two)
    if how == "its own file":
        edit(two, f"{ORDERS}/orders.odcs.yaml", "logicalType: date, physicalType: DATE}", "logicalType: date, physicalType: DATE, classification: day}")
    elif how == "a label of what it reads":
        edit(two, f"{ORDERS}/shop.odcs.yaml", "{name: customer, logicalType: string, physicalType: VARCHAR}",
             "{name: customer, logicalType: string, physicalType: VARCHAR, classification: pii}")
    elif how == "a mask":
        two.write("policies/names.policy.yaml", MASK)
    elif how == "a source root":
        edit(two, "mesh.yaml", "roots: [data/]", "roots: [data/, more/]")
        (two.folder / "more").mkdir()
    else:
        edit(two, "domains/sales/domain.yaml", "members: [group:shop-team]", "members: [group:visitors]")
    two.weft("apply", "--yes")
    # They are over before that was answered, stopped as their workers are.
    status, problem = asked.work.end()
    if how == "a mask":
        assert status == 403 and "access was withdrawn" in problem["detail"], problem
    else:
        assert status == 409 and "the mesh was changed meanwhile" in problem["detail"], problem
    ended = run.end()
    if how == "a mask":  # of a table that a build of it does not read
        assert ended.code == 0, ended
    else:
        assert ended.code == 75 and "the mesh was changed meanwhile" in ended.out + ended.err, ended
    assert is_whole(two)


def test_a_build_ends_with_what_it_reads(two):
    """Totals of the environment read orders, which get a label: what was built would not have it."""
    two.serve()
    edit(two, f"{TOTALS}/totals.sql", "sum(amount)", f"sum(amount + 0) FILTER (WHERE (SELECT count(*) FROM {MUCH}) > 0)")
    two.weft("apply", "--env", "dev-x", "--domain", "finance", "--yes")
    run = Held(two, "build", lambda: Started(two, "run", "finance.totals", "--env", "dev-x"))
    edit(two, f"{TOTALS}/totals.sql", f"sum(amount + 0) FILTER (WHERE (SELECT count(*) FROM {MUCH}) > 0)", "sum(amount)")
    edit(two, f"{ORDERS}/orders.odcs.yaml", "{name: email,", "{name: email, tags: [contact],")
    two.weft("apply", "--yes")
    ended = run.end()
    assert ended.code == 75 and "the mesh was changed meanwhile" in ended.out + ended.err, ended


def test_a_new_product_is_there_while_a_build_goes_on(two):
    """It has the mesh's ids: what is made of it later is promoted."""
    from test_env import write_new
    two.serve()
    change(two, text=LONG)
    run = build(two)
    original(two)
    two.write("policies/loud.policy.yaml", "apiVersion: weft/v1\nkind: Policy\nid: loud-reads-orders\nowner: guild\n"
              "grant: {contract: orders, role: reader, to: {products: [sales.loud]}}\n")
    write_new(two)
    two.weft("apply", "--yes")
    assert env_products(two)["sales.loud"]["why"] == "what it reads differs"
    assert run.is_at_work()
    assert run.end().code == 0
    two.weft("run", "--all", "--env", "dev-x")
    two.weft("run", "sales.loud")
    two.weft("env", "refresh", "dev-x")
    two.weft("run", "--all", "--env", "dev-x")
    done = two.weft("env", "promote", "dev-x", "--yes", "--format", "json").json["products"]
    assert {p["product"]: p["release"] for p in done} == {"sales.orders": 2, "sales.loud": 2, "finance.totals": 2}, done
    assert is_whole(two)
