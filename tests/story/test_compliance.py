"""Compliance: what requirements found in each domain, now and before, and the waivers in force."""

from story_help import check, edit
from test_require import require, second_domain


def now(mesh, **how):
    return {(c["policy"], c["domain"]): (c["violations"], c["objects"], c["severity"])
            for c in mesh.weft("report", "--format", "json", *(["--as", how["as_user"]] if how else [])).json["compliance"]}


def test_what_was_found_is_kept_for_each_policy_and_domain(shop):
    second_domain(shop, "hr", "public")
    require(shop, "SELECT c.table_address, c.name FROM mesh.columns c WHERE c.description IS NULL", "described", severity="warning")
    require(shop, "SELECT address FROM mesh.products WHERE description IS NULL", "explained")
    require(shop, "SELECT domain FROM mesh.products WHERE title IS NULL", "own", path="domains/hr/policies/own.policy.yaml")
    shop.weft("apply", "--yes")
    assert now(shop) == {("described", "hr"): (6, 6, "warning"), ("described", "sales"): (6, 6, "warning"),
                         ("explained", "hr"): (0, 1, "error"), ("explained", "sales"): (0, 1, "error"),
                         ("own", "hr"): (0, 1, "error")}
    first = shop.weft("report", "--format", "json").json
    assert first["before"] == [] and (first["errors"], first["warnings"]) == (0, 12)
    # A release of one domain says again what holds of that one.
    shop.weft("run", "sales.orders")
    again = shop.weft("report", "--format", "json").json
    moved = {(a["policy"], a["domain"]) for a, b in zip(again["compliance"], first["compliance"])
             if a["checked_at"] > b["checked_at"]}
    assert moved == {("described", "sales"), ("explained", "sales")}
    assert [a["since"] for a in again["compliance"]] == [b["since"] for b in first["compliance"]] and again["before"] == []
    # Better, then the policy goes: what was is still told.
    edit(shop, "domains/sales/orders/orders.odcs.yaml", "{name: customer, ", "{name: customer, description: Who bought, ")
    shop.weft("apply", "--yes")
    assert now(shop)[("described", "sales")] == (5, 6, "warning")
    (shop.folder / "policies/described.policy.yaml").unlink()
    shop.weft("apply", "--yes")
    report = shop.weft("report", "--format", "json").json
    assert not any(c["policy"] == "described" for c in report["compliance"])
    assert [(c["domain"], c["violations"]) for c in report["before"]] == [("hr", 6), ("sales", 6), ("sales", 5)]
    text = shop.weft("report").out
    assert "explained" in text and "before that" in text and "open: 0 of severity error, 0 of severity warning" in text
    assert shop.weft("report", "--format", "csv").out.splitlines()[0] == "policy,domain,severity,violations,objects,since,checked_at,current"
    rows = shop.rows("SELECT policy, domain, violations FROM mesh.compliance WHERE is_current ORDER BY ALL", as_user="ana")
    assert rows[0] == {"policy": "explained", "domain": "hr", "violations": 0}


def test_a_rollback_says_again_what_holds(shop):
    require(shop, "SELECT domain, address FROM mesh.products WHERE release > 2", "few", severity="warning")
    shop.weft("apply", "--yes")
    shop.weft("run", "sales.orders")
    shop.weft("run", "sales.orders")
    assert now(shop)[("few", "sales")][0] == 0
    shop.weft("rollback", "sales.orders", "--to", "1")
    assert now(shop)[("few", "sales")][0] == 1


def test_a_rejected_run_changes_nothing_and_violations_without_a_domain_count_for_the_mesh(shop):
    require(shop, "SELECT title FROM mesh.products", "nameless", severity="warning")
    require(shop, "SELECT r.product FROM mesh.releases r", "once")
    shop.weft("apply", "--yes")
    assert now(shop)[("nameless", None)] == (1, 0, "warning") and now(shop)[("once", "sales")] == (0, 0, "error")
    shop.weft("run", "sales.orders")
    shop.weft("run", "sales.orders", ok=False)
    assert now(shop)[("once", "sales")][0] == 0


def test_counts_of_hidden_products_are_for_those_who_govern(shop):
    second_domain(shop)
    edit(shop, "mesh.yaml", "noor: {groups: [analysts]}", "noor: {groups: [analysts, guild]}")
    require(shop, "SELECT address FROM mesh.products WHERE title = 'x'")
    shop.weft("apply", "--yes")
    both = {("asked", "hr"), ("asked", "sales")}
    assert set(now(shop, as_user="noor")) == both and set(now(shop)) == both
    assert set(now(shop, as_user="ana")) == {("asked", "sales")}
    assert [r["domain"] for r in shop.rows("SELECT domain FROM mesh.compliance", as_user="ana")] == ["sales"]
    assert set(now(shop, as_user="eve")) == both  # of the domain hr


def test_waivers_are_in_the_report_ended_or_not(shop):
    shop.write("policies/mask.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: hide-mail
description: Addresses are personal.
owner: guild
mask: {columns: {classification: [pii]}, with: {method: "null"}}
""")
    waiver = """\
apiVersion: weft/v1
kind: Policy
id: NAME
description: The auditors need addresses.
owner: guild
waive: {policy: hide-mail, to: {users: [noor]}, approver: user:ana, reason: The audit, until: UNTIL}
"""
    shop.write("policies/w1.policy.yaml", waiver.replace("NAME", "this-year").replace("UNTIL", "2099-01-01"))
    shop.write("policies/w2.policy.yaml", waiver.replace("NAME", "last-year").replace("UNTIL", "2020-01-01"))
    shop.weft("apply", "--yes")
    waivers = shop.weft("report", "--format", "json").json["waivers"]
    assert [(w["waiver"], w["waives"], w["to"], w["approver"], w["reason"], w["ended"]) for w in waivers] == [
        ("this-year", "hide-mail", ["user:noor"], "user:ana", "The audit", False),
        ("last-year", "hide-mail", ["user:noor"], "user:ana", "The audit", True)]
    assert "this-year" in shop.weft("report").out
    assert [w["waiver"] for w in shop.weft("report", "--as", "noor", "--format", "json").json["waivers"]] == ["this-year", "last-year"]
    assert shop.weft("report", "--as", "eve", "--format", "json").json["waivers"] == []
    assert any("ended" in f["message"] for f in check(shop, ok=True))
