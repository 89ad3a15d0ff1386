"""Those who try to see more: by names, attributes, values, policies of their own."""

import json

from conftest import OUTPUT
from story_help import edit

T = "sales.orders.orders"


def policy(mesh, name, effect, folder="policies"):
    mesh.write(f"{folder}/{name}.policy.yaml",
               f"apiVersion: weft/v1\nkind: Policy\nid: {name}\ndescription: For the story.\nowner: guild\n{effect}\n")


def where(mesh, condition, name="f"):
    policy(mesh, name, f"filter: {{tables: {{product: [sales.orders]}}, where: {json.dumps(condition)}, except: {{owners: true}}}}")


def mask(mesh, column, method, name="m"):
    policy(mesh, name, f"mask: {{columns: {{column: [{column}]}}, with: {{{method}}}, except: {{owners: true}}}}")


def noor_is(mesh, attributes, groups="analysts"):
    path = mesh.folder / "mesh.yaml"
    lines = [f"  noor: {{groups: [{groups}], attributes: {attributes}}}" if line.startswith("  noor:") else line
             for line in path.read_text().split("\n")]
    path.write_text("\n".join(lines))


def ids(mesh, as_user="noor"):
    return [row["id"] for row in mesh.rows(f"SELECT id FROM {T} ORDER BY id", as_user)]


def make(mesh, columns, select):
    """One table of these columns, from one row of a source that nobody asks for."""
    contract = "".join(f"      - {{name: {name}, logicalType: {logical}, physicalType: '{kind}'{more}}}\n" for name, logical, kind, more in columns)
    head = OUTPUT.split("    properties:\n")[0] + "    properties:\n"
    mesh.write("domains/sales/orders/orders.odcs.yaml", head + contract)
    mesh.write("domains/sales/orders/orders.sql", f"SELECT x.* FROM ({select}) x, (SELECT count(*) AS n FROM shop.raw_orders) y\n")
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")


# ---- names

ODD = [("id", "integer", "INTEGER", ""), ("source", "object", "STRUCT(x VARCHAR, \"a''b\" VARCHAR)", ""), ("x", "string", "VARCHAR", ""),
       ("value", "string", "VARCHAR", ""), ("item_1", "array, items: {logicalType: string, physicalType: VARCHAR}", "VARCHAR[]", ""),
       ("result", "string", "VARCHAR", ""), ("lower", "string", "VARCHAR", "")]
ODD_ROWS = """SELECT 1 AS id, {'x': 'in', 'a''b': 'q'} AS source, 'out' AS x, 'aa' AS value, ['raw1', NULL, ''] AS item_1, 'r1' AS result, 'A' AS lower
UNION ALL SELECT 2, {'x': 'out', 'a''b': 'r'}, 'in', 'bb', ['raw2'], 'r2', 'a'
UNION ALL SELECT 3, NULL, 'in', NULL, NULL, NULL, NULL"""


MEANT = [("source.x = 'in'", [1]), ("SOURCE.X = 'in'", [1]), ('source."a\'b" = \'q\'', [1]), ("x = 'in' AND source IS NOT NULL", [2]),
         ("value = 'aa'", [1]), ("lower(lower) = 'a'", [1, 2]), ("lower = 'a'", [2]), ("result LIKE 'r%'", [1, 2]),
         ("list_contains(item_1, 'raw2')", [2]), ('"VALUE" = \'bb\'', [2])]


def test_a_condition_means_the_column_that_it_names(shop):
    """Though the engine has a table, a function or a word of that name."""
    make(shop, ODD, ODD_ROWS)
    mask(shop, "x, value, item_1, result", "method: partial, keepFirst: 1")
    shown = {1: ("o**", "a*", ["r***", None, ""], "r*"), 2: ("i*", "b*", ["r***"], "r*"), 3: ("i*", None, None, None)}
    shop.serve()
    for condition, seen in MEANT:
        where(shop, condition)
        shop.weft("apply", "--yes")
        assert ids(shop) == seen, condition
        for row in shop.rows(f"SELECT id, x, value, item_1, result FROM {T}", "noor"):
            assert (row["x"], row["value"], row["item_1"], row["result"]) == shown[row["id"]], condition


