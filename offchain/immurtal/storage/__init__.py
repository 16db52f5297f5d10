"""What a node keeps: desired against actual pins, their backends, and uploads."""
