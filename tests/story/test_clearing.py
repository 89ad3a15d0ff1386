"""Cleared copies: made once, side by side, by value where a filter allows it; and what becomes of them when things go wrong."""

import hashlib
import os
import signal

import duckdb
import pytest

from conftest import ROWS, Mesh, write_shop
from story_help import ORDERS, Called, Started, edit, is_whole, told, wait_until, workers

T = "sales.orders.orders"
BY_REGION = """\
apiVersion: weft/v1
kind: Policy
id: rows-by-region
owner: guild
filter: {tables: {tag: [customer-rows]}, where: "country = ANY($actor.regions)"}
"""


def users(**regions):
    """Lines of mesh.yaml for analysts with regions."""
    return "".join(f"  {name}: {{groups: [analysts], attributes: {{regions: [{', '.join(values)}]}}}}\n"
                   for name, values in regions.items())


def add_users(mesh, **regions):
    edit(mesh, "mesh.yaml", "  eve: {groups: [visitors]}\n", "  eve: {groups: [visitors]}\n" + users(**regions))


def make(folder, rows, **regions):
    """A mesh whose orders come from a SELECT, filtered by region."""
    mesh = Mesh(folder)
    mesh.folder.mkdir()
    write_shop(mesh)
    add_users(mesh, **regions)
    mesh.write("policies/region.policy.yaml", BY_REGION)
    with duckdb.connect() as db:
        db.execute(f"COPY ({rows}) TO '{mesh.folder}/data/orders.csv' (FORMAT csv, HEADER)")
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    return mesh


ORDER = ("SELECT {id}::INTEGER AS id, 'customer ' || ({id} % 977) AS customer, 'mail' || ({id} % 1009) || '@example.com' AS email,"
         " {country} AS country, ({id} % 5000) / 100 AS amount, DATE '2026-01-01' + ({id} % 300)::INTEGER AS ordered_on")


def copies(mesh):
    return sorted(p for p in (mesh.home / "cleared").rglob("*") if p.is_file())


def contents(mesh):
    return {hashlib.sha256(p.read_bytes()).hexdigest() for p in copies(mesh)}


def count(server, user, sql=f"SELECT count(*) FROM {T}"):
    code, answer = server.query(sql, as_user=user)
    assert code == 200, answer
    return answer["rows"][0][0]


# ---- by value


def test_each_value_is_made_once_and_actors_share_it(tmp_path):
    mesh = make(tmp_path / "mesh", ORDER.format(id="i", country="['CH', 'DE', 'AT', 'FR'][1 + i % 4]") + " FROM range(1000) r(i)",
                one=["CH"], two=["CH", "DE"], three=["DE", "AT", "CH"], none=["IT"])
    try:
        server = mesh.serve()
        assert count(server, "one") == 250
        first = copies(mesh)
        assert len(first) == 1
        assert count(server, "two") == 500
        assert len(copies(mesh)) == 2 and set(first) < set(copies(mesh))
        assert count(server, "three") == 750
        assert len(copies(mesh)) == 3
        # The facts of the file say that nobody is from there: nothing is made.
        assert count(server, "none") == 0
        assert len(copies(mesh)) == 3
        rows = server.query(f"SELECT country, count(*) FROM {T} GROUP BY country ORDER BY country", as_user="three")[1]["rows"]
        assert rows == [["AT", 250], ["CH", 250], ["DE", 250]]
    finally:
        mesh.close()


def test_a_value_without_rows_is_remembered(tmp_path):
    """100 countries are more than facts list: only the clearing tells that one has no row."""
    mesh = make(tmp_path / "mesh", ORDER.format(id="i", country="'c' || lpad((i % 100)::VARCHAR, 3, '0')") + " FROM range(1000) r(i)",
                one=["c001x", "c005"], two=["c001x"])
    try:
        server = mesh.serve()
        assert count(server, "one") == 10
        assert len(copies(mesh)) == 1
        workers_started = server.call("GET", "/api/v1/status")[1]["workers_started"]
        assert count(server, "two") == 0
        assert server.call("GET", "/api/v1/status")[1]["workers_started"] <= workers_started + 1
        assert len(copies(mesh)) == 1
        state = mesh.weft("explain", f"SELECT count(*) FROM {T}", "--as", "two", "--format", "json").json
        assert state["tables"][0]["cleared_files"]["to_be_made"] == 0, state
    finally:
        mesh.close()


