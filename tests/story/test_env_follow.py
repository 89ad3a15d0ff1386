"""Nobody sees more through an environment than in its mesh, and what is taken there is taken here at once."""

import threading
import time
from http.client import HTTPException

import pytest

from env_help import LOUD, ORDERS, TOTALS, change, customers, edit, env_products, write_two
from test_policies import ENTITLED, filtered, write_entitlements
from test_watch import Watch
from story_help import Called, Started, is_whole, told, wait_until, workers

MASK = """\
apiVersion: weft/v1
kind: Policy
id: mask-names
description: Names are nobody's business.
owner: guild
mask: {columns: {table: [sales.orders.orders], column: [customer]}, with: {method: constant, value: x}}
"""
PII = """\
apiVersion: weft/v1
kind: Policy
id: mask-pii
description: Addresses are shown to nobody.
owner: guild
mask: {columns: {classification: [pii]}, with: {method: constant, value: hidden}}
"""
READ = "SELECT customer, email FROM sales.orders.orders ORDER BY id"


@pytest.fixture
def two(shop):
    write_two(shop).write("policies/pii.policy.yaml", PII)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    return shop


@pytest.fixture
def loud(two):
    """With an environment that has orders of its own, built."""
    change(two)
    two.weft("run", "--all", "--env", "dev-x")
    return two


def in_env(mesh, *args, ok=True, **how):
    return mesh.weft(*args, "--env", "dev-x", ok=ok, **how)


def test_a_grant_that_is_revoked_in_the_mesh_is_gone_in_the_environment(loud):
    server = loud.serve()
    loud.weft("access", "request", "sales.orders", "--purpose", "reporting", "--until", "2030-01-31", "--reason", "figures",
              "--as", "eve")
    read = {"sql": READ, "purpose": "reporting"}
    denied, _ = server.call("POST", "/env/dev-x/api/v1/query", read, as_user="eve")
    loud.weft("access", "approve", "1", "--as", "ana")
    allowed, _ = server.call("POST", "/env/dev-x/api/v1/query", read, as_user="eve", raw=True)
    loud.weft("access", "revoke", "1", "--reason", "no more", "--as", "ana")
    after, problem = server.call("POST", "/env/dev-x/api/v1/query", read, as_user="eve")
    assert (denied, allowed, after) == (403, 200, 403), problem


def test_a_mask_of_the_mesh_holds_in_the_environment(loud):
    assert customers(loud, "dev-x")[0] == "ADA"
    loud.write("policies/names.policy.yaml", MASK)
    # The change of the environment is not of the mesh.
    loud.write(f"{ORDERS}/orders.sql", LOUD.replace("upper(customer)", "customer"))
    edit(loud, f"{ORDERS}/orders.sql", "customer AS customer", "customer")
    loud.weft("apply", "--yes")
    assert customers(loud, "dev-x") == ["x"] * 4
    # It was brought along, not built again.
    assert env_products(loud)["sales.orders"]["built"]
    rows = loud.rows(READ, as_user="noor", env={"WEFT_ENV": "dev-x"})
    assert {r["email"] for r in rows} == {"hidden"}, rows


def test_a_group_and_a_token_are_those_of_the_mesh(loud):
    server = loud.serve()
    loud.weft("user", "add", "tim")
    loud.weft("group", "add", "analysts", "tim")
    token = loud.weft("token", "create", "tim", "--format", "json").json["token"]
    ask = lambda: server.call("POST", "/env/dev-x/api/v1/query", {"sql": READ}, token=token, raw=True)[0]
    assert ask() == 200
    loud.weft("group", "remove", "analysts", "tim")
    assert ask() == 403
    loud.weft("group", "add", "analysts", "tim")
    assert ask() == 200
    ids = [t["id"] for t in loud.weft("token", "list", "--format", "json").json if t["user"] == "tim"]
    loud.weft("token", "revoke", ids[0])
    assert ask() == 401


def test_a_label_is_not_shed_in_an_environment(two):
    edit(two, f"{ORDERS}/orders.odcs.yaml", "{name: email, logicalType: string, physicalType: VARCHAR, classification: pii}",
         "{name: email, logicalType: string, physicalType: VARCHAR}")
    in_env(two, "apply", "--domain", "sales", "--yes", "--as", "ana")
    in_env(two, "run", "--all")
    rows = two.rows(READ, as_user="noor", env={"WEFT_ENV": "dev-x"})
    assert {r["email"] for r in rows} == {"hidden"}, rows


