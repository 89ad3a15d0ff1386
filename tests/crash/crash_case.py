"""One case of the crash matrix: an operation, a call that it makes, what happens there, and all that must hold afterwards."""

import shutil
import tempfile
from pathlib import Path

from conftest import Answer, Mesh, wait_for_end
from home_reader import left_over
from injector import Injector, call_of

# A worker that dies is a worker's failure; nobody hears of a server that dies but from the connection.
WORKER_GONE = 70


class Template:
    """The state before an operation, on disk: each case works on a copy."""

    def __init__(self, operation, folder):
        self.operation, self.folder = operation, Path(folder)
        mesh = new_mesh(self.folder)
        operation.prepare(mesh)
        close(mesh)
        _, self.before = operation.state(mesh, False)
        self.after = self.log = None

    def copy(self, to):
        # Hard links stay links: nothing else may share a release file.
        shutil.copytree(self.folder / "mesh", to / "mesh", symlinks=True, ignore=shutil.ignore_patterns("weft.sock"))
        return new_mesh(to)


def new_mesh(folder):
    folder.chmod(0o755)
    mesh = Mesh(folder / "mesh")
    mesh.folder.mkdir(exist_ok=True)
    mesh.env["WEFT_FREE_SPACE_RESERVE_MB"] = "0"
    return mesh


def close(mesh):
    for server in mesh.servers:
        if server.process.poll() is None:
            server.stop()
        server.log.close()
    mesh.servers.clear()
    wait_for_end(mesh.home)


