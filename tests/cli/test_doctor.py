from __future__ import annotations

import json

import pytest

from faceviz.cli import doctor


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    """Drawing takes a second; it is looked at in one test."""
    found = doctor.Finding("drawing", "a renderer")
    monkeypatch.setattr(doctor, "_drawing", lambda: found)


def test_everything_is_told_to_people_and_to_programs(faceviz):
    code, out, _ = faceviz("doctor", "--no-camera")
    assert code == 0
    for word in ("torch", "vtk", "device", "drawing", "a renderer", "camera", "se3unet", "sample scans"):
        assert word in out
    code, out, err = faceviz("doctor", "--no-camera", "--json", "-")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert set(document) == {"System", "Packages", "Extras", "Works here", "Files"}
    assert {"name": "camera", "value": "not looked at", "good": None, "help": ""} in document["Works here"]


def test_a_package_that_every_command_needs_is_missed(faceviz, monkeypatch):
    version = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "scipy" else version(name))
    code, out, _ = faceviz("doctor", "--no-camera")
    assert code == 1
    assert "! scipy           not installed\n                   pip install" in out


def test_an_extra_that_is_missing_is_no_fault_and_its_command_is_named(faceviz, monkeypatch):
    version = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "onnx" else version(name))
    code, out, _ = faceviz("doctor", "--no-camera")
    assert code == 0
    assert 'export          not installed\n                   pip install "faceviz[export]"' in out


def test_a_renderer_that_fails_is_told_and_not_raised(faceviz, monkeypatch):
    def fail():
        raise RuntimeError("no\nOpenGL")

    monkeypatch.setattr(doctor, "_drawing", fail)
    code, out, _ = faceviz("doctor", "--no-camera")
    assert code == 1 and "! drawing         RuntimeError: no OpenGL" in out


def test_a_camera_that_is_not_there_is_no_fault(faceviz, monkeypatch):
    from faceviz.errors import CameraError

    def none(_):
        raise CameraError("camera:0: there is no such camera; plug it in")

    monkeypatch.setattr("faceviz.io.video.CameraFeed", none)
    code, out, _ = faceviz("doctor")
    assert code == 0 and "- camera          there is no such camera\n                   plug it in" in out
