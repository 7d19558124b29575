"""A face as a mesh, made of formulas."""

from __future__ import annotations

from scipy.spatial import Delaunay

from faceviz.scan import FaceScan
from faceviz.testing import random_face


def random_mesh(seed: int = 0, count: int = 1500) -> FaceScan:
    """``random_face`` with triangles, seen from its front as one sheet."""
    face = random_face(seed, count)
    return face.with_(triangles=Delaunay(face.points[:, :2]).simplices, source=f"mesh_{seed}.ply")
