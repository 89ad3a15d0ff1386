"""Killed at each write: nothing lost, nothing torn, nothing left over, and the work can be done again."""

import re
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT, ROWS

FAULTS = re.findall(r"^FAULT\((\w+),", (ROOT / "src/base/fault/faults.def").read_text(), re.M)
MORE = ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n"
MASK = """\
apiVersion: weft/v1
kind: Policy
id: mask-personal-data
owner: guild
mask: {columns: {classification: [pii]}, with: {method: "null"}}
"""
# The audit tells of the start first, which must pass.
AFTER = {"AUDIT_WRITE": ":1"}
# After the commit the work is done, though nobody was told.
DONE_BEFORE_DEATH = {"PUBLISH_AFTER_COMMIT", "APPLY_AFTER_COMMIT", "ACCESS_AFTER_COMMIT", "ROLLBACK_AFTER_COMMIT",
                     "CANDIDATE_AFTER_COMMIT"}
REQUEST = ["access", "request", "sales.orders.orders", "--purpose", "reporting", "--until", "2099-12-31", "--reason",
           "Figures", "--as", "eve"]


def release_files(mesh):
    return sorted(p.name for p in (mesh.home / "files").rglob("*") if p.is_file())


def left_over(mesh):
    staged = [p for p in (mesh.home / "staging").rglob("*") if p.is_file()]
    linked = [p for p in (mesh.home / "workers").rglob("*") if p.is_file()]
    return staged + linked


def act(mesh, fault):
    """What passes this point of the program."""
    if fault.startswith(("RUN_", "STORE_", "PUBLISH_")):
        mesh.write("data/orders.csv", MORE)
        return mesh.weft("run", "--all", ok=None)
    if fault.startswith("CANDIDATE_"):
        mesh.write("data/orders.csv", MORE)
        return mesh.weft("run", "sales.orders", "--candidate", ok=None)
    if fault.startswith("ROLLBACK_"):
        return mesh.weft("rollback", "sales.orders", "--to", "1", ok=None)
    if fault.startswith("APPLY_"):
        mesh.write("policies/mask.policy.yaml", MASK)
        return mesh.weft("apply", "--yes", ok=None)
    if fault.startswith("ACCESS_"):
        return mesh.weft("access", "approve", "1", "--as", "ana", ok=None)
    if fault.startswith("BACKUP_"):
        return mesh.weft("backup", mesh.folder / "backup", ok=None)
    if fault == "MESH_FILE":
        return mesh.weft("query", "SELECT count(*) AS n FROM mesh.columns", "--as", "noor", ok=None)
    return mesh.weft("query", "SELECT count(*) AS n, count(email) AS emails FROM sales.orders.orders",
                     "--as", "noor", "--format", "ndjson", ok=None)


def is_done(mesh, fault):
    if fault.startswith(("RUN_", "STORE_", "PUBLISH_")):
        return mesh.rows("SELECT count(*) AS n FROM sales.orders.orders", as_user="noor") == [{"n": 5}]
    if fault.startswith("CANDIDATE_"):
        return len(mesh.weft("candidate", "list", "--format", "json").json) == 1
    if fault.startswith("ROLLBACK_"):
        return mesh.rows("SELECT count(*) AS n FROM sales.orders.orders", as_user="noor") == [{"n": 4}]
    if fault.startswith("APPLY_"):
        return mesh.rows("SELECT count(email) AS n FROM sales.orders.orders", as_user="noor") == [{"n": 0}]
    if fault.startswith("ACCESS_"):
        return mesh.weft("query", "SELECT * FROM sales.orders.orders", "--as", "eve", "--purpose", "reporting",
                         ok=None).code == 0
    if fault.startswith("BACKUP_"):
        return (mesh.folder / "backup").exists()
    return True


# A full disk shows where something is written; elsewhere it is a failure like others.
FULL = [f for f in FAULTS if f.startswith("STORE_") or f.endswith(("_BEFORE_COMMIT", "AUDIT_WRITE"))]
# Those of the quarantine, of environments, of new files, of rules between runs, of kept images and of checksums of pages have stories of
# their own, in test_quarantine.py, test_env_crash.py, test_new_files.py, test_rule_schedules.py, test_kept_image.py, test_flipped_bits.py.
ELSEWHERE = ("UPKEEP_REMOVE", "RUN_DIVERT", "QUARANTINE_BEFORE_COMMIT", "CHECKS_BEFORE_COMMIT", "NEW_FILE", "NEW_MOVE",
             "KEPT_BEFORE_MOVE", "KEPT_AFTER_MOVE", "SEAL_BEFORE_MOVE", "SEAL_AFTER_MOVE")