def test_who_may_read_what_is_said_in_the_mesh_alone(two):
    in_env(two, "apply", "--yes")
    two.write("policies/more.policy.yaml", MASK.replace("mask-names", "more"))
    refused = in_env(two, "apply", "--yes", ok=False)
    assert refused.code == 77 and "policies/more.policy.yaml cannot be changed in an environment" in refused.err, refused
    (two.folder / "policies/more.policy.yaml").unlink()
    for path, old, new in (("mesh.yaml", "noor: {groups: [analysts]}", "noor: {groups: [analysts, shop-team]}"),
                           ("domains/sales/domain.yaml", "members: [group:shop-team]", "members: [group:visitors]")):
        edit(two, path, old, new)
        refused = in_env(two, "apply", "--yes", ok=False)
        assert refused.code == 77 and f"{path} cannot be changed in an environment" in refused.err, refused
        assert "are those of the mesh" in told(refused)
        edit(two, path, new, old)
    two.write("domains/sales/policies/own.policy.yaml", MASK.replace("mask-names", "own"))
    refused = in_env(two, "apply", "--domain", "sales", "--yes", "--as", "ana", ok=False)
    assert refused.code == 77 and "domains/sales/policies/own.policy.yaml" in refused.err, refused
    server = two.serve()
    for method, path in (("POST", "access/requests"), ("GET", "access/requests"), ("POST", "users"), ("GET", "tokens"),
                         ("GET", "audit"), ("POST", "verify"), ("POST", "backup"), ("GET", "environments"),
                         ("PUT", "groups/analysts/members/eve")):
        status, problem = server.call(method, f"/env/dev-x/api/v1/{path}", {} if method != "GET" else None)
        assert status == 403 and "an environment does not answer" in problem["detail"], (path, problem)


def test_rights_are_those_of_the_mesh(two):
    change(two)
    edit(two, f"{ORDERS}/orders.sql", "upper", "lower")
    refused = in_env(two, "apply", "--domain", "sales", "--yes", "--as", "eve", ok=False)
    assert refused.code == 77 and "eve may not change domains/sales/orders/orders.sql" in refused.err, refused
    refused = in_env(two, "run", "sales.orders", "--as", "eve", ok=False)
    assert refused.code == 77, refused
    refused = two.weft("env", "drop", "dev-x", "--as", "eve", ok=False)
    assert refused.code == 77 and "ana, who made it, and administrators may" in told(refused), refused
    refused = two.weft("env", "promote", "dev-x", "--yes", "--as", "eve", ok=False)
    assert refused.code == 77, refused
    refused = two.weft("apply", "--env", "own", "--yes", "--as", "noor", ok=False)
    assert refused.code == 77 and "noor may not make an environment" in refused.err, refused
    shown = two.weft("env", "show", "dev-x", "--format", "json", "--as", "eve").json
    assert shown["files"] == [] and shown["hidden_files"] == 1, shown


def test_a_file_that_was_changed_in_both_stops_it_until_it_is_mended(loud):
    loud.write(f"{ORDERS}/orders.sql", LOUD.replace("upper", "lower"))
    loud.weft("apply", "--yes")
    for args in (("query", READ, "--as", "noor"), ("run", "--all"), ("show",)):
        stopped = in_env(loud, *args, ok=False)
        assert stopped.code == 75, stopped
    assert "domains/sales/orders/orders.sql was changed in the mesh too" in told(in_env(loud, "show", "--as", "ana", ok=False))
    assert "weft apply --env dev-x" in told(stopped) and "weft env drop dev-x" in told(stopped)
    # A stranger is not told of files.
    assert "orders.sql" not in told(in_env(loud, "query", READ, "--as", "noor", ok=False))
    listed = loud.weft("env", "list", "--format", "json").json
    assert [row["state"] for row in listed] == ["does not fit"], listed
    change(loud, text=LOUD.replace("upper(customer)", "reverse(customer)"))
    in_env(loud, "run", "--all")
    assert customers(loud, "dev-x")[0] == "adA"
    assert loud.weft("env", "show", "dev-x", "--format", "json").json["fits"] is True


