"""Routes of jobs. None of them segments: they hand over, look up and send files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from spinesynth.service.answers import (
    SCAN_FORM,
    JobAnswer,
    file_answer,
    job_answer,
    problems,
)
from spinesynth.service.job import PREVIEW_FILE, RESULT_FILES, Job, new_job_id
from spinesynth.service.problem import Problem, ProblemError, refuse
from spinesynth.service.service import Service
from spinesynth.service.uploads import receive_file

router = APIRouter(tags=["segmentation"])
_UPLOAD = ("E-SERVE-003", "E-SERVE-004", "E-SERVE-005", "E-SERVE-006", "E-SERVE-007", "E-SERVE-011")
_RESULT = ("E-SERVE-002", "E-SERVE-006", "E-SERVE-008", "E-SERVE-009", "E-SERVE-010", "E-SERVE-014")
_MEDIA_TYPES = {
    "nifti": "application/gzip", "dicom_seg": "application/dicom", "json": "application/json",
}  # fmt: skip
_POLL_S = 1
_GONE = refuse("E-SERVE-002", "no such job: it never was, was deleted, or its time is over").problem


def the_service(request: Request) -> Service:
    """Return the service that an application stands for."""
    service: Service = request.app.state.service
    return service


def the_job(job_id: str, service: Annotated[Service, Depends(the_service)]) -> Job:
    """Return the job that a path names.

    Raises:
        ProblemError: if there is none.
    """
    job = service.store.get(job_id)
    if job is None:
        raise ProblemError(_GONE)
    return job


TheService = Annotated[Service, Depends(the_service)]
TheJob = Annotated[Job, Depends(the_job)]


@router.post(
    "/v1/jobs",
    status_code=202,
    operation_id="createJob",
    summary="Accept a scan, to be segmented when its turn comes.",
    response_description="Accepted: Location is the job, and it survives a restart if a folder "
    "for jobs was given.",
    responses={
        202: {
            "headers": {
                "Location": {"description": "Path of the job.", "schema": {"type": "string"}}
            }
        },
        **problems(*_UPLOAD),
    },
    openapi_extra=SCAN_FORM,
)
async def create_job(request: Request, response: Response, service: TheService) -> JobAnswer:
    """Receive one file and answer at once."""
    job = await _accept(request, service, new_job_id())
    told = job_answer(job)
    response.headers["Location"] = told.links.self
    return told


@router.get(
    "/v1/jobs/{job_id}",
    operation_id="getJob",
    summary="Tell how far a job is.",
    response_description="The job.",
    responses=problems("E-SERVE-002"),
)
def get_job(job: TheJob) -> JobAnswer:
    """Tell state, times, and the problem of a job that failed."""
    return job_answer(job)


@router.delete(
    "/v1/jobs/{job_id}",
    status_code=204,
    operation_id="deleteJob",
    summary="Forget a job and remove its files.",
    response_description="It is gone; a running one's files go when it ends.",
    responses=problems("E-SERVE-002"),
)
def delete_job(job: TheJob, service: TheService) -> Response:
    """Remove the job and whatever it has left."""
    service.store.remove(job.id)
    service.runner.forget(job.id, _GONE)
    return Response(status_code=204)


@router.get(
    "/v1/jobs/{job_id}/result",
    operation_id="getResult",
    summary="Send what a job has found.",
    response_class=FileResponse,
    responses={
        200: file_answer("The label map, or the report.", *_MEDIA_TYPES.values()),
        **problems(*_RESULT),
    },
)
def get_result(
    job: TheJob,
    service: TheService,
    kind: Annotated[
        Literal["nifti", "dicom_seg", "json"],
        Query(
            alias="format",
            description="nifti: label map on the scan's own grid. dicom_seg: DICOM segmentation, "
            "of DICOM scans. json: report with levels, volumes and warnings.",
        ),
    ] = "nifti",
) -> FileResponse:
    """Send the label map, the DICOM segmentation or the report."""
    name = RESULT_FILES[kind]
    file = _find(job, service, name)
    return FileResponse(file, media_type=_MEDIA_TYPES[kind], filename=f"{job.id}_{name}")


@router.get(
    "/v1/jobs/{job_id}/preview.png",
    operation_id="getPreview",
    summary="Send a picture of what a job has found.",
    response_class=FileResponse,
    responses={
        200: file_answer("Sagittal slices with outlines.", "image/png"),
        **problems(*_RESULT),
    },
)
def get_preview(job: TheJob, service: TheService) -> FileResponse:
    """Send the picture; it shows the scan."""
    return FileResponse(_find(job, service, PREVIEW_FILE), media_type="image/png")


@router.post(
    "/segment",
    operation_id="segment",
    summary="Segment a scan and wait for the label map.",
    response_class=FileResponse,
    responses={
        200: file_answer("The label map, NIfTI on the scan's own grid.", "application/gzip"),
        **problems(*_UPLOAD, "E-SERVE-002", "E-SERVE-009", "E-SERVE-010"),
    },
    openapi_extra=SCAN_FORM,
)
async def segment(request: Request, service: TheService) -> FileResponse:
    """Receive one file, wait for its turn, send the label map and keep nothing."""
    job_id = new_job_id()
    finished = service.runner.expect(job_id)
    try:
        await _accept(request, service, job_id)
        problem = await _wait(request, asyncio.wrap_future(finished))
        if problem is not None:
            raise ProblemError(problem)
        job = await run_in_threadpool(the_job, job_id, service)
        file = _find(job, service, RESULT_FILES["nifti"])
    except BaseException:
        service.runner.forget(job_id, _GONE)
        await run_in_threadpool(service.store.remove, job_id)
        raise
    return FileResponse(
        file,
        media_type=_MEDIA_TYPES["nifti"],
        filename=f"{job_id}_{file.name}",
        background=BackgroundTask(service.store.remove, job_id),
    )


async def _wait(request: Request, finished: asyncio.Future[Problem | None]) -> Problem | None:
    """Return the problem of a job that somebody waits for, None if it is done.

    Raises:
        ProblemError: if the client goes away.
    """
    while not finished.done():
        await asyncio.wait({finished}, timeout=_POLL_S)
        if not finished.done() and await request.is_disconnected():
            raise refuse("E-SERVE-003", "the client went away")
    return finished.result()


async def _accept(request: Request, service: Service, job_id: str) -> Job:
    """Receive a file and let it wait its turn, or leave nothing behind."""
    with service.place_in_queue():
        place = service.store.make_place(job_id)
        try:
            suffix = await receive_file(request, place, service.limits)
            job = await run_in_threadpool(service.store.add, job_id, suffix)
        except BaseException:
            service.store.discard(job_id)
            raise
    service.runner.wake()
    return job


def _find(job: Job, service: Service, name: str) -> Path:
    """Return a file of a job that is done.

    Raises:
        ProblemError: if it is not, has failed, or leaves no such file.
    """
    if job.problem is not None:
        raise ProblemError(job.problem)
    if job.state != "done":
        raise refuse(
            "E-SERVE-008", f"the job is {job.state}; ask again later",
            headers={"Retry-After": str(_POLL_S)},
        )  # fmt: skip
    file = service.store.place(job.id) / job.output_name / name
    if not file.is_file():
        raise refuse(
            "E-SERVE-014", f"this job leaves no {name}; DICOM segmentations come of DICOM alone"
        )
    return file
