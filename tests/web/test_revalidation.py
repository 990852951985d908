"""What ``If-None-Match`` may look like, RFC 9110 sections 8.8.3 and 13.1.2."""

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import StreamingResponse

from cathouse.web import revalidated
from cathouse.web.contract.revalidation import RevalidationMiddleware, holds

TAG = '"0f1e2d"'

tags = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"', exclude_categories=["Cc"]), max_size=8
).map(lambda text: f'"{text}"')
elements = st.tuples(st.sampled_from(["", "W/"]), tags | st.just(TAG)).map("".join)
separators = st.sampled_from([",", ", ", " ,\t", ",,", ", ,"])


@given(st.lists(elements, min_size=1), separators, st.sampled_from(["", " ", ", "]))
def test_a_list_holds_what_is_in_it_weak_or_strong(listed: list[str], separator: str, around: str) -> None:
    header = around + separator.join(listed) + around
    assert holds(header, TAG) == (TAG in {each.removeprefix("W/") for each in listed})


@given(
    st.text(st.characters(max_codepoint=0xFF)) | st.lists(st.sampled_from([TAG, '"', ",", "W/", " ", "x"])).map("".join)
)
def test_whatever_is_sent_is_understood_or_ignored(header: str) -> None:
    if holds(header, TAG):
        assert TAG in header or header.strip(" \t") == "*"


@pytest.mark.parametrize("anything", ["*", " *", "*\t"])
def test_a_star_stands_for_any(anything: str) -> None:
    assert holds(anything, TAG)


@pytest.mark.parametrize(
    "malformed",
    ["", "0f1e2d", "'0f1e2d'", '"0f1e2d', 'w/"0f1e2d"', f"{TAG} {TAG}", f"*, {TAG}", f"x{TAG}", f'"a"b{TAG}'],
)
def test_what_is_no_list_holds_nothing(malformed: str) -> None:
    assert not holds(malformed, TAG)


def test_a_comma_may_stand_in_a_tag() -> None:
    assert holds('"a,b", "c"', '"a,b"')
    assert not holds(f'"a,{TAG[1:-1]},b"', TAG)


async def test_a_stream_passes_as_it_comes() -> None:
    app = FastAPI()
    app.add_middleware(RevalidationMiddleware)

    @app.get("/")
    @revalidated
    async def stream() -> StreamingResponse:
        return StreamingResponse(iter(["miaow ", "miaow"]))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://cats.example.com") as http:
        answer = await http.get("/", headers={"If-None-Match": "*"})
    assert (answer.status_code, answer.text) == (200, "miaow miaow")
    assert "etag" not in answer.headers
