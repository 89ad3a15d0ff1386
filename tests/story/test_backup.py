"""A home is copied while it is served, and what was copied is a home again, or is refused."""

import hashlib
import os
import shutil
import subprocess
import threading

import pytest

from conftest import ROWS, Mesh, wait_for_end
from story_help import audit, is_whole

COUNT = "SELECT count(*) AS n, sum(amount) AS amount FROM sales.orders.orders"


def restored(mesh, folder, name="restored", **how):
    """Another home, with a copy of the mesh folder's files beside it."""
    other = Mesh(mesh.folder.parent / name)
    other.folder.mkdir()
    for part in ("mesh.yaml", "policies", "domains", "data"):
        copy = shutil.copytree if (mesh.folder / part).is_dir() else shutil.copy
        copy(mesh.folder / part, other.folder / part)
    other.answer = other.weft("restore", folder, **how)
    return other


HASH = """\
apiVersion: weft/v1
kind: Policy
id: hashed
owner: guild
description: Hashes of persons.
mask: {columns: {classification: [pii]}, with: {method: hash}}
"""


def more_rows(n):
    return ROWS + "".join(f"{i},Eva,eva{i}@example.com,CH,1.00,2026-01-05\n" for i in range(5, 5 + n))


def test_a_backup_restored_elsewhere_answers_the_same(applied, tmp_path):
    (applied.home / "secrets").mkdir(mode=0o700, exist_ok=True)
    (applied.home / "secrets/sales").write_text("PASSWORD=hidden\n")
    (applied.home / "secrets/sales").chmod(0o600)
    before = applied.rows(COUNT, as_user="noor")
    key = applied.weft("audit", "key").out
    made = applied.weft("backup", tmp_path / "monday", "--format", "json").json
    assert made["files"] == 1 and made["reused"] == 0
    # Anybody can check it, without weft.
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=tmp_path / "monday", check=True)
    assert not list(tmp_path.glob(".*unfinished"))

    other = restored(applied, tmp_path / "monday")
    assert other.rows(COUNT, as_user="noor") == before
    assert is_whole(other)
    assert other.weft("audit", "key").out == key
    assert (other.home / "secrets/sales").read_text() == "PASSWORD=hidden\n"
    assert oct((other.home / "secrets/sales").stat().st_mode & 0o777) == "0o600"
    # The chain goes on from where it was, and tells of the restoring.
    told = [row["action"] for row in audit(other)]
    assert "publish" in told and told.index("home.restore") > told.index("publish")
    # It is a home like any other.
    other.write("data/orders.csv", more_rows(1))
    other.weft("run", "--all")
    assert other.rows(COUNT, as_user="noor")[0]["n"] == 5 and is_whole(other)
    assert applied.rows(COUNT, as_user="noor") == before
    assert [row for row in audit(applied) if row["action"] == "home.backup"]
    other.close()


def test_hashes_of_masks_are_the_same_after_a_restore(applied, tmp_path):
    """What was joined by them, and is kept elsewhere, still joins: the key is part of a backup."""
    applied.write("policies/hashed.policy.yaml", HASH)
    applied.weft("apply", "--yes")
    sql = "SELECT email FROM sales.orders.orders ORDER BY id"
    before = applied.rows(sql, as_user="noor")
    assert len(before[0]["email"]) == 64
    applied.weft("backup", tmp_path / "monday")
    other = restored(applied, tmp_path / "monday")
    assert other.rows(sql, as_user="noor") == before
    other.close()


