"""Contracts leave as other formats and come back; what others wrote becomes contracts and products; two versions are compared."""

import json
from html.parser import HTMLParser

import duckdb
import fastjsonschema
import psycopg
import pytest

import dbt_manifest
from conftest import ROOT
from story_help import told
from terminal_help import Terminal

SHOP = """\
apiVersion: v3.1.0
kind: DataContract
id: shop
name: Shop & <script>alert(1)</script>
version: 1.0.0
status: active
domain: sales
description: {purpose: "Orders | `all` <b>of them</b>"}
servers: [{server: s, type: local, path: data/x.csv, format: csv}]
schema:
  - name: orders
    logicalType: object
    description: One row per order; it's "all".
    properties:
      - {name: id, logicalType: integer, physicalType: bigint, primaryKey: true, primaryKeyPosition: 1, required: true}
      - {name: customer, logicalType: integer, required: true, relationships: [{to: customers.id}]}
      - name: state
        logicalType: string
        required: true
        description: "<i>open</i>, it's done"
        quality: [{metric: invalidValues, arguments: {validValues: [open, "it's done"]}, mustBe: 0}]
      - {name: total, logicalType: number, physicalType: "DECIMAL(12,2)", logicalTypeOptions: {minimum: 0, exclusiveMaximum: 1000}}
      - {name: at, logicalType: timestamp, logicalTypeOptions: {timezone: true}}
      - {name: note, logicalType: string, logicalTypeOptions: {minLength: 2, maxLength: 5}}
      - {name: key, logicalType: string, logicalTypeOptions: {format: uuid}, unique: true}
  - name: customers
    logicalType: object
    properties:
      - {name: id, logicalType: integer, primaryKey: true, primaryKeyPosition: 1, required: true}
      - {name: email, logicalType: string, classification: restricted, tags: [email]}
"""

TYPES = ["boolean", "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint",
         "uhugeint", "real", "double", "decimal(38,4)", "varchar", "uuid", "blob", "bit", "date", "time", "time_ns", "timetz",
         "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamptz", "interval", "json", "integer[]", "integer[3]",
         "decimal(5,2)[]", "MAP(varchar, integer)", "MAP(integer, date)", "STRUCT(a integer, b varchar[])"]


def all_types():
    lines = [f'      - {{name: c{i}, physicalType: "{kind}", required: {str(i % 3 == 0).lower()}}}' for i, kind in enumerate(TYPES)]
    return ("apiVersion: v3.1.0\nkind: DataContract\nid: types\nversion: 1.0.0\nstatus: draft\nschema:\n"
            "  - name: all_types\n    logicalType: object\n    properties:\n" + "\n".join(lines) + "\n")


@pytest.fixture
def shop(mesh):
    mesh.write("shop.odcs.yaml", SHOP)
    return mesh


def export(mesh, *args, file="shop.odcs.yaml"):
    return mesh.weft("contract", "export", file, "--to", *args)


# ---- export


def test_each_format_tells_what_it_has_no_place_for(shop):
    for kind in ("json-schema", "avro", "sql", "dbt", "openapi"):
        answer = export(shop, kind)
        assert "left out are" in answer.err and "1 server" in answer.err, answer
        assert answer.out and "left out" not in answer.out
        assert export(shop, kind, "--quiet").err == ""
    for kind in ("markdown", "html"):
        assert "left out" not in export(shop, kind).err


def test_one_table_goes_to_a_file_that_was_not_there(shop):
    export(shop, "json-schema", "--table", "customers", "--out", "customers.json")
    schema = json.loads((shop.folder / "customers.json").read_text())
    assert schema["title"] == "customers" and list(schema["properties"]) == ["id", "email"]
    again = shop.weft("contract", "export", "shop.odcs.yaml", "--to", "avro", "--out", "customers.json", ok=False)
    assert again.code == 75 and "is there already" in again.err
    wrong = shop.weft("contract", "export", "shop.odcs.yaml", "--to", "avro", "--table", "nothing", ok=False)
    assert wrong.code == 66 and "orders, customers" in wrong.err


def test_formats_and_dialects_are_named_when_they_are_not_known(shop):
    for args, hint in ((["--to", "xml"], "json-schema"), ([], "json-schema"), (["--to", "sql", "--dialect", "oracle"], "postgres"),
                       (["--to", "avro", "--dialect", "duckdb"], "--to sql")):
        answer = shop.weft("contract", "export", "shop.odcs.yaml", *args, ok=False)
        assert answer.code == 2 and hint in answer.err, answer


