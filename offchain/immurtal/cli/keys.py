"""`keys`: the artist's recovery key."""

from pathlib import Path

import click

from immurtal.cli.common import emit, json_option


@click.group()
def keys() -> None:
    """The artist's recovery key: 24 words that open everything published from here."""


@keys.command()
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="The artist's folder."
)
@click.option(
    "--words-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with the words; asked for where it is missing.",
)
@json_option
def check(home: Path | None, words_file: Path | None, as_json: bool) -> None:
    """Check that the words written down are those of this artist's folder."""
    from immurtal.chain.files import read_bounded
    from immurtal.content.encoding import b64u
    from immurtal.errors import BadInput, NotFound
    from immurtal.keys.recovery import recovery_key
    from immurtal.publish.home import ArtistHome

    kept = (ArtistHome(home) if home else ArtistHome.default()).recovery_public()
    if kept is None:
        raise NotFound("Nothing was published from here yet: there is no recovery key.")
    if words_file is not None:
        words = read_bounded(words_file, 4096).decode(errors="replace")
    else:
        words = click.prompt("Recovery words", hide_input=True, err=True)
    if recovery_key(words.strip()).public != kept:
        raise BadInput(
            "These words belong to another recovery key.",
            do="Look for the words that the first publish from this folder showed.",
        )
    emit(
        {"kem": kept.kem, "key": b64u(kept.key)},
        as_json=as_json,
        text="These are the words of this artist's recovery key.",
    )
