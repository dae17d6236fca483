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

_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?\)")
_log = logging.getLogger(__name__)


def repository_links_as_text(app: Sphinx, name: str, source: list[str]) -> None:
    """Check links to files outside the documents and show their text: the built site does not hold these files."""
    page = Path(app.env.doc2path(name))

    def replaced(link: re.Match[str]) -> str:
        target = (page.parent / link["path"]).resolve()
        if target.is_relative_to(DOCS) and target.suffix == ".md":
            return link[0]
        if not target.exists():
            _log.warning("the file %s does not exist", link["path"], location=name)
        return link["text"]

    source[0] = _LINK.sub(replaced, source[0])


def setup(app: Sphinx) -> None:
    """Register what the pages need."""
    app.connect("source-read", repository_links_as_text)
    for language in ("mermaid", "graphql", "hcl"):
        app.add_lexer(language, TextLexer)
