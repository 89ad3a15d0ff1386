"""Several domains work in one environment, and each promotes what is its own."""

import pytest

from env_help import TOTALS, change, customers, edit, env_products
from story_help import is_whole, told
from test_env import with_note


@pytest.fixture
def both(two):
    """Ana has changed orders, eve totals, which read them; both are built."""
    change(two)
    edit(two, f"{TOTALS}/totals.sql", "sum(amount)", "sum(amount + 0)")
    two.weft("apply", "--env", "dev-x", "--domain", "finance", "--yes", "--as", "eve")
    two.weft("run", "--all", "--env", "dev-x")
    return two


def promote(mesh, *args, ok=True):
    return mesh.weft("env", "promote", "dev-x", "--yes", *args, ok=ok)


def done(mesh, *args):
    return {p["product"]: p["release"] or p["reason"] for p in promote(mesh, "--format", "json", *args).json["products"]}


def test_each_domain_promotes_its_own(both):
    refused = promote(both, "--as", "ana", ok=False)
    assert refused.code == 77 and "environment dev-x has files of domains that ana may not change" in refused.err, refused
    assert "--domain" in told(refused) and "finance" not in told(refused), refused
    assert done(both, "--domain", "sales", "--as", "ana") == {"sales.orders": 2}
    assert customers(both)[0] == "ADA"
    assert {name: row["built"] for name, row in env_products(both).items()} == {"finance.totals": True}
    assert done(both, "--domain", "finance", "--as", "eve") == {"finance.totals": 2}
    assert both.weft("env", "show", "dev-x", "--format", "json").json["files"] == [] and is_whole(both)


def test_what_was_built_of_another_domain_waits_for_it(both):
    told_why = done(both, "--domain", "finance", "--as", "eve")
    assert told_why == {"finance.totals": "it was built of its input orders as the environment has it, which is not promoted"}
    assert customers(both)[0] == "Ada"
    assert done(both, "--domain", "sales", "--as", "ana") == {"sales.orders": 2}
    # Its file came with the first.
    assert env_products(both) == {} and is_whole(both)


def test_who_may_not_change_a_domain_does_not_promote_it(both):
    for domain, user in (("finance", "ana"), ("sales", "eve"), ("sales", "noor")):
        refused = promote(both, "--domain", domain, "--as", user, ok=False)
        assert refused.code == 77 and f"{user} may not change domain {domain}" in refused.err, refused
        assert ".sql" not in told(refused), refused
    refused = promote(both, "--domain", "nowhere", "--as", "ana", ok=False)
    assert refused.code == 66 and "there is no domain nowhere" in refused.err, refused
    refused = promote(both, "sales.orders", "--domain", "sales", ok=False)
    assert refused.code == 2 and "not both" in refused.err, refused
    assert customers(both)[0] == "Ada" and is_whole(both)


def test_what_fits_only_with_another_domain_is_named(two):
    with_note(two, True)
    two.weft("apply", "--env", "dev-x", "--domain", "sales", "--yes", "--as", "ana")
    edit(two, f"{TOTALS}/totals.sql", "sum(amount)", "sum(amount) FILTER (WHERE note = 'env')")
    two.weft("apply", "--env", "dev-x", "--domain", "finance", "--yes", "--as", "eve")
    refused = promote(two, "--domain", "finance", "--as", "eve", ok=False)
    assert refused.code == 65 and "note" in refused.err and "totals.sql" in refused.err, refused
    assert "finance.totals reads sales.orders, and what environment dev-x has of sales.orders is not promoted with it" in told(refused)
    assert done(two, "--domain", "sales", "--as", "ana") == {}
    assert done(two, "--domain", "finance", "--as", "eve") == {}
    assert two.weft("env", "show", "dev-x", "--format", "json").json["files"] == [] and is_whole(two)


def test_what_another_domain_still_reads_is_named(two):
    """A new column of orders makes a name of totals mean two things; those of the environment know of that."""
    with_note(two, False)
    edit(two, f"{TOTALS}/totals.sql", "FROM orders.orders", "FROM orders.orders, (SELECT 1 AS note) WHERE note = 1")
    two.weft("apply", "--yes")
    with_note(two, True)
    edit(two, f"{TOTALS}/totals.sql", ", (SELECT 1 AS note) WHERE note = 1", "")
    two.weft("apply", "--env", "dev-x", "--yes")
    refused = promote(two, "--domain", "sales", "--as", "ana", ok=False)
    assert refused.code == 65, refused
    assert "finance.totals reads sales.orders, and what environment dev-x has of finance.totals is not promoted with it" in told(refused), refused
    assert is_whole(two)
