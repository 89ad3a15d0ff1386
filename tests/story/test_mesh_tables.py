"""The tables of schema mesh, read from the file of the mesh's version or carried by the job: nobody can tell which."""

import os
import re
import signal

import duckdb
import pytest

from conftest import ROOT, write_shop
from story_help import Called, Started, edit, is_still, is_whole, wait_until, workers

TABLES = list(dict.fromkeys(re.findall(
    r"^MESH_COLUMN\((\w+),", (ROOT / "src/catalog/read_mesh/mesh_tables.def").read_text(), re.M)))
FILED = {"domains", "products", "contracts", "columns", "promises", "policies", "lineage"}
ALWAYS, NEVER = {"WEFT_MESH_FILE_BYTES": "1"}, {"WEFT_MESH_FILE_BYTES": "0"}
USERS = ["ana", "vera", "noor", "eve"]  # the first two may discover the vault, the others are blind to it
ENDLESS = "SELECT count(*) AS n FROM mesh.columns, mesh.products, range(100000000) a, range(1000) b"

VAULT = {
    "domains/hr/domain.yaml":
        "apiVersion: weft/v1\nkind: Domain\nname: hr\ntitle: People\nalignment: source\nowners: [user:vera]\n",
    "domains/hr/vault/product.odps.yaml": """\
apiVersion: v1.0.0
kind: DataProduct
id: hr-vault
name: vault
version: 1.0.0
status: active
customProperties: [{property: visibility, value: restricted}]
inputPorts: [{name: files, version: 1.0.0, contractId: vault-files}]
outputPorts: [{name: vault, version: 1.0.0, contractId: vault}]
""",
    "domains/hr/vault/files.odcs.yaml": """\
apiVersion: v3.1.0
kind: DataContract
id: vault-files
version: 1.0.0
status: active
servers: [{server: files, type: local, path: data/salaries.csv, format: csv}]
schema:
  - name: salaries
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER, required: true}
      - {name: salary, logicalType: integer, physicalType: INTEGER, classification: pii}
""",
    "domains/hr/vault/vault.odcs.yaml": """\
apiVersion: v3.1.0
kind: DataContract
id: vault
version: 1.0.0
status: active
slaProperties: [{property: latency, value: 26, unit: h, element: salaries.id}]
schema:
  - name: salaries
    description: What nobody may hear of
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER, required: true}
      - {name: salary, logicalType: integer, physicalType: INTEGER, classification: pii}
""",
    "data/salaries.csv": "id,salary\n1,100\n2,200\n",
    "policies/vault.policy.yaml": """\
apiVersion: weft/v1
kind: Policy
id: payroll-reads-the-vault
description: Ana counts what is paid.
owner: guild
grant: {contract: vault, role: reader, to: {users: [ana]}}
""",
    "policies/ended.policy.yaml": """\
apiVersion: weft/v1
kind: Policy
id: eve-read-orders-once
description: That is over.
owner: guild
grant: {contract: orders, role: reader, to: {users: [eve]}, until: 2020-01-01}
""",
}


def write_vault(mesh):
    write_shop(mesh)
    for path, text in VAULT.items():
        mesh.write(path, text)
    edit(mesh, "mesh.yaml", "users:\n", "users:\n  vera: {groups: []}\n")


@pytest.fixture
def vault(mesh):
    write_vault(mesh)
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    return mesh


def files(mesh, table="*"):
    return sorted((mesh.home / "cleared/mesh").glob(f"*/{table}-*.parquet"))


def texts(table):
    """Rows in the order in which they come, their types, their NULLs, and what is refused."""
    return [f"SELECT * FROM mesh.{table}",
            f"SELECT * FROM mesh.{table} LIMIT 2 OFFSET 1",
            f"SELECT count(*), count(COLUMNS(*)) FROM mesh.{table}",
            f"SELECT DISTINCT typeof(COLUMNS(*)) FROM mesh.{table}",
            f"SELECT t FROM mesh.{table} AS t ORDER BY t",
            f"SELECT nothing FROM mesh.{table}",
            f"SELECT rowid FROM mesh.{table}",
            f"SELECT file_row_number, filename FROM mesh.{table}",
            f"SELECT * FROM mesh.{table} WHERE 1 = 'one'"]


