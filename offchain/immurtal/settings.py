"""Typed values out of a TOML table; every problem met on the way is told at once."""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from immurtal.errors import BadInput

T = TypeVar("T")


def read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(
            f"There is no settings file {path}.",
            do="`immurtal node init FOLDER` writes a node's.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"The settings file {path} cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"The settings file {path} is not TOML: {error}.") from None


class Reader:
    """Takes typed values out of a TOML table and remembers every problem met on the way."""

    def __init__(
        self,
        table: Mapping[str, Any],
        file: Path,
        prefix: str = "",
        problems: list[str] | None = None,
    ) -> None:
        self._table = table
        self._file = file
        self._prefix = prefix
        self._problems: list[str] = [] if problems is None else problems
        self._known: set[str] = set()
        self._sections: list[Reader] = []

    def section(self, name: str) -> "Reader":
        table = self._value(name, {})
        if not isinstance(table, dict):
            self.problem(name, "must be a table")
            table = {}
        section = Reader(table, self._file, f"{self._prefix}{name}.", self._problems)
        self._sections.append(section)
        return section

    def refuse_problems(self, do: str = "") -> None:
        self._name_unknown()
        if self._problems:
            listed = "; ".join(self._problems)
            raise BadInput(
                f"The settings in {self._file} cannot be used: {listed}.",
                do=do or "Correct them and start again.",
            )

    def problem(self, name: str, says: str) -> None:
        self._problems.append(f"{self._prefix}{name} {says}")

    def integer(
        self, name: str, *, low: int, high: int = 2**63 - 1, default: int | None = None
    ) -> int:
        def check(value: Any) -> bool:
            return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

        says = f"must be a whole number from {low} to {high}"
        return self._checked(name, default, check, says, low)

    def port(self, name: str, default: int) -> int:
        return self.integer(name, low=1, high=65_535, default=default)

    def text(
        self, name: str, default: str, pattern: str = r"\S*", says: str = "text without spaces"
    ) -> str:
        def check(value: Any) -> bool:
            return isinstance(value, str) and re.fullmatch(pattern, value) is not None

        return self._checked(name, default, check, f"must be {says}", "")

    def hexadecimal(self, name: str, size: int, default: str | None = None) -> str:
        def check(value: Any) -> bool:
            return isinstance(value, str) and bool(
                re.fullmatch(rf"0x[0-9a-fA-F]{{{2 * size}}}", value)
            )

        says = f"must be 0x and {2 * size} hexadecimal digits"
        return self._checked(name, default, check, says, "0x").lower()

    def url(self, name: str, default: str) -> str:
        def check(value: Any) -> bool:
            return value == default or _is_http_url(value)

        found = self._checked(name, default, check, "must be an http or https URL", "")
        return found.rstrip("/")

    def urls(self, name: str) -> tuple[str, ...]:
        def check(value: Any) -> bool:
            many = [value] if isinstance(value, str) else value
            return isinstance(many, list) and bool(many) and all(map(_is_http_url, many))

        says = "must be one or more http or https URLs"
        found: Any = self._checked(name, None, check, says, [])
        return (found,) if isinstance(found, str) else tuple(found)

    def strings(self, name: str) -> tuple[str, ...]:
        def check(value: Any) -> bool:
            return isinstance(value, list) and all(isinstance(item, str) for item in value)

        empty: list[str] = []
        return tuple(self._checked(name, empty, check, "must be a list of texts", empty))

    def path(self, name: str, default: str | None = None) -> Path:
        def check(value: Any) -> bool:
            return isinstance(value, str) and bool(value) and "\0" not in value

        found = self._checked(name, default, check, "must be a path", ".")
        return (self._file.parent / Path(found).expanduser()).resolve()

    def choice(self, name: str, options: tuple[T, ...], default: T) -> T:
        says = "must be one of " + ", ".join(map(repr, options))
        return self._checked(name, default, lambda value: value in options, says, default)

    def _value(self, name: str, default: Any) -> Any:
        self._known.add(name)
        return self._table.get(name, default)

    def _checked(
        self,
        name: str,
        default: T | None,
        check: Callable[[Any], bool],
        says: str,
        otherwise: T,
    ) -> T:
        value = self._value(name, default)
        if value is None:
            self.problem(name, f"is missing, and {says}")
            return otherwise
        if not check(value):
            self.problem(name, says)
            return otherwise
        found: T = value
        return found

    def _name_unknown(self) -> None:
        for name in self._table:
            if name not in self._known:
                self.problem(name, "is not a setting")
        for section in self._sections:
            section._name_unknown()


def _is_http_url(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > 2048 or re.search(r"\s", value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
