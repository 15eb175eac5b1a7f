"""Receive one file of a form into a folder, under a name of the server's own."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from spinesynth.service.job import SUFFIXES
from spinesynth.service.limits import Limits
from spinesynth.service.problem import refuse

FIELD = "file"
_FORM = "multipart/form-data"
_MOST_FIELDS = 10
#: Bytes of a field that is no file: none is known, so that none needs more.
_FIELD_BYTES = 1024


async def receive_file(request: Request, place: Path, limits: Limits) -> str:
    """Write the file of a form into a folder.

    Args:
        request: whose body is a form with one file in the field ``file``.
        place: folder that is there.
        limits: its time and size.

    Returns:
        The file's suffix; it is ``place / f"input{suffix}"``.

    Raises:
        ProblemError: if the form is not as it must be, or does not come in within its time.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise refuse("E-SERVE-005", f"the body must be {_FORM}, got {kind[:80] or 'no type'!r}")
    try:
        async with asyncio.timeout(limits.receive_s):
            form = await request.form(
                max_files=1, max_fields=_MOST_FIELDS, max_part_size=_FIELD_BYTES
            )
    except TimeoutError:
        raise refuse(
            "E-SERVE-003", f"the request must come in within {limits.receive_s:g} s",
            headers={"Connection": "close"},
        ) from None  # fmt: skip
    except ClientDisconnect:
        raise refuse("E-SERVE-003", "the client went away") from None
    except HTTPException as error:
        if error.status_code != 400:  # 413: too large
            raise
        raise refuse("E-SERVE-006", f"the form cannot be used: {error.detail}") from None
    try:
        upload = _only_file(form)
        suffix = _suffix_of(upload)
        await run_in_threadpool(_copy, upload.file, place / f"input{suffix}")
    finally:
        await form.close()
    return suffix


def _only_file(form: FormData) -> UploadFile:
    """Return the one file of a form that holds nothing else."""
    upload = form.get(FIELD)
    if not isinstance(upload, UploadFile):
        raise refuse("E-SERVE-006", f"the form must hold a file in the field '{FIELD}'")
    if len(form.multi_items()) > 1:
        raise refuse(
            "E-SERVE-006",
            f"the form must hold the field '{FIELD}' alone: weights, device and scheme are the "
            f"server's; got {len(form.multi_items())} fields",
        )
    return upload


def _suffix_of(upload: UploadFile) -> str:
    """Return which of the known suffixes a file's name has; nothing else of it is kept."""
    name = (upload.filename or "").lower()
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return suffix
    raise refuse("E-SERVE-005", f"the name of the file must end in {', '.join(SUFFIXES)}")


def _copy(source: BinaryIO, path: Path) -> None:
    """Write a file so that it outlasts a loss of power."""
    source.seek(0)
    with path.open("xb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())
