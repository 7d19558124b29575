"""Processes of a local cluster, and one that runs already: the same results in the same order, whoever dies."""

from __future__ import annotations

import os
import signal
import sys
import threading
from functools import partial

import numpy as np
import pytest

from faceviz.cluster import Lost, one_thread, open_cluster
from faceviz.errors import ClusterError, MissingDependencyError
from faceviz.io import write_scan

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def square(number):
    return number**2


def raise_on_three(number):
    if number == 3:
        raise ValueError("three")
    return number


def die_once(folder, number):
    """Kills its process the first time it sees a five."""
    marker = folder / "died"
    if number == 5 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_always(number):
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("distributed")
    with open_cluster(2) as each:
        yield each


def test_one_worker_is_this_process():
    with open_cluster(1) as each:
        assert list(each(os.getpid().__add__, [0])) == [os.getpid()]


@pytest.mark.slow
def test_results_come_in_the_order_of_the_items_and_items_are_taken_as_needed(cluster):
    taken = []
    results = cluster(square, (taken.append(i) or i for i in range(100)))
    assert next(iter(results)) == 0
    assert len(taken) < 20
    assert [0, *results] == [i**2 for i in range(100)]


@pytest.mark.slow
def test_what_the_work_raises_is_raised_here(cluster):
    with pytest.raises(ValueError, match="three"):
        list(cluster(raise_on_three, range(6)))


@pytest.mark.slow
def test_the_work_of_a_worker_that_died_is_done_by_another(cluster, tmp_path):
    assert list(cluster(partial(die_once, tmp_path), range(12))) == list(range(12))
    assert (tmp_path / "died").exists()


@pytest.mark.slow
def test_work_that_kills_every_worker_is_lost_and_nothing_else(cluster):
    results = list(cluster(die_always, range(6)))
    assert isinstance(results[2], Lost) and [r for i, r in enumerate(results) if i != 2] == [0, 1, 3, 4, 5]


@pytest.mark.slow
def test_landmarks_and_evaluation_are_the_same_to_the_bit_whoever_computes_them(
    cluster, tmp_path, sample_scan
):
    import torch

    from faceviz.batch import landmark_folder, read_results
    from faceviz.evaluation import PROTOCOLS, evaluate_landmarks
    from faceviz.evaluation.models import process_model

    (tmp_path / "scans").mkdir()
    for number in range(2):
        shifted = sample_scan.with_(
            points=sample_scan.points + number, landmarks=sample_scan.landmarks + number
        )
        write_scan(tmp_path / "scans" / f"{number}.npz", shifted)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        model = process_model("se3unet", "cpu")
        rows, reports = [], []
        for name, each in (("here", map), ("cluster", cluster)):
            landmark_folder(tmp_path / "scans", tmp_path / f"{name}.csv", device="cpu", each=each)
            rows.append(read_results(tmp_path / f"{name}.csv"))
            reports.append(
                evaluate_landmarks(
                    [sample_scan],
                    model,
                    [PROTOCOLS["none"], PROTOCOLS["st_rt"]],
                    each=each,
                    loader=partial(process_model, "se3unet", "cpu"),
                )
            )
    finally:
        torch.set_num_threads(before)
    for here, there in zip(*rows, strict=True):
        np.testing.assert_array_equal(here.landmarks, there.landmarks)
        np.testing.assert_array_equal(here.confidence, there.confidence)
        assert here.mean_iou == there.mean_iou
    for here, there in zip(reports[0].protocols, reports[1].protocols, strict=True):
        np.testing.assert_array_equal(here.curve, there.curve)
        assert here.invariance_error == there.invariance_error
    np.testing.assert_array_equal(*(report.landmark_errors.errors for report in reports))
    assert reports[0].per_scan == reports[1].per_scan


@pytest.mark.slow
def test_a_cluster_that_runs_already_is_used_by_its_address():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None
    ) as running:
        with open_cluster(1, running.scheduler_address) as each:
            (thread,) = each(thread_name, [0])
    assert thread != threading.current_thread().name


def thread_name(_):
    return threading.current_thread().name


def test_a_scheduler_that_does_not_answer_is_one_line(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("faceviz.cluster._CONNECT_S", 0.5)
    with pytest.raises(ClusterError, match="nobody answers"), open_cluster(1, "tcp://127.0.0.1:1"):
        pass


def test_a_missing_dask_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingDependencyError, match=r"faceviz\[cluster\]"), open_cluster(2):
        pass


def test_one_thread_is_for_the_time_being():
    import torch

    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
