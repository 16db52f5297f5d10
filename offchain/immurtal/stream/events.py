"""What happens while a recording is fetched, as it happens: for progress, logs and the demo."""


class Observer:
    """Hears everything and does nothing; override what is of interest.

    Nodes go by their NodeRegistry id. `on_block` is awaited before the block is used.
    """

    async def on_block(self, node_id: str, index: int, size: int) -> None:
        """A verified block of audio came: the leaf's index in the variant, its bytes."""

    def on_trouble(self, node_id: str, reason: str) -> None:
        """A node's gateway lied, hung, or had not what it was asked for; another one is asked."""

    def on_share(self, node_id: str) -> None:
        """A good key share came."""

    def on_refusal(self, node_id: str, kind: str, reason: str) -> None:
        """No key share from this node; kind: the typed reason (FORMATS, HTTP)."""

    def on_wait(self, node_id: str, seconds: int) -> None:
        """The access is not deep enough yet for this node; it is asked again then."""

    def on_progress(self, done: int, total: int) -> None:
        """So many bytes of the plaintext are written."""
