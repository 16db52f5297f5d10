"""Ground: key shares, HPKE envelopes, sessions, and keys at rest: what both wings sign and read."""
