"""Some seconds of the soak: `make soak` has ten minutes."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent / "story")]

from conftest import Mesh  # noqa: E402
from soak import Soak  # noqa: E402


def test_killed_again_and_again_under_load(tmp_path):
    mesh = Mesh(tmp_path / "mesh")
    mesh.folder.mkdir()
    soak = Soak(mesh, seed=2026).go(seconds=20)
    mesh.close()
    assert soak.faults == [], soak.table()
    assert soak.counts["servers killed"] >= 3 and len(soak.seen) >= 3, soak.table()
