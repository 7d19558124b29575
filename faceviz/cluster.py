"""Work spread over processes or machines by Dask, with the results in the order of the work.

Only so many pieces are on their way at a time, so that neither work nor results pile up in memory.
"""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from faceviz.errors import ClusterError, MissingDependencyError

#: Pieces on their way for each worker: one that is done, one that waits beside the worker.
AHEAD = 3
#: How often a piece that raises is tried again.
RETRIES = 2
_LOSSES = 1  # of workers that a piece may outlive, twice over
_CONNECT_S = 15
_PATIENCE_S = 2
_GONE_S = 120


@dataclass(frozen=True, slots=True)
class Lost:
    """Stands for a result that will not come: every worker that had the piece died."""

    reason: str = "the worker died each time (out of memory?); try it alone, or with fewer workers"


#: Applies a function to items: one result for each, in their order, as ``map`` does.
Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]


@contextmanager
def open_cluster(workers: int = 1, scheduler: str | None = None) -> Iterator[Each]:
    """A function like ``map(function, items)`` whose work is done elsewhere; results come in the order of the items.

    A worker that dies gives its pieces to others. An item whose workers all die gives `Lost`, and what the function
    raises is raised here.

    Args:
        workers: processes on this machine, with one thread each; 1 is this process itself.
        scheduler: address of a running Dask scheduler, such as ``tcp://head:8786``, whose workers are then all used.
            They need this version of faceviz, and the files under the same paths.

    Raises:
        MissingDependencyError: Dask is not installed, and is needed.
        ClusterError: nobody answers at the address, or its workers have other versions.
    """
    if scheduler is None and workers == 1:
        yield map
        return
    distributed = _distributed()
    with _client(distributed, workers, scheduler) as client:
        yield lambda function, items: _in_order(client, function, items)


@contextmanager
def one_thread() -> Iterator[None]:
    """For work that may be done in any process with the same result: the order of sums, and so the last bits, depend on
    the number of threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _distributed() -> Any:
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f'several workers need {error.name}; install it with: pip install "faceviz[cluster]"'
        ) from error
    return distributed


@contextmanager
def _client(distributed: Any, workers: int, scheduler: str | None) -> Iterator[Any]:
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if scheduler is not None:
        with _connected(distributed, scheduler) as client:
            yield client
        return
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": _LOSSES}),
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        cluster.adapt(minimum=workers, maximum=workers)  # begins another where one could not be begun again
        yield client


@contextmanager
def _connected(distributed: Any, scheduler: str) -> Iterator[Any]:
    try:
        client = distributed.Client(scheduler, timeout=_CONNECT_S)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"--scheduler {scheduler}: nobody answers ({type(error).__name__}); begin one with `dask scheduler`"
        ) from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise ClusterError(
                f"--scheduler {scheduler}: it has no workers; begin some with `dask worker {scheduler} --nthreads 1`"
            )
        try:
            client.get_versions(check=True, packages=["numpy", "scipy", "torch", "faceviz"])
        except ValueError as error:
            raise ClusterError(
                f"--scheduler {scheduler}: its workers have other versions than this machine, so results could differ; "
                f"install the same ({error})"
            ) from error
        yield client


def _in_order(client: Any, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """Results as they are due, so many pieces ahead as the workers need."""
    source, waiting = iter(items), deque[_Piece]()
    try:
        while True:
            room = max(0, AHEAD * max(1, _threads(client)) - len(waiting))
            waiting.extend(_Piece(client, function, item) for item in itertools.islice(source, room))
            if not waiting:
                return
            result = waiting[0].result()
            if isinstance(result, Lost):  # perhaps with a worker that another piece killed: once more, alone
                for other in itertools.islice(waiting, 1, None):
                    other.wait()
                result = waiting[0].again().result()
            waiting.popleft()
            yield result
    finally:
        client.cancel([piece.future for piece in waiting], force=True)


class _Piece:
    """One item on its way."""

    def __init__(self, client: Any, function: Callable[[Any], Any], item: Any) -> None:
        self._client, self._function, self._item = client, function, item
        self.again()

    def again(self) -> _Piece:
        self.future = self._client.submit(self._function, self._item, pure=False, retries=RETRIES)
        return self

    def wait(self) -> None:
        """Until it has ended in any way."""
        with suppress(Exception):
            self.result()

    def result(self) -> Any:
        """What the function gave, or `Lost`; what it raised is raised."""
        import distributed

        alone = 0
        while True:
            try:
                return self.future.result(timeout=_PATIENCE_S)
            except distributed.KilledWorker:
                return Lost()
            except distributed.TimeoutError:
                if self.future.status == "error":
                    raise
                alone = 0 if _threads(self._client) else alone + 1
                if alone * _PATIENCE_S > _GONE_S:
                    raise ClusterError("all workers are gone; begin some, and run it again") from None
                if not alone and self._stuck():
                    self.again()

    def _stuck(self) -> bool:
        """Nobody works on it and still it does not come: Dask may forget to tell of a result that a worker took with
        it when it died."""
        return not any(self.future.key in keys for keys in self._client.processing().values())


def _threads(client: Any) -> int:
    return sum(client.nthreads().values())