def test_no_condition_gives_the_order_of_hidden_values(shop):
    """The engine numbers the rows of a file in a column of this name: cleared rows would be put in the order of what is hidden."""
    make(shop, [("id", "integer", "INTEGER", ""), ("file_row_number", "integer", "INTEGER", "")],
         "SELECT i::INTEGER AS id, (100 - i)::INTEGER AS file_row_number FROM range(9) r(i)")
    where(shop, "file_row_number > 0")
    mask(shop, "file_row_number", 'method: "null"')
    answer = shop.weft("apply", "--yes", ok=False)
    assert "no condition may ask for a column file_row_number" in answer.err
    where(shop, "id > 2")
    shop.weft("apply", "--yes")
    assert shop.rows(f"SELECT * FROM {T}", "noor") == [{"id": i, "file_row_number": None} for i in range(3, 9)]


def test_a_label_of_a_field_that_the_type_names_otherwise_hides_it(shop):
    make(shop, [("id", "integer", "INTEGER", ""),
                ("place", "object", "STRUCT(road VARCHAR, town VARCHAR)",
                 ", properties: [{name: street, logicalType: string, classification: pii}, {name: town, logicalType: string}]")],
         "SELECT 1 AS id, {'road': 'Hidden Road 7', 'town': 'Bern'} AS place")
    policy(shop, "m", "mask: {columns: {classification: [pii]}, with: {method: partial, keepLast: 1}, except: {owners: true}}")
    shop.weft("apply", "--yes", ok=None)
    answer = shop.weft("query", f"SELECT place FROM {T}", "--as", "noor", "--format", "json", ok=None)
    assert "Hidden" not in answer.out + answer.err


def test_what_is_denied_by_the_label_of_a_field_is_not_there(shop):
    make(shop, [("id", "integer", "INTEGER", ""),
                ("place", "object", "STRUCT(road VARCHAR, town VARCHAR)",
                 ", properties: [{name: road, logicalType: string, classification: pii}, {name: town, logicalType: string}]")],
         "SELECT 1 AS id, {'road': 'Hidden Road 7', 'town': 'Bern'} AS place")
    policy(shop, "d", "deny: {columns: {classification: [pii]}, except: {owners: true}}")
    shop.weft("apply", "--yes")
    assert shop.rows(f"SELECT * FROM {T}", "noor") == [{"id": 1}]
    assert "Hidden" in json.dumps(shop.rows(f"SELECT * FROM {T}", "ana"))


# ---- attributes

ATTRIBUTES = [  # and what they show; None: refused, or nothing
    ("{regions: [\"CH' OR true --\"]}", []), ('{regions: ["CH\\\\", ") OR (true"]}', []), ("{regions: ['%', '_H']}", []),
    ('{regions: ["CH", "\\u202eHC", "ＣＨ", "ch", "CH "]}', [1, 3]), ("{regions: []}", []), ("{}", []), ("{regions: CH}", [1, 3]),
    ("{regions: [CH, [DE]]}", None), ("{regions: {CH: DE}}", None), ("{regions: 5}", []), ("{regions: [true, false, 1e3, 0x10]}", []),
    ('{regions: ["CH\\0DE"]}', None)]


def test_an_attribute_is_a_value_and_nothing_else(applied):
    """No text of an attribute is SQL; what is no value shows nothing."""
    applied.serve()
    for attributes, seen in ATTRIBUTES:
        noor_is(applied, attributes)
        for condition in ("country = ANY($actor.regions)", "country = ANY($actor.regions) OR lower(country) = 'nowhere' AND country <> ''"):
            where(applied, condition)
            done = applied.weft("apply", "--yes", ok=None)
            if seen is None and done.code:
                assert "error" in done.err
            else:
                assert ids(applied) == (seen or []), (attributes, condition)


NEGATIONS = [
    "NOT (country = ANY($actor.nothing))", "country <> $actor.nothing", "NOT (country = $actor.nothing)", "country NOT IN ($actor.nothing)",
    "NOT list_contains($actor.nothing, country)", "country <> $actor.many", "NOT (country = $actor.many)", "id <> $actor.half",
    "NOT (id = ANY($actor.halves))", "country NOT LIKE $actor.nothing",
    "country NOT IN (SELECT country FROM sales.orders.orders WHERE customer = $actor.id) AND false"]


