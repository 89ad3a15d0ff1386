"""`weft check`: every SELECT held against its inputs' contracts, offline, with its place in the .sql file."""

import pytest

from conftest import SQL
from story_help import ORDERS, check, edit, errors, place_of, the_error, told

FILE = f"{ORDERS}/orders.sql"
INTERNAL = f"{ORDERS}/internal"

PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-{name}
name: {name}
version: 1.0.0
status: active
inputPorts:
  - {{name: {reads}, version: 1.0.0, contractId: {reads}}}
outputPorts:
  - {{name: {name}, version: 1.0.0, contractId: {name}}}
"""

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {name}
version: 1.0.0
status: active
schema:
  - name: {name}
    properties:
      - {{name: id, logicalType: integer, physicalType: INTEGER}}
"""


def add_product(mesh, name, reads, sql=None):
    folder = f"domains/sales/{name}"
    mesh.write(f"{folder}/product.odps.yaml", PRODUCT.format(name=name, reads=reads))
    mesh.write(f"{folder}/{name}.odcs.yaml", CONTRACT.format(name=name))
    mesh.write(f"{folder}/{name}.sql", sql or f"SELECT id FROM {reads}.{reads}\n")


@pytest.mark.smoke
def test_files_that_are_right_need_neither_home_nor_server(shop):
    answer = shop.weft("check")
    assert "no errors" in told(answer)
    assert not shop.home.exists()
    assert shop.weft("check", shop.folder, cwd="/").code == 0
    assert not shop.home.exists()


def test_a_folder_without_a_mesh(mesh):
    answer = mesh.weft("check", ok=False)
    assert answer.code in (2, 65, 66) and "mesh.yaml" in told(answer)


