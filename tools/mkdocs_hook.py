"""What the site of docs/ needs beside its pages: the tour of the project, an order, and Markdown as this generator reads it."""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
TOUR = "tour.md"
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)(?:[ \t]+file=(\S+))?[ \t]*$")


def on_config(config):
    """Sections and pages in the order of the index; the first section is where one begins."""
    start = [{"Documentation": "README.md"}, {"Tour": TOUR}]
    nav, section = [{"Start": start}], None
    for line in (ROOT / "docs/README.md").read_text().splitlines():
        if line.startswith("## "):
            section = start if section is None else []
            if section is not start:
                nav.append({line[3:].strip(): section})
        elif line.startswith("|") and section is not None:
            section += [target for _, _, target in LINK.findall(line.split("|")[1]) if target.endswith(".md")]
    config["nav"] = [entry for entry in nav if any(entry.values())]
    return config


def on_files(files, config):
    files.append(File.generated(config, TOUR, content=(ROOT / "README.md").read_text()))
    files.append(File.generated(config, "mkdocs.css", content=(ROOT / "tools/mkdocs.css").read_text()))
    return files


def target_of(page, target):
    """A link as the site has it; None for one to a file of the project that is no page."""
    if re.match(r"[a-z]+:|#", target):
        return target
    path, hash_mark, anchor = target.partition("#")
    folder = ROOT if page == TOUR else (ROOT / "docs" / page).parent
    file = (folder / path).resolve()
    if file == ROOT / "README.md":
        inside = TOUR
    elif file.is_relative_to(ROOT / "docs"):
        inside = file.relative_to(ROOT / "docs").as_posix()
    elif file.exists():
        return None
    else:
        return target  # broken: the generator says so
    return posixpath.relpath(inside, posixpath.dirname(page) or ".") + hash_mark + anchor


def title_of(page, target):
    """Of the page that a link leads to: what a reader of the site knows it by."""
    file = (ROOT if page == TOUR else (ROOT / "docs" / page).parent) / target.partition("#")[0]
    return re.search(r"^# (.*)", file.read_text(), re.M)[1]


def in_text(page, line):
    def link(found):
        mark, text, target = found.groups()
        new = target_of(page, target)
        if new is not None and text.endswith(".md") and posixpath.basename(text) == posixpath.basename(target.partition("#")[0]):
            text = title_of(page, target)
        return text if new is None else f"{mark}[{text}]({new})"

    return LINK.sub(link, line)


def on_page_markdown(markdown, page, config, files):
    """Outside of blocks links are turned; a list may follow a paragraph at once; a block names its file above it."""
    made, is_code, before = [], False, ""
    for line in markdown.splitlines():
        fence = FENCE.match(line)
        if line.startswith("```"):
            is_code = not is_code
            if is_code and fence:
                made += [f"`{fence[2]}`", ""] if fence[2] else []
                line = f"```{fence[1]}"
        elif not is_code:
            is_item = re.match(r"(- |\d+\. )", line)
            if is_item and before and not re.match(r"(- |\d+\. |\s)", before):
                made.append("")
            line = in_text(page.file.src_uri, line)
        made.append(line)
        before = line
    return "\n".join(made)