def test_a_negation_shows_nothing_where_the_attribute_says_nothing(applied):
    noor_is(applied, '{many: [XX, YY], half: "1.5", halves: ["1.5"]}')
    applied.serve()
    for condition in NEGATIONS:
        where(applied, condition)
        applied.weft("apply", "--yes")
        out = applied.weft("query", f"SELECT id FROM {T}", "--as", "noor", "--format", "csv", ok=None).out
        assert out.split()[1:] == [], condition


def test_a_user_may_have_any_name_that_is_let_in(applied):
    """Names are compared, never run."""
    edit(applied, "mesh.yaml", "  eve: {groups: [visitors]}", "  eve: {groups: [visitors]}\n  \"o'neill\": {groups: [analysts]}")
    where(applied, "country = $actor.id OR country = 'AT'")
    if applied.weft("apply", "--yes", ok=None).code == 0:
        assert ids(applied, "o'neill") == [4]


def test_ten_thousand_groups_and_a_hundred_thousand_values(applied):
    groups = ", ".join(f"g{i}" for i in range(10_000)) + ", analysts"
    values = ", ".join(f"v{i}" for i in range(99_999)) + ", CH"
    noor_is(applied, f"{{regions: [{values}]}}", groups)
    where(applied, "country = ANY($actor.regions)")
    applied.weft("apply", "--yes")
    assert ids(applied) == [1, 3]
    where(applied, "lower(country) = 'x' OR country = ANY($actor.regions) AND list_contains($actor.groups, 'g9999')")
    applied.weft("apply", "--yes")
    assert ids(applied) == [1, 3]


def test_a_list_of_a_hundred_thousand_literals(applied):
    where(applied, "country IN (" + ", ".join(f"'v{i}'" for i in range(100_000)) + ", 'CH')")
    done = applied.weft("apply", "--yes", ok=None)
    assert done.code == 0 or "limit" in done.err or "longer" in done.err or "more than" in done.err, done.err[:300]
    if done.code == 0:
        assert ids(applied) == [1, 3]


# ---- values

def test_a_mask_hides_whatever_the_value_is(shop):
    """Total: no value at the edge of its type fails, and none comes through."""
    make(shop, [("id", "integer", "INTEGER", ""), ("small", "integer", "TINYINT", ""), ("big", "integer", "BIGINT", ""),
                ("unsigned", "integer", "UBIGINT", ""), ("real", "number", "DOUBLE", ""), ("single", "number", "FLOAT", ""),
                ("money", "number", "DECIMAL(12,2)", ""), ("day", "date", "DATE", ""), ("moment", "timestamp", "TIMESTAMP", ""),
                ("zoned", "timestamp", "TIMESTAMP WITH TIME ZONE", ""), ("text", "string", "VARCHAR", ""), ("words", "array", "VARCHAR[]", ""),
                ("numbers", "array", "TINYINT[]", ""), ("pair", "object", "STRUCT(k VARCHAR, n BIGINT)", "")],
         """SELECT i::INTEGER AS id, [-128, 127, 0, NULL][1 + i]::TINYINT AS small,
         [-9223372036854775808, 9223372036854775807, 0, NULL][1 + i]::BIGINT AS big, [0, 18446744073709551615, 7, NULL][1 + i]::UBIGINT AS unsigned,
         ['nan', '-inf', '1.7976931348623157e308', NULL][1 + i]::DOUBLE AS real, ['nan', 'inf', '-0.0', NULL][1 + i]::FLOAT AS single,
         [-9999999999.99, 9999999999.99, 0.01, NULL][1 + i]::DECIMAL(12,2) AS money, ['infinity', '-infinity', '5877642-06-25 (BC)', NULL][1 + i]::DATE AS day,
         ['infinity', '-infinity', '290309-12-22 (BC) 00:00:00', NULL][1 + i]::TIMESTAMP AS moment, ['infinity', '-infinity', '1970-01-01 00:00:00+00', NULL][1 + i]::TIMESTAMPTZ AS zoned,
         ['', 'é' || chr(0) || '🙂secret', repeat('secret', 20000), NULL][1 + i] AS text, [['', NULL, 'secret'], [], ['🙂🙂🙂🙂🙂secret'], NULL][1 + i] AS words,
         [[-128, 127, NULL], [], [5], NULL][1 + i]::TINYINT[] AS numbers, [{'k': 'secret', 'n': -9223372036854775808}, {'k': NULL, 'n': 9223372036854775807}, {'k': '', 'n': 5}, NULL][1 + i] AS pair
         FROM range(4) r(i)""")
    masks = {"small": "method: truncate, unit: 100", "big": "method: bucket, width: 1000", "unsigned": "method: bucket, width: 1000",
             "real": "method: bucket, width: 0.5", "single": "method: truncate, unit: 0.1", "money": "method: bucket, width: 1000",
             "day": "method: truncate, unit: century", "moment": "method: bucket, width: 7", "zoned": "method: truncate, unit: year",
             "text": "method: partial, keepLast: 2", "words": "method: partial, keepFirst: 1", "numbers": "method: bucket, width: 100",
             "pair": "method: hash"}
    for column, method in masks.items():
        mask(shop, column, method, f"m-{column}".replace("_", "-"))
    shop.weft("apply", "--yes")
    out = shop.weft("query", f"SELECT * FROM {T} ORDER BY id", "--as", "noor", "--format", "csv").out
    assert len(out.splitlines()) >= 5 and "secret" not in out and "9223372036854775807" not in out and "9999999999.99" not in out
    sql = {"text": "CAST(CAST($value AS INTEGER) / 0 AS VARCHAR)", "big": "abs($value) * 4", "day": "date_trunc('century', $value)"}
    for column, expression in sql.items():
        mask(shop, column, f"method: sql, expression: {json.dumps(expression)}", f"m-{column}")
    shop.weft("apply", "--yes")
    rows = shop.rows(f"SELECT text, big, day FROM {T} ORDER BY id", "noor")
    assert [row["text"] for row in rows] == [None] * 4 and [row["big"] for row in rows] == [None, None, 0, None]


