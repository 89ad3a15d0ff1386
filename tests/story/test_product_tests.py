"""Unit tests of products: rows in, rows out, at a frozen time."""

import re

import pytest

from conftest import OUTPUT, ROOT, SQL
from story_help import ORDERS, edit, told

FILE = f"{ORDERS}/tests/orders.yaml"


def case(body, name="a case"):
    lines = "\n".join("    " + line for line in body.strip("\n").splitlines())
    return f"  - name: {name}\n{lines}\n"


def write(mesh, *cases, path=FILE):
    mesh.write(path, "apiVersion: weft/v1\nkind: ProductTest\ncases:\n" + "".join(cases))


def run(mesh, *args, ok=None):
    return mesh.weft("test", *args, "--format", "json", ok=ok).json


def finding(mesh, *args):
    """The only one of a test that fails."""
    answer = mesh.weft("test", *args, "--format", "json", ok=None)
    assert answer.code == 65, answer
    found = [f for f in answer.json["findings"] if f["level"] == "error"]
    assert len(found) == 1, found
    return found[0]


ONE = """
given:
  shop.raw_orders:
    - {id: 1, customer: Ada, country: CH, amount: 10.50, ordered_on: 2026-01-01}
    - {id: 2, country: DE, amount: 0}
expect:
  orders:
    - {id: 2, country: DE, amount: 0}
    - {id: 1, country: CH, amount: 10.5}
"""


@pytest.mark.smoke
def test_rows_in_and_rows_out(shop):
    write(shop, case(ONE))
    answer = shop.weft("test")
    assert "a case" in answer.out and "passed" in answer.out and "1 case, 0 failed" in answer.out
    assert not shop.home.exists()
    assert run(shop)["cases"] == [{"case": "a case", "of": "sales.orders", "result": "passed", "file": FILE, "line": 4}]
    # The rows of the source play no part, and no policy does.
    shop.write("data/orders.csv", "")
    assert run(shop, "sales.orders", ok=True)["cases"][0]["result"] == "passed"
    assert run(shop, FILE, ok=True)["cases"][0]["result"] == "passed"
    assert "no errors" in told(shop.weft("check"))


def test_what_differs_is_told_by_key_and_column(shop):
    edit(shop, f"{ORDERS}/orders.sql", "amount,", "CAST(amount * 2 AS DECIMAL(12,2)) AS amount,")
    write(shop, case(ONE))
    found = finding(shop)
    assert found["message"] == 'orders is not what case "a case" expects'
    assert found["file"] == FILE and found["line"] == 10
    assert found["found"].split() == "row column expected got 2 amount 10.50 21.00".split()
    # It is what check and plan say, and nothing is applied.
    assert 'orders is not what case "a case" expects' in told(shop.weft("check", ok=False))
    answer = shop.weft("plan", ok=False)
    assert answer.code == 65 and 'orders is not what case "a case" expects' in told(answer)


def test_the_page_shows_what_its_own_file_gives(shop):
    page = (ROOT / "docs/product-tests.md").read_text()
    sql, cases, told_there = (re.findall(rf"^```{kind}\n(.*?)^```$", page, re.M | re.S)[0] for kind in ("sql", "yaml", "text"))
    shop.write(f"{ORDERS}/orders.sql", sql)
    contract = re.sub(r".*name: (customer|email),.*\n", "", OUTPUT)
    shop.write(f"{ORDERS}/orders.odcs.yaml", contract.replace(
        "{name: ordered_on, logicalType: date, physicalType: DATE}", "{name: age_days, logicalType: integer, physicalType: BIGINT}"))
    shop.write(FILE, cases)
    assert run(shop, ok=True)["cases"][0]["result"] == "passed"
    shop.write(FILE, cases.replace("age_days: 28", "age_days: 27"))
    assert told_there in shop.weft("test", ok=False).out


def test_texts_that_would_break_the_table_are_quoted(shop):
    edit(shop, f"{ORDERS}/orders.sql", "customer,", "chr(97) || chr(10) || chr(98) AS customer,")
    write(shop, case("given: {shop.raw_orders: [{id: 1}]}\nexpect: {orders: [{id: 1, customer: ''}]}"))
    assert finding(shop)["found"].split() == ["row", "column", "expected", "got", "1", "customer", '""', '"a\\nb"']
    edit(shop, f"{ORDERS}/orders.sql", "chr(97) || chr(10) || chr(98)", "'ab '")
    write(shop, case("given: {shop.raw_orders: [{id: 1}]}\nexpect: {orders: [{id: 1, customer: ab}]}"))
    assert finding(shop)["found"].endswith('1    customer  ab        "ab "')


