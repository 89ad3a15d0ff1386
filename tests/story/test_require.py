"""Requirements: what the guild or a domain demands of the mesh's own tables, held at check, plan and publish."""

import json

import pytest

from story_help import check, edit, errors, place_of, plan_files, the_error

OWNED = """\
apiVersion: weft/v1
kind: Policy
id: products-say-why
description: Nobody can use what nobody explains.
owner: guild
severity: {severity}
require:
  query: |
    SELECT address, status
    FROM mesh.products
    WHERE status = 'active' AND coalesce(description, '') = ''
  message: every active product says what it is for
"""

SILENT = "description: {purpose: Orders as the shop took them.}\n"
QUERY = "policies/say-why.policy.yaml"


def require(mesh, query, ident="asked", path=None, severity="error", message="so it must be"):
    """A policy of one line of SQL."""
    path = path or f"policies/{ident}.policy.yaml"
    mesh.write(path, f"""\
apiVersion: weft/v1
kind: Policy
id: {ident}
description: A test demands it.
owner: guild
severity: {severity}
require:
  query: {json.dumps(query)}
  message: {json.dumps(message)}
""")
    return path


def second_domain(mesh, name="hr", visibility="restricted", member="eve"):
    """A domain with a product of its own, built from the same file."""
    base = mesh.folder / "domains/sales"
    for path in sorted(base.rglob("*")):
        if path.is_file():
            text = path.read_text().replace("sales", name).replace("Sales", name.upper())
            text = text.replace("id: orders\n", f"id: {name}-orders\n").replace("contractId: orders}", f"contractId: {name}-orders}}")
            text = text.replace("id: shop-files", f"id: {name}-files").replace("contractId: shop-files", f"contractId: {name}-files")
            text = text.replace("user:ana", f"user:{member}").replace("group:shop-team", f"group:{name}-team")
            if path.name == "product.odps.yaml":
                text += f"customProperties:\n  - {{property: visibility, value: {visibility}}}\n"
            mesh.write(f"domains/{name}/{path.relative_to(base)}", text)


def test_a_violation_blocks_check_and_plan_and_names_the_objects(shop):
    shop.write(QUERY, OWNED.replace("{severity}", "error"))
    check(shop, ok=True)
    edit(shop, "domains/sales/orders/product.odps.yaml", SILENT, "")
    found = the_error(check(shop))
    assert found["file"] == QUERY and found["line"] == place_of(shop, QUERY, "query: |")[0] + 1
    assert "products-say-why is not met 1 time: every active product says what it is for" in found["message"]
    assert found["found"] == "address sales.orders, status active"
    assert "guild" in found["hint"]
    answer = shop.weft("plan", ok=False)
    assert answer.code == 65 and "address sales.orders" in answer.out + answer.err
    shop.weft("apply", "--yes", ok=False)
    # Draft products are not meant.
    edit(shop, "domains/sales/orders/product.odps.yaml", "status: active", "status: draft")
    shop.weft("apply", "--yes")


def test_a_warning_shows_and_blocks_nothing(shop):
    shop.write(QUERY, OWNED.replace("{severity}", "warning"))
    edit(shop, "domains/sales/orders/product.odps.yaml", SILENT, "")
    found = [f for f in check(shop, ok=True) if f["level"] == "warning"]
    assert any("products-say-why" in f["message"] and f["found"] == "address sales.orders, status active" for f in found)
    answer = shop.weft("apply", "--yes")
    assert "warning: requirement products-say-why is not met 1 time" in answer.out


def test_columns_promises_contracts_and_policies_can_be_asked(shop):
    require(shop, "SELECT table_address, name FROM mesh.columns WHERE classification = 'pii' AND terms IS NULL", "terms")
    require(shop, "SELECT p.address FROM mesh.products p WHERE NOT EXISTS (SELECT 1 FROM mesh.promises s "
                  "WHERE s.product = p.address AND s.property = 'freshness')", "promised")
    require(shop, "SELECT product, contract FROM mesh.contracts WHERE direction = 'output' AND roles IS NULL", "roles")
    require(shop, "SELECT policy, file FROM mesh.policies WHERE owner IS NULL", "owners")
    found = {f["message"].split()[1]: f["found"] for f in errors(check(shop))}
    assert found == {"terms": "table_address sales.orders.orders, name email", "promised": "address sales.orders",
                     "roles": "product sales.orders, contract orders"}
    edit(shop, "domains/sales/orders/orders.odcs.yaml", "{name: email, logicalType: string, physicalType: VARCHAR, classification: pii}",
         "{name: email, logicalType: string, physicalType: VARCHAR, classification: pii, "
         "authoritativeDefinitions: [{type: businessDefinition, url: 'https://acme.example/terms/email'}]}")
    with open(shop.folder / "domains/sales/orders/orders.odcs.yaml", "a") as file:
        file.write("roles:\n  - {role: reader, access: read}\n"
                   "slaProperties:\n  - {property: freshness, value: 1, unit: d, element: orders.ordered_on}\n")
    check(shop, ok=True)


