"""From a table or file to a contract, and in three commands to a product that runs."""

import gzip
import json
import sys

import duckdb
import pytest

from conftest import ROOT
from story_help import told

sys.path.insert(0, str(ROOT / "tests/corpus"))
from parquet_file import BYTE_ARRAY, INT64, INT96, Column, parquet, timestamp  # noqa: E402

CUSTOMERS = """\
Kunden-Nr,E-Mail,konto,plz,betrag,geburtsdatum,geändert,tel,aktiv,note
1,ada@example.com,CH93 0076 2011 6238 5295 7,0800,10.50,1990-01-31,2026-01-01 10:00:00,+41 44 668 18 00,true,
2,bob@example.com,DE89370400440532013000,8001,20,1985-12-24,2026-01-02 11:30:00,+41 44 668 18 01,false,
3,eve@example.com,GB82WEST12345698765432,8002,1234567.25,2001-02-28,2026-01-03 23:59:59,+41 44 668 18 02,true,x
"""


def new_mesh(mesh):
    mesh.folder.mkdir(exist_ok=True)
    mesh.weft("init", ".")
    return mesh


def columns(text):
    """Names to their lines in a contract: those above count too, where they are comments."""
    found, above = {}, []
    for line in text.splitlines():
        word = line.strip()
        if word.startswith("#"):
            above.append(word)
            continue
        if word.startswith(("- name:", "- {name:")):
            current = word.split("name:")[1].split(",")[0].split("}")[0].strip().strip('"')
            found[current] = above + [word]
        elif word and found:
            found[current].append(word)
        above = []
    return {name: "\n".join(lines) for name, lines in found.items()}


def inferred(mesh, *args):
    """What is inferred, and weft's own verdict on it."""
    text = mesh.weft("contract", "infer", *args).out
    mesh.write("inferred.odcs.yaml", text)
    mesh.weft("check", "inferred.odcs.yaml")
    return columns(text)


def test_types_of_csv_keep_what_the_values_say(mesh):
    mesh.write("customers.csv", CUSTOMERS)
    found = inferred(mesh, "customers.csv")
    assert "physicalType: INTEGER" in found["kunden_nr"] and "physicalName: Kunden-Nr" in found["kunden_nr"]
    assert "VARCHAR" in found["plz"], "the zero in front of a post code would be lost"
    assert "DECIMAL(18,2)" in found["betrag"]
    assert "physicalType: DATE" in found["geburtsdatum"]
    assert "TIMESTAMP" in found["ge_ndert"]
    assert "BOOLEAN" in found["aktiv"]
    assert "required: true" in found["e_mail"] and "required" not in found["note"]


def test_labels_and_keys_are_suggested_and_never_declared(mesh):
    mesh.write("customers.csv", CUSTOMERS)
    text = mesh.weft("contract", "infer", "customers.csv").out
    found = columns(text)
    assert "its values are e-mail addresses" in found["e_mail"]
    assert "IBANs with right check digits" in found["konto"]
    assert "a date of birth" in found["geburtsdatum"]
    assert "phone numbers" in found["tel"]
    assert "suggestion: primaryKey: true (no value stands twice in 3 rows)" in found["kunden_nr"]
    assert "suggestion" not in found["betrag"] and "suggestion" not in found["aktiv"]
    assert all("classification" not in line and "primaryKey" not in line
               for line in text.splitlines() if not line.strip().startswith("#"))


def test_wrong_check_digits_are_no_iban(mesh):
    mesh.write("a.csv", "ref\nCH93 0076 2011 6238 5295 8\nDE89370400440532013001\n")
    assert "suggestion: classification" not in inferred(mesh, "a.csv")["ref"]


@pytest.mark.parametrize("numbers, expected", [
    ("4111111111111111\n5500005555555559", "card numbers"), ("756.9217.0769.85\n7561234567897", "AHV numbers"),
    ("192.0.2.1\n198.51.100.7", "addresses of the internet")])
def test_values_tell_what_names_do_not(mesh, numbers, expected):
    mesh.write("a.csv", "ref\n" + numbers + "\n")
    assert expected in inferred(mesh, "a.csv")["ref"]


