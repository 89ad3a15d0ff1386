"""What happens to a home: a full disk, two at once, a kill at any instant. Nothing is lost, nothing is torn."""

import os
import random
import signal
import socket
import subprocess
import time

import pytest

from conftest import ROWS, WEFT, Mesh, wait_for_end, write_shop
from story_help import Called, Started, audit, is_whole, runs, told, wait_until, workers

MORE = ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n"


# ---- a full disk


@pytest.fixture
def small(tmp_path):
    """The shop, with a home on a disk of its own that is small."""
    mesh = Mesh(tmp_path / "mesh")
    mesh.home.mkdir(parents=True)
    mesh.home.chmod(0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs", str(mesh.home)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root can make a small disk")
    write_shop(mesh)
    yield mesh
    mesh.close()
    subprocess.run(["umount", "-l", str(mesh.home)], check=True)


def fill(mesh, left_bytes):
    """Something else takes all but this much of the disk."""
    state = os.statvfs(mesh.home)
    filler = mesh.home / "filler"
    with open(filler, "ab") as file:
        size = state.f_bavail * state.f_frsize - left_bytes
        if size > 0:
            os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)
    return filler


def big_rows(mesh):
    """A file whose release takes some megabytes, whatever packs it."""
    chance = random.Random(7)
    with open(mesh.folder / "data/orders.csv", "w", encoding="utf-8") as file:
        file.write(ROWS.splitlines()[0] + "\n")
        for i in range(60000):
            file.write(f"{i},{chance.randbytes(60).hex()},,CH,1.00,2026-01-01\n")


NO_RESERVE = ["--set", "free_space_reserve_mb=0"]


def test_a_disk_that_is_nearly_full_takes_nothing_new(small):
    """A reserve is kept for what must be written at any time: the default is more than this disk has."""
    refused = small.weft("apply", "--yes", ok=False)
    assert refused.code == 74 and "free_space_reserve_mb" in refused.err
    server = small.serve(args=NO_RESERVE)
    small.weft("apply", "--yes")
    server.stop()
    small.serve()
    refused = small.weft("run", "--all", ok=False)
    assert refused.code == 74 and "space" in told(refused) and "free_space_reserve_mb" in told(refused)
    assert runs(small) == ["failed"] and is_whole(small)


def test_a_disk_that_fills_during_a_run(small):
    server = small.serve(args=NO_RESERVE)
    small.weft("apply", "--yes")
    small.weft("run", "--all")
    big_rows(small)
    filler = fill(small, 6 << 20)
    refused = small.weft("run", "--all", ok=False)
    assert refused.code == 74, refused
    assert "full" in told(refused) or "space" in told(refused)
    # The last release is still there, for everybody, and so is the server.
    assert server.query("SELECT count(*) FROM sales.orders.orders", as_user="noor")[1]["rows"] == [[4]]
    filler.unlink()
    assert runs(small) == ["published", "failed"] and is_whole(small)
    small.weft("run", "--all")
    assert server.query("SELECT count(*) FROM sales.orders.orders", as_user="noor")[1]["rows"] == [[60000]]
    assert is_whole(small)


def test_a_disk_without_a_byte_left(small):
    """Not even the record of a query can be written, so nothing is answered; with room again all goes on."""
    server = small.serve(args=NO_RESERVE)
    small.weft("apply", "--yes")
    small.weft("run", "--all")
    filler = fill(small, 0)
    big_rows(small)
    failed = small.weft("run", "--all", ok=False)
    assert failed.code == 74, failed
    # The write-ahead log has room of its own for a while; then there is an end to it, in plain words.
    answers = [server.query("SELECT count(*) FROM sales.orders.orders", as_user="noor") for _ in range(60)]
    assert {status for status, _ in answers} <= {200, 507}, answers[-1]
    for status, answer in answers:
        assert answer["rows"] == [[4]] if status == 200 else answer["code"] == "FULL"
    filler.unlink()
    small.write("data/orders.csv", MORE)
    small.weft("run", "--all")
    assert server.query("SELECT count(*) FROM sales.orders.orders", as_user="noor")[1]["rows"] == [[5]]
    assert is_whole(small)


# ---- two at once


def test_many_commands_at_once_share_one_server(shop):
    """None runs yet: each of them may begin one, and one of them does."""
    shop.weft("apply", "--yes")
    started = [Started(shop, "run", "--all") for _ in range(4)] + [Started(shop, "status") for _ in range(4)]
    answers = [s.end() for s in started]
    assert [a.code for a in answers] == [0] * 8, answers
    numbers = [r["number"] for r in shop.rows("SELECT number FROM mesh.releases ORDER BY number", as_user="ana")]
    assert numbers == list(range(1, len(numbers) + 1)) and 1 <= len(numbers) <= 4
    assert set(runs(shop)) == {"published"} and is_whole(shop)


def test_a_second_server_on_one_home_is_refused(applied):
    server = applied.serve()
    second = applied.weft("serve", "--home", applied.home, ok=False)
    assert second.code == 75 and str(server.process.pid) in second.err and str(applied.home) in second.err
    # By another name of the same home too.
    (applied.folder / "alias").symlink_to(applied.home)
    assert applied.weft("serve", "--home", applied.folder / "alias", ok=False).code == 75
    assert server.query("SELECT count(*) FROM sales.orders.orders", as_user="noor")[1]["rows"] == [[4]]
    server.stop()
    assert applied.weft("status").code == 0


