"""Settings of the documentation site; ``make docs`` builds it into build/docs, without the network."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent / "_ext")]

import faceviz  # noqa: E402

project = "faceviz"
author = "faceviz contributors"
project_copyright = author
release = version = faceviz.__version__

extensions = [
    "myst_parser",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "commands",
]
exclude_patterns = ["_ext", "_static"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
autodoc_default_options = {"members": True, "exclude-members": "__init__, __new__"}
python_use_unqualified_type_names = True
add_module_names = False
maximum_signature_line_length = 70
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = "faceviz"
html_static_path = ["_static"]
html_css_files = ["faceviz.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#b3395f", "color-brand-content": "#a8325a"},
    "dark_css_variables": {"color-brand-primary": "#f8917a", "color-brand-content": "#f8917a"},
    "top_of_page_buttons": [],
}
pygments_style = "default"
pygments_dark_style = "github-dark"