class Case:
    def __init__(self, template, point=None, nth=0, fault=None):
        self.template, self.operation = template, template.operation
        self.point, self.nth, self.fault = point, nth, fault
        self.faults = []       # what does not hold
        self.outcome = ""      # done, refused, killed, not reached
        self.is_after = None   # which of the two states it came to
        self.answer = None

    @property
    def name(self):
        return f"{self.operation.name}/{self.point}/{self.nth}/{self.fault}"

    def is_kill(self):
        return self.fault in ("kill", "tear")

    def in_worker(self):
        return self.point.startswith("worker")

    def run(self):
        with tempfile.TemporaryDirectory(prefix="weft-crash-", ignore_cleanup_errors=True) as folder:
            self.mesh = self.template.copy(Path(folder))
            self.injector = Injector(Path(folder), self.operation.roots(self.mesh))
            try:
                self.walk()
            except Exception as failure:  # what the program did not survive is a finding, and the others go on
                self.faults.append(f"{type(failure).__name__}: {failure}")
            finally:
                for server in self.mesh.servers:
                    if server.process.poll() is None:
                        server.kill()
                close(self.mesh)
                self.injector.close()
        if Path(folder).exists():
            self.faults.append("when all had ended something still wrote to the home")
            shutil.rmtree(folder, ignore_errors=True)
        return self

    def serve(self):
        settings = [word for setting in self.operation.settings for word in ("--set", setting)]
        return self.mesh.serve(env=self.injector.server_env(), args=settings, http=False)

    def serve_again(self):
        """Without faults. What comes by time needs its settings."""
        if self.operation.is_of_time:
            return self.serve()
        return self.mesh.serve(http=False)

    def arm(self):
        if self.fault is None:
            self.injector.count()
        else:
            self.injector.arm(self.point, self.nth, self.fault)

    def walk(self):
        self.operation.change(self.mesh)
        server = self.begin()
        if self.fault is None:
            self.learn(server)
        elif not self.injector.fired:
            self.outcome = "not reached"
        elif server is not None and server.process.poll() is None:
            self.hold_alive(server)
        else:
            self.hold_dead()

    def begin(self):
        """Does it, with the fault under way. Gives the server that it was done by, where one is there."""
        operation = self.operation
        if operation.is_server:
            return self.begin_server()
        server = None if operation.is_client else self.serve()
        self.arm()
        self.answer = operation.act(self.mesh, self)
        self.injector.disarm()
        if self.is_kill() and server is not None and self.injector.fired and not self.in_worker():
            server.process.wait(60)
        return server

    def begin_server(self):
        self.arm()
        if self.operation.name == "stop":
            self.injector.disarm()
            server = self.serve()
            self.mesh.weft("user", "add", "mia")
            self.arm()
            code = server.stop()
        else:
            try:
                server = self.serve()
                code = 0
            except RuntimeError as failure:
                server, code = None, failure.code
                self.told = str(failure)
        self.injector.disarm()
        self.code, self.answer = code, Answer(["serve"], code, "", "")
        return server

    # ---- what must hold

    def learn(self, server):
        """Without a fault: the state after, and the calls on the way."""
        assert self.answer is None or self.answer.code == 0, self.answer
        self.template.log = self.injector.log()
        if server is not None:
            close(self.mesh)
        home, self.template.after = self.operation.state(self.mesh, False)
        self.faults += home.faults

    def look(self, is_served, is_swept):
        home, state = self.operation.state(self.mesh, is_served)
        self.faults += home.faults
        if state == self.template.after:
            self.is_after = True
        elif state == self.template.before:
            self.is_after = False
        else:
            self.faults.append(f"neither the state before nor the one after: {difference(self.template, state)}")
        if is_swept:
            # Logs of databases are whole with them: the next server closes them.
            self.tell_left(self.operation.left_over(self.mesh))

    def hold_alive(self, server):
        """Refused or done, and the server goes on."""
        self.judge_answer()
        self.look(True, False)
        if self.answer.code == 0 and not self.is_after:
            self.faults.append("it said that it was done, and nothing is")
        if self.answer.code != 0 and self.is_after and not self.operation.is_of_steps and self.template.after != self.template.before:
            self.faults.append(f"it said that it failed, and it is done: {self.answer}")
        if not self.operation.is_server:
            self.do_again()
        if server.stop() != 0:
            self.faults.append(f"the server ended with {server.process.returncode}")
        self.restart()

    def hold_dead(self):
        """Killed, or without a server: what is on the disk is one of the two states, and the next start cleans up."""
        self.outcome = "killed" if self.is_kill() else "refused"
        if self.operation.is_client:
            self.hold_client()
            return
        if not self.is_kill():
            self.judge_start()
        self.look(False, False)
        if not self.operation.is_server and self.answer.code == 0 and not self.is_after:
            self.faults.append("it said that it was done, and nothing is")
        self.serve_again()
        self.swept()
        if not self.operation.is_server:
            self.do_again()
        self.verify()
        close(self.mesh)
        self.clean()

    def hold_client(self):
        if not self.is_kill():
            self.judge_answer()
        self.look(False, not self.is_kill())
        self.do_again()
        self.restart()

    def judge_start(self):
        """A server that did not start says why, one that could not end well says so."""
        told = getattr(self, "told", "")
        if self.fault in ("eintr", "short") or self.code == 0:
            self.outcome = "done"
        if self.fault in ("eintr", "short") and self.code != 0:
            self.faults.append(f"{self.fault} stopped it: {told[-600:]}")
        elif self.code not in (0, *self.operation.refused):
            self.faults.append(f"exit code {self.code}: {told[-600:]}")

    def judge_answer(self):
        answer, operation = self.answer, self.operation
        self.outcome = "done" if answer.code == 0 else "refused"
        if answer.code == 0:
            return
        allowed = (WORKER_GONE,) if self.is_kill() else operation.refused
        if self.fault == "eintr" and self.in_worker() and answer.code == 74:
            return  # the engine takes it for a failure; without a signal handler no worker ever sees one
        if self.fault in ("eintr", "short") and call_of(self.point) not in ("fsync", "fdatasync"):
            self.faults.append(f"{self.fault} stopped it: {answer}")
        elif answer.code not in allowed:
            self.faults.append(f"exit code {answer.code}, and {allowed} would be right: {answer}")
        elif not is_clear(answer, self.is_kill() and self.in_worker()):
            self.faults.append(f"the message says neither what nor where: {answer}")

    def do_again(self):
        if self.operation.is_of_time:
            if not self.operation.comes_to(self.mesh, self.template.after):
                self.faults.append("it did not come again")
            return
        is_done = self.is_after and self.template.before != self.template.after
        if is_done and self.operation.again is None:
            return
        answer = self.operation.act(self.mesh)
        wanted = self.operation.again if is_done else 0
        if answer.code != wanted:
            self.faults.append(f"done again it gives {answer.code}, not {wanted}: {answer}")
            return
        home, state = self.operation.state(self.mesh, not self.operation.is_client)
        self.faults += home.faults
        if not is_done and state != self.template.after:
            self.faults.append(f"done again it comes to another state: {difference(self.template, state)}")

    def restart(self):
        self.serve_again()
        self.swept()
        self.verify()
        close(self.mesh)
        self.clean()

    def swept(self):
        """A server that has just begun has removed what nobody names."""
        self.tell_left(left_over(self.mesh.home, self.operation.state(self.mesh, True)[0], is_served=True))

    def tell_left(self, left):
        if left:
            self.faults.append(f"left over: {', '.join(left[:8])}")

    def clean(self):
        """Whole, and nothing of work at hand."""
        home, state = self.operation.state(self.mesh, False)
        self.faults += home.faults
        if self.operation.is_server and state not in (self.template.before, self.template.after):
            self.faults.append(f"neither the state before nor the one after: {difference(self.template, state)}")
        self.tell_left(left_over(self.mesh.home, home, is_swept=False) + self.operation.left_over(self.mesh))

    def verify(self):
        answer = self.mesh.weft("verify", "--format", "json", ok=None)
        verdict = answer.json if answer.code == 0 else None
        if verdict is None or verdict["damaged"] or verdict["catalog"] != "ok" or not verdict["audit"]["whole"]:
            self.faults.append(f"weft verify: {answer}")


PLACES = ("/", "catalog.db", "cache.db", "could not be cleared")


def is_clear(answer, is_of_worker):
    told = answer.out + answer.err
    if is_of_worker:
        return "worker" in told
    return any(place in told for place in PLACES)


def difference(template, state):
    """The first thing in which a state is neither of the two."""
    def walk(a, b, c, path):
        if isinstance(a, dict) and isinstance(b, dict) and isinstance(c, dict):
            for key in {**a, **b, **c}:
                found = walk(a.get(key), b.get(key), c.get(key), f"{path}.{key}")
                if found:
                    return found
            return None
        return None if c in (a, b) else f"{path}: {a!r:.200} / {b!r:.200} / found {c!r:.300}"
    return walk(template.before, template.after, state, "") or "a mixture of both"
