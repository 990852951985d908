"""All SQL about what search reads: documents, their words, popularity, tiers, what facets count."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import CTE, ColumnElement, ScalarSelect, Update, case, delete, func, select, true, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.search_index.spelling import is_kept, keys_of
from cathouse.schema import (
    DEVELOPER_GONE,
    LOWEST_TIER,
    TIER_ENDS,
    Cat,
    CatSearch,
    Installation,
    InstallationStatus,
    Permission,
    Release,
    ReleasePermission,
    SearchWord,
    User,
    search_document,
    words_of,
)

OVERLAP = dt.timedelta(minutes=5)
"""A change bears the time at which its transaction began, and is seen when that has ended: at most so much later."""

PORTION = 2_000
"""Rows of one transaction that are moved between tiers, or noted."""


async def refresh(session: AsyncSession, cat_id: uuid.UUID) -> None:
    """Write what search reads of a cat, in the transaction that changed it or has locked it.

    An erased developer's name is left out: auth-service may not have anonymised it yet.
    """
    developer = case((Cat.suspension_reason.is_distinct_from(DEVELOPER_GONE), User.display_name), else_="")
    # Locked: a revision that voids documents at this moment locks no cat, and what it leaves is what was before.
    known = select(CatSearch.cat_id, CatSearch.words).where(CatSearch.cat_id == cat_id).with_for_update().cte("known")
    query = (
        select(
            Cat.name,
            Cat.description,
            Cat.tags,
            permission_types().label("permission_types"),
            developer.label("developer"),
            known.c.words,
        )
        .join(User, User.id == Cat.developer_id)
        .outerjoin(known, known.c.cat_id == Cat.id)
        .where(Cat.id == cat_id)
    )
    cat = (await session.execute(query)).one()
    words = sorted({word for text in (cat.name, cat.description, *cat.tags, cat.developer) for word in words_of(text)})
    document = search_document(name=cat.name, tags=cat.tags, description=cat.description, developer=cat.developer)
    values = {
        "document": document,
        "words": words,
        "tags": cat.tags,
        "permission_types": cat.permission_types,
        "documented_at": func.now(),
    }
    statement = upsert(CatSearch).values(cat_id=cat_id, **values)
    # What another text means has to be found out anew.
    is_same = CatSearch.document == statement.excluded.document
    kept = {name: case((is_same, CatSearch.__table__.c[name])) for name in ("embedding", "embedding_model")}
    await session.execute(statement.on_conflict_do_update(index_elements=[CatSearch.cat_id], set_={**values, **kept}))
    await _count(session, before=cat.words or (), after=words)


async def forget(session: AsyncSession, cat_id: uuid.UUID) -> None:
    """Remove what search knows of a cat that is about to be removed."""
    words = await session.scalar(delete(CatSearch).where(CatSearch.cat_id == cat_id).returning(CatSearch.words))
    await _count(session, before=words or (), after=())


async def _count(session: AsyncSession, *, before: Sequence[str], after: Sequence[str]) -> None:
    """Keep the vocabulary: every word with the number of cats that have it, and no word that none has.

    Always in the order of the words, so that two who write at once wait for one another, never each for the other.
    """
    gained, lost = set(after) - set(before), set(before) - set(after)
    changed = sorted(word for word in gained | lost if is_kept(word))
    if not changed:
        return
    await session.execute(
        select(SearchWord.word).where(SearchWord.word.in_(changed)).order_by(SearchWord.word).with_for_update()
    )
    more = upsert(SearchWord)
    more = more.on_conflict_do_update(index_elements=[SearchWord.word], set_={"cats": SearchWord.cats + 1})
    if rows := [{"word": word, "cats": 1, "keys": keys_of(word)} for word in changed if word in gained]:
        await session.execute(more, rows)
    if fewer := [word for word in changed if word in lost]:
        last = delete(SearchWord).where(SearchWord.word.in_(fewer), SearchWord.cats == 1)
        await session.execute(last.execution_options(synchronize_session=False))
        less = update(SearchWord).where(SearchWord.word.in_(fewer)).values(cats=SearchWord.cats - 1)
        await session.execute(less.execution_options(synchronize_session=False))


def permission_types() -> ScalarSelect[Sequence[str]]:
    """What a cat's present release asks for, of the ``Cat`` around it."""
    asked = (
        select(Permission.permission_type)
        .join(ReleasePermission, ReleasePermission.permission_id == Permission.id)
        .join(Release, Release.id == ReleasePermission.release_id)
        .where(Release.cat_id == Cat.id, Release.version == Cat.version)
    )
    return select(func.array(asked.correlate(Cat).scalar_subquery())).scalar_subquery()


