"""Import graph: no cycle between modules."""

from graphlib import TopologicalSorter

import grimp


def test_import_graph_has_no_cycle() -> None:
    graph = grimp.build_graph("app", "sync", "inventory", "sandbox", cache_dir=None)
    # Raises CycleError, which names the modules of a cycle.
    TopologicalSorter({module: graph.find_modules_directly_imported_by(module) for module in graph.modules}).prepare()
