"""Global policies are proposed by anyone and applied by the guild; by another person, where mesh.yaml says so."""

import json

import pytest

from story_help import ORDERS, audit, edit, plan_files
from test_require import require, second_domain

DENY = """\
apiVersion: weft/v1
kind: Policy
id: no-mail
description: Nobody needs addresses.
owner: guild
deny: {columns: {column: [email]}}
"""


@pytest.fixture
def guided(shop):
    """A mesh with a guild of two."""
    edit(shop, "mesh.yaml", "  eve: {groups: [visitors]}\n",
         "  eve: {groups: [visitors]}\n  gus: {groups: [guild]}\n  gil: {groups: [guild]}\n")
    shop.weft("apply", "--yes")
    shop.serve()
    return shop


def propose(mesh, as_user="eve", ok=True):
    return mesh.weft("plan", "--policies", "--as", as_user, "--format", "json", ok=ok)


def four_eyes(mesh):
    edit(mesh, "mesh.yaml", "guild: [group:guild]\n", "guild: [group:guild]\nfourEyes: true\n")
    mesh.weft("apply", "--yes")


def test_anyone_proposes_and_the_guild_applies(guided):
    guided.write("policies/mail.policy.yaml", DENY)
    refused = guided.weft("plan", "--as", "eve", ok=False)
    assert refused.code == 77 and "weft plan --policies" in refused.err
    plan = propose(guided).json
    assert plan["proposal"] and [(c["action"], c["name"]) for c in plan["changes"]] == [("added", "no-mail")]
    told = guided.weft("plan", "--policies", "--as", "eve")
    assert "somebody of the guild does it" in told.err
    for user in ("eve", "ana", "noor"):
        refused = guided.weft("apply", "--plan", plan["plan"], "--as", user, ok=False)
        assert refused.code == 77 and "may not change policies/mail.policy.yaml" in refused.err
    listed = guided.weft("plan", "list", "--as", "gus", "--format", "json").json
    assert [(p["author"], p["fits"]) for p in listed] == [("eve", True)] * 2 and listed[0]["summary"] == "added policy no-mail"
    assert len(guided.weft("plan", "list", "--as", "eve", "--format", "json").json) == 2
    assert guided.weft("plan", "list", "--as", "noor", "--format", "json").json == []
    assert plan["plan"] in guided.weft("plan", "list").out
    guided.weft("apply", "--plan", plan["plan"], "--as", "gus")
    assert [p["id"] for p in guided.weft("policy", "list", "--format", "json").json] == ["analysts-read-orders", "no-mail"]
    # The other one was made for what stood before.
    listed = guided.weft("plan", "list", "--as", "gus", "--format", "json").json
    assert [p["fits"] for p in listed] == [False]
    assert guided.weft("apply", "--plan", listed[0]["plan"], "--as", "gus", ok=False).code == 75


def test_a_proposal_outlives_changes_elsewhere_and_is_checked_again(guided):
    guided.write("policies/mail.policy.yaml", DENY)
    plan = propose(guided).json["plan"]
    edit(guided, f"{ORDERS}/orders.sql", "FROM shop", " FROM shop")
    guided.weft("apply", "--domain", "sales", "--yes", "--as", "ana")
    guided.weft("apply", "--plan", plan, "--as", "gil")
    # What fitted when it was proposed, and does no longer.
    require(guided, "SELECT address FROM mesh.products WHERE description IS NULL")
    plan = propose(guided).json["plan"]
    edit(guided, f"{ORDERS}/product.odps.yaml", "description: {purpose: Orders as the shop took them.}\n", "")
    guided.weft("apply", "--domain", "sales", "--yes", "--as", "ana")
    answer = guided.weft("apply", "--plan", plan, "--as", "gil", ok=False)
    assert answer.code == 65 and "the proposal does not fit the mesh" in answer.err and "address sales.orders" in answer.err


def test_a_proposal_is_of_policies_and_nothing_else(guided):
    status, answer = guided.servers[-1].call("POST", "/api/v1/plans", plan_files(guided) | {"policies": True}, as_user="eve")
    assert status == 403 and "lies outside of policies/" in answer["detail"] + json.dumps(answer)
    assert guided.weft("plan", "--policies", "--domain", "sales", ok=False).code == 2
    # Without a change there is nothing to propose.
    assert propose(guided).json["plan"] is None
    guided.write("policies/mail.policy.yaml", DENY.replace("column: [email]", "colunm: [email]"))
    refused = propose(guided, ok=False)
    assert refused.code == 65 and "colunm" in refused.err


