"""The client wing of artists: from a file to a certificate, an offer, and nodes that hold it."""
