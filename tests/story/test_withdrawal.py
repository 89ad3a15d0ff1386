"""What is no longer granted is no longer read: within a second, in queries and builds that run, and nobody else's."""

import array
import fcntl
import json
import socket
import termios
import time
from http.client import HTTPConnection, IncompleteRead

import pytest

from conftest import PATIENCE_S
from story_help import Called, audit, edit, freeze, is_still, runs, thaw, wait_until, workers

T = "sales.orders.orders"
ENDLESS = f"SELECT count(*) AS n FROM {T}, range(100000000) a, range(1000) b"

FILTER = """\
apiVersion: weft/v1
kind: Policy
id: swiss-rows
owner: guild
filter: {tables: {tag: [customer-rows]}, where: "country = 'CH'", except: {users: [ana]}}
"""
DEPUTY = """\
apiVersion: weft/v1
kind: Policy
id: deputies-read-orders
owner: guild
grant: {contract: orders, role: reader, to: {groups: [deputies]}}
"""


def begin(server, user, sql=ENDLESS, others=0):
    """A query at work. Its class is there before: one that waits for a copy would be decided anew instead."""
    assert server.query(f"SELECT count(*) FROM {T}", as_user=user)[0] == 200
    wait_until("only the others are at work", lambda: server.lent() == others)
    call = Called(server.call, "POST", "/api/v1/query", {"sql": sql, "timeout_ms": 60000}, as_user=user)
    wait_until("the query is at work", lambda: server.lent() > others and len(server.mesh.links()) > others)
    return call


def ends_with_reason(call, *words):
    """Long before its deadline, in words that say why."""
    code, problem = call.end()
    assert (code, problem["code"]) == (403, "DENIED"), problem
    assert "access was withdrawn while the query ran" in problem["detail"], problem
    for word in words:
        assert word in problem["detail"], problem


def is_still_at_work(call):
    return call.thread.is_alive()


@pytest.fixture
def deputies(applied):
    """Eve may read as a deputy, noor as an analyst."""
    applied.write("policies/deputies.policy.yaml", DEPUTY)
    applied.weft("apply", "--yes")
    return applied


def test_a_grant_that_an_apply_removes_ends_the_query_and_no_other(deputies):
    server = deputies.serve()
    deputies.weft("group", "add", "deputies", "eve")
    noor, eve = begin(server, "noor"), begin(server, "eve", others=1)
    (deputies.folder / "policies/analysts.policy.yaml").unlink()
    deputies.weft("apply", "--yes")
    ends_with_reason(noor, T, "nothing is granted")
    assert is_still_at_work(eve)
    # The links of who may read no more are gone, and so is the worker.
    assert server.lent() == 1
    code, problem = server.query(f"SELECT count(*) FROM {T}", as_user="noor")
    assert (code, problem["code"]) == (403, "DENIED") and "withdrawn" not in problem["detail"]
    deputies.weft("group", "remove", "deputies", "eve")
    ends_with_reason(eve, T)
    wait_until("no worker is lent", lambda: server.lent() == 0)
    assert deputies.links() == []


def test_an_idle_worker_ends_with_the_grant(deputies):
    server = deputies.serve(args=["--set", "workers_warm=0"])
    deputies.weft("group", "add", "deputies", "eve")
    for user in ("noor", "eve"):
        assert server.query(f"SELECT count(*) FROM {T}", as_user=user)[0] == 200
    before = workers(deputies, "consumer")
    assert len(before) == 2
    deputies.weft("group", "remove", "deputies", "eve")
    wait_until("one has ended", lambda: len(workers(deputies, "consumer")) == 1)
    assert server.query(f"SELECT count(*) FROM {T}", as_user="noor")[0] == 200
    assert workers(deputies, "consumer")[0] in before


def test_a_group_that_is_left_ends_the_query(deputies):
    server = deputies.serve()
    deputies.weft("group", "add", "deputies", "eve")
    eve = begin(server, "eve")
    deputies.weft("group", "remove", "deputies", "eve")
    ends_with_reason(eve, T)


def test_a_user_who_is_removed_reads_no_more(deputies):
    server = deputies.serve()
    deputies.weft("user", "add", "max")
    deputies.weft("group", "add", "deputies", "max")
    call = begin(server, "max")
    deputies.weft("user", "remove", "max")
    ends_with_reason(call, "max is no longer part of the mesh")


