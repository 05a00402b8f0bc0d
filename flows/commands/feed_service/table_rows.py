"""A table's rows at an address of their own, with a parameter for each column that tells them apart."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field, create_model
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from flows.commands.feed_service.answers import AWAY, CSV, JSON, KNOWN, NO_RELEASE, Documented, answer
from flows.commands.feed_service.problem_details import documented
from flows.commands.feed_service.published_releases import LATEST, Name, PublishedReleases
from tasks.publishing.published_rows import published_rows
from tasks.release import Kind, Table

_MOST_ROWS, _ROWS = 1_000, 100
_MOST_OFFSET = 1_000_000_000
_TYPES: Mapping[Kind, dict[str, Any]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
}


class Paging(BaseModel):
    """What every table is asked with; each has its own columns beside it."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=_ROWS, ge=1, le=_MOST_ROWS, description="most rows of a page")
    offset: int = Field(default=0, ge=0, le=_MOST_OFFSET, description="rows to pass over")
    format: Literal["json", "csv"] = Field(default="json", description="of the answer")


def add_rows(app: FastAPI, there: PublishedReleases, table: Table) -> None:
    """The address of a table's rows, with a parameter for each column of its key but the release."""
    columns = {column.name: column for column in table.columns}
    by = [name for name in table.key if name != "release"]
    own: dict[str, Any] = {
        name: (Annotated[str, Field(description=columns[name].description)], None) for name in by
    }
    asked_of = create_model(f"rows_of_{table.name}", __base__=Paging, **own)

    def rows(request: Request, release: str, asked: Any) -> Response:
        _require_once(request)
        found = there.release(release)
        where = {name: value for name in by if (value := getattr(asked, name)) is not None}
        file = there.file(found, f"{table.name}.parquet")
        try:
            page = published_rows(file, where, asked.limit, asked.offset)
        except KeyError:
            raise HTTPException(422, "this release's table has no such column") from None
        after = asked.offset + asked.limit
        query = where | {"limit": asked.limit} | ({"format": "csv"} if asked.format == "csv" else {})
        here = f"{found.href}/tables/{table.name}"
        more = f"{here}?{urlencode(query | {'offset': after})}" if after < page.total else None
        links = {} if more is None else {"Link": f'<{more}>; rel="next"'}
        if asked.format == "csv":
            content, type_ = page.as_csv(), CSV
        else:
            head = {"release": found.name, "table": table.name, "total": page.total}
            head |= {"limit": asked.limit, "offset": asked.offset, "next": more}
            content, type_ = _page(head, page.as_json()), JSON
        changed = found.changed if release == LATEST else file.stat().st_mtime
        itself = f"{here}?{urlencode(query | {'offset': asked.offset})}"
        return answer(request, content, type_, changed, itself, links)

    rows.__doc__ = f"A row is {table.row}."
    # made here, since each table has parameters of its own
    rows.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)
            for name, kind in (
                ("request", Request),
                ("release", Name),
                ("asked", Annotated[asked_of, Query()]),
            )
        ]
    )
    content = {JSON: {"schema": _rows_schema(table)}, "text/csv": {"schema": {"type": "string"}}}
    link = {"Link": {"description": "the next page, rel=next (RFC 8288)", "schema": {"type": "string"}}}
    said: Documented = {
        200: {"description": "a page of rows, in the table's order", "content": content, "headers": link}
    }
    wrong = documented(s422="a parameter is none of this table's, or its value cannot be used")
    app.add_api_route(
        f"/releases/{{release}}/tables/{table.name}",
        rows,
        response_model=None,
        responses=said | KNOWN | NO_RELEASE | wrong | AWAY,
        operation_id=f"rows_of_{table.name}",
        summary=f"Rows of {table.name}",
    )


def _rows_schema(table: Table) -> dict[str, Any]:
    """What a page of a table is, for the OpenAPI document; an earlier version's release may lack columns."""
    columns = {
        column.name: {"description": column.description}
        | (_TYPES[column.kind] if column.required else {"anyOf": [_TYPES[column.kind], {"type": "null"}]})
        for column in table.columns
    }
    whole, text = {"type": "integer", "minimum": 0}, {"type": "string"}
    properties = {
        "release": text | {"description": "the name of the release, also where it was asked for as latest"},
        "table": text,
        "total": whole | {"description": "rows that agree, on all pages"},
        "limit": whole,
        "offset": whole,
        "next": {"anyOf": [text, {"type": "null"}], "description": "address of the next page; null: none"},
        "rows": {"type": "array", "items": {"type": "object", "properties": columns}},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _page(head: Mapping[str, Any], rows: Sequence[str]) -> bytes:
    """A page of rows, each on a line of its own, as in the table's file."""
    start = json.dumps(head, ensure_ascii=False, separators=(",", ":"))[:-1]
    lines = ",\n".join(rows)
    return f'{start},"rows":[\n{lines}\n]}}\n'.encode()


def _require_once(request: Request) -> None:
    """Refuse a parameter that is given twice: only one of them would count."""
    names = [name for name, _ in request.query_params.multi_items()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise HTTPException(422, f"given more than once: {', '.join(twice)}; ask once for each value")
