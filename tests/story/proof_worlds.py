"""Worlds for the non-interference story: what noor may see is the same in each, what is hidden from her is not.

A world is a mesh with one product; each of its tables holds the same rows under another form of policy. Rows that she may see are
those of CH and LI. Hidden rows, and values under masks, carry a mark that nothing she may see has, and are such that casts and
functions fail on them.
"""

from dataclasses import dataclass, field

import duckdb

MARK = "zzsecret"  # in every text that noor may not see
FIRST_HIDDEN_NUMBER = 700_700_000_000  # every hidden number of 64 bits is above; no seen one is


@dataclass
class World:
    """How hidden data differ from those of other worlds."""
    name: str
    mark: str    # of one length: what a mask by characters keeps must not change
    order: str   # how rows lie in the source
    hidden: float  # hidden rows, to those of the size
    wild: bool   # extreme, broken and very long values, not only strange ones
    number: int


WORLDS = [
    World("one", "a", "mixed", 1.0, False, 1),
    World("two", "b", "mixed", 1.3, True, 2),
    World("two, sorted", "b", "sorted", 1.3, True, 2),
    World("none hidden", "c", "mixed", 0.0, False, 3),
]

# Rows: seen, hidden. A row group of the engine takes 122,880.
SIZES = {"reduced": (2_600, 1_500), "full": (150_000, 70_000)}

# name | type in the contract | seen | hidden | hidden where a world is wild. {v}: mark with the world's letter, {n}: a large number
COLUMNS = [
    ("id", "INTEGER", "i * 2", "i * 2 + 1", None),
    ("customer", "VARCHAR", "'c' || (i % 5000)", "'hidden{v}' || i",
     "CASE WHEN i % 9000 = 7 THEN repeat('hidden{v}', 9000) ELSE '' END"),
    ("country", "VARCHAR", "CASE WHEN i % 10 = 0 THEN 'LI' ELSE 'CH' END", "['DE', 'AT', 'hidden{v}'][1 + i % 3]",
     "['ch', 'CH ', 'CH¤', 'Ch{v}', '{v}' || i][1 + i % 5]"),
    ("region", "INTEGER", "1 + i % 40", "41 + i % 20", "[2147483647, -2147483648, 0, 41 + i % 900][1 + i % 4]"),
    ("amount", "DECIMAL(12,2)", "(hash(i) % 100000) / 100", "(hash(i, '{v}') % 900000) / 10", "[-9999999999.99, 9999999999.99][1 + i % 2]"),
    ("big", "BIGINT", "hash(i, 1) % 500000", "{n} + hash(i, '{v}') % 500000", "9223372036854775807 - i"),
    ("small", "TINYINT", "i % 100", "-1 - i % 20", "[-128, 127][1 + i % 2]"),
    ("ratio", "DOUBLE", "(i % 1000) / 8.0", "1e6 + i", "['nan', 'inf', '-inf', '1e308', '-1e-308'][1 + i % 5]"),
    ("flag", "BOOLEAN", "i % 3 = 0", "NULL", "NULL"),
    ("note", "VARCHAR", "i % 1000", "'hiddennote{v}' || i % 70", "['', '¤', 'NaN', '1e9{v}', '{v}¤' || i, '{v}\\0'][1 + i % 6]"),
    ("uid", "VARCHAR", "md5((i % 900)::VARCHAR)", "'hiddenuid{v}' || i", "'{{' || '{v}'"),
    ("doc", "VARCHAR", "'{{\"a\": ' || i % 90 || ', \"b\": [1, \"x' || i % 5 || '\"]}}'", "'{{hiddendoc{v}' || i",
     "'{{\"a\": \"{v}' || i || '\"}}'"),
    ("bytes", "VARCHAR", "'\\x4' || i % 10", "'\\xhidden{v}' || i", "'\\x'"),
    ("dec", "VARCHAR", "'12.3' || i % 10", "'98765432{v}.1'", "'1e400'"),
    ("cp", "INTEGER", "65 + i % 26", "1114200 + i % 9", "-i"),
    ("day", "DATE", "DATE '2024-01-01' + (i % 700)::INTEGER", "DATE '1066-10-14' + (i % 300)::INTEGER",
     "['infinity', '-infinity', '0044-03-15 (BC)', '294246-01-01'][1 + i % 4]"),
    ("moment", "TIMESTAMP", "TIMESTAMP '2024-01-01' + INTERVAL (i % 9999) SECOND", "TIMESTAMP '1815-06-18' + INTERVAL (i % 99) SECOND",
     "['infinity', '-infinity', '1815-06-18 11:35:00'][1 + i % 3]"),
    ("zoned", "TIMESTAMP WITH TIME ZONE", "strftime(TIMESTAMP '2024-03-30' + INTERVAL (i % 999) MINUTE, '%Y-%m-%d %H:%M:%S+00')",
     "'1789-07-14 10:00:00+00'", "'infinity'"),
    ("list", "VARCHAR", "'[' || i % 9 || ', 2]'", "'[hiddenlist{v}' || i || ']'", "'[[[{v}'"),
    ("tree", "VARCHAR", "'{{''a'': ' || i % 9 || '}}'", "'{{''a'': hiddentree{v}' || i || '}}'", "'{v}'"),
    ("pattern", "VARCHAR", "'a' || i % 20 || '+'", "'(hiddenpattern{v}' || i % 20", "'({v}'"),
    ("form", "VARCHAR", "'%Y'", "'%hiddenform{v}'", "'%'"),
    ("odd", "VARCHAR", "CASE WHEN i = 777 THEN 'seen-and-odd' ELSE '1' END", "'hiddenodd{v}' || i", "'{v}'"),
    # under masks: what a mask shows of them is the same in each world
    ("email", "VARCHAR", "'masked{v}' || i", "'maskedhidden{v}' || i", "'{v}¤'"),
    ("salary", "BIGINT", "{n} + i * 7", "{n} + i * 11", "-9223372036854775807"),
    ("nick", "VARCHAR", "'nick{v}' || i % 100", "'nick{v}'", "''"),
    ("phone", "VARCHAR", "'+41{v}' || (1000 + i % 999)", "'phone{v}' || i", "'¤¤'"),
    ("card", "VARCHAR", "'cardzzsecret' || i % 500", "'card{v}' || i", "''"),
    ("born", "DATE", "DATE '1980-01-01' + INTERVAL (i % 300) MONTH + INTERVAL ({day}) DAY", "DATE '1200-01-01'", "'-infinity'"),
    ("wage", "DECIMAL(12,2)", "(i % 90) * 1000 + {cents}", "123456789.12", "[-9999999999.99, 9999999999.99][1 + i % 2]"),
    ("code", "VARCHAR", "'k' || i % 10 || '{v}'", "'{v}'", "'¤'"),
]
# Only in the source: what nested columns are made of.
MADE = [("words", "'a' || i % 7 || '|b'", "'hidden{v}|{v}'", "'{v}'"),
        ("hidden_words", "'m{v}|n{v}x'", "'{v}'", "'|||{v}'")]
