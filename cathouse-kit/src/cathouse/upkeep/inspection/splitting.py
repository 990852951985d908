"""Taking a text of several SQL statements apart, as psql does: at semicolons that are not quoted."""

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
      (?P<comment> --[^\n]* )
    | (?P<nested>  /\* )
    | (?P<dollar>  (?<![\w$]) (?P<tag> \$ (?:[^\W\d]\w*)? \$ ) .*? (?: (?P=tag) | \Z ) )
    | (?P<escape>  (?<!\w) [eE] ' (?: [^'\\] | '' | \\. )* (?: ' | \Z ) )
    | (?P<string>  ' (?: [^'] | '' )* (?: ' | \Z ) )
    | (?P<name>    " (?: [^"] | "" )* (?: " | \Z ) )
    | (?P<end>     ; )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")
_WORDS = re.compile(r"[A-Za-z_]+")


def split_statements(source: str) -> list[str]:
    """The statements of ``source`` in their order, without their semicolons; comments alone are no statement.

    The body of a function in the SQL standard's form (BEGIN ATOMIC … END) is not known here: quote it with ``$$``.
    """
    statements: list[str] = []
    start = 0
    for kind, begin, end in _tokens(source):
        if kind == "end":
            statements.append(source[start:begin])
            start = end
    statements.append(source[start:])
    return [statement.strip() for statement in statements if without_comments(statement)]


def without_comments(statement: str) -> str:
    """The statement with each comment replaced by a space."""
    kept: list[str] = []
    start = 0
    for kind, begin, end in _tokens(statement):
        if kind in ("comment", "nested"):
            kept.append(statement[start:begin])
            start = end
    kept.append(statement[start:])
    return " ".join(kept).strip()


def first_words(statement: str, count: int) -> tuple[str, ...]:
    """The statement's first words in upper case: what kind of statement it is."""
    return tuple(word.upper() for word in _WORDS.findall(without_comments(statement))[:count])


def _tokens(source: str) -> Iterator[tuple[str, int, int]]:
    """What is quoted, commented or a semicolon: its kind, where it begins, and where it ends."""
    position = 0
    while found := _TOKEN.search(source, position):
        kind = next(name for name, value in found.groupdict().items() if value is not None and name != "tag")
        position = _end_of_comment(source, found.end()) if kind == "nested" else found.end()
        yield kind, found.start(), position


def _end_of_comment(source: str, start: int) -> int:
    """Where the comment ends that was opened just before ``start``; Postgres's comments nest."""
    depth, position = 1, start
    while depth and (mark := _COMMENT_MARK.search(source, position)):
        depth += 1 if mark.group() == "/*" else -1
        position = mark.end()
    return len(source) if depth else position
