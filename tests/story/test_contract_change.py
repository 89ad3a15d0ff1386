"""A contract changes: what each change is for those who read, who they are, and what is refused without a new major."""

import json

import pytest

from story_help import ORDERS, edit, told

CONTRACT = f"{ORDERS}/orders.odcs.yaml"
AMOUNT = "      - {name: amount, logicalType: number, physicalType: \"DECIMAL(12,2)\"}\n"


def contract_changes(mesh, *args, code=0):
    """What a plan says of contracts, also where it refuses."""
    answer = mesh.weft("plan", *args, "--format", "json", ok=None)
    assert answer.code == code, answer.err
    return json.loads(answer.out if code == 0 else answer.err)["contract_changes"]


def classes(mesh, code=0):
    return {(c["class"], c["change"], c["table"], c["column"]) for c in contract_changes(mesh, code=code)}


def test_a_plan_calls_each_change_by_its_class(applied):
    edit(applied, CONTRACT, "DECIMAL(12,2)", "DECIMAL(14,2)")
    edit(applied, CONTRACT, "{name: customer, logicalType: string, physicalType: VARCHAR}",
         "{name: customer, logicalType: string, physicalType: VARCHAR, description: Who bought}")
    edit(applied, CONTRACT, "version: 1.0.0", "version: 1.1.0")
    edit(applied, f"{ORDERS}/product.odps.yaml", "{name: orders, version: 1.0.0", "{name: orders, version: 1.1.0")
    assert classes(applied) == {
        ("additive", "type widened", "orders", "amount"),
        ("documentation", "description changed", "orders", "customer"),
        ("documentation", "version raised", None, None),
    }
    shown = applied.weft("plan").out
    assert "additive  sales.orders, major 1: type widened: orders.amount, DECIMAL(12,2) -> DECIMAL(14,2)" in shown
    assert "2 changes of words alone" in shown
    applied.weft("apply", "--yes")
    assert contract_changes(applied) == []


def test_a_breaking_change_without_a_new_major_is_refused(applied):
    edit(applied, CONTRACT, AMOUNT, "")
    edit(applied, f"{ORDERS}/orders.sql", "amount, ", "")
    refused = applied.weft("plan", ok=False)
    assert refused.code == 65
    said = told(refused)
    assert f"{CONTRACT}:8:" in said and "column removed: orders.amount" in said and "major 1" in said
    assert "beside it as major 2" in said and "v2/TABLE.sql" in said
    assert ("breaking", "column removed", "orders", "amount") in classes(applied, code=65)
    # Neither is it applied.
    assert applied.weft("apply", "--yes", ok=False).code == 65
    assert applied.rows("SELECT amount FROM sales.orders.orders WHERE id = 1", as_user="noor") == [{"amount": 10.5}]


def test_a_rule_does_not_leave_its_column_under_its_id(shop):
    rule = "quality: [{id: filled, metric: nullValues, mustBe: 0}]"
    edit(shop, CONTRACT, AMOUNT, AMOUNT.replace("}", f", {rule}}}"))
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    edit(shop, CONTRACT, f", {rule}", "")
    edit(shop, CONTRACT, "name: customer, ", f"name: customer, {rule}, ")
    assert classes(shop, code=65) == {("breaking", "rule changed", "orders", "amount")}
    assert shop.weft("apply", "--yes", ok=False).code == 65


def test_before_anything_was_published_a_contract_promises_nothing(shop):
    shop.weft("apply", "--yes")
    edit(shop, CONTRACT, AMOUNT, "")
    edit(shop, f"{ORDERS}/orders.sql", "amount, ", "")
    assert classes(shop) == {("breaking", "column removed", "orders", "amount")}
    shop.weft("apply", "--yes")


def test_a_draft_may_break(drafted):
    edit(drafted, CONTRACT, "DECIMAL(12,2)", "INTEGER")
    edit(drafted, f"{ORDERS}/orders.sql", "amount", "amount::INTEGER AS amount")
    assert ("breaking", "type narrowed", "orders", "amount") in classes(drafted)
    drafted.weft("apply", "--yes")


@pytest.mark.parametrize("status", ["draft", "proposed", "retired"])
def test_what_is_promised_is_not_taken_back_by_its_status(applied, status):
    applied.rows("SELECT amount FROM sales.orders.orders", as_user="noor")
    edit(applied, CONTRACT, "status: active", f"status: {status}")
    assert classes(applied, code=65) == {("breaking", "status withdrawn", None, None)}
    assert "sunset" in told(applied.weft("plan", ok=False))


