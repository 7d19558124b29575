from __future__ import annotations

import numpy as np
import pytest

from faceviz.errors import ConfigError, FileFormatError
from faceviz.io import FaceScapeTree, split_subjects
from faceviz.io.facescape import (
    EXPRESSIONS,
    KNOWN_BAD,
    LANDMARK_LISTS,
    PUBLISHABLE_SUBJECTS,
    expression_number,
    read_model,
)


def model(vertex_count: int) -> bytes:
    """An OBJ in which every vertex tells its own number."""
    return b"".join(b"v %d 1 2\n" % index for index in range(vertex_count)) + b"f 1 2 3\n"


@pytest.fixture(scope="session")
def v10_model() -> bytes:
    return model(26317)


@pytest.fixture
def tree(tmp_path, v10_model):
    """Builds ``subject/models_reg/N_expression.obj`` files."""

    def build(*entries: tuple[int, int], content: bytes = v10_model):
        for subject, number in entries:
            folder = tmp_path / str(subject) / "models_reg"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}_{EXPRESSIONS[number - 1]}.obj").write_bytes(content)
        return tmp_path

    return build


@pytest.mark.parametrize("name", ["v10", "v16"])
def test_the_landmark_lists_have_68_different_vertices_of_their_mesh(name):
    chosen = LANDMARK_LISTS[name]
    assert len(set(chosen.indices)) == 68
    assert max(chosen.indices) < chosen.vertex_count


def test_there_are_twenty_expressions_and_known_subjects():
    assert len(set(EXPRESSIONS)) == 20
    assert all(1 <= number <= 20 for numbers in KNOWN_BAD.values() for number in numbers)
    assert len(PUBLISHABLE_SUBJECTS) == 10


def test_models_are_read_one_by_one_with_their_landmarks(tree):
    scans = list(FaceScapeTree(tree((2, 1), (10, 2))))
    assert [scan.source for scan in scans] == ["facescape:2/1_neutral", "facescape:10/2_smile"]
    assert all(scan.unit == "mm" for scan in scans)
    np.testing.assert_array_equal(scans[0].landmarks[:, 0], LANDMARK_LISTS["v10"].indices)


def test_nothing_is_read_before_it_is_asked_for(tree):
    models = FaceScapeTree(tree((1, 1), (2, 1), content=b"not yet an obj"))
    assert len(models) == 2 and models.subjects == (1, 2)
    with pytest.raises(FileFormatError, match="^1_neutral.obj: "):
        next(iter(models))


def test_subjects_and_expressions_can_be_chosen(tree):
    root = tree((1, 1), (1, 2), (2, 1), (3, 2), content=b"")
    models = FaceScapeTree(root, subjects=[1, 3, 99], expressions=["smile"])
    assert [entry.name for entry in models.entries] == ["1/2_smile", "3/2_smile"]
    assert len(FaceScapeTree(root, expressions=[1])) == 2


def test_models_known_to_be_bad_are_left_out_unless_wanted(tree):
    root = tree((148, 13), (148, 1), (210, 2), content=b"")
    assert [entry.name for entry in FaceScapeTree(root).entries] == ["148/1_neutral"]
    assert len(FaceScapeTree(root, skip_known_bad=False)) == 3


def test_a_model_of_the_other_topology_names_the_list_that_fits(tree, tmp_path):
    root = tree((1, 1), content=model(26278))
    with pytest.raises(FileFormatError, match="^1_neutral.obj: has 26,278 vertices.*landmark_list='v16'"):
        next(iter(FaceScapeTree(root)))
    scan = next(iter(FaceScapeTree(root, landmark_list="v16")))
    np.testing.assert_array_equal(scan.landmarks[:, 0], LANDMARK_LISTS["v16"].indices)


def test_a_mesh_of_no_known_topology_is_refused(tmp_path):
    (tmp_path / "head.obj").write_bytes(model(100))
    with pytest.raises(FileFormatError, match="^head.obj: has 100 vertices.*26,317; give a TU model"):
        read_model(tmp_path / "head.obj")


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_a_folder_without_models_says_what_is_expected(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileFormatError, match=f"{name}: .*; "):
        FaceScapeTree(tmp_path / name)


def test_unknown_expressions_and_lists_name_the_nearest(tree):
    with pytest.raises(ConfigError, match="did you mean 'smile'"):
        FaceScapeTree(tree((1, 1)), expressions=["smilee"])
    with pytest.raises(ConfigError, match="'v11' does not exist"):
        FaceScapeTree(tree((1, 1)), landmark_list="v11")
    for wrong in (0, 21, "21", "", "1_smile"):
        with pytest.raises(ConfigError):
            expression_number(wrong)


def test_every_expression_is_found_by_number_and_name():
    for number, name in enumerate(EXPRESSIONS, 1):
        assert {
            expression_number(number),
            expression_number(name),
            expression_number(f"{number}_{name}"),
        } == {number}


def test_splits_deal_each_subject_to_one_part():
    subjects = [*range(1, 101), *range(1, 51)]
    split = split_subjects(subjects, seed=3, test=0.2, validation=0.1)
    assert {part: len(members) for part, members in split.items()} == {
        "train": 70,
        "validation": 10,
        "test": 20,
    }
    assert sorted(sum(split.values(), ())) == list(range(1, 101))


def test_a_seed_gives_one_split_and_another_seed_another():
    subjects = list(range(1, 101))
    assert split_subjects(subjects, seed=1) == split_subjects(subjects[::-1], seed=1)
    assert split_subjects(subjects, seed=1) != split_subjects(subjects, seed=2)


@pytest.mark.parametrize("shares", [{"test": 1.1}, {"test": -0.1}, {"test": 0.6, "validation": 0.6}])
def test_shares_that_do_not_fit_are_refused(shares):
    with pytest.raises(ConfigError, match="shares"):
        split_subjects([1, 2, 3], **shares)
