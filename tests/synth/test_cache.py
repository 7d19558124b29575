from __future__ import annotations

import numpy as np

from faceviz.synth.cache import cache_folder, cached_arrays


def test_arrays_are_built_once_and_read_back(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built = []

    def build():
        built.append(1)
        return {"a": np.arange(5), "names": np.array(["x", "yy"])}

    first, second = (cached_arrays("key", build) for _ in range(2))
    assert len(built) == 1
    np.testing.assert_array_equal(first["a"], second["a"])
    assert second["names"].tolist() == ["x", "yy"]
    assert [path.name for path in cache_folder().iterdir()] == ["key.npz"]


def test_a_damaged_cache_is_built_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cached_arrays("key", lambda: {"a": np.arange(500)})
    path = cache_folder() / "key.npz"
    path.write_bytes(path.read_bytes()[:100])
    np.testing.assert_array_equal(cached_arrays("key", lambda: {"a": np.arange(3)})["a"], [0, 1, 2])
    np.testing.assert_array_equal(np.load(path)["a"], [0, 1, 2])


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cached_arrays("key", lambda: {"a": np.arange(2)})["a"].tolist() == [0, 1]