GOOD = "INSERT INTO orders VALUES (1, 7, 'it''s done', 999.99, '2026-01-31T10:00:00Z', 'abcde', NULL)"
BAD = {
    "a state that is none": "INSERT INTO orders VALUES (2, 7, 'gone', 1, NULL, NULL, NULL)",
    "a total below": "INSERT INTO orders VALUES (2, 7, 'open', -0.01, NULL, NULL, NULL)",
    "a total above": "INSERT INTO orders VALUES (2, 7, 'open', 1000, NULL, NULL, NULL)",
    "a note too short": "INSERT INTO orders VALUES (2, 7, 'open', 1, NULL, 'a', NULL)",
    "a note too long": "INSERT INTO orders VALUES (2, 7, 'open', 1, NULL, 'abcdef', NULL)",
    "a customer that is none": "INSERT INTO orders VALUES (2, 8, 'open', 1, NULL, NULL, NULL)",
    "no state": "INSERT INTO orders VALUES (2, 7, NULL, 1, NULL, NULL, NULL)",
    "the key again": "INSERT INTO orders VALUES (1, 7, 'open', 1, NULL, NULL, NULL)",
}


COLUMNS = {  # what it is, and what stands in the rows
    "tz": ("timestamptz", ["'2026-01-01 10:00:00+02'", "'2026-01-01 10:00:00.5+00'", "'infinity'", "'-infinity'",
                           "'0044-03-15 (BC) 00:00:00+00'", "'12026-01-01 00:00:00+00'", "NULL"]),
    "tt": ("timetz", ["'08:00:00+00'", "'08:00:00.25-03'", "'08:00:00+05:30'", "'08:00:00-05:30:15'", "NULL"]),
    "list": ("timestamptz[]", ["['2026-01-01 10:00:00+02', NULL]", "[]", "NULL"]),
    "map": ("MAP(VARCHAR, DOUBLE)", ["MAP {'a': 'nan'::DOUBLE}", "NULL"]),
    "big": ("double", ["'nan'", "'inf'", "'-inf'", "1.5", "1e300", "NULL"]),
    "small": ("real", ["'nan'", "'inf'", "'-inf'", "1.5", "NULL"]),
    "ts": ("timestamp", ["'2026-01-01 10:00:00.5'", "'infinity'", "NULL"]),
    "day": ("date", ["'2026-01-01'", "NULL"]),
    "id": ("uuid", ["'53581432-6c55-4ba2-a65f-72344a91553a'", "NULL"]),
}


def test_json_schema_is_true_of_the_rows_that_weft_writes(mesh):
    mesh.weft("init", ".")
    mesh.write("o.odcs.yaml", "apiVersion: v3.1.0\nkind: DataContract\nid: o\nversion: 1.0.0\nstatus: active\nschema:\n"
               "  - name: o\n    properties:\n"
               + "".join(f'      - {{name: {name}, physicalType: "{kind}"}}\n' for name, (kind, _) in COLUMNS.items()))
    schema = export(mesh, "json-schema", file="o.odcs.yaml").json
    validate = fastjsonschema.compile(schema)
    for i in range(max(len(values) for _, values in COLUMNS.values())):
        row = ", ".join(f"({values[i % len(values)]})::{kind} AS {name}" for name, (kind, values) in COLUMNS.items())
        validate(json.loads(mesh.weft("query", f"SELECT {row}", "--format", "ndjson").out))
    for wrong in [{"tz": "2026-01-01"}, {"tz": "never"}, {"tt": "08:00"}, {"big": "many"}, {"small": "nan"}]:
        with pytest.raises(fastjsonschema.JsonSchemaException):
            validate(wrong)


def test_duckdb_takes_the_tables_and_refuses_what_the_contract_refuses(shop):
    with duckdb.connect() as db:
        db.execute(export(shop, "sql", "--dialect", "duckdb").out)
        db.execute("INSERT INTO customers VALUES (7, 'x')")
        db.execute(GOOD)
        for what, statement in BAD.items():
            with pytest.raises(duckdb.ConstraintException):
                db.execute(statement)
                pytest.fail(what)
        comments = dict(db.execute("SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'orders'").fetchall())
        assert comments["state"] == "<i>open</i>, it's done"


