"""Checks of contracts: every metric and operator, what is told of them, and what a failure does."""

import pytest

from conftest import DOMAIN, GRANT, MESH, PRODUCT, Mesh
from story_help import ORDERS, check, edit, runs, the_error, told

ROWS = """\
id,name,email,amount,country,code
1,Ada,ada@x.ch,10.5,CH,A1
2,Bob,,20,DE,A2
3,Bob,bob@x.de,5,DE,a3
4,,N/A,7.75,AT,A4
5,Eva,eva.x.ch,-1,XX,A5
6,Fay,fay@x.ch,0,CH,A5
7,Gus,gus@x.ch,3,CH,
8,Hal,n/a,4,DE,A8
9,Ivy,ivy@x.ch,100,CH,A9
10,Jon,jon@x.ch,6,CH,A10
"""

COLUMNS = {"id": "INTEGER", "name": "VARCHAR", "email": "VARCHAR", "amount": '"DECIMAL(12,2)"', "country": "VARCHAR",
           "code": "VARCHAR"}


def contract(id, table, rules=(), column_rules=(), extra=None, servers=""):
    """A contract of one table; rules are texts of YAML, those of columns with their column."""
    lines = ["apiVersion: v3.1.0", "kind: DataContract", f"id: {id}", "version: 1.0.0", "status: active"]
    lines += [f"servers: [{servers}]"] if servers else []
    lines += ["schema:", f"  - name: {table}"]
    lines += ["    quality:", *(f"      - {{{rule}}}" for rule in rules)] if rules else []
    lines += ["    properties:"]
    for column, kind in COLUMNS.items():
        logical = {"INTEGER": "integer", "VARCHAR": "string"}.get(kind, "number")
        lines += [f"      - name: {column}", f"        logicalType: {logical}", f"        physicalType: {kind}"]
        lines += [f"        {(extra or {})[column]}"] if column in (extra or {}) else []
        mine = [rule for at, rule in column_rules if at == column]
        lines += ["        quality:", *(f"          - {{{rule}}}" for rule in mine)] if mine else []
    return "\n".join(lines) + "\n"


def write_people(mesh, rules=(), column_rules=(), extra=None, source_rules=(), source_extra=None, rows=ROWS):
    mesh.write("mesh.yaml", MESH)
    mesh.write("policies/analysts.policy.yaml", GRANT)
    mesh.write("domains/sales/domain.yaml", DOMAIN)
    mesh.write(f"{ORDERS}/product.odps.yaml", PRODUCT)
    mesh.write(f"{ORDERS}/shop.odcs.yaml", contract(
        "shop-files", "people", column_rules=source_rules, extra=source_extra,
        servers="{server: files, type: local, path: data/people.csv, format: csv}"))
    mesh.write(f"{ORDERS}/orders.odcs.yaml", contract("orders", "people", rules, column_rules, extra))
    mesh.write("data/people.csv", rows)


@pytest.fixture
def people(mesh):
    write_people(mesh)
    return mesh


# Rules of the table: name -> (rule, verdict, what was found).
TABLE_RULES = {
    "mustBe": ("metric: rowCount, mustBe: 10", "mustBe: 9"),
    "mustNotBe": ("metric: rowCount, mustNotBe: 9", "mustNotBe: 10"),
    "mustBeGreaterThan": ("metric: rowCount, mustBeGreaterThan: 9", "mustBeGreaterThan: 10"),
    "mustBeGreaterOrEqualTo": ("metric: rowCount, mustBeGreaterOrEqualTo: 10", "mustBeGreaterOrEqualTo: 10.5"),
    "mustBeLessThan": ("metric: rowCount, mustBeLessThan: 11", "mustBeLessThan: 10"),
    "mustBeLessOrEqualTo": ("metric: rowCount, mustBeLessOrEqualTo: 10", "mustBeLessOrEqualTo: 9"),
    "mustBeBetween": ("metric: rowCount, mustBeBetween: [9, 11]", "mustBeBetween: [10, 12]"),
    "mustNotBeBetween": ("metric: rowCount, mustNotBeBetween: [10, 12]", "mustNotBeBetween: [9, 11]"),
}