# A SELECT over two lines, where its mistake stands, and what is said of it.
MISTAKES = {
    "an unknown table": ("SELECT id, customer, email, country, amount, ordered_on\nFROM shop.raw_order\n",
                         "shop.raw_order", "raw_order", "shop.raw_orders"),
    "an unknown port": ("SELECT *\nFROM shops.raw_orders\n", "shops.raw_orders", "shops", "shop.raw_orders"),
    "an unknown column": ("SELECT id, customer, email, country,\n  amonut AS amount, ordered_on FROM shop.raw_orders\n",
                          "amonut", "amonut", "amount"),
    "no SELECT": ("SELECT id\nFORM shop.raw_orders\n", "shop", "", ""),
    "an unknown function": ("SELECT * REPLACE (lowerr(email) AS email)\nFROM shop.raw_orders\n", "lowerr", "lowerr", "lower"),
    "types that do not fit": ("SELECT * REPLACE (amount + ordered_on AS amount)\nFROM shop.raw_orders\n", None, "", ""),
    "two statements": ("SELECT * FROM shop.raw_orders;\nSELECT 1\n", None, "only one statement", ""),
    "no query": ("CREATE TABLE t AS\nSELECT 1\n", None, "SELECT", ""),
    "a file as a table": ("SELECT *\nFROM 'data/orders.csv'\n", "'data", "", ""),
    "a function that reads a file": ("SELECT *\nFROM read_csv('data/orders.csv')\n", "read_csv", "read_csv", ""),
    "a setting": ("SELECT *,\ncurrent_setting('home_directory') AS h FROM shop.raw_orders\n", "current_setting",
                  "current_setting", ""),
    "the engine's own tables": ("SELECT *\nFROM duckdb_settings()\n", "duckdb_settings", "duckdb_settings", ""),
    "the catalog": ("SELECT *\nFROM information_schema.tables\n", "information_schema", "information_schema", ""),
    "the tables of the mesh": ("SELECT *\nFROM mesh.products\n", "mesh.products", "mesh.products", ""),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_in_a_select_is_told_with_its_line_and_column(shop, what):
    text, at, word, hint = MISTAKES[what]
    shop.write(FILE, text)
    found = errors(check(shop))
    assert {f["file"] for f in found} == {FILE}, found
    assert word in found[0]["message"] and hint in (found[0]["hint"] or "")
    if at:
        assert (found[0]["line"], found[0]["column"]) == place_of(shop, FILE, at), found
    assert not shop.home.exists()


def test_an_input_that_was_not_declared_cannot_be_read(shop):
    """The products stand side by side, and one does not say that it reads the other."""
    add_product(shop, "totals", "orders", "SELECT id FROM orders.orders\n")
    check(shop, ok=True)
    for name in ("sales.orders.orders", "shop.raw_orders", "other.orders"):
        shop.write("domains/sales/totals/totals.sql", f"SELECT id\nFROM {name}\n")
        error = the_error(check(shop))
        assert (error["file"], error["line"], error["column"]) == ("domains/sales/totals/totals.sql", 2, 6)
        assert name in error["message"] and "input port" in error["message"]


def test_a_result_without_a_promised_column(shop):
    shop.write(FILE, "SELECT id, customer, email, country, ordered_on FROM shop.raw_orders\n")
    error = the_error(check(shop))
    assert error["file"] == FILE and "amount" in error["message"]
    assert error["found"] == "id, customer, email, country, ordered_on"
    assert error["allowed"] == "amount DECIMAL(12,2)"


def test_a_result_column_of_another_type(shop):
    shop.write(FILE, "SELECT * REPLACE (CAST(amount AS VARCHAR) AS amount, CAST(id AS BIGINT) AS id) FROM shop.raw_orders\n")
    found = errors(check(shop))
    assert {(f["found"], f["allowed"]) for f in found} == {("VARCHAR", "DECIMAL(12,2)"), ("BIGINT", "INTEGER")}
    assert all(f["file"] == FILE and "CAST(" in f["hint"] for f in found)
    # What fits without loss is no mistake.
    shop.write(FILE, "SELECT * REPLACE (CAST(id AS SMALLINT) AS id, CAST(amount AS DECIMAL(6,1)) AS amount) FROM shop.raw_orders\n")
    assert errors(check(shop, ok=True)) == []


def test_a_result_column_that_nobody_promised_is_a_warning(shop):
    shop.write(FILE, SQL.replace("SELECT id", "SELECT 1 AS extra, id"))
    found = check(shop, ok=True)
    assert [f["level"] for f in found if "extra" in f["message"]] == ["warning"]


def test_errors_of_several_selects_come_at_once(shop):
    shop.write(f"{INTERNAL}/one.sql", "SELECT\n  nope FROM shop.raw_orders\n")
    shop.write(f"{INTERNAL}/two.sql", "SELECT id FROM\n\n  shop.nothing\n")
    shop.write(FILE, SQL + "WHERE nothing = 1\n")
    found = errors(check(shop))
    places = {(f["file"], f["line"], f["column"]) for f in found}
    assert {(f"{INTERNAL}/one.sql", 2, 3), (f"{INTERNAL}/two.sql", 3, 3), (FILE, 2, 7)} <= places, found


def test_internal_tables_are_compiled_in_order_of_reference(shop):
    shop.write(f"{INTERNAL}/zero.sql", "SELECT id, amount * 2 AS twice FROM shop.raw_orders\n")
    shop.write(f"{INTERNAL}/a_late_one.sql", "SELECT id, twice FROM self.zero\n")
    shop.write(FILE, "SELECT r.* FROM shop.raw_orders r JOIN self.a_late_one USING (id)\n")
    check(shop, ok=True)
    shop.write(f"{INTERNAL}/a_late_one.sql", "SELECT id, thrice FROM self.zero\n")
    error = errors(check(shop))[0]
    assert (error["file"], error["line"], error["column"]) == (f"{INTERNAL}/a_late_one.sql", 1, 12)
    assert "twice" in (error["hint"] or "") or "twice" in error["message"]


def test_internal_tables_in_a_circle(shop):
    shop.write(f"{INTERNAL}/hen.sql", "SELECT * FROM self.egg\n")
    shop.write(f"{INTERNAL}/egg.sql", "SELECT * FROM self.hen\n")
    shop.write(FILE, SQL + "WHERE id IN (SELECT id FROM self.hen)\n")
    error = errors(check(shop))[0]
    message = " ".join(str(error[k]) for k in ("message", "found", "hint"))
    assert "hen" in message and "egg" in message
    # Its own output is none of its inputs either.
    shop.write(FILE, "SELECT * FROM self.orders\n")
    for name in ("hen", "egg"):
        (shop.folder / f"{INTERNAL}/{name}.sql").unlink()
    assert errors(check(shop))[0]["file"] == FILE


def test_products_in_a_circle_are_told_with_the_whole_path(shop):
    add_product(shop, "one", "three")
    add_product(shop, "two", "one")
    add_product(shop, "three", "two")
    error = the_error(check(shop))
    assert error["found"] == "sales.one -> sales.three -> sales.two -> sales.one"
    assert error["file"] == "domains/sales/one/product.odps.yaml"


def test_a_product_checks_against_the_contract_of_the_product_that_it_reads(shop):
    add_product(shop, "totals", "orders", "SELECT id FROM orders.orders WHERE amount > 1\n")
    check(shop, ok=True)
    # Its producer takes the column away: the consumer's SELECT says so.
    edit(shop, f"{ORDERS}/orders.odcs.yaml", '      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}\n', "")
    error = the_error(check(shop))
    assert error["file"] == "domains/sales/totals/totals.sql" and "amount" in error["message"]


def test_a_table_without_sql_must_fit_the_input_of_its_name(shop):
    (shop.folder / FILE).unlink()
    error = the_error(check(shop))
    assert error["hint"] == f"write {FILE}"
    edit(shop, f"{ORDERS}/shop.odcs.yaml", "name: raw_orders", "name: orders")
    check(shop, ok=True)
    edit(shop, f"{ORDERS}/shop.odcs.yaml", 'name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"',
         "name: amount, logicalType: string, physicalType: VARCHAR")
    error = the_error(check(shop))
    assert (error["found"], error["allowed"]) == ("VARCHAR", "DECIMAL(12,2)")
    assert error["file"] == f"{ORDERS}/orders.odcs.yaml"


def test_sql_for_a_table_that_nobody_promised(shop):
    (shop.folder / FILE).rename(shop.folder / ORDERS / "order.sql")
    found = errors(check(shop))
    assert any(f["file"] == f"{ORDERS}/order.sql" and "orders" in f["hint"] for f in found)


def test_sql_that_would_never_end_is_only_compiled(shop):
    shop.write(FILE, SQL + "WHERE (SELECT count(*) FROM range(100000000) a, range(100000000) b) > 0\n")
    check(shop, ok=True)


def test_many_products_are_checked_in_one_go(shop):
    """Twenty products, a mistake in each second one."""
    for i in range(20):
        add_product(shop, f"p{i}", "orders", f"SELECT {'id' if i % 2 else 'it'} AS id FROM orders.orders\n")
    found = errors(check(shop))
    assert [f["file"] for f in found] == sorted(f"domains/sales/p{i}/p{i}.sql" for i in range(0, 20, 2))


def test_an_internal_table_that_no_file_can_hold(shop):
    shop.write("domains/sales/orders/internal/sums.sql", "SELECT sum(id) AS ids FROM shop.raw_orders\n")
    found = shop.weft("check", ok=False)
    assert found.code == 65
    assert "internal/sums.sql:1:1: error: column ids of internal table sums cannot be stored without loss" in found.out
    assert "HUGEINT" in found.out and "CAST" in found.out
    shop.write("domains/sales/orders/internal/sums.sql", "SELECT sum(id)::BIGINT AS ids FROM shop.raw_orders\n")
    shop.weft("check")
