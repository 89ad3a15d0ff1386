"""An installation: programs that run from there, manual pages, completions of shells; and its end."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import BUILD, PATIENCE_S, ROOT, Mesh, wait_for_end, write_shop

COMMANDS = ROOT / "src/doors/cli/commands.def"


def run(*args, ok=True, **how):
    done = subprocess.run(list(map(str, args)), capture_output=True, text=True, timeout=PATIENCE_S, **how)
    assert not ok or done.returncode == 0, done
    return done


def commands():
    return re.findall(r'^COMMAND\("([^"]+)", \w+, "[^"]*", "([^"]*)"', COMMANDS.read_text(), re.M)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Below a DESTDIR, with a prefix that is not there."""
    build = next((b for b in (BUILD, BUILD / "debug", BUILD / "asan", BUILD / "tsan") if (b / "cmake_install.cmake").exists()), None)
    if build is None:
        pytest.skip("no build folder to install from")
    root = tmp_path_factory.mktemp("install")
    run("cmake", "--install", build, "--prefix", "/opt/weft", env=dict(os.environ, DESTDIR=str(root)))
    yield root / "opt/weft"
    shutil.rmtree(root)


def test_programs_run_from_where_they_are_installed(installed, tmp_path):
    mesh = Mesh(tmp_path / "mesh")
    mesh.folder.mkdir()
    write_shop(mesh)
    for command in (["apply", "--yes"], ["run", "--all"]):
        run(installed / "bin/weft", *command, cwd=mesh.folder, env=mesh.env)
    rows = run(installed / "bin/weft", "query", "SELECT count(*) AS n FROM sales.orders.orders", "--as", "noor", "--format", "csv",
               cwd=mesh.folder, env=mesh.env)
    assert rows.stdout.split() == ["n", "4"]
    wait_for_end(mesh.home)


def pages(installed):
    return sorted((installed / "share/man/man1").glob("*.1"))


def test_every_command_has_its_page(installed):
    names = {page.name for page in pages(installed)}
    assert names == {"weft.1"} | {f"weft-{name.split()[0]}.1" for name, _ in commands()}
    for name, options in commands():
        text = (installed / f"share/man/man1/weft-{name.split()[0]}.1").read_text().replace("\\-", "-")
        assert f".B weft {name}\n" in text, name
        for option in options.split():
            assert f"--{option}" in text, (name, option)


def test_pages_say_each_meaning_of_an_option_once(installed):
    for page in pages(installed):
        told = page.read_text().split(".SH EXAMPLES")[0].split(".TP\n")[1:]
        assert len(told) == len(set(told)), page


def test_pages_render_without_a_warning(installed):
    tools = [tool for tool in ("mandoc", "groff", "man") if shutil.which(tool)]
    if not tools:
        pytest.skip("nothing here renders manual pages")
    for page in pages(installed):
        if "mandoc" in tools:
            told = run("mandoc", "-Tlint", "-Wstyle", page, ok=False)
            assert told.stdout + told.stderr == "", page
        if "groff" in tools:
            told = run("groff", "-ww", "-man", "-Tutf8", page)
            assert told.stderr == "" and told.stdout, page
        if "man" in tools:
            told = run("man", "--warnings=w", "-l", page, env=dict(os.environ, MANWIDTH="80", LC_ALL="C.UTF-8", MANPAGER="cat"))
            assert told.stderr == "" and "weft" in told.stdout, page
            assert max(len(line) for line in told.stdout.splitlines()) <= 80, page


