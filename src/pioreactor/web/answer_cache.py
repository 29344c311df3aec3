"""Answers of the leader that are sent again while neither the database nor what the sender may do has changed."""

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from pioreactor.http.deadline import SAFE_METHODS
from pioreactor.web.asgi import App, Message, Receive, Scope, Send
from pioreactor.web.kept_answer import Answer, AnswerRecorder
from pioreactor.web.security.auth_middleware import headers_of
from pioreactor.web.security.identity import identity_of

_OPTION: Final = "follows_database"
FOLLOWS_DATABASE: Final[dict[str, object]] = {_OPTION: True}
"""Option of a route whose answers depend on its path, its query, the database and the rights of the sender alone.

They may also depend on the time, or on files that change rarely: no answer is sent again after `MAX_AGE_S`.
"""
MAX_AGE_S: Final = 1.0
COSTLY_S: Final = 0.1
"""An answer that took longer than this to make is sent again for `MAX_AGE_S` although rows arrive all the time: many
browsers that look at many units do not keep the leader busy with one answer after another."""
_MAX_BYTES: Final = 4 * 1024 * 1024
"""Of all answers together."""
_MAX_PATHS: Final = 1000


class _Key(NamedTuple):
    path: str
    query: bytes
    accepts_gzip: bool
    sender: Hashable


class AnswerCache:
    """ASGI middleware behind the authentication, for routes with the option `FOLLOWS_DATABASE`.

    `version` returns another value after each change of the database, None when it cannot be told; `seconds` is any
    clock that does not go back. A request that may change something empties the cache, so that its sender reads
    what it changed. Requests for an answer that is being made wait for it. Answers have an `ETag`.
    """

    def __init__(self, app: App, version: Callable[[], Hashable], *, seconds: Callable[[], float]) -> None:
        self._app = app
        self._version = version
        self._seconds = seconds
        self._kept: dict[_Key, Answer] = {}
        self._bytes = 0
        self._in_progress: dict[_Key, asyncio.Future[Answer | None]] = {}
        self._paths: set[str] = set()
        """Paths that had such an answer: only for these do requests wait for each other."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._changed(scope, receive, send)
            return
        version = self._version()
        if version is None:
            await self._app(scope, receive, send)
            return
        key = _key(scope)
        answer = self._found(key, version)
        if answer is None and key in self._in_progress:
            answer = await asyncio.shield(self._in_progress[key])
        if answer is None:
            answer = await self._made(key, version, scope, receive, send)
        if answer is not None:
            await answer.send(scope, send)

    async def _changed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is no read; while it is worked on, and after it, nothing is known of what it changes."""
        is_change = scope["type"] == "http" and scope["method"] not in SAFE_METHODS
        if is_change:
            self._forget()
        try:
            await self._app(scope, receive, send)
        finally:
            if is_change:
                self._forget()

    def _forget(self) -> None:
        self._kept.clear()
        self._in_progress.clear()
        self._bytes = 0

    def _found(self, key: _Key, version: Hashable) -> Answer | None:
        answer = self._kept.get(key)
        return answer if answer is not None and answer.serves(version, self._seconds()) else None

    async def _made(self, key: _Key, version: Hashable, scope: Scope, receive: Receive, send: Send) -> Answer | None:
        """Let the routes answer; return the answer if it is one to keep, or None when it has been sent."""
        future: asyncio.Future[Answer | None] | None = None
        if key.path in self._paths:
            future = self._in_progress[key] = asyncio.get_running_loop().create_future()
        recorder = AnswerRecorder(partial(_is_kept, scope), send)
        answer, began_s = None, self._seconds()
        try:
            await self._app(scope, receive, recorder.send)
            answer = recorder.answer()
            if answer is not None and self._in_progress.get(key) is future:
                now_s = self._seconds()
                until_s, is_costly = now_s + MAX_AGE_S, now_s - began_s > COSTLY_S
                answer = replace(answer, version=version, until_s=until_s, outlives_changes=is_costly)
                self._keep(key, answer)
        finally:
            if future is not None:
                future.set_result(answer)
                if self._in_progress.get(key) is future:
                    del self._in_progress[key]
        return answer

    def _keep(self, key: _Key, answer: Answer) -> None:
        if len(self._paths) < _MAX_PATHS:
            self._paths.add(key.path)
        replaced = self._kept.pop(key, None)
        self._kept[key] = answer
        self._bytes += len(answer.body) - (len(replaced.body) if replaced is not None else 0)
        while self._bytes > _MAX_BYTES:
            self._bytes -= len(self._kept.pop(next(iter(self._kept))).body)


def _is_kept(scope: Scope, start: Message) -> bool:
    handler = scope.get("route_handler")
    return start["status"] == 200 and handler is not None and bool(handler.opt.get(_OPTION))


def _key(scope: Scope) -> _Key:
    identity, headers = identity_of(scope), headers_of(scope)
    sender: Hashable = None
    if identity is not None:
        # People with equal rights read the same; units do not.
        name = identity.name if identity.kind == "unit" else ""
        sender = identity.kind, name, identity.scope, identity.rights
    query = scope.get("query_string", b"")
    return _Key(str(scope["path"]), query, "gzip" in headers.get("accept-encoding", ""), sender)
