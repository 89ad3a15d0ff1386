"""A part of the crash matrix, the same each time: `make crash` has all of it."""

import json
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent / "story")]

import crash_operations  # noqa: E402
from conftest import WEFT, Mesh  # noqa: E402
from crash_case import Case, Template  # noqa: E402
from crash_matrix import Kept, Matrix  # noqa: E402
from crash_operations import TABLE  # noqa: E402
from home_reader import FileReader, read_home  # noqa: E402
from injector import is_there  # noqa: E402

pytestmark = pytest.mark.skipif(not is_there(), reason="sanitizers want to be preloaded first themselves")
CASES_OF_EACH = 6

# Each was not as it must be once.
FOUND = {
    "a run whose end cannot be written lets nobody wait": "run/server pwrite /catalog.db-wal/49/enospc",
    "a run that cannot be begun lets nobody wait": "run/server pwrite /catalog.db-wal/12/enospc",
    "files that a job was given are gone before the next": "run/server unlink /workers/N/in/vN_N.parquet/1/eio",
    "a home that fails is no source that fails": "run/server fchmod /workers/N/out/shop.raw_orders.parquet/1/eio",
    "nor is what a worker cannot write": "run/worker-extract write /workers/N/out/shop.raw_orders.parquet/1/enospc",
    "a worker without a folder is a failure of the disk": "run/server mkdir /workers/N/1/eio",
    "half a key is no key": "birth/server write /audit.key.new/1/short",
    "nor is half a mask's": "birth/server write /mask.key.new/1/eintr",
    "a lock that was written in part is written whole": "start/server write /lock/1/short",
    "a refreshed environment is there when its folder may not last": "env-refresh/server fsync /env/dev-x/1/eio",
    "an environment that stays says where": "env-drop/server rename /env/.dev-x.dropped/1/enospc",
    "a copy that fails says of what": "restore/client copy_file_range unfinished/files/AB/HASH/1/enospc",
    "a backup that may not last is not there": "backup/server fsync backup/1/eio",
    "nor is one that the audit does not tell of": "backup/server fdatasync /catalog.db-wal/1/eio",
    "an interrupted open is tried again": "start/server create /catalog.db/1/eintr",
}


@pytest.mark.parametrize("operation", list(TABLE))
def test_at_some_calls_of(operation, tmp_path):
    matrix = Matrix([operation], most=CASES_OF_EACH, folder=tmp_path).run()
    assert len(matrix.results) == CASES_OF_EACH
    assert matrix.failed == []


class SameCalls(Matrix):
    """In which order two threads make their calls may differ from one matrix to the next: these learn them once."""

    logs = {}

    def learn(self, name):
        template = super().learn(name)
        template.log = self.logs.setdefault(name, template.log)
        return template


def test_an_interrupted_matrix_goes_on(tmp_path):
    def matrix(goes_on, program=WEFT):
        made = SameCalls(["user"], most=4, kept=Kept(tmp_path / "kept", [program], goes_on))
        made.taken = 0
        made.tell = lambda text: setattr(made, "taken", made.taken + text.startswith("2 were done before"))
        return made.run()

    first = matrix(goes_on=False)
    assert len(first.results) == 4 and first.failed == []
    build, *lines = (tmp_path / "kept").read_text().splitlines()
    one, two, three = map(json.loads, lines[:3])
    three["faults"] = ["it was not as it must be"]
    (tmp_path / "kept").write_text("\n".join([build, json.dumps(one), json.dumps(two), json.dumps(three), lines[3][:20]]))

    # What passed is not done again; what failed or was cut short is.
    second = matrix(goes_on=True)
    assert second.taken == 1 and second.failed == []
    assert {r["name"] for r in second.results} == {r["name"] for r in first.results}
    # What another build passed says nothing of this one.
    assert matrix(goes_on=True, program=__file__).taken == 0


def test_a_reader_beside_upkeep_reads_again(tmp_path, monkeypatch):
    mesh = Mesh(tmp_path / "mesh")
    mesh.folder.mkdir()
    TABLE["run"].prepare(mesh)
    mesh.serve(http=False)
    file, away = next((mesh.home / "files").glob("*/*")), tmp_path / "away"
    missing, check = f"release file {file.name} is missing", FileReader.check

    def lose(reader, sha256, size):
        """There when it is looked for, gone when it is read."""
        is_there = check(reader, sha256, size)
        if sha256 == file.name and is_there:
            file.rename(away)
        return is_there

    def find(*arguments):
        home = read_home(*arguments)
        if away.exists():
            away.rename(file)
        return home

    with monkeypatch.context() as patch:
        patch.setattr(FileReader, "check", lose)
        assert missing in TABLE["run"].state(mesh, True)[0].faults
    # It is missed as long as the catalog names it, and no longer.
    assert missing in TABLE["upkeep"].state(mesh, True)[0].faults
    monkeypatch.setattr(crash_operations, "read_home", find)
    assert TABLE["upkeep"].state(mesh, True)[0].faults == []
    mesh.close()


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    """Each operation's state before and after, learned once."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = Template(TABLE[name], tmp_path_factory.mktemp(name))
            assert Case(made[name]).run().faults == []
        return made[name]

    return get


@pytest.mark.parametrize("what", list(FOUND))
def test_what_was_found(templates, what):
    operation, rest = FOUND[what].split("/", 1)
    point, nth, fault = rest.rsplit("/", 2)
    # How many pages a transaction writes to a log is not the same each time: then it is the last of them that fails.
    for count in range(int(nth), 0, -1):
        case = Case(templates(operation), point, count, fault).run()
        assert case.faults == []
        if case.outcome != "not reached":
            return
    raise AssertionError(f"{what}: no such call")
