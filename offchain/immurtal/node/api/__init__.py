"""The node's HTTP API: one router a file, errors as RFC 9457 (docs/architecture.md, the wire)."""
