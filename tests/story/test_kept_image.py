"""The image that one server keeps for the next: a start over it is as one that reads everything, whatever happened between."""

import re
import shutil
import signal
import struct
import subprocess
import time

import pytest

from conftest import ROWS, WEFT, Mesh, plain_memory, wait_for_end
from story_help import is_whole
from test_backup import flip
from test_mesh_tables import TABLES

KEEP = {"WEFT_IMAGE_KEEP_PRODUCTS": "1"}
PATIENCE_S = 60
SAID = "products are those that were kept"
HEAD_BYTES, ADDRESS = 4096, 88  # of the file's head, and where it says the address and the length of what follows


def begin(mesh, uses=None, env=None):
    """A server that keeps images; does it begin over one?"""
    log = mesh.folder / "server.log"
    before = log.stat().st_size if log.exists() else 0
    server = mesh.serve(env=KEEP | (env or {}))
    said = log.read_bytes()[before:].decode()
    if uses is not None:
        assert (SAID in said) == uses, said
    return server


def await_file(mesh, but=None):
    """The file, once it is another than this content."""
    path, end = mesh.home / "image.map", time.monotonic() + PATIENCE_S
    while not path.exists() or path.stat().st_ino == but:
        assert time.monotonic() < end, (mesh.folder / "server.log").read_text()
        time.sleep(0.02)
    return path


def keep(mesh):
    """A server keeps the mesh as it is now, and ends."""
    (mesh.home / "image.map").unlink(missing_ok=True)
    server = begin(mesh, uses=False)
    path = await_file(mesh)
    server.stop()
    return path


def count(mesh):
    return mesh.rows("SELECT count(*) AS n FROM sales.orders.orders", as_user="noor")[0]["n"]


def everything(mesh):
    """All that a server says of its mesh."""
    said = {table: sorted(map(str, mesh.rows(f"SELECT * FROM mesh.{table}"))) for table in TABLES if table not in ("queries", "runs", "checks")}
    return said | {"plan": mesh.weft("plan", "--format", "json").json["changes"], "policy": mesh.weft("test", ok=None).out}


@pytest.fixture(scope="module")
def retail(tmp_path_factory):
    made = Mesh(tmp_path_factory.mktemp("kept") / "retail")
    subprocess.run([WEFT, "init", made.folder, "--example", "retail", "--quiet"], env=made.env, check=True)
    made.weft("apply", "--yes")
    made.weft("run", "--all", ok=None)  # one of its products is rejected, and says why
    wait_for_end(made.home)
    yield made
    made.close()


def test_a_start_over_it_knows_all_that_one_without_it_knows(retail):
    keep(retail)
    server = begin(retail, uses=True)
    over = everything(retail)
    server.stop()
    (retail.home / "image.map").unlink()
    server = begin(retail, uses=False)
    assert everything(retail) == over and over["plan"] == []
    server.stop()


def regions(pid, but):
    """Addresses that mean something in the process, but for those of one region."""
    found = []
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            low, high = (int(x, 16) for x in line.split()[0].split("-"))
            if not (but[0] <= low < but[1]) and "vsyscall" not in line:
                found.append((low, high))
    return found


@plain_memory
def test_no_address_in_it_is_of_another_place(retail):
    """A pointer that nobody knew of would lead somewhere else in the next process."""
    (retail.home / "image.map").unlink(missing_ok=True)
    server = begin(retail, uses=False)
    data = await_file(retail).read_bytes()
    address, length = struct.unpack_from("QQ", data, ADDRESS)
    assert length > 100_000 and len(data) == HEAD_BYTES + (length + 4095) // 4096 * 4096
    strange = regions(server.process.pid, (address, address + (1 << 37)))
    words = struct.unpack_from(f"{length // 8}Q", data, HEAD_BYTES)
    own = sum(address <= word < address + length for word in words)
    outside = [(i * 8, hex(word)) for i, word in enumerate(words) if any(low <= word < high for low, high in strange)]
    assert own > 10_000 and outside == []
    server.stop()