def test_the_bytes_of_a_value_tell_nothing_of_other_rows(tmp_path):
    """Rows of two countries, in one order; what else the file holds, who asked and how many values at once make no difference."""
    seen = ORDER.format(id="i", country="CASE WHEN i % 3 = 0 THEN 'CH' ELSE 'DE' END") + ", i AS place FROM range(390000) r(i)"
    hidden = ORDER.format(id="1000000 + i", country="'x' || (i % 40)") + ", {place} AS place FROM range({count}) r(i)"
    def rows(n, place):
        return (f"SELECT * EXCLUDE (place) FROM ({seen} UNION ALL {hidden.format(place=place, count=n)}) ORDER BY place, id")
    many = ["CH", "DE"] + [f"x{i}" for i in range(30)]
    meshes = [
        make(tmp_path / "few", rows(1000, "i * 7"), both=["CH", "DE"]),
        make(tmp_path / "many", rows(150000, "(i * 7919) % 390000"), both=["CH", "DE"]),
        make(tmp_path / "alone", rows(70000, "i"), swiss=["CH"], german=["DE"]),
        make(tmp_path / "sorted", rows(70000, "390000 - i"), both=many),
    ]
    try:
        found = []
        for mesh in meshes:
            server = mesh.serve()
            for user in ("both", "swiss", "german"):
                if server.query("SELECT 1", as_user=user)[0] == 200:
                    assert count(server, user) >= 130000
            found.append(contents(mesh))
            server.stop()
        assert len(found[0]) == 2 and found[0] == found[1] == found[2]
        assert found[0] < found[3] and len(found[3]) == 32
        groups = duckdb.sql(f"SELECT list(row_group_num_rows ORDER BY row_group_id) FROM parquet_metadata("
                            f"{[str(p) for p in copies(meshes[0])]}) WHERE path_in_schema = 'id' GROUP BY file_name").fetchall()
        assert sorted(sum(g[0]) for g in groups) == [130000, 260000]
        assert all(n == 122880 for g in groups for n in g[0][:-1]), groups
    finally:
        for mesh in meshes:
            mesh.close()


def test_a_list_of_100_000_values_works_or_is_refused_in_clear_words(applied):
    values = ", ".join(f"'v{i}'" for i in range(100000))
    applied.write("policies/long.policy.yaml", BY_REGION.replace("country = ANY($actor.regions)", f"country IN ('CH', {values})"))
    answer = applied.weft("apply", "--yes", ok=None, timeout=600)
    if answer.code != 0:
        assert "long.policy.yaml" in told(answer), answer
        return
    assert applied.rows(f"SELECT count(*) AS n FROM {T}", as_user="noor", timeout=600) == [{"n": 2}]


def test_an_actor_with_5_000_regions_reads_one_copy(applied):
    edit(applied, "mesh.yaml", "{groups: [analysts]}",
         "{groups: [analysts], attributes: {regions: [CH, " + ", ".join(f"v{i}" for i in range(5000)) + "]}}")
    applied.write("policies/region.policy.yaml", BY_REGION)
    applied.weft("apply", "--yes")
    assert applied.rows(f"SELECT count(*) AS n FROM {T}", as_user="noor") == [{"n": 2}]


def test_hundreds_of_classes_of_one_table_keep_apart(tmp_path):
    """Each actor has a filter of his own."""
    mesh = make(tmp_path / "mesh", ORDER.format(id="i", country="'c' || i") + " FROM range(300) r(i)",
                **{f"u{i}": [f"c{i}", f"c{i + 1}"] for i in range(200)})
    try:
        server = mesh.serve()
        for i in range(0, 200, 4):
            rows = server.query(f"SELECT id FROM {T} ORDER BY id", as_user=f"u{i}")[1]["rows"]
            assert rows == [[i], [i + 1]]
        assert len(copies(mesh)) == 100
    finally:
        mesh.close()


# ---- misfortune


@pytest.fixture
def large(tmp_path):
    """Orders that take a while to clear."""
    mesh = make(tmp_path / "mesh", ORDER.format(id="i", country="['CH', 'DE', 'AT', 'FR'][1 + i % 4]") + " FROM range(1500000) r(i)",
                one=["CH", "DE"], two=["CH"], three=["AT"])
    yield mesh
    mesh.close()


def test_two_who_want_one_class_make_it_once(large):
    server = large.serve(args=["--set", "workers_warm=0"])
    calls = [Called(server.query, f"SELECT count(*) FROM {T}", as_user=user) for user in ("one", "one", "two", "one")]
    assert [call.end()[1]["rows"][0][0] for call in calls] == [750000, 750000, 375000, 750000]
    assert len({path.parent for path in copies(large)}) == 2, "a class for each, of as many files as the table has"
    log = (large.folder / "server.log").read_text()
    assert log.count("worker started: kind=clearing") <= 2, log


