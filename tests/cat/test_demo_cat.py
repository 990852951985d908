"""The demo cat: one process, a cat under every slug."""

import httpx

from cathouse.local.demo_cat import make_demo_cat
from tests.cat.envelopes import OTHER_SECRET, SECRET, signed
from tests.fixtures.serving import serve


async def test_each_slug_has_its_own_secret_and_new_ones_are_answered_at_once() -> None:
    secrets = {"misty": SECRET}
    async with serve(make_demo_cat(secrets)) as url, httpx.AsyncClient(trust_env=False) as http:

        async def status(slug: str, secret: str) -> int:
            headers, body = signed("ping", secrets=[secret])
            return (await http.post(f"{url}/{slug}", content=body, headers=headers)).status_code

        assert (await status("misty", SECRET), await status("misty", OTHER_SECRET)) == (200, 400)
        assert await status("smoky", OTHER_SECRET) == 404
        secrets["smoky"] = OTHER_SECRET
        assert await status("smoky", OTHER_SECRET) == 200
        secrets["misty"] = OTHER_SECRET
        assert (await status("misty", SECRET), await status("misty", OTHER_SECRET)) == (400, 200)
        assert (await http.get(url)).json() == {"cats": ["misty", "smoky"]}
