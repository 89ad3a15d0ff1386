"""The fence around sources: what a domain may name as its own, and what belongs to others or to the machine."""

import os

import pytest

from conftest import DOMAIN, ROWS
from story_help import ORDERS, check, edit, errors, runs, the_error, told

LOCAL = "{server: files, type: local, path: data/orders.csv, format: csv}"
POSTGRES = "{server: db, type: postgres, host: HOST, port: 5432, database: d, schema: s}"


def name_path(shop, path):
    edit(shop, f"{ORDERS}/shop.odcs.yaml", "path: data/orders.csv", f'path: "{path}"')


@pytest.mark.parametrize("path", [
    "/etc/passwd",
    "../orders.csv",
    "data/../mesh.yaml",
    "data/../../orders.csv",
    "data/.*/mesh.yaml",
    "mesh.yaml",
    "./mesh.yaml",
    "domains/other/things/things.odcs.yaml",
    "domains/sales/orders/orders.sql",
    ".weft/catalog.db",
    ".weft/secrets/other",
    "datax/orders.csv",
    "data/${SECRET}.csv",
    "",
])
def test_a_path_outside_of_the_roots_is_an_error_of_the_file(shop, path):
    name_path(shop, path)
    found = errors(check(shop))
    assert [f["path"] for f in found] == ["servers[0].path"], found
    assert found[0]["file"] == f"{ORDERS}/shop.odcs.yaml"


def test_roots_are_for_administrators_to_list(shop):
    edit(shop, "mesh.yaml", "sources: {roots: [data/]}", "sources: {}")
    error = the_error(check(shop))
    assert "sources.roots" in error["allowed"]
    edit(shop, "mesh.yaml", "sources: {}", "sources: {roots: [../]}")
    assert "sources.roots[0]" in {f["path"] for f in errors(check(shop))}


def link(shop, name, target):
    file = shop.folder / "data" / name
    file.unlink(missing_ok=True)
    file.symlink_to(target)


@pytest.mark.parametrize("where", ["the system", "another folder", "the home", "a secret"])
def test_a_link_that_leads_out_of_the_roots_is_refused_when_it_is_read(applied, where):
    outside = applied.write("elsewhere/orders.csv", ROWS.replace("Ada", "Elsewhere"))
    secret = applied.write(".weft/secrets/other", "PASSWORD=hunter2\n")
    target = {"the system": "/etc/passwd", "another folder": outside, "the home": applied.home / "catalog.db",
              "a secret": secret}[where]
    link(applied, "orders.csv", target)
    refused = applied.weft("run", "--all", ok=False)
    assert refused.code == 77 and "outside the roots" in told(refused)
    for leak in ("root:x", "hunter2", "Elsewhere", "SQLite"):
        assert leak not in told(refused)
    assert runs(applied) == ["published", "failed"]
    assert len(applied.rows("SELECT * FROM sales.orders.orders", as_user="noor")) == 4


def test_a_folder_that_leads_out_is_refused_too(shop):
    shop.write("elsewhere/orders.csv", ROWS)
    (shop.folder / "data/more").symlink_to(shop.folder / "elsewhere")
    name_path(shop, "data/more/orders.csv")
    shop.weft("apply", "--yes")
    refused = shop.weft("run", "--all", ok=False)
    assert refused.code == 77 and "outside the roots" in told(refused)


def test_a_link_inside_of_the_roots_is_followed(applied):
    applied.write("data/2026/orders.csv", ROWS.replace("Ada", "Inside"))
    link(applied, "orders.csv", "2026/orders.csv")
    applied.weft("run", "--all")
    names = applied.rows("SELECT customer FROM sales.orders.orders WHERE id = 1", as_user="noor")
    assert names == [{"customer": "Inside"}]


def test_the_home_is_no_source_whatever_the_roots_say(applied):
    edit(applied, "mesh.yaml", "sources: {roots: [data/]}", "sources: {roots: [./]}")
    name_path(applied, ".weft/catalog.db")
    applied.weft("apply", "--yes")
    refused = applied.weft("run", "--all", ok=False)
    assert refused.code == 77 and "outside the roots" in told(refused)
    assert runs(applied) == ["published", "failed"]


def test_what_is_no_file_is_no_source(applied):
    (applied.folder / "data/orders.csv").unlink()
    os.mkfifo(applied.folder / "data/orders.csv")
    refused = applied.weft("run", "--all", ok=False)
    assert refused.code == 69 and "is not a file" in told(refused)
    (applied.folder / "data/orders.csv").unlink()
    missing = applied.weft("run", "--all", ok=False)
    assert missing.code == 69 and "data/orders.csv" in told(missing)
    assert runs(applied) == ["published", "failed", "failed"]


