"""Nobody gets by an environment what is not his, whatever happens to it meanwhile; and nothing is left of one that is gone."""

import threading

import pytest

from env_help import LONG, LOUD, ORDERS, TOTALS, build, change, customers, edit, home_files, query
from story_help import Called, audit, is_whole, told

READ = "SELECT customer, email FROM sales.orders.orders ORDER BY id"


@pytest.fixture
def loud(two):
    customers(two)
    two.before = home_files(two)
    change(two)
    two.weft("run", "--all", "--env", "dev-x")
    return two


def same_files(mesh):
    """Nothing but what was there before the environment."""
    mesh.weft("status")
    return home_files(mesh) == mesh.before


# ---- without rights

def test_a_stranger_does_nothing_in_it(loud):
    server = loud.serve()
    call = lambda method, path, body=None, user="noor": server.call(method, path, body, as_user=user)
    env = "/api/v1/environments/dev-x"
    for method, path, body in (("DELETE", env, None), ("POST", f"{env}/refresh", {}), ("POST", f"{env}/plan", {}),
                               ("POST", f"{env}/plan", {"domain": "sales"}), ("POST", f"{env}/plan", {"products": ["sales.orders"]}),
                               ("POST", "/env/dev-x/api/v1/runs", {"products": ["sales.orders"]})):
        status, problem = call(method, path, body)
        assert status == 403, (path, status, problem)
        assert ".sql" not in str(problem) and "LOUD" not in str(problem), problem
    status, done = call("POST", f"{env}/promote", {})
    assert status == 403, done
    assert customers(loud)[0] == "Ada" and is_whole(loud)


def test_a_restricted_product_is_not_told_of_by_promoting(loud):
    edit(loud, f"{TOTALS}/product.odps.yaml", "status: active", "status: active\ncustomProperties: [{property: visibility, value: restricted}]")
    loud.write(f"{ORDERS}/orders.sql", LOUD.replace("upper(customer) AS customer", "customer"))
    loud.weft("apply", "--yes")
    loud.weft("run", "--all")
    loud.weft("env", "refresh", "dev-x")
    loud.weft("run", "--all", "--env", "dev-x")
    done = loud.weft("env", "promote", "dev-x", "--yes", "--as", "ana", "--format", "json")
    assert [p["product"] for p in done.json["products"]] == ["sales.orders"], done
    assert "finance" not in done.out + done.err, done


def test_who_is_no_member_any_more_works_in_it_no_more(loud):
    """It is his, and he may drop it; what it has, he may not change, build, promote, nor hear why it does not fit."""
    edit(loud, "domains/sales/domain.yaml", "owners: [user:ana]", "owners: [user:eve]")
    edit(loud, "domains/sales/domain.yaml", "members: [group:shop-team]", "members: [user:eve]")
    loud.write(f"{ORDERS}/orders.sql", LOUD.replace("upper(customer) AS customer", "customer"))
    loud.weft("apply", "--yes")
    edit(loud, f"{ORDERS}/orders.sql", "customer,", "lower(customer) AS customer,")
    for args in (("apply", "--env", "dev-x", "--domain", "sales", "--yes"), ("run", "sales.orders", "--env", "dev-x"),
                 ("env", "promote", "dev-x", "--yes"), ("env", "promote", "dev-x", "--domain", "sales", "--yes"),
                 ("apply", "--env", "dev-ana", "--yes")):
        refused = loud.weft(*args, "--as", "ana", ok=False)
        assert refused.code == 77, refused
    # The mesh changes the same file: why that does not fit is for those who may know it by now.
    loud.weft("apply", "--yes")
    for user, knows in (("ana", False), ("noor", False), ("eve", True)):
        stopped = loud.weft("show", "--env", "dev-x", "--as", user, ok=False)
        assert stopped.code == 75 and ("orders.sql" in told(stopped)) is knows, stopped
        shown = loud.weft("env", "show", "dev-x", "--as", user, "--format", "json").json
        assert (shown["problem"] is not None) is knows, shown
    loud.weft("env", "drop", "dev-x", "--as", "ana")
    assert same_files(loud) and is_whole(loud)


