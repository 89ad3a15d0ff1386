"""What weft does that writes, as a table: for each operation the state before it, the act, and what a reader must find after it.

An operation has a mesh that `prepare` has brought to the state before; `change` edits files of users, `act` does it and gives the
answer of the command. What the state after is, a run without a fault tells.
"""

import hashlib
import shutil
import subprocess
import time
from pathlib import Path

from conftest import Answer, wait_for_end
from crash_mesh import MASK, MORE, ROWS, event, grow, put, spoil, write_mesh
from home_reader import read_home
from story_help import without_seals

ANALYST = ["--as", "noor", "--format", "ndjson"]
REQUEST = ["access", "request", "sales.orders.orders", "--purpose", "reporting", "--until", "2099-12-31", "--reason", "Figures", "--as", "eve"]


class Operation:
    name = ""
    settings = ()          # of the server
    again = 0              # exit code of doing it where it is done already
    is_client = False      # the writes are those of the command, not of the server
    is_server = False      # the act is the start or the end of a server
    refused = (74,)        # exit codes when a write fails
    is_of_time = False     # nobody asks for it: it comes by itself, and again until it is done
    is_of_steps = False    # a step after the one that changes the state may fail, and is told

    def prepare(self, mesh):
        write_mesh(mesh)
        mesh.weft("apply", "--yes")
        mesh.weft("run", "--all")

    def change(self, mesh):
        pass

    def act(self, mesh, case=None):
        raise NotImplementedError

    def state(self, mesh, is_served):
        """By content: all that readers can tell of the home."""
        home = read_home(mesh.home, is_served)
        return home, home.state()

    def roots(self, mesh):
        return {"": mesh.home}

    def left_over(self, mesh):
        """What it may leave outside of the home."""
        return []


class Command(Operation):
    words = ()

    def act(self, mesh, case=None):
        return mesh.weft(*self.words, ok=None)


class Run(Command):
    name = "run"
    words = ("run", "sales.orders")

    def change(self, mesh):
        mesh.write("data/orders.csv", MORE)


class Increment(Command):
    name = "increment"
    words = ("run", "sales.events")

    def change(self, mesh):
        grow(mesh)


class Divert(Command):
    name = "divert"
    words = ("run", "sales.checked")

    def change(self, mesh):
        spoil(mesh)


class Replay(Command):
    """The rule has become wider, and the rows that it diverted come back."""
    name = "replay"
    words = ("quarantine", "replay", "sales.checked", "--as", "ana")
    again = None

    def prepare(self, mesh):
        super().prepare(mesh)
        spoil(mesh)
        mesh.weft("run", "sales.checked")
        path = mesh.folder / "domains/sales/checked/checked.odcs.yaml"
        path.write_text(path.read_text().replace("[CH, DE, AT]", "[CH, DE, AT, XX]"))
        mesh.weft("apply", "--yes")


class Drop(Command):
    name = "drop"
    words = ("quarantine", "drop", "sales.checked", "--reason", "wrong", "--as", "ana")
    again = None

    def prepare(self, mesh):
        super().prepare(mesh)
        spoil(mesh)
        mesh.weft("run", "sales.checked")


class Candidate(Command):
    name = "candidate"
    is_of_steps = True  # it is kept, and then tried over those who read it
    words = ("run", "sales.orders", "--candidate")

    def change(self, mesh):
        mesh.write("data/orders.csv", MORE)


class Publish(Command):
    name = "publish"
    words = ("candidate", "publish", "sales.orders")
    again = None

    def prepare(self, mesh):
        super().prepare(mesh)
        mesh.write("data/orders.csv", MORE)
        mesh.weft("run", "sales.orders", "--candidate")


class Rollback(Command):
    name = "rollback"
    words = ("rollback", "sales.orders", "--to", "1")
    again = None

    def prepare(self, mesh):
        super().prepare(mesh)
        mesh.write("data/orders.csv", MORE)
        mesh.weft("run", "sales.orders")


class Clear(Operation):
    """The first question under a mask: copies are made for it. There is no state but the answer."""
    name = "clear"
    expected = ("".join(f'{{"id":{i},"email":null}}\n' for i in range(1, 5)))

    def act(self, mesh, case=None):
        answer = mesh.weft("query", "SELECT id, email FROM sales.orders.orders ORDER BY id", *ANALYST, ok=None)
        if answer.code == 0 and answer.out != self.expected:
            return Answer(answer.args, 99, answer.out, "another answer than the rows say")
        return answer