def test_of_all_kinds_of_files(mesh):
    mesh.write("a.csv.gz", gzip.compress(b"id|text\n1|a\n"))
    assert set(inferred(mesh, "a.csv.gz")) == {"a", "id", "text"}
    mesh.write("a.ndjson", '{"id":1,"who":{"name":"Ada","age":5},"tags":["x"]}\n{"id":2}\n')
    found = inferred(mesh, "a.ndjson")
    assert "BIGINT" in found["id"] and "logicalType: object" in found["who"] and "VARCHAR[]" in found["tags"]
    assert "VARCHAR" in found["name"] and "BIGINT" in found["age"]
    mesh.write("big.ndjson", '{"id":12345678901234567890}\n')
    assert "HUGEINT" in inferred(mesh, "big.ndjson")["id"]
    mesh.weft("contract", "test", "inferred.odcs.yaml")
    mesh.write("a.json", '{"data":[{"id":1,"seen_on":"2026-01-01"}]}')
    assert "DATE" in inferred(mesh, "a.json", "--records", "/data")["seen_on"]
    mesh.write("a.parquet", parquet([
        Column("id", INT64, [1, 2]), Column("email", BYTE_ARRAY, [b"a@b.ch", None], converted="UTF8"),
        Column("seen", INT96, [None, None]), Column("zone_ns", INT64, [1, 2], logical=timestamp("ns", True))]))
    found = inferred(mesh, "a.parquet")
    assert "BIGINT" in found["id"] and "required: true" in found["id"]
    assert "e-mail" in found["email"] and "required" not in found["email"]
    assert "TIMESTAMP" in found["seen"] and "zone_ns" not in found
    assert "left out: zone_ns" in (mesh.folder / "inferred.odcs.yaml").read_text()
    mesh.write("access.log", "")
    assert "TIMESTAMP WITH TIME ZONE" in inferred(mesh, "access.log", "--log-format", "combined")["time"]


NESTED = [
    {"id": 1, "contact": {"reach at": "ada@example.com", "Geburtsdatum": "1990-01-31", "city": "Bern"}, "ways": ["+41 44 668 18 00"],
     "items": [{"sku": "a", "account": "CH93 0076 2011 6238 5295 7"}], "odd": {"a b": {"c\"d": 1}},
     "copies": [["eve@example.com"]]},
    {"id": 2, "contact": {"reach at": "bob@example.com", "Geburtsdatum": None, "city": "Chur"}, "ways": ["+41 44 668 18 01"],
     "items": [{"sku": "b", "account": "DE89370400440532013000"}], "odd": {"a b": {"c\"d": 2}},
     "copies": [["bob@example.com", "eve@example.com"], []]}]


@pytest.mark.parametrize("kind", ["ndjson", "parquet"])
def test_objects_and_lists_show_what_is_inside(mesh, kind):
    """Properties of their own, so that labels and rules can stand there; what is inside suggests labels as columns do."""
    mesh.write("n.ndjson", "".join(json.dumps(row) + "\n" for row in NESTED))
    if kind == "parquet":
        duckdb.sql(f"COPY (FROM read_json('{mesh.folder}/n.ndjson')) TO '{mesh.folder}/n.parquet'")
    found = inferred(mesh, f"n.{kind}")
    assert "its values are e-mail addresses" in found["reach at"]
    assert "by its name it is a date of birth" in found["Geburtsdatum"] and "DATE" in found["Geburtsdatum"]
    assert "its values are phone numbers" in found["ways"] and "VARCHAR[]" in found["ways"]
    assert "its values are IBANs with right check digits" in found["account"]
    assert "its values are e-mail addresses" in found["copies"] and "VARCHAR[][]" in found["copies"]
    assert "suggestion" not in found["city"] and "suggestion" not in found["sku"]
    held = mesh.weft("contract", "test", "inferred.odcs.yaml", "--format", "json").json
    assert held["findings"] == [] and {check["verdict"] for check in held["checks"]} == {"pass"}
    new_mesh(mesh)
    rows = three_commands(mesh, "--from", str(mesh.folder / f"n.{kind}"), table="sales.orders.n")
    assert rows[0]["contact"] == NESTED[0]["contact"] and rows[1]["odd"] == NESTED[1]["odd"]


