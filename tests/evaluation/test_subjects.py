from __future__ import annotations

import cv2
import numpy as np
import pytest

from faceviz.errors import ConfigError, FileFormatError
from faceviz.evaluation.reconstruction import evaluate_reconstruction
from faceviz.evaluation.reconstruction_card import reconstruction_card
from faceviz.evaluation.subjects import open_subjects, sequence_subject
from faceviz.io import write_scan
from faceviz.scan import FaceScan
from faceviz.synth.cache import write_npz
from faceviz.synth.correspondence import geometry_image_of
from faceviz.synth.dataset import cached_head
from faceviz.synth.shards import pack
from tests.noise_sequences import noise_sequence


@pytest.fixture(scope="module")
def sequences():
    rng = np.random.default_rng(0)
    return [noise_sequence(i, rng) for i in range(2)]


def test_shards_give_each_person_with_the_neutral_truth(sequences, tmp_path):
    write_npz(tmp_path / "anny_00000.npz", pack(sequences))
    found = list(open_subjects(str(tmp_path)).subjects)
    assert [subject.name for subject in found] == ["synth:anny:id0", "synth:anny:id1"]
    truth = geometry_image_of(cached_head("anny", None), sequences[1].vertices).reshape(-1, 3)
    np.testing.assert_allclose(found[1].truth, truth, atol=1e-6)
    assert found[1].corresponds and found[1].cropped and len(found[1].images) == 2


def test_a_folder_with_images_and_a_mesh_is_a_subject_without_correspondence(sequences, tmp_path):
    person = tmp_path / "F001"
    person.mkdir()
    for i, image in enumerate(sequences[0].images):
        cv2.imwrite(str(person / f"{i}.jpg"), image)
    head = cached_head("anny", None)
    write_scan(person / "face.ply", FaceScan(sequences[0].vertices, head.triangles, unit="mm"))
    (tmp_path / "notes").mkdir()
    source = open_subjects(str(tmp_path))
    (subject,) = source.subjects
    assert (subject.name, subject.corresponds, subject.cropped) == ("F001", False, False)
    assert subject.truth.shape == (16384, 3) and len(subject.images) == 2
    assert source.count == 1


def test_other_data_is_refused_with_what_there_is(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'synthetic'"):
        open_subjects("syntetic:test")
    with pytest.raises(ConfigError, match="no number of people"):
        open_subjects("synthetic:test:many")
    with pytest.raises(FileFormatError, match="no shards"):
        open_subjects(str(tmp_path))


def test_the_card_states_the_figures_beside_the_mean_face_s(sequences):
    truth = sequence_subject(sequences[0])

    class Known:
        name, description = "known", {"sha256": "0" * 64, "architecture": "faceviz-stream"}
        mean_points = truth.truth * [1.0, 1.1, 1.0]

        def reset(self): ...

        def update(self, image, *, cropped):
            from types import SimpleNamespace

            return SimpleNamespace(points=truth.truth, change=0.0)

    report = evaluate_reconstruction(
        [truth], Known(), data={"spec": "x", "description": "one person"}, orders=2
    )
    text = reconstruction_card("known", Known.description, report.to_dict())
    mean = report.mean_face["point_error_mm"]
    assert f"| corresponding points, mm | 0.00 | {mean:.2f} |" in text
    assert "one person" in text and "mean face" in text
