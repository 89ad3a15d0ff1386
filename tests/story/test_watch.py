"""`weft run --watch`: what a developer sees while files change under it."""

import re
import signal
import subprocess
import threading

import pytest

from conftest import PATIENCE_S, ROWS, WEFT
from story_help import edit, wait_until

SLOW = "SELECT count(*) FROM range(100000000) a, range(1000) b"


class Watch:
    """The program with what it said so far."""

    def __init__(self, mesh, *args):
        self.process = subprocess.Popen([WEFT, "run", "--watch", *args], cwd=mesh.folder, env=mesh.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.told, self.at = "", 0
        self.more = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.more:
                self.told += line
                self.more.notify()

    def expect(self, text):
        """Waits for it; gives what came before."""
        with self.more:
            found = self.more.wait_for(lambda: re.compile(text, re.S).search(self.told, self.at), PATIENCE_S)
            assert found, f"{text} did not come; it said:\n{self.told[self.at:]}"
            before, self.at = self.told[self.at:found.end()], found.end()
            return before

    def round(self):
        return self.expect("waiting for changes\n")

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        self.reader.join(PATIENCE_S)
        return code


@pytest.fixture
def begin(shop):
    begun = []

    def start(*args):
        begun.append(Watch(shop, *args))
        return begun[-1]

    yield start
    for watch in begun:
        if watch.process.poll() is None:
            watch.process.kill()
            watch.process.wait()


def test_a_product_is_checked_applied_and_run_at_each_change(shop, begin):
    watch = begin("--yes", "sales.orders")
    first = watch.round()
    assert "watching" in first and "changes applied" not in first.split("published")[1] and "published release 1, 4 rows" in first
    shop.write("data/orders.csv", ROWS + "5,Eve,,CH,1.00,2026-01-05\n")
    again = watch.round()
    assert "published release 2, 5 rows" in again and "applied" not in again
    edit(shop, "domains/sales/orders/orders.sql", "FROM shop.raw_orders", "FROM shop.raw_orders\nWHERE id > 2")
    third = watch.round()
    assert "1 change applied" in third and "published release 3, 3 rows" in third
    # What is wrong is told with its place; nothing is applied or run, and the mending is seen.
    edit(shop, "domains/sales/orders/orders.sql", "id > 2", "nope > 2")
    wrong = watch.round()
    assert "orders.sql:2:7: error" in wrong and "WHERE nope" in wrong and "^" in wrong and "published" not in wrong
    edit(shop, "domains/sales/orders/orders.sql", "nope > 2", "id > 3")
    assert "published release 4, 2 rows" in watch.round()
    assert watch.stop() == 0


def test_without_yes_nothing_is_applied(shop, begin):
    watch = begin("sales.orders")
    first = watch.round()
    assert "not applied" in first and "published" not in first
    shop.weft("apply", "--yes")
    shop.write("data/orders.csv", ROWS)
    assert "published release 1, 4 rows" in watch.round()
    edit(shop, "domains/sales/orders/orders.sql", "FROM", "-- only a remark\nFROM")
    assert "1 change not applied" in watch.round()
    assert watch.stop(signal.SIGTERM) == 0


def second_product(mesh):
    folder = mesh.folder / "domains/sales/orders"
    for path in sorted(folder.iterdir()):
        text = path.read_text().replace("id: sales-orders", "id: sales-more").replace("name: orders\nversion", "name: more\nversion")
        text = text.replace("id: shop-files", "id: more-files").replace("contractId: shop-files", "contractId: more-files")
        text = text.replace("contractId: orders", "contractId: more-orders").replace("id: orders\n", "id: more-orders\n")
        mesh.write(f"domains/sales/more/{path.name}", text)


def test_without_names_what_a_change_touches_is_run(shop, begin):
    watch = begin("--yes")
    assert "sales.orders" in watch.round()
    second_product(shop)
    watch.expect("sales.more +published release 1")
    watch.round()
    edit(shop, "domains/sales/more/orders.sql", "FROM", "\nFROM")
    told = watch.round()
    assert "sales.more" in told and "sales.orders " not in told
    shop.write("data/orders.csv", ROWS + "6,Fay,,CH,1.00,2026-01-06\n")
    told = watch.round()
    assert "sales.more" in told and "sales.orders " in told
    # Files of editors are nobody's change.
    shop.write("domains/sales/more/.orders.sql.swp", "x")
    shop.write("domains/sales/more/orders.sql~", "x")
    edit(shop, "domains/sales/orders/orders.sql", "FROM", "\nFROM")
    told = watch.round()
    assert "sales.orders " in told and "sales.more" not in told
    assert watch.stop() == 0


def test_a_key_ends_a_run_that_is_at_work(shop, begin):
    shop.serve()
    edit(shop, "domains/sales/orders/orders.sql", "shop.raw_orders", f"shop.raw_orders WHERE ({SLOW}) > 0")
    watch = begin("--yes", "sales.orders")
    watch.expect("sales.orders: transform")
    assert watch.stop() == 0
    server = shop.servers[-1]
    wait_until("the end of the run", lambda: server.call("GET", "/api/v1/runs?limit=1")[1]["runs"][0]["state"] == "cancelled")


def test_what_does_not_go_together_is_refused(applied):
    assert applied.weft("run", "--yes", "sales.orders", ok=False).code == 2
    assert applied.weft("run", "--watch", "--format", "json", ok=False).code == 2
    assert applied.weft("run", "--watch", "--all", "sales.orders", ok=False).code == 2