NESTED = [
    ("tags", "VARCHAR[]", "string_split(words, '|')"),
    ("nums", "INTEGER[]", "[region, small, NULL]"),
    ("pair", "STRUCT(k VARCHAR, n BIGINT)", "{'k': customer, 'n': big}"),
    ("letters", "VARCHAR[]", "string_split(hidden_words, '|')"),
    ("secret", "STRUCT(k VARCHAR, n BIGINT)", "{'k': email, 'n': salary}"),
]

MASKED = {
    "email": '{method: "null"}',
    "salary": "{method: constant, value: 42}",
    "nick": "{method: constant, value: someone}",
    "phone": "{method: partial, keepLast: 4}",
    "card": "{method: hash}",
    "born": "{method: truncate, unit: month}",
    "wage": "{method: bucket, width: 1000}",
    "code": '{method: sql, expression: "left($value, 2)"}',
    "letters": "{method: partial, keepFirst: 1}",
    "secret": '{method: "null"}',
}


@dataclass
class Form:
    """A form of policy: a table of its own under it."""
    table: str
    where: list = field(default_factory=list)  # conditions; each is a policy
    granted: str = ""  # columns of the grant; all when empty
    denied: str = ""
    seen_only: bool = False  # rows that no filter hides are left out of the table


FORMS = [
    Form("equal", ["country = 'CH'"]),
    Form("member", ["country IN ('LI', 'CH', 'CH', 'nowhere')"]),
    Form("attribute", ["country = $actor.home"]),
    Form("attributes", ["country = ANY($actor.regions)"]),
    Form("either", ["country = 'CH' AND region <= 40 OR country = 'LI' AND big < 500000 AND small >= 0"]),
    Form("ranges", ["region BETWEEN 1 AND 40", "day >= '2024-01-01' AND day < '2027-01-01'"]),
    Form("numbers", ["ratio >= 0 AND ratio <= 125 AND amount BETWEEN 0 AND 1000"]),
    Form("functions", ["lower(country) IN ('ch', 'li') AND length(country) = 2 AND upper(country) = country"]),
    Form("throwing", ["CAST(note AS INTEGER) BETWEEN 0 AND 999 AND chr(cp) < 'z'"]),
    Form("nested", ["pair.n < 500000 AND list_extract(nums, 1) <= 40 AND pair.n >= 0 AND list_extract(nums, 1) > 0"]),
    Form("entitled", ["country IN (SELECT country FROM sales.entitlements.by_user WHERE user = $actor.id)"]),
    Form("two", ["country IN ('CH', 'LI')", "small >= 0 AND flag IS NOT NULL"]),
    Form("narrow", ["country = 'CH'"], granted="id, region, big, note, uid, day, tags, pair, email, card, cp, odd, doc",
         denied="uid, tags, email"),
    Form("masked", seen_only=True),
]