@pytest.mark.parametrize("rows", [[{f"c{i}": i for i in range(300)}], [{f"c{i}": i} for i in range(50)]], ids=["many", "rare"])
def test_fields_of_records_are_columns_however_many_or_rare(mesh, rows):
    """The engine takes such records for maps."""
    mesh.write("n.ndjson", "".join(json.dumps(row) + "\n" for row in rows))
    assert set(inferred(mesh, "n.ndjson")) == {"n"} | {name for row in rows for name in row}
    held = mesh.weft("contract", "test", "inferred.odcs.yaml", "--format", "json").json
    assert held["findings"] == [] and {check["verdict"] for check in held["checks"]} <= {"pass"}


def test_an_object_of_very_many_fields_is_a_map(mesh):
    mesh.write("n.ndjson", json.dumps({"id": 1, "counts": {f"c{i}": i for i in range(300)}}) + "\n")
    assert "MAP(VARCHAR, BIGINT)" in inferred(mesh, "n.ndjson")["counts"]


def test_long_names_inside_are_properties_that_nobody_looks_at(mesh):
    mesh.write("n.ndjson", json.dumps({"o": {f"{i}" + "k" * 9000: "ada@example.com" for i in range(100)} | {"mail": "ada@example.com"}}) + "\n")
    found = inferred(mesh, "n.ndjson")
    assert "its values are e-mail addresses" in found["mail"] and len(found) > 100


def test_what_is_nested_very_deep_stays_a_type(mesh):
    doc = "{'leaf': 1}"
    for _ in range(30):
        doc = "{'a': %s}" % doc
    duckdb.sql(f"COPY (SELECT {doc} AS doc) TO '{mesh.folder}/deep.parquet'")
    inferred(mesh, "deep.parquet")
    text = (mesh.folder / "inferred.odcs.yaml").read_text()
    assert "STRUCT(" in text and "leaf" in text
    mesh.weft("contract", "test", "inferred.odcs.yaml")


def test_a_part_is_said_to_be_one(mesh):
    mesh.write("a.csv", "id\n" + "".join(f"{i}\n" for i in range(50)))
    text = mesh.weft("contract", "infer", "a.csv", "--sample", "10").out
    assert "from the first 10 rows" in text and "required" not in columns(text)["id"]


def test_neither_home_nor_server_are_needed_and_none_are_left(mesh):
    mesh.write("a.csv", "id\n1\n")
    mesh.weft("contract", "infer", "a.csv", "--out", "a.odcs.yaml")
    assert not mesh.home.exists() and "physicalType: INTEGER" in (mesh.folder / "a.odcs.yaml").read_text()
    again = mesh.weft("contract", "infer", "a.csv", "--out", "a.odcs.yaml", ok=False)
    assert "is there already" in told(again) or "exists" in told(again)


def test_what_cannot_be_read_is_told(mesh):
    assert "there is no file" in told(mesh.weft("contract", "infer", "none.csv", ok=False))
    mesh.write("a.xlsx", b"PK")
    assert "hint: say --source-format csv, ndjson, json, parquet or accesslog" in told(mesh.weft("contract", "infer", "a.xlsx", ok=False))
    unknown = mesh.weft("contract", "infer", "a.xlsx", "--source-format", "cvs", ok=False)
    assert unknown.code == 2 and "there is no format cvs" in unknown.err
    assert "did you mean csv? It is one of: csv, ndjson, json, parquet, accesslog" in unknown.err
    unknown = mesh.weft("contract", "infer", "a.xlsx", "--source-format", "spreadsheet", ok=False)
    assert "there is no format spreadsheet" in unknown.err and "hint: one of: csv, ndjson" in unknown.err
    mesh.write("a.parquet", b"PAR1")
    assert "no Parquet file" in told(mesh.weft("contract", "infer", "a.parquet", ok=False))
    nobody = mesh.weft("contract", "infer", "postgres://127.0.0.1:1/x", ok=False)
    assert nobody.code == 2 and "names no user" in nobody.err and "postgres://USER@" in nobody.err, nobody
    password = mesh.weft("contract", "infer", "postgres://a:hidden@127.0.0.1/x", ok=False)
    assert "PGPASSWORD" in told(password) and "hidden" not in told(password)


@pytest.mark.parametrize("header, place", [("a,b,", 3), (",a,b", 1), ("a, ,b", 2), ('a,"",b', 2), ("a,,", 2), ("a;;b", 2)])
def test_a_column_without_a_name_is_told_with_its_place(mesh, header, place):
    mesh.write("a.csv", header + "\n1,2,3\n")
    answer = mesh.weft("contract", "infer", "a.csv", ok=False)
    assert answer.code == 65 and f"a.csv: column {place} of its header has no name" in answer.err, answer
    assert "contract" not in answer.err


