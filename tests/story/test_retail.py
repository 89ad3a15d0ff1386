"""The retail example: written, applied and run; its flaws are caught, its policies hold; and the demo around it."""

import gzip
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT, WEFT, Mesh

CUSTOMERS = "customer.profiles.customers"


@pytest.fixture(scope="module")
def retail(tmp_path_factory):
    """Applied and run once, on the exported files, behind one server."""
    made = Mesh(tmp_path_factory.mktemp("retail") / "retail")
    subprocess.run([WEFT, "init", made.folder, "--example", "retail", "--quiet"], env=made.env, check=True)
    made.home.mkdir(mode=0o700)
    made.serve()
    made.weft("apply", "--yes")
    made.first = made.weft("run", "--all", ok=False)
    yield made
    made.close()


def tree_sum(folder):
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def published(mesh):
    rows = mesh.rows("SELECT DISTINCT product FROM mesh.releases", as_user="pat")
    return {row["product"] for row in rows}


def test_the_example_checks_without_a_finding(retail):
    answer = retail.weft("check")
    assert "no errors" in answer.out
    assert "warning" not in answer.out + answer.err


def test_its_data_are_the_same_every_time(tmp_path):
    for name in ("one", "two"):
        subprocess.run([WEFT, "init", tmp_path / name, "--example", "retail", "--quiet"], check=True)
    assert tree_sum(tmp_path / "one") == tree_sum(tmp_path / "two")
    assert sum(p.stat().st_size for p in (tmp_path / "one").rglob("*") if p.is_file()) < 60_000_000


def test_three_products_warn_and_one_is_rejected(retail):
    told = retail.first.out + retail.first.err
    assert retail.first.code == 65
    assert "no stock is below zero" in told and "found 7" in told
    assert "9 published, 1 failed" in told
    assert len(re.findall(r", 1 warning$", told, re.M)) == 3
    for rule in ("email must be less than 1 percent", "duplicateValues of event_id", "invalidValues of rating"):
        assert rule in told
    assert len(published(retail)) == 9
    assert "product.inventory" not in published(retail)


@pytest.mark.parametrize("user, countries, has_names", [
    ("ana", 6, True), ("pia", 6, True), ("hugo", 6, False), ("mia", 1, False), ("noor", 1, False)])
def test_one_question_is_answered_by_who_asks(retail, user, countries, has_names):
    sql = f"SELECT count(DISTINCT country) AS countries, count(last_name) > 0 AS has_names FROM {CUSTOMERS}"
    assert retail.rows(sql, as_user=user) == [{"countries": countries, "has_names": has_names}]


def test_other_domains_are_granted_nothing(retail):
    answer = retail.weft("query", f"SELECT count(*) FROM {CUSTOMERS}", "--as", "ben", ok=False)
    assert answer.code == 77
    assert "nothing is granted by default" in answer.err


def test_totals_agree_from_the_shop_to_marketing(retail):
    sold = retail.rows("""SELECT sum(total_chf)::VARCHAR AS francs FROM orders.processing.orders
                          WHERE status NOT IN ('cancelled', 'returned')""", as_user="olga")
    valued = retail.rows("SELECT sum(revenue_chf)::VARCHAR AS francs FROM marketing.customer_value.segments", as_user="mia")
    assert sold == valued


def test_every_line_adds_up_to_its_order(retail):
    wrong = retail.rows("""
        SELECT o.order_id
        FROM orders.processing.orders AS o
        JOIN (SELECT order_id, sum(round(quantity * unit_price * (100 - discount_percent) * 0.01, 2)) AS lines
              FROM orders.processing.order_items GROUP BY order_id) AS i ON i.order_id = o.order_id
        WHERE o.total_amount <> i.lines - o.discount_amount + o.shipping_amount""", as_user="olga")
    assert wrong == []


def test_the_recount_mends_the_inventory(retail):
    """Last of those that use this mesh."""
    counted = retail.folder / "data/inventory.csv.gz"
    before = gzip.decompress(counted.read_bytes()).count(b",-")
    shutil.copy(retail.folder / "data/recount/inventory.csv.gz", counted)
    assert before == 7
    assert gzip.decompress(counted.read_bytes()).count(b",-") == 0
    retail.weft("run", "product.inventory")
    assert "product.inventory" in published(retail)


def test_the_sources_are_chosen_back_and_forth(tmp_path):
    folder = tmp_path / "retail"
    shutil.copytree(ROOT / "examples/retail", folder)
    subprocess.run(["sh", folder / "sources.sh", "postgres", "127.0.0.1", "6543"], check=True)
    contract = (folder / "domains/orders/processing/shop.odcs.yaml").read_text()
    assert contract.index("server: shop") < contract.index("server: export")
    assert "port: 6543" in contract
    assert '"127.0.0.1:6543"' in (folder / "mesh.yaml").read_text()
    subprocess.run(["sh", folder / "sources.sh", "files"], check=True)
    assert tree_sum(folder) == tree_sum(ROOT / "examples/retail")


def test_the_demo_shows_itself_and_stops_all_that_it_started(tmp_path):
    folder = tmp_path / "demo"
    env = os.environ | {"DEMO_FOLDER": str(folder), "DEMO_ONCE": "1", "DEMO_HTTP_PORT": "18080"}
    for start in ("first", "second"):
        done = subprocess.run([ROOT / "tools/demo"], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        assert ("9 published, 1 failed" in done.stdout) == (start == "first"), done.stdout
        assert "Five commands to try" in done.stdout
        assert len(re.findall(r"^    [a-z]+ +weft_\S+$", done.stdout, re.M)) == 7
    left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if str(folder).encode() in cmdline(p)]
    assert left == []
    for secret in (folder / "tokens", folder / "retail/.weft/secrets/customer"):
        assert not secret.exists() or secret.stat().st_mode & 0o77 == 0


def cmdline(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""