def test_who_changed_a_file_does_not_hear_of_files_of_others(loud):
    """The mesh gives totals a SELECT that orders of the environment do not fit."""
    edit(loud, f"{ORDERS}/orders.odcs.yaml", "name: Orders", "name: Orders here")
    edit(loud, f"{ORDERS}/orders.odcs.yaml", "logicalType: date, physicalType: DATE}",
         "logicalType: date, physicalType: DATE}\n      - {name: note, logicalType: string, physicalType: VARCHAR}")
    loud.write(f"{ORDERS}/orders.sql", LOUD.replace("ordered_on FROM", "ordered_on, 'x' AS note FROM"))
    loud.weft("apply", "--env", "dev-x", "--domain", "sales", "--yes", "--as", "ana")
    edit(loud, f"{TOTALS}/totals.sql", "FROM orders.orders", "FROM orders.orders, (SELECT 1 AS note) WHERE note = 1")
    loud.weft("apply", "--domain", "finance", "--yes", "--as", "eve")
    for user, knows in (("ana", False), ("eve", True)):
        stopped = loud.weft("query", READ, "--env", "dev-x", "--as", user, ok=False)
        assert stopped.code == 75 and ("totals.sql" in told(stopped)) is knows, stopped


# ---- names

def test_two_who_make_one_name_get_one(two):
    server = two.serve()
    asked = [Called(server.call, "POST", "/api/v1/environments", {"name": "same"}, as_user=user) for user in ("ana", "eve") * 3]
    states = sorted(call.end()[0] for call in asked)
    assert states == [201] + [409] * 5, states
    assert len(two.weft("env", "list", "--format", "json").json) == 1 and is_whole(two)


def test_a_name_is_free_after_a_drop_and_belongs_to_who_takes_it(two):
    change(two)
    two.weft("run", "--all", "--env", "dev-x")
    two.weft("env", "drop", "dev-x", "--as", "ana")
    edit(two, f"{TOTALS}/totals.sql", "sum(amount)", "sum(amount + 0)")
    two.weft("apply", "--env", "dev-x", "--domain", "finance", "--yes", "--as", "eve")
    shown = two.weft("env", "show", "dev-x", "--format", "json").json
    assert shown["created_by"] == "eve" and [f["path"] for f in shown["files"]] == [f"{TOTALS}/totals.sql"], shown
    assert customers(two, "dev-x") == customers(two) == ["Ada", "Bob", "Cleo", "Dan"]
    refused = two.weft("env", "drop", "dev-x", "--as", "ana", ok=False)
    assert refused.code == 77, refused
    # Each row of both is told once.
    two.weft("env", "drop", "dev-x", "--as", "eve")
    told_of = [r["detail"] for r in audit(two) if r["action"].startswith("env.") and "sequence" in (r["detail"] or {})]
    assert [d["sequence"] for d in told_of if d["sequence"] == 1] == [1, 1], told_of


# ---- dropped meanwhile

def test_a_query_ends_when_it_is_dropped(loud):
    server = loud.serve()
    asked = query(loud, server)
    loud.weft("env", "drop", "dev-x", "--as", "ana")
    status, problem = asked.end()
    assert status == 409 and "the environment was dropped meanwhile" in problem["detail"], problem
    assert same_files(loud) and is_whole(loud)
    rows = [r for r in audit(loud) if r["action"] == "query" and "dev-x" in str(r["detail"])]
    assert rows, "the query is not told of"


def test_a_build_ends_when_it_is_dropped(loud):
    loud.serve()
    change(loud, text=LONG)
    run = build(loud)
    loud.weft("env", "drop", "dev-x", "--as", "ana")
    ended = run.end()
    assert ended.code not in (0, 130) and "the environment was dropped meanwhile" in told(ended), ended
    assert same_files(loud) and is_whole(loud)


@pytest.mark.parametrize("kind", ["build", "query"])
def test_nothing_is_left_of_one_whose_server_died_at_work(loud, kind):
    server = loud.serve()
    change(loud, text=LONG)
    held = build(loud) if kind == "build" else query(loud, server)
    server.process.kill()
    server.process.wait(60)
    held.end()
    again = loud.weft("run", "--all", "--env", "dev-x")
    assert "2 published" in again.out, again
    assert customers(loud, "dev-x")[0] == "ADA"
    loud.weft("env", "drop", "dev-x")
    assert same_files(loud) and is_whole(loud)


def test_many_come_and_go(two):
    """Made, asked, built and dropped by several at once: an answer is of the environment, or says that it is gone."""
    server = two.serve()
    customers(two)
    two.before = home_files(two)
    answers = []

    def ask():
        for _ in range(12):
            answers.append(server.call("POST", "/env/dev-x/api/v1/query", {"sql": READ}, as_user="noor"))

    readers = [threading.Thread(target=ask) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(3):
        change(two)
        two.weft("run", "--all", "--env", "dev-x", ok=None)
        two.weft("env", "drop", "dev-x", "--as", "ana")
    for reader in readers:
        reader.join()
    for status, body in answers:
        if status == 200:
            assert body["rows"][0][0] in ("Ada", "ADA"), body
        else:
            assert status in (404, 409) and ("there is no environment" in body["detail"] or "meanwhile" in body["detail"]), body
    assert same_files(two) and is_whole(two)