def test_a_server_that_was_killed_leaves_nothing_that_stops_the_next(applied):
    server = applied.serve()
    server.kill()
    assert (applied.home / "weft.sock").exists()
    assert applied.rows("SELECT count(*) AS n FROM sales.orders.orders", as_user="noor") == [{"n": 4}]


# ---- killed at any instant


def test_the_server_is_killed_at_any_instant(applied):
    """Five times, each a little later: after each the mesh is whole, and in one of the two states."""
    chance = random.Random(2026)
    expected = 4
    for attempt in range(5):
        applied.write("data/orders.csv", MORE if expected == 4 else ROWS)
        server = applied.serve(http=False)
        running = Started(applied, "run", "--all")
        instant_s = 0.1 * attempt + chance.random() * 0.1
        time.sleep(instant_s)  # the instant is the story, nothing waits for it
        server.kill()
        answer = running.end()
        # Its workers end with it, whatever they were at.
        wait_until("the workers are gone", lambda: not workers(applied))
        found = applied.rows("SELECT count(*) AS n FROM sales.orders.orders", as_user="noor")[0]["n"]
        assert found in (4, 5), instant_s
        if answer.code == 0:
            assert found == 9 - expected, instant_s
        if found != expected:
            expected = found
        assert is_whole(applied), instant_s
        numbers = [r["number"] for r in applied.rows("SELECT number FROM mesh.releases ORDER BY number", as_user="ana")]
        assert numbers == list(range(1, len(numbers) + 1))
    applied.weft("run", "--all")
    assert is_whole(applied)


def test_the_server_is_killed_while_many_ask(applied):
    server = applied.serve()
    before = len(audit(applied))
    calls = [Called(server.query, "SELECT count(*) FROM sales.orders.orders", as_user="noor") for _ in range(20)]
    wait_until("some answers are there", lambda: sum(c.result is not None for c in calls) >= 5)
    server.kill()
    answers = [c.end() for c in calls]
    done = [a for a in answers if isinstance(a, tuple)]
    assert all(status == 200 and answer["rows"] == [[4]] for status, answer in done) and len(done) >= 5
    # What was answered is in the audit, whole, for an answer leaves after its record.
    assert is_whole(applied)
    asked = [row for row in audit(applied)[before:] if row["action"] == "query" and row["actor"] == "noor"]
    assert len(asked) >= len(done)


def test_a_server_that_is_asked_to_end_ends_its_runs(applied):
    applied.write("domains/sales/orders/orders.sql", (applied.folder / "domains/sales/orders/orders.sql").read_text()
                  + "WHERE (SELECT count(*) FROM range(100000000) a, range(1000) b) > 0\n")
    applied.weft("apply", "--yes")
    server = applied.serve()
    running = Started(applied, "run", "--all")
    wait_until("it transforms", lambda: runs(applied)[-1] == "transforming")
    assert server.stop() == 0
    assert running.end().code != 0
    assert workers(applied) == []
    assert runs(applied) == ["published", "cancelled"] and is_whole(applied)


def test_the_socket_is_for_the_owner_of_the_home(applied):
    server = applied.serve()
    assert (os.stat(server.socket).st_mode & 0o777) == 0o600
    assert (os.stat(applied.home).st_mode & 0o077) == 0
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    os.chmod(applied.home, 0o711)
    os.chmod(server.socket, 0o666)
    for parent in applied.home.parents:
        if str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    done = subprocess.run([WEFT, "status", "--home", applied.home], user="nobody", group="nogroup", cwd="/", env=applied.env,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode in (69, 77), done
    probe = subprocess.run(["python3", "-c", f"""
import socket
s = socket.socket(socket.AF_UNIX)
s.connect({str(server.socket)!r})
s.sendall(b"GET /api/v1/status HTTP/1.1\\r\\nHost: weft\\r\\n\\r\\n")
print(s.recv(100))"""], user="nobody", group="nogroup", cwd="/", capture_output=True, text=True)
    assert "200 OK" not in probe.stdout, probe


def test_the_signal_reaches_the_run_and_not_the_home(applied):
    """SIGTERM to a command that follows a run cancels it, as Ctrl-C does; a kill leaves the job to itself."""
    server = applied.serve()
    applied.write("data/orders.csv", MORE)
    running = Started(applied, "run", "--all")
    wait_until("the run has begun", lambda: len(runs(applied)) == 2)
    running.process.send_signal(signal.SIGKILL)
    running.end()
    wait_until("the run has ended", lambda: runs(applied)[-1] == "published")
    assert server.query("SELECT count(*) FROM sales.orders.orders", as_user="noor")[1]["rows"] == [[5]]


def test_a_port_that_is_taken(applied):
    wait_for_end(applied.home)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        refused = applied.weft("serve", "--http", f"127.0.0.1:{taken}", ok=False)
    assert refused.code == 78 and str(taken) in refused.err
    assert applied.weft("status").code == 0