def test_rows_that_are_missing_or_too_many(shop):
    write(shop, case("""
given:
  shop.raw_orders: [{id: 1, country: CH}, {id: 1, country: CH}, {id: 3, country: AT}]
expect:
  orders: [{id: 1, country: CH}, {id: 4, country: FR}]
"""))
    lines = finding(shop)["found"].splitlines()
    assert [line.split() for line in lines[1:]] == [
        "2 - id 4, country FR (no such row)".split(), "- - (no such row) id 1, country CH".split(),
        "- - (no such row) id 3, country AT".split()]


def test_no_rows_are_expected(shop):
    write(shop, case("expect: {orders: []}", "nothing in, nothing out"),
          case("given: {shop.raw_orders: [{id: 1, country: CH}]}\nexpect: {orders: []}", "not so"))
    assert [c["result"] for c in run(shop)["cases"]] == ["passed", "failed"]


TIMES = {"now()": "2026-03-01 12:30:00+00", "current_timestamp": "2026-03-01 12:30:00+00", "CURRENT_DATE": "2026-03-01",
         "today()": "2026-03-01", "localtimestamp": "2026-03-01 12:30:00", "LOCALTIME": "12:30:00",
         "current_date + INTERVAL 1 DAY": "2026-03-02 00:00:00", "age(TIMESTAMP '2026-02-28 12:30:00')": "1 day",
         "age(TIMESTAMP '2026-02-28', TIMESTAMP '2026-02-27')": "1 day", "current_time": "12:30:00+00",
         "transaction_timestamp()": "2026-03-01 12:30:00+00", "get_current_timestamp()": "2026-03-01 12:30:00+00"}


def test_time_stands_still(shop):
    texts = " UNION ALL ".join(f"SELECT {i} AS id, CAST({text} AS VARCHAR) AS customer" for i, text in enumerate(TIMES))
    shop.write(f"{ORDERS}/orders.sql", f"SELECT t.id, t.customer, '' AS email, '' AS country, CAST(1 AS DECIMAL(12,2)) AS amount, "
               f"current_date AS ordered_on FROM ({texts}) AS t\n")
    expected = ", ".join(f"{{id: {i}, customer: '{text}', ordered_on: 2026-03-01}}" for i, text in enumerate(TIMES.values()))
    write(shop, case(f"now: 2026-03-01T12:30:00Z\nexpect: {{orders: [{expected}]}}"),
          case("now: 2027-01-01\nexpect: {orders: [" + ", ".join(["{ordered_on: 2027-01-01}"] * len(TIMES)) + "]}", "another"),
          case("expect: {orders: [" + ", ".join(["{ordered_on: 2027-01-01}"] * len(TIMES)) + "]}", "the clock"))
    answer = run(shop)
    assert [c["result"] for c in answer["cases"]] == ["passed", "passed", "failed"], answer["findings"]


def write_internal(shop):
    shop.write(f"{ORDERS}/internal/paid.sql", "SELECT * FROM shop.raw_orders WHERE amount > 0\n")
    shop.write(f"{ORDERS}/internal/swiss.sql", "SELECT *, 1/0 AS never FROM self.paid WHERE country = 'CH'\n")
    edit(shop, f"{ORDERS}/orders.sql", "shop.raw_orders", "self.paid")


def test_internal_tables_are_given_and_expected(shop):
    write_internal(shop)
    write(shop, case(ONE.replace("    - {id: 2, country: DE, amount: 0}\n    - {id: 1, c", "    - {id: 1, c"), "through it"),
          case("""
given: {self.paid: [{id: 9, country: FR, amount: -1}]}
expect: {orders: [{id: 9, amount: -1}]}
""", "in its place"),
          case("""
given: {shop.raw_orders: [{id: 1, amount: 1}, {id: 2, amount: 0}]}
expect: {self.paid: [{id: 1}], self.swiss: []}
""", "itself"))
    answer = run(shop)
    assert [c["result"] for c in answer["cases"]] == ["passed"] * 3, answer["findings"]


def test_what_is_passed_through(shop):
    (shop.folder / ORDERS / "orders.sql").unlink()
    edit(shop, f"{ORDERS}/shop.odcs.yaml", "name: raw_orders", "name: orders")
    write(shop, case(ONE.replace("raw_orders", "orders")))
    assert run(shop, ok=True)["cases"][0]["result"] == "passed"