def test_files_that_no_longer_compile_stop_it(drafted):
    change(drafted)
    # In the mesh the source loses the column that the environment reads.
    for path, line in ((f"{ORDERS}/shop.odcs.yaml", "      - {name: customer, logicalType: string, physicalType: VARCHAR}\n"),
                       (f"{ORDERS}/orders.odcs.yaml", "      - {name: customer, logicalType: string, physicalType: VARCHAR}\n")):
        edit(drafted, path, line, "")
    drafted.write(f"{ORDERS}/orders.sql", "SELECT id, email, country, amount, ordered_on FROM shop.raw_orders\n")
    drafted.weft("apply", "--yes")
    stopped = in_env(drafted, "query", "SELECT 1", "--as", "ana", ok=False)
    assert stopped.code == 75 and "orders.sql" in stopped.err, stopped
    drafted.weft("env", "drop", "dev-x")
    assert is_whole(drafted)


def test_what_was_built_comes_along_when_the_mesh_moves_on(loud):
    before = loud.weft("env", "show", "dev-x", "--format", "json").json
    loud.write(f"{ORDERS}/orders.sql", LOUD.replace("upper(customer) AS customer", "customer"))
    edit(loud, "domains/finance/domain.yaml", "title: Finance", "title: Money")
    edit(loud, "domains/finance/domain.yaml", "alignment: consumer", "alignment: aggregate")
    loud.weft("apply", "--yes")
    assert customers(loud, "dev-x")[0] == "ADA"
    after = loud.weft("env", "show", "dev-x", "--format", "json").json
    assert after["mesh_version"] == before["mesh_version"] + 1
    assert all(row["built"] for row in after["products"]), after
    # The mesh publishes a release of its own; the environment sees it when it is refreshed, and keeps what it made.
    loud.weft("run", "--all")
    loud.weft("env", "refresh", "dev-x")
    assert customers(loud, "dev-x")[0] == "ADA" and customers(loud)[0] == "Ada"
    refused = loud.weft("env", "promote", "dev-x", "--yes")
    assert "sales.orders  is not promoted: the mesh has published release 2 of it" in refused.out, refused
    assert "finance.totals  is not promoted:" in refused.out, refused
    assert is_whole(loud)


# ---- who works in one when the mesh changes

ENDLESS = "SELECT count(*) AS n FROM sales.orders.orders, range(100000000) a, range(1000) b"
SLOW = "SELECT id, upper(customer) AS customer, email, country, amount, ordered_on FROM shop.raw_orders " \
       "WHERE (SELECT count(*) FROM range(100000000) a, range(1000) b) > 0\n"


def at_work(server, user):
    assert server.call("POST", "/env/dev-x/api/v1/query", {"sql": READ}, as_user=user, raw=True)[0] == 200
    wait_until("nobody is at work", lambda: server.lent() == 0)
    call = Called(server.call, "POST", "/env/dev-x/api/v1/query", {"sql": ENDLESS, "timeout_ms": 60000}, as_user=user)
    wait_until("the query is at work", lambda: server.lent() > 0 and server.mesh.links())
    return call


def test_who_reads_in_it_ends_with_his_group(loud):
    server = loud.serve(args=["--set", "workers_warm=0"])
    loud.weft("user", "add", "tim")
    loud.weft("group", "add", "analysts", "tim")
    tim = at_work(server, "tim")
    readers = workers(loud, "consumer")
    loud.weft("group", "remove", "analysts", "tim")
    # No process had his files open any more when that was answered.
    assert readers and not set(readers) & set(workers(loud, "consumer"))
    status, problem = tim.end()
    assert status == 403 and "access was withdrawn while the query ran" in problem["detail"], problem


def test_who_reads_in_it_ends_when_the_mesh_moves_on(loud):
    server = loud.serve()
    noor = at_work(server, "noor")
    loud.write(f"{ORDERS}/orders.sql", LOUD.replace("upper(customer) AS customer", "customer"))
    edit(loud, "mesh.yaml", "guild: [", "guild: [user:eve, ")
    loud.weft("apply", "--yes")
    status, problem = noor.end()
    assert status == 409 and "the mesh was changed meanwhile" in problem["detail"], problem
    assert customers(loud, "dev-x")[0] == "ADA"


