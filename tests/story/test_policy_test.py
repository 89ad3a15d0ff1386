"""Tests of policies: given rows, who asks, and what he gets; and the lists of policies."""

import json
import re

import pytest

from story_help import ORDERS, audit, check, edit, errors, place_of, plan_files, the_error, told

POLICIES = {
    "policies/mask.policy.yaml": """\
apiVersion: weft/v1
kind: Policy
id: hide-mail
description: Addresses are personal.
owner: guild
mask: {columns: {classification: [pii]}, with: {method: partial, keepLast: 4}, except: {groups: [privacy]}}
""",
    "policies/filter.policy.yaml": """\
apiVersion: weft/v1
kind: Policy
id: own-country
description: Analysts see their countries.
owner: guild
filter: {tables: {tag: [customer-rows]}, where: "country = ANY($actor.countries)", except: {groups: [privacy]}}
""",
    "policies/deny.policy.yaml": """\
apiVersion: weft/v1
kind: Policy
id: no-amounts
description: Amounts are for the books.
owner: guild
deny: {columns: {column: [amount]}, except: {groups: [books]}}
""",
}

TEST = "policies/tests/analysts.policytest.yaml"
CASES = """\
apiVersion: weft/v1
kind: PolicyTest
description: What analysts see of orders.
cases:
  - name: an analyst sees his countries, and the end of an address
    table: sales.orders.orders
    actor: {groups: [analysts, books], attributes: {countries: [CH, LI]}}
    purpose: reporting
    rows:
      - {id: 1, customer: Ada, email: ada@example.com, country: CH, amount: 10.5, ordered_on: 2026-01-01}
      - {id: 2, customer: Bob, email: bob@example.com, country: DE, amount: 20}
      - {id: 3, country: LI}
    expect:
      - {id: 1, email: "***********.com", country: CH, amount: 10.50, ordered_on: 2026-01-01}
      - {id: 3, email: null, country: LI}
  - name: amounts are for the books only
    table: sales.orders.orders
    actor: {groups: [analysts, privacy]}
    rows: [{id: 1, email: ada@example.com, amount: 7}]
    expect: [{id: 1, email: ada@example.com}]
    hidden: [amount]
  - name: a visitor reads nothing
    table: sales.orders.orders
    actor: eve
    denied: true
    reason: nothing is granted
"""


@pytest.fixture
def governed(shop):
    edit(shop, "mesh.yaml", "noor: {groups: [analysts]}", "noor: {groups: [analysts], attributes: {countries: [CH]}}")
    for path, text in POLICIES.items():
        shop.write(path, text)
    shop.write(TEST, CASES)
    return shop


def test_cases_that_hold_pass_everywhere(governed):
    answer = governed.weft("policy", "test")
    assert "3 cases, 0 failed" in answer.out and "passed" in answer.out and "failed " not in answer.out
    by_file = governed.weft("policy", "test", TEST, "--format", "json").json
    assert [c["result"] for c in by_file["cases"]] == ["passed"] * 3 and by_file["findings"] == []
    assert by_file["cases"][1]["line"] == place_of(governed, TEST, "name: amounts are")[0]
    assert governed.weft("policy", "test", "--format", "csv").out.splitlines()[0] == "case,of,result,file,line"
    assert governed.weft("policy", "test", governed.folder, cwd="/").code == 0
    check(governed, ok=True)
    governed.weft("apply", "--yes")


def test_a_case_that_fails_shows_what_was_got_and_blocks_the_plan(governed):
    edit(governed, "policies/mask.policy.yaml", "keepLast: 4", "keepLast: 6")
    found = the_error(check(governed))
    assert (found["file"], found["line"]) == (TEST, place_of(governed, TEST, "name: an analyst")[0])
    assert found["message"] == 'the policies do not do what case "an analyst sees his countries, and the end of an address" expects'
    assert found["found"].splitlines() == [
        "row  column  expected         got",
        "1    email   ***********.com  *********le.com"]
    answer = governed.weft("policy", "test", ok=False)
    assert answer.code == 65 and "3 cases, 1 failed" in answer.out
    answer = governed.weft("apply", "--yes", ok=False)
    assert answer.code == 65 and f"{TEST}:" in answer.out + answer.err


