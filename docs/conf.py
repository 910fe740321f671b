"""How Sphinx makes a site of README.md and docs/ (`make docs`).

The sources are the repository itself, so that a link from one page to another, to a table or to a
figure is the same here and where the files lie. The site needs no network: one file of MathJax,
which draws all glyphs itself, comes with it.
"""

import re
import sys
from importlib.metadata import files
from pathlib import Path

from docutils.nodes import Text
from pygments.lexers import PythonLexer
from sphinx.addnodes import pending_xref

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

project = "rnnschur"
author = copyright = "the rnnschur maintainers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]

root_doc = "docs/index"
include_patterns = ["README.md", "docs/**", "report/*.md", "report/benchmark/*.md"]
include_patterns += ["tests/networks/README.md", "CHANGELOG.md"]
rst_prolog = "\n".join(rf".. |{x}| replace:: \|{x}\|" for x in "RCTNWX")  # sizes and norms
myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 3

default_role = "py:obj"  # the single backticks of NumPy's docstrings
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"  # docstrings say what arguments are
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]

html_theme = "furo"
html_title = "Task-restricted symmetries in recurrent weight space"
html_copy_source = html_show_copyright = html_show_sphinx = False
mathjax_path = "tex-svg.js"
html_static_path = ["site.css"]
html_static_path += [
    str(file.locate()) for file in files("sphinx-mathjax-offline") if file.name == mathjax_path
]
html_css_files = ["site.css"]


def lead_to_reference(app, name, source):
    """Let a link to a module's code lead to what the reference says of it."""
    link = r"\[`[\w.]+`\]\((?:\.\./)*workflow/(rnnschur/[\w/]+?)(?:/__init__)?\.py\)"
    source[0] = re.sub(link, lambda found: f"{{py:mod}}`{found[1].replace('/', '.')}`", source[0])


def leave_words_alone(app, doctree):
    """Let 'optional' in the type of an argument be a word, and not an attribute of that name."""
    for reference in list(doctree.findall(pending_xref)):
        if reference["reftarget"] in ("optional", "default"):
            reference.replace_self(Text(reference["reftarget"]))


def without_aliases(app, kind, name, member, skip, options):
    """Leave out the fields of named tuples, which the class has told of."""
    return skip or (getattr(member, "__doc__", None) or "").startswith("Alias for field number")


def begin_at_index(app, exception):
    """Let the folder itself, as a browser opens it, lead to the first page."""
    page = '<!doctype html><meta http-equiv="refresh" content="0; url=docs/index.html">\n'
    Path(app.outdir, "index.html").write_text(page)


def setup(app):
    """Hand all of this to Sphinx."""
    app.add_lexer("snakemake", PythonLexer)  # Pygments has none for what is nearly Python
    app.connect("source-read", lead_to_reference)
    app.connect("doctree-read", leave_words_alone)
    app.connect("autodoc-skip-member", without_aliases)
    app.connect("build-finished", begin_at_index)