@pytest.mark.parametrize("host, listed", [
    ("db.internal", ""),
    ("db.internal", '"db:5432"'),
    ("db.internal", '"db.internal:5433"'),
    ("127.0.0.1", '"localhost:5432"'),
])
def test_a_host_that_is_not_listed_is_an_error_of_the_file(shop, host, listed):
    edit(shop, "mesh.yaml", "sources: {roots: [data/]}", f"sources: {{hosts: [{listed}]}}")
    edit(shop, f"{ORDERS}/shop.odcs.yaml", LOCAL, POSTGRES.replace("HOST", host))
    error = the_error(check(shop))
    assert error["path"] == "servers[0].host" and error["found"] == f"{host}:5432"
    assert "sources.hosts" in error["hint"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "[::1]", "0.0.0.0", "db.example"])
def test_a_host_that_a_secret_names_is_held_against_the_list_when_it_is_resolved(shop, host):
    edit(shop, "mesh.yaml", "sources: {roots: [data/]}", 'sources: {hosts: ["db:5432"]}')
    edit(shop, f"{ORDERS}/shop.odcs.yaml", LOCAL, POSTGRES.replace("HOST", '"${ERP_HOST}"'))
    shop.env["WEFT_SECRET_SALES_ERP_HOST"] = host
    shop.weft("apply", "--yes")
    refused = shop.weft("run", "--all", ok=False)
    assert refused.code == 77 and "not listed" in told(refused)


def test_a_listed_name_does_not_lead_inside_the_machine(shop):
    """A name of the outside that resolves to loopback: the address itself is not listed."""
    edit(shop, "mesh.yaml", "sources: {roots: [data/]}", 'sources: {hosts: ["localhost:5432"]}')
    edit(shop, f"{ORDERS}/shop.odcs.yaml", LOCAL, POSTGRES.replace("HOST", "localhost"))
    shop.weft("apply", "--yes")
    refused = shop.weft("run", "--all", ok=False)
    assert refused.code == 77 and "this machine" in told(refused)


def add_domain(shop):
    """A second domain, whose product wants the source of the first."""
    shop.write("domains/other/domain.yaml", DOMAIN.replace("name: sales", "name: other").replace("Sales", "Other")
               .replace("user:ana", "user:eve").replace("group:shop-team", "group:visitors"))
    shop.write("domains/other/things/product.odps.yaml", """\
apiVersion: v1.0.0
kind: DataProduct
id: other-things
name: things
version: 1.0.0
status: active
inputPorts:
  - {name: shop, version: 1.0.0, contractId: shop-files}
outputPorts:
  - {name: things, version: 1.0.0, contractId: things}
""")
    shop.write("domains/other/things/things.odcs.yaml", """\
apiVersion: v3.1.0
kind: DataContract
id: things
version: 1.0.0
status: active
schema:
  - name: things
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER}
""")
    shop.write("domains/other/things/things.sql", "SELECT id FROM shop.raw_orders\n")


def test_the_source_of_another_domain_is_not_to_be_had(shop):
    add_domain(shop)
    found = errors(check(shop))
    assert len(found) == 1 and found[0]["file"] == "domains/other/things/product.odps.yaml"
    assert "another domain" in found[0]["message"] and "sales.orders" in found[0]["hint"]


def test_a_contract_of_ones_own_does_not_open_the_secrets_of_another_domain(shop):
    """The name of a secret is looked up for the domain that asks, however it is spelled."""
    add_domain(shop)
    edit(shop, "domains/other/things/product.odps.yaml", "contractId: shop-files", "contractId: mine")
    edit(shop, "mesh.yaml", "sources: {roots: [data/]}", 'sources: {roots: [data/], hosts: ["127.0.0.1:1"]}')
    text = (shop.folder / f"{ORDERS}/shop.odcs.yaml").read_text().replace("id: shop-files", "id: mine").replace(
        LOCAL, "{server: db, type: postgres, host: 127.0.0.1, port: 1, database: d, schema: s, "
               'customProperties: [{property: password, value: "${ERP_PASSWORD}"}]}')
    shop.write("domains/other/things/mine.odcs.yaml", text)
    shop.weft("apply", "--yes")
    shop.write(".weft/secrets/sales", "ERP_PASSWORD=hunter2\n").chmod(0o600)
    for env in ({"WEFT_SECRET_SALES_ERP_PASSWORD": "hunter2"}, {"ERP_PASSWORD": "hunter2"}):
        refused = shop.weft("run", "other.things", ok=False, env=env)
        assert refused.code == 78 and "ERP_PASSWORD" in told(refused) and "hunter2" not in told(refused)
    # Its own, in a file that others can read, is as good as none.
    own = shop.write(".weft/secrets/other", "ERP_PASSWORD=hunter3\n")
    own.chmod(0o644)
    assert shop.weft("run", "other.things", ok=False).code == 78
    own.chmod(0o600)
    down = shop.weft("run", "other.things", ok=False)
    assert down.code == 69 and "hunter3" not in told(down)
