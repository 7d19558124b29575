from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def tool(*arguments, **environment):
    command = [sys.executable, str(ROOT / "tools" / arguments[0]), *map(str, arguments[1:])]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment}
    )


def test_a_file_over_ten_megabytes_is_refused(tmp_path):
    (tmp_path / "small").write_bytes(b"x")
    (tmp_path / "large").write_bytes(bytes(10_000_001))
    assert tool("check_files.py", tmp_path / "small").returncode == 0
    refused = tool("check_files.py", tmp_path / "small", tmp_path / "large")
    assert refused.returncode == 1
    assert "large: 10.0 MB exceeds 10 MB" in refused.stdout


def test_a_missing_browser_or_screen_is_a_hint_at_home_and_an_error_in_ci(tmp_path):
    at_home = tool("check_system.py", "--browser", PATH=str(tmp_path), CI="")
    assert at_home.returncode == 0
    assert "apt-get install -y chromium xvfb" in at_home.stdout
    in_ci = tool("check_system.py", "--browser", PATH=str(tmp_path), CI="true")
    assert in_ci.returncode == 1
    assert "apt-get install -y chromium xvfb" in in_ci.stderr


def test_the_mutation_score_counts_failed_and_stopped_tests_and_has_a_bar(tmp_path):
    meta = tmp_path / "faceviz" / "metrics.py.meta"
    meta.parent.mkdir()
    meta.write_text(
        json.dumps({"exit_code_by_key": {f"mutant_{i}": 1 for i in range(18)} | {"slow": -24, "left": 0}})
    )
    enough = tool("mutation_score.py", tmp_path)
    assert enough.returncode == 0
    assert (
        "19 of    20 mutants noticed ( 95.0%), 1 of them by crash or time limit;   1 survive" in enough.stdout
    )
    assert "faceviz/metrics.py" in enough.stdout
    (tmp_path / "faceviz" / "heatmaps.py.meta").write_text(
        '{"exit_code_by_key": {"a": 33, "b": null, "c": 2}}'
    )
    too_few = tool("mutation_score.py", tmp_path)
    assert too_few.returncode == 1
    assert "19 of    23 mutants" in too_few.stdout
    assert tool("mutation_score.py", tmp_path / "nothing").returncode == 2


def test_the_pins_satisfy_the_ranges():
    import tomllib
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {
        canonicalize_name(r.name): r
        for r in map(Requirement, (line for line in lines if not line.startswith("#")))
    }
    wanted = [
        *project["dependencies"],
        *(r for extra in project["optional-dependencies"].values() for r in extra),
    ]
    for requirement in map(Requirement, wanted):
        pin = pins[canonicalize_name(requirement.name)]
        version = str(pin.specifier).removeprefix("==")
        assert requirement.specifier.contains(version), f"{requirement} does not admit {pin}"