def test_a_hash_joins_with_itself_across_types_and_tables(shop):
    make(shop, [("id", "integer", "BIGINT", ""), ("text", "string", "VARCHAR", ""), ("long", "integer", "BIGINT", "")],
         "SELECT i AS id, (i * 7)::VARCHAR AS text, i * 7 AS long FROM range(50) r(i)")
    for column in ("text", "long"):
        mask(shop, column, "method: hash", f"m-{column}")
    shop.weft("apply", "--yes")
    assert shop.rows(f"SELECT count(*) AS n, count(DISTINCT a.long) AS d FROM {T} a JOIN {T} b USING (long) JOIN {T} c ON a.text = c.text", "noor") == [{"n": 50, "d": 50}]
    assert shop.rows(f"SELECT count(*) AS n FROM {T} WHERE text = long::VARCHAR OR long BETWEEN 0 AND 400", "noor") == [{"n": 0}]


# ---- policies of their own

LOCAL = "domains/sales/policies"


LOCAL_EFFECTS = [
    "mask: {columns: {column: [email]}, with: {method: partial, keepLast: 30}}",
    "mask: {columns: {classification: [pii]}, with: {method: sql, expression: $value}}",
    "mask: {columns: {column: [email]}, with: {method: \"null\"}, except: {groups: [analysts]}}",
    "filter: {tables: {product: [sales.orders]}, where: \"true\"}",
    "filter: {tables: {product: [sales.orders]}, where: \"country = 'CH' OR true\", except: {groups: [analysts]}}",
    "grant: {products: [sales.orders], role: reader, to: {groups: [analysts]}}",
    "waive: {policy: guild-mask, to: {groups: [analysts]}, approver: user:ana, reason: none, until: 2030-01-01}",
    "waive: {policy: guild-filter, to: {users: [noor]}, approver: user:ana, reason: none, until: 2030-01-01}"]


def test_no_policy_of_a_domain_loosens(applied):
    mask(applied, "email", "method: hash", "guild-mask")
    where(applied, "country = 'CH'", "guild-filter")
    applied.weft("apply", "--yes")
    before = applied.rows(f"SELECT * FROM {T} ORDER BY id", "noor")
    applied.serve()
    for effect in LOCAL_EFFECTS:
        policy(applied, "local", effect, LOCAL)
        applied.weft("apply", "--yes", ok=None)
        after = applied.rows(f"SELECT * FROM {T} ORDER BY id", "noor")
        assert {row["id"] for row in after} <= {row["id"] for row in before}, effect
        assert all(row["email"] in [None, *(b["email"] for b in before)] for row in after), effect