def test_postgresql_takes_the_tables_and_refuses_what_the_contract_refuses(shop, postgres):
    with psycopg.connect(host="127.0.0.1", port=postgres.port, user="weft", password=postgres.password, dbname="postgres",
                         autocommit=True) as db:
        db.execute("DROP SCHEMA IF EXISTS exported CASCADE; CREATE SCHEMA exported; SET search_path = exported")
        db.execute(export(shop, "sql").out)
        db.execute("INSERT INTO customers VALUES (7, 'x')")
        db.execute(GOOD)
        for what, statement in BAD.items():
            with pytest.raises(psycopg.errors.IntegrityError):
                db.execute(statement)
                pytest.fail(what)
        comment = db.execute("SELECT obj_description('exported.orders'::regclass)").fetchone()[0]
        assert comment == 'One row per order; it\'s "all".'


def test_both_databases_take_a_table_of_all_types(mesh, postgres):
    mesh.write("types.odcs.yaml", all_types())
    with duckdb.connect() as db:
        db.execute(export(mesh, "sql", "--dialect", "duckdb", file="types.odcs.yaml").out)
        assert len(db.execute("DESCRIBE all_types").fetchall()) == len(TYPES)
    with psycopg.connect(host="127.0.0.1", port=postgres.port, user="weft", password=postgres.password, dbname="postgres",
                         autocommit=True) as db:
        db.execute("DROP SCHEMA IF EXISTS exported CASCADE; CREATE SCHEMA exported; SET search_path = exported")
        db.execute(export(mesh, "sql", file="types.odcs.yaml").out)
        assert len(db.execute("SELECT * FROM all_types").description) == len(TYPES)


