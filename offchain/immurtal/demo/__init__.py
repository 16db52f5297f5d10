"""The whole way on one machine, with evidence: anvil, three nodes, an album, listeners, a report."""