async def count_installations(session: AsyncSession, *, since: dt.datetime | None) -> dt.datetime:
    """Count the living installations of the cats that have had changes after ``since``; None: of all.

    Returns the time at which that was. Another process that counts at the moment is left to it.
    """
    now: dt.datetime = (await session.execute(select(func.now()))).scalar_one()
    if not await _is_alone(session):
        return now
    changed = select(Installation.cat_id).distinct()
    if since is not None:
        changed = changed.where(Installation.updated_at > since)
    is_living = Installation.status != InstallationStatus.UNINSTALLED
    counted = (
        select(Installation.cat_id, func.count().filter(is_living).label("living"))
        .where(Installation.cat_id.in_(changed) if since is not None else true())
        .group_by(Installation.cat_id)
        .subquery()
    )
    await session.execute(
        update(CatSearch)
        .where(CatSearch.cat_id == counted.c.cat_id, CatSearch.popularity != counted.c.living)
        .values(popularity=counted.c.living)
        .execution_options(synchronize_session=False)
    )
    return now


async def move_tiers(session: AsyncSession) -> int:
    """Move a portion of the published cats into the tiers that their popularity puts them in; return how many.

    Another process that does so at the moment is left to it, and a cat that somebody changes is left for later.
    """
    if not await _is_alone(session):
        return 0
    place = func.row_number().over(order_by=(CatSearch.popularity.desc(), CatSearch.cat_id.desc()))
    placed = (
        select(CatSearch.cat_id, CatSearch.tier, place.label("place")).where(CatSearch.tier.is_not(None)).subquery()
    )
    tier = case(*((placed.c.place <= end, number) for number, end in enumerate(TIER_ENDS)), else_=LOWEST_TIER)
    misplaced = select(placed.c.cat_id, tier.label("tier")).where(placed.c.tier != tier).cte("misplaced")
    free = _free(CatSearch.cat_id.in_(select(misplaced.c.cat_id)), CatSearch.tier.is_not(None))
    moved = update(CatSearch).where(CatSearch.cat_id == free.c.cat_id, CatSearch.cat_id == misplaced.c.cat_id)
    return await _changed(session, moved.values(tier=misplaced.c.tier))


async def note_facets(session: AsyncSession) -> int:
    """Note a portion of the tags and permissions that were never noted; return how many cats' they were."""
    free = _free(CatSearch.permission_types.is_(None))
    noted = update(CatSearch).where(CatSearch.cat_id == free.c.cat_id, Cat.id == free.c.cat_id)
    return await _changed(session, noted.values(tags=Cat.tags, permission_types=permission_types()))


def _free(*conditions: ColumnElement[bool]) -> CTE:
    """A portion of the cats that meet ``conditions`` and that nobody is busy with, locked until the transaction ends.

    Not ``change_portion``, which waits for the others: whoever changes a cat is not to be waited for here.
    """
    free = select(CatSearch.cat_id).where(*conditions).limit(PORTION)
    return free.with_for_update(skip_locked=True).cte("free")


async def _changed(session: AsyncSession, change: Update) -> int:
    changed = await session.execute(
        change.returning(CatSearch.cat_id), execution_options={"synchronize_session": False}
    )
    return len(changed.all())


async def _is_alone(session: AsyncSession) -> bool:
    lock: ColumnElement[bool] = func.pg_try_advisory_xact_lock(func.hashtext("cathouse.search.popularity"))
    return bool(await session.scalar(select(lock)))


async def list_stale(
    session: AsyncSession, *, since: dt.datetime | None, after: uuid.UUID | None, limit: int
) -> Sequence[uuid.UUID]:
    """Cats behind ``after`` whose developer has changed after ``since``, or whose document is to be made anew.

    With None as ``since``: whose developer has changed after their document was made.
    """
    unmade = select(CatSearch.cat_id).where(CatSearch.documented_at.is_(None))
    renamed = select(CatSearch.cat_id).join(Cat, Cat.id == CatSearch.cat_id).join(User, User.id == Cat.developer_id)
    changed = User.updated_at > (CatSearch.documented_at - OVERLAP if since is None else since)
    stale = unmade.union(renamed.where(changed)).subquery()
    query = select(stale.c.cat_id).order_by(stale.c.cat_id).limit(limit)
    if after is not None:
        query = query.where(stale.c.cat_id > after)
    return (await session.scalars(query)).all()


async def lock_cats(session: AsyncSession, cat_ids: Sequence[uuid.UUID]) -> Sequence[uuid.UUID]:
    """Keep their developers from changing them meanwhile, and return those that are still there.

    A statement of its own: what is read after it is what their last change has left.
    """
    query = select(Cat.id).where(Cat.id.in_(cat_ids)).order_by(Cat.id).with_for_update(key_share=True)
    return (await session.scalars(query)).all()