def without_ids(answer):
    """What names this one query is not compared."""
    code, document = answer
    return code, {k: v for k, v in document.items() if k not in ("query_id", "request")}


def answers(mesh, env):
    server = mesh.serve(env=env, http=False)
    found = {(user, text): without_ids(server.query(text, as_user=user))
             for user in USERS for table in TABLES for text in texts(table)}
    made = {path.name.split("-")[0] for path in files(mesh)}
    # Of each table one for those who see all, and one for those who do not; only the vault promises anything.
    assert all(len(files(mesh, table)) == 2 - (table == "promises") for table in made), files(mesh)
    server.stop()
    return found, made


def test_both_ways_give_the_same_answers(vault):
    with_files, made = answers(vault, ALWAYS)
    with_rows, none = answers(vault, NEVER)
    assert made == FILED and none == set()
    for key, answer in with_rows.items():
        assert with_files[key] == answer, key
    seen = with_rows["ana", "SELECT * FROM mesh.columns"][1]["rows"]
    blind = with_rows["eve", "SELECT * FROM mesh.columns"][1]["rows"]
    assert len(seen) == len(blind) + 2, "one of them is blind to the vault"
    for table in TABLES:
        assert with_rows["eve", f"SELECT rowid FROM mesh.{table}"][0] == 400
    assert any(True in row for row in with_rows["eve", "SELECT * FROM mesh.policies"][1]["rows"]), "a grant has ended"


def test_small_tables_travel_with_the_job(vault):
    server = vault.serve(http=False)
    assert server.query("SELECT count(*) FROM mesh.products", as_user="noor")[1]["rows"] == [[1]]
    assert files(vault) == []


def linked(mesh):
    return sorted((mesh.home / "workers").glob("*/in/*.parquet"))


def read(path):
    """All of a file as text: its rows, and what lies there as it is."""
    with duckdb.connect() as db:
        rows = db.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM read_parquet('{path}')").fetchall()
    return str(rows) + path.read_bytes().decode("latin-1")


@pytest.mark.parametrize("user, sees", [("noor", False), ("ana", True)])
def test_what_one_may_not_discover_stands_in_no_file_that_is_linked_for_him(vault, user, sees):
    server = vault.serve(env=ALWAYS, http=False)
    # The file of those who see all is there already, and idle workers have read it.
    for table in FILED:
        server.query(f"SELECT * FROM mesh.{table}", as_user="ana")
    asked = sorted(FILED - ({"promises"} if not sees else set()))  # of no rows there is no file
    everything = ", ".join(f"mesh.{table}" for table in asked)
    asking = Started(vault, "query", f"SELECT count(*) FROM {everything}, range(100000000) a, range(1000) b", "--as", user)
    found = wait_until("its files are linked", lambda: linked(vault) if len(linked(vault)) == len(asked) else None)
    told = "".join(map(read, found))
    asking.process.send_signal(signal.SIGINT)
    assert asking.end().code == 130
    assert ("vault" in told) is sees and ("salar" in told) is sees and "sales.orders" in told


def test_the_bytes_of_a_file_for_the_blind_tell_nothing(vault):
    server = vault.serve(env=ALWAYS, http=False)
    for table in FILED:
        server.query(f"SELECT * FROM mesh.{table}", as_user="noor")
    assert len(files(vault)) == len(FILED) - 1
    for path in files(vault):
        told = read(path)
        assert "vault" not in told and "salar" not in told, path


def test_who_loses_the_vault_reads_another_file(vault):
    server = vault.serve(env=ALWAYS, http=False)
    sql = "SELECT address FROM mesh.products ORDER BY address"
    assert server.query(sql, as_user="ana")[1]["rows"] == [["hr.vault"], ["sales.orders"]]
    (vault.folder / "policies/vault.policy.yaml").unlink()
    vault.weft("apply", "--yes")
    assert server.query(sql, as_user="ana")[1]["rows"] == [["sales.orders"]]
    assert server.query(sql, as_user="vera")[1]["rows"] == [["hr.vault"], ["sales.orders"]]