# Metrics: (column or None, rule without operator, rows that fail, percent).
METRICS = {
    "nulls": ("email", "metric: nullValues", 1, 10),
    "no nulls": ("country", "metric: nullValues", 0, 0),
    "missing": ("email", "metric: missingValues, arguments: {missingValues: [N/A, n/a]}", 2, 20),
    "missing or null": ("email", "metric: missingValues, arguments: {missingValues: [N/A, n/a, null]}", 3, 30),
    "not valid": ("country", "metric: invalidValues, arguments: {validValues: [CH, DE, AT]}", 1, 10),
    "not valid numbers": ("amount", "metric: invalidValues, arguments: {validValues: [10.5, 20, 5, 7.75, -1, 0, 3, 4, 6]}", 1, 10),
    "no address": ("email", "metric: invalidValues, arguments: {pattern: '^[^@]+@[^@]+$'}", 3, 30),
    "no code": ("code", "metric: invalidValues, arguments: {pattern: '^A\\d+$'}", 1, 10),
    "both": ("code", "metric: invalidValues, arguments: {pattern: '^A', validValues: [A1, A2, a3, A4, A5, A8, A9]}", 2, 20),
    "twice": ("name", "metric: duplicateValues", 1, 10),
    "codes twice": ("code", "metric: duplicateValues", 1, 10),
    "never twice": ("id", "metric: duplicateValues", 0, 0),
    "pairs twice": (None, "metric: duplicateValues, arguments: {properties: [name, country]}", 1, 10),
    "pairs": (None, "metric: duplicateValues, arguments: {properties: [id, country]}", 0, 0),
}