def test_a_policy_of_a_domain_with_the_id_of_a_global_one_takes_nothing_away(applied):
    mask(applied, "email", 'method: "null"', "guild-mask")
    applied.weft("apply", "--yes")
    policy(applied, "guild-mask", 'mask: {columns: {column: [customer]}, with: {method: "null"}, except: {groups: [analysts]}}', LOCAL)
    answer = applied.weft("apply", "--yes", ok=False)
    assert "two policies have the id guild-mask" in answer.err
    assert [row["email"] for row in applied.rows(f"SELECT email FROM {T}", "noor")] == [None] * 4


def test_a_grant_of_columns_does_not_show_what_its_filter_reads(applied):
    policy(applied, "analysts-read-orders", "grant: {tables: [sales.orders.orders], to: {groups: [analysts]}, columns: {column: [id]}}")
    (applied.folder / "policies/analysts.policy.yaml").unlink()
    where(applied, "country = 'CH' AND amount > 6")
    applied.weft("apply", "--yes")
    assert applied.rows(f"SELECT * FROM {T}", "noor") == [{"id": 1}]
    for column in ("country", "amount"):
        answer = applied.weft("query", f"SELECT id FROM {T} WHERE {column} IS NOT NULL", "--as", "noor", ok=False)
        assert column in answer.err


def test_all_columns_denied_is_denied(applied):
    policy(applied, "d", "deny: {columns: {table: [sales.orders.orders]}, to: {groups: [analysts]}}")
    applied.weft("apply", "--yes")
    for sql in (f"SELECT count(*) FROM {T}", f"SELECT 1 FROM {T}", f"SELECT * FROM {T}", f'SELECT count(*) FROM sales."orders#1".orders'):
        assert applied.weft("query", sql, "--as", "noor", ok=False).code == 77


def test_an_exception_by_purpose_wants_a_grant_for_it(applied):
    edit(applied, "mesh.yaml", "purposes: {reporting: Internal figures}", "purposes: {reporting: Internal figures, fraud: Cases}")
    policy(applied, "m", 'mask: {columns: {column: [email]}, with: {method: "null"}, except: {purposes: [fraud]}}')
    policy(applied, "f", "filter: {tables: {product: [sales.orders]}, where: \"country = 'CH'\", except: {purposes: [fraud]}}")
    policy(applied, "d", "deny: {columns: {column: [amount]}, except: {purposes: [fraud]}}")
    applied.weft("apply", "--yes")
    for purpose in ([], ["--purpose", "fraud"], ["--purpose", "reporting"]):
        out = applied.weft("query", f"SELECT * FROM {T} ORDER BY id", "--as", "noor", "--format", "csv", *purpose).out
        assert len(out.splitlines()) == 3 and "@" not in out and "10.50" not in out


def test_owners_are_excepted_and_nobody_with_them(applied):
    """Of a filter that chooses its tables by a tag and a classification at once."""
    policy(applied, "f", "filter: {tables: {classification: [pii], tag: [customer-rows]}, where: \"country = 'CH'\", except: {owners: true}}")
    applied.weft("apply", "--yes")
    assert ids(applied) == [1, 3]
    assert ids(applied, "ana") == [1, 2, 3, 4]


def test_a_chain_without_end_is_an_error_of_the_file(applied):
    for chain in ("country" + "::VARCHAR" * 50_000 + " = 'CH'", "id" + " IS NULL" * 50_000, "id" + " IN (true)" * 30_000,
                  "NOT " * 5_000 + "true", "(" * 5_000 + "true" + ")" * 5_000, "- " * 5_000 + "id = 1", "id = 1" + " OR id = 1" * 5_000,
                  "CASE WHEN true THEN " * 200 + "true" + " END" * 200, "abs(" * 300 + "id" + ")" * 300 + " = 1"):
        where(applied, chain)
        answer = applied.weft("check", ok=False)
        assert "too long" in answer.err + answer.out or "too deeply" in answer.err + answer.out, (answer.err + answer.out)[:300]
