"""Nobody sees more through an environment than in its mesh, and what is taken there is taken here at once."""

import pytest

from env_help import LOUD, ORDERS, TOTALS, change, customers, edit, env_products, write_two
from story_help import audit, is_whole, told

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