def test_a_build_in_it_ends_when_the_mesh_moves_on(loud):
    server = loud.serve()
    change(loud, text=SLOW)
    run = Started(loud, "run", "sales.orders", "--env", "dev-x", "--format", "json")
    wait_until("the build is at work", lambda: workers(loud, "build"))
    loud.write(f"{ORDERS}/orders.sql", LOUD.replace("upper(customer) AS customer", "customer"))
    edit(loud, "mesh.yaml", "guild: [", "guild: [user:eve, ")
    loud.weft("apply", "--yes")
    ended = run.end()
    assert ended.code == 75, ended
    assert "the mesh was changed meanwhile, and the environment follows it" in ended.out + ended.err, ended
    assert server.lent() == 0
    change(loud)
    loud.weft("run", "--all", "--env", "dev-x")
    assert customers(loud, "dev-x")[0] == "ADA" and is_whole(loud)


def test_a_build_in_the_mesh_goes_on_whatever_is_done_in_one(two):
    server = two.serve()
    two.write(f"{ORDERS}/orders.sql", SLOW.replace("100000000", "1000").replace("range(1000) b", "range(100) b"))
    two.weft("apply", "--yes")
    change(two, text=LOUD)
    two.weft("run", "--all")
    two.weft("env", "drop", "dev-x")
    assert customers(two)[0] == "ADA" and server.process.poll() is None and is_whole(two)


# ---- copies

def copies(mesh):
    return sorted(str(p.relative_to(mesh.home)) for p in (mesh.home / "cleared").rglob("*") if p.is_file())


def test_cleared_copies_are_shared(two):
    in_env(two, "apply", "--yes")
    in_env(two, "query", READ, "--as", "noor")
    made = copies(two)
    assert len(made) == 1, made
    # What was made for the environment serves the mesh, and the other way round.
    two.weft("query", READ, "--as", "noor")
    two.weft("query", "SELECT count(email) FROM sales.orders.orders", "--as", "noor")
    assert copies(two) == made
    # So it does when it is dropped: the file is the mesh's too.
    two.weft("env", "drop", "dev-x")
    assert copies(two) == made


# ---- entitlements

def test_rows_that_entitle_are_those_of_the_mesh(shop):
    """Who owns the table of entitlements entitles nobody in an environment."""
    write_entitlements(shop, [("noor", "CH")])
    filtered(shop, ENTITLED)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    ids = lambda env=None: [r["id"] for r in shop.rows("SELECT id FROM sales.orders.orders ORDER BY id", as_user="noor",
                                                       env={"WEFT_ENV": env} if env else None)]
    assert ids() == [1, 3]
    write_entitlements(shop, [("noor", "CH"), ("noor", "DE")])
    in_env(shop, "apply", "--domain", "sales", "--yes", "--as", "ana")
    in_env(shop, "run", "--all", "--as", "ana")
    assert ids("dev-x") == [1, 3] and ids() == [1, 3]
    # In the mesh they hold as soon as they are published there, in the environment too.
    shop.weft("env", "promote", "dev-x", "--yes", "--as", "ana")
    assert ids() == ids("dev-x") == [1, 2, 3]


# ---- under load

def test_no_answer_is_older_than_what_the_mesh_has_taken(loud):
    """Readers in the environment ask all the time; what an apply masks is masked in all that is asked after it."""
    server = loud.serve(http=False)
    loud.write(f"{ORDERS}/orders.sql", LOUD.replace("upper(customer) AS customer", "customer"))
    answers, is_over = [], threading.Event()

    def ask():
        while not is_over.is_set():
            began = time.monotonic()
            try:
                status, body = server.call("POST", "/env/dev-x/api/v1/query", {"sql": READ}, as_user="noor")
            except HTTPException:  # cut off in the midst of its rows
                continue
            answers.append((began, time.monotonic(), status, body))

    readers = [threading.Thread(target=ask) for _ in range(3)]
    for reader in readers:
        reader.start()
    begun = []
    mask = loud.folder / "policies/names.policy.yaml"
    for turn in range(6):
        if mask.exists():
            mask.unlink()
        else:
            mask.write_text(MASK)
        before = time.monotonic()
        loud.weft("apply", "--yes")
        begun.append((before, time.monotonic(), mask.exists()))
        count = len(answers)
        wait_until("somebody has read since", lambda: any(a[2] == 200 and a[0] > begun[-1][1] for a in answers[count:]))
    is_over.set()
    for reader in readers:
        reader.join()
    assert begun[0][2] and not begun[1][2]
    seen = set()
    for asked, answered, status, body in answers:
        assert status in (200, 403, 409), body
        if status != 200:
            assert ("access was withdrawn" if status == 403 else "the mesh") in body["detail"], body
            continue
        names = {row[0] for row in body["rows"]}
        assert names in ({"x"}, {"ADA", "BOB", "CLEO", "DAN"}), names
        # Between two applies only one of them may be seen.
        done = [m for _, end, m in begun if end < asked]
        coming = [m for start, _, m in begun if start < answered]
        if len(done) == len(coming):
            masked = done[-1] if done else False
            assert (names == {"x"}) == masked, (names, done)
            seen.add(masked)
    assert seen == {True, False}, len(answers)


