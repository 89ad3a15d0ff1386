"""A branch is held against the mesh, or against a checkout of another branch: plan, check, and what a pull request says of it."""

import json
import re
import shutil

import pytest

from story_help import ORDERS, edit, errors, told
from test_input_ports import add_reader

CONTRACT = f"{ORDERS}/orders.odcs.yaml"
AMOUNT = "      - {name: amount, logicalType: number, physicalType: \"DECIMAL(12,2)\"}\n"


@pytest.fixture
def branch(shop):
    """Beside the folder of the mesh a copy of it, as another branch has it."""
    add_reader(shop)
    main = shop.folder.parent / "main"
    shutil.copytree(shop.folder, main, ignore=shutil.ignore_patterns(".weft"))
    shop.main = main
    return shop


def drop_amount(mesh):
    edit(mesh, CONTRACT, AMOUNT, "")
    edit(mesh, f"{ORDERS}/orders.sql", "amount, ", "")


def test_two_folders_are_compared_without_a_server(branch):
    edit(branch, CONTRACT, "DECIMAL(12,2)", "DECIMAL(14,2)")
    edit(branch, "domains/reports/money/money.odcs.yaml", "DECIMAL(12,2)", "DECIMAL(14,2)")
    plan = branch.weft("plan", "--against", branch.main, "--format", "json").json
    assert ("changed", "column", "sales.orders.orders.amount") in {(c["action"], c["kind"], c["name"]) for c in plan["changes"]}
    assert ("additive", "type widened", "orders") in {(c["class"], c["change"], c["table"]) for c in plan["contract_changes"]}
    assert plan["plan"] is None
    shown = branch.weft("plan", "--against", branch.main)
    assert "type widened: orders.amount" in shown.out and "who reads it" in shown.err
    assert not (branch.folder / ".weft").exists() and not (branch.main / ".weft").exists()
    assert "Nothing to change" in branch.weft("plan", "--against", branch.folder).out


def test_a_breaking_change_is_refused_between_folders_too(branch):
    drop_amount(branch)
    answer = branch.weft("plan", "--against", branch.main, "--format", "json", ok=False)
    assert answer.code == 65
    document = json.loads(answer.err)
    (change,) = [c for c in document["contract_changes"] if c["change"] == "column removed"]
    assert change["refused"] and change["evidence"]["recorded"] is False
    assert [(p["product"], p["names"]) for p in change["evidence"]["products"]] == [("reports.money", ["orders.amount"])]
    assert "not run yet" not in change["evidence"]["text"]
    assert "beside it as major 2" in told(branch.weft("plan", "--against", branch.main, ok=False))


def test_a_contract_that_goes_is_a_warning_where_nobody_knows_who_reads_it(branch):
    shutil.rmtree(branch.folder / "domains/reports")
    (branch.folder / "policies/money.policy.yaml").unlink()
    plan = branch.weft("plan", "--against", branch.main, "--format", "json").json
    assert [c["change"] for c in plan["contract_changes"]] == ["contract removed"]
    assert any("takes back what reports.money" in f["message"] for f in plan["findings"])


def test_one_domain_is_held_against_the_rest_of_the_other_folder(branch):
    edit(branch, CONTRACT, "name: Orders", "name: All orders")
    edit(branch, "mesh.yaml", "Internal figures", "Figures")
    plan = branch.weft("plan", "--against", branch.main, "--domain", "sales", "--format", "json").json
    assert {c["name"] for c in plan["changes"]} == {"sales.orders:orders"}


def test_what_cannot_be_compared(branch):
    assert "no mesh.yaml" in branch.weft("plan", "--against", branch.folder / "data", ok=False).err
    assert branch.weft("plan", "--against", branch.main, "--domain", "sales", "--policies", ok=False).code == 2
    assert "not both" in branch.weft("plan", "--against", "http://127.0.0.1:1", "--server", "http://127.0.0.1:1", ok=False).err
    edit(branch, "mesh.yaml", "name: acme", "name: acme")
    (branch.main / "mesh.yaml").write_text("apiVersion: weft/v1\nkind: Mesh\n")
    refused = branch.weft("plan", "--against", branch.main, ok=False)
    assert refused.code == 65 and "the files to compare with have" in refused.err
    assert branch.weft("check", "--format", "markdown", ok=False).code == 2