def test_backups_while_runs_go_on(applied, tmp_path):
    """Each is of one instant, though releases come and go meanwhile."""
    server = applied.serve(http=False, env={"WEFT_KEEP_RELEASES": "1", "WEFT_KEEP_DAYS": "0"})
    ended, wrong = threading.Event(), []

    def publish():
        for n in range(1, 1000):
            if ended.is_set():
                return
            applied.write("data/orders.csv", more_rows(n))
            answer = applied.weft("run", "--all", ok=None)
            if answer.code:
                wrong.append(answer)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        for i in range(4):
            reuse = ["--reuse", tmp_path / f"backup-{i - 1}"] if i else []
            applied.weft("backup", tmp_path / f"backup-{i}", *reuse)
    finally:
        ended.set()
        thread.join()
    assert not wrong and is_whole(applied)
    server.stop()
    for i in range(4):
        other = restored(applied, tmp_path / f"backup-{i}", f"restored-{i}")
        rows = other.rows(COUNT, as_user="noor")[0]["n"]
        releases = other.rows("SELECT max(number) AS n FROM mesh.releases", as_user="ana")[0]["n"]
        assert rows == 3 + releases  # the first has four rows, and each that follows one more
        assert is_whole(other)
        other.close()


def test_a_second_backup_takes_room_for_what_is_new(applied, tmp_path):
    applied.weft("backup", tmp_path / "monday")
    old = next((tmp_path / "monday/files").rglob("*/*"))
    applied.write("data/orders.csv", more_rows(1))
    applied.weft("run", "--all")
    made = applied.weft("backup", tmp_path / "tuesday", "--reuse", tmp_path / "monday", "--format", "json").json
    assert made["files"] == 2 and made["reused"] == 1
    assert (tmp_path / "tuesday/files" / old.name[:2] / old.name).samefile(old)
    # What is damaged there is not taken over.
    old.chmod(0o600)
    flip(old)
    made = applied.weft("backup", tmp_path / "wednesday", "--reuse", tmp_path / "monday", "--format", "json").json
    assert made["reused"] == 0
    restored(applied, tmp_path / "wednesday").close()


def test_only_a_backup_is_reused(applied, tmp_path):
    """A path that was mistyped would copy all again, and the home itself would share its files with its backup."""
    for other in (tmp_path / "mnday", applied.home, tmp_path / "tuesday"):
        refused = applied.weft("backup", tmp_path / "tuesday", "--reuse", other, ok=False)
        assert refused.code == 66 and f"{other} is no backup" in refused.err
        assert not (tmp_path / "tuesday").exists() and not list(tmp_path.glob(".*unfinished"))


def flip(path, at=None):
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1
    mode = path.stat().st_mode & 0o777
    path.chmod(0o600)
    path.write_bytes(data)
    path.chmod(mode)


@pytest.mark.parametrize("name", ["catalog.db", "audit.key", "mask.key", "files", "SHA256SUMS"])
@pytest.mark.parametrize("how", ["flipped", "cut", "missing"])
def test_a_damaged_backup_is_refused_by_name(applied, tmp_path, name, how):
    applied.weft("backup", tmp_path / "backup")
    victim = tmp_path / "backup" / name
    if name == "files":
        victim = next(victim.rglob("*/*"))
    if how == "flipped":
        flip(victim)
    elif how == "cut":
        victim.chmod(0o600)
        victim.write_bytes(victim.read_bytes()[:-1])
    else:
        victim.unlink()
    other = restored(applied, tmp_path / "backup", ok=False)
    assert other.answer.code == (66 if name == "SHA256SUMS" and how == "missing" else 70), other.answer
    assert victim.name in other.answer.err
    assert not other.home.exists() and not list(other.folder.glob(".*unfinished"))


def test_only_a_free_place_is_written_to(applied, tmp_path):
    applied.weft("backup", tmp_path / "backup")
    again = applied.weft("backup", tmp_path / "backup", ok=False)
    assert again.code == 75 and "there already" in again.err
    inside = applied.weft("backup", applied.home / "backup", ok=False)
    assert inside.code == 2 and "lies in the home" in inside.err
    wait_for_end(applied.home)
    over = applied.weft("restore", tmp_path / "backup", ok=False)
    assert over.code == 75 and str(applied.home) in over.err
    # An empty folder is free.
    (tmp_path / "empty").mkdir()
    applied.weft("backup", tmp_path / "empty")
    assert (tmp_path / "empty/SHA256SUMS").exists()
    nothing = applied.weft("restore", tmp_path, "--home", tmp_path / "other", ok=False)
    assert nothing.code == 66 and "is no backup" in nothing.err