def test_evidence_names_who_reads_that_very_column(applied):
    applied.rows("SELECT amount FROM sales.orders.orders WHERE id = 17", as_user="noor")
    applied.rows("SELECT sum(amount) FROM sales.orders.orders", as_user="noor")
    applied.rows("SELECT amount FROM sales.orders.orders WHERE id = 18", as_user="ana")
    applied.rows("SELECT country FROM sales.orders.orders", as_user="eve", ok=None)
    applied.rows("SELECT customer FROM sales.orders.orders", as_user="noor")
    edit(applied, CONTRACT, AMOUNT, "")
    edit(applied, f"{ORDERS}/orders.sql", "amount, ", "")
    (change,) = contract_changes(applied, code=65)
    evidence = change["evidence"]
    assert (evidence["actors"], evidence["queries"], evidence["days"]) == (2, 3, 90)
    noor, = [r for r in evidence["readers"] if r["actor"] == "noor"]
    assert noor["queries"] == 2 and noor["last_at"]
    assert len(noor["fingerprints"]) == 2 and not any("17" in text for text in noor["fingerprints"])
    said = told(applied.weft("plan", ok=False))
    assert "noor (2 queries, the last on 20" in said and "ana (1 query" in said and "eve" not in said


def test_what_breaks_nobody_names_its_readers_too(applied):
    applied.rows("SELECT amount FROM sales.orders.orders WHERE id = 17", as_user="noor")
    edit(applied, CONTRACT, "DECIMAL(12,2)", "DECIMAL(14,2)")
    edit(applied, CONTRACT, "{name: customer, logicalType: string, physicalType: VARCHAR}",
         "{name: customer, logicalType: string, physicalType: VARCHAR, classification: pii, description: Who bought}")
    edit(applied, CONTRACT, "status: active",
         "status: deprecated\ncustomProperties: [{property: sunset, value: 2999-12-31}]")
    found = {(c["change"], c["column"]): c["evidence"] for c in contract_changes(applied)}
    assert [r["actor"] for r in found["type widened", "amount"]["readers"]] == ["noor"]
    assert (found["type widened", "amount"]["queries"], found["type widened", "amount"]["days"]) == (1, 90)
    assert [r["actor"] for r in found["status changed", None]["readers"]] == ["noor"]
    # Nobody reads that column, and words alone have no readers.
    assert found["label added", "customer"]["readers"] == []
    assert found["description changed", "customer"] is None
    shown = applied.weft("plan").out
    assert shown.count("read by noor (1 query, the last on 20") == 2 and "1 change of words alone" in shown


def test_a_member_who_is_no_owner_sees_how_many_read(shop):
    edit(shop, "mesh.yaml", "  eve:", "  bob: {groups: [shop-team]}\n  eve:")
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    shop.rows("SELECT amount FROM sales.orders.orders", as_user="noor")
    edit(shop, CONTRACT, AMOUNT, "")
    edit(shop, f"{ORDERS}/orders.sql", "amount, ", "")
    (change,) = contract_changes(shop, "--domain", "sales", "--as", "bob", code=65)
    assert (change["evidence"]["actors"], change["evidence"]["queries"]) == (1, 1)
    assert change["evidence"]["readers"] == [] and "noor" not in change["evidence"]["text"]
    (change,) = contract_changes(shop, "--domain", "sales", "--as", "ana", code=65)
    assert [r["actor"] for r in change["evidence"]["readers"]] == ["noor"]


def test_a_contract_that_others_read_does_not_simply_go(applied):
    path = applied.folder / ORDERS
    applied.rows("SELECT amount FROM sales.orders.orders", as_user="noor")
    for file in path.iterdir():
        file.unlink()
    (applied.folder / "policies/analysts.policy.yaml").unlink()
    assert classes(applied, code=65) == {("breaking", "contract removed", None, None)}
    said = told(applied.weft("plan", ok=False))
    assert "noor" in said and "sunset" in said


def test_a_contract_that_only_its_team_read_may_go(applied):
    path = applied.folder / ORDERS
    applied.rows("SELECT amount FROM sales.orders.orders", as_user="ana")
    for file in path.iterdir():
        file.unlink()
    (applied.folder / "policies/analysts.policy.yaml").unlink()
    assert classes(applied) == {("breaking", "contract removed", None, None)}
    applied.weft("apply", "--yes")