MESH = """\
apiVersion: weft/v1
kind: Mesh
name: acme
admins: [user:root]
guild: [group:guild]
users:
  ana: {groups: [shop-team]}
  noor: {groups: [analysts], attributes: {regions: [CH, LI], home: CH}}
  eve: {groups: [visitors]}
sources: {roots: [data/]}
"""

DOMAIN = """\
apiVersion: weft/v1
kind: Domain
name: sales
title: Sales
alignment: source
owners: [user:ana]
members: [group:shop-team]
"""

PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-NAME
name: NAME
version: 1.0.0
status: active
inputPorts:
  - {name: shop, version: 1.0.0, contractId: NAME-files}
outputPorts:
  - {name: NAME, version: 1.0.0, contractId: NAME}
"""

QUALITY = """\
    quality:
      - {type: library, metric: rowCount, mustBeGreaterThan: 1, severity: warning, id: TABLE-some}
      - {type: library, metric: rowCount, mustBeLessThan: 2, severity: warning, id: TABLE-few}
"""


def _contract(name, tables, server=""):
    lines = "".join(f"  - name: {table}\n{extra}    properties:\n" + "".join(
        f"      - {{name: {column}, logicalType: {_logical(kind)}, physicalType: '{kind}'}}\n" for column, kind in columns)
        for table, extra, columns in tables)
    return f"""\
