"""Access as an agreement: asked for, decided by others, in force until its end; and who can see what."""

import json
import shlex
import sqlite3
import time
from datetime import datetime, timedelta, timezone

import pytest

from conftest import DOMAIN
from story_help import ORDERS, Called, edit, plan_files, told, wait_until

TABLE = "sales.orders.orders"
UNTIL = "2099-12-31"
SQL = f"SELECT id FROM {TABLE} ORDER BY id"
ALL = [{"id": i} for i in (1, 2, 3, 4)]

ROLES = """\
roles:
  - {role: reader, access: read, firstLevelApprovers: "pam, group:stewards", secondLevelApprovers: group:privacy}
  - {role: auditor, access: read}
  - {role: writer, access: write, firstLevelApprovers: pam}
  - {role: lost, access: read, firstLevelApprovers: Reporting Manager}
  - {role: nobody, access: read, firstLevelApprovers: "user:zoe"}
"""

REVENUE = """\
apiVersion: v1.0.0
kind: DataProduct
id: reports-revenue
name: revenue
version: 1.0.0
status: active
inputPorts:
  - {name: orders, version: 1.0.0, contractId: orders}
outputPorts:
  - {name: revenue, version: 1.0.0, contractId: revenue}
"""
REVENUE_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: revenue
version: 1.0.0
status: active
schema:
  - name: revenue
    properties:
      - {name: country, logicalType: string, physicalType: VARCHAR}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(38,2)"}
