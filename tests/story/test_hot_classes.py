"""Copies that are there before anybody asks, and copies that go by themselves."""

import os
import time

from story_help import edit, wait_until
from test_clearing import BY_REGION, T, add_users, contents, copies, count, flip

FEW = BY_REGION.replace("country = ANY($actor.regions)", "country = 'CH'")


def copies_at(server):
    return server.call("GET", "/api/v1/status")[1]["cleared_files"]


def filtered(mesh, text=BY_REGION, **users):
    add_users(mesh, **users)
    mesh.write("policies/region.policy.yaml", text)
    mesh.weft("apply", "--yes")
    return mesh


def more_rows(mesh, text):
    file = mesh.folder / "data/orders.csv"
    file.write_text(file.read_text() + text)


def made_early(mesh, user):
    """Nothing of what this user's query reads is still to be made."""
    state = mesh.weft("explain", f"SELECT * FROM {T}", "--as", user, "--format", "json").json
    return state["tables"][0]["cleared_files"]["to_be_made"] == 0


def test_who_read_lately_finds_a_new_release_ready(applied):
    mesh = filtered(applied, one=["CH"], two=["DE"])
    server = mesh.serve()
    assert count(server, "one") == 2
    assert len(copies(mesh)) == 1
    more_rows(mesh, "5,Eva,eva@example.com,CH,1.00,2026-01-05\n")
    mesh.weft("run", "--all")
    assert made_early(mesh, "one") and not made_early(mesh, "two")
    assert len(copies(mesh)) == 2
    assert count(server, "one") == 3


def test_nothing_is_made_early_where_the_budget_is_nothing(applied):
    mesh = filtered(applied, one=["CH"])
    server = mesh.serve(args=["--set", "clearing_hot_mb=0"])
    assert count(server, "one") == 2
    more_rows(mesh, "5,Eva,eva@example.com,CH,1.00,2026-01-05\n")
    mesh.weft("run", "--all")
    assert not made_early(mesh, "one")
    assert count(server, "one") == 3


def test_who_may_read_no_more_gets_nothing_made(applied):
    mesh = filtered(applied, one=["CH"])
    server = mesh.serve()
    assert count(server, "one") == 2
    (mesh.folder / "policies/analysts.policy.yaml").unlink()
    mesh.weft("apply", "--yes")
    before = len(copies(mesh))
    more_rows(mesh, "5,Eva,eva@example.com,CH,1.00,2026-01-05\n")
    mesh.weft("run", "--all")
    assert len(copies(mesh)) == before


def test_a_policy_that_loosens_is_prepared_and_one_that_tightens_is_not(applied):
    mesh = filtered(applied, BY_REGION.replace("= ANY($actor.regions)", "IN ('CH')"), one=["CH"])
    server = mesh.serve()
    assert count(server, "one") == 2
    mesh.write("policies/region.policy.yaml", BY_REGION.replace("= ANY($actor.regions)", "IN ('CH', 'DE')"))
    mesh.weft("apply", "--yes")
    assert made_early(mesh, "one") and count(server, "one") == 3
    mesh.write("policies/region.policy.yaml", BY_REGION.replace("= ANY($actor.regions)", "IN ('AT')"))
    mesh.weft("apply", "--yes")
    assert not made_early(mesh, "one")
    assert count(server, "one") == 1


def test_status_tells_the_operator_what_copies_take(applied):
    mesh = filtered(applied, one=["CH"], two=["DE"])
    server = mesh.serve()
    assert count(server, "one") == 2 and count(server, "two") == 1
    status = server.call("GET", "/api/v1/status")[1]
    sizes = sum(p.stat().st_size for p in copies(mesh))
    assert (status["cleared_files"], status["cleared_bytes"]) == (2, sizes)
    assert status["cleared_tables"] == [{"product": "sales.orders", "table": "orders", "table_id": status["cleared_tables"][0]["table_id"],
                                         "classes": 2, "files": 2, "bytes": sizes}]
    assert server.call("GET", "/api/v1/status", as_user="one")[1].get("cleared_tables") is None
    table = mesh.weft("status").out
    assert "cleared" in table


def test_a_copy_that_nobody_used_for_long_goes(applied):
    mesh = filtered(applied, one=["CH"], two=["DE"])
    server = mesh.serve(env={"WEFT_TEST_NOW": "2030-01-01T00:00:00Z"})
    assert count(server, "one") == 2 and count(server, "two") == 1
    server.stop()
    server = mesh.serve(env={"WEFT_TEST_NOW": "2030-01-25T00:00:00Z"})
    assert count(server, "one") == 2
    server.stop()
    server = mesh.serve(env={"WEFT_TEST_NOW": "2030-02-10T00:00:00Z"}, args=["--set", "upkeep_every_s=1"])
    wait_until("the old one has gone", lambda: copies_at(server) == 1)
    assert len(copies(mesh)) == 1 and made_early(mesh, "one")


def test_the_scrubber_finds_a_flipped_bit_that_nobody_read(applied):
    mesh = filtered(applied, one=["CH"])
    server = mesh.serve(env={"WEFT_TEST_NOW": "2030-01-01T00:00:00Z"})
    assert count(server, "one") == 2
    whole = contents(mesh)
    server.stop()
    state = copies(mesh)[0].stat()
    flip(copies(mesh)[0])
    os.utime(copies(mesh)[0], ns=(state.st_atime_ns, state.st_mtime_ns))
    server = mesh.serve(env={"WEFT_TEST_NOW": "2030-01-03T00:00:00Z"}, args=["--set", "upkeep_every_s=1"])
    wait_until("the damaged one has gone", lambda: copies_at(server) == 0)
    assert count(server, "one") == 2 and contents(mesh) == whole


def test_copies_are_evicted_above_the_quota_and_served_all_the_same(applied):
    """The quota is 16 MB at least: each class of these rows takes more than a third of it."""
    rows = "".join(f"{i},{os.urandom(40).hex()},{os.urandom(40).hex()},{('CH', 'DE', 'AT', 'FR')[i % 4]},1.00,2026-01-01\n"
                   for i in range(5, 400000))
    add_users(applied, one=["CH"], two=["DE"], three=["AT"], four=["FR"])
    applied.write("policies/region.policy.yaml", BY_REGION)
    more_rows(applied, rows)
    applied.weft("apply", "--yes")
    applied.weft("run", "--all")
    server = applied.serve(args=["--set", "cleared_mb_max=16"])
    for _ in range(2):
        for user in ("one", "two", "three", "four"):
            assert count(server, user) > 90000
    wait_until("it is below the quota", lambda: server.call("GET", "/api/v1/status")[1]["cleared_bytes"] <= 16 << 20)
    assert sum(p.stat().st_size for p in copies(applied)) <= 16 << 20
    assert "evicted" in (applied.folder / "server.log").read_text()
