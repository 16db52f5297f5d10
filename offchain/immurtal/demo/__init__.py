"""The whole way on one machine, with evidence: a chain, nodes, an album, listeners."""
