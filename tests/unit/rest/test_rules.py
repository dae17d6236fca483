"""Spectral rules for OpenAPI documents."""

import json
from pathlib import Path

import pytest

from tests.foreign.npm import run_node

DOCUMENT = Path("openapi.json").resolve()


@pytest.mark.timeout(300)  # Installs its packages on the first run.
async def test_openapi_document_passes_spectral() -> None:
    assert json.loads(await run_node("spectral", "lint.js", {"DOCUMENT": str(DOCUMENT)})) == []


@pytest.mark.timeout(300)
async def test_spectral_reports_violation(tmp_path: Path) -> None:
    document = json.loads(DOCUMENT.read_bytes())
    del document["paths"]["/health"]["get"]["operationId"]
    document["components"]["schemas"]["Unused"] = {"type": "object"}
    broken = tmp_path / "openapi.json"
    broken.write_text(json.dumps(document), "utf-8")
    found = json.loads(await run_node("spectral", "lint.js", {"DOCUMENT": str(broken)}))
    assert {problem["code"] for problem in found} >= {"operation-operationId", "oas3-unused-component"}