def test_rows_too_many_and_too_few_columns_shown_and_denials_are_differences(governed):
    edit(governed, TEST, "      - {id: 3, email: null, country: LI}\n", "")
    edit(governed, TEST, "hidden: [amount]", "hidden: [amount, customer]")
    edit(governed, TEST, "expect: [{id: 1, email: ada@example.com}]", "expect: [{id: 1, email: ada@example.com, amount: 7}, {id: 2}]")
    edit(governed, TEST, "reason: nothing is granted", "reason: the moon is full")
    with open(governed.folder / TEST, "a") as file:
        file.write("""\
  - {name: noor is let in, table: sales.orders.orders, actor: noor, denied: true}
  - {name: eve too, table: sales.orders.orders, actor: eve, rows: [], expect: []}
""")
    found = [f["found"].splitlines()[1:] for f in errors(check(governed))]
    assert found[0] == ["2    -       (no such row)  id 3, customer NULL, email NULL, country LI, amount NULL, ordered_on NULL"]
    assert found[1] == ["1    amount    7                                                               (the column is denied)",
                        "2    -         id 2, customer NULL, email NULL, country NULL, ordered_on NULL  (no such row)",
                        "-    customer  (hidden)                                                        (shown)"]
    assert found[2][0].startswith("-    -       denied: … the moon is full …  denied: nothing is granted")
    assert found[3] == ["-    -       denied    rows"]
    assert found[4][0].startswith("-    -       rows      denied: nothing is granted")


def test_hashes_are_expected_as_hashed(governed):
    governed.write("policies/mask.policy.yaml", POLICIES["policies/mask.policy.yaml"].replace("partial, keepLast: 4", "hash"))
    edit(governed, TEST, '"***********.com"', "hashed")
    check(governed, ok=True)
    edit(governed, TEST, "{id: 3, country: LI}", "{id: 3, country: LI, email: x}")
    found = the_error(check(governed))
    assert found["found"].splitlines()[1].startswith("2    email   NULL")


