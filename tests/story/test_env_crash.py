"""An environment that is made, made anew, promoted or dropped when the server dies: the last state, or the next, and nothing left over."""

import shutil

import pytest

from env_help import LOUD, ORDERS, change, customers, edit, env_products, home_files
from story_help import audit, is_whole, rewritten

SHOUTED = ["ADA", "BOB", "CLEO", "DAN"]
HOW = ("kill", "fail")


@pytest.fixture
def loud(two):
    change(two)
    two.weft("run", "--all", "--env", "dev-x")
    return two


def with_fault(mesh, fault, how, *args):
    """The command fails, since the server dies or the step does."""
    server = mesh.serve(env={"WEFT_FAULT": f"{fault}:{how}"}, http=False)
    answer = mesh.weft(*args, ok=None)
    assert answer.code != 0, f"{fault} was not passed: {answer}"
    if how == "kill":
        server.process.wait(60)
        assert server.process.returncode == -9, answer
    else:
        server.stop()


def half_done(mesh):
    """What is begun and not finished, or was on its way out."""
    env = mesh.home / "env"
    return [p for p in env.rglob("*") if p.name.startswith(("next.db", "."))] if env.exists() else []


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("fault", ["ENV_COPY", "ENV_BEFORE_MOVE"])
def test_while_it_is_made(two, fault, how):
    before = home_files(two)
    with_fault(two, fault, how, "apply", "--env", "dev-x", "--yes")
    two.weft("status")
    assert two.weft("env", "list", "--format", "json").json == [] and half_done(two) == []
    assert home_files(two) == before and is_whole(two)
    change(two)
    assert len(two.weft("env", "list", "--format", "json").json) == 1 and is_whole(two)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("fault", ["ENV_COPY", "ENV_BEFORE_MOVE", "ENV_AFTER_MOVE", "PUBLISH_BEFORE_COMMIT"])
def test_while_it_is_made_anew(loud, fault, how):
    """PUBLISH_BEFORE_COMMIT is not passed by releases that come along: of these nothing is built."""
    two = loud
    args = ("env", "refresh", "dev-x")
    if fault == "PUBLISH_BEFORE_COMMIT":
        server = two.serve(env={"WEFT_FAULT": f"{fault}:{how}"}, http=False)
        two.weft(*args)
        server.stop()
    else:
        with_fault(two, fault, how, *args)
    two.weft("status")
    assert half_done(two) == []
    assert customers(two, "dev-x") == SHOUTED and customers(two)[0] == "Ada"
    assert all(row["built"] for row in env_products(two).values())
    assert is_whole(two)
    two.weft("env", "refresh", "dev-x")
    assert customers(two, "dev-x") == SHOUTED and is_whole(two)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("when, fault", [("begins", "ENV_BEFORE_MOVE"), ("begins", "ENV_ASIDE"), ("begins", "ENV_AFTER_MOVE"),
                                         ("ends", "ENV_BEFORE_MOVE"), ("ends", "ENV_AFTER_MOVE")])
def test_while_a_conflict(loud, when, fault, how):
    """What was built before it is there after it, whenever the server dies."""
    loud.write(f"{ORDERS}/orders.sql", LOUD.replace("upper", "lower"))
    loud.weft("apply", "--yes")
    if when == "ends":
        assert loud.weft("query", "SELECT 1", "--env", "dev-x", "--as", "noor", ok=False).code == 75
        change(loud)
    with_fault(loud, fault, how, "query", "SELECT 1", "--env", "dev-x", "--as", "noor")
    loud.weft("status")
    assert half_done(loud) == [] and (loud.home / "env/dev-x/catalog.db").exists()
    if when == "begins":
        assert loud.weft("query", "SELECT 1", "--env", "dev-x", "--as", "noor", ok=False).code == 75
        change(loud)
    assert customers(loud, "dev-x") == SHOUTED and customers(loud)[0] == "Ada"
    assert is_whole(loud)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("fault", ["APPLY_BEFORE_COMMIT", "APPLY_AFTER_COMMIT"])
