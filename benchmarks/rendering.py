"""How fast sequences are rendered, and in how many pictures the Haar cascade finds the rendered face.

    python benchmarks/rendering.py --people 12

Prints CPU milliseconds a picture (one thread) and the share of faces found by yaw, from pictures 1.7 times as wide as a
face crop.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from faceviz.detection import FaceDetector
from faceviz.synth.dataset import available_sources
from faceviz.synth.expressions import random_expression
from faceviz.synth.motion import Moment, crop_view
from faceviz.synth.sequences import SyntheticSequences, picture_sequence

YAWS = ((0, 10), (10, 20), (20, 30), (30, 45))
FRAMES, WIDER = 8, 1.7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    sources, notes = available_sources()
    print(*notes, f"heads: {', '.join(sources)}; {arguments.people} people, seed {arguments.seed}", sep="\n")
    people = SyntheticSequences("test", arguments.people, arguments.seed, sources, FRAMES)
    speed(people)
    detection(people, arguments.seed)


def speed(people: SyntheticSequences) -> None:
    for index in range(min(len(people), len(people.sources))):
        people[index]  # loads heads and works out what is kept
    spent = []
    for index in range(len(people)):
        start = time.process_time()
        people[index]
        spent.append((time.process_time() - start) / FRAMES * 1000)
    print(f"CPU ms a picture: median {np.median(spent):.0f}, fastest person {min(spent):.0f}")


def detection(people: SyntheticSequences, seed: int) -> None:
    rng = np.random.default_rng(seed)
    detectors = {"frontal cascade": FaceDetector("haar", thorough=False), "thorough": FaceDetector("haar")}
    for low, high in YAWS:
        found = {name: 0 for name in detectors}
        for index in range(len(people)):
            person = people.person(index)
            moments = [_moment(person.head.ex_names, rng.uniform(low, high) * rng.choice([-1, 1]), rng)]
            image = picture_sequence(person, 1, rng, moments=moments).images[0]
            for name, detector in detectors.items():
                found[name] += any(_is_face(box) for box in detector.detect(image))
        shares = ", ".join(f"{name} {count / len(people):.0%}" for name, count in found.items())
        print(f"yaw {low} to {high} degrees: {shares}")


def _moment(names: tuple[str, ...], yaw: float, rng: np.random.Generator) -> Moment:
    angles = np.array([yaw, rng.normal(0.0, 8.0), rng.normal(0.0, 6.0)])
    view = crop_view(angles, float(rng.uniform(500.0, 1500.0)), jitter=(0.0, 0.0, WIDER))
    return Moment(view, random_expression(names, rng), np.array([[0.0, 0.0, 1.0]] * 2))


def _is_face(box) -> bool:  # noqa: ANN001
    """About the middle, where the face is, and about its size."""
    size = 256 / (1.3 * WIDER)
    return np.hypot(*np.subtract(box.centre, 128)) < 0.35 * size and 0.6 < box.width / size < 1.6


if __name__ == "__main__":
    main()
