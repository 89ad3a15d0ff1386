"""Damaged, hostile and odd inputs: none crashes, hangs, or passes without a word. Each has its outcome written down beside it."""

import json
import sys

import pytest

from conftest import DOMAIN, MESH, ROOT, Mesh
from story_help import is_whole, told

sys.path.insert(0, str(ROOT / "tests/corpus"))
from cases import CASES  # noqa: E402

def product_of(case):
    """Of what is refused, and of what would make a file of the mesh too large, one each."""
    return "good" if case.refused is None and len(case.columns) <= 1000 else case.name


def product(name, inputs):
    return json.dumps({
        "apiVersion": "v1.0.0", "kind": "DataProduct", "id": f"{name}-product", "name": name, "version": "1.0.0", "status": "active",
        "inputPorts": [{"name": case.name, "version": "1.0.0", "contractId": f"{case.name}-source"} for case in inputs],
        "outputPorts": [{"name": "output", "version": "1.0.0", "contractId": f"{name}-output"}]})


def logical(kind):
    return "array" if kind.endswith("[]") else "object" if kind.startswith("STRUCT") else "string"


def contract(name, cases, servers=None):
    return json.dumps({
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": name, "version": "1.0.0", "status": "active",
        **({"servers": servers} if servers else {}), "schema": [
            {"name": case.name, "properties": [
                {"name": column, "logicalType": logical(kind), "physicalType": kind} for column, kind in case.columns.items()]}
            for case in cases]})


def write(mesh, name, cases):
    """One product of these inputs, each passed through to a table of its name."""
    folder = f"domains/odd/{name}"
    mesh.write(f"{folder}/product.odps.json", product(name, cases))
    mesh.write(f"{folder}/output.odcs.json", contract(f"{name}-output", cases))
    for case in cases:
        server = {"server": "files", "type": "local", "path": f"data/{case.path}", "format": case.kind,
                  "customProperties": [{"property": k, "value": v} for k, v in case.custom.items()]}
        mesh.write(f"{folder}/{case.name}.odcs.json", contract(f"{case.name}-source", [case], [server]))
        for file, data in case.files.items():
            mesh.write(f"data/{file}", data)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """All of the corpus in one mesh, run once. What is good stands in one product, what is refused is one each."""
    mesh = Mesh(tmp_path_factory.mktemp("corpus") / "mesh")
    mesh.folder.mkdir()
    mesh.write("mesh.yaml", MESH)
    mesh.write("domains/odd/domain.yaml", DOMAIN.replace("name: sales", "name: odd"))
    for name in {product_of(case) for case in CASES}:
        write(mesh, name, [case for case in CASES if product_of(case) == name])
    # With the memory that workers have where nobody says otherwise, whatever a file is like: also one of 10,000 columns.
    mesh.serve()
    mesh.weft("apply", "--yes")
    mesh.told = told(mesh.weft("run", "--all", ok=False))
    sql = "SELECT product, state, error FROM mesh.runs"
    mesh.ends = {row["product"].split(".")[-1]: row for row in mesh.rows(sql, as_user="ana")}
    yield mesh
    mesh.close()


def findings(ran, case):
    """What was told of the files of one product: its lines, and those indented below them."""
    lines, is_ours = [], False
    for line in ran.told.splitlines():
        is_ours = f"odd/{case.name}/" in line or (is_ours and line.startswith("  "))
        lines += [line] if is_ours else []
    return "\n".join(lines)


def key(row):
    return json.dumps(row)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_input_comes_to_its_end(ran, case):
    end = ran.ends[product_of(case)]
    if case.refused is not None:
        assert end["state"] in ("failed", "rejected"), end
        assert case.refused in f"{end['error']}\n{findings(ran, case)}", end
        return
    assert end["state"] == "published", end
    table = f"odd.{product_of(case)}.{case.name}"
    if case.rows is not None:
        names = ", ".join(f'"{name}"' for name in case.columns)
        found = [list(row.values()) for row in ran.rows(f"SELECT {names} FROM {table}", as_user="ana")]
        assert sorted(found, key=key) == sorted(case.rows, key=key)
    for sql, value in (case.checks or {}).items():
        assert ran.rows(f"SELECT {sql} AS found FROM {table}", as_user="ana") == [{"found": value}], sql


def test_nothing_is_left_over(ran):
    assert is_whole(ran)