apiVersion: v3.1.0
kind: DataContract
id: {name}
name: {name}
version: 1.0.0
status: active
{server}schema:
{lines}"""


def _logical(kind):
    if kind.endswith("[]"):
        return f"array, items: {{logicalType: {_logical(kind[:-2])}, physicalType: '{kind[:-2]}'}}"
    words = {"VARCHAR": "string", "DOUBLE": "number", "BOOLEAN": "boolean", "DATE": "date", "STRUCT": "object", "DECIMAL": "number"}
    return next((word for start, word in words.items() if kind.startswith(start)), "timestamp" if kind.startswith("TIME") else "integer")


def _policy(mesh, name, effect):
    mesh.write(f"policies/{name}.policy.yaml",
               f"apiVersion: weft/v1\nkind: Policy\nid: {name}\ndescription: For the story.\nowner: guild\n{effect}\n")


def _server(file):
    return f"servers:\n  - {{server: files, type: local, path: data/{file}.csv, format: csv}}\n"


def write_mesh(mesh, forms):
    """All files but the data."""
    mesh.write("mesh.yaml", MESH)
    mesh.write("domains/sales/domain.yaml", DOMAIN)
    source = [(name, kind) for name, kind, *_ in COLUMNS]
    made = [(name, "VARCHAR") for name, *_ in MADE]
    columns = source + [(name, kind) for name, kind, _ in NESTED]
    folder = "domains/sales/orders"
    mesh.write(f"{folder}/product.odps.yaml", PRODUCT.replace("NAME", "orders"))
    mesh.write(f"{folder}/shop.odcs.yaml", _contract("orders-files", [("raw", "    physicalName: orders\n", source + made)], _server("orders")))
    mesh.write(f"{folder}/orders.odcs.yaml", _contract("orders", [(form.table, QUALITY.replace("TABLE", form.table), columns) for form in forms]))
    # A byte that no CSV holds stands in hidden texts.
    texts = ", ".join(f"replace({name}, '¤', chr(0)) AS {name}" for name, kind, *_ in COLUMNS if kind == "VARCHAR")
    nested = ", ".join(f"{sql} AS {name}" for name, _, sql in NESTED)
    for form in forms:
        where = " WHERE country IN ('CH', 'LI')" if form.seen_only else ""
        mesh.write(f"{folder}/{form.table}.sql", f"SELECT * EXCLUDE (words, hidden_words) REPLACE ({texts}), {nested} FROM shop.raw{where}\n")
    if any("entitlements" in text for form in forms for text in form.where):
        folder = "domains/sales/entitlements"
        by_user = [("user", "VARCHAR"), ("country", "VARCHAR")]
        mesh.write(f"{folder}/product.odps.yaml", PRODUCT.replace("NAME", "entitlements"))
        mesh.write(f"{folder}/shop.odcs.yaml", _contract("entitlements-files", [("by_user", "", by_user)], _server("entitlements")))
        mesh.write(f"{folder}/entitlements.odcs.yaml", _contract("entitlements", [("by_user", "", by_user)]))
    for form in forms:
        _write_policies(mesh, form)
    tables = ", ".join(f"sales.orders.{form.table}" for form in forms)
    for column, method in MASKED.items():
        _policy(mesh, f"mask-{column}", f"mask: {{columns: {{column: [{column}], table: [{tables}]}}, with: {method}, except: {{owners: true}}}}")


def _write_policies(mesh, form):
    table = f"sales.orders.{form.table}"
    columns = f", columns: {{column: [{form.granted}]}}" if form.granted else ""
    _policy(mesh, f"grant-{form.table}", f"grant: {{tables: [{table}], role: reader, to: {{groups: [analysts]}}{columns}}}")
    for i, where in enumerate(form.where):
        _policy(mesh, f"filter-{form.table}-{i}",
                f'filter: {{tables: {{table: [{table}]}}, where: "{where}", except: {{owners: true}}}}')
    if form.denied:
        _policy(mesh, f"deny-{form.table}",
                f"deny: {{columns: {{column: [{form.denied}], table: [{table}]}}, except: {{owners: true}}}}")


def write_rows(mesh, world, size, share=1.0):
    """The source of this world; `share` of its rows."""
    seen, hidden = (int(rows * share) for rows in SIZES[size])
    values = {"v": MARK + world.mark, "n": FIRST_HIDDEN_NUMBER + 1_000_000_000 * world.number,
              "day": world.number * 8, "cents": world.number * 300 + 0.11}

    def select(rows, which):
        items = ", ".join(f"({_value(column, which).format(**values)}) AS {column[0]}" for column in [*COLUMNS, *((n, "", *r) for n, *r in MADE)])
        return f"SELECT i, {items} FROM range({rows}) r(i)"

    # Seen rows keep their order among themselves; what lies between them changes.
    order = {"mixed": "hash(i, 3), kind", "sorted": "kind, country, i"}[world.order]
    path = mesh.folder / "data/orders.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name("entitlements.csv").write_text(
        f"user,country\nnoor,CH\nnoor,LI\nana,AT\neve,{values['v']}\nnoor{values['v']},DE\n")
    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        parts = [f"SELECT 1 AS kind, COLUMNS(*)::VARCHAR FROM ({select(seen, 'seen')})",
                 f"SELECT 2 AS kind, COLUMNS(*)::VARCHAR FROM ({select(int(hidden * world.hidden), 'wild' if world.wild else 'hidden')})"]
        db.execute(f"COPY (SELECT * EXCLUDE (i, kind) FROM ({' UNION ALL '.join(parts)}) ORDER BY {order}) TO '{path}' (FORMAT csv, HEADER)")


def _value(column, which):
    _, _, seen, hidden, wild = column
    return {"seen": seen, "hidden": hidden, "wild": wild or hidden}[which]