def test_order_counts_where_it_is_asked_for(shop):
    edit(shop, f"{ORDERS}/orders.sql", "raw_orders", "raw_orders ORDER BY id DESC")
    given = "given: {shop.raw_orders: [{id: 1}, {id: 2}, {id: 3}]}\n"
    write(shop, case(given + "ordered: true\nexpect: {orders: [{id: 3}, {id: 2}, {id: 1}]}"),
          case(given + "ordered: true\nexpect: {orders: [{id: 1}, {id: 2}, {id: 3}]}"),
          case(given + "expect: {orders: [{id: 1}, {id: 2}, {id: 3}]}"))
    assert [c["result"] for c in run(shop)["cases"]] == ["passed", "failed", "passed"]


def test_values_of_every_kind(shop):
    """What is given comes out as it was, and a difference in any column is seen."""
    types = {"BIGINT": "-9007199254740993", "DOUBLE": "0.1", "\"DECIMAL(38,10)\"": "'1234567890123456789012345678.0123456789'",
             "BOOLEAN": "true", "DATE": "0001-01-01", "TIMESTAMP": "'2026-03-01 12:00:00.123456'",
             "\"TIMESTAMP WITH TIME ZONE\"": "'2026-03-01T12:00:00+02:00'", "UUID": "123e4567-e89b-12d3-a456-426614174000",
             "VARCHAR": "\"  a 'b' \\\"c\\\" ünï\\n\"", "BLOB": "'\\x00\\xff'", "\"VARCHAR[]\"": "[a, \"b, 'c'\", null]",
             "\"STRUCT(a INTEGER, b VARCHAR)\"": "{a: 1, b: \"x, y\"}", "\"MAP(VARCHAR, INTEGER)\"": "{x: 1, \"y, z\": null}"}
    logical = {"BOOLEAN": "boolean", "DATE": "date", "BIGINT": "integer", "DOUBLE": "number", "\"DECIMAL(38,10)\"": "number",
               "TIMESTAMP": "timestamp", "\"TIMESTAMP WITH TIME ZONE\"": "timestamp", "\"VARCHAR[]\"": "array",
               "\"STRUCT(a INTEGER, b VARCHAR)\"": "object", "\"MAP(VARCHAR, INTEGER)\"": "object"}
    columns = "".join(f"      - {{name: c{i}, logicalType: {logical.get(t, 'string')}, physicalType: {t}}}\n" for i, t in enumerate(types))
    for path, name in (("shop", "raw_orders"), ("orders", "orders")):
        text = (shop.folder / f"{ORDERS}/{path}.odcs.yaml").read_text().split("    properties:\n")[0]
        shop.write(f"{ORDERS}/{path}.odcs.yaml", text + "    properties:\n" + columns)
    shop.write(f"{ORDERS}/internal/same.sql", "SELECT * FROM shop.raw_orders\n")
    shop.write(f"{ORDERS}/orders.sql", "SELECT * FROM self.same\n")
    row = "{" + ", ".join(f"c{i}: {value}" for i, value in enumerate(types.values())) + "}"
    cases = [case(f"given: {{shop.raw_orders: [{row}]}}\nexpect: {{orders: [{row}]}}")]
    for i in range(len(types)):
        cases.append(case(f"given: {{shop.raw_orders: [{row}]}}\nexpect: {{orders: [{{c{i}: null}}]}}", f"c{i}"))
    write(shop, *cases)
    answer = run(shop)
    assert [c["result"] for c in answer["cases"]] == ["passed"] + ["failed"] * len(types), answer["findings"]