@pytest.mark.parametrize("query, part, hint", [
    ("SELECT * FORM mesh.products", "FORM", None),
    ("SELECT addres FROM mesh.products", "in line 1, column 8 of its query", None),
    ("DROP TABLE mesh.products", "", None),
    ("SELECT 1; SELECT 2", "", None),
    ("SELECT * FROM sales.orders.orders", "sales.orders.orders cannot be read here", "there are"),
    ("SELECT * FROM mesh.product", "mesh.product is no table of schema mesh", "did you mean mesh.products?"),
    ("SELECT * FROM mesh.grants", "mesh.grants cannot be asked here", "there are: "),
    ("SELECT * FROM read_csv('/etc/passwd')", "", None),
    ("SELECT status + 1 FROM mesh.products", "", None),
    ("SELECT error('x')", "", None),
])
def test_a_query_that_cannot_be_asked_refuses_the_apply(shop, query, part, hint):
    path = require(shop, query)
    found = the_error(check(shop))
    assert found["file"] == path and found["line"] and "requirement asked: " in found["message"], found
    assert part in found["message"] + (found["excerpt"] or ""), found
    assert hint is None or hint in found["hint"], found
    answer = shop.weft("apply", "--yes", ok=False)
    assert path in answer.out + answer.err


def test_the_position_is_that_in_the_text(shop):
    require(shop, "SELECT address,\n       owner FROM mesh.products")
    found = the_error(check(shop))
    assert "in line 2, column 8 of its query" in found["message"]
    assert found["excerpt"].splitlines()[0] == "LINE 2:        owner FROM mesh.products"
    assert found["code"] == "UNKNOWN_COLUMN"


def test_many_violations_are_told_by_twenty_and_counted(shop):
    require(shop, "SELECT i AS n FROM range(150) r(i) ORDER BY i")
    found = the_error(check(shop))
    lines = found["found"].splitlines()
    assert lines[0] == "n 0" and len(lines) == 21 and lines[-1] == "… and 130 more"
    assert "150 times" in found["message"]
    require(shop, "SELECT i AS n FROM range(300000) r(i)")
    assert "more than 100000 times" in the_error(check(shop))["message"]


def test_a_query_without_end_is_ended(shop):
    require(shop, "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n > 0) SELECT count(*) FROM r", "endless")
    require(shop, "SELECT address FROM mesh.products", "second")
    found = errors(check(shop))
    assert [f["code"] for f in found] == ["TIMEOUT", "CHECK_FAILED"], found
    assert "endless: the query did not end within 10 seconds" in found[0]["message"]


def test_what_a_domain_requires_binds_itself_alone(shop):
    second_domain(shop, "hr", "public")
    require(shop, "SELECT domain, address FROM mesh.products", path="domains/hr/policies/own.policy.yaml")
    found = the_error(check(shop))
    assert found["found"] == "domain hr, address hr.orders"
    require(shop, "SELECT title FROM mesh.products", path="domains/hr/policies/own.policy.yaml")
    found = the_error(check(shop))
    assert "of domain hr does not say whose objects its rows are" in found["message"] and found["found"] == "title"
    assert "domain, product" in found["allowed"]


def test_a_domain_cannot_ask_for_what_others_hide(shop):
    second_domain(shop)
    shop.write("domains/spy/domain.yaml", (shop.folder / "domains/sales/domain.yaml").read_text()
               .replace("name: sales", "name: spy"))
    require(shop, "SELECT 'spy' AS domain, address FROM mesh.products UNION ALL SELECT 'spy', policy FROM mesh.policies",
            path="domains/spy/policies/own.policy.yaml")
    assert "hr.orders" not in the_error(check(shop))["found"]
    assert "sales.orders" in the_error(check(shop))["found"]


def test_a_plan_of_one_domain_names_no_hidden_product_and_answers_for_itself(shop):
    second_domain(shop)
    shop.weft("apply", "--yes")
    shop.serve()
    # What is wrong with another domain from before does not hold this one up.
    require(shop, "SELECT address FROM mesh.products WHERE domain = 'hr'", severity="warning")
    shop.weft("apply", "--yes")
    edit(shop, "policies/asked.policy.yaml", "severity: warning", "severity: error")
    blocked = shop.weft("plan", ok=False)
    assert "hr.orders" in blocked.out + blocked.err
    require(shop, "SELECT address FROM mesh.products WHERE title <> 'x'", severity="warning")
    shop.weft("apply", "--yes")
    edit(shop, "domains/sales/orders/orders.sql", "FROM shop", " FROM shop")
    as_ana = shop.weft("plan", "--domain", "sales", "--as", "ana", "--format", "json").json
    told = [f for f in as_ana["findings"] if "asked" in f["message"]]
    assert [f["found"] for f in told] == ["address sales.orders"]
    assert "hr.orders" not in json.dumps(as_ana)
    # A row that says nothing of whose it is counts for all, and names nothing that is hidden.
    require(shop, "SELECT title || ' of ' || address AS what FROM mesh.products", severity="warning")
    shop.weft("apply", "--yes")
    as_ana = shop.weft("plan", "--domain", "sales", "--as", "ana", "--format", "json").json
    told = [f for f in as_ana["findings"] if "asked" in f["message"]]
    assert told[0]["found"] == "what orders of sales.orders\n… and 1 of products that you may not discover"
    assert "hr.orders" not in json.dumps(as_ana)


