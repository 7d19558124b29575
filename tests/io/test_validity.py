import numpy as np
import pytest

from faceviz.errors import FileFormatError
from faceviz.io.validity import read_validity


def test_the_mask_comes_back(tmp_path):
    valid = np.arange(68) % 3 > 0
    np.savez(tmp_path / "a.npz", points=np.zeros((4, 3)), valid=valid)
    np.testing.assert_array_equal(read_validity(tmp_path / "a.npz"), valid)
    np.savez(tmp_path / "b.npz", valid=valid.astype(np.uint8))
    np.testing.assert_array_equal(read_validity(tmp_path / "b.npz"), valid)


def test_other_files_have_none(tmp_path):
    np.savez(tmp_path / "a.npz", points=np.zeros((4, 3)))
    assert read_validity(tmp_path / "a.npz") is None
    assert read_validity(tmp_path / "face.ply") is None


@pytest.mark.parametrize("valid", [np.ones(67), np.full(68, 0.5), np.array("yes"), np.array([None] * 68)])
def test_what_is_no_mask_is_refused(tmp_path, valid):
    np.savez(tmp_path / "a.npz", valid=valid)
    with pytest.raises(FileFormatError, match="a.npz: "):
        read_validity(tmp_path / "a.npz")


def test_a_file_that_is_no_zip_is_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\3\4 nothing")
    with pytest.raises(FileFormatError, match="damaged"):
        read_validity(tmp_path / "a.npz")
