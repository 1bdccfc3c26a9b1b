"""What the README and the guide say holds: their systems run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from questv.api_reference import PAGE, page
from questv.plan import foreign_reference
from tests.metal.test_errors import rules_in
from tests.running import questv

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = [
    file.read_text()
    for example in ("thermostat", "serial", "tank", "process", "survivor")
    for file in (ROOT / "examples" / example).iterdir()
    if file.is_file()
]


def blocks(page: str, languages: str) -> list[str]:
    text = (ROOT / page).read_text()
    return re.findall(rf"^```(?:{languages})\n(.*?)^```", text, re.S | re.M)


def test_the_first_system(tmp_path: Path) -> None:
    (description,), (tasks,) = blocks("README.md", "toml"), blocks("README.md", "python")
    (tmp_path / "system.toml").write_text(description)
    (tmp_path / "tasks.py").write_text(tasks)
    assert "greeter" in questv("check", tmp_path)
    said = re.findall(r"greeter/greet +hello (\d), \d+ ns", questv("run", tmp_path))
    assert said == ["0", "1", "2"]


@pytest.mark.parametrize("block", blocks("docs/guide.md", "toml|python"))
def test_the_guide_shows_what_stands_in_its_examples(block: str) -> None:
    assert any(block in text for text in EXAMPLES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```|`[^`]*`", "", page.read_text(), flags=re.S | re.M)
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose):
        assert (page.parent / target).exists(), f"{page.name} has a link to {target}"


@pytest.mark.parametrize("part", ["system", "plan", "metal"])
def test_every_rule_is_listed(part: str) -> None:
    named = {rule for file in (ROOT / "questv" / part).rglob("*.py") for rule in rules_in(file)}
    text = "".join((ROOT / "docs" / name).read_text() for name in ("reference.md", "metal.md"))
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.M))
    assert named
    assert named <= listed


def test_the_rules_of_the_build_are_those_of_the_plan() -> None:
    section = (ROOT / "docs" / "reference.md").read_text().partition("### The build\n")[2]
    listed = re.findall(r"^\| `([a-z-]+)`", section.partition("\n#")[0], re.M)
    files = [*(ROOT / "questv" / "plan").rglob("*.py"), ROOT / "questv" / "kernel" / "states.py"]
    assert sorted(listed) == sorted({rule for file in files for rule in rules_in(file)})


def test_the_layouts_that_foreign_kernels_see_are_current() -> None:
    made = foreign_reference.written()
    assert foreign_reference.PAGE.read_text(encoding="utf-8") == made, (
        "run: python -m questv.plan.foreign_reference"
    )


def test_the_page_of_the_api_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m questv.api_reference"
