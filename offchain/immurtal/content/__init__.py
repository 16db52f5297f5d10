"""Ground room: what a release is made of – audio, cipher, CIDs, files, archives (DESIGN 5)."""
