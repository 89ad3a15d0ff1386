"""Every effect, method, selector and exception of policies over HTTP with a token: rows against those computed here, and what is said of them."""

import hashlib
import hmac
import re
from collections import namedtuple

import pytest

from conftest import SOURCE, Mesh
from story_help import check, plan_files

USERS = {
    "ana": "{groups: [shop-team]}",
    "noor": "{groups: [analysts], attributes: {regions: [CH, LI]}}",
    "omar": "{groups: [analysts]}",
    "hana": "{groups: [analysts, heads]}",
    "eve": "{groups: [visitors]}",
    "gus": "{groups: [guild]}",
}
MESH = ("apiVersion: weft/v1\nkind: Mesh\nname: acme\nadmins: [user:gus]\nguild: [group:guild]\nusers:\n"
        + "".join(f"  {name}: {what}\n" for name, what in USERS.items())
        + "purposes: {reporting: Internal figures, audit: The yearly audit}\nsources: {roots: [data/]}\n")
TYPES = {"id": "INTEGER", "customer": "VARCHAR", "email": "VARCHAR", "country": "VARCHAR", "amount": '"DECIMAL(12,2)"', "ordered_on": "DATE"}
LOGICAL = {"INTEGER": "integer", "VARCHAR": "string", '"DECIMAL(12,2)"': "number", "DATE": "date"}
ROWS = [dict(zip(TYPES, row)) for row in [
    (1, "Ada", "ada@example.com", "CH", 10.5, "2026-01-15"),
    (2, "Bob", "bob@example.com", "DE", 27.25, "2026-02-01"),
    (3, "Cleo", None, "LI", -3.5, "2025-12-31"),
    (4, "Dan", "ada@example.com", "AT", 7.75, None),
]]

# What one asks of a table of the case, and what he gets: rows (`shown`: a function by column; `gone`: columns that are absent; `rows`: which), or a refusal.
Ask = namedtuple("Ask", "user purpose shown gone rows denied waived")


def gets(user, shown=None, gone=(), rows=None, denied=None, purpose=None, waived=False):
    return Ask(user, purpose, shown or {}, gone, rows, denied, waived)


def hidden(value):
    return None


def part(text):
    return text and text[0] + "*" * (len(text) - 4) + text[-3:]


def hashed(text, key):
    return text and hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


# A case has a table of its own, of its name; its policy is called likewise. `more`: what else its contract says of a column, `tags` of the table, `extra` one
# more column with the customers' names.
Case = namedtuple("Case", "effect asks more tags extra also product")


def case(effect, *asks, more=None, tags=(), extra=None, also=None, product="sales.orders"):
    return Case(effect, asks, more or {}, tags, extra, also, product)


def mask(how, on, extra=""):
    return f"mask: {{columns: {on}, with: {how}{extra}}}"


NULL = '{method: "null"}'
ALL_NULL = {name: hidden for name in TYPES}
EMAIL = "{table: [TABLE], column: [email]}"
SWISS = "country = 'CH'"


def is_swiss(row):
    return row["country"] == "CH"