# ---- bounds

def test_there_are_so_many_and_they_have_names(two):
    two.serve(args=["--set", "environments_max=2"], http=False)
    for name in ("a", "dev-2"):
        two.weft("apply", "--env", name, "--yes")
    refused = two.weft("apply", "--env", "c", "--yes", ok=False)
    assert refused.code == 65 and "there are 2 environments" in refused.err and "environments_max" in told(refused), refused
    for name in ("Dev", "2dev", "..", "a/b", "-", "x" * 64, ""):
        for args in (("query", "SELECT 1", f"--env={name}"), ("apply", f"--env={name}", "--yes"), ("env", "drop", f"{name}" or "''")):
            refused = two.weft(*args, ok=False)
            assert refused.code == 2, refused
    status, problem = two.servers[-1].call("POST", "/api/v1/environments", {"name": "../x"})
    assert status == 400 and "is no name of an environment" in problem["detail"], problem
    status, problem = two.servers[-1].call("GET", "/env/%2e%2e/api/v1/products")
    assert status in (400, 404), problem
    two.weft("env", "drop", "a")
    listed = two.weft("env", "list", "--format", "json").json
    assert [row["name"] for row in listed] == ["dev-2"], listed
    refused = two.weft("user", "add", "tim", "--env", "dev-2", ok=False)
    assert refused.code == 2 and "weft user add has no option --env" in refused.err, refused


# ---- what was built before a conflict

def built(mesh):
    return {name: row["built"] for name, row in env_products(mesh).items()}


def conflict(mesh):
    """Orders and totals are built in the environment, and the mesh changes the SQL of totals too."""
    edit(mesh, f"{TOTALS}/totals.sql", "sum(amount)", "sum(amount + 0)")
    in_env(mesh, "apply", "--domain", "finance", "--yes")
    in_env(mesh, "run", "--all")
    assert all(built(mesh).values())
    mesh.write(f"{ORDERS}/orders.sql", LOUD.replace("upper(customer) AS customer", "customer"))
    edit(mesh, f"{TOTALS}/totals.sql", "sum(amount + 0)", "sum(amount + 1)")
    mesh.weft("apply", "--yes")
    stopped = in_env(mesh, "query", READ, "--as", "noor", ok=False)
    assert stopped.code == 75 and "does not fit the mesh any more" in stopped.err, stopped


def mend(mesh, text):
    edit(mesh, f"{TOTALS}/totals.sql", "sum(amount + 1)", text)
    in_env(mesh, "apply", "--domain", "finance", "--yes")


def test_what_was_built_is_there_after_a_conflict(loud):
    conflict(loud)
    # Another apply, a start and upkeep in between take nothing of it.
    loud.write("policies/names.policy.yaml", MASK)
    loud.weft("apply", "--yes")
    assert in_env(loud, "query", READ, "--as", "noor", ok=False).code == 75
    loud.serve(http=False).stop()
    assert is_whole(loud)
    mend(loud, "sum(amount + 2)")
    assert built(loud) == {"sales.orders": True, "finance.totals": False}
    assert customers(loud, "dev-x") == ["x"] * 4
    (loud.folder / "policies/names.policy.yaml").unlink()
    loud.weft("apply", "--yes")
    assert customers(loud, "dev-x")[0] == "ADA"
    in_env(loud, "run", "finance.totals")
    done = loud.weft("env", "promote", "dev-x", "--yes", "--format", "json").json["products"]
    assert {p["product"]: p["release"] for p in done} == {"sales.orders": 2, "finance.totals": 2}, done
    assert sorted(p.name for p in (loud.home / "env/dev-x").iterdir() if p.name.startswith("last")) == []
    assert is_whole(loud)