# What is wrong in the file itself, and what is said of it.
MISTAKES = {
    "an unknown input": ("given: {shop.raw_order: []}\nexpect: {orders: []}", "the product reads no such table"),
    "an unknown output": ("expect: {order: []}", "the product makes no such table"),
    "an input that is expected": ("expect: {shop.raw_orders: []}", "the product makes no such table"),
    "rows given to an output": ("given: {orders: []}\nexpect: {orders: []}", "rows are given to a table that the product reads"),
    "an unknown column": ("given: {shop.raw_orders: [{idd: 1}]}\nexpect: {orders: []}", "the table has no such column"),
    "an unknown column that is expected": ("expect: {orders: [{idd: 1}]}", "the table has no such column"),
    "no rows": ("given: {shop.raw_orders: 7}\nexpect: {orders: []}", "these are no rows"),
    "nothing expected": ("expect: {}", "the case expects nothing"),
    "no time": ("now: yesterday\nexpect: {orders: []}", "this is no time"),
    "an unknown key": ("inputs: {}\nexpect: {orders: []}", "unknown key"),
    "a column twice": ("given: {shop.raw_orders: [{id: 1, ID: 2}]}\nexpect: {orders: []}", "the column stands twice in its row"),
    "a value that does not fit": ("given: {shop.raw_orders: [{id: x}]}\nexpect: {orders: []}", "column id: x is no "),
    "a number that would be rounded": ("given: {shop.raw_orders: [{id: 1.7}]}\nexpect: {orders: []}", "column id: 1.7 is no "),
    "digits that would be lost": ("given: {shop.raw_orders: [{id: 1}]}\nexpect: {orders: [{amount: 10.555}]}",
                                  "column amount: 10.555 is no DECIMAL(12,2)"),
    "a time for a date": ("given: {shop.raw_orders: [{id: 1}]}\nexpect: {orders: [{ordered_on: 2026-01-01 12:00:00}]}",
                          "column ordered_on: 2026-01-01 12:00:00 is no DATE"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_of_the_file(shop, mistake):
    body, words = MISTAKES[mistake]
    write(shop, case(body))
    found = finding(shop)
    assert words in found["message"], found
    assert found["file"] == FILE and found["line"] >= 4, found


def test_the_row_of_a_value_that_does_not_fit_is_told(shop):
    write(shop, case("""
given:
  shop.raw_orders:
    - {id: 1, amount: 1.5}
    - {id: 2.5}
expect:
  orders:
    - {id: 1}
    - {id: 2, amount: 1.555}
"""))
    assert (finding(shop)["line"], finding(shop)["message"]) == (8, 'case "a case": column id: 2.5 is no INTEGER')
    edit(shop, FILE, "2.5", "2")
    assert (finding(shop)["line"], finding(shop)["message"]) == (12, 'case "a case": column amount: 1.555 is no DECIMAL(12,2)')


def test_tables_that_may_be_expected_are_named(shop):
    write_internal(shop)
    write(shop, case("expect: {order: []}"))
    assert finding(shop)["allowed"] == "orders, self.paid, self.swiss"


def test_a_text_that_fails_over_given_rows_tells_where(shop):
    edit(shop, f"{ORDERS}/orders.sql", "amount,", "CAST(customer AS DECIMAL(12,2)) AS amount,")
    write(shop, case("given: {shop.raw_orders: [{id: 1, customer: Ada}]}\nexpect: {orders: []}"))
    found = finding(shop)
    assert found["file"] == f"{ORDERS}/orders.sql" and 'case "a case": ' in found["message"] and "Ada" in found["message"]


def test_a_plan_runs_the_tests_of_what_it_changes(applied):
    write(applied, case(ONE))
    applied.weft("apply", "--yes")
    # A change of policies alone runs none of them; this one would fail, if it were run.
    with_error = (applied.folder / FILE).read_text().replace("amount: 10.5}", "amount: 11}")
    applied.write(FILE, with_error)
    answer = applied.weft("apply", "--yes", ok=False)
    assert answer.code == 65 and "is not what case" in told(answer)
    edit(applied, "policies/analysts.policy.yaml", "Analysts read orders.", "They do.")
    assert applied.weft("plan", "--policies").code == 0


def test_tests_need_a_product_and_a_mesh(shop):
    shop.write("domains/sales/other/tests/a.yaml", "apiVersion: weft/v1\nkind: ProductTest\ncases: []\n")
    assert "has no product.odps.yaml" in told(shop.weft("check", ok=False))
    (shop.folder / "domains/sales/other/tests/a.yaml").unlink()
    assert "sales.orders has no tests" in shop.weft("test", "sales.orders", ok=False).err
    unknown = shop.weft("test", "sales.order", ok=False)
    assert unknown.code == 66 and "there is no product sales.order\nhint: did you mean sales.orders?" in unknown.err
    for name in ("nofile.yaml", "nofile.yml", "domains/nofile.yaml", "nofolder"):
        unknown = shop.weft("test", name, ok=False)
        assert unknown.code == 66 and f"cannot read {name}: No such file or directory" in unknown.err
    assert shop.weft("test", cwd="/", ok=False).code == 2
    shop.write(f"{ORDERS}/orders.sql", SQL)