class Apply(Command):
    name = "apply"
    words = ("apply", "--yes")

    def change(self, mesh):
        mesh.write("policies/mask.policy.yaml", MASK.replace("mask: {columns", "mask: {columns").replace('"null"', "partial, keepLast: 4"))
        product = mesh.folder / "domains/sales/orders/product.odps.yaml"
        product.write_text(product.read_text().replace("as the shop took them", "as the shop took and sent them"))


class Keep(Apply):
    """After an apply the image is kept for the next start."""
    name = "keep"
    settings = ("image_keep_products=1",)
    is_of_steps = True  # the apply stands, whatever becomes of what is kept

    def act(self, mesh, case=None):
        log = mesh.folder / "server.log"
        begun = log.stat().st_size if case else 0
        answer = super().act(mesh, case)
        end = time.monotonic() + 60
        while case and answer.code == 0 and time.monotonic() < end:
            told = log.read_bytes()[begun:].decode(errors="replace")
            failed = [line for line in told.splitlines() if "level=error" in line or "level=warn" in line]
            if failed:
                return Answer(answer.args, 74, "", failed[0])
            if "the image is kept" in told:
                return answer
            if mesh.servers[-1].process.poll() is not None:
                return Answer(answer.args, 69, "", "the server has died")
            time.sleep(0.02)
        return Answer(answer.args, 99, "", "no image was kept") if case and answer.code == 0 else answer


class Approve(Command):
    name = "approve"
    words = ("access", "approve", "1", "--as", "ana")
    again = 75

    def prepare(self, mesh):
        super().prepare(mesh)
        mesh.weft(*REQUEST)


class AddUser(Command):
    name = "user"
    words = ("user", "add", "lea")
    again = None


class Upkeep(Operation):
    """Releases that are over are forgotten, files that nobody names go, while the server runs on."""
    name = "upkeep"
    settings = ("upkeep_every_s=1", "keep_releases=1", "keep_days=0")
    is_of_time = is_of_steps = True

    def prepare(self, mesh):
        super().prepare(mesh)
        mesh.weft("query", "SELECT email FROM sales.orders.orders", *ANALYST)
        for text in (MORE, ROWS.replace("Ada", "Ann")):
            mesh.write("data/orders.csv", text)
            mesh.weft("run", "sales.orders")

    def act(self, mesh, case=None):
        log = mesh.folder / "server.log"
        begun = log.stat().st_size
        if case:
            case.injector.later(3 * 86400)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            told = log.read_bytes()[begun:].decode(errors="replace")
            failed = [line for line in told.splitlines() if "level=error" in line or "level=warn" in line]
            if failed:
                return Answer(["upkeep"], 74, "", failed[0])
            if "module=upkeep" in told and "removed" in told:
                return Answer(["upkeep"], 0, told, "")
            if mesh.servers and mesh.servers[-1].process.poll() is not None:
                return Answer(["upkeep"], 69, "", "the server has died")
            time.sleep(0.05)
        return Answer(["upkeep"], 99, "", "no upkeep came")

    def state(self, mesh, is_served):
        """Who reads beside it and pins nothing may lose a file under his hands. Then the catalog names it no more: he reads again."""
        home, state = super().state(mesh, is_served)
        faults = None
        while is_served and home.faults and home.faults != faults:
            faults = home.faults
            home, state = super().state(mesh, is_served)
        return home, state

    def comes_to(self, mesh, state):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if self.state(mesh, True)[1] == state:
                return True
            time.sleep(0.1)
        return False


class Start(Operation):
    """A server on a home that another left when it was killed in the midst of a run."""
    name = "start"
    is_server = True
    refused = (74, 78)

    def prepare(self, mesh):
        super().prepare(mesh)
        mesh.weft("query", "SELECT email FROM sales.orders.orders", *ANALYST)
        mesh.write("data/orders.csv", MORE)
        server = mesh.serve(env={"WEFT_FAULT": "STORE_MOVE:kill"}, http=False)
        mesh.weft("run", "sales.orders", ok=None)
        server.process.wait(60)


class Seal(Start):
    """A server on a home of before, whose pages have no checksums yet: the catalog is written anew."""
    name = "seal"

    def prepare(self, mesh):
        Operation.prepare(self, mesh)
        wait_for_end(mesh.home)
        without_seals(mesh.home / "catalog.db")


class Birth(Operation):
    """The first server of a home: it makes all of it."""
    name = "birth"
    is_server = True
    refused = (74, 78)

    def prepare(self, mesh):
        write_mesh(mesh)