def test_all_that_was_built_is_there_where_the_conflict_is_taken_back(loud):
    conflict(loud)
    # As it was built: the file of the environment is no other one than before.
    mend(loud, "sum(amount + 0)")
    assert built(loud) == {"sales.orders": True, "finance.totals": True}
    assert customers(loud, "dev-x")[0] == "ADA" and is_whole(loud)


def test_files_as_in_the_mesh_end_a_conflict(loud):
    conflict(loud)
    told = in_env(loud, "plan", "--domain", "finance").out
    assert "what the environment has otherwise, and does not fit, goes" in told, told
    told = in_env(loud, "apply", "--domain", "finance", "--yes").out
    assert "Applied" in told, told
    assert built(loud) == {"sales.orders": True, "finance.totals": False}
    assert customers(loud, "dev-x")[0] == "ADA" and is_whole(loud)
    assert "Nothing to change" in in_env(loud, "apply", "--domain", "finance", "--yes").out


def test_files_of_others_stay_in_a_conflict(loud):
    conflict(loud)
    files = lambda: sorted(f["path"] for f in loud.weft("env", "show", "dev-x", "--format", "json").json["files"])
    assert files() == [f"{TOTALS}/totals.sql", f"{ORDERS}/orders.sql"]
    for args in (("apply", "--domain", "sales", "--as", "eve"), ("apply", "--as", "noor")):
        assert "Nothing to change" in in_env(loud, *args, "--yes").out
        assert files() == [f"{TOTALS}/totals.sql", f"{ORDERS}/orders.sql"]
    # All of the folder is as in the mesh, and what is not hers stays.
    assert "Applied" in in_env(loud, "apply", "--yes", "--as", "ana").out
    assert files() == [f"{TOTALS}/totals.sql"]
    assert in_env(loud, "query", READ, "--as", "noor", ok=False).code == 75
    assert "Applied" in in_env(loud, "apply", "--yes", "--as", "eve").out
    assert files() == [] and customers(loud, "dev-x") == customers(loud) and is_whole(loud)


def test_a_new_product_is_the_same_after_a_conflict(loud):
    from test_env import write_new
    loud.write("policies/loud.policy.yaml", "apiVersion: weft/v1\nkind: Policy\nid: loud-reads-orders\nowner: guild\n"
               "grant: {contract: orders, role: reader, to: {products: [sales.loud]}}\n")
    loud.write(f"{ORDERS}/orders.sql", LOUD.replace("upper(customer) AS customer", "customer"))
    loud.weft("apply", "--yes")
    loud.write(f"{ORDERS}/orders.sql", LOUD)
    write_new(loud)
    in_env(loud, "apply", "--domain", "sales", "--yes")
    (loud.folder / "domains/sales/loud").rename(loud.folder / "aside")
    conflict(loud)
    mend(loud, "sum(amount + 0)")
    assert built(loud) == {"sales.orders": True, "sales.loud": True, "finance.totals": True}
    loud.weft("env", "drop", "dev-x")
    assert is_whole(loud)


def test_nothing_is_left_of_one_that_is_dropped_in_a_conflict(loud):
    conflict(loud)
    assert (loud.home / "env/dev-x/last.db").exists()
    loud.weft("env", "drop", "dev-x")
    names = {p.name for p in (loud.home / "files").rglob("*") if p.is_file()}
    assert len(names) == 2 and list((loud.home / "env").iterdir()) == [], names
    assert is_whole(loud)


def test_watching_says_that_what_does_not_fit_goes(loud):
    conflict(loud)
    watch = Watch(loud, "--env", "dev-x", "finance.totals")
    told = watch.round()
    assert watch.stop() == 0
    assert "what the environment has otherwise and does not fit is still there, so nothing is run: weft apply" in told, told
    assert "1 change" not in told, told
    watch = Watch(loud, "--env", "dev-x", "--yes", "finance.totals")
    told = watch.round()
    assert watch.stop() == 0
    assert "checked, what the environment had otherwise and did not fit is gone\n" in told and "1 change" not in told, told
    assert built(loud) == {"sales.orders": True, "finance.totals": True}
