"""Isolated environments: the same releases by reference, only what differs is built, promoted as it is, and gone without a trace."""

import pytest

from env_help import LOUD, ORDERS, TOTALS, change, customers, env_products, home_files, write_two
from story_help import audit, edit, is_whole

PLAIN, SHOUTED = ["Ada", "Bob", "Cleo", "Dan"], ["ADA", "BOB", "CLEO", "DAN"]


@pytest.fixture
def two(shop):
    write_two(shop).weft("apply", "--yes")
    shop.weft("run", "--all")
    return shop


def test_a_change_is_seen_in_its_environment_alone(two):
    two.weft("apply", "--env", "dev-x", "--yes", "--as", "ana")
    assert customers(two) == customers(two, "dev-x") == PLAIN
    before = home_files(two)
    told = change(two)
    assert "of environment dev-x" in told.out
    ran = two.weft("run", "--all", "--env", "dev-x")
    assert "2 published, 0 failed" in ran.out, ran
    assert customers(two) == PLAIN and customers(two, "dev-x") == SHOUTED
    # The mesh has its files, and nothing of its own changed.
    assert set(before) <= set(home_files(two))
    assert two.weft("show", "sales.orders", "--format", "json").json["release"] == 1
    # Totals read orders there, and come out as before: the same file, named twice.
    assert is_whole(two)


def test_what_is_as_in_the_mesh_is_not_built(two):
    edit(two, f"{TOTALS}/totals.sql", "sum(amount)", "sum(amount + 0)")
    two.weft("apply", "--env", "dev-x", "--domain", "finance", "--yes", "--as", "eve")
    ran = two.weft("run", "--all", "--env", "dev-x", "--format", "json").json
    assert {p["product"]: p["state"] for p in ran["products"]} == {
        "sales.orders": "unchanged", "finance.totals": "published"}
    told = two.weft("run", "--all", "--env", "dev-x").out
    assert "sales.orders          unchanged: release 1\n" in told and "1 published, 0 failed, 1 unchanged" in told, told
    assert {name: row["built"] for name, row in env_products(two).items()} == {"finance.totals": True}


def test_nothing_is_left_of_one_that_is_dropped(two):
    customers(two)
    before = home_files(two)
    change(two)
    two.weft("run", "--all", "--env", "dev-x")
    assert customers(two, "dev-x") == SHOUTED
    assert set(home_files(two)) > set(before)
    told = two.weft("env", "drop", "dev-x", "--as", "ana")
    assert told.out == "environment dev-x is dropped\n"
    assert home_files(two) == before
    assert two.weft("env", "list", "--format", "json").json == []
    again = two.weft("query", "SELECT 1", "--env", "dev-x", ok=False)
    assert again.code == 66 and "there is no environment dev-x" in again.err
    # What was done and read in it is told for good.
    rows = audit(two)
    told = [r["action"] for r in rows if r["action"].startswith("env.")]
    assert told[0] == "env.create" and told[-1] == "env.drop", told
    assert {"env.apply", "env.publish"} <= set(told), told
    read = [r for r in rows if r["action"] == "query" and "dev-x" in str(r["detail"])]
    assert read and read[-1]["actor"] == "noor", read
    assert is_whole(two)


def names_of(answer):
    return {p["product"]: p for p in answer.json["products"]}


def test_a_change_is_promoted_as_it_was_built(two):
    change(two)
    two.weft("run", "--all", "--env", "dev-x")
    runs = len(two.weft("show", "runs", "--format", "json").json)
    files = set(home_files(two))
    done = names_of(two.weft("env", "promote", "dev-x", "--yes", "--format", "json"))
    assert {name: row["release"] for name, row in done.items()} == {"sales.orders": 2, "finance.totals": 2}, done
    assert customers(two) == customers(two, "dev-x") == SHOUTED
    # Nothing was run, and no release file was made: copies at most, for who reads it now.
    made = [f for f in set(home_files(two)) - files if f.startswith("files/")]
    assert made == [], made
    shown = two.weft("show", "runs", "--format", "json").json
    assert len(shown) == runs + 2 and {r["id"] for r in shown} >= {row["run"] for row in done.values()}
    # The environment has nothing of its own any more.
    shown = two.weft("env", "show", "dev-x", "--format", "json").json
    assert shown["files"] == [] and shown["products"] == [], shown
    told = [r for r in audit(two) if r["action"] in ("publish", "env.promote")][-3:]
    assert [r["action"] for r in told] == ["publish", "publish", "env.promote"], told
    assert told[0]["detail"]["environment"] == "dev-x" and told[0]["detail"]["run"] == done["sales.orders"]["run"]
    two.weft("env", "drop", "dev-x")
    assert customers(two) == SHOUTED and is_whole(two)