def test_an_apply_in_between(vault):
    server = vault.serve(env=ALWAYS, http=False)
    sql = "SELECT title, release FROM mesh.products JOIN (SELECT DISTINCT product FROM mesh.columns) ON product = address"
    assert server.query(sql, as_user="noor")[1]["rows"] == [["orders", 1]]
    asking = Started(vault, "query", ENDLESS, "--as", "noor")
    held = wait_until("its files are linked", lambda: len(linked(vault)) == 2 and files(vault))
    edit(vault, "domains/sales/orders/product.odps.yaml", "name: orders\nversion: 1.0.0",
         "name: orders\nversion: 1.1.0")
    edit(vault, "domains/sales/orders/orders.odcs.yaml", "{name: customer, logicalType",
         "{name: customer, description: Who bought, logicalType")
    vault.weft("apply", "--yes")
    rows = server.query("SELECT version FROM mesh.products", as_user="noor")[1]["rows"]
    told = server.query("SELECT description FROM mesh.columns WHERE name = 'customer'", as_user="noor")[1]["rows"]
    assert rows == [["1.1.0"]] and told == [["Who bought"]]
    # Who reads the version before goes on reading it; then it goes.
    assert set(held) < set(files(vault)) and len(linked(vault)) >= 2
    asking.process.send_signal(signal.SIGINT)
    assert asking.end().code == 130
    wait_until("the files of before are gone", lambda: not set(held) & set(files(vault)))
    assert len({path.parent for path in files(vault)}) == 1
    vault.weft("run", "--all")
    assert server.query("SELECT release FROM mesh.products", as_user="noor")[1]["rows"] == [[2]]
    wait_until("those of before the release are gone", lambda: len(files(vault)) == 1)


def test_two_who_want_one_file_make_it_once(vault):
    server = vault.serve(env=ALWAYS, http=False)
    calls = [Called(server.query, "SELECT count(*) FROM mesh.columns", as_user=user)
             for user in ["noor", "eve"] * 4]
    rows = [call.end()[1]["rows"] for call in calls]
    assert rows == [[[6]]] * 8 and len(files(vault)) == 1
    assert files(vault)[0].name.startswith("columns-1-"), "no other was begun"


@pytest.mark.parametrize("fault", ["MESH_FILE:fail", "MESH_FILE:full", "CLEAR_BEFORE_MOVE:fail", "CLEAR_AFTER_MOVE:full"])
def test_where_no_file_can_be_made_the_rows_travel(vault, fault):
    server = vault.serve(env=ALWAYS | {"WEFT_FAULT": fault}, http=False)
    for _ in range(2):
        assert server.query("SELECT count(*) FROM mesh.columns", as_user="noor")[1]["rows"] == [[6]]
    # Once, and not again at every query.
    assert (vault.folder / "server.log").read_text().count("a file of a mesh table could not be made") == 1
    server.stop()
    assert is_whole(vault)


@pytest.mark.parametrize("fault", ["MESH_FILE:kill", "CLEAR_BEFORE_MOVE:kill", "CLEAR_AFTER_MOVE:kill"])
def test_the_server_is_killed_while_it_makes_one(vault, fault):
    server = vault.serve(env=ALWAYS | {"WEFT_FAULT": fault}, http=False)
    with pytest.raises(OSError):
        server.query("SELECT count(*) FROM mesh.columns", as_user="noor")
    assert server.process.wait() == -signal.SIGKILL
    again = vault.serve(env=ALWAYS, http=False)
    assert files(vault) == [], "nobody knows whether those of before are whole"
    assert again.query("SELECT count(*) FROM mesh.columns", as_user="noor")[1]["rows"] == [[6]]
    again.stop()
    assert is_whole(vault)


def test_a_start_finds_none_of_before(vault):
    server = vault.serve(env=ALWAYS, http=False)
    server.query("SELECT count(*) FROM mesh.columns", as_user="noor")
    (old,) = files(vault)
    kept = old.read_bytes()
    server.kill()
    edit(vault, "domains/sales/orders/product.odps.yaml", "name: orders\nversion: 1.0.0", "name: orders\nversion: 1.1.0")
    assert old.read_bytes() == kept
    vault.serve(env=ALWAYS, http=False)
    assert files(vault) == []


@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_a_file_that_is_not_what_was_made_is_made_again(vault, harm):
    server = vault.serve(env=ALWAYS, http=False)
    assert server.query("SELECT count(*) FROM mesh.columns", as_user="noor")[1]["rows"] == [[6]]
    (path,) = files(vault)
    if harm == "cut":
        path.chmod(0o644)
        os.truncate(path, path.stat().st_size - 5)
    else:
        path.unlink()
    assert server.query("SELECT count(*) FROM mesh.columns", as_user="noor")[1]["rows"] == [[6]]
    assert files(vault) != [path]


