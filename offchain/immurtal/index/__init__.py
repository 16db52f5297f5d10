"""Chain to tables: what the contracts' events say, kept equal to the chain's present history."""