class Stop(Operation):
    """The end of a server: logs become part of their databases."""
    name = "stop"
    is_server = True
    refused = (0, 74)

    def prepare(self, mesh):
        super().prepare(mesh)

    def change(self, mesh):
        """The server has something to write when it ends."""


def folder_content(folder):
    folder = Path(folder)
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


class Backup(Operation):
    """A copy of the home: whole, or not there."""
    name = "backup"
    again = 75

    def place(self, mesh):
        return mesh.folder / "backups/monday"

    def roots(self, mesh):
        return {"": mesh.home, "backup": mesh.folder / "backups"}

    def change(self, mesh):
        self.place(mesh).parent.mkdir(exist_ok=True)

    def act(self, mesh, case=None):
        return mesh.weft("backup", self.place(mesh), ok=None)

    def state(self, mesh, is_served):
        home, state = super().state(mesh, is_served)
        place = self.place(mesh)
        copied = None
        if place.exists():
            sums = subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=place, capture_output=True, text=True)
            copy = read_home(place)
            copied = copy.state()
            home.faults += [f"the backup: {fault}" for fault in copy.faults]
            if sums.returncode != 0:
                home.faults.append(f"the backup is not what its sums say: {sums.stderr or sums.stdout}")
        return home, {"home": state, "backup": copied}

    def left_over(self, mesh):
        place = self.place(mesh)
        return [p.name for p in place.parent.iterdir() if p != place] if place.parent.exists() else []


class Restore(Operation):
    """A home of a backup: whole, or not there. The command does it alone."""
    name = "restore"
    is_client = True
    again = 75

    def prepare(self, mesh):
        super().prepare(mesh)
        mesh.weft("backup", mesh.folder / "monday")
        wait_for_end(mesh.home)
        shutil.rmtree(mesh.home)

    def roots(self, mesh):
        return {"": mesh.home, "beside": mesh.folder / ".weft.weft-unfinished", "unfinished": mesh.folder / "..weft.weft-unfinished"}

    def act(self, mesh, case=None):
        return mesh.weft("restore", mesh.folder / "monday", ok=None, env=case.injector.env if case else None)

    def left_over(self, mesh):
        return [p.name for p in mesh.folder.iterdir() if "unfinished" in p.name]


LOUD = "SELECT id, upper(customer) AS customer, email, country, amount, ordered_on FROM shop.raw_orders\n"


class EnvCreate(Command):
    """An environment: there, or not. What the command does in it comes after."""
    name = "env-create"
    words = ("apply", "--env", "dev-x", "--yes")

    def act(self, mesh, case=None):
        answer = super().act(mesh, case)
        if "environment dev-x is new" in answer.err:
            answer.code = 0
        return answer


class EnvApply(Command):
    name = "env-apply"
    words = ("apply", "--env", "dev-x", "--domain", "sales", "--yes")

    def prepare(self, mesh):
        super().prepare(mesh)
        mesh.weft("apply", "--env", "dev-x", "--yes")

    def change(self, mesh):
        mesh.write("domains/sales/orders/orders.sql", LOUD)


class EnvRun(EnvApply):
    name = "env-run"
    words = ("run", "--all", "--env", "dev-x")

    def prepare(self, mesh):
        super().prepare(mesh)
        mesh.write("domains/sales/orders/orders.sql", LOUD)
        mesh.weft("apply", "--env", "dev-x", "--domain", "sales", "--yes")

    def change(self, mesh):
        pass


class EnvRefresh(EnvRun):
    """The mesh has moved on: a new copy of it, with what the environment has."""
    name = "env-refresh"
    words = ("env", "refresh", "dev-x")

    def prepare(self, mesh):
        super().prepare(mesh)
        mesh.weft("run", "--all", "--env", "dev-x")
        mesh.write("data/orders.csv", MORE)
        mesh.weft("run", "sales.orders")


class EnvDrop(EnvRefresh):
    """Nothing is left but the audit."""
    name = "env-drop"
    words = ("env", "drop", "dev-x")
    again = 66


TABLE = {o.name: o for o in (Run(), Increment(), Divert(), Replay(), Drop(), Candidate(), Publish(), Rollback(), Clear(), Apply(),
                             Keep(), Approve(), AddUser(), Upkeep(), Start(), Seal(), Birth(), Stop(), Backup(), Restore(), EnvCreate(), EnvApply(),
                             EnvRun(), EnvRefresh(), EnvDrop())}