def test_who_comes_at_once_under_the_name_of_who_went_gets_nothing_of_his(deputies):
    """Neither groups nor tokens nor agreements: whether he stood in mesh.yaml or was made by a command."""
    server = deputies.serve()
    deputies.weft("user", "add", "max")
    line = "  eve: {groups: [visitors]}\n"
    goes = {"max": lambda: deputies.weft("user", "remove", "max"), "eve": lambda: change(deputies, "mesh.yaml", line, "")}
    comes = {"max": lambda: deputies.weft("user", "add", "max"),
             "eve": lambda: change(deputies, "mesh.yaml", "  noor: ", f"{line}  noor: ")}
    for number, user in enumerate(("max", "eve"), 1):
        deputies.weft("access", "request", T, "--purpose", "reporting", "--until", "2099-12-31", "--reason", "x", "--as", user)
        deputies.weft("access", "approve", number, "--as", "ana")
        deputies.weft("group", "add", "deputies", user)
        token = deputies.weft("token", "create", user).out.strip()
        assert server.query(f"SELECT count(*) FROM {T}", token=token)[0] == 200
        goes[user]()
        comes[user]()
        assert ask(server, user)[0] == server.query(f"SELECT count(*) FROM {T}", as_user=user)[0] == 403, user
        assert server.query(f"SELECT count(*) FROM {T}", token=token)[0] == 401, user


def test_a_filter_or_a_mask_that_comes_ends_the_query(applied):
    server = applied.serve()
    for name, text, word in (("rows", FILTER, "rows are filtered by policy swiss-rows"),
                             ("mask", FILTER.replace("swiss-rows", "no-mail").replace(
                                 "filter: {tables: {tag: [customer-rows]}, where: \"country = 'CH'\", except: {users: [ana]}}",
                                 "mask: {columns: {classification: [pii]}, with: {method: \"null\"}, except: {owners: true}}"),
                              "column email is masked by policy no-mail")):
        noor = begin(server, "noor")
        applied.write(f"policies/{name}.policy.yaml", text)
        applied.weft("apply", "--yes")
        ends_with_reason(noor, word)


def test_what_only_loosens_ends_nothing(applied):
    applied.write("policies/rows.policy.yaml", FILTER)
    applied.weft("apply", "--yes")
    server = applied.serve(args=["--set", "query_timeout_ms=60000"])
    noor = begin(server, "noor")
    (applied.folder / "policies/rows.policy.yaml").unlink()
    applied.write("policies/deputies.policy.yaml", DEPUTY)
    applied.weft("apply", "--yes")
    # The next look of the gate has come and gone when another's grant was withdrawn by it.
    applied.weft("group", "add", "deputies", "eve")
    eve = begin(server, "eve", others=1)
    applied.weft("group", "remove", "deputies", "eve")
    ends_with_reason(eve, T)
    assert is_still_at_work(noor)
    assert server.query(f"SELECT count(*) FROM {T}", as_user="noor")[1]["rows"] == [[4]]
    applied.weft("user", "list")
    (applied.folder / "policies/analysts.policy.yaml").unlink()
    applied.weft("apply", "--yes")
    ends_with_reason(noor, T)


# ---- builds

SUMS = {
    "domains/finance/domain.yaml": "apiVersion: weft/v1\nkind: Domain\nname: finance\ntitle: Finance\nalignment: consumer\nowners: [user:noor]\n",
    "domains/finance/sums/product.odps.yaml": """\
apiVersion: v1.0.0
kind: DataProduct
id: finance-sums
name: sums
version: 1.0.0
status: active
description: {purpose: Sums by country.}
inputPorts:
  - {name: orders, version: 1.0.0, contractId: orders}
outputPorts:
  - {name: sums, version: 1.0.0, contractId: sums}
""",
    "domains/finance/sums/sums.odcs.yaml": """\
apiVersion: v3.1.0
kind: DataContract
id: sums
name: Sums
version: 1.0.0
status: active
schema:
  - name: sums
    properties:
      - {name: country, logicalType: string, physicalType: VARCHAR}
      - {name: n, logicalType: integer, physicalType: BIGINT}
""",
    "domains/finance/sums/sums.sql": "SELECT country, count(*) AS n FROM orders.orders, range(100000000) a, range(1000) b GROUP BY country\n",
    "policies/sums.policy.yaml": """\
apiVersion: weft/v1
kind: Policy
id: sums-reads-orders
owner: guild
grant: {contract: orders, role: reader, to: {products: [finance.sums]}}
""",
}


