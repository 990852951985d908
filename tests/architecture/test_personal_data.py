"""What belongs to a person can be taken along: every table that leads to one is in the export, or said not to be."""

import uuid

from sqlalchemy import Table

from auth_service.exports.repository import sections
from cathouse.schema.ownership import tables

NOT_EXPORTED = {
    "cat_search": "made of cats, which are",
    "erasures": "there is one only when the person is gone",
    "lifecycle_events": "what cats were told; what happened is in installations, grants and the audit",
    "mails": "sealed, and in the person's own mailbox",
    "moderation_entries": "public: GET /api/v1/moderation-log",
    "one_time_tokens": "hashes",
    "release_permissions": "the permissions are",
    "second_factors": "secrets and hashes",
    "users": "the account, at the head of the export",
}
"""Why not, by table."""


def lead_to_people() -> set[str]:
    """The tables from which foreign keys lead to ``users``, over whatever others."""
    found = {"users"}
    for table in tables():  # parents before children
        if parents(table) & found:
            found.add(table.name)
    return found


def parents(table: Table) -> set[str]:
    return {key.column.table.name for key in table.foreign_keys}


def test_what_leads_to_a_person_is_exported_or_said_not_to_be() -> None:
    exported = {
        each.name
        for section in sections(uuid.uuid4())
        for each in section.query.get_final_froms()
        if isinstance(each, Table)
    }
    undecided = lead_to_people() - exported - NOT_EXPORTED.keys()
    assert not undecided, (
        "take them into auth_service.exports, or say why not; and what becomes of their rows when the person is erased:"
        " the owner's erasures, with rows in tests/fixtures/furnished.py for tests/flows/test_leaving.py to look for"
    )
    assert not NOT_EXPORTED.keys() & exported
    assert lead_to_people() >= NOT_EXPORTED.keys()