def test_a_clearing_worker_that_is_killed_leaves_a_right_answer_or_a_clear_failure(large):
    server = large.serve()
    call = Called(server.query, f"SELECT count(*) FROM {T}", as_user="one")
    wait_until("it clears", lambda: call.result or list((large.home / "workers").glob("*/out/*")))
    for pid in workers(large, "clearing"):
        os.kill(pid, signal.SIGKILL)
    code, answer = call.end()
    assert code == 200 and answer["rows"] == [[750000]] or "could not be cleared" in answer["detail"], answer
    assert count(server, "one") == 750000


def test_the_server_is_killed_while_it_clears(large):
    server = large.serve()
    call = Called(server.query, f"SELECT count(*) FROM {T}", as_user="one")
    wait_until("it clears", lambda: call.result or list((large.home / "workers").glob("*/out/*")))
    server.kill()
    call.end()
    again = large.serve()
    assert count(again, "one") == 750000 and count(again, "three") == 375000
    again.stop()
    assert is_whole(large)


@pytest.mark.parametrize("fault", ["CLEAR_BEFORE_MOVE:fail", "CLEAR_AFTER_MOVE:fail", "CLEAR_BEFORE_MOVE:full",
                                   "CLEAR_AFTER_MOVE:full"])
def test_a_copy_that_cannot_be_kept_fails_the_query_and_the_next_is_served(applied, fault):
    applied.write("policies/rows.policy.yaml", BY_REGION.replace("ANY($actor.regions)", "'CH'"))
    applied.weft("apply", "--yes")
    server = applied.serve(env={"WEFT_FAULT": fault})
    code, problem = server.query(f"SELECT count(*) FROM {T}", as_user="noor")
    assert code >= 500 and "could not be cleared" in problem["detail"], problem
    server.stop()
    server = applied.serve()
    assert count(server, "noor") == 2
    assert len(copies(applied)) == 1


def flip(path):
    """One bit, in the middle, as a disk does it."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    os.chmod(path, 0o644)
    path.write_bytes(data)
    os.chmod(path, 0o444)


def test_a_flipped_bit_in_a_copy_is_found_and_the_copy_made_again(applied):
    applied.write("policies/rows.policy.yaml", BY_REGION.replace("ANY($actor.regions)", "'CH'"))
    applied.weft("apply", "--yes")
    server = applied.serve()
    assert count(server, "noor") == 2
    whole = contents(applied)
    # While it runs, and before it starts.
    flip(copies(applied)[0])
    assert contents(applied) != whole
    assert count(server, "noor") == 2 and contents(applied) == whole
    server.stop()
    flip(copies(applied)[0])
    server = applied.serve()
    assert count(server, "noor") == 2 and contents(applied) == whole
    assert "a cleared copy is damaged" in (applied.folder / "server.log").read_text()


def test_a_copy_that_was_taken_away_is_made_again(applied):
    applied.write("policies/rows.policy.yaml", BY_REGION.replace("ANY($actor.regions)", "'CH'"))
    applied.weft("apply", "--yes")
    server = applied.serve()
    assert count(server, "noor") == 2
    copies(applied)[0].unlink()
    assert count(server, "noor") == 2 and len(copies(applied)) == 1


def test_ctrl_c_of_the_last_who_waits_cancels_the_clearing(large):
    server = large.serve()
    asking = Started(large, "query", f"SELECT count(*) FROM {T}", "--as", "one")
    wait_until("it clears", lambda: asking.process.poll() is not None or list((large.home / "workers").glob("*/out/*")))
    asking.process.send_signal(signal.SIGINT)
    answer = asking.end()
    assert answer.code in (130, 0), answer
    wait_until("no worker is lent", lambda: server.lent() == 0)
    assert count(server, "one") == 750000


def test_an_attribute_that_changes_while_a_class_is_made(large):
    """The answer is of the attributes that he has at its end: never of a mixture, never of those before."""
    server = large.serve()
    call = Called(server.query, f"SELECT country, count(*) FROM {T} GROUP BY country ORDER BY country", as_user="one")
    wait_until("it clears", lambda: call.result or list((large.home / "workers").glob("*/out/*")))
    edit(large, "mesh.yaml", "one: {groups: [analysts], attributes: {regions: [CH, DE]}}",
         "one: {groups: [analysts], attributes: {regions: [AT]}}")
    large.weft("apply", "--yes")
    code, answer = call.end()
    assert code == 403 or answer["rows"] in ([["AT", 375000]], [["CH", 375000], ["DE", 375000]]), answer
    assert count(server, "one") == 375000
