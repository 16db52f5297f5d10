"""What a person sees while a recording plays."""

from immurtal.cli.progress import Progress
from immurtal.stream.events import Observer


class Watching(Observer):
    """Shows the bar, and says which node was in trouble or refused."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def on_trouble(self, node_id: str, reason: str) -> None:
        self._progress.say(f"{node_id[:10]}…: {reason}", style="yellow")

    def on_refusal(self, node_id: str, kind: str, reason: str) -> None:
        self._progress.say(f"{node_id[:10]}… gives no key share ({kind}): {reason}", "yellow")

    def on_wait(self, node_id: str, seconds: int) -> None:
        self._progress.say(f"{node_id[:10]}…: not deep enough in the chain yet, {seconds} s more")

    def on_progress(self, done: int, total: int) -> None:
        self._progress.show("playing", done / total if total else 1.0)