def test_a_build_whose_grant_goes_ends_and_publishes_nothing(applied):
    for path, text in SUMS.items():
        applied.write(path, text)
    applied.weft("apply", "--yes")
    server = applied.serve()
    status, job = server.call("POST", "/api/v1/runs", {"products": ["finance.sums"]})
    assert status == 202, job
    wait_until("it transforms", lambda: runs(applied, as_user="noor")[-1] == "transforming" and applied.links())
    noor = begin(server, "noor", others=1)
    (applied.folder / "policies/sums.policy.yaml").unlink()
    # Whoever takes the grant away leaves the product: it can run again when it has one.
    applied.weft("apply", "--yes")
    wait_until("the run has ended", lambda: runs(applied, as_user="noor")[-1] == "failed")
    row = applied.rows("SELECT error FROM mesh.runs WHERE product = 'finance.sums'", as_user="noor")[-1]
    assert "access was withdrawn while the build ran" in json.dumps(row), row
    assert is_still_at_work(noor)
    (applied.folder / "policies/analysts.policy.yaml").unlink()
    applied.weft("apply", "--yes")
    ends_with_reason(noor, T)


# ---- every way to take, at every moment

REGIONS = """\
apiVersion: weft/v1
kind: Policy
id: rows-of-regions
owner: guild
filter: {tables: {tag: [customer-rows]}, where: "amount < 15 OR country = ANY($actor.regions)"}
"""
EVEN_MORE = """\
apiVersion: weft/v1
kind: Policy
id: early-rows-only
owner: guild
filter: {tables: {tag: [customer-rows]}, where: "ordered_on < DATE '2026-01-03'", except: {users: [lee], groups: [visitors, deputies]}}
"""
OTHERS = """\
  noor: {groups: [analysts]}
  lee: {groups: [analysts], attributes: {regions: [DE, CH]}}
  ida: {groups: [visitors], attributes: {regions: [AT]}}
"""

# Who reads, what takes it from him, and what he is told when he reads already.
TAKES = {
    "a user is removed": ("max", lambda m: m.weft("user", "remove", "max"), "no longer part of the mesh"),
    "a group is left": ("eve", lambda m: m.weft("group", "remove", "deputies", "eve"), T),
    "an agreement is revoked": ("ida", lambda m: m.weft("access", "revoke", 1, "--reason", "over", "--as", "ana"), T),
    "an attribute changes": ("lee", lambda m: change(m, "mesh.yaml", "regions: [DE, CH]", "regions: [CH]"), "rows are filtered"),
    "a policy is tightened": ("noor", lambda m: add(m, "policies/more.policy.yaml", EVEN_MORE), "rows are filtered"),
}


def change(mesh, path, old, new):
    edit(mesh, path, old, new)
    mesh.weft("apply", "--yes")


def add(mesh, path, text):
    mesh.write(path, text)
    mesh.weft("apply", "--yes")


def loosen(mesh):
    """Gives something to everybody, and takes nothing."""
    edit(mesh, "policies/regions.policy.yaml", "}\n", ", except: {users: [noor, lee, ida, eve, max]}}\n")
    mesh.weft("apply", "--yes")


@pytest.fixture
def readers(applied):
    """Five who read by a grant of another kind each, all of them but a part of the rows: so that they need copies."""
    edit(applied, "mesh.yaml", "  noor: {groups: [analysts]}\n", OTHERS)
    applied.write("policies/regions.policy.yaml", REGIONS)
    applied.write("policies/deputies.policy.yaml", DEPUTY)
    applied.weft("apply", "--yes")
    applied.weft("user", "add", "max")
    for user in ("max", "eve"):
        applied.weft("group", "add", "deputies", user)
    applied.weft("access", "request", T, "--purpose", "reporting", "--until", "2099-12-31", "--reason", "x", "--as", "ida")
    return applied


def approve(mesh):
    mesh.weft("access", "approve", 1, "--as", "ana")


def ask(server, user, sql=f"SELECT count(*) FROM {T}", **more):
    return server.call("POST", "/api/v1/query", {"sql": sql, "purpose": "reporting", "timeout_ms": 60000} | more, as_user=user)


def freeze_clearing(mesh):
    """The warm worker that clears, once it is ready to."""
    wait_until("a worker to clear", lambda: "worker started: kind=clearing" in (mesh.folder / "server.log").read_text())
    return freeze(workers(mesh, "clearing"))


