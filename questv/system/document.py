"""TOML text as plain values, with the place of every key and value.

``tomllib`` says what the text means; tree-sitter says where each part of it stands. A part is
addressed by its path, such as ``("sandbox", 0, "task", 1, "stack")``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import tree_sitter
import tree_sitter_toml

from questv.diagnostics import Diagnostic, DiagnosticsError, Place, source_line
from questv.system.model import TABLES

DocumentPath = tuple[str | int, ...]

DESCRIPTION_FILE = "system.toml"

_LANGUAGE = tree_sitter.Language(tree_sitter_toml.language())


@dataclass(frozen=True, eq=False)
class Document:
    """A TOML file that was read: ``values`` as ``tomllib`` gives them, and their places."""

    file: Path
    values: Mapping[str, object]
    _keys: Mapping[DocumentPath, Place] = field(repr=False)
    _values: Mapping[DocumentPath, Place] = field(repr=False)

    def key(self, *path: str | int) -> Place:
        """The place of the key at ``path``; of an array's element, the element or its header.

        For what is not written in the file, the place of the innermost part around it that is;
        at the last the file as a whole.
        """
        return self._nearest(self._keys, path)

    def value(self, *path: str | int) -> Place:
        """The place of the value at ``path``; for a table with a header, of the header's key.

        What is not written is treated as ``key`` does.
        """
        return self._nearest(self._values, path)

    def _nearest(self, places: Mapping[DocumentPath, Place], path: DocumentPath) -> Place:
        while path and path not in places:
            path = path[:-1]
            places = self._keys
        return places[path] if path else Place(self.file)


def read_document(path: Path) -> Document:
    """Read the TOML file at ``path``, or ``system.toml`` in the folder at ``path``.

    Raises DiagnosticsError if there is no such file or it can't be read as TOML.
    """
    if path.is_dir():
        file = path / DESCRIPTION_FILE
        missing = folder_without_description(path)
    else:
        file = path
        missing = file_missing(path)
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise DiagnosticsError([missing]) from None
    except OSError as error:
        raise DiagnosticsError([file_unreadable(file, error)]) from None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DiagnosticsError([file_not_utf8(file, error)]) from None
    if text.startswith("\ufeff"):
        raise DiagnosticsError([toml_byte_order_mark(file)])
    return _parse(file, text)


def _parse(file: Path, text: str) -> Document:
    try:
        index = _Index(file, text)
        values = tomllib.loads(text)
    except RecursionError as error:
        raise DiagnosticsError([toml_syntax(file, error)]) from None
    except ValueError as error:
        raise DiagnosticsError(index.duplicates or [toml_syntax(file, error)]) from None
    return Document(file, values, index.keys, index.values)


class _Index:
    """The places of all keys and values of one text, and the keys that it defines twice.

    ``keys`` and ``values`` map paths to places. For text that is not TOML ``duplicates`` is all
    that has a meaning, and is empty unless double keys are the only fault that can be seen here.
    """

    def __init__(self, file: Path, text: str) -> None:
        self.keys: dict[DocumentPath, Place] = {}
        self.values: dict[DocumentPath, Place] = {}
        self.duplicates: list[Diagnostic] = []
        self._file = file
        self._lines = [line.encode() for line in text.split("\n")]
        self._defined: dict[DocumentPath, Place] = {}
        self._twice: set[DocumentPath] = set()
        self._elements: dict[DocumentPath, int] = {}
        root = tree_sitter.Parser(_LANGUAGE).parse(text.encode()).root_node
        if not root.has_error:
            for node in root.named_children:
                self._statement(node)

    def _statement(self, node: tree_sitter.Node) -> None:
        if node.type == "pair":
            self._pair(node, ())
        elif node.type in ("table", "table_array_element"):
            header, *statements = [child for child in node.named_children if child.type != _COMMENT]
            path = self._table(header, is_element=node.type == "table_array_element")
            for statement in statements:
                self._pair(statement, path)

    def _table(self, header: tree_sitter.Node, *, is_element: bool) -> DocumentPath:
        """Note the table, or the array's next element, whose key is ``header``; its path."""
        path: DocumentPath = ()
        place = self._place(header)
        for name in _key_names(header)[:-1]:
            path = self._last_element((*path, name))
            self.keys.setdefault(path, place)
        path = (*path, _key_names(header)[-1])
        if is_element:
            if path in self._defined:  # as a single table
                self._define(path, place)
            self.keys.setdefault(path, place)
            self.values.setdefault(path, place)
            element = self._elements.get(path, -1) + 1
            self._elements[path] = element
            path = (*path, element)
        else:
            if path in self._elements:  # as one of several
                self._defined.setdefault(path, self.keys[path])
            self._define(path, place)
        self.keys[path] = self.values[path] = place
        return path

    def _last_element(self, path: DocumentPath) -> DocumentPath:
        return (*path, self._elements[path]) if path in self._elements else path

    def _pair(self, node: tree_sitter.Node, parent: DocumentPath) -> None:
        key, value = (child for child in node.named_children if child.type != _COMMENT)
        path = parent
        place = self._place(key)
        for name in _key_names(key):
            path = (*path, name)
            self.keys.setdefault(path, place)
        self._define(path, place)
        self._value(value, path)

    def _value(self, node: tree_sitter.Node, path: DocumentPath) -> None:
        self.values[path] = self._place(node)
        children = [child for child in node.named_children if child.type != _COMMENT]
        if node.type == "inline_table":
            for pair in children:
                self._pair(pair, path)
        elif node.type == "array":
            for index, element in enumerate(children):
                self.keys[(*path, index)] = self._place(element)
                self._value(element, (*path, index))

    def _define(self, path: DocumentPath, place: Place) -> None:
        first = self._defined.setdefault(path, place)
        if first is not place and not any(path[:n] in self._twice for n in range(len(path))):
            self._twice.add(path)
            self.duplicates.append(toml_duplicate_key(path, first, place))

    def _place(self, node: tree_sitter.Node) -> Place:
        start, end = node.start_point, node.end_point
        line = self._lines[start.row].rstrip(b"\r")
        stop = end.column if end.row == start.row else len(line)
        column = len(line[: start.column].decode()) + 1
        length = len(line[start.column : stop].decode())
        return Place(self._file, start.row + 1, column, length)


