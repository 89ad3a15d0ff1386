"""What commands show on a terminal of 80 columns, and how an error in SQL shows its place."""

import json
import re
import subprocess

import pytest

from conftest import WEFT, Mesh
from story_help import edit
from terminal_help import columns_of, shown_on

PROFILES = "customer.profiles"
LISTS = ["show", "show customer", f"show {PROFILES}", f"show {PROFILES}.customers", "show orders.processing.orders", "show runs",
         "policy list", "policy show mask-personal-data", "audit show --limit 30", "report", "status", "config show", "verify",
         "user list", "group list", "token list", f"lineage {PROFILES}", f"lineage {PROFILES}.customers.email --columns",
         "access list", "access report actor noor", f"access report column {PROFILES}.customers.email", "access report waivers",
         "access report unused", "plan", "plan list", "policy test", "check", "help", "help query", "help audit show"]
MADE_OF_CELLS = {"show": "address", "policy list": "policy", "user list": "name", "show runs": "id", "access report unused": "grant",
                 "access report waivers": "waiver"}


@pytest.fixture(scope="module")
def retail(tmp_path_factory):
    made = Mesh(tmp_path_factory.mktemp("retail") / "retail")
    subprocess.run([WEFT, "init", made.folder, "--example", "retail", "--quiet"], env=made.env, check=True)
    made.home.mkdir(mode=0o700)
    made.serve()
    made.weft("apply", "--yes")
    made.weft("run", "--all", ok=False)
    made.weft("token", "create", "noor", "--label", "a laptop that noor takes along to the customers whom she visits")
    yield made
    made.close()


@pytest.mark.parametrize("command", LISTS)
def test_what_is_shown_fits_into_80_columns(retail, command):
    shown = shown_on(retail, *command.split())
    wide = [line for line in shown.splitlines() if columns_of(line) > 80]
    assert wide == [] and shown, shown
    assert [line for line in shown.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize("command", sorted(MADE_OF_CELLS))
def test_lists_lose_nothing_on_a_terminal(retail, command):
    """Cells are broken, not cut: put together again they are what JSON tells."""
    shown = shown_on(retail, *command.split(), columns=80)
    narrow = shown_on(retail, *command.split(), columns=40)
    assert "..." not in shown + narrow
    letters = sorted(c for c in shown if c.isalnum())
    for row in retail.weft(*command.split(), "--format", "json").json:
        value = str(row.get(MADE_OF_CELLS[command], ""))
        pieces = [piece for piece in value.replace(".", " ").replace("-", " ").replace("_", " ").split() if piece]
        for text in (shown, narrow):
            assert value in text or all(piece in text for piece in pieces), (value, text)
    assert letters


@pytest.mark.parametrize("user", ["mia", "hugo", "ana"])
def test_the_columns_of_a_table_are_a_table(retail, user):
    """For who sees some of it too, whose words for that are longer: not a page of one line a value."""
    for table in (f"{PROFILES}.customers", "orders.processing.orders", "product.catalog.articles"):
        head = shown_on(retail, "show", table, "--as", user).splitlines()[0]
        assert re.match(r"column +type +required .*access", head), head


def test_the_status_has_no_json_in_it(retail):
    """Copies are listed by table; a program gets them as they are."""
    retail.weft("query", f"SELECT count(*) FROM {PROFILES}.customers", "--as", "hugo")
    shown = shown_on(retail, "status")
    assert "{" not in shown and re.search(rf"^{PROFILES}\.customers +1 +1 ", shown, re.M), shown
    assert retail.weft("status", "--format", "json").json["cleared_tables"][0]["classes"] >= 1


def test_what_goes_to_a_pipe_is_whole(retail):
    lines = retail.weft("show", f"{PROFILES}.customers").out.splitlines()
    assert max(map(len, lines)) > 80
    assert len(lines) == 1 + len(retail.weft("show", f"{PROFILES}.customers", "--format", "json").json["columns"])


def test_answers_are_cut_at_texts_and_never_at_numbers(retail):
    ask = ["--as", "noor"]
    shown = shown_on(retail, "query", "SELECT CAST('12345678901234567890123456789' AS DECIMAL(38,0)) AS n, repeat('long ', 40) AS text", *ask)
    assert "12345678901234567890123456789" in shown and "lon..." in shown
    assert all(columns_of(line) <= 80 for line in shown.splitlines())
    wide = shown_on(retail, "query", "SELECT '東京都' AS a, 'e\u0301' AS b, 1 AS n UNION ALL SELECT 'x', 'yy', 22 ORDER BY n", *ask)
    ends = {columns_of(line.rstrip()) for line in wide.splitlines()[:4] if "|" in line}
    bars = [[columns_of(part) for part in line.split("|")[:2]] for line in wide.splitlines() if "|" in line]
    assert len(ends) == 1 and all(bar == bars[0] for bar in bars), wide


def test_a_row_too_wide_for_the_terminal_has_a_line_for_each_value(retail):
    shown = shown_on(retail, "query", f"SELECT * FROM {PROFILES}.customers ORDER BY customer_id LIMIT 2", "--as", "ana")
    assert shown.startswith("-[ RECORD 1 ]") and "-[ RECORD 2 ]" in shown and "alessia.conti1@example.com" in shown
    assert "(2 rows)" in shown


# ---- the place of an error

def caret_of(text):
    """The line that is shown of the SQL, and the column of the caret in it."""
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip() == "^")
    return lines[at - 1], columns_of(lines[at][:lines[at].index("^")])