def test_a_waiver_ends_and_a_case_says_when_it_asks(governed):
    governed.write("policies/waiver.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: audit-of-2026
description: The auditors need addresses.
owner: guild
waive: {policy: hide-mail, to: {groups: [analysts]}, approver: user:ana, reason: The audit of 2026, until: 2026-06-30}
""")
    governed.write(TEST, CASES.split("cases:")[0] + """\
cases:
  - name: while the waiver holds
    table: sales.orders.orders
    actor: noor
    at: 2026-06-30T23:59:59Z
    rows: [{id: 1, email: ada@example.com, country: CH}]
    expect: [{id: 1, email: ada@example.com}]
  - name: once it has ended
    table: sales.orders.orders
    actor: noor
    at: 2026-07-01
    rows: [{id: 1, email: ada@example.com, country: CH}]
    expect: [{id: 1, email: "***********.com"}]
""")
    found = check(governed, ok=True)
    assert any("waiver audit-of-2026 ended" in f["message"] and f["level"] == "warning" for f in found)


def test_entitlements_are_given_by_the_case(governed):
    for path in sorted((governed.folder / "domains/sales/orders").rglob("*")):
        text = path.read_text().replace("sales-orders", "sales-rights").replace("shop-files", "rights-files")
        text = text.replace("id: orders\n", "id: rights\n").replace("contractId: orders}", "contractId: rights}")
        governed.write(f"domains/sales/rights/{path.name}", text.replace("tags: [customer-rows]", "tags: []"))
    governed.write("policies/filter.policy.yaml", POLICIES["policies/filter.policy.yaml"].replace(
        'where: "country = ANY($actor.countries)"',
        'where: "country IN (SELECT country FROM sales.rights.orders WHERE customer = $actor.id)"'))
    governed.write(TEST, CASES.split("cases:")[0] + """\
cases:
  - name: noor is entitled to two countries
    table: sales.orders.orders
    actor: noor
    entitlements:
      sales.rights.orders: [{customer: noor, country: AT}, {customer: noor, country: CH}, {customer: eve, country: DE}]
    rows: [{id: 1, country: CH}, {id: 2, country: DE}, {id: 3, country: AT}]
    expect: [{id: 1}, {id: 3}]
""")
    check(governed, ok=True)


@pytest.mark.parametrize("old, new, part", [
    ("table: sales.orders.orders\n    actor: eve", "table: sales.orders.nothing\n    actor: eve", "there is no such table"),
    ("table: sales.orders.orders\n    actor: eve", "table: orders\n    actor: eve", "this is no address of a table"),
    ("actor: eve", "actor: adam", "mesh.yaml has no such user"),
    ("actor: eve", "actor: {product: sales.nothing}", "there is no such product"),
    ("amount: 20}", "amount: much}", "a value does not fit its column"),
    ("amount: 20}", "mount: 20}", "the table has no such column"),
    ("denied: true", "denied: false", "a case expects rows or a denial"),
    ("purpose: reporting", "purpose: reporting\n    expected: []", "did you mean expect?"),
    ("kind: PolicyTest", "kind: PolicyTests", ""),
    ("    hidden: [amount]", "    hidden: [amount]\n    release: 3", "gives rows, and a release too"),
    ("    hidden: [amount]", "    hidden: [amount]\n    count: many", "count"),
    ("    hidden: [amount]", "    hidden: [amount]\n    count: 0", "so many rows cannot be expected"),
    ("    hidden: [amount]", "    hidden: [amount]\n    at: tomorrow", "this is no time"),
])
def test_a_test_that_is_wrong_says_where(governed, old, new, part):
    edit(governed, TEST, old, new)
    found = errors(check(governed))
    assert found and all(f["file"] == TEST and f["line"] for f in found), found
    assert any(part in f["message"] + (f["hint"] or "") for f in found), found
    assert governed.weft("policy", "test", ok=False).code == 65


def test_a_domain_tests_its_own_tables(governed):
    governed.write("domains/sales/tests/own.policytest.yaml", CASES)
    check(governed, ok=True)
    governed.write("domains/hr/domain.yaml", (governed.folder / "domains/sales/domain.yaml").read_text().replace("sales", "hr"))
    governed.write("domains/hr/tests/own.policytest.yaml", CASES)
    found = errors(check(governed))
    assert len(found) == 3 and {f["message"] for f in found} == {"a domain tests policies on its own tables"}
    # A stray test is told, not taken for something else.
    (governed.folder / "domains/hr/tests/own.policytest.yaml").unlink()
    governed.write("domains/hr/own.policytest.yaml", CASES)
    assert any("does not read this file" in f["message"] for f in check(governed, ok=True))


def test_a_file_alone_is_judged_by_its_shape(governed):
    assert governed.weft("check", TEST).code == 0
    edit(governed, TEST, "table: sales.orders.orders\n    actor: eve", "tables: sales.orders.orders\n    actor: eve")
    answer = governed.weft("check", TEST, ok=False)
    assert answer.code == 65 and "tables" in answer.out
    answer = governed.weft("policy", "test", "policies/mask.policy.yaml", ok=False)
    assert answer.code == 65
    answer = governed.weft("policy", "test", "/nowhere", ok=False)
    assert answer.code == 66


def test_policies_are_listed_and_shown(governed):
    governed.weft("apply", "--yes")
    rows = {p["id"]: p for p in governed.weft("policy", "list", "--format", "json").json}
    assert {i: (p["effect"], p["tables_count"], p["columns_count"], p["scope"]) for i, p in rows.items()} == {
        "analysts-read-orders": ("grant", 1, 0, "global"), "hide-mail": ("mask", 1, 1, "global"),
        "own-country": ("filter", 1, 0, "global"), "no-amounts": ("deny", 1, 1, "global")}
    assert "own-country" in governed.weft("policy", "list").out
    shown = governed.weft("policy", "show", "own-country", "--format", "json").json
    assert shown["where"] == "country = ANY($actor.countries)" and shown["tables"] == ["sales.orders.orders"]
    assert shown["except"]["groups"] == ["privacy"] and shown["file"] == "policies/filter.policy.yaml"
    assert governed.weft("policy", "show", "nothing", ok=False).code == 66


def test_policies_about_hidden_products_are_hidden(governed):
    edit(governed, "domains/sales/orders/product.odps.yaml", "outputPorts:", "customProperties: [{property: visibility, value: restricted}]\noutputPorts:")
    governed.weft("apply", "--yes")
    as_eve = governed.weft("policy", "list", "--as", "eve", "--format", "json").json
    assert {p["id"]: p["tables_count"] for p in as_eve} == {"hide-mail": 0, "own-country": 0, "no-amounts": 0}
    assert governed.weft("policy", "show", "analysts-read-orders", "--as", "eve", ok=False).code == 66
    assert [r["policy"] for r in governed.rows("SELECT policy FROM mesh.policies WHERE effect = 'grant'", as_user="eve")] == []
    assert [r["policy"] for r in governed.rows("SELECT policy FROM mesh.policies WHERE effect = 'grant'", as_user="ana")] == ["analysts-read-orders"]
    assert json.dumps(as_eve).count("sales.orders") == 0


# ---- over a release

REAL = "domains/sales/tests/real.policytest.yaml"
ANALYST = "{groups: [analysts, books], attributes: {countries: [CH, AT]}}"
REAL_CASES = f"""\
apiVersion: weft/v1
kind: PolicyTest
cases:
  - name: an analyst's countries
    table: sales.orders.orders
    actor: {ANALYST}
    release: 1
    expect:
      - {{id: 1, customer: Ada, email: "***********.com", country: CH, amount: 10.5}}
      - {{id: 3, email: "************.com", ordered_on: 2026-01-03}}
      - {{id: 4, email: null, country: AT}}
  - {{name: so many, table: sales.orders.orders, actor: {ANALYST}, release: latest, count: 3}}
  - {{name: the first, table: sales.orders.orders, actor: {ANALYST}, release: latest, expect: [{{id: 1}}], count: 3}}
  - {{name: a visitor, table: sales.orders.orders, actor: eve, release: latest, denied: true}}
"""
IN_ROWS = ("Ada", "Cleo", "Dan", "ada@", "cleo@", "dan@", "10.5", "5.25", "7.75")


@pytest.fixture
def released(governed):
    """Owners see all of their tables; there is a member of the team who is none, and a release."""
    for path in POLICIES:
        edit(governed, path, "]}}\n", "], owners: true}}\n")
    edit(governed, "mesh.yaml", "  eve: {", "  bea: {groups: [shop-team]}\n  eve: {")
    (governed.folder / TEST).unlink()
    governed.weft("apply", "--yes")
    governed.weft("run", "--all")
    governed.write(REAL, REAL_CASES)
    return governed


def plan(mesh, user):
    answer = mesh.weft("plan", "--domain", "sales", "--format", "json", "--as", user)
    return [f for f in answer.json["findings"] if f["file"] == REAL]


def test_a_case_over_a_release_runs_when_one_plans_who_sees_all_of_it(released):
    assert plan(released, "ana") == []
    rows = [r for r in audit(released) if r["action"] == "policy.test"]
    assert [(r["actor"], r["object"], r["detail"]["case"], r["detail"]["release"]) for r in rows] == [
        ("ana", "sales.orders.orders", name, 1) for name in ("an analyst's countries", "so many", "the first", "a visitor")]
    released.weft("apply", "--domain", "sales", "--yes", "--as", "ana")
    # Files alone have no rows.
    notes = check(released, ok=True)
    assert [f["message"] for f in notes if f["file"] == REAL] == [
        f'case "{name}" was left out: it is over a release, which the server has'
        for name in ("an analyst's countries", "so many", "the first", "a visitor")]
    answer = released.weft("policy", "test")
    assert "4 cases, 0 failed, 4 left out" in answer.out
    assert {c["result"] for c in released.weft("policy", "test", "--format", "json").json["cases"]} == {"left out"}


def test_a_case_over_a_release_that_fails_shows_nothing_of_its_rows(released):
    def planned():
        status, answer = server.call("POST", "/api/v1/plans", plan_files(released, "sales"), as_user="ana")
        assert status == 422 and {f["file"] for f in errors(answer["findings"])} == {REAL}, answer
        return [(f["line"], *(re.sub("  +", "  ", line) for line in f["found"].splitlines()[1:])) for f in errors(answer["findings"])]

    server = released.serve()
    wrong = (REAL_CASES.replace("customer: Ada", "customer: Bob").replace("count: 3", "count: 2")
             .replace("      - {id: 4, email: null, country: AT}\n", ""))
    released.write(REAL, wrong)
    lines = [wrong.splitlines().index(line) + 1 for line in wrong.splitlines() if "name: " in line]
    assert planned() == [
        (lines[0], "1  customer  Bob  (another value)", "3  -  (no such row)  (a row)"),
        (lines[1], "-  -  2 rows  3 rows"), (lines[2], "-  -  2 rows  3 rows")]
    # The same in words, and in the log.
    server.stop()
    answer = released.weft("apply", "--domain", "sales", "--yes", "--as", "ana", ok=False)
    assert answer.code == 65 and "(another value)" in told(answer)
    shown = told(answer) + (released.folder / "server.log").read_text()
    assert not any(value in shown for value in IN_ROWS if value not in wrong), shown
    # What a policy of the plan would do, before it does it.
    released.write(REAL, REAL_CASES)
    released.write("domains/sales/policies/large.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: large-only
owner: sales
filter: {tables: {table: [sales.orders.orders]}, where: "amount > 6", except: {owners: true}}
""")
    server = released.serve()
    assert planned() == [
        (lines[0], "2  id  3  (another value)", "2  email  ************.com  (another value)", "2  ordered_on  2026-01-03  (another value)",
         "3  -  id 4, customer NULL, email NULL, country AT, amount NULL, ordered_on NULL  (no such row)"),
        *[(line + 1, "-  -  3 rows  2 rows") for line in lines[1:3]]]


