"""Files of a mesh: every mistake of every file at once, each with its place, and what would be right."""

import pytest

import conftest
from conftest import GRANT
from story_help import ORDERS, check, edit, errors, place_of, plan_files, the_error, told

MASK = """\
apiVersion: weft/v1
kind: Policy
id: mask-personal-data
description: Personal data is shown only to those who need it.
owner: guild
mask:
  columns: {classification: [pii]}
  with: {method: "null"}
"""

FILTER = """\
apiVersion: weft/v1
kind: Policy
id: only-switzerland
description: Rows stay in their country.
owner: guild
filter: {tables: {tag: [customer-rows]}, where: "country = 'CH'"}
"""

# All that ODCS v3.1.0 has, in one contract.
EVERYTHING = """\
apiVersion: v3.1.0
kind: DataContract
id: orders
name: Orders
version: 1.0.0
status: active
tenant: Acme
domain: sales
dataProduct: orders
tags: [finance, core]
contractCreatedTs: 2026-01-31T12:00:00Z
authoritativeDefinitions:
  - {id: canonical, type: canonicalUrl, url: "https://example.com/orders", description: The contract itself}
description:
  purpose: Orders as they were taken.
  limitations: No returns.
  usage: Reports.
  authoritativeDefinitions: [{type: tutorial, url: "https://example.com/tutorial"}]
  customProperties: [{property: note, value: free}]
support:
  - {id: chat, channel: orders-help, url: "https://example.com/help", description: first words, tool: slack,
     scope: interactive, invitationUrl: "https://example.com/join", customProperties: [{property: hours, value: 9-17}]}
price: {id: price, priceAmount: 9.95, priceCurrency: EUR, priceUnit: megabyte}
team:
  id: team
  name: shop
  description: Those who keep it.
  members:
    - {id: ana, username: ana, name: Ana, description: Lead, role: owner, dateIn: 2022-08-02, dateOut: 2030-01-01,
       replacedByUsername: bob, tags: [x], customProperties: [{property: desk, value: 4}],
       authoritativeDefinitions: [{type: implementation, url: "https://example.com/ana"}]}
  tags: [t]
  customProperties: [{property: size, value: 1}]
  authoritativeDefinitions: [{type: businessDefinition, url: "https://example.com/team"}]
roles:
  - {id: reader, role: reader, description: May read, access: read, firstLevelApprovers: ana,
     secondLevelApprovers: guild, customProperties: [{property: x, value: [1, {y: 2}]}]}
servers:
  - {id: prod, server: prod, type: snowflake, description: Elsewhere, environment: prod, account: acme,
     database: DB, schema: PUBLIC, host: example, port: 443, warehouse: W,
     roles: [{role: reader}], customProperties: [{property: z, value: null}]}
slaDefaultElement: orders.ordered_on
slaProperties:
  - {id: fresh, property: latency, value: 4, valueExt: 8, unit: d, element: orders.ordered_on, driver: analytics,
     description: Yesterday's orders, scheduler: cron, schedule: 0 20 * * *}
  - {property: generalAvailability, value: "2026-01-31T09:30:10-08:00"}
customProperties:
  - {id: any, property: anything, value: {deep: [1, two, null]}, description: Any JSON}
schema:
  - id: orders_table
    name: orders
    physicalName: orders
    physicalType: table
    logicalType: object
    description: One row an order.
    businessName: Orders
    dataGranularityDescription: One row an order
    tags: [customer-rows]
    authoritativeDefinitions: [{type: videoTutorial, url: "https://example.com/video"}]
    customProperties: [{property: a, value: b}]
    relationships:
      - {type: foreignKey, from: orders.customer, to: orders.customer, customProperties: [{property: q, value: 1}]}
    quality:
      - {id: counted, name: enough rows, description: There are some, type: library, metric: rowCount,
         mustBeGreaterThan: 0, dimension: completeness, method: reconciliation, severity: error,
         businessImpact: operational, unit: rows, scheduler: cron, schedule: 0 20 * * *, tags: [q],
         customProperties: [{property: w, value: 1}],
         authoritativeDefinitions: [{type: implementation, url: "https://example.com/rule"}]}
      - {type: text, description: Somebody looks at it once a week.}
      - {type: custom, engine: soda, implementation: {checks: [a, b]}}
    properties:
      - {id: id_column, name: id, physicalName: id, physicalType: INTEGER, logicalType: integer, businessName: Number,
         logicalTypeOptions: {minimum: 1, maximum: 1000000, format: i32}, primaryKey: true, primaryKeyPosition: 1,
         required: true, unique: true, partitioned: false, partitionKeyPosition: -1, description: Key,
         encryptedName: id_enc, criticalDataElement: true, transformSourceObjects: [raw_orders],
         transformLogic: "SELECT id", transformDescription: As it is, examples: [1, 2], tags: [k],
         relationships: [{to: orders.id}]}
      - {name: customer, logicalType: string, physicalType: VARCHAR, logicalTypeOptions: {minLength: 1, maxLength: 80}}
      - {name: email, logicalType: string, physicalType: VARCHAR, classification: pii,
         logicalTypeOptions: {format: email, pattern: "@"}}
      - {name: country, logicalType: string, physicalType: VARCHAR, required: true}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)", logicalTypeOptions: {minimum: 0}}
      - {name: ordered_on, logicalType: date, physicalType: DATE, logicalTypeOptions: {format: yyyy-MM-dd}}
"""


