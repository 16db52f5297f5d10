"""The node's database: one engine, short transactions, every room's migrations.

The engine is synchronous and used in threads: a transaction is many small statements, and one hop
to a thread costs less than a hop for each (which is what asyncio drivers of SQLite do). All writes
go through one thread, so writers of one process wait for each other instead of failing on SQLite's
single write lock; readers run beside them on their own snapshots.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from immurtal.errors import BadInput

BUSY_TIMEOUT_MS: Final = 15_000
_MIGRATIONS: Final = Path(__file__).parent / "migrations"

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Room:
    """Whose tables: `versions` is a folder of Alembic revisions, with a version table of their own,
    so that rooms migrate apart and know nothing of each other."""

    name: str
    versions: Path


INDEX: Final = Room("index", _MIGRATIONS / "versions")


class Database:
    """`read` and `write` run `function(connection, …)` in one transaction, off the event loop.

    A write is committed whole, or not at all if the function raises. A read sees one snapshot.
    """

    def __init__(self, engine: sa.Engine, rooms: Sequence[Room]) -> None:
        self.engine = engine
        self._rooms = tuple(rooms)
        self._reads = engine
        if engine.dialect.name == "postgresql":
            self._reads = engine.execution_options(isolation_level="REPEATABLE READ")
        self._writes = engine.execution_options(immurtal_writes=True)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="database-writer")

    async def read(
        self,
        function: Callable[Concatenate[sa.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        return await asyncio.to_thread(self._run, self.reading, function, args, kwargs)

    async def write(
        self,
        function: Callable[Concatenate[sa.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._writer, self._run, self.writing, function, args, kwargs
        )

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A snapshot, in the calling thread."""
        with self._reads.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction in the calling thread, committed at the end."""
        with self._writes.begin() as connection:
            yield connection

    def upgrade(self) -> None:
        """Brings every room's tables to this version, each in one transaction. Raises BadInput."""
        for room in self._rooms:
            try:
                with self.writing() as connection:
                    command.upgrade(_alembic(room, connection), "heads")
            except (CommandError, sa.exc.DatabaseError) as error:
                raise BadInput(
                    f"The database cannot be brought to this version ({room.name}): {error}.",
                    saved="It was left as it was.",
                    do="Use the version of immurtal that wrote it, or another data folder.",
                ) from error

    def close(self) -> None:
        self._writer.shutdown(wait=True)
        self.engine.dispose()

    @staticmethod
    def _run(
        transaction: Any, function: Callable[..., T], args: Sequence[Any], kwargs: dict[str, Any]
    ) -> T:
        with transaction() as connection:
            return function(connection, *args, **kwargs)


def open_database(where: Path | str, rooms: Sequence[Room] = (INDEX,)) -> Database:
    """`where`: a file for SQLite, or an SQLAlchemy URL. Migrates; raises BadInput."""
    url = sa.URL.create("sqlite", database=str(where)) if isinstance(where, Path) else where
    try:
        engine = sa.create_engine(url)
    except (sa.exc.ArgumentError, ImportError) as error:
        raise BadInput(
            "The database URL cannot be used.", do="Give a file, or sqlite:///… or postgresql…"
        ) from error
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    database = Database(engine, rooms)
    try:
        database.upgrade()
    except BaseException:
        database.close()
        raise
    return database


def _prepare_sqlite(engine: sa.Engine) -> None:
    """WAL, so that readers and the writer do not wait for each other. Commits are synced (FULL):
    a release that a node said it accepted stays accepted after a power cut."""

    @sa.event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin below, not where the driver thinks
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("immurtal_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _alembic(room: Room, connection: sa.Connection) -> Config:
    config = Config()
    options = {
        "script_location": str(_MIGRATIONS),
        "version_locations": str(room.versions),
        "path_separator": "newline",
    }
    for name, value in options.items():
        config.set_main_option(name, value.replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = f"{room.name}_version"
    return config
