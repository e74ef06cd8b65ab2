"""The lines of a TOML text on which its keys stand, which the standard library's parser does not tell.

The text is one that `tomllib` has accepted and `depth` has measured: nothing here looks for mistakes.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping

KeyPath = tuple[str, ...]

_TOKEN = re.compile(
    r'''
    (?P<text> """ (?:\\.|[^\\])*? """ "{0,2} | \'\'\' .*? \'\'\' '{0,2} | " (?:\\.|[^"\\])* " | ' [^']* ' )
    | (?P<comment> \# [^\n]* )
    | (?P<mark> [][{},=.\n] )
    | (?P<word> [^][{},=.\s#"']+ )
    ''',
    re.VERBOSE | re.DOTALL,
)


def lines_of(text: str) -> Mapping[KeyPath, int]:
    """The first line, from 1, on which each table, key or item of a list is named; items go by number: `("a", "0")`."""
    return _Scanner(text).lines


class _Scanner:
    """Reads a text once from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._sizes: dict[KeyPath, int] = {}
        """Tables so far in each array of tables `[[...]]`."""
        self._tokens = list(_tokens(text))
        self._next = 0
        self._read_statements()

    @property
    def _token(self) -> str:
        """The token that comes next; empty at the end."""
        return self._tokens[self._next][0] if self._next < len(self._tokens) else ""

    def _take(self, token: str) -> bool:
        """Go past the next token if it is this one."""
        taken = self._token == token
        self._next += taken
        return taken

    def _read_statements(self) -> None:
        table: KeyPath = ()
        while self._token:
            if self._take("\n"):
                continue
            if self._take("["):
                table = self._read_header(is_item=self._take("["))
            else:
                self._read_pair(table)

    def _read_header(self, *, is_item: bool) -> KeyPath:
        """`[a.b]` or `[[a.b]]`; gives the table that the following keys belong to."""
        path: KeyPath = ()
        while self._token != "]":
            if not self._take("."):
                path = self._read_key(path)
                last = self._token == "]"
                if path in self._sizes or (is_item and last):
                    size = self._sizes[path] = self._sizes.get(path, 0) + (is_item and last)
                    path = self._record((*path, str(size - 1)), self._next - 1)
        while self._take("]"):
            pass
        return path

    def _read_pair(self, table: KeyPath) -> None:
        """`a.b = value`."""
        path = table
        while not self._take("="):
            if not self._take("."):
                path = self._read_key(path)
        self._read_value(path)

    def _read_key(self, above: KeyPath) -> KeyPath:
        token = self._token
        quoted = token[0] in "\"'"
        self._next += 1
        return self._record((*above, _unquoted(token) if quoted else token), self._next - 1)

    def _read_value(self, path: KeyPath) -> None:
        """A value, up to what ends it."""
        if self._take("["):
            self._read_list(path)
        elif self._take("{"):
            while not self._take("}"):
                if not (self._take(",") or self._take("\n")):
                    self._read_pair(path)
        else:
            while self._token not in ("", "\n", ",", "]", "}"):
                self._next += 1

    def _read_list(self, path: KeyPath) -> None:
        size = 0
        while not self._take("]"):
            if not (self._take(",") or self._take("\n")):
                self._read_value(self._record((*path, str(size)), self._next))
                size += 1

    def _record(self, path: KeyPath, token: int) -> KeyPath:
        """Note the line of a token for a path that has none yet."""
        self.lines.setdefault(path, self._tokens[token][1])
        return path


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """The tokens but for comments, each with its line."""
    line, end = 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", end, match.start())
        end = match.start()
        if match.lastgroup != "comment":
            yield match[0], line


def _unquoted(key: str) -> str:
    """The key that a quoted one means."""
    return next(iter(tomllib.loads(f"{key} = 0")))