def break_everything(shop):
    """One mistake in each file: path -> what stands at its place, the path in the document, found, allowed."""
    edit(shop, "mesh.yaml", "name: acme", "name: acme\ntitle: Acme")
    edit(shop, "domains/sales/domain.yaml", "alignment: source", "alignment: sideways")
    edit(shop, f"{ORDERS}/product.odps.yaml", "version: 1.0.0\nstatus: active", "version: 1.0\nstatus: active")
    edit(shop, f"{ORDERS}/shop.odcs.yaml", "path: data/orders.csv", "paths: data/orders.csv")
    edit(shop, f"{ORDERS}/orders.odcs.yaml", "{name: amount, logicalType: number", "{name: amount, logicalType: numeric")
    edit(shop, "policies/analysts.policy.yaml", "role: reader", "role: reader, unless: never")
    return {
        "mesh.yaml": ("title: Acme", "title", "title", "purposes"),
        "domains/sales/domain.yaml": ("sideways", "alignment", "sideways", "source, aggregate, consumer"),
        f"{ORDERS}/product.odps.yaml": ("1.0\nstatus", "version", "1.0", "text"),
        f"{ORDERS}/shop.odcs.yaml": ("paths:", "servers[0].paths", "paths", "path"),
        f"{ORDERS}/orders.odcs.yaml": ("numeric", "schema[0].properties[4].logicalType", "numeric", "number"),
        "policies/analysts.policy.yaml": ("unless", "grant.unless", "unless", "until"),
    }


def test_mistakes_of_all_files_are_told_in_one_go(shop):
    wrong = break_everything(shop)
    found = errors(check(shop))
    for path, (text, where, what, allowed) in wrong.items():
        line, column = place_of(shop, path, text)
        here = [f for f in found if f["file"] == path and (f["line"], f["column"]) == (line, column)]
        assert len(here) == 1, (path, line, column, found)
        assert here[0]["path"] == where
        assert here[0]["found"].startswith(what)
        assert allowed in here[0]["allowed"]
    assert {f["file"] for f in found} == set(wrong)


def test_people_read_the_same_as_lines_that_editors_follow(shop):
    wrong = break_everything(shop)
    answer = shop.weft("check", ok=False)
    assert answer.code == 65
    lines = told(answer).splitlines()
    for path, (text, where, what, allowed) in wrong.items():
        line, column = place_of(shop, path, text)
        at = [i for i, shown in enumerate(lines) if shown.startswith(f"{path}:{line}:{column}: error: ")]
        assert len(at) == 1, (path, line, column, lines)
        block = "\n".join(lines[at[0] + 1:at[0] + 6])
        assert f"at: {where}" in block and f"found: {what}" in block and allowed in block