CASES = {
    # ---- effects
    "granted_user": case("grant: {tables: [TABLE], to: {users: [noor]}}", gets("noor"), gets("omar", denied="nothing is granted")),
    "granted_group": case("grant: {tables: [TABLE], to: {groups: [heads]}}", gets("hana"), gets("noor", denied="nothing is granted")),
    "granted_columns": case("grant: {tables: [TABLE], columns: {column: [id, country]}, to: {groups: [analysts]}}",
                            gets("noor", gone=("customer", "email", "amount", "ordered_on"))),
    "granted_purpose": case("grant: {tables: [TABLE], to: {groups: [analysts]}, purposes: [reporting]}",
                            gets("noor", purpose="reporting"), gets("noor", denied="purpose"), gets("noor", purpose="audit", denied="purpose")),
    "granted_until": case("grant: {tables: [TABLE], to: {groups: [analysts]}, until: 2020-12-31}", gets("noor", denied="ended")),
    "denied_table": case("deny: {tables: {table: [TABLE]}, to: {users: [noor]}}", gets("noor", denied="denied"), gets("omar")),
    "denied_columns": case("deny: {columns: {table: [TABLE], column: [email, amount]}, except: {users: [omar]}}",
                           gets("noor", gone=("email", "amount")), gets("omar")),
    "denied_purpose": case("deny: {tables: {table: [TABLE]}, purposes: [audit]}",
                           gets("noor", purpose="audit", denied="denied"), gets("noor", purpose="reporting")),
    "filtered": case("filter: {tables: {table: [TABLE]}, where: \"country = ANY($actor.regions)\"}",
                     gets("noor", rows=lambda r: r["country"] in ("CH", "LI")), gets("omar", rows=lambda r: False)),
    "waived": case(mask(NULL, EMAIL), gets("noor", waived=True), gets("omar", {"email": hidden}),
                   also="waive: {policy: waived, to: {users: [noor]}, approver: user:gus, reason: The audit, until: 2099-12-31}"),
    # ---- methods of masks
    "mask_null": case(mask(NULL, EMAIL), gets("noor", {"email": hidden})),
    "mask_constant": case(mask("{method: constant, value: XX}", "{table: [TABLE], column: [country]}"), gets("noor", {"country": lambda v: "XX"})),
    "mask_hash": case(mask("{method: hash}", EMAIL), gets("noor", {"email": hashed})),
    "mask_partial": case(mask("{method: partial, keepFirst: 1, keepLast: 3}", EMAIL), gets("noor", {"email": part})),
    "mask_truncate": case(mask("{method: truncate, unit: month}", "{table: [TABLE], column: [ordered_on]}"),
                          gets("noor", {"ordered_on": lambda v: v and v[:8] + "01"})),
    "mask_bucket": case(mask("{method: bucket, width: 10}", "{table: [TABLE], column: [amount]}"), gets("noor", {"amount": lambda v: v // 10 * 10})),
    "mask_sql": case(mask("{method: sql, expression: \"upper(left($value, 1))\"}", "{table: [TABLE], column: [customer]}"),
                     gets("noor", {"customer": lambda v: v[0]})),
    # ---- what selects columns
    "by_classification": case(mask(NULL, "{classification: [secret]}"), gets("noor", {"email": hidden}), more={"email": "classification: secret"}),
    "by_tag": case(mask(NULL, "{tags: [private]}"), gets("noor", {"email": hidden}), more={"email": "tags: [private]"}),
    "by_column": case(mask(NULL, "{column: [nick]}"), gets("noor", {"nick": hidden}), extra="nick"),
    "by_table": case(mask(NULL, "{table: [TABLE]}"), gets("noor", ALL_NULL)),
    "by_product": case(mask(NULL, "{product: [sales.archive]}"), gets("noor", ALL_NULL), product="sales.archive"),
    "by_domain": case(mask(NULL, "{domain: [hr]}"), gets("noor", ALL_NULL), product="hr.people"),
    "by_two": case(mask(NULL, "{classification: [house], column: [email]}"), gets("noor", {"email": hidden}),
                   more={"email": "classification: house", "customer": "classification: house"}),
    # ---- what selects tables
    "rows_by_tag": case(f"filter: {{tables: {{tag: [swiss]}}, where: \"{SWISS}\"}}", gets("noor", rows=is_swiss), tags=("swiss",)),
    "rows_by_classification": case(f"filter: {{tables: {{classification: [inner]}}, where: \"{SWISS}\"}}", gets("noor", rows=is_swiss),
                                   more={"amount": "classification: inner"}),
    "rows_by_column": case(f"filter: {{tables: {{column: [alias]}}, where: \"{SWISS}\"}}", gets("noor", rows=is_swiss), extra="alias"),
    "rows_by_table": case(f"filter: {{tables: {{table: [TABLE]}}, where: \"{SWISS}\"}}", gets("noor", rows=is_swiss)),
    "rows_by_product": case(f"filter: {{tables: {{product: [sales.past]}}, where: \"{SWISS}\"}}", gets("noor", rows=is_swiss), product="sales.past"),
    "rows_by_domain": case(f"filter: {{tables: {{domain: [legal]}}, where: \"{SWISS}\"}}", gets("noor", rows=is_swiss), product="legal.claims"),
    # ---- whom an exception lets pass
    "except_users": case(mask(NULL, EMAIL, ", except: {users: [noor]}"), gets("noor"), gets("omar", {"email": hidden})),
    "except_groups": case(mask(NULL, EMAIL, ", except: {groups: [heads]}"), gets("hana"), gets("noor", {"email": hidden})),
    "except_purposes": case(mask(NULL, EMAIL, ", except: {purposes: [audit]}"), gets("noor", purpose="audit"),
                            gets("noor", {"email": hidden}), gets("noor", {"email": hidden}, purpose="reporting"),
                            also="grant: {tables: [TABLE], to: {groups: [analysts]}, purposes: [audit]}"),
    "except_owners": case(mask(NULL, EMAIL, ", except: {owners: true}"), gets("ana"), gets("noor", {"email": hidden})),
    "except_products": case(mask(NULL, EMAIL, ", except: {products: [{product: marketing.opened, digest: DIGEST}]}"), gets("noor", {"email": hidden})),
}
READERS = ("marketing.opened", "marketing.closed")


def address(name):
    return f"{CASES[name].product}.{name}"


def write_policy(mesh, name, effect, table):
    mesh.write(f"policies/{name}.policy.yaml",
               f"apiVersion: weft/v1\nkind: Policy\nid: {name}\ndescription: d\nowner: guild\n{effect.replace('TABLE', table)}\n")


def write_product(mesh, address, inputs, tables):
    """`tables`: by name lines of columns, tags and the SELECT."""
    domain, product = address.split(".")
    folder = f"domains/{domain}/{product}"
    mesh.write(f"domains/{domain}/domain.yaml",
               f"apiVersion: weft/v1\nkind: Domain\nname: {domain}\ntitle: {domain}\nalignment: source\nowners: [user:ana]\nmembers: [group:shop-team]\n")
    mesh.write(f"{folder}/product.odps.yaml",
               f"apiVersion: v1.0.0\nkind: DataProduct\nid: {domain}-{product}\nname: {product}\nversion: 1.0.0\nstatus: active\n"
               f"description: {{purpose: story}}\ninputPorts: [{inputs}]\n"
               f"outputPorts: [{{name: {product}, version: 1.0.0, contractId: {domain}-{product}}}]\n")
    lines = "".join(f"  - name: {name}\n    tags: [{', '.join(tags)}]\n    properties:\n{columns}" for name, (columns, tags, _) in tables.items())
    mesh.write(f"{folder}/{product}.odcs.yaml",
               f"apiVersion: v3.1.0\nkind: DataContract\nid: {domain}-{product}\nname: {product}\nversion: 1.0.0\nstatus: active\nschema:\n{lines}")
    for name, (_, _, sql) in tables.items():
        mesh.write(f"{folder}/{name}.sql", sql)
    return folder


def column_lines(columns, more):
    return "".join(f"      - {{name: {name}, logicalType: {LOGICAL[kind]}, physicalType: {kind}{', ' + more[name] if name in more else ''}}}\n"
                   for name, kind in columns.items())


def columns_of(name):
    extra = CASES[name].extra
    return TYPES | ({extra: "VARCHAR"} if extra else {})


def write_tables(mesh):
    for product in sorted({c.product for c in CASES.values()}):
        tables = {}
        for name, c in CASES.items():
            if c.product == product:
                extra = f", customer AS {c.extra}" if c.extra else ""
                tables[name] = (column_lines(columns_of(name), c.more), c.tags, f"SELECT {', '.join(TYPES)}{extra} FROM shop.raw_orders\n")
        folder = write_product(mesh, product, f"{{name: shop, version: 1.0.0, contractId: {product.replace('.', '-')}-files}}", tables)
        mesh.write(f"{folder}/shop.odcs.yaml", SOURCE.replace("id: shop-files", f"id: {product.replace('.', '-')}-files").replace(", classification: pii", ""))
    for product in READERS:
        write_product(mesh, product, "{name: orders, version: 1.0.0, contractId: sales-orders}",
                      {"mails": (column_lines({"id": "INTEGER", "email": "VARCHAR"}, {}), (), "SELECT id, email FROM orders.except_products\n")})


def write_policies(mesh):
    # What is not about grants is granted.
    opened = [address(name) for name, c in CASES.items() if not c.effect.startswith("grant")] + [f"{p}.mails" for p in READERS]
    write_policy(mesh, "everything", f"grant: {{tables: [{', '.join(opened)}], to: {{groups: [analysts]}}}}", "")
    write_policy(mesh, "readers", f"grant: {{tables: [{address('except_products')}], to: {{products: [{', '.join(READERS)}]}}}}", "")
    write_policy(mesh, "described", "severity: warning\nrequire:\n  query: SELECT address FROM mesh.tables WHERE address LIKE 'sales.orders.mask_%'\n"
                 "  message: masks are told of", "")
    for name, c in CASES.items():
        write_policy(mesh, name, c.effect.replace("DIGEST", "'" + "0" * 64 + "'"), address(name))
        if c.also:
            write_policy(mesh, f"{name}-also", c.also, address(name))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One mesh of a table a case; a token for each user."""
    mesh = Mesh(tmp_path_factory.mktemp("http") / "mesh")
    mesh.folder.mkdir()
    mesh.write("mesh.yaml", MESH)
    mesh.write("data/orders.csv", ",".join(TYPES) + "\n" +
               "".join(",".join("" if v is None else str(v) for v in row.values()) + "\n" for row in ROWS))
    write_tables(mesh)
    write_policies(mesh)
    hint = next(f["hint"] for f in check(mesh, ok=True) if "digest" in (f["hint"] or ""))
    write_policy(mesh, "except_products", CASES["except_products"].effect.replace("DIGEST", re.search("[0-9a-f]{64}", hint)[0]), address("except_products"))
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    server = mesh.serve()
    tokens = {user: server.call("POST", "/api/v1/tokens", {"user": user})[1]["token"] for user in USERS}
    key = bytes.fromhex((mesh.home / "mask.key").read_text().split()[0])
    yield namedtuple("Served", "mesh server tokens key")(mesh, server, tokens, key)
    mesh.close()


def call(served, path, user, sql, purpose=None):
    body = {"sql": sql} | ({"purpose": purpose} if purpose else {})
    return served.server.call("POST", path, body, token=served.tokens[user])


def rows_for(served, ask, name):
    """What he is to get, by the rows as they were given."""
    def value(column, row):
        plain = row["customer"] if column not in row else row[column]
        how = ask.shown.get(column, lambda v: v)
        return hashed(plain, served.key) if how is hashed else how(plain)
    return [[value(column, row) for column in columns_of(name) if column not in ask.gone] for row in ROWS if ask.rows is None or ask.rows(row)]


def policies_in(reasons):
    return [reason["policy"] for reason in reasons]


def assert_explained(explained, ask, name):
    """The same in words: which policy does what to which column."""
    (table,) = explained["tables"]
    assert explained["actor"] == ask.user and table["table"] == address(name)
    if ask.denied:
        assert table["access"] == "denied" and any(ask.denied in reason["text"] for reason in table["denied_by"]), table
        return
    assert table["access"] == "granted" and table["granted_by"], table
    assert policies_in(table["filtered_by"]) == ([name] if ask.rows else [])
    assert policies_in(table["waived_by"]) == ([f"{name}-also"] if ask.waived else [])
    found = {column["name"]: column for column in table["columns"]}
    assert list(found) == list(columns_of(name))
    for column, told in found.items():
        access = "denied" if column in ask.gone else "masked" if column in ask.shown else "visible"
        assert told["access"] == access, (column, told)
        assert policies_in(told["masked_by"]) == ([name] if access == "masked" else []), (column, told)


@pytest.mark.parametrize("name", CASES)
def test_over_http_one_gets_what_the_policy_says(served, name):
    for ask in CASES[name].asks:
        status, answer = call(served, "/api/v1/query", ask.user, f"SELECT * FROM {address(name)} ORDER BY id", ask.purpose)
        if ask.denied:
            assert (status, answer["code"]) == (403, "DENIED") and ask.denied in answer["detail"], answer
        else:
            assert status == 200, answer
            assert [c["name"] for c in answer["columns"]] == [c for c in columns_of(name) if c not in ask.gone]
            assert answer["rows"] == rows_for(served, ask, name)
        for column in ask.gone:
            status, answer = call(served, "/api/v1/query", ask.user, f"SELECT {column} FROM {address(name)}", ask.purpose)
            assert status == 400 and column in answer["detail"], answer
        status, explained = call(served, "/api/v1/explain", ask.user, f"SELECT * FROM {address(name)}", ask.purpose)
        assert status == 200, explained
        assert_explained(explained, ask, name)


def test_cases_name_every_effect_method_selector_and_exception():
    """What docs/policies.md lists; `require` and products that are excepted have stories of their own below."""
    text = "\n".join(f"{c.effect}\n{c.also}" for c in CASES.values())
    assert all(f"{effect}: {{" in text for effect in ("grant", "deny", "filter", "mask", "waive"))
    assert set(re.findall(r'method: "?(\w+)', text)) == {"null", "constant", "hash", "partial", "truncate", "bucket", "sql"}
    for effect, keys in (("mask", ("classification", "tags", "domain", "product", "table", "column")),
                         ("filter", ("classification", "tag", "domain", "product", "table", "column"))):
        chosen = " ".join(c.effect for c in CASES.values() if c.effect.startswith(effect))
        assert all(re.search(rf"(columns|tables): {{{key}: ", chosen) for key in keys), effect
    assert set(re.findall(r"except: {(\w+)", text)) == {"users", "groups", "products", "purposes", "owners"}


def test_a_product_is_excepted_and_another_is_not(served):
    """What their builds saw is what their own tables hold."""
    sql = "SELECT id, email FROM {}.mails ORDER BY id"
    plain = [[row["id"], row["email"]] for row in ROWS]
    assert call(served, "/api/v1/query", "noor", sql.format("marketing.opened"))[1]["rows"] == plain
    assert call(served, "/api/v1/query", "noor", sql.format("marketing.closed"))[1]["rows"] == [[id, None] for id, _ in plain]
    (table,) = call(served, "/api/v1/explain", "noor", sql.format("marketing.closed"))[1]["tables"]
    assert {column["access"] for column in table["columns"]} == {"visible"}


def test_a_requirement_warns_or_refuses_a_plan(served):
    violations = sum(name.startswith("mask_") for name in CASES)
    status, answer = call(served, "/api/v1/query", "noor", "SELECT severity, violations FROM mesh.compliance"
                          " WHERE policy = 'described' AND is_current AND domain = 'sales'")
    assert (status, answer["rows"]) == (200, [["warning", violations]])
    # The same as an error, planned by an administrator.
    body = plan_files(served.mesh)
    for file in body["files"]:
        file["text"] = file["text"].replace("severity: warning\nrequire", "severity: error\nrequire")
    status, answer = served.server.call("POST", "/api/v1/plans", body, token=served.tokens["gus"])
    assert status == 422, answer
    (found,) = [f for f in answer["findings"] if f["level"] == "error"]
    assert found["file"] == "policies/described.policy.yaml" and "masks are told of" in found["message"]
    assert all(address(name) in found["found"] for name in CASES if name.startswith("mask_"))
    # Whoever may not change the files hears nothing of what they say.
    assert served.server.call("POST", "/api/v1/plans", body, token=served.tokens["noor"])[0] == 403
