"""Routes that tell whether the service works, under the names of the Open Inference Protocol."""

from __future__ import annotations

from fastapi import APIRouter, Response

from spinesynth.service.answers import HealthAnswer, ModelAnswer, problems
from spinesynth.service.job_routes import TheService
from spinesynth.service.problem import refuse
from spinesynth.service.service_metrics import CONTENT_TYPE

router = APIRouter(tags=["health"])
_NOT_READY = "no worker has loaded its weights yet, or the service is stopping"


# `async` without a wait in it: answered by the event loop itself, however busy the threads are.
@router.get(
    "/v2/health/live",
    operation_id="isLive",
    summary="Tell that the process answers.",
    response_description="It does.",
    response_model_exclude_none=True,
    responses=problems(needs_token=False),
)
async def is_live() -> HealthAnswer:
    """Answer."""
    return HealthAnswer(live=True)


@router.get(
    "/v2/health/ready",
    operation_id="isReady",
    summary="Tell whether jobs are run.",
    response_description="They are.",
    response_model_exclude_none=True,
    responses=problems("E-SERVE-011", needs_token=False),
)
async def is_ready(service: TheService) -> HealthAnswer:
    """Answer once a worker has loaded its weights and segmented something."""
    if not service.runner.is_ready:
        raise refuse("E-SERVE-011", _NOT_READY, headers={"Retry-After": "1"})
    return HealthAnswer(ready=True)


@router.get(
    "/v2/models/{name}/ready",
    operation_id="isModelReady",
    summary="Tell whether a model is loaded.",
    response_description="It is.",
    responses=problems("E-SERVE-002", "E-SERVE-011"),
)
async def is_model_ready(name: str, service: TheService) -> ModelAnswer:
    """Answer for the one model that there is."""
    if name != service.model:
        raise refuse("E-SERVE-002", f"the one model here is {service.model!r}")
    if not service.runner.is_ready:
        raise refuse("E-SERVE-011", _NOT_READY, headers={"Retry-After": "1"})
    return ModelAnswer(name=name, ready=True)


@router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="Send counters for Prometheus.",
    response_class=Response,
    responses={
        200: {
            "description": "Requests, jobs, times, and how many jobs wait.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **problems(),
    },
)
def get_metrics(service: TheService) -> Response:
    """Send all counters as text."""
    return Response(service.metrics.text(), media_type=CONTENT_TYPE)