@pytest.mark.parametrize("other, words", [
    ("a,c,b", "column 2 is b in x1.csv and c in x3.csv"),
    ("a", "column 2 is b in x1.csv and none in x3.csv"),
    ("a,b,c", "column 3 is none in x1.csv and c in x3.csv"),
    ("b,a", "column 1 is a in x1.csv and b in x3.csv"),
])
def test_files_with_other_columns_are_told_with_the_first_difference(mesh, other, words):
    for name, header in [("x1", "a,b"), ("x2", "a,b"), ("x3", other), ("x4", "z")]:
        mesh.write(f"{name}.csv", header + "\n1,2\n")
    assert words in told(mesh.weft("contract", "infer", "x*.csv", ok=False))


@pytest.mark.parametrize("name, text", [("e.json", "[]"), ("n.ndjson", ""), ("b.ndjson", "\n \n"), ("r.json", '{"data": []}')])
def test_a_file_without_rows_has_no_columns_to_infer(mesh, name, text):
    new_mesh(mesh).write("data/" + name, text)
    records = ["--records", "/data"] if name == "r.json" else []
    answer = mesh.weft("contract", "infer", "data/" + name, *records, ok=False)
    assert answer.code == 65 and "no rows, so no columns to infer" in answer.err and "hint:" in answer.err, answer
    assert "no columns to infer" in mesh.weft("new", "product", "sales.e", "--from", "data/" + name, *records, ok=False).err
    assert not (mesh.folder / "domains/sales/e").exists()


def three_commands(mesh, *args, table="sales.orders.orders"):
    mesh.weft("new", "product", "sales.orders", *args)
    mesh.weft("check")
    mesh.weft("apply", "--yes")
    mesh.weft("run", "sales.orders")
    grant = {"apiVersion": "weft/v1", "kind": "Policy", "id": "open", "description": "For the story.", "owner": "guild",
             "grant": {"contract": "sales-orders", "to": {"users": ["ana"]}}}
    mesh.write("policies/open.policy.yaml", json.dumps(grant))
    mesh.weft("apply", "--yes")
    return mesh.rows(f"SELECT * FROM {table} ORDER BY 1", as_user="ana")


def test_a_file_becomes_a_product_in_three_commands(mesh):
    new_mesh(mesh)
    mesh.write("data/orders.csv", CUSTOMERS)
    rows = three_commands(mesh, "--from", "data/orders.csv")
    assert [row["e_mail"] for row in rows] == ["ada@example.com", "bob@example.com", "eve@example.com"]
    assert rows[0]["plz"] == "0800"


def test_a_parquet_file_of_another_folder_becomes_a_product(mesh, tmp_path):
    new_mesh(mesh)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/orders.parquet").write_bytes(parquet([Column("id", INT64, [1, 2])]))
    rows = three_commands(mesh, "--from", tmp_path / "elsewhere/orders.parquet")
    assert rows == [{"id": 1}, {"id": 2}]
    assert f'roots: ["{tmp_path}/elsewhere", data/]' in (mesh.folder / "mesh.yaml").read_text()


def test_nothing_is_written_over(mesh):
    new_mesh(mesh)
    mesh.weft("new", "product", "sales.orders")
    before = (mesh.folder / "domains/sales/orders/source.odcs.yaml").read_text()
    assert "is there already" in told(mesh.weft("new", "product", "sales.orders", ok=False))
    assert (mesh.folder / "domains/sales/orders/source.odcs.yaml").read_text() == before


def test_templates_pass_check(mesh):
    new_mesh(mesh)
    mesh.weft("new", "domain", "sales")
    mesh.weft("new", "product", "sales.orders")
    mesh.weft("new", "product", "finance.books")
    mesh.weft("new", "contract", "sales.orders.returns")
    mesh.weft("check")
    for name in ("Sales", "select.x", "sales.", "9a.b"):
        assert mesh.weft("new", "product", name, ok=False).code == 2


