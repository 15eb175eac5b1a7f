"""HTTP/1.1 as uvicorn speaks it, with an end to waiting for a request's head.

uvicorn waits without end for the head of a first request: a few idle connections would use up
all that the service allows.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Seconds for the head of a request; nominal, a browser needs far less.
HEAD_S = 10.0


class DeadlineProtocol(H11Protocol):
    """Close connections whose next request's head does not come in within ``HEAD_S``."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEAD_S, self._close_if_waiting)

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for the rest of a head that is not whole."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._cancel()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_S, self._close_if_waiting)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline with the connection."""
        self._cancel()
        super().connection_lost(exc)

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close_if_waiting(self) -> None:
        self._deadline = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()