def points_at(text, word):
    line, column = caret_of(text)
    assert word in line, text
    assert columns_of(line[:line.index(word)]) == column, text


def test_an_error_in_a_query_shows_its_place(applied):
    ask = ["--as", "noor"]
    for sql, word in [("SELECT nope FROM sales.orders.orders", "nope"),
                      ("SELECT id,\n\t\tnope\nFROM sales.orders.orders", "nope"),
                      ("SELECT '東京' AS a, 'e\u0301' AS b, nope FROM sales.orders.orders", "nope"),
                      ("SELECT " + ", ".join(f"id + {i}" for i in range(300)) + ", nope FROM sales.orders.orders", "nope"),
                      ("SELECT nope, " + ", ".join(f"id + {i}" for i in range(300)) + " FROM sales.orders.orders", "nope"),
                      ("/* what for */\nSELECT *\nFROM sales.orders.ordres", "sales.orders.ordres"),
                      ("SELECT 1\nFROM range(3) a\nWHERE )", ")\n")]:
        refused = applied.weft("query", sql, *ask, ok=False)
        points_at(refused.err, word.strip())
        assert f"LINE {sql[:sql.rindex(word.strip())].count(chr(10)) + 1}: " in refused.err
        assert all(columns_of(line) <= 80 for line in refused.err.splitlines() if line.startswith("LINE"))


def test_an_error_in_a_file_names_file_line_and_column(applied):
    applied.write("report.sql", "SELECT id,\n  nope\nFROM sales.orders.orders\n")
    refused = applied.weft("query", "-f", "report.sql", "--as", "noor", ok=False)
    assert "error: report.sql:2:3: " in refused.err
    points_at(refused.err, "nope")
    refused = applied.weft("query", "--as", "noor", stdin="SELECT\n nope FROM sales.orders.orders", ok=False)
    assert "error: <stdin>:2:2: " in refused.err
    applied.write("report.sql", "SELECT id,\n  FROM FROM")
    refused = applied.weft("explain", "-f", "report.sql", "--as", "noor", ok=False)
    assert "error: report.sql:2:8: " in refused.err


def test_errors_in_the_sql_of_products_show_their_place(shop):
    edit(shop, "domains/sales/orders/orders.sql", "email,", "\n\temial,")
    bad = shop.weft("check", ok=False)
    assert "domains/sales/orders/orders.sql:2:2: error: " in bad.out
    points_at(bad.out, "emial")
    found = json.loads(shop.weft("check", "--format", "json", ok=False).out)
    assert found[0]["excerpt"].endswith("^")
    planned = shop.weft("plan", ok=False)
    points_at(planned.out + planned.err, "emial")


COUNTS = """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-counts
name: counts
version: 1.0.0
status: active
inputPorts:
  - {name: orders, version: 1.0.0, contractId: orders}
outputPorts:
  - {name: counts, version: 1.0.0, contractId: counts}
"""
COUNTED = """\
apiVersion: v3.1.0
kind: DataContract
id: counts
version: 1.0.0
status: active
schema:
  - name: counts
    properties:
      - {name: n, logicalType: integer, physicalType: BIGINT}
"""


def test_a_run_shows_the_place_in_the_sql(applied):
    applied.write("domains/sales/counts/product.odps.yaml", COUNTS)
    applied.write("domains/sales/counts/counts.odcs.yaml", COUNTED)
    applied.write("domains/sales/counts/counts.sql", "SELECT count(*) AS n\n\tFROM orders.orders -- 東京\n")
    applied.weft("apply", "--yes")
    failed = applied.weft("run", "sales.counts", ok=False)
    assert "sales.counts: error: domains/sales/counts/counts.sql:2:7: " in failed.err, failed
    points_at(failed.err, "orders.orders")