def test_a_plan_of_a_server_needs_no_home(branch):
    branch.weft("apply", "--yes")
    server = branch.serve()
    token = branch.weft("token", "create", "ana", "--format", "json").json["token"]
    edit(branch, CONTRACT, "name: Orders", "name: All orders")
    elsewhere = branch.folder.parent / "checkout"
    shutil.copytree(branch.folder, elsewhere, ignore=shutil.ignore_patterns(".weft", "ready-*", "server.log"))
    answer = branch.weft("plan", "--against", f"http://{server.address}", "--domain", "sales", "--summary", "said.md",
                         cwd=elsewhere, env={"WEFT_TOKEN": token})
    assert "sales.orders:orders" in answer.out
    said = (elsewhere / "said.md").read_text()
    assert said.startswith("## weft plan: 1 change\n") and f"Held against http&#58;//{server.address}" in said
    assert "| changed | contract | sales.orders:orders |" in said and "merge, then weft apply" in said
    assert not (elsewhere / ".weft").exists()
    # A check asks the same server.
    found = branch.weft("check", "--against", f"http://{server.address}", "--format", "json", cwd=elsewhere, env={"WEFT_TOKEN": token})
    assert found.json == []
    broken = elsewhere / CONTRACT
    broken.write_text(broken.read_text().replace("DECIMAL(12,2)", "DOUBLE"))
    found = branch.weft("check", "--against", f"http://{server.address}", "--format", "json", cwd=elsewhere, env={"WEFT_TOKEN": token}, ok=False)
    assert found.code == 65 and "domains/reports/money/money.sql" in {f["file"] for f in errors(found.json)}


def test_a_summary_says_what_a_pull_request_has_to_know(branch):
    drop_amount(branch)
    answer = branch.weft("plan", "--against", branch.main, "--format", "markdown", "--summary", "said.md", ok=False)
    assert answer.code == 65
    said = (branch.folder / "said.md").read_text()
    assert said == answer.out
    assert re.match(r"## weft plan: refused, \d+ errors\n", said)
    assert "| **breaking, refused** | sales.orders | 1 | column removed: orders.amount" in said, said
    assert "reports.money" in said and "### Findings" in said and "### What to do" in said
    again = branch.weft("plan", "--against", branch.main, "--format", "markdown", ok=False)
    assert again.out == said
    for line in said.splitlines():
        assert not line.startswith("|") or line.count("|") == (6 if " --- |" not in line else line.count("|")), line


def test_a_summary_that_cannot_be_written_is_told_of(branch):
    nowhere = ("plan", "--against", branch.main, "--summary", "nowhere/said.md")
    failed = branch.weft(*nowhere, ok=False)
    assert failed.code == 74 and "cannot write nowhere/said.md" in failed.err, failed
    drop_amount(branch)
    refused = branch.weft(*nowhere, "--quiet", ok=False)
    assert refused.code == 65 and "cannot write nowhere/said.md: No such file" in refused.err, refused
    assert "column removed" in refused.err or "breaking" in refused.err, refused
    refused = branch.weft("plan", "--summary", "nowhere/said.md", ok=False)
    assert refused.code == 65 and "cannot write nowhere/said.md" in refused.err, refused


def test_hostile_texts_stay_texts(branch):
    hostile = "x | y <img src=x> [a](http://evil.example) @noor #12 `c` **b** www.evil.example"
    edit(branch, f"{ORDERS}/shop.odcs.yaml", "name: Files of the shop", f"name: {json.dumps(hostile)}")
    edit(branch, CONTRACT, "logicalType: date, physicalType: DATE}", f"logicalType: date, physicalType: DATE, description: {json.dumps(hostile)}}}")
    edit(branch, f"{ORDERS}/product.odps.yaml", "version: 1.0.0\nstatus: active", "version: 1.0.0\nstatus: " + json.dumps(hostile))
    said = branch.weft("plan", "--against", branch.main, "--format", "markdown").out
    assert "evil" in said
    for mark in ("<img", "](", "`c`", "**b**", "://", "www.", "@noor", " #12"):
        assert mark not in said, said
    rows = [line for line in said.splitlines() if "evil" in line]
    assert rows and all(line.count("|") == 6 for line in rows)


def test_a_contract_is_checked_against_what_it_was(branch):
    before = branch.main / CONTRACT
    edit(branch, CONTRACT, "DECIMAL(12,2)", "DECIMAL(14,2)")
    found = branch.weft("check", CONTRACT, "--against", before, "--format", "json").json
    assert [(f["level"], f["message"]) for f in found if "widened" in f["message"]] == [
        ("note", "additive: type widened: orders.amount, DECIMAL(12,2) -> DECIMAL(14,2)")]
    edit(branch, CONTRACT, "DECIMAL(14,2)", "INTEGER")
    refused = branch.weft("check", CONTRACT, "--against", before, "--format", "json", ok=False)
    assert refused.code == 65
    (found,) = errors(refused.json)
    assert found["message"].startswith("breaking: ") and found["file"] == CONTRACT and found["line"] > 1
    edit(branch, CONTRACT, "version: 1.0.0", "version: 2.0.0")
    assert branch.weft("check", CONTRACT, "--against", before).code == 0
    wrong = branch.weft("check", CONTRACT, "--against", branch.main / ORDERS / "shop.odcs.yaml", ok=False)
    assert wrong.code == 2 and "is contract shop-files, not orders" in wrong.err


def test_a_folder_is_checked_against_another(branch):
    assert branch.weft("check", "--against", branch.main).code == 0
    drop_amount(branch)
    found = branch.weft("check", "--against", branch.main, "--format", "json", ok=False)
    assert found.code == 65
    assert any(re.match(r"column removed: orders\.amount.* breaks readers of sales\.orders", f["message"]) for f in found.json), found
