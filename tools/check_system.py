"""Checks the shared libraries and the browser that pip cannot bring, and says what to install.

With CI=true, as root and with apt-get, it installs what is missing. Runs on any Python 3, before the venv exists.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import subprocess
import sys

LIBRARIES = {  # file -> Debian package
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libusb-1.0.so.0": "libusb-1.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libgomp.so.1": "libgomp1",
    "libSM.so.6": "libsm6",
    "libXext.so.6": "libxext6",
}
# What Qt's window needs beside them (ldd of its xcb plugin), for the desktop program and its tests.
QT_LIBRARIES = {
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
XVFB = ("xvfb", "fonts-dejavu-core")  # a virtual screen, and letters to write on it
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--browser",
        action="store_true",
        help="also look for Chromium and for Xvfb, on which the browser's and the window's tests run",
    )
    parser.add_argument("--qt", action="store_true", help="also look for what a window of Qt needs")
    asked = parser.parse_args()
    in_ci = os.environ.get("CI", "").lower() in ("1", "true")
    missing = _missing(asked.browser, asked.qt)
    if missing and in_ci and _can_install():
        _install(missing)
        missing = _missing(asked.browser, asked.qt)
    optional = [name for name in missing if name in ("chromium", *XVFB)]
    if optional and missing == optional and not in_ci:
        print(
            f"No {' or '.join(optional)} found: the tests that need it will be skipped. To run them: "
            f"sudo apt-get install -y {' '.join(optional)}"
        )
        return 0
    if missing:
        print(f"Missing on this system: {' '.join(missing)}", file=sys.stderr)
        print(f"Install with: sudo apt-get install -y {' '.join(missing)}", file=sys.stderr)
        return 1
    return 0


def _missing(browser: bool, qt: bool = False) -> list[str]:
    packages = []
    if sys.platform.startswith("linux"):
        libraries = LIBRARIES | (QT_LIBRARIES if qt or browser else {})
        packages += [package for library, package in libraries.items() if not _loads(library)]
        if _venv_is_missing():
            packages.append("python3-venv")
    if browser and not any(shutil.which(name) for name in BROWSERS):
        packages.append("chromium")
    if browser and sys.platform.startswith("linux") and not shutil.which("Xvfb"):
        packages += XVFB
    return packages


def _venv_is_missing() -> bool:
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        return True
    return False


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _can_install() -> bool:
    return bool(shutil.which("apt-get")) and os.geteuid() == 0


def _install(packages: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], check=False, env=environment)
    install = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
    subprocess.run(install, check=False, env=environment)


if __name__ == "__main__":
    sys.exit(main())