CASES = [(f, how) for f in FAULTS if not f.startswith("ENV_") and f not in ELSEWHERE for how in ("kill", "fail")] + [
    (f, "full") for f in FULL if f not in ELSEWHERE]


@pytest.mark.parametrize("fault, how", CASES)
def test_at_each_write(applied, fault, how):
    if fault.startswith("CLEAR_"):
        applied.write("policies/mask.policy.yaml", MASK)
        applied.weft("apply", "--yes")
    if fault.startswith("ACCESS_"):
        applied.weft(*REQUEST)
    if fault.startswith("ROLLBACK_"):
        applied.write("data/orders.csv", MORE)
        applied.weft("run", "--all")
    before = release_files(applied)
    server = applied.serve(env={"WEFT_FAULT": f"{fault}:{how}{AFTER.get(fault, '')}", "WEFT_MESH_FILE_BYTES": "1"}, http=False)
    answer = act(applied, fault)
    if how == "kill":
        server.process.wait(60)
        assert server.process.returncode == -9, f"{fault} was not passed: {answer}"
        assert answer.code != 0, answer
    else:
        assert answer.code != 0 or fault.startswith(("CLEAR_", "MESH_")), answer
        server.stop()

    # Restarted: whole, and in one of the two states.
    verdict = applied.weft("verify", "--format", "json").json
    assert verdict["damaged"] == [] and verdict["catalog"] == "ok" and verdict["audit"]["whole"]
    done = is_done(applied, fault)
    if fault in DONE_BEFORE_DEATH:
        assert done
    elif fault.startswith(("RUN_", "STORE_", "PUBLISH_", "CANDIDATE_", "ROLLBACK_", "APPLY_", "ACCESS_", "BACKUP_")):
        assert not done
    if not done:
        assert release_files(applied) == before, "files of a release that never was"
    assert left_over(applied) == []
    runs = applied.rows("SELECT state FROM mesh.runs", as_user="ana")
    assert all(r["state"] in ("published", "failed", "rejected", "cancelled", "candidate") for r in runs)

    # And again, without the fault. What is approved already is not approved twice.
    again = act(applied, fault)
    assert again.code == (75 if done and fault.startswith("ACCESS_") else 0), again
    assert is_done(applied, fault)
    assert applied.weft("verify", "--format", "json").json["damaged"] == []


def test_sweep_killed_between_two_removals(applied):
    """Files that no release names go at start, though the first start dies over it."""
    store = applied.home / "files"
    for i in range(3):
        name = f"{i:064x}"
        folder = store / name[:2]
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("left over")
    with pytest.raises(RuntimeError):
        applied.serve(env={"WEFT_FAULT": "UPKEEP_REMOVE:kill"})
    applied.weft("status")
    assert not any(p.read_bytes() == b"left over" for p in store.rglob("*") if p.is_file())
    assert len(applied.rows("SELECT * FROM sales.orders.orders", as_user="noor")) == 4


def test_a_worker_that_is_killed_fails_its_query_and_no_other(applied):
    server = applied.serve()
    sql = "SELECT count(*) FROM range(100000000) a, range(1000) b"
    import threading
    result = {}
    thread = threading.Thread(target=lambda: result.update(answer=server.query(sql, as_user="noor")))
    thread.start()
    pids = wait_for_workers(server.process.pid)
    for pid in pids:
        subprocess.run(["kill", "-9", str(pid)], check=False)
    thread.join(60)
    assert result["answer"][0] >= 500
    assert server.query("SELECT count(*) FROM sales.orders.orders", as_user="noor")[1]["rows"] == [[4]]


def wait_for_workers(server):
    import time
    for _ in range(600):
        found = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and is_busy_worker(p, server)]
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("no worker is at work")


def is_busy_worker(process, server):
    try:
        stat = (process / "stat").read_text().rsplit(")", 1)[1].split()
        name = (process / "comm").read_text().strip()
    except OSError:
        return False
    return name.startswith("weft-worker") and int(stat[1]) == server and int(stat[11]) > 20
