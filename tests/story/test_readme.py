"""Every command that README.md prints does what it says there: exit codes, and the outputs shown."""

import os
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from conftest import BUILD, PATIENCE_S, ROOT, WEFT, free_port, wait_for_end

README = ROOT / "README.md"
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.M | re.S)
EXITS = re.compile(r"\s+# exits (\d+)\s*$")
END = "end-of-command-5a1f"


def blocks(page=README):
    """What a shell runs and what it shows, in order: (language, text)."""
    return [(language, text) for language, text in FENCE.findall(page.read_text()) if language in ("sh", "text")]


def is_open(command):
    """Is the line cut by a backslash, or inside quotes?"""
    return command.endswith("\\\n") or subprocess.run(
        ["bash", "-n", "-c", command], stderr=subprocess.DEVNULL).returncode != 0


def commands(text):
    """Commands of a block with the exit code that each announces."""
    command = ""
    for line in text.splitlines(keepends=True):
        command += line
        if is_open(command):
            continue
        announced = EXITS.search(command)
        if command.strip():
            yield EXITS.sub("", command).strip(), int(announced[1]) if announced else 0
        command = ""
    assert not command, f"a command of README.md does not end: {command}"


def steps(page=README):
    """(command, exit code, output shown or None); `make` lines are another test's."""
    found = []
    for language, text in blocks(page):
        if language == "sh":
            found += [[command, code, None] for command, code in commands(text)]
        else:
            assert found and found[-1][2] is None, f"an output that follows no command: {text}"
            found[-1][2] = text
    return found


def pattern_of(shown):
    """`…` stands for anything, and a run of spaces for a run of spaces."""
    text = re.escape(shown.strip("\n")).replace("…", ".*")
    return re.compile(r"\s*" + re.sub(r"(\\ )+", " +", text) + r"\s*", re.S)