def test_only_the_owner_of_the_home_takes_a_backup(applied, tmp_path):
    server = applied.serve()
    applied.weft("user", "add", "root")  # an administrator of the mesh
    token = applied.weft("token", "create", "root", "--quiet").out.strip()
    body = {"folder": str(tmp_path / "stolen")}
    assert server.call("POST", "/api/v1/backup", body, token=token)[0] == 403
    assert server.call("POST", "/api/v1/backup", body, as_user="noor")[0] == 403
    assert not (tmp_path / "stolen").exists()


def test_a_list_that_names_other_places_is_refused(applied, tmp_path):
    """Who can write a list can make it fit in itself; it still writes only what a backup holds."""
    applied.weft("backup", tmp_path / "backup")
    listed = tmp_path / "backup/SHA256SUMS"
    lines = listed.read_text().splitlines()[:-1]
    (tmp_path / "evil").write_text("evil")
    for name in ("../evil", "/tmp/evil", "secrets/../../evil", "workers/evil", "secrets/.evil", "files/ab/evil"):
        text = "\n".join(lines + [f"{hashlib.sha256(b'evil').hexdigest()}  {name}", ""])
        listed.write_text(text + f"# end {hashlib.sha256(text.encode()).hexdigest()}\n")
        other = applied.weft("restore", tmp_path / "backup", "--home", tmp_path / "other", ok=False)
        assert other.code == 70 and "nothing that a backup holds" in other.err
        assert not (tmp_path / "other").exists()


def test_what_stands_for_a_hash_names_no_other_place(applied, tmp_path):
    """`files/..` and sixty-four characters of path, where a hash should be."""
    applied.weft("backup", tmp_path / "backup")
    listed = tmp_path / "backup/SHA256SUMS"
    path = "../" + "./" * 25 + "stolen-file"
    assert len(path) == 64
    (tmp_path / "stolen-file").write_text("not of a backup")
    body = "".join(line for line in listed.read_text().splitlines(True) if not line.startswith("# end")) + f"{path}  files/../{path}\n"
    listed.write_text(body + f"# end {hashlib.sha256(body.encode()).hexdigest()}\n")
    (tmp_path / "beside").mkdir()
    other = applied.weft("restore", tmp_path / "backup", "--home", tmp_path / "beside/other", ok=False)
    assert not list((tmp_path / "beside").iterdir()), "it was written to"
    assert "has a line that names no file" in other.err, other


@pytest.mark.parametrize("fault", ["BACKUP_FILE", "BACKUP_BEFORE_MOVE"])
@pytest.mark.parametrize("how", ["kill", "full", "fail"])
def test_a_crash_leaves_no_half_of_a_backup(applied, tmp_path, fault, how):
    server = applied.serve(env={"WEFT_FAULT": f"{fault}:{how}"}, http=False)
    assert applied.weft("backup", tmp_path / "backup", ok=None).code != 0
    assert not (tmp_path / "backup").exists()
    if how == "kill":
        server.process.wait(60)
    else:
        assert not list(tmp_path.glob(".*unfinished"))
        server.stop()
    # What a killed server left is gone with the next one.
    applied.weft("backup", tmp_path / "backup")
    assert not list(tmp_path.glob(".*unfinished"))
    restored(applied, tmp_path / "backup").close()


def test_a_release_file_that_is_damaged_is_not_backed_up(applied, tmp_path):
    victim = next((applied.home / "files").rglob("*/*"))
    flip(victim)
    refused = applied.weft("backup", tmp_path / "backup", ok=False)
    assert refused.code == 70 and victim.name in refused.err
    assert os.listdir(tmp_path) == ["mesh"]
