"""The face in 3D, and the bar that says what its colours mean."""

from __future__ import annotations

import numpy as np
import pyvista as pv
from pyvistaqt import QtInteractor
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QLinearGradient, QPainter
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from desktop.theme import LIGHT, Theme
from faceviz.display.body import surface_normals
from faceviz.display.colormaps import lookup_table
from faceviz.display.reconstruction import FaceColours
from faceviz.geometry.geometry_image import mean_face, triangles

_DISTANCE, _ANGLE = 520.0, 24.0  # mm, degrees: a face fills a pane that is as wide as high
_AIM = (0.0, 4.0, -30.0)
_POINT_PIXELS = 2.0
SURFACE, POINTS = "surface", "points"


class FaceView(QtInteractor):
    """The 3D view. Its keys belong to the window, and so do files dropped on it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, auto_update=False, multi_samples=0)
        self.setAcceptDrops(False)
        self.setAccessibleName("The face in 3D; drag to turn it")

    def keyPressEvent(self, event) -> None:  # noqa: N802, ANN001
        event.ignore()

    def keyReleaseEvent(self, event) -> None:  # noqa: N802, ANN001
        event.ignore()


class FacePane(QWidget):
    """A face under a camera that the mouse moves; only arrays change from one face to the next."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 200)
        self.view, self.bar = FaceView(self), ColourBar()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.bar)
        self._mesh = pv.PolyData.from_regular_faces(
            mean_face().reshape(-1, 3).astype(np.float32), triangles()
        )
        self._mesh["value"] = np.zeros(self._mesh.n_points, np.float32)
        self._table = pv.LookupTable()
        self._map = ""
        self._actor = self.view.add_mesh(
            self._mesh,
            scalars="value",
            show_scalar_bar=False,
            smooth_shading=False,
            specular=0.12,
            ambient=0.12,
            point_size=_POINT_PIXELS,
            reset_camera=False,
            render=False,
        )
        self._actor.mapper.lookup_table = self._table
        self._actor.prop.interpolation = "Phong"
        self._actor.SetVisibility(False)
        self.look_from_front()
        self.set_theme(LIGHT)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(560, 420)

    def show_face(self, points: np.ndarray, colours: FaceColours) -> None:
        """(16384, 3) mm and their colours; drawn when Qt next paints."""
        points = points.astype(np.float32)
        self._mesh.points = points
        self._mesh.point_data.active_normals = surface_normals(points, triangles())
        self._mesh["value"] = colours.values
        if colours.colormap != self._map:
            self._map = colours.colormap
            opaque = np.full((256, 1), 255, np.uint8)
            self._table.values = np.hstack([lookup_table(colours.colormap), opaque])
        self._actor.mapper.scalar_range = colours.limits
        self._actor.SetVisibility(True)
        self.bar.show_colours(colours)
        self.redraw()

    def show_as(self, kind: str) -> None:
        """As a surface or as points."""
        self._actor.prop.style = "points" if kind == POINTS else "surface"
        self.redraw()

    def look_from_front(self) -> None:
        """The camera back to where it was."""
        aspect = max(self.view.width(), 1) / max(self.view.height(), 1)
        camera, aim = self.view.camera, np.array(_AIM)
        camera.position = aim + [0.0, 0.0, _DISTANCE * max(1.0, 0.85 / aspect)]
        camera.focal_point, camera.up, camera.view_angle = aim, (0.0, 1.0, 0.0), _ANGLE
        self.view.renderer.ResetCameraClippingRange((-200, 200, -200, 200, -250, 250))
        self.redraw()

    def set_theme(self, theme: Theme) -> None:
        self.view.set_background(theme.paper)
        self.bar.set_theme(theme)
        self.redraw()

    def redraw(self) -> None:
        QWidget.update(self.view)

    def picture(self) -> np.ndarray:
        """What the view shows, (H, W, 3) uint8."""
        return np.asarray(self.view.screenshot(return_img=True))[..., :3]

    def close_view(self) -> None:
        """Lets go of what the graphics hold; before the window closes."""
        self.view.close()


class ColourBar(QWidget):
    """A gradient with its ends and its unit."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(46)
        self.theme, self.colours = LIGHT, None

    def show_colours(self, colours: FaceColours) -> None:
        self.colours = colours
        self.setAccessibleName(f"Colours: {colours.label}")
        self.update()

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.update()

    def paintEvent(self, _) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.theme.paper))
        if self.colours is None:
            return
        width = min(0.7 * self.width(), 360.0)
        room = QRectF((self.width() - width) / 2, 6, width, 10)
        gradient = QLinearGradient(room.topLeft(), room.topRight())
        for place, colour in enumerate(lookup_table(self.colours.colormap)[::15]):
            gradient.setColorAt(place * 15 / 255, QColor(*map(int, colour)))
        painter.fillRect(room, gradient)
        painter.setPen(QColor(self.theme.soft))
        painter.setFont(QFont(self.font().family(), 8))
        low, high = self.colours.limits
        for place in (0.0, 0.5, 1.0):
            text = f"{low + place * (high - low):.{decimals(high - low)}f}"
            at = QRectF(room.left() + place * width - 40, room.bottom() + 1, 80, 13)
            painter.drawText(at, Qt.AlignmentFlag.AlignCenter, text)
        label = QRectF(0, room.bottom() + 13, self.width(), 15)
        painter.setPen(QColor(self.theme.ink))
        painter.drawText(label, Qt.AlignmentFlag.AlignCenter, self.colours.label)


def decimals(extent: float) -> int:
    """That the numbers of a bar of this extent need."""
    return int(np.clip(np.ceil(1.0 - np.log10(max(extent, 1e-6))), 0, 4))