_COMMENT = "comment"


def _key_names(node: tree_sitter.Node) -> list[str]:
    """The names of a key: several if it is dotted."""
    names = []
    while node.type == "dotted_key":
        *_, rest, last = node.named_children
        names.append(_key_name(last))
        node = rest
    return [_key_name(node), *reversed(names)]


def _key_name(node: tree_sitter.Node) -> str:
    text = (node.text or b"").decode()
    if node.type == "bare_key":
        return text
    try:
        return next(iter(tomllib.loads(f"{text} = 0")))
    except tomllib.TOMLDecodeError:  # A bad escape: tomllib refuses the whole text for it.
        return text


def file_missing(file: Path) -> Diagnostic:
    """There is no such file or folder, so there is nothing to describe a system."""
    return Diagnostic(
        Place(file),
        "there is no such file or folder",
        f"give the path of a folder with a {DESCRIPTION_FILE}, or of such a file",
        "file-missing",
    )


def folder_without_description(folder: Path) -> Diagnostic:
    """A folder describes a system by the file system.toml in it; this one has none."""
    return Diagnostic(
        Place(folder),
        f"this folder has no file {DESCRIPTION_FILE}",
        f"give the path of a folder with a {DESCRIPTION_FILE}, or write one here",
        "folder-without-description",
    )


def file_unreadable(file: Path, error: OSError) -> Diagnostic:
    """The operating system does not let the file be read."""
    return Diagnostic(
        Place(file),
        f"this file can't be read: {error.strerror}",
        "make it a plain file that you may read",
        "file-unreadable",
    )


def file_not_utf8(file: Path, error: UnicodeDecodeError) -> Diagnostic:
    """TOML is UTF-8 by definition; other bytes have no meaning that can be relied on."""
    before: bytes = error.object[: error.start]
    line = before.count(b"\n") + 1
    return Diagnostic(
        Place(file),
        f"this file is not UTF-8: byte {error.object[error.start]:#04x} at line {line}",
        "save it as UTF-8",
        "file-not-utf8",
    )


def toml_byte_order_mark(file: Path) -> Diagnostic:
    """Some editors begin UTF-8 with a mark of three bytes, which in TOML is no key and no table."""
    return Diagnostic(
        Place(file),
        "this file begins with a byte order mark",
        "save it as UTF-8 without one",
        "toml-byte-order-mark",
    )


def toml_syntax(file: Path, error: Exception) -> Diagnostic:
    """A description is TOML; text that is not TOML says nothing."""
    if isinstance(error, RecursionError):
        message, place = "values are nested too deeply", Place(file)
    else:
        message, place = _tomllib_finding(file, str(error))
    fix = 'correct it: a line is key = value, [table] or [[table]], and text stands in "quotes"'
    if _is_in_open_braces(place):
        message = "a table in braces ends on another line"
        fix = "write { key = value, ... } on one line, or the keys below a [table] of their own"
    return Diagnostic(place, f"this is not TOML: {message}", fix, "toml-syntax")


def _is_in_open_braces(place: Place) -> bool:
    """Whether what stands before ``place``, its line's end at most, has a brace left open."""
    line = source_line(place.file, place.line) or ""
    before = _OUTSIDE.sub("", line)
    return before.count("{") > before.count("}") and place.column > len(line.rstrip())


_OUTSIDE = re.compile(r"#.*|\"(?:[^\"\\]|\\.)*\"|'[^']*'")  # what is no part of the structure


_POSITION = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


def _tomllib_finding(file: Path, text: str) -> tuple[str, Place]:
    match = _POSITION.fullmatch(text)
    if match is None:
        return text, Place(file)
    message = match[1][:1].lower() + match[1][1:]
    if match[2] is None:
        return f"{message} at the end of the file", Place(file)
    return message, Place(file, int(match[2]), int(match[3]))


def toml_duplicate_key(path: DocumentPath, first: Place, again: Place) -> Diagnostic:
    """A key has one value: of two, nobody can tell which one is meant."""
    header = f"[[{'.'.join(part for part in path if isinstance(part, str))}]]"
    fix = "keep one of the two"
    if any(table.header.partition(" ")[0] == header for table in TABLES.values()):
        fix = f"write {header} above each: tables of which there are several have double brackets"
    return Diagnostic(
        again,
        f'"{path[-1]}" is given twice: here and at line {first.line}',
        fix,
        "toml-duplicate-key",
    )


READING_RULES = (
    file_missing,
    folder_without_description,
    file_unreadable,
    file_not_utf8,
    toml_byte_order_mark,
    toml_syntax,
    toml_duplicate_key,
)
"""What a file must be to be read at all."""
