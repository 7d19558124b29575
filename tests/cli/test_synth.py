from __future__ import annotations

from faceviz.io.face_folders import face_folders


def test_synth_sequences_writes_folders_of_pictures_with_the_truth(faceviz, tmp_path):
    out = tmp_path / "made" / "with" / "it"
    arguments = (
        "synth",
        "sequences",
        "--subjects",
        1,
        "--frames",
        2,
        "--size",
        48,
        "--source",
        "anny",
        "--out",
        out,
    )
    code, text, err = faceviz(*arguments)
    assert code == 0, err
    assert "1 person with 2 pictures each written" in text
    (face,) = face_folders(out)
    assert len(face.images) == 2 and len(face.truth().points) > 10_000
    code, text, _ = faceviz(*arguments)
    assert code == 0 and "0 people" in text and "1 were there" in text


def test_synth_sequences_refuses_an_unknown_layout_in_one_line(faceviz, tmp_path):
    code, _, err = faceviz("synth", "sequences", "--layout", "shard", "--out", tmp_path / "faces")
    assert code == 2 and "did you mean 'shards'" in err and len(err.strip().splitlines()) == 1


def test_synth_refuses_a_folder_within_a_file_before_any_work(faceviz, tmp_path):
    (tmp_path / "notes").write_text("mine")
    for out in (tmp_path / "notes", tmp_path / "notes" / "faces"):
        code, _, err = faceviz("synth", "sequences", "--out", out)
        assert code == 2 and f"{tmp_path / 'notes'}" in err and "is a file; name a folder" in err