# Rules in SQL: (column or None, rule, verdict, what was found or a part of why it could not be checked).
SQL_RULES = {
    "a number": (None, 'query: "SELECT count(*) FROM {object} WHERE amount < 0", mustBe: 1', "pass", "1"),
    "another number": (None, 'query: "SELECT count(*) FROM {object} WHERE amount < 0", mustBe: 0', "fail", "1"),
    "a decimal": (None, 'query: "SELECT sum(amount) FROM {object}", mustBeBetween: [155.24, 155.26]', "pass", "155.25"),
    "true": (None, 'query: "SELECT bool_and(amount > -5) FROM {object}", mustBe: true', "pass", "true"),
    "not true": (None, 'query: "SELECT bool_and(amount > 0) FROM {object}", mustBe: true', "fail", "false"),
    "a text": (None, 'query: "SELECT max(country) FROM {object}", mustBe: XX', "pass", "XX"),
    "of a column": ("country", 'query: "SELECT count(DISTINCT {property}) FROM {object}", mustBe: 4', "pass", "4"),
    "of another column": ("code", 'query: "SELECT count(DISTINCT {property}) FROM {object}", mustBe: 4', "fail", "8"),
    "with a dollar": (None, 'query: "SELECT count(*) FROM ${object}", mustBe: 10', "pass", "10"),
    "with a semicolon": (None, 'query: "SELECT count(*) FROM {object};", mustBe: 10', "pass", "10"),
    "no rows": (None, 'query: "SELECT amount FROM {object} WHERE id > 99", mustBe: 1', "error", "rows"),
    "many rows": (None, 'query: "SELECT amount FROM {object}", mustBe: 1', "error", "rows"),
    "two columns": (None, 'query: "SELECT 1, 2 FROM {object} LIMIT 1", mustBe: 1', "error", "columns"),
    "nothing": (None, 'query: "SELECT max(amount) FROM {object} WHERE id > 99", mustBe: 1', "error", "null"),
    "no number": (None, 'query: "SELECT max(country) FROM {object}", mustBe: 1', "error", "no number"),
    "no SQL": (None, 'query: "SELECT count(* FROM {object}", mustBe: 1', "error", ""),
    "an unknown column": (None, 'query: "SELECT count(nope) FROM {object}", mustBe: 1', "error", "nope"),
    "a value that breaks it": (None, 'query: "SELECT sum(CAST(name AS INTEGER)) FROM {object}", mustBe: 1', "error", ""),
    "the input": (None, 'query: "SELECT count(*) FROM shop.people", mustBe: 10', "error", "shop.people"),
    "another product": (None, 'query: "SELECT count(*) FROM sales.orders.people", mustBe: 10', "error", "sales.orders.people"),
    "the mesh": (None, 'query: "SELECT count(*) FROM mesh.products", mustBe: 1', "error", "mesh.products"),
    "a file": (None, "query: \"SELECT count(*) FROM 'data/people.csv'\", mustBe: 10", "error", ""),
    "a file of the system": (None, "query: \"SELECT count(*) FROM read_text('/etc/passwd')\", mustBe: 1", "error", "read_text"),
    "the environment": (None, "query: \"SELECT length(getenv('HOME'))\", mustBe: 5", "error", "getenv"),
    "a statement": (None, 'query: "DROP TABLE {object}", mustBe: 1', "error", ""),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """All rules in one contract, each as a warning: one run, and its rows of mesh.checks by name."""
    mesh = Mesh(tmp_path_factory.mktemp("quality") / "mesh")
    mesh.folder.mkdir()
    table, columns = [], []

    def add(column, name, rule):
        text = f'name: "{name}", {rule}, severity: warning'
        columns.append((column, text)) if column else table.append(text)

    for name, (good, bad) in TABLE_RULES.items():
        add(None, f"{name} holds", good)
        add(None, f"{name} fails", f"metric: rowCount, {bad}")
    for name, (column, rule, rows, percent) in METRICS.items():
        add(column, f"{name} counted", f"{rule}, mustBe: {rows}")
        add(column, f"{name} counted wrongly", f"{rule}, mustBe: {rows + 1}")
        add(column, f"{name} in percent", f"{rule}, mustBe: {percent}, unit: percent")
        add(column, f"{name} in too few percent", f"{rule}, mustBeGreaterThan: {percent}, unit: percent")
    for name, (column, rule, _, _) in SQL_RULES.items():
        add(column, name, f"type: sql, {rule}")
    add(None, "for readers", "type: text, description: Somebody looks at it.")
    add("name", "for readers of names", "type: text, description: Somebody looks at it.")
    add(None, "for another engine", "type: custom, engine: soda, implementation: checks")
    write_people(mesh, table, columns, {"id": "primaryKey: true", "country": "required: true"})
    mesh.weft("apply", "--yes")
    answer = mesh.weft("run", "--all")
    rows = mesh.rows("SELECT * FROM mesh.checks", as_user="ana")
    seen_by_eve = mesh.rows("SELECT * FROM mesh.checks", as_user="eve")
    mesh.close()
    return {"answer": answer, "rows": {r["name"]: r for r in rows}, "all": rows, "eve": seen_by_eve}


@pytest.mark.parametrize("name", TABLE_RULES)
def test_each_operator_holds_and_fails(verdicts, name):
    for outcome, verdict in (("holds", "pass"), ("fails", "fail")):
        row = verdicts["rows"][f"{name} {outcome}"]
        assert row["verdict"] == verdict, row
        assert row["kind"] == "rowCount" and "10 rows" in row["found"]


@pytest.mark.parametrize("name", METRICS)
def test_each_metric_counts_rows_and_percent(verdicts, name):
    column, _, rows, percent = METRICS[name]
    for outcome, verdict in (("counted", "pass"), ("counted wrongly", "fail"), ("in percent", "pass"), ("in too few percent", "fail")):
        row = verdicts["rows"][f"{name} {outcome}"]
        assert row["verdict"] == verdict, row
        assert (row["rows_total"], row["rows_failed"]) == (10, rows)
        assert row["share_failed"] == pytest.approx(rows / 10)
        assert row["column_name"] == (column or row["column_name"])
    assert verdicts["rows"][f"{name} in percent"]["found"] == f"{percent} percent"


@pytest.mark.parametrize("name", SQL_RULES)
def test_each_rule_in_sql(verdicts, name):
    _, _, verdict, found = SQL_RULES[name]
    row = verdicts["rows"][name]
    assert row["verdict"] == verdict and row["kind"] == "sql", row
    if verdict == "error":
        assert found in row["found"] and "cannot be checked" in row["message"], row
    else:
        assert row["found"] == found


def test_what_cannot_be_executed_is_never_passed(verdicts):
    for name, kind in (("for readers", "text"), ("for readers of names", "text"), ("for another engine", "custom")):
        row = verdicts["rows"][name]
        assert (row["verdict"], row["kind"]) == ("not executable", kind)
        assert "not executable" in row["message"]


def test_a_message_shows_rule_expected_found_and_share(verdicts):
    row = verdicts["rows"]["missing or null counted wrongly"]
    assert row["expected"] == "missingValues of email must be 4"
    assert row["message"] == "missing or null counted wrongly: missingValues of email must be 4: found 3 of 10 rows (30 percent)"
    assert row["severity"] == "warning"


def test_a_run_with_warnings_is_published_and_says_so(verdicts):
    answer = verdicts["answer"]
    assert answer.code == 0
    failing = [r["message"] for r in verdicts["all"] if r["verdict"] in ("fail", "error")]
    assert len(failing) > 40
    assert "missing or null counted wrongly: missingValues of email must be 4: found 3 of 10 rows (30 percent)" in told(answer)
    for message in failing:
        assert message in told(answer), message
    for row in verdicts["all"]:
        if row["verdict"] in ("pass", "not executable"):
            assert row["message"] not in told(answer)


def test_numbers_about_rows_are_for_those_who_see_the_rows(verdicts):
    assert len(verdicts["eve"]) == len(verdicts["all"])
    for row in verdicts["eve"]:
        assert row["verdict"] and row["expected"]
        assert [row[k] for k in ("found", "rows_total", "rows_failed", "share_failed", "message")] == [None] * 5


# ---- every metric by every unit by every operator


def operands(value):
    """Of each operator an operand that holds for the value, and one that fails."""
    return {
        "mustBe": (value, value + 1),
        "mustNotBe": (value + 1, value),
        "mustBeGreaterThan": (value - 1, value),
        "mustBeGreaterOrEqualTo": (value, value + 1),
        "mustBeLessThan": (value + 1, value),
        "mustBeLessOrEqualTo": (value, value - 1),
        "mustBeBetween": ([value - 1, value + 1], [value, value + 1]),
        "mustNotBeBetween": ([value, value + 1], [value - 1, value + 1]),
    }


@pytest.fixture(scope="module")
def operated(tmp_path_factory):
    mesh = Mesh(tmp_path_factory.mktemp("operators") / "mesh")
    mesh.folder.mkdir()
    table, columns = [], []
    for name, (column, rule, rows, percent) in METRICS.items():
        for unit, value in (("rows", rows), ("percent", percent)):
            for operator, pair in operands(value).items():
                for outcome, operand in zip(("pass", "fail"), pair):
                    text = f'name: "{name}/{unit}/{operator}/{outcome}", {rule}, unit: {unit}, {operator}: {operand}, severity: low'
                    columns.append((column, text)) if column else table.append(text)
    write_people(mesh, table, columns)
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    rows = mesh.rows("SELECT name, verdict, message FROM mesh.checks", as_user="ana")
    mesh.close()
    return rows


@pytest.mark.parametrize("metric", METRICS)
def test_each_metric_by_each_unit_and_operator(operated, metric):
    mine = [r for r in operated if r["name"].split("/")[0] == metric]
    assert len(mine) == 32
    for row in mine:
        assert row["verdict"] == row["name"].split("/")[-1], row


# ---- what a failure does


def test_a_rule_that_fails_rejects_the_run_and_the_last_release_stays(people):
    write_people(people, ["name: enough, metric: rowCount, mustBeGreaterThan: 5"],
                 [("email", "metric: nullValues, mustBeLessThan: 20, unit: percent, severity: error")])
    people.weft("apply", "--yes")
    people.weft("run", "--all")
    people.write("data/people.csv", "id,name,email,amount,country,code\n1,New,,1,CH,A1\n2,New,,1,CH,A1\n")
    refused = people.weft("run", "--all", ok=False)
    assert refused.code == 65
    assert "enough: rowCount must be greater than 5: found 2 rows" in told(refused)
    assert "nullValues of email must be less than 20 percent: found 100 percent (2 of 2 rows)" in told(refused)
    assert people.rows("SELECT count(*) AS n, max(name) AS name FROM sales.orders.people", as_user="ana") == [
        {"n": 10, "name": "Jon"}]
    assert runs(people) == ["published", "rejected"]
    assert people.rows("SELECT number FROM mesh.releases", as_user="ana") == [{"number": 1}]
    rejected = people.rows("SELECT c.name, c.verdict, c.rows_failed FROM mesh.checks c JOIN mesh.runs r USING (run_id) "
                           "WHERE r.state = 'rejected' AND c.verdict = 'fail' ORDER BY c.kind", as_user="ana")
    assert [(r["verdict"], r["rows_failed"]) for r in rejected] == [("fail", 2), ("fail", None)]
    # Mended, it is published again, with the next number.
    people.write("data/people.csv", ROWS)
    people.weft("run", "--all")
    assert people.rows("SELECT max(number) AS n FROM mesh.releases", as_user="ana") == [{"n": 2}]


@pytest.mark.parametrize("rule", [
    "type: sql, query: \"SELECT count(*) FROM read_text('/etc/passwd')\", mustBe: 1",
    "type: sql, query: \"SELECT max(amount) FROM {object} WHERE id > 99\", mustBeGreaterThan: 1",
])
def test_a_rule_that_cannot_be_checked_rejects_too(people, rule):
    write_people(people, [rule])
    people.weft("apply", "--yes")
    refused = people.weft("run", "--all", ok=False)
    assert refused.code == 65 and "cannot be checked" in told(refused)
    assert runs(people) == ["rejected"]


@pytest.mark.parametrize("severity, ok", [
    ("", False), (", severity: error", False), (", severity: critical", False), (", severity: HIGH", False),
    (", severity: warning", True), (", severity: low", True),
    (", severity: error, customProperties: [{property: onFailure, value: warn}]", True),
    (", severity: warning, customProperties: [{property: onFailure, value: reject}]", False),
])
def test_what_severity_does(people, severity, ok):
    write_people(people, [f"metric: rowCount, mustBe: 11{severity}"])
    people.weft("apply", "--yes")
    answer = people.weft("run", "--all", ok=ok)
    assert answer.code == (0 if ok else 65)
    assert "rowCount must be 11: found 10 rows" in told(answer)


def test_what_is_not_to_be_had_yet_is_refused(people):
    for extra, word in ((", severity: whatever", "severity"),
                        (", customProperties: [{property: onFailure, value: quarantine}]", "no rows can be quarantined"),
                        (", mustNotBe: 3", "exactly one operator"), (", unit: parsecs", "unit")):
        write_people(people, ["metric: rowCount, mustBe: 11" + extra])
        assert word in the_error(check(people))["message"]
    write_people(people, ["metric: nullValues, mustBe: 0"])
    assert "property" in the_error(check(people))["hint"]


def test_text_rules_alone_never_reject(people):
    write_people(people, ["type: text, description: Look at it."])
    people.weft("apply", "--yes")
    people.weft("run", "--all")
    verdicts = people.rows("SELECT verdict FROM mesh.checks", as_user="ana")
    assert verdicts == [{"verdict": "not executable"}]


# ---- the schema itself


@pytest.mark.parametrize("column, extra, message", [
    ("name", "required: true", "name must not be null: found 1 null in 10 rows (10 percent)"),
    ("name", "unique: true", "name must be unique: found 1 duplicate in 10 rows (10 percent)"),
    ("code", "unique: true", "code must be unique: found 1 duplicate in 10 rows (10 percent)"),
    ("code", "primaryKey: true", "primary key (code) must be unique and not null: found 1 null and 1 duplicate in 10 rows (20 percent)"),
])
def test_the_schema_is_checked(people, column, extra, message):
    write_people(people, extra={column: extra})
    people.weft("apply", "--yes")
    refused = people.weft("run", "--all", ok=False)
    assert refused.code == 65 and message in told(refused)
    assert runs(people) == ["rejected"]


def test_a_key_of_two_columns(people):
    write_people(people, extra={"name": "{primaryKey: true, primaryKeyPosition: 2}"[1:-1].replace(", ", "\n        "),
                                "country": "{primaryKey: true, primaryKeyPosition: 1}"[1:-1].replace(", ", "\n        ")})
    people.weft("apply", "--yes")
    refused = people.weft("run", "--all", ok=False)
    assert "primary key (country, name) must be unique and not null: found 1 null and 1 duplicate in 10 rows" in told(refused)


def test_several_failures_are_told_together(people):
    write_people(people, ["metric: rowCount, mustBe: 1"], [("email", "metric: nullValues, mustBe: 0")],
                 {"name": "unique: true", "code": "required: true"})
    people.weft("apply", "--yes")
    refused = people.weft("run", "--all", ok=False)
    for part in ("4 checks", "rowCount must be 1", "nullValues of email must be 0", "name must be unique",
                 "code must not be null"):
        assert part in told(refused), told(refused)


def test_an_empty_table(people):
    write_people(people, ["metric: rowCount, mustBeGreaterOrEqualTo: 0"],
                 [("email", "metric: nullValues, mustBeLessThan: 1, unit: percent")], {"id": "primaryKey: true"},
                 rows="id,name,email,amount,country,code\n")
    people.weft("apply", "--yes")
    people.weft("run", "--all")
    assert {r["verdict"] for r in people.rows("SELECT verdict FROM mesh.checks", as_user="ana")} == {"pass"}
    assert people.rows("SELECT count(*) AS n FROM sales.orders.people", as_user="ana") == [{"n": 0}]


# ---- inputs


def test_inputs_are_checked_against_the_source_contract(people):
    write_people(people, source_rules=[("email", "name: addresses, metric: nullValues, mustBe: 0")],
                 source_extra={"code": "required: true"})
    people.weft("apply", "--yes")
    refused = people.weft("run", "--all", ok=False)
    assert refused.code == 65 and "inputs" in told(refused)
    assert "addresses: nullValues of email must be 0: found 1 of 10 rows (10 percent)" in told(refused)
    assert "code must not be null: found 1 null in 10 rows (10 percent)" in told(refused)
    rows = people.rows("SELECT table_name, is_input, verdict FROM mesh.checks", as_user="ana")
    assert rows and all(r == {"table_name": "shop.people", "is_input": True, "verdict": "fail"} for r in rows)
    assert runs(people) == ["rejected"]
    # As a warning it goes on, and says so.
    edit(people, f"{ORDERS}/shop.odcs.yaml", "name: addresses,", "name: addresses, severity: warning,")
    edit(people, f"{ORDERS}/shop.odcs.yaml", "        required: true\n", "")
    people.weft("apply", "--yes")
    answer = people.weft("run", "--all")
    assert "addresses: nullValues of email must be 0: found 1 of 10 rows (10 percent)" in told(answer)


def test_a_rule_of_a_source_reads_its_own_table_only(people):
    write_people(people, source_rules=[
        ("name", 'name: own, type: sql, query: "SELECT count(*) FROM {object} WHERE {property} IS NULL", mustBe: 1'),
        ("name", "name: other, type: sql, query: \"SELECT count(*) FROM 'data/people.csv'\", mustBe: 10, severity: warning")])
    people.weft("apply", "--yes")
    people.weft("run", "--all")
    rows = people.rows("SELECT name, verdict FROM mesh.checks WHERE is_input ORDER BY name", as_user="ana")
    assert rows == [{"name": "other", "verdict": "error"}, {"name": "own", "verdict": "pass"}]


def test_a_pattern_that_the_engine_cannot_do_is_an_error_and_no_pass(people):
    rule = "metric: invalidValues, arguments: {pattern: '(?=x)y'}, mustBe: 0"
    write_people(people, column_rules=[("email", rule)])
    found = the_error(check(people))
    assert found["message"] == ("invalidValues of email must be 0 cannot be checked: its pattern looks ahead, which the engine "
                                "cannot do (at character 2)")
    assert found["line"] == 19
    # As a warning it may stand there, and is an error at every run.
    write_people(people, column_rules=[("email", rule + ", severity: warning")])
    people.weft("apply", "--yes")
    answer = people.weft("run", "--all")
    assert "cannot be checked: its pattern looks ahead" in told(answer)
    assert people.rows("SELECT verdict FROM mesh.checks", as_user="ana") == [{"verdict": "error"}]
