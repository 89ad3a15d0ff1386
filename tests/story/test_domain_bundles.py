"""One domain's bundle: what it does not touch is passed over, and what it does touch is judged wherever it stands."""

import pytest

from conftest import DOMAIN

READER = """\
apiVersion: v1.0.0
kind: DataProduct
id: {id}
name: {name}
version: 1.0.0
status: active
inputPorts: [{{name: source, version: 1.0.0, contractId: {source}}}]
outputPorts: [{{name: out, version: 1.0.0, contractId: {id}}}]
"""
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {id}
version: 1.0.0
status: active
{name}schema:
  - name: {table}
    properties:
      - {{name: id, logicalType: integer, physicalType: INTEGER}}
      - {{name: who, logicalType: string, physicalType: VARCHAR}}
"""


def add_reader(mesh, domain, product, source, sql):
    mesh.write(f"domains/{domain}/domain.yaml", DOMAIN.replace("name: sales", f"name: {domain}"))
    mesh.write(f"domains/{domain}/{product}/product.odps.yaml", READER.format(id=f"{domain}-{product}", name=product, source=source))
    mesh.write(f"domains/{domain}/{product}/out.odcs.yaml", CONTRACT.format(id=f"{domain}-{product}", table="t", name=""))
    mesh.write(f"domains/{domain}/{product}/t.sql", sql)


@pytest.fixture
def chain(shop):
    """sales.orders, read by marketing.people, read by support.calls; and office.other, which reads the first too."""
    add_reader(shop, "marketing", "people", "orders", "SELECT id, customer AS who FROM source.orders\n")
    add_reader(shop, "support", "calls", "marketing-people", "SELECT id, upper(who) AS who FROM source.t\n")
    add_reader(shop, "office", "other", "orders", "SELECT id, country AS who FROM source.orders\n")
    shop.serve()
    shop.weft("apply", "--yes")
    return shop


def labels(mesh):
    """Of the columns called `who`, whichever domain they are of."""
    sql = "SELECT product, inherited FROM mesh.columns WHERE name = 'who' ORDER BY product"
    return {row["product"]: row["inherited"] for row in mesh.rows(sql, as_user="ana")}


def add_label(mesh):
    contract = mesh.folder / "domains/sales/orders/orders.odcs.yaml"
    text = contract.read_text()
    line = next(line for line in text.splitlines() if "{name: customer," in line)
    contract.write_text(text.replace(line, line.replace("}", ", classification: secret}", 1)))


def test_a_label_goes_from_one_domain_to_those_behind_it(chain):
    before = labels(chain)
    add_label(chain)
    planned = chain.weft("plan", "--domain", "sales").out
    assert "support.calls.t.who" in planned and "office.other.t." not in planned
    chain.weft("apply", "--domain", "sales", "--yes")
    after = labels(chain)
    assert "secret" in str(after["marketing.people"]) and "secret" in str(after["support.calls"])
    assert after["office.other"] == before["office.other"]


def test_labels_stay_where_another_domain_changes(chain):
    add_label(chain)
    chain.weft("apply", "--domain", "sales", "--yes")
    before = labels(chain)
    contract = chain.folder / "domains/office/other/out.odcs.yaml"
    contract.write_text(CONTRACT.format(id="office-other", table="t", name="name: Another name\n"))
    assert "who" not in chain.weft("plan", "--domain", "office").out
    chain.weft("apply", "--domain", "office", "--yes")
    assert labels(chain) == before
    # In the midst of a chain, what is behind is found anew, and what is before is as it was.
    chain.write("domains/marketing/people/t.sql", "SELECT id, country AS who FROM source.orders\n")
    chain.weft("apply", "--domain", "marketing", "--yes")
    after = labels(chain)
    assert "secret" not in str(after["marketing.people"]) and "secret" not in str(after["support.calls"])


def test_what_breaks_another_domain_is_an_error_there(chain):
    """Its SELECT is asked again, since a product that it reads has changed."""
    chain.write("domains/marketing/people/out.odcs.yaml",
                CONTRACT.format(id="marketing-people", table="t", name="").replace("name: who, logicalType: string, physicalType: VARCHAR",
                                                                                   "name: person, logicalType: string, physicalType: VARCHAR"))
    chain.write("domains/marketing/people/t.sql", "SELECT id, customer AS person FROM source.orders\n")
    refused = chain.weft("plan", "--domain", "marketing", ok=False)
    assert "domains/support/calls/t.sql" in refused.err, refused


def rename(mesh, domain, product, name):
    mesh.write(f"domains/{domain}/{product}/out.odcs.yaml", CONTRACT.format(id=f"{domain}-{product}", table="t", name=f"name: {name}\n"))


def test_several_domains_come_in_one_bundle_and_no_other(chain):
    """A column moves through two domains at once, which neither could do alone."""
    for domain, product in (("marketing", "people"), ("support", "calls"), ("office", "other")):
        rename(chain, domain, product, "Another name")
    chain.write("domains/marketing/people/out.odcs.yaml", CONTRACT.format(id="marketing-people", table="t", name="").replace("name: who", "name: person"))
    chain.write("domains/marketing/people/t.sql", "SELECT id, customer AS person FROM source.orders\n")
    chain.write("domains/support/calls/t.sql", "SELECT id, upper(person) AS who FROM source.t\n")
    chain.weft("plan", "--domain", "marketing", ok=False)
    chain.weft("plan", "--domain", "support", ok=False)
    plan = chain.weft("plan", "--domain", "support", "--domain", "marketing", "--domain", "support", "--format", "json").json
    changed = {change["file"].split("/")[1] for change in plan["changes"]}
    assert changed == {"marketing", "support"}
    assert chain.weft("plan", "--domain", "marketing,support", "--format", "json").json["changes"] == plan["changes"]
    chain.weft("apply", "--plan", plan["plan"], "--yes")
    left = chain.weft("plan", "--format", "json").json
    assert {change["file"].split("/")[1] for change in left["changes"]} == {"office"}


def test_a_bundle_of_several_domains_removes_in_each_and_nowhere_else(chain):
    """What the folder no longer has goes from those that are named; in another order than their names have."""
    for path in ("office/other", "support/calls"):
        for file in (chain.folder / "domains" / path).iterdir():
            file.unlink()
    plan = chain.weft("plan", "--domain", "support", "--domain", "marketing", "--format", "json").json
    assert {change["name"] for change in plan["changes"] if change["kind"] == "product"} == {"support.calls"}
    missing = chain.weft("plan", "--domain", "support", "--domain", "nowhere", ok=False)
    assert "there is no folder domains/nowhere" in missing.err, missing
