"""Client wing: from nodes to an ear. Node choice, verified fetching, key shares, the player."""