def test_while_it_is_applied_to(loud, fault, how):
    loud.write(f"{ORDERS}/orders.sql", LOUD.replace("upper", "lower"))
    with_fault(loud, fault, how, "apply", "--env", "dev-x", "--domain", "sales", "--yes")
    files = loud.weft("env", "show", "dev-x", "--format", "json").json["products"]
    assert files[0]["built"] is (fault == "APPLY_BEFORE_COMMIT"), files
    assert customers(loud, "dev-x") == SHOUTED and is_whole(loud)
    loud.weft("apply", "--env", "dev-x", "--domain", "sales", "--yes")
    loud.weft("run", "--all", "--env", "dev-x")
    assert customers(loud, "dev-x")[0] == "ada" and is_whole(loud)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("fault", ["APPLY_BEFORE_COMMIT", "APPLY_AFTER_COMMIT", "ROLLBACK_BEFORE_COMMIT", "ROLLBACK_AFTER_COMMIT"])
def test_while_it_is_promoted(loud, fault, how):
    with_fault(loud, fault, how, "env", "promote", "dev-x", "--yes")
    assert customers(loud)[0] in ("Ada", "ADA") and customers(loud, "dev-x") == SHOUTED and is_whole(loud)
    if how == "fail" and fault.startswith("ROLLBACK_BEFORE"):
        assert customers(loud)[0] == "Ada"
    # What was left out is promoted the next time.
    loud.weft("env", "promote", "dev-x", "--yes")
    assert customers(loud) == SHOUTED
    assert loud.weft("env", "show", "dev-x", "--format", "json").json["products"] == []
    assert is_whole(loud)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("fault", ["ENV_BEFORE_DROP", "ENV_AFTER_DROP"])
def test_while_it_is_dropped(loud, fault, how):
    customers(loud)
    with_fault(loud, fault, how, "env", "drop", "dev-x")
    loud.weft("status")
    left = loud.weft("env", "list", "--format", "json").json
    assert len(left) == (fault == "ENV_BEFORE_DROP") and half_done(loud) == []
    if left:
        assert customers(loud, "dev-x") == SHOUTED
        loud.weft("env", "drop", "dev-x")
    # A start removes what nobody names any more.
    loud.serve(http=False).stop()
    loud.weft("status")
    names = {p.split("/")[-1] for p in home_files(loud) if p.startswith("files/")}
    shown = loud.weft("show", "runs", "--format", "json").json
    assert len(names) == 2 and {r["product"] for r in shown} == {"sales.orders", "finance.totals"}, names
    assert customers(loud)[0] == "Ada" and is_whole(loud)


def test_no_file_goes_while_one_cannot_be_read(loud):
    loud.weft("status")
    before = home_files(loud)
    loud.serve(http=False).stop()
    catalog = loud.home / "env/dev-x/catalog.db"
    kept = loud.folder / "kept.db"
    shutil.copy(catalog, kept)
    catalog.write_bytes(b"this is no catalog at all" * 1000)
    assert customers(loud)[0] == "Ada"
    told = loud.weft("verify", ok=False)
    assert "environment dev-x" in told.out + told.err, told
    assert [f for f in before if f.startswith("files/")] == [f for f in home_files(loud) if f.startswith("files/")]
    loud.serve(http=False).stop()
    shutil.copy(kept, catalog)
    assert customers(loud, "dev-x") == SHOUTED and is_whole(loud)
    # One whose catalog is gone names nothing that anybody could know of.
    loud.serve(http=False).stop()
    catalog.unlink()
    assert "is gone" in loud.weft("query", "SELECT 1", "--env", "dev-x", ok=False).err
    loud.weft("env", "drop", "dev-x")
    assert audit(loud)[-1]["action"] == "env.drop" and is_whole(loud)


def test_a_row_of_it_that_was_edited_is_found(loud):
    loud.serve(http=False).stop()
    with rewritten(loud.home / "env/dev-x/catalog.db") as catalog:
        catalog.execute("UPDATE file SET rows = rows + 1")
    told = loud.weft("verify", ok=False)
    assert "environment dev-x" in told.out + told.err, told
