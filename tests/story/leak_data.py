"""Data for the leak story: what an analyst may see is the same in each, what is hidden from him is not.

Seen are rows of country CH, with `email` and `salary` masked. Hidden rows and masked values carry marks that no seen
value has, and are such that casts and functions fail on them. So a hidden value that reaches an answer, an error or a
file shows itself.
"""

import duckdb

SEEN, HIDDEN = 130_000, 70_000  # more than a row group of the engine is seen
FIRST_HIDDEN_NUMBER = 700_700_000_000

MARK = "zzsecret"  # in every text that the analyst may not see

# Columns: name | contract's types | seen | hidden, with {v} for the data set's own mark
COLUMNS = [
    ("id", "integer, physicalType: INTEGER", "i * 2", "i * 2 + 1"),
    ("customer", "string, physicalType: VARCHAR", "'c' || (i % 5000)", "'hidden{v}' || i"),
    ("email", "string, physicalType: VARCHAR, classification: pii", "'masked{v}' || i", "'maskedhidden{v}' || i"),
    ("salary", "integer, physicalType: BIGINT, classification: pii", "{n} + i * 7", "{n} + i * 11"),
    ("country", "string, physicalType: VARCHAR", "'CH'", "['DE', 'AT', 'hidden{v}'][1 + i % 3]"),
    ("region", "integer, physicalType: INTEGER", "1 + i % 40", "41 + i % 20"),
    ("amount", "number, physicalType: 'DECIMAL(12,2)'", "(hash(i) % 100000) / 100", "(hash(i, '{v}') % 900000) / 10"),
    ("big", "integer, physicalType: BIGINT", "hash(i, 1) % 500000", "{n} + hash(i, '{v}') % 500000"),
    ("note", "string, physicalType: VARCHAR", "i % 1000", "'hiddennote{v}' || i % 70"),
    ("uid", "string, physicalType: VARCHAR", "md5((i % 900)::VARCHAR)", "'hiddenuid{v}' || i"),
    ("doc", "string, physicalType: VARCHAR", "'{{\"a\": ' || i % 90 || '}}'", "'{{hiddendoc{v}' || i"),
    ("bytes", "string, physicalType: VARCHAR", "'\\x4' || i % 10", "'\\xhidden{v}' || i"),
    ("dec", "string, physicalType: VARCHAR", "'12.3' || i % 10", "'98765432{v}.1'"),
    ("cp", "integer, physicalType: INTEGER", "65 + i % 26", "1114200 + {k} + i % 9"),
    ("day", "date, physicalType: DATE", "DATE '2024-01-01' + (i % 700)::INTEGER",
     "DATE '1066-10-14' + (i % 300 + {k})::INTEGER"),
    ("moment", "timestamp, physicalType: TIMESTAMP", "TIMESTAMP '2024-01-01' + INTERVAL (i % 9999) SECOND",
     "TIMESTAMP '1815-06-18' + INTERVAL (i % 99 + {k}) SECOND"),
    ("list", "string, physicalType: VARCHAR", "'[' || i % 9 || ', 2]'", "'[hiddenlist{v}' || i || ']'"),
    ("tree", "string, physicalType: VARCHAR", "'{{''a'': ' || i % 9 || '}}'", "'{{''a'': hiddentree{v}' || i || '}}'"),
    ("pattern", "string, physicalType: VARCHAR", "'a' || i % 20 || '+'", "'(hiddenpattern{v}' || i % 20"),
    ("form", "string, physicalType: VARCHAR", "'%Y'", "'%hiddenform{v}'"),
    ("odd", "string, physicalType: VARCHAR", "CASE WHEN i = 77777 THEN 'seen-and-odd' ELSE '1' END", "'hiddenodd{v}' || i"),
    ("words", "string, physicalType: VARCHAR", "'a' || i % 7 || '|b'", "'hidden{v}|zzsecret{v}'"),
]

MESH = """\
apiVersion: weft/v1
kind: Mesh
name: acme
admins: [user:root]
guild: [group:guild]
users:
  ana: {groups: [shop-team]}
  noor: {groups: [analysts]}
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
id: sales-orders
name: orders
version: 1.0.0
status: active
inputPorts:
  - {name: shop, version: 1.0.0, contractId: shop-files}
outputPorts:
  - {name: orders, version: 1.0.0, contractId: orders}
"""

POLICIES = {
    "grant": "grant: {contract: orders, role: reader, to: {groups: [analysts]}}\n",
    "mask": 'mask: {columns: {classification: [pii]}, with: {method: "null"}, except: {owners: true}}\n',
    "filter": 'filter: {tables: {tag: [customer-rows]}, where: "country = \'CH\'", except: {owners: true}}\n',
}


def contract(kind, table, columns, extra=""):
    lines = "".join(f"      - {{name: {name}, logicalType: {types}}}\n" for name, types in columns)
    servers = "servers:\n  - {server: files, type: local, path: data/orders.csv, format: csv}\n" if kind == "shop-files" else ""
    return f"""\
apiVersion: v3.1.0
kind: DataContract
id: {kind}
name: {kind}
version: 1.0.0
status: active
{servers}schema:
  - name: {table}
{extra}    properties:
{lines}"""


QUALITY = """\
    tags: [customer-rows]
    quality:
      - {type: library, metric: rowCount, mustBeGreaterThan: 1, severity: warning}
      - {type: library, metric: rowCount, mustBeLessThan: 2, severity: warning, id: few}
"""


def write_mesh(mesh):
    mesh.write("mesh.yaml", MESH)
    mesh.write("domains/sales/domain.yaml", DOMAIN)
    mesh.write("domains/sales/orders/product.odps.yaml", PRODUCT)
    source = [(name, types) for name, types, *_ in COLUMNS]
    mesh.write("domains/sales/orders/shop.odcs.yaml", contract("shop-files", "raw_orders", source, "    physicalName: orders\n"))
    nested = [("tags", "array, items: {logicalType: string}, physicalType: 'VARCHAR[]'"),
              ("pair", "object, physicalType: 'STRUCT(k VARCHAR, n BIGINT)'")]
    mesh.write("domains/sales/orders/orders.odcs.yaml", contract("orders", "orders", source + nested, QUALITY))
    mesh.write("domains/sales/orders/orders.sql", "SELECT *, string_split(words, '|') AS tags,\n"
               "       {'k': customer, 'n': big} AS pair FROM shop.raw_orders\n")
    for name, text in POLICIES.items():
        mesh.write(f"policies/{name}.policy.yaml", f"apiVersion: weft/v1\nkind: Policy\nid: {name}\nowner: guild\n{text}")


def write_rows(path, variant, order, hidden=HIDDEN):
    """`variant` marks hidden and masked values; `order` says how the rows lie in the file."""
    k = len(variant)
    values = {"v": "zzsecret" + variant, "n": FIRST_HIDDEN_NUMBER + 1_000_000_000 * k, "k": k * 13}
    def select(which, count):
        items = ", ".join(f"({column[which].format(**values)}) AS {column[0]}" for column in COLUMNS)
        return f"SELECT i, {items} FROM range({count}) r(i)"
    # Seen rows keep their order among themselves; what lies between them changes.
    orders = {"mixed": "hash(id, 3)", "sorted": "country, id"}
    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        path.parent.mkdir(parents=True, exist_ok=True)
        db.execute(f"""COPY (SELECT * EXCLUDE (i) FROM ({select(2, SEEN)} UNION ALL {select(3, hidden)}) ORDER BY {orders[order]})
                       TO '{path}' (FORMAT csv, HEADER)""")
