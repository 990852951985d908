"""A text of SQL is taken apart where psql would."""

import pytest

from cathouse.upkeep.inspection.splitting import first_words, split_statements


@pytest.mark.parametrize(
    ("source", "statements"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        (" ;; -- nothing; here\n /* nor; here */ ;", []),
        ("SELECT ';', 'it''s; fine'; SELECT 2", ["SELECT ';', 'it''s; fine'", "SELECT 2"]),
        (r"SELECT E'a\';b'; SELECT 2", [r"SELECT E'a\';b'", "SELECT 2"]),
        (r"SELECT 'a\'; SELECT 2", [r"SELECT 'a\'", "SELECT 2"]),
        ('SELECT ";"; SELECT 2', ['SELECT ";"', "SELECT 2"]),
        ("DO $$ BEGIN; END $$; SELECT 2", ["DO $$ BEGIN; END $$", "SELECT 2"]),
        ("DO $a$ $$;$$ $a$; SELECT 2", ["DO $a$ $$;$$ $a$", "SELECT 2"]),
        ("SELECT $1; SELECT $2", ["SELECT $1", "SELECT $2"]),
        ("SELECT 1 /* a /* b; */ c; */; SELECT 2", ["SELECT 1 /* a /* b; */ c; */", "SELECT 2"]),
        ("SELECT 1 -- a; b\n; SELECT 2", ["SELECT 1 -- a; b", "SELECT 2"]),
        ("SELECT 'open; SELECT 2", ["SELECT 'open; SELECT 2"]),
    ],
)
def test_statements_end_at_semicolons_that_are_not_quoted(source: str, statements: list[str]) -> None:
    assert split_statements(source) == statements


def test_a_comment_hides_no_first_word() -> None:
    assert first_words("/* harmless */ -- really\n commit and chain", 2) == ("COMMIT", "AND")
    assert first_words("-- COMMIT\nSELECT 1", 1) == ("SELECT",)
