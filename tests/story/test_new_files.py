"""Files that new, contract import and their kin write: all or none, never a half, never over what is there."""

import json

import pytest

import dbt_manifest
from conftest import MESH

CONTRACT = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "orders", "type": "object",
            "properties": {"id": {"type": "integer"}, "country": {"type": "string"}}}


def files(mesh):
    """By path, with their text; what begins with a dot is nobody's declaration."""
    return {str(p.relative_to(mesh.folder)): p.read_text() for p in sorted(mesh.folder.rglob("*"))
            if p.is_file() and not any(part.startswith(".") for part in p.relative_to(mesh.folder).parts)}


def drafts(mesh):
    return sorted(str(p.relative_to(mesh.folder)) for p in mesh.folder.rglob("*.weft-new"))


WORK = {
    "a product": ["new", "product", "sales.orders"],
    "a product from a file": ["new", "product", "sales.orders", "--from", "data/orders.csv"],
    "a domain": ["new", "domain", "sales"],
    "a contract": ["new", "contract", "sales.orders.returns"],
    "a policy": ["new", "policy", "ours"],
    "policies": ["new", "policy", "ours", "--from", "personal-data"],
    "an import": ["contract", "import", "orders.json", "--from", "json-schema", "--out", "orders.odcs.yaml"],
    "an export": ["contract", "export", "shop.odcs.yaml", "--to", "sql", "--out", "shop.sql"],
    "a dbt project": ["contract", "import", "manifest.json", "--from", "dbt", "--out", "domains/shop"],
}


@pytest.fixture
def folder(mesh):
    mesh.write("mesh.yaml", MESH)
    mesh.write("data/orders.csv", "id,country\n1,CH\n2,DE\n")
    mesh.write("orders.json", json.dumps(CONTRACT))
    mesh.write("shop.odcs.yaml", "apiVersion: v3.1.0\nkind: DataContract\nid: shop\nversion: 1.0.0\nstatus: active\n"
               "schema:\n  - name: orders\n    properties:\n      - {name: id, logicalType: integer}\n")
    mesh.write("manifest.json", json.dumps(dbt_manifest.manifest()))
    return mesh


@pytest.mark.parametrize("how", ["kill", "fail", "full"])
@pytest.mark.parametrize("fault", ["NEW_FILE", "NEW_FILE:1", "NEW_MOVE"])
@pytest.mark.parametrize("work", WORK)
def test_what_goes_wrong_leaves_all_or_nothing(folder, work, fault, how):
    point, _, after = fault.partition(":")
    before = files(folder)
    answer = folder.weft(*WORK[work], ok=None, env={"WEFT_FAULT": f"{point}:{how}" + (f":{after}" if after else "")})
    now = files(folder)
    added = {path: text for path, text in now.items() if path not in before}
    assert {path: now.get(path) for path in before} == before or (work == "a product from a file" and answer.code == 0)
    if answer.code == 0:
        # There was no second file to fail at.
        assert after and added and drafts(folder) == []
        return
    if how != "kill":
        assert drafts(folder) == [], "what failed cleans up behind it"
    if how == "kill" and point == "NEW_MOVE":
        # What had its name by then is whole; of one new folder that is all of it.
        assert added and all(text for text in added.values())
        assert drafts(folder) == [] or work in ("policies", "a product from a file")
    elif point != "NEW_MOVE" or work != "a product from a file":
        assert added == {}, added
    # Again, after what stands in the way: drafts of one that was killed are nobody's.
    for path in added:
        (folder.folder / path).unlink()
    folder.weft(*WORK[work])
    whole = files(folder)
    assert drafts(folder) == [] and set(added) <= set(whole)
    # Once more: nothing is written over.
    again = folder.weft(*WORK[work], ok=False)
    assert again.code == 75 and "is there already" in again.err
    assert files(folder) == whole and drafts(folder) == []


def test_what_came_meanwhile_is_not_written_over(folder):
    """One file of many that is there stops all of them."""
    folder.write("domains/shop/customers/product.odps.yaml", "mine")
    before = files(folder)
    answer = folder.weft(*WORK["a dbt project"], ok=None)
    if answer.code == 0:
        assert files(folder)["domains/shop/customers/product.odps.yaml"] == "mine"
    else:
        assert answer.code == 75 and files(folder) == before
    assert drafts(folder) == []


def test_a_folder_that_cannot_be_written_into(folder, tmp_path):
    folder.write("domains", "a file")
    answer = folder.weft(*WORK["a product"], ok=False)
    assert "cannot write domains/sales" in answer.err, answer
    assert files(folder)["domains"] == "a file" and drafts(folder) == []