def test_what_changed_since_then_is_read(applied):
    path = keep(applied)
    old = path.read_bytes()
    contract = applied.folder / "domains/sales/orders/orders.odcs.yaml"
    contract.write_text(re.sub("(?m)^name: .*", "name: Told anew", contract.read_text()))
    applied.write("data/orders.csv", ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n")
    applied.weft("apply", "--yes")
    applied.weft("run", "--all")
    wait_for_end(applied.home)
    path.write_bytes(old)
    server = begin(applied, uses=True)
    assert count(applied) == 5
    assert "Told anew" in [row["name"] for row in applied.rows("SELECT name FROM mesh.contracts")]
    assert applied.weft("plan", "--format", "json").json["changes"] == []
    server.stop()
    assert is_whole(applied)


def test_a_publish_alone_is_seen(applied):
    path = keep(applied)
    old = path.read_bytes()
    applied.write("data/orders.csv", ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n")
    applied.weft("run", "--all")
    wait_for_end(applied.home)
    path.write_bytes(old)
    server = begin(applied, uses=True)
    assert count(applied) == 5
    server.stop()


def test_while_it_serves_what_grows_is_kept_again(applied):
    server = begin(applied)
    first = await_file(applied).stat().st_ino
    applied.write("data/orders.csv", ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n")
    applied.weft("run", "--all")
    await_file(applied, but=first)
    server.stop()
    server = begin(applied, uses=True)
    assert count(applied) == 5
    server.stop()


@plain_memory
def test_a_server_that_lies_over_one_makes_the_next_where_nobody_else_is(applied):
    """An address that the system chose may be taken in the next process."""
    path = keep(applied)
    first = path.stat().st_ino
    server = begin(applied, uses=True)
    applied.write("data/orders.csv", ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n")
    applied.weft("run", "--all")
    await_file(applied, but=first)
    server.stop()
    [address] = struct.unpack_from("Q", path.read_bytes(), ADDRESS)
    assert address >> 40 == 0x20, hex(address)
    server = begin(applied, uses=True)
    assert count(applied) == 5
    server.stop()


def test_one_of_another_course_of_the_catalog_is_not_used(applied):
    """The catalog was brought back, and came to the same version by another way."""
    wait_for_end(applied.home)
    catalog = applied.home / "catalog.db"
    before = catalog.read_bytes()
    applied.write("data/orders.csv", ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n")
    applied.weft("run", "--all")
    wait_for_end(applied.home)
    path = keep(applied)
    kept = path.read_bytes()
    catalog.write_bytes(before)
    applied.write("data/orders.csv", ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n6,Fay,fay@example.com,CH,1.00,2026-01-06\n")
    applied.weft("run", "--all")
    wait_for_end(applied.home)
    path.write_bytes(kept)
    server = begin(applied, uses=False)
    assert count(applied) == 6
    server.stop()


@pytest.mark.parametrize("where", [60, 89, HEAD_BYTES, HEAD_BYTES + 5000, -4500])
def test_a_flipped_bit_costs_a_slower_start(applied, where):
    path = keep(applied)
    at = where if where >= 0 else path.stat().st_size + where
    flip(path, at)
    server = begin(applied, uses=False)
    assert count(applied) == 4
    server.stop()
    assert is_whole(applied)


def test_verify_finds_the_bit_and_takes_it_away(applied):
    path = keep(applied)
    server = begin(applied, uses=True)
    with open(path, "r+b") as file:  # in its place: a server has no pages any more of a file that is cut while it lies over it
        file.seek(HEAD_BYTES + 300)
        [byte] = file.read(1)
        file.seek(HEAD_BYTES + 300)
        file.write(bytes([byte ^ 1]))
    assert applied.weft("verify", "--format", "json").json["copies_removed"] == 1
    assert not path.exists()
    assert applied.weft("verify", "--format", "json").json["copies_removed"] == 0
    applied.write("data/orders.csv", ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n")
    applied.weft("run", "--all")  # what this server lies over is not to be trusted: it keeps nothing more
    time.sleep(1)
    server.stop()
    assert not path.exists()
    server = begin(applied, uses=False)
    await_file(applied)
    server.stop()


@pytest.mark.parametrize("cut", [0, 1, HEAD_BYTES, HEAD_BYTES + 1, -1, -4096])
def test_one_that_was_cut_is_not_used(applied, cut):
    path = keep(applied)
    data = path.read_bytes()
    path.write_bytes(data[:cut])
    server = begin(applied, uses=False)
    assert count(applied) == 4
    server.stop()


@pytest.mark.parametrize("point", ["KEPT_BEFORE_MOVE", "KEPT_AFTER_MOVE"])
def test_a_crash_while_it_is_kept(applied, point):
    server = begin(applied, env={"WEFT_FAULT": f"{point}:kill"})
    assert server.process.wait(timeout=PATIENCE_S) == -signal.SIGKILL
    server = begin(applied, uses=point == "KEPT_AFTER_MOVE")
    assert count(applied) == 4
    await_file(applied)
    server.stop()
    assert not (applied.home / "image.map.new").exists() and is_whole(applied)


def test_a_draft_that_a_crash_left_goes_at_the_next_start(applied):
    wait_for_end(applied.home)
    draft = applied.home / "image.map.new"
    draft.write_bytes(bytes(1 << 20))
    applied.serve(env={"WEFT_IMAGE_KEEP_PRODUCTS": "1000"}).stop()
    assert not draft.exists()


@pytest.mark.parametrize("how", ["fail", "full"])
def test_one_that_cannot_be_kept_disturbs_nobody(applied, how):
    server = begin(applied, env={"WEFT_FAULT": f"KEPT_BEFORE_MOVE:{how}"})
    end = time.monotonic() + PATIENCE_S
    while "module=timer" not in (applied.folder / "server.log").read_text():
        assert time.monotonic() < end
        time.sleep(0.02)
    assert count(applied) == 4
    assert not (applied.home / "image.map.new").exists() and not (applied.home / "image.map").exists()
    server.stop()
    assert is_whole(applied)


def test_a_small_mesh_needs_none(applied):
    server = applied.serve()
    time.sleep(1.5)
    assert not (applied.home / "image.map").exists()
    server.stop()


def test_a_restored_home_begins_without_it(applied, tmp_path):
    keep(applied)
    applied.weft("backup", tmp_path / "copy")
    assert not list((tmp_path / "copy").rglob("image.map*"))
    other = Mesh(tmp_path / "other")
    shutil.copytree(applied.folder, other.folder, ignore=shutil.ignore_patterns(".weft"))
    other.weft("restore", tmp_path / "copy")
    assert count(other) == 4
    other.close()