def test_the_server_tells_the_same_findings_and_changes_nothing(applied):
    before = applied.weft("status", "--format", "json").json["mesh_version"]
    break_everything(applied)
    checked = check(applied)
    server = applied.serve()
    status, problem = server.call("POST", "/api/v1/plans", plan_files(applied))
    assert (status, problem["code"]) == (422, "INVALID")
    assert problem["findings"] == checked
    refused = applied.weft("apply", "--yes", ok=False)
    assert refused.code == 65 and "mesh.yaml:4:1: error:" in told(refused)
    assert applied.weft("status", "--format", "json").json["mesh_version"] == before


UNKNOWN_KEYS = {
    "mesh": ("mesh.yaml", "guild: [group:guild]", "guilds: [group:guild]", "guilds", "guild"),
    "user": ("mesh.yaml", "ana: {groups: [shop-team]}", "ana: {groupz: [shop-team]}", "groupz", "groups"),
    "domain": ("domains/sales/domain.yaml", "members:", "member:", "member:", "members"),
    "policy": ("policies/analysts.policy.yaml", "owner: guild", "owners: guild", "owners", "owner"),
    "product": (f"{ORDERS}/product.odps.yaml", "outputPorts:", "outputports:", "outputports", "outputPorts"),
    "port": (f"{ORDERS}/product.odps.yaml", "contractId: shop-files", "contractID: shop-files", "contractID", "contractId"),
    "contract": (f"{ORDERS}/orders.odcs.yaml", "status: active", "status: active\nslaProperty: []", "slaProperty", "slaProperties"),
    "table": (f"{ORDERS}/orders.odcs.yaml", "tags: [customer-rows]", "tag: [customer-rows]", "tag:", "tags"),
    "column": (f"{ORDERS}/orders.odcs.yaml", "name: country, logicalType: string, physicalType: VARCHAR, required: true",
               "name: country, logicalType: string, physicalType: VARCHAR, isNullable: false", "isNullable", "required"),
    "rule": (f"{ORDERS}/orders.odcs.yaml", "tags: [customer-rows]",
             "tags: [customer-rows]\n    quality: [{metric: rowCount, mustBeGreaterThanOrEqualTo: 1}]",
             "mustBeGreaterThanOrEqualTo", "mustBeGreaterOrEqualTo"),
    "server": (f"{ORDERS}/shop.odcs.yaml", "format: csv}", "format: csv, topic: x}", "topic", ""),
}


@pytest.mark.parametrize("kind", UNKNOWN_KEYS)
def test_an_unknown_key_is_refused_with_the_nearest_one(shop, kind):
    path, old, new, text, right = UNKNOWN_KEYS[kind]
    edit(shop, path, old, new)
    line, column = place_of(shop, path, text)
    found = [f for f in errors(check(shop)) if f["message"].startswith("unknown key")]
    assert [(f["file"], f["line"], f["column"]) for f in found] == [(path, line, column)]
    assert right in (found[0]["hint"] or "")


@pytest.mark.parametrize("path, old", [
    (f"{ORDERS}/product.odps.yaml", "version: 1.0.0\nstatus"),
    (f"{ORDERS}/orders.odcs.yaml", "version: 1.0.0\nstatus"),
    (f"{ORDERS}/product.odps.yaml", "{name: shop, version: 1.0.0"),
])
def test_a_version_that_yaml_reads_as_a_number_gets_its_quotes_told(shop, path, old):
    edit(shop, path, old, old.replace("1.0.0", "1.0"))
    found = [f for f in errors(check(shop)) if "version" in f["path"]]
    assert len(found) == 1 and found[0]["found"].startswith("1.0 (number)")
    assert found[0]["hint"] == 'quote it: "1.0"'


