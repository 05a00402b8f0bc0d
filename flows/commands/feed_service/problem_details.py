"""Errors of a service as RFC 9457 has them: a status, its words, and a sentence with the way out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.commands.serving import HEADERS

MEDIA_TYPE = "application/problem+json"
CANNOT_BE_READ = "what is published cannot be read just now; try again"


class ProblemDetails(BaseModel):
    """What went wrong with one request (RFC 9457)."""

    type: str = Field(default="about:blank", description="about:blank: the status says all there is")
    title: str = Field(description="the status in words")
    status: int = Field(description="the status of the answer")
    detail: str = Field(description="what went wrong this time, and what to do")


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """The answer that says it."""
    said = ProblemDetails(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return Response(
        said.model_dump_json(), status, headers=HEADERS | dict(headers or {}), media_type=MEDIA_TYPE
    )


def documented(**of: str) -> dict[int | str, dict[str, Any]]:
    """What an OpenAPI document says of problems: s404="there is no such release" → of 404."""
    content = {MEDIA_TYPE: {"schema": ProblemDetails.model_json_schema()}}
    return {int(status[1:]): {"description": said, "content": content} for status, said in of.items()}


def say_problems(app: FastAPI) -> None:
    """Let all of a service's errors be said so."""

    def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101  # what it is registered for
        detail = error.detail
        if detail == HTTPStatus(error.status_code).phrase:  # the framework's own
            detail = _OF_THE_FRAMEWORK.get(error.status_code, detail)
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = "GET, HEAD"
        return problem(error.status_code, detail, headers)

    def unreadable(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        said = [f"{'.'.join(map(str, each['loc'][1:]))}: {_in_words(each)}" for each in error.errors()]
        return problem(422, "; ".join(said))

    def unread(_: Request, error: Exception) -> Response:
        """A release that went while it was read, or a disk that fails."""
        return problem(503, CANNOT_BE_READ)

    def broken(_: Request, error: Exception) -> Response:
        return problem(500, f"a fault of the program ({type(error).__name__}); its log says where")

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, unreadable)
    app.add_exception_handler(OSError, unread)
    app.add_exception_handler(Exception, broken)


_OF_THE_FRAMEWORK = {
    404: "there is nothing at this address; /openapi.json says what there is",
    405: "this service is for reading: GET or HEAD",
}


def _in_words(error: dict[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such parameter here; /openapi.json says which there are"
    return str(error["msg"]).lower()


class ProblemsOfMiddleware:
    """Says in the same way what middleware refuses in plain text: a host, or another site's request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and the answer back."""
        refused: dict[str, Any] = {}

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_plain_error(message):
                refused.update(status=message["status"], text=b"")
            elif refused and message["type"] == "http.response.body":
                refused["text"] += message.get("body", b"")
                if not message.get("more_body", False):
                    await problem(refused["status"], refused["text"].decode())(scope, receive, send)
            else:
                await send(message)

        await self._app(scope, receive, sent if scope["type"] == "http" else send)


def _is_plain_error(message: Message) -> bool:
    types = [value for name, value in message.get("headers", ()) if name.lower() == b"content-type"]
    return message["status"] >= 400 and any(each.startswith(b"text/plain") for each in types)