def test_values_that_do_not_fit_the_plan_are_not_shown(released):
    edit(released, f"{ORDERS}/orders.odcs.yaml", "customer, logicalType: string, physicalType: VARCHAR",
         "customer, logicalType: integer, physicalType: INTEGER")
    edit(released, f"{ORDERS}/orders.sql", "customer,", "length(customer)::INTEGER AS customer,")
    released.write(REAL, REAL_CASES.replace("customer: Ada", "customer: 3"))
    answer = released.weft("plan", "--domain", "sales", "--as", "ana", ok=False)
    assert "do not fit" in told(answer) and not any(value in told(answer) for value in IN_ROWS), answer


@pytest.mark.parametrize("who", ["bea", None])
def test_who_does_not_see_all_learns_nothing_by_a_case(released, who):
    """A right guess and a wrong one are answered alike: to a member who sees masks, and to the operator, who reads nothing."""
    def planned():
        args = ["plan", "--domain", "sales", "--format", "json", *(["--as", who] if who else [])]
        return [(f["level"], f["message"], f["found"]) for f in released.weft(*args).json["findings"] if f["file"] == REAL]
    right = planned()
    assert [level for level, *_ in right] == ["warning"] * 4
    assert all("you may not see all rows and values of the table" in message for _, message, _ in right)
    released.write(REAL, REAL_CASES.replace("customer: Ada", "customer: Bob").replace("count: 3", "count: 2").replace("denied: true", "count: 1"))
    assert planned() == right
    assert not [r for r in audit(released) if r["action"] == "policy.test"]