@pytest.mark.parametrize("name, text, word", [
    ("a key twice", "name: sales\nname: sales2\n", "twice"),
    ("no YAML", "name: [sales\n", "not valid YAML"),
    ("a tab", "name: sales\n\towners: [user:ana]\n", "not valid YAML"),
    ("a list", "- name: sales\n", "a map"),
    ("nothing", "", "not a domain"),
    ("a bomb", "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)), "nodes"),
    ("too deep", "a: " + "[" * 200 + "]" * 200 + "\n", "levels"),
    ("no UTF-8", b"name: sal\xe9s\n", "UTF-8"),
])
def test_what_is_no_document_is_told_as_such(shop, name, text, word):
    shop.write("domains/sales/domain.yaml", text)
    found = [f for f in errors(check(shop)) if f["file"] == "domains/sales/domain.yaml"]
    assert found, name
    assert any(word in " ".join(str(f[k]) for k in ("message", "found", "allowed", "hint")) for f in found), found


def test_yes_and_no_are_texts(shop):
    edit(shop, f"{ORDERS}/orders.odcs.yaml", "{name: country, logicalType: string, physicalType: VARCHAR, required: true}",
         "{name: country, logicalType: string, physicalType: VARCHAR, required: yes}")
    error = the_error(check(shop))
    assert error["path"].endswith("required") and "yes" in error["found"] and "true" in error["hint"]


# ---- names


def move(shop, old, new):
    (shop.folder / old).rename(shop.folder / new)


@pytest.mark.parametrize("name, word", [
    ("order", "orders"),    # reserved in SQL
    ("Sales", "sales"),     # upper case
    ("sales-eu", "sales_eu"),
    ("mesh", "none of"),
    ("self", "none of"),
    ("temp", "none of"),
    ("acme", "mesh"),       # the mesh's own
    ("1st", "letter"),
])
def test_a_name_that_sql_could_not_say_is_refused_with_another(shop, name, word):
    move(shop, "domains/sales", f"domains/{name}")
    edit(shop, f"domains/{name}/domain.yaml", "name: sales", f"name: {name}")
    found = [f for f in errors(check(shop)) if f["file"] == f"domains/{name}/domain.yaml"]
    assert len(found) == 1 and "cannot be named" in found[0]["message"]
    assert word in " ".join(str(found[0][k]) for k in ("message", "allowed", "hint"))


def test_a_domain_has_the_name_of_its_folder(shop):
    edit(shop, "domains/sales/domain.yaml", "name: sales", "name: selling")
    error = the_error(check(shop))
    assert (error["found"], error["allowed"]) == ("selling", "sales")


def test_names_of_products_tables_and_internal_tables_are_judged_too(shop):
    move(shop, ORDERS, "domains/sales/all-orders")
    edit(shop, "domains/sales/all-orders/orders.odcs.yaml", "- name: orders", "- name: select")
    shop.write("domains/sales/all-orders/internal/Big.sql", "SELECT 1 AS one\n")
    messages = [f["message"] for f in errors(check(shop))]
    for wanted in ("the product cannot be named all-orders", "the table cannot be named select",
                   "the internal table cannot be named Big"):
        assert any(m.startswith(wanted) for m in messages), messages


# ---- secrets


@pytest.mark.parametrize("where", ["customProperties: [{property: password, value: hunter2}]"])
def test_a_password_in_a_file_is_refused_and_never_repeated(shop, where):
    edit(shop, "mesh.yaml", "sources: {roots: [data/]}", 'sources: {hosts: ["db:5432"]}')
    edit(shop, f"{ORDERS}/shop.odcs.yaml", "{server: files, type: local, path: data/orders.csv, format: csv}",
         "{server: db, type: postgres, host: db, port: 5432, database: d, schema: s, " + where + "}")
    answer = shop.weft("check", "--format", "json", ok=False)
    assert answer.code == 65 and "hunter2" not in told(answer)
    assert any("${NAME}" in (f["allowed"] or "") and "WEFT_SECRET" in f["hint"] for f in errors(answer.json))
    refused = shop.weft("plan", ok=False)
    assert refused.code == 65 and "hunter2" not in told(refused)
    kept = b"".join(p.read_bytes() for p in shop.home.rglob("*") if p.is_file())
    assert b"hunter2" not in kept


def test_passwords_of_users_stand_in_no_file(shop):
    edit(shop, "mesh.yaml", "ana: {groups: [shop-team]}", "ana: {groups: [shop-team], password: hunter2}")
    answer = shop.weft("check", "--format", "json", ok=False)
    assert "token create" in the_error(answer.json)["hint"] and "hunter2" not in told(answer)


# ---- a file alone


def test_a_lone_file_is_judged_by_its_standard_alone(mesh):
    mesh.write("orders.odcs.yaml", EVERYTHING)
    assert errors(check(mesh, "orders.odcs.yaml", ok=True)) == []
    # No roots, no hosts, no product: nothing of a mesh is asked of it. Its own mistakes are told.
    edit(mesh, "orders.odcs.yaml", "priceAmount: 9.95", "priceAmount: cheap")
    error = the_error(check(mesh, "orders.odcs.yaml"))
    assert (error["path"], error["file"]) == ("price.priceAmount", "orders.odcs.yaml")
    assert (error["line"], error["column"]) == place_of(mesh, "orders.odcs.yaml", "cheap")
    mesh.write("thing.odps.yaml", "apiVersion: v1.0.0\nkind: DataProduct\nid: x\nstatus: active\nservers: []\n")
    error = the_error(check(mesh, "thing.odps.yaml"))
    assert error["message"].startswith("unknown key servers") and "contract" in error["hint"]
    mesh.write("what.yaml", "apiVersion: v1\nkind: DataContrat\n")
    assert "DataContract" in the_error(check(mesh, "what.yaml"))["hint"]
    missing = mesh.weft("check", "nothing.odcs.yaml", ok=False)
    assert missing.code == 66 and "nothing.odcs.yaml" in missing.err
    assert not mesh.home.exists()


def test_several_files_at_once(mesh):
    mesh.write("a.odcs.yaml", EVERYTHING)
    mesh.write("b.odcs.yaml", EVERYTHING.replace("status: active", "status: 7"))
    assert the_error(check(mesh, "a.odcs.yaml", "b.odcs.yaml"))["file"] == "b.odcs.yaml"


def test_contracts_of_other_versions_are_told_apart(mesh):
    mesh.write("old.odcs.yaml", "apiVersion: v2.2.2\nkind: DataContract\nuuid: x\ndatasetDomain: d\ndataset: []\n")
    error = the_error(check(mesh, "old.odcs.yaml"))
    assert "v2" in error["message"] and "v3.1.0" in error["hint"]
    mesh.write("near.odcs.yaml", EVERYTHING.replace("apiVersion: v3.1.0", "apiVersion: 3.1.0"))
    assert "with the v" in the_error(check(mesh, "near.odcs.yaml"))["hint"]


def test_a_contract_with_all_that_the_standard_has_is_accepted_and_kept(shop):
    shop.write(f"{ORDERS}/orders.odcs.yaml", EVERYTHING)
    check(shop, ok=True)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    assert len(shop.rows("SELECT * FROM sales.orders.orders", as_user="noor")) == 4
    # What weft does not use is part of the contract all the same: a change of it is a change.
    for old, new, kind in (("first words", "second words", "contract"),
                           ("secondLevelApprovers: guild", "secondLevelApprovers: board", "contract"),
                           ("0 20 * * *}\n  - {property", "0 21 * * *}\n  - {property", "contract"),
                           ("dataGranularityDescription: One row an order", "dataGranularityDescription: A row", "table"),
                           ("transformDescription: As it is", "transformDescription: As it was", "column")):
        edit(shop, f"{ORDERS}/orders.odcs.yaml", old, new)
        changes = shop.weft("plan", "--format", "json").json["changes"]
        assert [(c["action"], c["kind"]) for c in changes] == [("changed", kind)], (old, changes)
        shop.weft("apply", "--yes")


PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-orders
name: Orders
version: 1.2.0
status: active
domain: sales
tenant: acme
productCreatedTs: "2026-01-31T12:00:00+01:00"
description:
  purpose: Orders as the shop took them.
  limitations: No returns.
  usage: Reports.
  authoritativeDefinitions: [{type: tutorial, url: "https://example.com/tutorial", description: How}]
  customProperties: [{property: a, value: 1}]
tags: [core]
authoritativeDefinitions: [{type: canonicalUrl, url: "https://example.com/orders"}]
customProperties: [{property: anything, value: {deep: [1, null]}, description: Any JSON}]
inputPorts:
  - {name: shop, version: 1.0.0, contractId: shop-files, tags: [t], customProperties: [{property: b, value: 2}],
     authoritativeDefinitions: [{type: implementation, url: "https://example.com/in"}]}
outputPorts:
  - {name: orders, version: 1.0.0, contractId: orders, description: first words, type: tables,
     sbom: [{type: external, url: "https://example.com/sbom"}], inputContracts: [{id: shop-files, version: 1.0.0}],
     tags: [t], customProperties: [{property: c, value: 3}],
     authoritativeDefinitions: [{type: implementation, url: "https://example.com/out"}]}
managementPorts:
  - {name: metrics, content: observability, type: rest, url: "https://example.com/metrics", channel: ops, description: d,
     tags: [t], customProperties: [{property: d, value: 4}]}
support:
  - {channel: help, url: "https://example.com/help", description: d, tool: slack, scope: interactive,
     invitationUrl: "https://example.com/join", tags: [t]}
team:
  name: shop
  description: Those who keep it.
  members: [{username: ana, name: Ana, description: Lead, role: owner, dateIn: 2022-08-02, dateOut: 2030-01-01,
             replacedByUsername: bob, tags: [t]}]
  tags: [t]
"""


def test_a_product_with_all_that_the_standard_has_is_accepted_and_kept(shop):
    shop.write(f"{ORDERS}/product.odps.yaml", PRODUCT)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    assert len(shop.rows("SELECT * FROM sales.orders.orders", as_user="noor")) == 4
    for old, new in (("first words", "second words"), ("content: observability", "content: control"), ("replacedByUsername: bob", "replacedByUsername: eve")):
        edit(shop, f"{ORDERS}/product.odps.yaml", old, new)
        changes = shop.weft("plan", "--format", "json").json["changes"]
        assert [(c["action"], c["kind"], c["name"]) for c in changes] == [("changed", "product", "sales.orders")]
        shop.weft("apply", "--yes")
    # The version before had its team as a list, and ports without tags.
    shop.write(f"{ORDERS}/product.odps.yaml", conftest.PRODUCT.replace("v1.0.0", "v0.9.0") + "team: [{username: ana}]\n")
    check(shop, ok=True)
    mixed = PRODUCT.replace("v1.0.0", "v0.9.0").split("team:")[0] + "team: [{username: ana}]\n"
    shop.write(f"{ORDERS}/product.odps.yaml", mixed)
    assert errors(check(shop)) != []


# ---- what is not enforced is refused

NOT_ENFORCED = {
    "deny": ("policy", "deny: {contract: orders, to: {groups: [visitors]}}"),
    "require": ("policy", "require: {query: SELECT 1}"),
    "retain": ("policy", "retain: {tables: {tag: [customer-rows]}, for: 30d}"),
    "a severity": ("policy", "severity: error\ngrant: {contract: orders, to: {groups: [analysts]}}"),
    "attributes of an exception": ("mask", 'with: {method: "null"}\n  except: {attributes: {a: b}}'),
    "partial": ("mask", "with: {method: partial}"),
    "keepLast of null": ("mask", 'with: {method: "null", keepLast: 4}'),
    "hash with a key": ("mask", "with: {method: hash, key: k}"),
    "sql": ("mask", "with: {method: sql, expression: upper(email)}"),
    "time": ("filter", "where: \"ordered_on < now()\"}"),
    "columns of a grant": ("grant", "columns: [id]"),
    "tables of a grant": ("grant", "tables: [orders]"),
    "exceptions of a grant": ("grant", "except: {users: [noor]}"),
    "attributes of a grant": ("grant", "when: {regions: [CH]}"),
}


def policy_with(kind, text):
    head = MASK.split("mask:")[0]
    return {
        "policy": head + text + "\n",
        "mask": MASK.replace('with: {method: "null"}', text),
        "filter": FILTER.replace("where: \"country = 'CH'\"}", text),
        "grant": GRANT.replace("role: reader,", f"role: reader, {text},"),
    }[kind]


@pytest.mark.parametrize("what", NOT_ENFORCED)
def test_what_a_policy_asks_and_weft_does_not_enforce_is_an_error(shop, what):
    text = policy_with(*NOT_ENFORCED[what])
    assert text not in (MASK, FILTER, GRANT)
    shop.write("policies/other.policy.yaml", text.replace("id: analysts-read-orders", "id: other"))
    found = errors(check(shop))
    assert found and {f["file"] for f in found} == {"policies/other.policy.yaml"}, found
    assert all(f["line"] for f in found)


def test_policies_that_are_not_enforced_never_come_into_force(applied):
    """At apply too: neither they nor what came with them."""
    for i, what in enumerate(("deny", "partial", "attributes of an exception", "columns of a grant")):
        text = policy_with(*NOT_ENFORCED[what]).replace("id: analysts-read-orders", "id: other")
        applied.write(f"policies/p{i}.policy.yaml", text.replace("id: ", f"id: p{i}-"))
    edit(applied, "mesh.yaml", "eve: {groups: [visitors]}", "eve: {groups: [analysts]}")
    refused = applied.weft("apply", "--yes", ok=False)
    assert refused.code == 65
    for i in range(4):
        assert f"policies/p{i}.policy.yaml:" in told(refused)
    assert applied.weft("query", "SELECT * FROM sales.orders.orders", "--as", "eve", ok=False).code == 77


def test_policies_that_name_what_is_not_there(shop):
    shop.write("policies/other.policy.yaml", GRANT.replace("contract: orders", "contract: order")
               .replace("id: analysts-read-orders", "id: other"))
    error = the_error(check(shop))
    assert error["found"] == "order" and "orders" in error["hint"]
    shop.write("policies/other.policy.yaml", FILTER.replace("country =", "region ="))
    error = the_error(check(shop))
    assert "sales.orders.orders" in error["message"] and "region" in error["message"]
    shop.write("policies/other.policy.yaml", FILTER.replace("country = 'CH'", "id = 'one'"))
    assert "INTEGER" in the_error(check(shop))["allowed"]


def test_a_grant_for_a_purpose_holds_for_that_purpose_only(shop):
    shop.write("policies/analysts.policy.yaml", GRANT.replace("role: reader,", "role: reader, purposes: [reporting],"))
    edit(shop, "mesh.yaml", "purposes: {reporting: Internal figures}", "purposes: {reporting: Internal figures, marketing: Ads}")
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    ask = ["query", "SELECT count(*) AS n FROM sales.orders.orders", "--as", "noor", "--format", "ndjson"]
    assert shop.weft(*ask, "--purpose", "reporting").json == {"n": 4}
    assert "no purpose of this mesh" in shop.weft(*ask, "--purpose", "anything", ok=False).err
    for purpose in ([], ["--purpose", "marketing"]):
        refused = shop.weft(*ask, *purpose, ok=False)
        assert refused.code == 77 and "reporting" in refused.err


def test_a_grant_that_has_ended_is_none(shop):
    shop.write("policies/analysts.policy.yaml", GRANT.replace("role: reader,", "role: reader, until: 2020-01-31,"))
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    refused = shop.weft("query", "SELECT count(*) FROM sales.orders.orders", "--as", "noor", ok=False)
    assert refused.code == 77 and "2020" in refused.err


def test_every_finding_has_all_its_members(shop):
    break_everything(shop)
    keys = {"level", "code", "file", "line", "column", "path", "message", "found", "allowed", "hint", "excerpt"}
    found = check(shop)
    assert all(set(f) == keys for f in found), found
