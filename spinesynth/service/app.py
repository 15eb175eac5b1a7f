"""The ASGI application around a service."""

from __future__ import annotations

import http
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from spinesynth import __version__
from spinesynth.service import health_routes, job_routes
from spinesynth.service.answers import ProblemAnswer
from spinesynth.service.guard import OPEN_PREFIX, Guard, answer, too_large
from spinesynth.service.problem import HTTP_CODE, Problem, ProblemError, refuse
from spinesynth.service.service import Service

_ABOUT = (
    "Segments MRI of the lumbar spine. Not for diagnosis. Every error is "
    "`application/problem+json` with a stable `code` (RFC 9457)."
)
_REF = "#/components/schemas/{model}"
_TOO_LARGE = 413


def create_app(service: Service) -> Guard:
    """Return the application that answers for a service, which others start and close.

    Args:
        service: what it answers for.
    """
    return Guard(create_routes(service), service)


def create_routes(service: Service) -> FastAPI:
    """Return the routes alone, with all that describes them.

    Args:
        service: what they answer for.
    """
    app = FastAPI(
        title="SpineSynth",
        version=__version__,
        description=_ABOUT,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        max_body_size=service.limits.upload_bytes,
    )
    app.state.service = service
    app.include_router(job_routes.router)
    app.include_router(health_routes.router)

    @app.exception_handler(ProblemError)
    async def tell(request: Request, error: ProblemError) -> JSONResponse:
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def tell_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        said = "; ".join(
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
        )
        return answer(refuse("E-SERVE-006", said))

    @app.exception_handler(HTTPException)
    async def tell_plain(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == _TOO_LARGE:
            return answer(too_large(service.limits.upload_bytes))
        detail = f"{http.HTTPStatus(error.status_code).phrase}; /openapi.json lists the routes"
        problem = Problem(error.status_code, HTTP_CODE, detail)
        return answer(ProblemError(problem, headers=error.headers))

    @app.exception_handler(Exception)
    async def tell_defect(request: Request, error: Exception) -> JSONResponse:
        return answer(refuse("E-SERVE-015", "a defect of the server; see its log"))

    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]  # as FastAPI's manual says
    return app


def _describe(app: FastAPI) -> dict[str, Any]:
    """Return the description of all routes, with problems and the token."""
    if app.openapi_schema:
        return app.openapi_schema
    said = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    parts = said.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    schemas["ProblemAnswer"] = ProblemAnswer.model_json_schema(ref_template=_REF)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    parts["securitySchemes"] = {
        "token": {
            "type": "http", "scheme": "bearer",
            "description": "Where the server has one; without, only this machine may ask.",
        }
    }  # fmt: skip
    for path, methods in said["paths"].items():
        for operation in methods.values():
            for status, response in list(operation["responses"].items()):
                if "HTTPValidationError" in str(response):  # these are told as problems
                    del operation["responses"][status]
            operation["security"] = [{}] if path.startswith(OPEN_PREFIX) else [{"token": []}, {}]
    app.openapi_schema = said
    return said