def test_a_past_release_is_tested_under_the_labels_of_then(released):
    for path in ("orders.odcs.yaml", "shop.odcs.yaml"):
        edit(released, f"domains/sales/orders/{path}", ", classification: pii", "")
    one = f"{{table: sales.orders.orders, actor: {ANALYST}, "
    released.write(REAL, f"""\
apiVersion: weft/v1
kind: PolicyTest
cases:
  - {one}name: as it was, release: 1, expect: [{{id: 1, email: "***********.com"}}], count: 3}}
  - {one}name: as it would be, release: latest, expect: [{{id: 1, email: ada@example.com}}], count: 3}}
  - {one}name: no such release, release: 7, count: 3}}
""")
    found = plan(released, "ana")
    assert [(f["level"], f["message"]) for f in found] == [
        ("warning", 'case "no such release" was left out: there is no such release, or it is no longer kept')]


def test_rows_of_several_files_are_tested_in_their_order(released):
    released.env["WEFT_PART_ROWS_MAX"] = "100"
    released.write("data/orders.csv", "id,customer,email,country,amount,ordered_on\n" +
                   "".join(f"{i},c{i},m{i}@example.com,{('CH', 'DE')[i % 2]},1,2026-01-01\n" for i in range(1000)))
    released.weft("run", "--all")
    lines = "".join(f"      - {{id: {i}, customer: c{i}}}\n" for i in range(0, 1000, 2))
    released.write(REAL, f"""\
apiVersion: weft/v1
kind: PolicyTest
cases:
  - name: half of them
    table: sales.orders.orders
    actor: {ANALYST}
    release: latest
    expect:
{lines}""")
    assert plan(released, "ana") == []
    # The release before has its own rows, and the worker that reads both takes neither for the other.
    released.write(REAL, (released.folder / REAL).read_text() +
                   f"  - {{name: before, table: sales.orders.orders, actor: {ANALYST}, release: 1, count: 3}}\n")
    assert plan(released, "ana") == []


def test_a_proposal_is_tested_over_a_release_as_far_as_its_author_sees(released):
    """Noor sees a part of the table: her proposal brings a case, and she learns nothing by it; the guild's apply runs what it may."""
    case = f"apiVersion: weft/v1\nkind: PolicyTest\ncases:\n  - {{name: mine, table: sales.orders.orders, actor: {ANALYST}, release: 1, count: 77}}\n"
    released.write("policies/tests/mine.policytest.yaml", case)
    answer = released.weft("plan", "--policies", "--as", "noor", "--format", "json").json
    (found,) = [f for f in answer["findings"] if f["file"].endswith("mine.policytest.yaml")]
    assert found["level"] == "warning" and "you may not see all" in found["message"]