class Shell:
    """One bash for all commands, so that cd, variables and background jobs hold."""

    def __init__(self, folder, environment):
        self.out, self.err = folder.parent / "out", folder.parent / "err"
        self.process = subprocess.Popen(
            ["bash", "--norc", "-m"], cwd=folder, env=environment, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def run(self, command):
        """Exit code, and what went to stdout and stderr."""
        self.process.stdin.write(f"{{\n{command}\n}} > {self.out} 2> {self.err} < /dev/null; echo {END} $? $PWD\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line.startswith(END), f"the shell ended in: {command}"
        _, code, self.folder = line.split(maxsplit=2)
        return int(code), self.out.read_text(), self.err.read_text()

    def end(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE_S)


@pytest.fixture
def shell(tmp_path):
    programs, folder = tmp_path / "bin", tmp_path / "tour"
    folder.mkdir()
    programs.mkdir()
    (programs / "weft").symlink_to(WEFT)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
    environment["PATH"] = f"{programs}:{environment['PATH']}"
    made = Shell(folder, environment)
    yield made
    made.run("for job in $(jobs -p); do kill $job; wait $job; done")
    made.end()
    wait_for_end(folder / "shop/.weft")


def walk(shell, page, port, others=None):
    """Runs every command of a page; how many outputs it shows. `others` stand in the place of what the page says."""
    seen = 0
    replaced = {":8080": f":{port}"} | (others or {})
    for command, announced, shown in steps(page):
        if command.split()[0] == "make":
            continue
        for old, new in replaced.items():
            command = command.replace(old, new)
            shown = shown and shown.replace(old, new)
        if command.startswith("weft serve"):
            wait_for_end(Path(shell.folder.strip()) / ".weft")
        code, out, err = shell.run(command)
        told = f"{command}\n--- exit code {code}, announced {announced}\n--- out\n{out}\n--- err\n{err}"
        assert code == announced, told
        if shown is not None:
            pattern = pattern_of(shown)
            assert any(pattern.fullmatch(text) for text in (out, err, out + err)), f"{told}\n--- shown\n{shown}"
            seen += 1
    return seen


@pytest.mark.slow
def test_every_command_of_the_tour_does_what_the_readme_shows(shell):
    assert shutil.which("curl"), "the tour needs curl"
    assert walk(shell, README, str(free_port())) >= 8, "the tour shows fewer outputs than it did"


@pytest.mark.slow
def test_every_command_of_the_guide_to_governance_does_what_it_shows(shell):
    assert walk(shell, ROOT / "docs/guides/governance.md", "0") >= 12, "the guide shows fewer outputs than it did"


@pytest.mark.slow
@pytest.mark.parametrize("page, outputs", [("daily-work", 3), ("ci", 2), ("contract", 4), ("change", 4), ("environments", 6)])
def test_every_command_of_a_guide_does_what_it_shows(shell, page, outputs):
    assert walk(shell, ROOT / f"docs/guides/{page}.md", str(free_port())) >= outputs, "the guide shows fewer outputs than it did"


def in_shell(shell, postgres):
    """The database that pages speak of is one of this test, in the place of port 5432."""
    postgres.sql("DROP SCHEMA IF EXISTS shop CASCADE")
    shell.run(f"export PGPASSWORD={shlex.quote(postgres.password)}")
    return {":5432": f":{postgres.port}", "-p 5432": f"-p {postgres.port}"}


@pytest.mark.slow
def test_every_command_of_the_tutorial_does_what_it_shows(shell, postgres):
    assert shutil.which("psql"), "the tutorial needs psql"
    assert walk(shell, ROOT / "docs/tutorial.md", str(free_port()), in_shell(shell, postgres)) >= 6, "the tutorial shows fewer outputs than it did"


@pytest.mark.slow
def test_every_command_of_the_guide_to_sources_does_what_it_shows(shell, postgres):
    assert walk(shell, ROOT / "docs/guides/source.md", str(free_port()), in_shell(shell, postgres)) >= 4, "the guide shows fewer outputs than it did"


def test_make_lines_of_the_readme_are_verbs_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    verbs = [command.split() for command, _, _ in steps() if command.startswith("make ")]
    assert ["make", "demo"] in verbs and ["make", "test"] in verbs
    for _, verb, *_ in verbs:
        recipe = re.search(rf"^{verb}:.*\n((?:\t.*\n)+)", makefile, re.M)
        assert recipe, f"make {verb} is no target"
        for tool in re.findall(r"@(tools/\w+)", recipe[1]):
            assert os.access(ROOT / tool, os.X_OK), tool
    for tool in ("curl", "make"):
        assert shutil.which(tool), tool


def test_what_the_readme_says_of_sources_is_what_is_read():
    """A source that came later stays in no list of what is not there."""
    missing = README.read_text().split("## What is not there")[1]
    formats = re.findall(r'^OPTION\("source-format".*?"of the files: ([^(]*) \(', (ROOT / "src/doors/cli/commands.def").read_text(), re.M)[0]
    for name in re.split(r", | or ", formats):
        assert name.replace("accesslog", "access log").lower() in missing.lower(), name
    assert "incremental" not in missing and "scheduled" not in missing


def test_links_of_the_readme_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)", README.read_text()):
        assert (ROOT / target).exists(), target


@pytest.mark.slow
def test_the_demo_runs_to_its_end(tmp_path):
    """Twice, without building: the second goes on where the first one stopped."""
    if not (BUILD / "weft-worker").exists():
        pytest.skip("weft is not built where the demo looks for it")
    for parent in tmp_path.parents:  # PostgreSQL runs as another user where we are root, and must be able to walk there
        if parent.stat().st_uid == os.geteuid() and str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    environment = dict(os.environ, DEMO_ONCE="1", DEMO_FOLDER=str(tmp_path / "demo"),
                       DEMO_HTTP_PORT=str(free_port()), WEFT_BUILD_DIR=str(BUILD))
    tmp_path.chmod(0o755)
    began = time.monotonic()
    for time_of_asking in ("first", "second"):
        done = subprocess.run([ROOT / "tools/demo"], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=4 * PATIENCE_S)
        told = f"{time_of_asking} time, after {time.monotonic() - began:.0f} s\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, told
        assert "the mesh is served at http://127.0.0.1:" in done.stdout, told
        assert len(re.findall(r"^    \w+ +weft_\S+$", done.stdout, re.M)) >= 5, told