def copies(mesh):
    return [p for p in (mesh.home / "cleared").rglob("*") if p.is_file()]


def ended(calls):
    """Those that should not have, and what they were told."""
    return {user: call.result for user, call in calls.items() if not is_still_at_work(call)}


def test_who_waits_for_a_copy_gets_nothing_of_what_is_taken_meanwhile(readers):
    """No copy is made in all that time: what ends the wait is the withdrawal."""
    approve(readers)
    wait_until("what the approval opened is there", lambda: len(copies(readers)) == 1)
    change(readers, "policies/regions.policy.yaml", "amount < 15", "amount < 16")
    server = readers.serve(args=["--set", "clearing_workers_max=1"])
    frozen = freeze_clearing(readers)
    try:
        # Noor's comes first, and he goes on waiting for one: so nobody else's is begun.
        calls = {"noor": Called(ask, server, "noor")}
        wait_until("noor waits for a copy", lambda: server.lent() == 2)
        calls |= {user: Called(ask, server, user) for user, _, _ in TAKES.values() if user != "noor"}
        wait_until("all wait for copies", lambda: server.lent() == len(calls) + 1)
        before = copies(readers)
        for what, (user, take, _) in TAKES.items():
            time.sleep(0.3)  # so that all of them have looked at what there is
            assert not ended(calls), what
            take(readers)
            if what in ("an attribute changes", "a policy is tightened"):
                continue  # he has less from here on, and waits for that
            code, problem = calls.pop(user).end()
            assert (code, problem["code"]) == (403, "DENIED"), (what, problem)
            assert not ended(calls), what
        assert copies(readers) == before
    finally:
        thaw(frozen)
    assert calls["lee"].end()[1]["rows"] == [[3]]  # 10.50, 5.25 of CH; 7.75 of AT; Bob's 20.00 of DE no more
    assert calls["noor"].end()[1]["rows"] == [[1]]


def test_a_loosening_meanwhile_lets_who_waits_read(readers):
    approve(readers)
    server = readers.serve()
    frozen = freeze_clearing(readers)
    try:
        calls = [Called(ask, server, user) for user in ("noor", "lee", "eve", "max")]
        wait_until("all wait for copies", lambda: server.lent() > len(calls))
        loosen(readers)
    finally:
        thaw(frozen)
    for call in calls:
        code, answer = call.end()
        assert code == 200 and answer["rows"] in ([[3]], [[4]]), answer
    assert ask(server, "noor")[1]["rows"] == [[4]]


def test_who_reads_ends_whatever_takes_it(readers):
    """His worker is frozen when the files are linked for it: whether or not it has opened one, it never reads another byte."""
    approve(readers)
    server = readers.serve(args=["--set", "workers_warm=0", "--set", "query_timeout_ms=600000"])
    calls, pids = {}, {}
    for user, _, _ in TAKES.values():
        assert ask(server, user)[0] == 200
        wait_until("only the others are at work", lambda: server.lent() == len(calls))
        pids[user] = [p for p in workers(readers, "consumer") if p not in sum(pids.values(), [])]
        assert len(pids[user]) == 1
        calls[user] = Called(ask, server, user, ENDLESS, timeout_ms=600000)
        wait_until("it is linked", lambda: len(readers.links()) > len(calls) - 1 and server.lent() == len(calls))
        freeze(pids[user])
    # Nobody is hurt by what only gives: had it been, the others would tell.
    add(readers, "policies/lenders.policy.yaml", DEPUTY.replace("deputies", "lenders"))
    for what, (user, take, words) in TAKES.items():
        assert not ended(calls), what
        take(readers)
        ends_with_reason(calls.pop(user), words)
        assert server.lent() == len(readers.links()) == len(calls), what
        assert not set(pids[user]) & set(workers(readers, "consumer")), what


# ---- who reads slowly


def waiting_bytes(connection):
    number = array.array("i", [0])
    fcntl.ioctl(connection, termios.FIONREAD, number)
    return number[0]