def completed(installed, folder, *words):
    """What a real bash offers for the last word."""
    script = f"""
        source {installed}/share/bash-completion/completions/weft
        complete -p weft > /dev/null || exit 9
        compopt() {{ :; }}  # it works while keys are read only
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weft
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return run("bash", "--norc", "-c", script, "bash", *words, cwd=folder).stdout.split()


def test_bash_completes(installed, shop):
    def offered(*words):
        return completed(installed, shop.folder, "weft", *words)

    assert set(offered("")) == {name.split()[0] for name, _ in commands()}
    assert offered("que") == ["query"]
    assert {"list", "show", "test"} <= set(offered("policy", ""))
    assert offered("--format", "json", "access", "app") == ["approve"]
    assert set(offered("query", "--format", "")) == {"table", "json", "csv", "ndjson"}
    assert set(offered("access", "list", "--format", "")) == {"table", "json", "csv"}
    assert {"json-schema", "avro", "html"} <= set(offered("contract", "export", "x", "--to", ""))
    assert set(offered("new", "product", "sales.x", "--from", "data/or")) == {"data/orders.csv"}
    assert "personal-data" in offered("new", "policy", "x", "--from", "")
    assert offered("run", "--from", "") == [] and offered("rollback", "--to", "") == []
    assert offered("query", "--pur") == ["--purpose"]
    assert "--plan" in offered("apply", "--") and "--head" not in offered("apply", "--")
    assert offered("run", "sa") == ["sales.orders"] and offered("show", "sales.") == ["sales.orders"]
    assert offered("check", "mesh") == ["mesh.yaml"]
    assert offered("query", "--file", "data/or") == ["data/orders.csv"]
    assert offered("status", "x") == [] and offered("query", "--purpose", "") == []
    for name, options in commands():
        assert {f"--{option}" for option in options.split()} <= set(offered(*name.split(), "--")), name


def test_keys_complete_in_a_bash_on_a_terminal(installed, shop):
    from terminal_help import Terminal
    bash = Terminal(shop, "--norc", "--noprofile", "-i", program=shutil.which("bash"),
                    env={"PS1": "ready> ", "PATH": f"{installed}/bin:{os.environ['PATH']}", "INPUTRC": "/dev/null"})
    bash.expect("ready> ")
    bash.say(f"source {installed}/share/bash-completion/completions/weft")
    bash.expect("ready> ")
    bash.send("weft vers\t\r")
    assert "weft 0" in bash.expect("ready> ")
    bash.send("weft check mes\t\r")
    bash.expect("mesh.yaml")
    bash.expect("ready> ")
    bash.send("\x04")
    bash.end()


@pytest.mark.parametrize("shell, file", [("zsh", "share/zsh/site-functions/_weft"), ("fish", "share/fish/vendor_completions.d/weft.fish")])
def test_completions_of_other_shells_are_well_formed(installed, shell, file):
    text = (installed / file).read_text()
    for name, options in commands():
        for option in options.split():
            assert re.search(rf"(--|-l ){option}\b", text), (name, option)
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} on this machine")
    run(shell, {"zsh": "-n", "fish": "--no-execute"}[shell], installed / file)


def test_fish_completes(installed, shop):
    if shutil.which("fish") is None:
        pytest.skip("no fish on this machine")
    file = installed / "share/fish/vendor_completions.d/weft.fish"

    def offered(line):
        told = run("fish", "--no-config", "-c", f"source {file}; complete -C '{line}'", cwd=shop.folder,
                   env=shop.env | {"HOME": str(shop.folder)})
        assert told.stderr == ""
        return {entry.split("\t")[0] for entry in told.stdout.splitlines()}

    assert offered("weft que") == {"query"}
    assert {"list", "show", "test"} <= offered("weft policy ")
    assert offered("weft query --format ") == {"table", "json", "csv", "ndjson"}
    assert {"json-schema", "avro", "html"} <= offered("weft contract export x --to ")
    assert "data/" in offered("weft new product sales.x --from ") and "personal-data" in offered("weft new policy x --from ")
    assert offered("weft --as ana sho") == {"show"} and offered("weft --as ana show sa") == {"sales.orders"}
    assert offered("weft help quer") == {"query"}
    assert offered("weft run sa") == {"sales.orders"}


def test_zsh_completes(installed, shop):
    """With keys on a terminal: there is no other way to ask it."""
    from terminal_help import Terminal
    if shutil.which("zsh") is None:
        pytest.skip("no zsh on this machine")
    shop.write("rc/.zshrc", f"fpath=({installed}/share/zsh/site-functions $fpath)\nautoload -U compinit; compinit -u -D\nPS1='ready> '\n"
               "unsetopt list_beep\n")
    zsh = Terminal(shop, "-i", program=shutil.which("zsh"), env={"ZDOTDIR": str(shop.folder / "rc"), "PATH": f"{installed}/bin:{os.environ['PATH']}"})
    zsh.expect("ready> ")
    for typed, made in [("weft vers\t", "version"), ("weft --as ana vers\t", "version"), ("weft help vers\t", "version"),
                        ("weft run sa\t", "sales.orders"), ("weft contract export x --to json-s\t", "json-schema"),
                        ("weft new product sales.x --from mes\t", "mesh.yaml"), ("weft new policy x --from resi\t", "residency")]:
        zsh.send(typed)
        zsh.expect(made[-4:])
        zsh.send("\x15")
    zsh.say("exit")
    zsh.end()


def test_what_was_installed_can_be_removed(installed, tmp_path):
    prefix = tmp_path / "prefix"
    shutil.copytree(installed / "share", prefix / "share")
    other = prefix / "share/man/man1/other.1"
    other.write_text("of others\n")
    files = (prefix / "share/doc/weft/files").read_text().split()
    assert {"bin/weft", "libexec/weft/weft-worker", "share/man/man1/weft.1"} <= set(files)
    assert all((installed / file).exists() for file in files)
    run(ROOT / "tools/uninstall", prefix)
    assert [path for path in prefix.rglob("*") if path.is_file()] == [other]
    assert run(ROOT / "tools/uninstall", prefix, ok=False).returncode == 1