def test_nothing_hidden_can_be_proposed_out(guided):
    second_domain(guided, member="gus")
    guided.weft("apply", "--yes")
    # By a question to the mesh, by a filter that does not fit, by a test of policies, by a grant to oneself.
    require(guided, "SELECT address FROM mesh.products UNION ALL SELECT address FROM mesh.tables", severity="warning")
    told = json.dumps(propose(guided).json)
    assert "sales.orders" in told and "hr.orders" not in told and "may not discover" not in told
    guided.write("policies/mail.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: probe
description: Is there something?
owner: guild
filter: {tables: {tag: [customer-rows]}, where: "nothing = 'CH'"}
""")
    refused = propose(guided, ok=False)
    assert refused.code == 65 and "sales.orders" in refused.err and "hr." not in refused.err
    guided.write("policies/mail.policy.yaml", DENY)
    guided.write("policies/tests/probe.policytest.yaml", """\
apiVersion: weft/v1
kind: PolicyTest
cases: [{name: probe, table: hr.orders.orders, actor: eve, denied: true}]
""")
    refused = propose(guided, ok=False)
    assert refused.code == 65 and "there is no such table" in refused.err
    (guided.folder / "policies/tests/probe.policytest.yaml").unlink()
    guided.write("policies/own.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: eve-reads-all
description: Please.
owner: eve
grant: {products: [hr.orders], to: {users: [eve]}}
""")
    refused = propose(guided, ok=False)
    assert refused.code == 65 and "hr-orders" not in refused.err


def test_four_eyes_see_a_change_of_policies(guided):
    four_eyes(guided)
    guided.write("policies/mail.policy.yaml", DENY)
    server = guided.servers[-1]
    tokens = {u: guided.weft("token", "create", u, "--format", "json").json["token"] for u in ("gus", "gil")}
    body = plan_files(guided) | {"policies": True}
    body["files"] = [f for f in body["files"] if f["path"].startswith("policies/")]
    status, plan = server.call("POST", "/api/v1/plans", body, token=tokens["gus"])
    assert status == 200 and not plan["proposal"]
    status, answer = server.call("POST", f"/api/v1/plans/{plan['plan']}/apply", token=tokens["gus"])
    assert status == 403 and "gus made this plan" in answer["detail"], answer
    assert server.call("POST", f"/api/v1/plans/{plan['plan']}/apply", token=tokens["gil"])[0] == 200
    # What is no policy needs two eyes only.
    edit(guided, f"{ORDERS}/orders.sql", "FROM shop", " FROM shop")
    guided.weft("apply", "--domain", "sales", "--yes", "--as", "ana")


def test_the_owner_of_the_home_overrides_and_the_audit_says_so(guided):
    four_eyes(guided)
    guided.write("policies/mail.policy.yaml", DENY)
    answer = guided.weft("apply", "--yes", "--format", "json")
    assert json.loads(answer.out.splitlines()[-1])["override"] is True
    (guided.folder / "policies/mail.policy.yaml").unlink()
    # As a user of the guild he is one person all the same.
    plan = propose(guided, as_user="gus").json["plan"]
    applied = guided.weft("apply", "--plan", plan, "--as", "gil", "--format", "json").json
    assert applied["override"] is True
    last = [r for r in audit(guided) if r["action"] == "apply"][-1]
    assert last["on_behalf"] and '"override":true' in json.dumps(last["detail"]).replace("\\", "").replace(": ", ":")


def test_labels_are_inherited_in_a_proposal_too(guided):
    """The output's contract says nothing of the column: its label comes from the source."""
    edit(guided, f"{ORDERS}/orders.odcs.yaml", ", classification: pii", "")
    guided.write("policies/mask.policy.yaml", DENY.split("id:")[0] + """\
id: hide-mail
description: Addresses are personal.
owner: guild
mask: {columns: {classification: [pii]}, with: {method: "null"}}
""")
    guided.weft("apply", "--yes")
    guided.write("policies/tests/mail.policytest.yaml", """\
apiVersion: weft/v1
kind: PolicyTest
cases:
  - {name: no address, table: sales.orders.orders, actor: noor, rows: [{id: 1, email: ada@example.com}], expect: [{id: 1, email: null}]}
""")
    assert propose(guided).json["findings"] == []
    guided.weft("policy", "test")