def test_a_domain_is_not_held_up_by_others_faults_but_by_those_that_it_makes(shop):
    second_domain(shop, "hr", "public")
    require(shop, "SELECT product FROM mesh.runs WHERE product = 'hr.orders'", "never-run")
    require(shop, "SELECT domain, address FROM mesh.products WHERE domain = 'hr' "
                  "AND (SELECT count(*) FROM mesh.products WHERE status = 'deprecated') > 0", "all-fresh")
    shop.weft("apply", "--yes")
    shop.weft("run", "hr.orders", ok=None)
    server = shop.serve()
    # hr has been at fault since its run; sales has nothing to do with that.
    edit(shop, "domains/sales/orders/orders.sql", "FROM shop", " FROM shop")
    status, answer = server.call("POST", "/api/v1/plans", plan_files(shop, "sales"), as_user="ana")
    assert status == 200 and "hr.orders" not in json.dumps(answer)
    status, answer = server.call("POST", "/api/v1/plans", plan_files(shop), as_user=None)
    assert status == 422 and [f["found"] for f in answer["findings"] if f["level"] == "error"] == ["product hr.orders"]
    edit(shop, "domains/sales/orders/product.odps.yaml", "status: active", "status: deprecated")
    status, answer = server.call("POST", "/api/v1/plans", plan_files(shop, "sales"), as_user="ana")
    assert status == 422
    assert [f["found"] for f in answer["findings"] if f["level"] == "error"] == ["domain hr, address hr.orders"]


def test_a_release_is_held_against_requirements(shop):
    require(shop, "SELECT p.address, p.release FROM mesh.products p WHERE p.release IS NULL", "published", severity="warning")
    require(shop, "SELECT p.address FROM mesh.products p WHERE EXISTS (SELECT 1 FROM mesh.releases r WHERE r.product = p.address)",
            "only-once", message="each product is published once")
    notes = check(shop, ok=True)
    assert sum("a plan tells whether it is met" in f["message"] for f in notes) == 2
    shop.weft("apply", "--yes")
    # The release that is about to come counts.
    shop.weft("run", "sales.orders")
    assert [c["verdict"] for c in checks(shop, "published")] == ["pass"]
    answer = shop.weft("run", "sales.orders", ok=False)
    assert answer.code == 65
    assert "requirement only-once is not met: each product is published once" in answer.out + answer.err
    assert "address sales.orders" in answer.out + answer.err
    rows = checks(shop, "only-once")
    assert [c["verdict"] for c in rows] == ["pass", "fail"] and rows[1]["severity"] == "error"
    assert rows[1]["message"] == "each product is published once"
    assert len(shop.rows("SELECT number FROM mesh.releases")) == 1


def checks(mesh, rule):
    return mesh.rows("SELECT verdict, severity, message FROM mesh.checks c JOIN mesh.runs r USING (run_id) "
                     f"WHERE rule_id = '{rule}' AND kind = 'require' ORDER BY r.created_at", as_user="ana")


def test_two_domains_with_one_policy_id_are_both_named(shop):
    second_domain(shop, "hr", "public")
    first = require(shop, "SELECT domain FROM mesh.products WHERE false", "same", path="domains/hr/policies/same.policy.yaml")
    second = require(shop, "SELECT domain FROM mesh.products WHERE false", "same", path="domains/sales/policies/same.policy.yaml")
    found = the_error(check(shop))
    assert found["file"] == second and first in found["hint"]


def test_a_requirement_over_many_objects(shop):
    columns = "".join(f"      - {{name: c{i}, logicalType: string, physicalType: VARCHAR}}\n" for i in range(3000))
    path = shop.folder / "domains/sales/orders/orders.odcs.yaml"
    path.write_text(path.read_text() + columns)
    shop.write("domains/sales/orders/orders.sql", "SELECT *, "
               + ", ".join(f"NULL::VARCHAR AS c{i}" for i in range(3000)) + " FROM shop.raw_orders\n")
    require(shop, "SELECT a.table_address, a.name FROM mesh.columns a JOIN mesh.columns b USING (table_address) "
                  "WHERE a.ordinal < 100 AND a.name LIKE 'c%'", severity="warning")
    found = [f for f in check(shop, ok=True) if "asked" in f["message"]]
    assert "more than 100000 times" in found[0]["message"]
