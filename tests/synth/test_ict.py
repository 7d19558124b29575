from __future__ import annotations

import numpy as np
import pytest

from faceviz.errors import FileFormatError
from faceviz.synth.ict import _LM68, load_ict


@pytest.fixture
def clone(tmp_path, monkeypatch, shared_folder):
    """A folder laid out like a clone of ICT-FaceKit, with two identities and two expressions."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with np.load(shared_folder / "data" / "ict_head.npz") as file:
        data = {key: file[key] for key in file.files}
    folder = tmp_path / "ICT-FaceKit" / "FaceXModel"
    folder.mkdir(parents=True)
    source = data["src_index"].astype(int)
    mean = data["mean"].astype(float)
    faces = source[data["tri"].astype(int)]
    _write_obj(folder / "generic_neutral_mesh.obj", mean, source, faces)
    for i in range(2):
        _write_obj(folder / f"identity{i:03d}.obj", mean + data["id_basis"][i], source, faces[:1])
        _write_obj(folder / f"{data['ex_names'][i]}.obj", mean + data["ex_basis"][i], source, faces[:1])
    return folder.parent


def _write_obj(path, kept, source, faces):
    vertices = np.zeros((26719, 3))
    vertices[source] = kept
    with path.open("w") as file:
        file.writelines(f"v {x:.5f} {y:.5f} {z:.5f}\n" for x, y, z in vertices)
        file.writelines(f"f {a + 1}/1 {b + 1}/2 {c + 1}/3\n" for a, b, c in faces)


@pytest.mark.shared
@pytest.mark.slow
def test_a_clone_is_read_as_the_compact_file_is(clone, ict):
    head = load_ict(clone)
    np.testing.assert_allclose(head.mean, ict.mean, atol=1e-3)
    np.testing.assert_allclose(head.id_basis, ict.id_basis[:2], atol=2e-3)
    np.testing.assert_array_equal(head.lm68, ict.lm68)
    np.testing.assert_array_equal(head.labels, ict.labels)
    assert head.ex_names == ict.ex_names[:2]


@pytest.mark.shared
def test_the_landmarks_of_the_compact_file_are_those_of_the_full_mesh(ict):
    np.testing.assert_array_equal(ict.lm68, _LM68)


def test_without_a_folder_the_way_to_get_the_model_is_told(monkeypatch):
    monkeypatch.delenv("FACEVIZ_ICT", raising=False)
    monkeypatch.delenv("FACEVIZ_SHARED", raising=False)
    with pytest.raises(FileFormatError, match="clone https://github.com/ICT-VGL/ICT-FaceKit.*FACEVIZ_ICT"):
        load_ict()


def test_a_folder_named_wrongly_is_not_replaced_by_another_one(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVIZ_ICT", "/elsewhere")
    with pytest.raises(FileFormatError, match=str(tmp_path)):
        load_ict(tmp_path)


def test_a_damaged_compact_file_is_refused(tmp_path):
    (tmp_path / "ict_head.npz").write_bytes(b"nothing")
    with pytest.raises(FileFormatError, match="not a compact ICT head"):
        load_ict(tmp_path)


def test_a_mesh_of_another_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "generic_neutral_mesh.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    with pytest.raises(FileFormatError, match="3 vertices, an ICT-FaceKit mesh has 26719"):
        load_ict(tmp_path)
