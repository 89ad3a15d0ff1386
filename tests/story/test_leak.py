"""What is hidden stays hidden while policies, labels and names change; test_noninterference.py holds it still and asks hundreds of questions."""

import duckdb
import pytest

T = "sales.orders.orders"

# ---- over time: policies, labels and names that change

MASK = """\
apiVersion: weft/v1
kind: Policy
id: mask-personal-data
owner: guild
mask: {columns: {classification: [pii]}, with: {method: "null"}, except: {owners: true}}
"""

ONLY_CH = """\
apiVersion: weft/v1
kind: Policy
id: only-switzerland
owner: guild
filter: {tables: {tag: [customer-rows]}, where: "country = 'CH'", except: {owners: true}}
"""


def copies_of(mesh):
    return sorted((mesh.home / "cleared").rglob("*.parquet"))


def rows_of(server, sql, as_user="noor"):
    status, answer = server.query(sql, as_user=as_user)
    return answer["rows"] if status == 200 else answer["code"]


@pytest.mark.smoke
def test_a_policy_that_tightens_holds_at_once(applied):
    """In the same worker, with the same text, for what was read before, and for past releases."""
    server = applied.serve()
    texts = [f"SELECT id, email FROM {T} ORDER BY id", 'SELECT id, email FROM sales."orders#1".orders ORDER BY id']
    for text in texts:
        assert [r[1] for r in rows_of(server, text)] == ["ada@example.com", "bob@example.com", "cleo@example.com", None]
    applied.write("policies/mask.policy.yaml", MASK)
    applied.weft("apply", "--yes")
    for text in texts:
        assert rows_of(server, text) == [[1, None], [2, None], [3, None], [4, None]]
    applied.write("policies/filter.policy.yaml", ONLY_CH)
    applied.weft("apply", "--yes")
    for text in texts:
        assert rows_of(server, text) == [[1, None], [3, None]]
        assert len(rows_of(server, text, "ana")) == 4 and rows_of(server, text, "ana")[0][1] == "ada@example.com"
        assert rows_of(server, text) == [[1, None], [3, None]]
    (applied.folder / "policies/analysts.policy.yaml").unlink()
    applied.weft("apply", "--yes")
    for text in texts:
        assert rows_of(server, text) == "DENIED"


def change_contract(mesh, old, new):
    path = mesh.folder / "domains/sales/orders/orders.odcs.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_is_classified_today_is_masked_in_past_releases(applied):
    applied.write("policies/mask.policy.yaml", MASK)
    applied.weft("apply", "--yes")
    server = applied.serve()
    past = 'SELECT customer FROM sales."orders#1".orders ORDER BY id'
    assert rows_of(server, past)[0] == ["Ada"]
    change_contract(applied, "{name: customer, ", "{name: customer, classification: pii, ")
    applied.weft("apply", "--yes")
    assert rows_of(server, past) == [[None]] * 4
    assert rows_of(server, past, "ana")[0] == ["Ada"]


def test_what_was_classified_once_stays_masked_in_that_release(applied):
    """A label that is taken away opens what is published from now on, not what was."""
    applied.write("policies/mask.policy.yaml", MASK)
    applied.weft("apply", "--yes")
    server = applied.serve()
    change_contract(applied, "physicalType: VARCHAR, classification: pii}", "physicalType: VARCHAR}")
    applied.weft("apply", "--yes")
    applied.weft("run", "--all")
    # The source still says it, and the column is made of that.
    assert rows_of(server, f"SELECT email FROM {T} ORDER BY id") == [[None]] * 4
    source = applied.folder / "domains/sales/orders/shop.odcs.yaml"
    source.write_text(source.read_text().replace(", classification: pii", ""))
    applied.weft("apply", "--yes")
    applied.weft("run", "--all")
    assert rows_of(server, 'SELECT email FROM sales."orders#1".orders ORDER BY id') == [[None]] * 4
    assert rows_of(server, f"SELECT email FROM {T} ORDER BY id")[0] == ["ada@example.com"]


def test_a_column_that_went_is_not_shown_in_past_releases(drafted):
    server = drafted.serve()
    change_contract(drafted, '      - {name: customer, logicalType: string, physicalType: VARCHAR}\n', "")
    drafted.write("domains/sales/orders/orders.sql", "SELECT id, email, country, amount, ordered_on FROM shop.raw_orders\n")
    drafted.weft("apply", "--yes")
    drafted.weft("run", "--all")
    past = 'SELECT customer FROM sales."orders#1".orders ORDER BY id'
    assert rows_of(server, past) == "UNKNOWN_COLUMN"
    assert len(rows_of(server, past.replace("customer", "id"))) == 4


def test_a_filter_by_a_masked_column_shows_the_rows_and_not_the_column(applied):
    applied.write("policies/mask.policy.yaml", MASK.replace("classification: [pii]", "column: [country]"))
    applied.write("policies/filter.policy.yaml", ONLY_CH)
    applied.weft("apply", "--yes")
    server = applied.serve()
    assert rows_of(server, f"SELECT id, country FROM {T} ORDER BY id") == [[1, None], [3, None]]
    assert rows_of(server, f"SELECT count(*) FROM {T} WHERE country = 'CH'") == [[0]]


def test_a_masked_column_gives_no_order_to_a_copy(shop):
    """Not even one that is named as the engine names the number of a row."""
    for name in ("shop.odcs.yaml", "orders.odcs.yaml"):
        path = shop.folder / "domains/sales/orders" / name
        path.write_text(path.read_text().replace("{name: email,", "{name: file_row_number,"))
    shop.write("domains/sales/orders/orders.sql", "SELECT id, customer, file_row_number, country, amount, ordered_on FROM shop.raw_orders\n")
    shop.write("data/orders.csv", "id,customer,file_row_number,country,amount,ordered_on\n"
               + "".join(f"{i},c,{9 - i},{'CH' if i % 2 else 'DE'},1,2026-01-01\n" for i in range(8)))
    shop.write("policies/mask.policy.yaml", MASK)
    shop.write("policies/filter.policy.yaml", ONLY_CH)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    server = shop.serve()
    assert rows_of(server, f"SELECT id, file_row_number FROM {T} ORDER BY ALL") == [[1, None], [3, None], [5, None], [7, None]]
    with duckdb.connect() as db:
        rows = db.execute(f"SELECT id FROM read_parquet('{copies_of(shop)[0]}')").fetchall()
    assert [r[0] for r in rows] == [1, 3, 5, 7]
