"""What a node keeps: desired against actual pins, their backends, and uploads."""

from immurtal.storage.storage import PinStatus, Storage, StorageSettings

__all__ = ["PinStatus", "Storage", "StorageSettings"]
