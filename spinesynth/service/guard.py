"""What stands before every route: who may ask, how much, and what every answer carries."""

from __future__ import annotations

import logging
import secrets
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spinesynth.service.access import bears_token, is_loopback
from spinesynth.service.problem import MEDIA_TYPE, ProblemError, refuse
from spinesynth.service.service import Service

_LOG = logging.getLogger("spinesynth.service.access")
#: Answered without a token: they tell nothing but whether the service works.
OPEN_PREFIX = "/v2/health/"
_UNKNOWN = "unknown"
#: Results are somebody's: they are stored nowhere, and nothing in them is run.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Let requests through to an application that may be asked.

    Args:
        app: the application.
        service: its token, limits and counters.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun_s, request_id, status = time.monotonic(), secrets.token_hex(8), 500

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers["X-Request-ID"] = request_id
            await send(message)

        try:
            self._check(scope)
        except ProblemError as error:
            await answer(error)(scope, receive, send_marked)
        else:
            await self.app(scope, receive, send_marked)
        finally:
            taken_ms = 1000 * (time.monotonic() - begun_s)
            method, route = _named(scope)
            self._service.metrics.requests.labels(method, route, str(status)).inc()
            _LOG.info("%s %s %s %d %.0f ms", request_id, method, route, status, taken_ms)

    def _check(self, scope: Scope) -> None:
        """Refuse what must not reach a route."""
        headers, token = Headers(scope=scope), self._service.token
        if token is None:
            _refuse_other_pages(headers)
        elif not scope["path"].startswith(OPEN_PREFIX) and not bears_token(
            headers.get("authorization", ""), token
        ):
            raise refuse(
                "E-SERVE-001", "the header must be 'Authorization: Bearer TOKEN'",
                headers={"WWW-Authenticate": "Bearer"},
            )  # fmt: skip
        limit = self._service.limits.upload_bytes
        length = headers.get("content-length", "0")
        # the framework would say so too, as plain text, and later
        if length.isdecimal() and int(length) > limit:
            raise too_large(limit)


def too_large(limit: int) -> ProblemError:
    """Return what is answered to a body beyond a number of bytes."""
    return refuse(
        "E-SERVE-004", f"the body must have at most {limit} bytes; crop or compress the scan",
        headers={"Connection": "close"},
    )  # fmt: skip


def answer(error: ProblemError) -> JSONResponse:
    """Return the answer that tells of a problem."""
    return JSONResponse(
        error.problem.content(), error.problem.status, error.headers, media_type=MEDIA_TYPE
    )


def _refuse_other_pages(headers: Headers) -> None:
    """Refuse what a page in a browser on this machine could send without being asked.

    A form of any page may be sent to 127.0.0.1, and a name of any page may be made to lead there.
    """
    host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    origin = headers.get("origin")
    if not is_loopback(host) or (origin is not None and urlsplit(origin).hostname != host):
        raise refuse(
            "E-SERVE-013",
            "without a token only this machine may ask, by its own name and from no web page",
        )


def _named(scope: Scope) -> tuple[str, str]:
    """Return method and route for counters and log: never an id or a client's own words."""
    route = getattr(scope.get("route"), "path", _UNKNOWN)
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return (scope["method"] if scope["method"] in known else _UNKNOWN), route