def test_a_database_becomes_a_product(mesh, postgres):
    postgres.sql("""
        DROP SCHEMA IF EXISTS shop CASCADE; CREATE SCHEMA shop; SET search_path = shop;
        CREATE TYPE mood AS ENUM ('fine', 'bad');
        CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL UNIQUE, feeling mood, place point);
        CREATE TABLE "Order Lines" (order_id bigint, line int, customer bigint REFERENCES customers (id), price numeric(12,2) NOT NULL,
            PRIMARY KEY (order_id, line));
        COMMENT ON TABLE customers IS 'Who bought something'; COMMENT ON COLUMN customers.email IS 'For the bill';
        INSERT INTO customers VALUES (1, 'ada@example.com', 'fine'), (2, 'bob@example.com', NULL);
        INSERT INTO "Order Lines" VALUES (1, 1, 1, 9.50)""")
    new_mesh(mesh)
    mesh.env["PGPASSWORD"] = postgres.password
    mesh.env["WEFT_SECRET_SALES_POSTGRES_PASSWORD"] = postgres.password
    url = f"postgres://weft@127.0.0.1:{postgres.port}/postgres/shop"
    text = mesh.weft("contract", "infer", url).out
    assert postgres.password not in text
    found = columns(text)
    assert "Who bought something" in text and "description: For the bill" in found["email"]
    assert "unique: true" in found["email"] and "required: true" in found["email"]
    assert "primaryKeyPosition: 2" in found["line"] and "primaryKey: true" in found["id"]
    assert "{type: foreignKey, from: order_lines.customer, to: customers.id}" in text
    assert "left out: customers.place" in text
    rows = three_commands(mesh, "--from", url, table="sales.orders.customers")
    assert rows == [{"id": 1, "email": "ada@example.com", "feeling": "fine"}, {"id": 2, "email": "bob@example.com", "feeling": None}]
    assert mesh.rows("SELECT price::varchar AS p FROM sales.orders.order_lines", as_user="ana") == [{"p": "9.50"}]
    for path in mesh.folder.rglob("*"):
        assert not path.is_file() or postgres.password.encode() not in path.read_bytes(), path
    mesh.env["PGPASSWORD"] = "wrong"
    wrong = told(mesh.weft("contract", "infer", url, ok=False))
    assert "authentication" in wrong and "wrong" not in wrong


def test_values_of_a_database_suggest_labels_too(mesh, postgres):
    postgres.sql("""
        DROP SCHEMA IF EXISTS crm CASCADE; CREATE SCHEMA crm; SET search_path = crm;
        CREATE TABLE people (id bigint PRIMARY KEY, "Reach At" text, ref varchar(40), note text, seen inet);
        INSERT INTO people SELECT i, 'someone' || i || '@example.com', 'CH9300762011623852957', 'says hello', '192.0.2.7'
            FROM generate_series(1, 3000) i;
        CREATE TABLE empty (ref text);
        CREATE TABLE hidden (ref text); INSERT INTO hidden VALUES ('a@example.com');
        CREATE FUNCTION never(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
        CREATE TABLE guarded (ref text); INSERT INTO guarded VALUES ('x'); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
        CREATE POLICY p ON guarded USING (crm.never(ref));
        CREATE VIEW people_view AS SELECT "Reach At" AS "View" FROM people;
        DROP ROLE IF EXISTS looker; CREATE ROLE looker LOGIN PASSWORD 'looks'; GRANT USAGE ON SCHEMA crm TO looker;
        GRANT SELECT ON people, empty, guarded TO looker""")
    mesh.env["PGPASSWORD"] = "looks"
    url = f"postgres://looker@127.0.0.1:{postgres.port}/postgres/crm"
    text = mesh.weft("contract", "infer", url).out
    found = columns(text)
    assert "suggestion: classification: pii (its values are e-mail addresses)" in found["reach_at"]
    assert "its values are IBANs with right check digits" in text and "its values are addresses of the internet" in found["seen"]
    assert "suggestion" not in found["note"] and "suggestion" not in found["view"] and "suggestion" not in found["id"]
    assert "example.com" not in text and "CH93" not in text
    assert "labels by names, and by values of at most 1000 rows of each table" in text
    assert "no row was looked at of: guarded, hidden, people_view" in text
    # What the database declares stands; what a part of the rows seems to say does not.
    assert "required: true" not in found["reach_at"]
    few = mesh.weft("contract", "infer", f"{url}/people", "--sample", "10").out
    assert "by values of at most 10 rows" in few and "e-mail addresses" in few and "no row was looked at" not in few
