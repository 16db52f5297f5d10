"""The four ways the tables move: begun, a span of final blocks, one block, back. Each is one
transaction that moves the cursor first, by compare and set."""

import sqlalchemy as sa

from immurtal.chain.deployment import Deployment
from immurtal.index import cursor, journal, schema, window
from immurtal.index.cursor import Cursor
from immurtal.index.handlers import Contradiction, changes
from immurtal.index.rows import Rows
from immurtal.index.source import Block, Header, Ours, RawLog, Span


class Tables:
    """keep: how many blocks past final can be taken back. Raises CursorMoved, Contradiction."""

    def __init__(self, ours: Ours, keep: int) -> None:
        self._ours = ours
        self.keep = keep

    def begin(
        self, connection: sa.Connection, deployment: Deployment, base: Header, final: int
    ) -> Cursor:
        start = Cursor(base.number, base.hash, final)
        cursor.begin(connection, deployment, start)
        window.restart(connection, base)
        return start

    def add_span(self, connection: sa.Connection, old: Cursor, span: Span, final: int) -> Cursor:
        """Blocks so far below final that nobody will want them back: not journalled."""
        new = _ahead(old, span.last, final)
        cursor.move(connection, old, new)
        _flush(self._apply(connection, span.logs))
        journal.forget(connection, through=new.number)
        window.restart(connection, span.last)
        return new

    def add_block(self, connection: sa.Connection, old: Cursor, block: Block, final: int) -> Cursor:
        new = _ahead(old, block.header, final)
        cursor.move(connection, old, new)
        rows = self._apply(connection, block.logs)
        journal.record(connection, new.number, rows)
        _flush(rows)
        window.append(connection, block.header)
        self._forget(connection, new)
        return new

    def add_final(self, connection: sa.Connection, old: Cursor, final: int) -> Cursor:
        new = Cursor(old.number, old.hash, max(old.final_number, final))
        cursor.move(connection, old, new)
        self._forget(connection, new)
        return new

    def take_back(self, connection: sa.Connection, old: Cursor, to: Header) -> Cursor:
        """To a block of the window. What was called final stays so: if the chain broke its word,
        the tables do not count as caught up before they are there again."""
        new = old.at(to.number, to.hash)
        cursor.move(connection, old, new)
        for number in range(old.number, to.number, -1):
            journal.undo(connection, number)
        window.cut(connection, above=to.number)
        return new

    def clear(self, connection: sa.Connection) -> None:
        """Everything, to begin anew."""
        for table in (*schema.metadata.sorted_tables, *schema.bookkeeping.sorted_tables):
            connection.execute(sa.delete(table))

    def _apply(self, connection: sa.Connection, logs: tuple[RawLog, ...]) -> Rows:
        rows = Rows(connection)
        for log in logs:
            event = self._ours.event(rows, log)
            if event is not None:
                for change in changes(rows, event):
                    rows.apply(change)
        return rows

    def _forget(self, connection: sa.Connection, at: Cursor) -> None:
        floor = min(at.number, at.final_number - self.keep)
        journal.forget(connection, through=floor)
        window.forget(connection, below=floor)


def _ahead(old: Cursor, header: Header, final: int) -> Cursor:
    return Cursor(header.number, header.hash, max(old.final_number, final))


def _flush(rows: Rows) -> None:
    try:
        rows.flush()
    except sa.exc.IntegrityError as error:
        raise Contradiction(f"The chain made the same thing twice: {error.orig}.") from error