def slow_reader(server, token, sql):
    """A client that reads the head of an answer, and then nothing: all that it can hold arrives."""
    host, port = server.address.split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.settimeout(PATIENCE_S)
    connection.connect((host, int(port)))
    body = json.dumps({"sql": sql, "purpose": "reporting", "timeout_ms": 60000, "format": "ndjson"})
    connection.sendall(f"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
    head = connection.recv(12)
    assert head == b"HTTP/1.1 200", head
    seen = []

    def is_full():
        seen.append(waiting_bytes(connection))
        time.sleep(0.05)
        return len(seen) > 5 and len(set(seen[-5:])) == 1 and seen[-1] > 0

    wait_until("no more fits", is_full)
    return connection, seen[-1]


def drain(connection):
    got = b""
    try:
        while piece := connection.recv(1 << 16):
            got += piece
    except ConnectionResetError:
        pass
    connection.close()
    return got


def test_a_slow_reader_gets_no_byte_more(readers):
    approve(readers)
    tokens = {user: readers.weft("token", "create", user).out.strip() for user, _, _ in TAKES.values()}
    server = readers.serve()
    sql = f"SELECT repeat(customer, 100) AS long FROM {T}, range(10000000)"
    slow = {user: slow_reader(server, token, sql) for user, token in tokens.items()}
    for at, (what, (user, take, _)) in enumerate(TAKES.items()):
        take(readers)
        connection, arrived = slow.pop(user)
        wait_until("his worker is gone", lambda at=at: server.lent() == len(TAKES) - 1 - at)
        wait_until("he is gone from the server", lambda: connection_is_over(connection))
        assert len(drain(connection)) <= arrived, what
    ends = wait_until("the ends are on record", lambda: [r for r in audit(readers) if r["action"] == "query.end"][len(TAKES) - 1:] and
                      [r for r in audit(readers) if r["action"] == "query.end"])
    # What they got all the same is on record.
    assert all(r["outcome"] == "denied" and r["detail"]["bytes"] >= 65536 for r in ends), [(r["outcome"], r["detail"]) for r in ends]


def connection_is_over(connection):
    """The other side has closed, or reset, and all that will ever come is here."""
    try:
        return not connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 1
    except OSError:
        return True


# ---- of many who ask while it is given and taken


def test_no_answer_that_was_asked_for_after_a_withdrawal_has_a_row(deputies):
    server = deputies.serve()
    deputies.weft("group", "add", "deputies", "eve")
    answers, is_over = [], []

    def go_on():
        while not is_over:
            began = time.monotonic()
            try:
                code, answer = server.query(f"SELECT count(*) FROM {T}", as_user="eve")
            except IncompleteRead:
                continue  # it was ended in the middle of its answer
            answers.append((began, time.monotonic(), code, answer))

    askers = [Called(go_on) for _ in range(3)]
    spans = []
    for _ in range(6):
        server.call("DELETE", "/api/v1/groups/deputies/members/eve")
        taken = time.monotonic()
        wait_until("somebody was refused", lambda: any(code == 403 and began > taken for began, _, code, _ in list(answers)))
        spans.append((taken, time.monotonic()))
        server.call("PUT", "/api/v1/groups/deputies/members/eve")
        given = time.monotonic()
        wait_until("somebody was served", lambda: any(code == 200 and began > given for began, _, code, _ in list(answers)))
    is_over.append(True)
    for asker in askers:
        assert asker.end() is None
    for began, ended, code, answer in answers:
        assert (code, answer.get("rows")) in ((200, [[4]]), (403, None)), answer
        assert code == 403 or not any(taken < began and ended < given for taken, given in spans), answer


# ---- ends that the clock brings

NO_MAIL = """\
apiVersion: weft/v1
kind: Policy
id: no-mail
owner: guild
mask: {columns: {classification: [pii]}, with: {method: "null"}, except: {owners: true, groups: [visitors, deputies]}}
"""
WAIVER = """\
apiVersion: weft/v1
kind: Policy
id: lee-sees-mail
owner: guild
waive: {policy: no-mail, to: {users: [lee]}, approver: user:ana, reason: An audit., until: 2030-06-30}
"""
MINUTE_BEFORE, JUST_BEFORE = "2030-06-30T23:00:00Z", "2030-06-30T23:59:50Z"


def add_sums(mesh, sql=None):
    """The product of a second domain that counts orders; without a grant."""
    for path, text in SUMS.items():
        if path != "policies/sums.policy.yaml":
            mesh.write(path, sql if sql and path.endswith(".sql") else text)
    mesh.weft("apply", "--yes")


def lend_to_sums(mesh, until, env):
    mesh.weft("access", "request", T, "--for", "product:finance.sums", "--purpose", "reporting", "--until", until,
              "--reason", "x", "--as", "noor", env=env)
    mesh.weft("access", "approve", len(mesh.weft("access", "list", "--as", "ana", "--format", "json", env=env).json), "--as", "ana", env=env)


def start_sums(server):
    status, job = server.call("POST", "/api/v1/runs", {"products": ["finance.sums"]})
    assert status == 202, job


def sums_run(mesh):
    return mesh.rows("SELECT state, error FROM mesh.runs WHERE product = 'finance.sums'", as_user="noor")[-1]


def test_the_end_of_each_kind_of_right_bites_in_what_runs(readers):
    """A grant of a file, an agreement of a user and of a product, a waiver: all end at midnight. Eve's does not."""
    early = readers.serve(env={"WEFT_TEST_NOW": MINUTE_BEFORE})
    change(readers, "policies/analysts.policy.yaml", "to: {groups: [analysts]}", "until: 2030-06-30, to: {users: [noor]}")
    for name, text in (("mail", NO_MAIL), ("waiver", WAIVER), ("deputies", DEPUTY.replace("groups: [deputies]", "groups: [deputies], users: [lee]"))):
        add(readers, f"policies/{name}.policy.yaml", text)
    add_sums(readers)
    readers.weft("access", "withdraw", 1, "--as", "ida")
    readers.weft("access", "request", T, "--purpose", "reporting", "--until", "2030-06-30", "--reason", "x", "--as", "ida")
    readers.weft("access", "approve", 2, "--as", "ana")
    lend_to_sums(readers, "2030-06-30", {})
    for user in ("noor", "lee", "ida", "eve"):
        assert ask(early, user)[0] == 200, user
    early.stop()

    server = readers.serve(env={"WEFT_TEST_NOW": JUST_BEFORE}, args=["--set", "workers_warm=0"])
    open_line = HTTPConnection(server.address, timeout=PATIENCE_S)
    token = readers.weft("token", "create", "noor").out.strip()

    def on_the_line():
        open_line.request("POST", "/api/v1/query", json.dumps({"sql": f"SELECT count(*) FROM {T}"}), {"Authorization": f"Bearer {token}"})
        answer = open_line.getresponse()
        answer.read()
        return answer.status

    assert on_the_line() == 200
    start_sums(server)
    calls = {}
    for user in ("noor", "lee", "ida", "eve"):
        calls[user] = Called(ask, server, user, ENDLESS)
    wait_until("all are at work", lambda: server.lent() == len(readers.links()) == 5)
    frozen = freeze(workers(readers, "consumer") + workers(readers, "build"))
    try:
        for user, words in (("noor", "2030-06-30"), ("lee", "column email is masked by policy no-mail"), ("ida", T)):
            ends_with_reason(calls.pop(user), words)
        wait_until("the build has ended", lambda: sums_run(readers)["state"] == "failed")
        # Words of errors are for who may see what the build read, and that is noor no more.
        assert "access was withdrawn: reader=product:finance.sums" in (readers.folder / "server.log").read_text()
        assert not ended(calls)
        assert on_the_line() == 403
        wait_until("hers is the only one", lambda: server.lent() == len(readers.links()) == 1)
    finally:
        thaw(frozen)
    readers.weft("group", "remove", "deputies", "eve")
    ends_with_reason(calls.pop("eve"), T)


def test_what_a_build_may_read_no_more_it_does_not_publish_however_late_it_notices(applied):
    """The server stands still from just before the end of the product's right until after it, its release a step away."""
    add_sums(applied, "SELECT country, count(*) AS n FROM orders.orders GROUP BY country\n")
    early = applied.serve(env={"WEFT_TEST_NOW": MINUTE_BEFORE})
    lend_to_sums(applied, "2030-06-30", {})
    early.stop()
    server = applied.serve(env={"WEFT_TEST_NOW": JUST_BEFORE, "WEFT_FAULT": "STORE_MOVE:stop"})
    began = time.monotonic()
    start_sums(server)
    wait_until("it stands still", lambda: is_still(server.process.pid))
    assert time.monotonic() - began < 9
    wait_until("midnight has passed", lambda: time.monotonic() - began > 10.5)
    thaw([server.process.pid])
    wait_until("it has ended", lambda: sums_run(applied)["state"] in ("failed", "published"))
    assert sums_run(applied)["state"] == "failed" and "withdrawn" in json.dumps(sums_run(applied)), sums_run(applied)
