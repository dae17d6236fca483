"""Sphinx configuration: `make docs` builds the site from these Markdown files in strict mode.

The pages stay readable at a Git host: links are relative, diagrams are Mermaid blocks, and the only directive is `toctree`.
"""

import re
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.util import logging

DOCS = Path(__file__).parent
MERMAID = DOCS / "theme" / "node_modules" / "@mermaid-js" / "tiny" / "dist" / "mermaid.tiny.js"

project = "Diamond Inventory"
project_copyright = "the authors of Diamond Inventory"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["theme"]
nitpicky = True
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # the lexer of SQL does not know `$1`
myst_links_external_new_tab = False

html_theme = "furo"
html_title = project
html_static_path = ["theme/static", *([str(MERMAID)] if MERMAID.is_file() else [])]
html_css_files = ["diagrams.css"]
html_js_files = [*(["mermaid.tiny.js"] if MERMAID.is_file() else []), "diagrams.js"]
html_copy_source = False
html_show_sphinx = False
# Neither of them works in a site that is opened from a disk.
html_baseurl = ""
html_last_updated_fmt = None

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?\)")
_DIAGRAM = re.compile(r"^```mermaid\n(sequenceDiagram\n.*?)^```$", re.MULTILINE | re.DOTALL)
_log = logging.getLogger(__name__)


def check_source(app: Sphinx, name: str, source: list[str]) -> None:
    """Check what Sphinx does not: links to files of the repository, and sequence diagrams.

    The built site does not hold these files, so their links become text.
    """
    page = Path(app.env.doc2path(name))

    def replaced(link: re.Match[str]) -> str:
        target = (page.parent / link["path"]).resolve()
        if target.is_relative_to(DOCS) and target.suffix == ".md":
            return link[0]
        if not target.exists():
            _log.warning("the file %s does not exist", link["path"], location=name)
        return link["text"]

    for diagram in _DIAGRAM.finditer(source[0]):
        if ";" in diagram[1]:
            _log.warning("a sequence diagram holds a semicolon, which ends a statement in Mermaid", location=name)
    source[0] = _LINK.sub(replaced, source[0])


def setup(app: Sphinx) -> None:
    """Register what the pages need."""
    app.connect("source-read", check_source)
    for language in ("mermaid", "graphql", "hcl"):
        app.add_lexer(language, TextLexer)