"""
MASK = """\
apiVersion: weft/v1
kind: Policy
id: mask-personal-data
description: Personal data is for its owners.
owner: guild
mask: {columns: {classification: [pii]}, with: {method: "null"}, except: {owners: true}}
"""
FILTER = """\
apiVersion: weft/v1
kind: Policy
id: swiss-rows
description: Rows abroad are for the owners.
owner: guild
filter: {tables: {tag: [customer-rows]}, where: "country = 'CH'", except: {owners: true}}
"""


DENY = """\
apiVersion: weft/v1
kind: Policy
id: no-visitors
description: visitors stay out
owner: guild
deny: {tables: {product: [sales.orders]}, to: {groups: [visitors]}}
"""


def ask(mesh, user, target=TABLE, *more, until=UNTIL, purpose="reporting", reason="Figures of the month", ok=True):
    return mesh.weft("access", "request", target, "--purpose", purpose, "--until", until, "--reason", reason, *more,
                     "--as", user, ok=ok)


def act(mesh, user, step, request, *more, ok=True):
    return mesh.weft("access", step, request, *more, "--as", user, ok=ok)


def show(mesh, request, user="ana"):
    return mesh.weft("access", "show", request, "--as", user, "--format", "json").json


def read(mesh, user, sql=SQL, purpose="reporting"):
    """Rows, or the exit code."""
    answer = mesh.weft("query", sql, "--as", user, "--purpose", purpose, "--format", "ndjson", ok=None)
    return [json.loads(line) for line in answer.out.splitlines()] if answer.code == 0 else answer.code


def stored(mesh, sql):
    """Rows of the catalog itself: no door shows the outbox yet."""
    catalog = sqlite3.connect(f"file:{mesh.home}/catalog.db?mode=ro", uri=True)
    try:
        return catalog.execute(sql).fetchall()
    finally:
        catalog.close()


def events(mesh):
    return [(kind, subject, json.loads(payload)) for kind, subject, payload in stored(
        mesh, "SELECT type, subject, payload FROM outbox WHERE type LIKE 'access.%' ORDER BY sequence")]


def audited(mesh):
    rows = mesh.weft("audit", "show", "--limit", "1000", "--format", "json").json
    return [(r["action"], r["actor"], r["object"], r["outcome"]) for r in rows if r["action"].startswith("access.")]


@pytest.fixture
def team(drafted):
    """The shop, with more people, roles with approvers, and a domain whose product reads it."""
    edit(drafted, "mesh.yaml", "  eve: {groups: [visitors]}", "  eve: {groups: [visitors]}\n  pam: {groups: [stewards]}\n"
         "  sid: {groups: [stewards, visitors]}\n  quin: {groups: [privacy]}\n  pia: {groups: [privacy, stewards]}\n"
         "  vera: {groups: []}\n  tom: {groups: [report-team]}\n  gus: {groups: [guild]}")
    edit(drafted, "mesh.yaml", "purposes: {reporting: Internal figures}",
         "purposes: {reporting: Internal figures, marketing: Campaigns}")
    contract = drafted.folder / ORDERS / "orders.odcs.yaml"
    contract.write_text(contract.read_text() + ROLES)
    drafted.write("domains/reports/domain.yaml", DOMAIN.replace("name: sales", "name: reports").replace(
        "title: Sales", "title: Reports").replace("alignment: source", "alignment: consumer").replace(
        "user:ana", "user:vera").replace("group:shop-team", "group:report-team"))
    drafted.write("domains/reports/revenue/product.odps.yaml", REVENUE)
    drafted.write("domains/reports/revenue/revenue.odcs.yaml", REVENUE_CONTRACT)
    drafted.write("domains/reports/revenue/revenue.sql",
                  "SELECT country, sum(amount) AS amount FROM orders.orders GROUP BY country\n")
    drafted.weft("apply", "--yes")
    return drafted


# ---- the life of a request


def test_whole_life_by_the_command_line(applied):
    assert "weft access request sales.orders.orders" in applied.weft("query", SQL, "--as", "eve", ok=False).err
    asked = ask(applied, "eve")
    assert "access request 1: sales.orders.orders for user eve is requested" in asked.out
    assert "user:ana" in asked.err
    assert read(applied, "eve") == 77
    listed = applied.weft("access", "list", "--state", "open", "--as", "ana", "--format", "json").json
    assert [(r["id"], r["state"], r["waits_for"]) for r in listed] == [(1, "requested", ["user:ana"])]
    assert "is approved" in act(applied, "ana", "approve", 1).out
    assert read(applied, "eve") == ALL
    # Its purpose is part of it.
    assert applied.weft("query", SQL, "--as", "eve", ok=False).code == 77
    assert read(applied, "noor") == ALL
    act(applied, "ana", "revoke", 1, "--reason", "The project is over")
    assert read(applied, "eve") == 77
    told_of = show(applied, 1, "eve")
    assert (told_of["state"], told_of["note"], told_of["effect"]) == ("revoked", "The project is over", None)
    assert [(s["step"], s["by"], s["on_behalf"] is not None) for s in told_of["steps"]] == [
        ("request", "eve", True), ("approve", "ana", True), ("revoke", "ana", True)]
    assert audited(applied) == [("access.request", "eve", "access:1", "done"), ("access.approve", "ana", "access:1", "done"),
                                ("access.revoke", "ana", "access:1", "done")]
    assert [(kind, subject, e["request"], e["by"]) for kind, subject, e in events(applied)] == [
        ("access.requested", TABLE, 1, "eve"), ("access.approved", TABLE, 1, "ana"), ("access.revoked", TABLE, 1, "ana")]
    assert applied.weft("audit", "verify").code == 0


def test_whole_life_by_http_with_tokens(applied):
    server = applied.serve()
    token = {user: applied.weft("token", "create", user).out.strip() for user in ("eve", "ana", "noor")}
    body = {"target": TABLE, "purposes": ["reporting"], "until": UNTIL, "reason": "Figures"}
    path = "/api/v1/access/requests"

    def query():
        return server.call("POST", "/api/v1/query", {"sql": SQL, "purpose": "reporting"}, token=token["eve"])[0]

    status, asked = server.call("POST", path, body, token=token["eve"])
    assert (status, asked["state"], asked["waits_for"], asked["requested_by"]) == (201, "requested", ["user:ana"], "eve")
    one = f"{path}/{asked['id']}"
    assert query() == 403
    status, problem = server.call("POST", f"{one}/approve", token=token["eve"])
    assert (status, problem["code"]) == (403, "DENIED")
    # Who has nothing to do with it does not know of it.
    for step in ("approve", "deny", "revoke", "withdraw"):
        assert server.call("POST", f"{one}/{step}", {"reason": "x"}, token=token["noor"])[0] == 404, step
    assert server.call("GET", one, token=token["noor"])[0] == 404
    assert server.call("GET", path, token=token["noor"])[1] == {"requests": []}
    status, approved = server.call("POST", f"{one}/approve", {"reason": "Fine"}, token=token["ana"])
    assert (status, approved["state"], approved["note"]) == (200, "approved", "Fine")
    assert query() == 200
    status, listed = server.call("GET", f"{path}?state=approved&target={TABLE}", token=token["eve"])
    assert status == 200 and [r["id"] for r in listed["requests"]] == [asked["id"]]
    assert server.call("GET", f"{path}?state=lost", token=token["eve"])[0] == 400
    # Who has it gives it back.
    assert server.call("POST", f"{one}/revoke", token=token["eve"])[0] == 422
    assert server.call("POST", f"{one}/revoke", {"reason": "Done"}, token=token["eve"])[1]["state"] == "revoked"
    assert query() == 403
    assert server.call("GET", f"{path}/77", token=token["eve"])[0] == 404
    assert server.call("GET", f"{path}/seven", token=token["eve"])[0] == 404


def test_two_levels_are_two_people(team):
    ask(team, "eve", TABLE, "--role", "reader")
    assert show(team, 1)["waits_for"] == ["user:pam", "group:stewards"]
    refused = act(team, "quin", "approve", 1, ok=False)
    assert refused.code == 77 and "first level" in refused.err
    # Pia is of both levels: she decides one of them.
    act(team, "pia", "approve", 1)
    after = show(team, 1)
    assert (after["state"], after["waits_for"]) == ("approved_first", ["group:privacy"])
    assert read(team, "eve") == 77
    refused = act(team, "pia", "approve", 1, ok=False)
    assert refused.code == 77 and "another person" in refused.err
    assert act(team, "pam", "approve", 1, ok=False).code == 77
    act(team, "quin", "approve", 1)
    assert read(team, "eve") == ALL
    assert [(s["step"], s["level"], s["by"]) for s in show(team, 1)["steps"]] == [
        ("request", None, "eve"), ("approve", 1, "pia"), ("approve", 2, "quin")]
    assert [kind for kind, _, _ in events(team)] == ["access.requested", "access.approved_first", "access.approved"]
    assert [r for r in audited(team) if r[3] == "denied"] == [
        ("access.approve", who, "access:1", "denied") for who in ("quin", "pia", "pam")]


def test_nobody_approves_their_own(team):
    # Sid is a steward: not for himself, and not for a group that he is in.
    ask(team, "sid", TABLE, "--role", "reader")
    refused = act(team, "sid", "approve", 1, ok=False)
    assert refused.code == 77 and "nobody approves" in refused.err
    ask(team, "eve", TABLE, "--role", "reader", "--for", "group:visitors")
    refused = act(team, "sid", "approve", 2, ok=False)
    assert refused.code == 77 and "a group that they are in" in refused.err
    act(team, "pam", "approve", 2)
    act(team, "quin", "approve", 2)
    assert read(team, "eve") == ALL and read(team, "sid") == ALL
    # The operator administers, and decides nothing by that.
    refused = team.weft("access", "approve", 1, ok=False)
    assert refused.code == 77 and "--as USER" in refused.err
    assert team.weft("access", "request", TABLE, "--purpose", "reporting", "--until", UNTIL, "--reason", "x",
                     ok=False).code == 77


def test_a_request_that_nobody_else_could_approve_is_not_taken(team):
    # Zoe is nobody of this mesh; ana is the only owner.
    refused = ask(team, "eve", TABLE, "--role", "nobody", ok=False)
    assert refused.code == 65 and "nobody could approve this" in refused.err and "user:zoe" in refused.err
    refused = ask(team, "eve", TABLE, "--role", "lost", ok=False)
    assert refused.code == 75 and "Reporting Manager" in refused.err
    # A role without approvers is decided by the owners.
    assert "user:ana" in ask(team, "eve", TABLE, "--role", "auditor").err


def test_a_denial_says_why_and_stands(applied):
    ask(applied, "eve")
    assert act(applied, "ana", "deny", 1, ok=False).code == 2
    act(applied, "ana", "deny", 1, "--reason", "Take the aggregate instead")
    assert "Take the aggregate instead" in applied.weft("access", "show", 1, "--as", "eve").out
    assert "Take the aggregate instead" in applied.weft("access", "list", "--as", "eve").out
    late = act(applied, "ana", "approve", 1, ok=False)
    assert late.code == 75 and "is denied: it cannot be approved" in late.err
    assert read(applied, "eve") == 77
    # It may be asked again.
    ask(applied, "eve", reason="With the aggregate it does not add up")
    act(applied, "ana", "approve", 2)
    assert act(applied, "ana", "approve", 2, ok=False).code == 75
    assert act(applied, "eve", "withdraw", 2, ok=False).code == 75
    assert read(applied, "eve") == ALL


def test_who_asked_withdraws(applied):
    ask(applied, "eve")
    refused = act(applied, "ana", "withdraw", 1, ok=False)
    assert refused.code == 77 and "deny" in refused.err
    act(applied, "eve", "withdraw", 1)
    assert act(applied, "ana", "approve", 1, ok=False).code == 75
    assert [kind for kind, _, _ in events(applied)] == ["access.requested", "access.withdrawn"]


def test_those_who_run_the_mesh_may_end_an_agreement(team):
    ask(team, "eve", TABLE, "--role", "auditor")
    act(team, "ana", "approve", 1)
    assert act(team, "noor", "revoke", 1, "--reason", "x", ok=False).code == 66
    assert act(team, "gus", "revoke", 1, "--reason", "An incident").code == 0
    assert read(team, "eve") == 77
    # ... and give none.
    ask(team, "eve", TABLE, "--role", "auditor")
    assert act(team, "gus", "approve", 2, ok=False).code == 77
    team.weft("access", "revoke", 1, "--reason", "x", ok=False)


def test_a_renewal_is_approved_and_takes_over(applied):
    ask(applied, "eve", until="2098-01-31")
    act(applied, "ana", "approve", 1)
    again = ask(applied, "eve", ok=False)
    assert again.code == 75 and "weft access renew 1" in again.err
    assert act(applied, "eve", "renew", 1, "--until", "2098-01-31", ok=False).code == 65
    assert act(applied, "ana", "renew", 1, "--until", UNTIL, ok=False).code == 77
    act(applied, "eve", "renew", 1, "--until", UNTIL)
    asked = show(applied, 2)
    assert (asked["previous"], asked["state"], asked["reason"]) == (1, "requested", "Figures of the month")
    assert act(applied, "eve", "approve", 2, ok=False).code == 77
    act(applied, "ana", "approve", 2)
    assert show(applied, 1)["state"] == "renewed"
    assert read(applied, "eve") == ALL
    # There is one agreement, and it ends as one.
    act(applied, "ana", "revoke", 2, "--reason", "Over")
    assert read(applied, "eve") == 77
    assert act(applied, "eve", "renew", 2, "--until", UNTIL, ok=False).code == 75


# ---- the end


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_end_bites_to_the_second_while_the_server_runs(applied):
    server = applied.serve()
    token = applied.weft("token", "create", "eve").out.strip()
    end = (datetime.now(timezone.utc) + timedelta(seconds=5)).replace(microsecond=0)
    ask(applied, "eve", until=stamp(end))
    act(applied, "ana", "approve", 1)
    seen = []

    def is_refused():
        seen.append((time.time(), server.call("POST", "/api/v1/query", {"sql": SQL, "purpose": "reporting"}, token=token)[0]))
        return seen[-1][1] == 403

    wait_until("the end of the agreement", is_refused)
    assert [status for _, status in seen] == [200] * (len(seen) - 1) + [403] and len(seen) > 1
    # Not before the end; and what began after it was never let through.
    assert time.time() >= end.timestamp()
    assert all(began < end.timestamp() for began, status in seen if status == 200)
    wait_until("the request has expired", lambda: show(applied, 1)["state"] == "expired")
    assert [kind for kind, _, _ in events(applied)] == ["access.requested", "access.approved", "access.expired"]
    assert audited(applied)[-1] == ("access.expire", "weft", "access:1", "done")
    server.stop()
    applied.weft("status")
    assert len(events(applied)) == 3


def test_what_ended_while_no_server_ran_ends_once_at_start_and_stays_ended_under_a_clock_that_goes_back(applied):
    ask(applied, "eve", until="2030-01-01")
    act(applied, "ana", "approve", 1)
    ask(applied, "eve", "sales.orders", until="2030-01-01", purpose="reporting", ok=None)
    late = applied.serve(env={"WEFT_TEST_NOW": "2030-01-02T00:00:01Z"})
    assert late.call("POST", "/api/v1/query", {"sql": SQL, "purpose": "reporting"}, as_user="eve")[0] == 403
    wait_until("it has expired", lambda: late.call("GET", "/api/v1/access/requests/1", as_user="eve")[1]["state"] == "expired")
    late.stop()
    # By its date it would be in force again: it is not.
    early = applied.serve(env={"WEFT_TEST_NOW": "2029-06-01T00:00:00Z"})
    assert early.call("POST", "/api/v1/query", {"sql": SQL, "purpose": "reporting"}, as_user="eve")[0] == 403
    assert early.call("GET", "/api/v1/access/requests/1", as_user="eve")[1]["state"] == "expired"
    early.stop()
    assert [kind for kind, _, _ in events(applied)].count("access.expired") == 1


def test_a_request_that_waits_too_long_expires(applied):
    ask(applied, "eve", until="2030-01-01")
    late = applied.serve(env={"WEFT_TEST_NOW": "2030-01-02T00:00:00Z"})
    wait_until("it has expired", lambda: late.call("GET", "/api/v1/access/requests/1", as_user="ana")[1]["state"] == "expired")
    assert late.call("POST", "/api/v1/access/requests/1/approve", as_user="ana")[0] == 409
    late.stop()


# ---- what is refused


BAD = {
    "an end in the past": ({"until": "2020-01-01", "more": ["--role", "auditor"]}, 65, "past"),
    "no date": ({"until": "soon", "more": ["--role", "auditor"]}, 65, "no date"),
    "an unknown purpose": ({"purpose": "fun", "more": ["--role", "auditor"]}, 65, "fun is no purpose of this mesh"),
    "no purpose": ({"purpose": " ", "more": ["--role", "auditor"]}, 65, "a purpose is missing"),
    "no reason": ({"reason": " ", "more": ["--role", "auditor"]}, 65, "a reason is missing"),
    "a product that is not there": ({"target": "sales.nothing"}, 66, "or you may not discover it"),
    "a table that is not there": ({"target": "sales.orders.nothing"}, 66, "or you may not discover it"),
    "no address": ({"target": "orders"}, 66, "or you may not discover it"),
    "an unknown role": ({"more": ["--role", "boss"]}, 65, "reader, auditor, writer"),
    "no role where there are several": ({}, 65, "several roles"),
    "a role that writes": ({"more": ["--role", "writer"]}, 65, "access write"),
    "another user": ({"more": ["--role", "auditor", "--for", "user:noor"]}, 77, "for himself"),
    "a group of others": ({"more": ["--role", "auditor", "--for", "group:analysts"]}, 77, "members of group"),
    "a product of others": ({"more": ["--role", "auditor", "--for", "product:reports.revenue"]}, 77, "only the team"),
    "no taker": ({"more": ["--role", "auditor", "--for", "noor"]}, 2, "user:NAME, group:NAME"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_requests(team, what):
    how, code, words = BAD[what]
    answer = ask(team, "eve", how.get("target", TABLE), *how.get("more", []), ok=False,
                 **{k: v for k, v in how.items() if k in ("until", "purpose", "reason")})
    assert answer.code == code and words in told(answer), answer
    assert stored(team, "SELECT count(*) FROM access_request") == [(0,)]


def test_what_one_has_is_not_asked_for(applied):
    refused = ask(applied, "noor", ok=False)
    assert refused.code == 75 and "already" in refused.err
    refused = ask(applied, "ana", ok=False)
    assert refused.code == 65 and "nobody could approve" in refused.err
    ask(applied, "eve")
    twice = ask(applied, "eve", ok=False)
    assert twice.code == 75 and "access request 1" in twice.err


def test_a_restricted_product_is_not_there_for_a_request_either(applied):
    edit(applied, f"{ORDERS}/product.odps.yaml", "status: active",
         "status: active\ncustomProperties: [{property: visibility, value: restricted}]")
    applied.weft("apply", "--yes")
    hidden = ask(applied, "eve", "sales.orders", ok=False)
    absent = ask(applied, "eve", "sales.absent", ok=False)
    assert hidden.code == absent.code == 66
    assert told(hidden).replace("sales.orders", "X") == told(absent).replace("sales.absent", "X")


def test_a_role_that_is_gone_lets_nobody_approve(team):
    ask(team, "eve", TABLE, "--role", "auditor")
    contract = f"{ORDERS}/orders.odcs.yaml"
    edit(team, contract, "  - {role: auditor, access: read}\n", "")
    team.weft("apply", "--yes")
    refused = act(team, "ana", "approve", 1, ok=False)
    assert refused.code == 75 and "no role auditor any more" in refused.err
    act(team, "ana", "deny", 1, "--reason", "Ask as a reader")


def test_the_mesh_says_how_long_access_lasts(team):
    edit(team, "mesh.yaml", "sources: {roots: [data/]}", "sources: {roots: [data/]}\naccess: {longest: 90d}")
    team.weft("apply", "--yes")
    refused = ask(team, "eve", TABLE, "--role", "auditor", ok=False)
    assert refused.code == 65 and "90d at most" in refused.err
    soon = (datetime.now(timezone.utc) + timedelta(days=80)).date()
    ask(team, "eve", TABLE, "--role", "auditor", until=soon)
    act(team, "ana", "approve", 1)
    assert act(team, "eve", "renew", 1, "--until", UNTIL, ok=False).code == 65
    # What plan says can be typed.
    need, = team.weft("plan", "--format", "json").json["grants_needed"]
    team.weft(*shlex.split(need["command"].replace("ROLE", "auditor").replace("PURPOSE", "reporting"))[1:], "--as", "tom")
    edit(team, "mesh.yaml", "longest: 90d", "longest: soon")
    assert "30min, 2h or 1d" in team.weft("plan", ok=False).err + team.weft("plan", ok=False).out


def test_who_comes_later_under_the_same_name_finds_no_access(team):
    team.weft("user", "add", "ida")
    ask(team, "ida", TABLE, "--role", "auditor")
    act(team, "ana", "approve", 1)
    ask(team, "ida", TABLE, "--role", "auditor", purpose="marketing")
    assert read(team, "ida") == ALL
    team.weft("user", "remove", "ida")
    wait_until("it ends", lambda: show(team, 1)["state"] == "revoked" and show(team, 2)["state"] == "withdrawn")
    assert show(team, 1)["note"] == "user ida is of the mesh no more"
    team.weft("user", "add", "ida")
    assert read(team, "ida") == 77
    # The same of a product that goes.
    team.weft("access", "request", TABLE, "--role", "auditor", "--for", "product:reports.revenue", "--purpose", "reporting",
              "--until", UNTIL, "--reason", "x", "--as", "tom")
    act(team, "ana", "approve", 3)
    for path in ("product.odps.yaml", "revenue.odcs.yaml", "revenue.sql"):
        (team.folder / "domains/reports/revenue" / path).unlink()
    team.weft("apply", "--yes")
    wait_until("it ends", lambda: show(team, 3)["state"] == "revoked")


def test_of_two_who_decide_at_once_one_is_told(team):
    server = team.serve()
    for i in range(1, 6):
        ask(team, "eve", TABLE, "--role", "reader")
        both = [Called(server.call, "POST", f"/api/v1/access/requests/{i}/{step}", {"reason": "x"}, as_user=user)
                for step, user in (("approve", "pam"), ("deny", "quin"), ("withdraw", "eve"))]
        answers = [call.end() for call in both]
        state = show(team, i)["state"]
        assert all(status in (200, 409) for status, _ in answers), answers
        # First level and then denied or withdrawn: both were taken. Otherwise the late ones were told.
        steps = [s["step"] for s in show(team, i)["steps"]][1:]
        assert len(steps) == [status for status, _ in answers].count(200)
        assert state in ("denied", "withdrawn") and steps[-1] in ("deny", "withdraw") and len(steps) <= 2


def test_what_a_policy_denies_no_agreement_opens(applied):
    applied.write("policies/deny.policy.yaml", DENY)
    applied.weft("apply", "--yes")
    asked = ask(applied, "eve")
    assert "stays closed to it" in asked.err and "visitors stay out" in asked.err
    act(applied, "ana", "approve", 1)
    assert read(applied, "eve") == 77
    effect, = show(applied, 1)["effect"]
    assert effect["allowed"] is False and effect["denials"][0]["policy"] == "no-visitors"


# ---- what it opens


def test_the_effect_is_shown_before_it_is_decided(applied):
    applied.write("policies/mask.policy.yaml", MASK)
    applied.write("policies/filter.policy.yaml", FILTER)
    applied.weft("apply", "--yes")
    ask(applied, "eve")
    effect = show(applied, 1)["effect"]
    assert [(e["table"], e["purpose"], e["allowed"], e["masked"], e["rows"]) for e in effect] == [
        (TABLE, "reporting", True, ["email"], "filtered")]
    assert effect[0]["visible"] == ["id", "customer", "country", "amount", "ordered_on"]
    assert [m["policy"] for m in effect[0]["masks"]] == ["mask-personal-data"]
    assert [f["policy"] for f in effect[0]["filters"]] == ["swiss-rows"]
    assert (effect[0]["classes"], effect[0]["copies_to_make"], effect[0]["copies_there"]) == (1, 1, 0)
    # Sizes are for those who see all of it: the owner, here; not for eve.
    assert effect[0]["bytes_to_read"] > 0
    assert show(applied, 1, "eve")["effect"][0]["bytes_to_read"] is None
    text = applied.weft("access", "show", 1, "--as", "ana").out
    assert "mask-personal-data" in text and "swiss-rows" in text
    assert read(applied, "eve") == 77, "showing it opens nothing"
    act(applied, "ana", "approve", 1)
    assert read(applied, "eve", f"SELECT id, email FROM {TABLE} ORDER BY id") == [
        {"id": 1, "email": None}, {"id": 3, "email": None}]
    after = show(applied, 1)["effect"][0]
    assert (after["copies_to_make"], after["copies_there"]) == (0, 1)


def test_an_approval_clears_what_it_opens_before_anyone_asks(applied):
    applied.write("policies/mask.policy.yaml", MASK)
    applied.weft("apply", "--yes")
    ask(applied, "eve")
    assert [(e["copies_to_make"], e["copies_there"]) for e in show(applied, 1)["effect"]] == [(1, 0)]
    act(applied, "ana", "approve", 1)
    wait_until("the copies", lambda: [(e["copies_to_make"], e["copies_there"]) for e in show(applied, 1)["effect"]] == [(0, 1)])
    assert stored(applied, "SELECT count(*) FROM query") == [(0,)]
    assert stored(applied, "SELECT kind, subject FROM job WHERE kind = 'clear'") == [("clear", "access:1")]
    # For a group they are those of who asked for it.
    ask(applied, "eve", TABLE, "--for", "group:visitors", until="2098-01-01", purpose="reporting", ok=None)
    assert read(applied, "eve", f"SELECT count(email)::int AS n FROM {TABLE}") == [{"n": 0}]


# ---- a product asks


def test_a_product_gets_its_input_by_agreement_and_plan_says_what_it_lacks(team):
    denied = team.weft("run", "reports.revenue", ok=False)
    assert "weft access request sales.orders.orders --for product:reports.revenue" in told(denied)
    plan = team.weft("plan", "--format", "json").json
    need, = plan["grants_needed"]
    assert (need["product"], need["input"], need["target"], need["request"]) == (
        "reports.revenue", "orders", "sales.orders", None)
    warning, = [f for f in plan["findings"] if f["level"] == "warning" and "may not read" in f["message"]]
    assert warning["hint"] == need["command"] and warning["file"] == "domains/reports/revenue/product.odps.yaml"
    assert "sales.orders for reports.revenue" in team.weft("plan").out
    # The command as it stands there, with the words that only people know.
    command = need["command"].replace("ROLE", "auditor").replace("PURPOSE", "reporting")
    words = shlex.split(command)[1:]
    assert team.weft(*words, "--as", "eve", ok=False).code == 77
    team.weft(*words, "--as", "tom")
    need, = team.weft("plan", "--format", "json").json["grants_needed"]
    assert (need["request"], need["command"]) == (1, None)
    assert "access request 1" in team.weft("plan").out
    assert [e["table"] for e in show(team, 1)["effect"]] == [TABLE]
    act(team, "ana", "approve", 1)
    assert team.weft("plan", "--format", "json").json["grants_needed"] == []
    team.weft("run", "reports.revenue")
    assert read(team, "vera", "SELECT sum(amount)::int AS n FROM reports.revenue.revenue") == [{"n": 44}]
    # What the product reads, its team does not.
    assert read(team, "tom") == 77
    act(team, "ana", "revoke", 1, "--reason", "Over")
    assert team.weft("run", "reports.revenue", ok=False).code == 77


def test_plan_of_a_domain_says_what_its_own_products_lack(team):
    server = team.serve()
    status, plan = server.call("POST", "/api/v1/plans", plan_files(team, "reports"), as_user="vera")
    assert status == 200 and [n["product"] for n in plan["grants_needed"]] == ["reports.revenue"]
    status, plan = server.call("POST", "/api/v1/plans", plan_files(team, "sales"), as_user="ana")
    assert status == 200 and plan["grants_needed"] == []


# ---- who knows, who sees


def test_grants_and_requests_as_tables(team):
    ask(team, "eve", TABLE, "--role", "auditor")
    act(team, "ana", "approve", 1)
    grants = "SELECT grant_id, origin, taker, purposes, role FROM mesh.grants ORDER BY grant_id"
    agreed = {"grant_id": "access:1", "origin": "agreement", "taker": "eve", "purposes": "reporting", "role": "auditor"}
    filed = {"grant_id": "analysts-read-orders", "origin": "file", "taker": "analysts", "purposes": None, "role": "reader"}
    assert team.rows(grants, as_user="ana") == [agreed, filed]
    assert team.rows(grants, as_user="gus") == [agreed, filed]
    assert team.rows(grants, as_user="eve") == [agreed]
    assert team.rows(grants, as_user="noor") == [filed]
    assert team.rows(grants, as_user="vera") == []
    requests = "SELECT id, state, taker FROM mesh.access_requests"
    assert team.rows(requests, as_user="eve") == [{"id": 1, "state": "approved", "taker": "eve"}]
    assert team.rows(requests, as_user="noor") == []


def test_report_who_can_see_this_column(team):
    team.write("policies/mask.policy.yaml", MASK)
    team.weft("apply", "--yes")
    ask(team, "eve", TABLE, "--role", "auditor")
    act(team, "ana", "approve", 1)
    report = team.weft("access", "report", "column", f"{TABLE}.email", "--as", "ana", "--format", "json").json
    seen = {(r["actor"], r["for"]): (r["access"], r["by"]) for r in report}
    assert seen["ana", "any purpose"] == ("visible", ["owner"])
    assert seen["noor", "any purpose"] == ("masked", ["analysts-read-orders", "mask-personal-data"])
    assert seen["eve", "reporting"] == ("masked", ["access:1", "mask-personal-data"])
    assert seen["eve", "marketing, no purpose"][0] == "denied"
    assert seen["vera", "any purpose"] == ("denied", ["default"])
    assert seen["sales.orders", "its builds"] == ("visible", ["self"])
    assert seen["reports.revenue", "its builds"] == ("denied", ["default"])
    other = team.weft("access", "report", "column", f"{TABLE}.country", "--as", "gus", "--format", "json").json
    assert ("eve", "reporting", "visible", ["access:1"]) in [(r["actor"], r["for"], r["access"], r["by"]) for r in other]
    assert team.weft("access", "report", "column", f"{TABLE}.email", "--as", "vera", ok=False).code == 77
    assert team.weft("access", "report", "column", f"{TABLE}.nothing", "--as", "ana", ok=False).code == 66
    assert "mask-personal-data" in team.weft("access", "report", "column", f"{TABLE}.email").out


def test_report_what_this_actor_can_see(team):
    ask(team, "eve", TABLE, "--role", "auditor")
    act(team, "ana", "approve", 1)

    def report(name, user):
        return [(r["table"], r["for"], r["rows"], r["by"]) for r in team.weft(
            "access", "report", "actor", name, "--as", user, "--format", "json").json]

    mine = [(TABLE, "reporting", "all", ["access:1"])]
    assert report("eve", "eve") == report("user:eve", "gus") == report("eve", "ana") == mine
    assert report("eve", "vera") == [], "an owner sees it of her own products"
    assert report("vera", "vera") == [("reports.revenue.revenue", "any purpose", "all", ["owner"])]
    assert report("product:reports.revenue", "tom") == [("reports.revenue.revenue", "its builds", "all", ["self"])]
    assert team.weft("access", "report", "actor", "eve", "--as", "noor", ok=False).code == 77
    assert team.weft("access", "report", "actor", "nobody", "--as", "gus", ok=False).code == 66


WAIVER = """\
apiVersion: weft/v1
kind: Policy
id: audit-sees-addresses
description: The yearly audit.
owner: guild
waive: {policy: mask-personal-data, to: {users: [noor]}, approver: "user:gus", reason: The audit of the year, until: %s}
"""


def test_report_waivers_in_force(team):
    team.write("policies/mask.policy.yaml", MASK)
    team.write("policies/waiver.policy.yaml", WAIVER % "2099-12-31")
    team.weft("apply", "--yes")

    def report(user):
        return [(w["waiver"], w["waives"], w["to"], w["approver"], w["until"], w["file"]) for w in team.weft(
            "access", "report", "waivers", "--as", user, "--format", "json").json]

    mine = [("audit-sees-addresses", "mask-personal-data", ["user:noor"], "user:gus", "2100-01-01T00:00:00.000000Z",
             "policies/waiver.policy.yaml")]
    assert report("gus") == report("ana") == report("noor") == mine
    assert report("eve") == []
    seen = {(r["actor"], r["for"]): (r["access"], r["by"]) for r in team.weft(
        "access", "report", "column", f"{TABLE}.email", "--as", "gus", "--format", "json").json}
    assert seen["noor", "any purpose"] == ("visible", ["analysts-read-orders", "audit-sees-addresses"])
    late = team.serve(env={"WEFT_TEST_NOW": "2100-01-01T00:00:01Z"})
    assert late.call("GET", "/api/v1/access/report/waivers", as_user="gus")[1]["waivers"] == []


def test_report_grants_that_nobody_uses(team):
    ask(team, "eve", TABLE, "--role", "auditor")
    act(team, "ana", "approve", 1)

    def report(days, user="ana"):
        return {r["grant"]: r["last_used"] for r in team.weft(
            "access", "report", "unused", "--days", days, "--as", user, "--format", "json").json}

    # What was agreed just now had no time to be unused; of a file's grant nobody knows since when it is there.
    assert report(30) == {"analysts-read-orders": None}
    assert set(report(0)) == {"analysts-read-orders", "access:1"}
    assert read(team, "noor") == ALL
    assert report(30) == {}
    assert report(0)["analysts-read-orders"] is not None and report(0)["access:1"] is None
    assert set(report(0, "eve")) == {"access:1"} and report(0, "vera") == {}
    assert team.weft("access", "report", "actor", "eve", "--days", 3, ok=False).code == 2
    assert team.weft("access", "report", "nothing", ok=False).code == 2
