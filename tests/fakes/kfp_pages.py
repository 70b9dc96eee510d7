"""Filter, order and pages of a list, as KFP's backend/src/apiserver/list and filter do it.

A page token names the row that the next page begins with, together with the filter and order that
it belongs to; the size of a page is 20 where none is asked for, and 200 at most.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

from tests.fakes.kfp_errors import invalid

Row = dict[str, Any]
_DEFAULT_SIZE, _MOST = 20, 200
_OPERATIONS = {1: "EQUALS", 2: "NOT_EQUALS", 8: "IN", 9: "IS_SUBSTRING"}


def page(rows: Iterable[Row], query: Mapping[str, str], key: str) -> tuple[list[Row], int, str]:
    """One page of the rows that a request asks for.

    Args:
        rows: All rows that the caller may see.
        query: The request's ``page_token``, ``page_size``, ``sort_by`` and ``filter``.
        key: The field with a row's id, by which equal rows are ordered.

    Returns:
        The rows, how many there are in all, and the token of the next page; empty: no more.
    """
    wanted = [row for row in rows if _passes(row, query.get("filter", ""))]
    field, _, direction = (query.get("sort_by") or "created_at asc").partition(" ")
    if direction not in ("", "asc", "desc"):
        raise invalid(f"Received request with sort_by {query['sort_by']!r}")
    wanted.sort(key=lambda row: (row.get(field, ""), row[key]), reverse=direction == "desc")
    start = _start(wanted, query, key)
    end = start + _size(query.get("page_size", ""))
    token = _token(wanted[end][key], query) if end < len(wanted) else ""
    return wanted[start:end], len(wanted), token


def _size(text: str) -> int:
    try:
        size = int(text or 0)
    except ValueError as error:
        raise invalid(f"parsing field page_size: {text!r}") from error
    if size < 0:
        raise invalid(f"The page size should be greater than 0. Got {size}")
    return min(size or _DEFAULT_SIZE, _MOST)


def _start(rows: list[Row], query: Mapping[str, str], key: str) -> int:
    text = query.get("page_token", "")
    if not text:
        return 0
    try:
        token = json.loads(base64.b64decode(text))
    except ValueError as error:
        raise invalid("Invalid package token") from error
    if token["of"] != _of(query):
        raise invalid("page token does not match the supplied sort by and/or filtering criteria")
    # Where the row itself was deleted meanwhile, those after it follow all the same.
    ids = [row[key] for row in rows]
    return ids.index(token["next"]) if token["next"] in ids else len(rows)


def _token(row_id: str, query: Mapping[str, str]) -> str:
    return base64.b64encode(json.dumps({"next": row_id, "of": _of(query)}).encode()).decode()


def _of(query: Mapping[str, str]) -> list[str]:
    return [query.get("sort_by", ""), query.get("filter", "")]


def _passes(row: Row, text: str) -> bool:
    if not text:
        return True
    try:
        predicates = json.loads(text).get("predicates", [])
    except ValueError as error:
        raise invalid(f"failed to parse valid filter from {text!r}") from error
    return all(_holds(row, predicate) for predicate in predicates)


def _holds(row: Row, predicate: Mapping[str, Any]) -> bool:
    operation = predicate.get("operation", "")
    name = _OPERATIONS.get(operation, operation)
    given = predicate.get("string_value", predicate.get("stringValue"))
    has = row.get(predicate["key"], "")
    if name == "EQUALS":
        return bool(has == given)
    if name == "NOT_EQUALS":
        return bool(has != given)
    if name == "IS_SUBSTRING":
        return str(given) in str(has)
    raise invalid(f"this fake does not filter by {name}")
