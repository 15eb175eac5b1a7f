"""A client that calls an application in this process."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from starlette.types import ASGIApp


class Client:
    """Send requests to an application, one at a time, as if from this machine.

    Args:
        app: the application.
        host: name that it is called by.
    """

    def __init__(self, app: ASGIApp, *, host: str = "127.0.0.1") -> None:
        self._app, self._base = app, f"http://{host}"

    def request(
        self,
        method: str,
        path: str,
        **options: Any,  # noqa: ANN401  # as httpx has them
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=self._base) as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())

    def get(self, path: str, *, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.request("GET", path, headers=headers)

    def delete(self, path: str) -> httpx.Response:
        return self.request("DELETE", path)