def test_a_clearing_worker_that_is_killed(vault):
    server = vault.serve(env=ALWAYS | {"WEFT_FAULT": "CLEAR_BEFORE_MOVE:stop"}, http=False)
    call = Called(server.query, "SELECT count(*) FROM mesh.columns", as_user="noor")
    wait_until("the server stands", lambda: is_still(server.process.pid))
    for pid in workers(vault, "clearing"):
        os.kill(pid, signal.SIGKILL)
    server.process.send_signal(signal.SIGCONT)
    assert call.end()[1]["rows"] == [[6]]
    assert server.query("SELECT count(*) FROM mesh.columns", as_user="noor")[1]["rows"] == [[6]]


def test_many_who_each_discover_something_else(shop):
    """Each owns a product that the others may not hear of: files of their own, and not more of them than there may be."""
    most = int(re.search(r"^LIMIT\(MESH_FILES_MAX, (\d+),", (ROOT / "src/base/limits/limits.def").read_text(), re.M)[1])
    owners = [f"u{i:02}" for i in range(most + 3)]
    edit(shop, "mesh.yaml", "users:\n", "users:\n" + "".join(f"  {owner}: {{groups: []}}\n" for owner in owners))
    for owner in owners:
        shop.write(f"domains/{owner}/domain.yaml",
                   VAULT["domains/hr/domain.yaml"].replace("hr", owner).replace("vera", owner))
        shop.write(f"domains/{owner}/own/product.odps.yaml", f"""\
apiVersion: v1.0.0
kind: DataProduct
id: {owner}-own
name: own
version: 1.0.0
status: active
customProperties: [{{property: visibility, value: restricted}}]
inputPorts: [{{name: orders, version: 1.0.0, contractId: orders}}]
outputPorts: [{{name: own, version: 1.0.0, contractId: {owner}-own}}]
""")
        shop.write(f"domains/{owner}/own/own.odcs.yaml", f"""\
apiVersion: v3.1.0
kind: DataContract
id: {owner}-own
version: 1.0.0
status: active
schema:
  - name: orders
    properties: [{{name: id, logicalType: integer, physicalType: INTEGER, required: true}}]
""")
    shop.weft("apply", "--yes")
    server = shop.serve(env=ALWAYS, http=False)
    for owner in owners * 2:
        rows = server.query("SELECT address FROM mesh.products ORDER BY address", as_user=owner)[1]["rows"]
        assert rows == [["sales.orders"], [f"{owner}.own"]]
    assert len(files(shop)) == most


@pytest.mark.parametrize("env", [ALWAYS, NEVER], ids=["file", "rows"])
def test_who_loses_the_vault_reads_on_nowhere(vault, env):
    """What tells of it ends at once, whichever way it came; who was blind to it goes on."""
    server = vault.serve(env=env, http=False)
    ways = 2 if env is ALWAYS else 0  # files of mesh tables; that of the vault shows that the query is at work
    of_vault = ENDLESS.replace("mesh.products,", "mesh.products, hr.vault.salaries,")
    of_orders = ENDLESS.replace("mesh.products,", "mesh.products, sales.orders.orders,")
    told = Called(server.call, "POST", "/api/v1/query", {"sql": of_vault, "timeout_ms": 60000}, as_user="ana")
    wait_until("it is at work", lambda: len(linked(vault)) == ways + 1)
    blind = Started(vault, "query", of_orders, "--as", "noor")
    wait_until("both are at work", lambda: len(linked(vault)) == 2 * (ways + 1))
    (vault.folder / "policies/vault.policy.yaml").unlink()
    vault.weft("apply", "--yes")
    code, problem = told.end()
    assert (code, problem["code"]) == (403, "DENIED"), problem
    assert "access was withdrawn while the query ran: mesh." in problem["detail"], problem
    assert "it tells of what you may no longer discover" in problem["detail"], problem
    assert blind.process.poll() is None and len(linked(vault)) == ways + 1
    blind.process.send_signal(signal.SIGINT)
    assert blind.end().code == 130