class Page(HTMLParser):
    """Opened and closed in pairs, and the texts between."""

    EMPTY = {"meta", "br"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.texts = [], set(), []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_a_page_holds_hostile_texts_as_texts(shop):
    page = Page(export(shop, "html").out)
    assert page.open == []
    assert page.tags == {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td"}
    assert "Shop & <script>alert(1)</script>" in page.texts and "<i>open</i>, it's done" in page.texts
    text = export(shop, "markdown").out
    assert "<" not in text and r"Orders \| \`all\` &lt;b&gt;of them&lt;/b&gt;" in text
    rows = [line for line in text.splitlines() if line.startswith("| state")]
    assert len(rows) == 1


def test_the_contracts_of_the_example_go_to_every_format(mesh):
    files = sorted((ROOT / "examples/retail").rglob("*.odcs.yaml"))
    assert len(files) > 10
    with duckdb.connect() as db:
        for number, file in enumerate(files):
            for kind in ("json-schema", "avro", "dbt", "openapi", "markdown", "html"):
                assert export(mesh, kind, file=file).out
            db.execute(f"CREATE SCHEMA s{number}; USE s{number}")
            db.execute(export(mesh, "sql", "--dialect", "duckdb", file=file).out)


# ---- import, and both ways


def rows_of(mesh, file):
    """The columns of each table as weft stores them: through the SQL of its own contract."""
    with duckdb.connect() as db:
        db.execute(export(mesh, "sql", "--dialect", "duckdb", file=file).out)
        return db.execute("SELECT table_name, column_index, column_name, data_type, is_nullable FROM duckdb_columns() "
                          "ORDER BY ALL").fetchall()


# An imported contract is a draft, called as its file; only SQL has a place for a relationship, and Avro none for what values may be.
ID, DRAFT, RELATION = ("id changed", None), ("status withdrawn", None), ("rule removed", "customer")
LOST = {"json-schema": {ID, DRAFT, RELATION}, "sql": {ID, DRAFT},
        "avro": {ID, DRAFT, RELATION, ("rule removed", "state"), ("option loosened", "total"), ("option loosened", "note")}}


@pytest.mark.parametrize("text", [SHOP, all_types()], ids=["shop", "all types"])
@pytest.mark.parametrize("kind", ["json-schema", "avro", "sql"])
def test_what_leaves_comes_back_with_the_same_columns(mesh, kind, text):
    mesh.write("one.odcs.yaml", text)
    options = ["--dialect", "duckdb"] if kind == "sql" else []
    mesh.write("one.text", export(mesh, kind, *options, file="one.odcs.yaml").out)
    mesh.weft("contract", "import", "one.text", "--from", kind, "--out", "again.odcs.yaml")
    mesh.weft("check", "again.odcs.yaml")
    assert rows_of(mesh, "again.odcs.yaml") == rows_of(mesh, "one.odcs.yaml")
    changes = mesh.weft("contract", "diff", "one.odcs.yaml", "again.odcs.yaml", "--format", "json", ok=None).json
    broken = {(c["change"], c["column"]) for c in changes if c["class"] == "breaking"}
    assert broken == (LOST[kind] if text is SHOP else {ID}), changes


def test_a_json_schema_with_remote_parts_is_refused_by_place(mesh):
    mesh.write("a.json", '{"type": "object",\n "properties": {"a": {"$ref": "https://example.com/b.json"}}}')
    answer = mesh.weft("contract", "import", "a.json", "--from", "json-schema", "--out", "a.odcs.yaml", ok=False)
    assert answer.code == 65 and "a.json:2:" in answer.err and "bundle" in answer.err
    assert not (mesh.folder / "a.odcs.yaml").exists()


def test_sql_of_a_dump_becomes_a_contract_that_passes(mesh):
    mesh.write("dump.sql", "CREATE TABLE public.a (id int NOT NULL, b text DEFAULT 'x');\n"
                           "ALTER TABLE ONLY public.a ADD CONSTRAINT p PRIMARY KEY (id);\nGRANT ALL ON a TO me;\n")
    answer = mesh.weft("contract", "import", "dump.sql", "--from", "sql", "--out", "dump.odcs.yaml")
    assert "default of a column" in answer.err and "GRANT" in answer.err and "dump.sql:3:1" in answer.err
    mesh.weft("check", "dump.odcs.yaml")
    assert "primaryKey: true" in (mesh.folder / "dump.odcs.yaml").read_text()


def test_errors_of_sql_have_line_and_column(mesh):
    mesh.write("bad.sql", "CREATE TABLE a (\n  id int,\n  PRIMARY KEY (other)\n);\n")
    answer = mesh.weft("contract", "import", "bad.sql", "--from", "sql", ok=False)
    assert answer.code == 65 and "bad.sql:4:1: error" in answer.err and "other" in answer.err
    assert answer.out == ""


def test_what_to_import_from_has_to_be_said(mesh):
    mesh.write("a.sql", "CREATE TABLE a (b int);")
    for args, hint in (([], "json-schema, avro, sql, dbt"), (["--from", "cobol"], "json-schema, avro, sql, dbt"),
                       (["--from", "dbt"], "--out domains/NAME"), (["--from", "dbt", "--out", "domains/My Shop"], "a-z")):
        answer = mesh.weft("contract", "import", "a.sql", *args, ok=False)
        assert answer.code == 2 and hint in answer.err, answer


# ---- dbt


def dbt(mesh, manifest, ok=True):
    mesh.write("manifest.json", json.dumps(manifest))
    mesh.write("mesh.yaml", (ROOT / "examples/empty/mesh.yaml").read_text().replace("hosts: []", 'hosts: ["127.0.0.1:5432"]'))
    return mesh.weft("contract", "import", "manifest.json", "--from", "dbt", "--out", "domains/shop", ok=ok)


def test_a_dbt_project_becomes_products_that_pass_the_check(mesh):
    answer = dbt(mesh, dbt_manifest.manifest())
    mesh.weft("check")
    products = {path.parent.name for path in (mesh.folder / "domains/shop").glob("*/product.odps.yaml")}
    assert products == {"finance", "customers", "lonely"}
    for told in ("exposures", "without a data_type", "incremental", "a rule of dbt"):
        assert told in answer.err, answer
    finance = mesh.folder / "domains/shop/finance"
    rows = (finance / "internal/orders_rows.sql").read_text()
    assert "self.stg_orders" in rows and "customers.customers" in rows and '"shop"' not in rows
    contract = (finance / "finance.odcs.yaml").read_text()
    assert "validValues: [open, done]" in contract and "severity: warning" in contract and "engine: dbt" in contract
    assert "owner" in (mesh.folder / "domains/shop/customers/customers.odcs.yaml").read_text()


def test_an_import_writes_all_its_files_or_none(mesh):
    mesh.write("domains/shop/finance/daily.sql", "mine")
    answer = dbt(mesh, dbt_manifest.manifest(), ok=False)
    assert answer.code == 75 and "daily.sql" in answer.err
    assert [str(p.relative_to(mesh.folder)) for p in (mesh.folder / "domains").rglob("*") if p.is_file()] == [
        "domains/shop/finance/daily.sql"]


def test_a_model_that_cannot_be_rewritten_is_told_and_kept_as_a_comment(mesh):
    manifest = dbt_manifest.manifest()
    manifest["nodes"]["model.jaffle.lonely"]["raw_code"] = "{% if x %}\nselect id from {{ ref('customers') }}"
    answer = dbt(mesh, manifest)
    assert "warning: the SQL is not rewritten" in answer.err and "model.jaffle.lonely" in answer.err
    text = (mesh.folder / "domains/shop/lonely/lonely.sql").read_text()
    assert "select id from" in text and all(line.startswith("--") for line in text.splitlines())


def test_another_manifest_is_refused_with_what_to_do(mesh):
    answer = dbt(mesh, dbt_manifest.manifest(version=7), ok=False)
    assert answer.code == 65 and "v10, v11 or v12" in answer.err and "dbt compile" in answer.err
    assert not (mesh.folder / "domains").exists()


# ---- diff


def test_json_schema_has_values_as_rows_have_them_and_brings_types_back(mesh):
    def valid(values):
        return f"quality: [{{metric: invalidValues, arguments: {{validValues: {values}}}, mustBe: 0}}]"
    mesh.write("x.yaml", f"""\
apiVersion: v3.1.0
kind: DataContract
id: x
version: 1.0.0
status: draft
schema:
  - name: x
    properties:
      - {{name: text, logicalType: string, {valid("[1, true]")}}}
      - {{name: number, logicalType: integer, physicalType: integer, {valid('["1", 0x1F]')}}}
      - {{name: day, logicalType: string, logicalTypeOptions: {{format: date}}}}
      - {{name: above, logicalType: integer, physicalType: integer, logicalTypeOptions: {{exclusiveMinimum: 0}}}}
      - {{name: list, logicalType: array, items: {{logicalType: string, required: true}}}}
      - name: both
        logicalType: string
        logicalTypeOptions: {{pattern: ^a}}
        quality: [{{metric: invalidValues, arguments: {{pattern: b$}}, mustBe: 0}}]
      - {{name: written, logicalType: integer, physicalType: varchar, logicalTypeOptions: {{minimum: 5}}}}
      - name: any
        logicalType: object
        physicalType: json
        logicalTypeOptions: {{required: [q]}}
        properties: [{{name: q, logicalType: string, unique: true}}]
""")
    sent = mesh.weft("contract", "export", "x.yaml", "--to", "json-schema", "--out", "x.json").err
    assert "minimum of written is left out" in sent and "left out are 1 quality rule" in sent
    properties = json.loads((mesh.folder / "x.json").read_text())["properties"]
    assert properties["text"]["enum"] == ["1", "true", None] and properties["number"]["enum"] == [1, 31, None]
    assert properties["any"]["required"] == ["q"] and "minimum" not in properties["written"]
    assert properties["both"]["pattern"] == "^a" and properties["both"]["allOf"] == [{"pattern": "b$"}]
    back = mesh.weft("contract", "import", "x.json", "--from", "json-schema", "--format", "json")
    columns = {c["name"]: c for c in json.loads(back.out)["schema"][0]["properties"]}
    assert columns["day"]["logicalType"] == "string" and columns["day"]["logicalTypeOptions"] == {"format": "date"}
    assert "physicalType" not in columns["above"] and columns["list"]["items"]["required"] is True
    assert "a second pattern has no place" in back.err


def test_bounds_that_v30_calls_exclusive_mean_what_v31_spells(mesh):
    """Converting a contract changes nothing of it, and exports say the same of both."""
    mesh.write("old.yaml", "apiVersion: v3.0.2\nkind: DataContract\nid: o\nversion: 1.0.0\nstatus: active\nschema:\n- name: t\n"
               "  properties:\n  - {name: a, logicalType: integer, physicalType: integer,\n"
               "     logicalTypeOptions: {minimum: 5, exclusiveMinimum: true, maximum: 9, exclusiveMaximum: false}}\n")
    mesh.weft("convert", "old.yaml", "--out", "new.yaml")
    assert "exclusiveMinimum: 5" in (mesh.folder / "new.yaml").read_text()
    assert "0 breaking" in told(mesh.weft("contract", "diff", "old.yaml", "new.yaml"))
    for file in ("old.yaml", "new.yaml"):
        assert 'CHECK ("a" > 5)' in mesh.weft("contract", "export", file, "--to", "sql").out
        a = json.loads(mesh.weft("contract", "export", file, "--to", "json-schema").out)["properties"]["a"]
        assert {k: v for k, v in a.items() if "imum" in k} == {"exclusiveMinimum": 5, "maximum": 9}


def test_what_breaks_is_told_by_the_exit_code(mesh):
    mesh.write("old.yaml", SHOP)
    mesh.write("same.yaml", SHOP)
    mesh.write("more.yaml", SHOP + "      - {name: phone, logicalType: string}\n")
    mesh.write("less.yaml", SHOP.replace("      - {name: email, logicalType: string, classification: restricted, tags: [email]}\n", ""))
    assert "nothing has changed" in mesh.weft("contract", "diff", "old.yaml", "same.yaml").err
    added = mesh.weft("contract", "diff", "old.yaml", "more.yaml", "--format", "json").json
    assert [(c["class"], c["change"], c["table"], c["column"]) for c in added] == [("additive", "column added", "customers", "phone")]
    answer = mesh.weft("contract", "diff", "old.yaml", "less.yaml", ok=False)
    assert answer.code == 65 and "column removed" in answer.out and "needs a new major: both are version 1.0.0" in answer.err
    mesh.write("minor.yaml", (mesh.folder / "less.yaml").read_text().replace("version: 1.0.0", "version: 1.1.0"))
    assert "1.1.0 has the major of 1.0.0" in mesh.weft("contract", "diff", "old.yaml", "minor.yaml", ok=False).err
    mesh.write("next.yaml", (mesh.folder / "less.yaml").read_text().replace("version: 1.0.0", "version: 2.0.0"))
    assert "it is a new major" in mesh.weft("contract", "diff", "old.yaml", "next.yaml", ok=False).err
    mesh.write("other.yaml", SHOP.replace("id: shop", "id: other", 1))
    other = mesh.weft("contract", "diff", "old.yaml", "other.yaml", ok=False)
    assert other.code == 65 and "id changed" in other.out and "another id is another contract: keep shop" in other.err
    table = mesh.weft("contract", "diff", "old.yaml", "less.yaml", "--format", "markdown", ok=False).out
    assert "| **breaking** | column removed | `customers.email` |" in table
    mesh.write("bad.yaml", SHOP.replace("kind: DataContract", "kind: Nothing"))
    assert mesh.weft("contract", "diff", "old.yaml", "bad.yaml", ok=False).code == 65


# ---- a dbt project that runs


def test_a_dbt_project_of_files_runs_as_products(mesh):
    dbt(mesh, dbt_manifest.manifest(adapter="duckdb"))
    mesh.write("data/raw/raw_orders.csv", "id,customer_id,total,status\n1,7,1250,open\n2,7,50,done\n3,8,300,open\n")
    mesh.write("data/raw/customers.csv", "id,name,country\n7,Ada,CH\n8,Bob,XX\n")
    mesh.write("data/seeds/countries.csv", "code,label\nCH,Switzerland\n")
    for product in ("finance", "customers"):
        mesh.write(f"domains/shop/policies/ana-{product}.policy.yaml",
                   f"apiVersion: weft/v1\nkind: Policy\nid: ana-{product}\ndescription: Ana reads it.\nowner: shop\n"
                   f"grant: {{contract: shop-{product}, role: reader, to: {{users: [ana]}}}}\n")
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    daily = mesh.rows('SELECT customer_id, amount FROM shop.finance.daily ORDER BY 1', as_user="ana")
    assert [(row["customer_id"], float(row["amount"])) for row in daily] == [(7, 13.0), (8, 3.0)]
    people = mesh.rows("SELECT id, country FROM shop.customers.customers ORDER BY 1", as_user="ana")
    assert [(row["id"], row["country"]) for row in people] == [(7, "Switzerland"), (8, None)]
    mesh.write("data/raw/raw_orders.csv", "id,customer_id,total,status\n1,7,1250,lost\n")
    answer = mesh.weft("run", "shop.finance", ok=False)
    assert "status" in answer.out + answer.err and answer.code == 65, answer


def test_a_terminal_does_not_obey_texts_of_a_contract(mesh):
    mesh.write("x.yaml", 'apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: draft\nschema:\n'
                         '  - {name: t, description: "\\e[31mred", properties: [{name: a, logicalType: integer}]}\n')
    assert "\x1b[31m" in export(mesh, "sql", file="x.yaml").out, "a file gets what the contract says"
    terminal = Terminal(mesh, "contract", "export", "x.yaml", "--to", "sql")
    terminal.end()
    assert r"\x1b[31mred" in terminal.seen and "\x1b[31m" not in terminal.seen


def test_a_contract_is_written_as_yaml_or_json(mesh):
    """Of a file, of other formats and of an older version: the same contract, for people or for programs."""
    mesh.write("a.csv", "id,name\n1,x\n2,y\n")
    mesh.write("a.sql", "CREATE TABLE a (id int PRIMARY KEY, name text);\n")
    mesh.write("old.yaml", SHOP.replace("v3.1.0", "v3.0.2").replace(", relationships: [{to: customers.id}]", ""))
    for words in (["contract", "infer", "a.csv"], ["contract", "import", "a.sql", "--from", "sql"], ["convert", "old.yaml"]):
        plain = mesh.weft(*words).out
        assert plain == mesh.weft(*words, "--format", "yaml").out and plain.startswith(("apiVersion", "#"))
        contract = mesh.weft(*words, "--format", "json").json
        assert contract["kind"] == "DataContract" and contract["schema"][0]["properties"][0]["name"] == "id"
        told = mesh.weft(*words, "--format", "json", "--out", f"{words[-1]}.json")
        assert json.loads((mesh.folder / f"{words[-1]}.json").read_text()) == contract and "wrote" in told.err
        mesh.write("same.yaml", plain)
        mesh.write("same.json", json.dumps(contract))
        assert mesh.weft("contract", "diff", "same.yaml", "same.json").out == mesh.weft("contract", "diff", "same.yaml", "same.yaml").out
        refused = mesh.weft(*words, "--format", "csv", ok=False)
        assert refused.code == 2 and "yaml, json" in refused.err
    for words in (["contract", "export", "same.yaml", "--to", "sql"], ["contract", "import", "a.sql", "--from", "dbt", "--out", "domains/x"]):
        refused = mesh.weft(*words, "--format", "json", ok=False)
        assert refused.code == 2 and "--format json" in refused.err


def test_numbers_that_json_spells_in_another_way_stay_numbers(mesh):
    numbers = {"exclusiveMinimum": ("-.5", -0.5), "minimum": ("+.25", 0.25), "maximum": ("+31", 31), "exclusiveMaximum": ("040.", 40),
               "multipleOf": ("00.50e0", 0.5)}
    mesh.write("a.yaml", SHOP.split("schema:")[0] + "schema:\n  - name: a\n    properties:\n      - name: x\n        logicalType: number\n"
               "        logicalTypeOptions: {" + ", ".join(f"{key}: {text}" for key, (text, _) in numbers.items()) + "}\n"
               "        customProperties: [{property: code, value: \"007\"}, {property: none, value: ~}, {property: is, value: True}, {property: bits, value: 0x1F}]\n")
    mesh.weft("convert", "a.yaml", "--format", "json", "--out", "a.json")
    column = json.loads((mesh.folder / "a.json").read_text())["schema"][0]["properties"][0]
    assert column["logicalTypeOptions"] == {key: value for key, (_, value) in numbers.items()}
    assert [p["value"] for p in column["customProperties"]] == ["007", None, True, 31]
    mesh.weft("check", "a.json")
    assert mesh.weft("contract", "diff", "a.yaml", "a.json").out == ""
    mesh.write("b.yaml", (mesh.folder / "a.yaml").read_text().replace("0x1F", ".inf"))
    refused = mesh.weft("convert", "b.yaml", "--format", "json", ok=False)
    assert "written as JSON without a loss" in refused.err + refused.out and ".inf" in refused.err + refused.out
