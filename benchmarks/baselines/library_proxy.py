"""A POST passed through by the library that there is for it: fastapi-proxy-lib, as its documentation shows it."""

import os

from fastapi_proxy_lib.fastapi.app import reverse_http_app

from benchmarks.baselines.serving import serve

if __name__ == "__main__":
    serve(reverse_http_app(base_url=f"{os.environ['CAT_URL']}/"))
