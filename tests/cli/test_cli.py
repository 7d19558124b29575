from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest

from faceviz import __version__
from faceviz.io import write_scan
from tests.evaluation.conftest import Oracle, bumpy_scan

HEAVY = ("torch", "numpy", "scipy", "open3d", "pyvista", "matplotlib", "panel", "lightning", "rich")


@pytest.mark.parametrize("arguments", [["--help"], ["evaluate", "landmarks", "--help"], ["--version"]])
def test_help_loads_no_heavy_library(arguments):
    code = (
        "import sys\nfrom faceviz.cli import main\n"
        f"sys.argv = ['faceviz', *{arguments!r}]\n"
        "try: main()\nexcept SystemExit as e: assert not e.code, e.code\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\nassert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)


@pytest.mark.parametrize(
    "command",
    ["landmarks", "evaluate landmarks", "synth scans", "train landmarks", "app"],
)
def test_each_command_has_help_with_examples_on_their_own_lines(faceviz, command):
    code, out, _ = faceviz(*command.split(), "--help")
    assert code == 0
    assert f"\n    faceviz {command}" in out.split("Examples:")[1]


def test_the_version_is_the_package_s(faceviz):
    assert faceviz("--version")[1] == f"faceviz {__version__}\n"


def test_an_unknown_option_exits_with_two(faceviz):
    code, _, err = faceviz("landmarks", "face.ply", "--jsn", "out.json")
    assert code == 2 and "--jsn" in err


def test_training_without_its_configuration_is_an_error(faceviz, tmp_path):
    code, _, err = faceviz("train", "landmarks", "--config", tmp_path / "none.yaml")
    assert code == 2 and "no such file" in err


def test_training_without_lightning_names_the_extra(faceviz, tmp_path, monkeypatch):
    (tmp_path / "c.yaml").write_text("")
    for name in [name for name in sys.modules if name.split(".")[0] == "lightning"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "lightning", None)
    for name in [name for name in sys.modules if name.startswith("faceviz.training")]:
        monkeypatch.delitem(sys.modules, name)
    code, _, err = faceviz("train", "landmarks", "--config", tmp_path / "c.yaml")
    assert code == 2 and 'pip install "faceviz[train]"' in err


def test_the_app_refuses_a_port_that_is_taken(faceviz, monkeypatch, tmp_path):
    monkeypatch.setattr("faceviz.assets.path", lambda *_, **__: tmp_path / "landmarks.py")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = faceviz("app", "--port", taken.getsockname()[1])
    assert code == 2 and "is taken" in err and "--port" in err


def test_evaluate_writes_report_and_charts(faceviz, tmp_path, monkeypatch):
    scans = [bumpy_scan(seed, count=300) for seed in range(2)]
    (tmp_path / "scans").mkdir()
    for i, scan in enumerate(scans):
        write_scan(tmp_path / "scans" / f"{i}.npz", scan)
    monkeypatch.setattr("faceviz.evaluation.models.process_model", lambda *_: Oracle(scans))
    code, out, _ = faceviz(
        "evaluate", "landmarks", "--data", tmp_path / "scans", "--protocol", "none,st_rt",
        "--json", tmp_path / "report.json", "--png", tmp_path / "charts",
    )  # fmt: skip
    assert code == 0 and "published" in out and "inner 51: median 0.00" in out
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["protocols"]["st_rt"]["mean"] == 1.0
    assert report["data"]["scans"] == 2
    assert (tmp_path / "charts" / "iou_threshold.png").stat().st_size > 10_000


def test_synth_writes_scans_that_evaluate_reads(faceviz, tmp_path):
    code, out, err = faceviz("synth", "scans", "--n", 2, "--source", "anny", "--out", tmp_path / "scans")
    assert code == 0, err
    assert "2 scans written" in out and "heads anny" in out
    from faceviz.evaluation import open_data

    assert [len(scan) for scan in open_data(str(tmp_path / "scans")).scans] == [8192, 8192]


def test_synth_refuses_an_unknown_head(faceviz, tmp_path):
    code, _, err = faceviz("synth", "scans", "--source", "any", "--out", tmp_path / "scans")
    assert code == 2 and "did you mean 'anny'" in err
    assert not (tmp_path / "scans").exists()
