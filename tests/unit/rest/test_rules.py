"""Spectral, which knows what OpenAPI documents should be like, has nothing to say about ours."""

import json
from pathlib import Path

import pytest

from tests.foreign.npm import run_node

DOCUMENT = Path("openapi.json").resolve()


@pytest.mark.timeout(300)  # installs its packages the first time
async def test_the_document_keeps_to_spectrals_rules() -> None:
    assert json.loads(await run_node("spectral", "lint.js", {"DOCUMENT": str(DOCUMENT)})) == []


@pytest.mark.timeout(300)
async def test_a_document_that_breaks_them_is_found_out(tmp_path: Path) -> None:
    document = json.loads(DOCUMENT.read_bytes())
    del document["paths"]["/health"]["get"]["operationId"]
    document["components"]["schemas"]["Unused"] = {"type": "object"}
    broken = tmp_path / "openapi.json"
    broken.write_text(json.dumps(document), "utf-8")
    found = json.loads(await run_node("spectral", "lint.js", {"DOCUMENT": str(broken)}))
    assert {problem["code"] for problem in found} >= {"operation-operationId", "oas3-unused-component"}
