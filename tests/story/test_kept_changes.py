"""What changed between an image was kept and the next start: the start over it knows all that one knows which reads everything."""

import os
import shutil

import pytest

from conftest import ROWS, Mesh, wait_for_end, write_shop
from env_help import LOUD, TOTALS, write_two
from story_help import ORDERS, as_draft, edit, is_whole
from test_kept_image import begin, everything, keep

DOMAIN = "domains/sales/domain.yaml"
OUTPUT = f"{ORDERS}/orders.odcs.yaml"
MASK = """\
apiVersion: weft/v1
kind: Policy
id: hide-customers
description: Customers have no name.
owner: guild
mask: {columns: {column: [customer]}, with: {method: 'null'}}
"""
ASKED = ["SELECT * FROM sales.orders.orders", "SELECT * FROM finance.totals.totals"]
USERS = ["ana", "noor", "eve", "root"]


def applies(mesh):
    mesh.weft("apply", "--yes")


def takes_out(mesh, path, text):
    """Applied without it, and with it again."""
    before = (mesh.folder / path).read_text()
    edit(mesh, path, text, "")
    applies(mesh)
    (mesh.folder / path).write_text(before)


def publish(mesh):
    mesh.write("data/orders.csv", ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n")
    mesh.weft("run", "--all")


def rollback(mesh):
    mesh.weft("rollback", "sales.orders", "--to", "1", "--reason", "story")


def label_by_lineage(mesh):
    """Of a column that another product reads, and its owners, to whom an exception of a label is given."""
    edit(mesh, OUTPUT, "{name: country, logicalType: string, physicalType: VARCHAR,",
         "{name: country, logicalType: string, physicalType: VARCHAR, classification: pii,")
    applies(mesh)


def owners(mesh):
    edit(mesh, DOMAIN, "owners: [user:ana]", "owners: [user:noor]")
    applies(mesh)


def label_there_and_back(mesh):
    """No file is another than it was; ids and versions are."""
    takes_out(mesh, OUTPUT, " classification: pii,")
    applies(mesh)


def column_there_and_back(mesh):
    as_draft(mesh)
    applies(mesh)
    sql = (mesh.folder / ORDERS / "orders.sql").read_text()
    mesh.write(f"{ORDERS}/orders.sql", sql.replace(", ordered_on", ""))
    takes_out(mesh, OUTPUT, "      - {name: ordered_on, logicalType: date, physicalType: DATE}\n")
    mesh.write(f"{ORDERS}/orders.sql", sql)
    edit(mesh, OUTPUT, "status: draft", "status: active")
    applies(mesh)


def product_there_and_back(mesh):
    shutil.move(mesh.folder / TOTALS, mesh.folder / "aside")
    policy = (mesh.folder / "policies/finance.policy.yaml")
    text = policy.read_text()
    policy.unlink()
    applies(mesh)
    shutil.move(mesh.folder / "aside", mesh.folder / TOTALS)
    policy.write_text(text)
    applies(mesh)


def product_gone(mesh):
    shutil.rmtree(mesh.folder / "domains/finance")
    (mesh.folder / "policies/finance.policy.yaml").unlink()
    applies(mesh)


def product_again(mesh):
    write_two(mesh)
    applies(mesh)
    mesh.weft("run", "--all")


def policy(mesh):
    mesh.write("policies/hide.policy.yaml", MASK)
    applies(mesh)


def policy_gone(mesh):
    (mesh.folder / "policies/hide.policy.yaml").unlink()
    applies(mesh)


def agreement(mesh):
    mesh.weft("access", "request", "sales.orders", "--purpose", "reporting", "--until", "2099-12-31", "--reason", "Figures", "--as", "eve")
    mesh.weft("access", "approve", "1", "--reason", "Fine", "--as", "noor")


def mesh_file(mesh):
    edit(mesh, "mesh.yaml", "reporting: Internal figures", "reporting: Figures for all")
    applies(mesh)


def environment(mesh):
    mesh.write(f"{ORDERS}/orders.sql", LOUD)
    mesh.weft("apply", "--env", "dev-x", "--yes", "--as", "noor")
    mesh.weft("run", "--all", "--env", "dev-x")
    mesh.weft("env", "promote", "dev-x", "--yes")


def upkeep(mesh):
    """Releases that are over go, with their files."""
    publish(mesh)
    server = mesh.serve(http=False, env={"WEFT_KEEP_RELEASES": "1", "WEFT_KEEP_DAYS": "0", "WEFT_UPKEEP_EVERY_S": "1"})
    mesh.weft("verify")
    server.stop()


def contents(mesh):
    """What each reads of the tables, and why: by plain values."""
    return {(user, sql): (answer := mesh.weft("query", sql, "--format", "ndjson", "--as", user, ok=None)).out + answer.err
            for user in USERS for sql in ASKED}


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """With the file as it was kept before all changes."""
    made = Mesh(tmp_path_factory.mktemp("kept") / "mesh")
    made.folder.mkdir()
    write_shop(made)
    write_two(made).weft("apply", "--yes")
    made.weft("run", "--all")
    wait_for_end(made.home)
    made.kept = keep(made).read_bytes()
    yield made
    made.close()


def compare(mesh):
    wait_for_end(mesh.home)
    path = mesh.home / "image.map"
    path.write_bytes(mesh.kept)
    server = begin(mesh, uses=True)
    over = everything(mesh) | contents(mesh)
    server.stop()
    path.unlink()
    server = begin(mesh, uses=False)
    assert everything(mesh) | contents(mesh) == over
    server.stop()


@pytest.mark.parametrize("change", [
    publish, rollback, label_by_lineage, owners, label_there_and_back, column_there_and_back, product_there_and_back, publish, product_gone,
    product_again, policy, policy_gone, agreement, mesh_file, environment, upkeep], ids=lambda change: change.__name__)
def test_over_it_all_is_as_it_is_without_it(changed, change):
    """Each change comes to those before it, and the file is as old as ever."""
    change(changed)
    compare(changed)


def test_a_catalog_that_was_whole_is_whole(changed):
    assert is_whole(changed)


@pytest.mark.parametrize("what", ["folder", "pipe", "link", "nothing", "zeros"])
def test_what_is_no_file_of_weft_disturbs_nobody(applied, what):
    path = applied.home / "image.map"
    wait_for_end(applied.home)
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "link":
        kept = keep(applied)
        shutil.move(kept, applied.folder / "elsewhere")
        path.symlink_to(applied.folder / "elsewhere")
    else:
        path.write_bytes(b"" if what == "nothing" else bytes(1 << 20))
    server = begin(applied, uses=False)
    assert len(applied.rows("SELECT id FROM sales.orders.orders", as_user="noor")) == 4
    server.stop()
    assert is_whole(applied)
