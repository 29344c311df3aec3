"""`/mcp`: the tools of agents over the Model Context Protocol, without sessions, in both of its eras."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from litestar import MediaType, Request, Response, Router, get, post
from litestar.datastructures import State

from pioreactor.exc import PioreactorError
from pioreactor.structs.rights import VIEWER, Rights
from pioreactor.version import __version__
from pioreactor.web.leader.in_process_requests import ApiAnswer, Call, InProcessApi
from pioreactor.web.leader.proposals import agent_of
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.security.guards import only_agents
from pioreactor.web.security.identity import Identity, identity_of
from pioreactor.web.security.route_rights import needs
from pioreactor.web.services_in_scope import service_of

if TYPE_CHECKING:
    from pioreactor.web.leader.agent_tools import Tool

MODERN: Final = "2026-07-28"
"""The revision without handshake: each request names its version."""
HANDSHAKE: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Earlier revisions, newest first: a client begins with `initialize`."""
NAME: Final = "pioreactor_mcp"
_SERVER_KEY: Final = "io.modelcontextprotocol/serverInfo"
_HTTP_STATUS: Final[Mapping[int, int]] = {-32601: 404, -32020: 400, -32022: 400}
INSTRUCTIONS: Final = (
    "Small bioreactors with living cultures. Tools read, or act at once on what another command undoes. Dosing, "
    "heating, and what could harm a culture or data return a proposal: a person approves it in the panel (page "
    "Proposals), then call commit_proposal with its id, once and within 30 minutes. Read it with one_proposal."
)

_SERVER: Final = {"name": NAME, "version": __version__}
_CACHE: Final[Mapping[str, object]] = {"ttlMs": 0, "cacheScope": "private"}
_MAX_RESULT_BYTES: Final = 400_000

AnyRequest = Request[object, object, State]


class RpcError(Exception):
    """A request is answered with this JSON-RPC error."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data

    def describe(self) -> dict[str, object]:
        """Return the error as the protocol spells it."""
        return {"code": self.code, "message": str(self), "data": self.data}


class ClientInfo(msgspec.Struct):
    """What a client calls itself: a claim."""

    name: str = ""


class RequestMeta(msgspec.Struct):
    """What each request says of the client in the revision without handshake."""

    version: str | None = msgspec.field(default=None, name="io.modelcontextprotocol/protocolVersion")
    capabilities: dict[str, object] | None = msgspec.field(
        default=None, name="io.modelcontextprotocol/clientCapabilities"
    )
    client: ClientInfo = msgspec.field(default_factory=ClientInfo, name="io.modelcontextprotocol/clientInfo")


class Params(msgspec.Struct):
    """The parameters that are used, of any request."""

    meta: RequestMeta = msgspec.field(default_factory=RequestMeta, name="_meta")
    name: str = ""
    arguments: dict[str, object] = {}
    wanted_version: str = msgspec.field(default="", name="protocolVersion")


class RpcRequest(msgspec.Struct):
    """A JSON-RPC request, or a notification, which has no id."""

    jsonrpc: Literal["2.0"]
    method: str
    id: str | int | None = None
    params: Params = msgspec.field(default_factory=Params)


class Exchange:
    """One request of an agent, and what is needed to answer it."""

    def __init__(self, message: RpcRequest, request: AnyRequest, leader: LeaderServices) -> None:
        self.message = message
        self._headers = request.headers
        self._request = request
        self._leader = leader
        self._api = service_of(dict(request.scope), "in_process", InProcessApi)

    @property
    def is_modern(self) -> bool:
        """Whether the client speaks the revision without handshake."""
        is_named = MODERN in (self._headers.get("mcp-protocol-version"), self.message.params.meta.version)
        return is_named or self.message.method == "server/discover"

    @property
    def identity(self) -> Identity:
        """The agent; the guard of the route has made sure that it is one."""
        return identity_of(self._request.scope) or Identity("token", "")

    @property
    def rights(self) -> Rights:
        """What the agent may do."""
        return self.identity.rights or VIEWER

    @property
    def agent(self) -> dict[str, object]:
        """What is recorded of the agent beside its token."""
        name = self.message.params.meta.client.name or self._headers.get("user-agent", "")
        return {"agent": ascii(name[:80])[1:-1], "tool": self.message.params.name}

    async def answer(self) -> object:
        """Return the result of the request; raise `RpcError`."""
        self._api.calls.check(self.identity)
        if self.is_modern:
            self._check_versions()
            self._check_headers()
        methods = _MODERN_METHODS if self.is_modern else _HANDSHAKE_METHODS
        if self.message.method not in methods:
            raise RpcError(-32601, "Method not found", {"supported": [MODERN]})
        return await methods[self.message.method](self)

    def _check_versions(self) -> None:
        meta = self.message.params.meta
        if meta.version is None or meta.capabilities is None:
            raise RpcError(-32602, "_meta needs the version of the protocol and the capabilities of the client")
        if meta.version != MODERN:
            data = {"supported": [MODERN], "requested": meta.version}
            raise RpcError(-32022, "Unsupported protocol version", data)

    def _check_headers(self) -> None:
        """Raise `RpcError` unless the headers agree with the body."""
        expected = {"MCP-Protocol-Version": MODERN, "Mcp-Method": self.message.method}
        if self.message.method == "tools/call":
            expected["Mcp-Name"] = self.message.params.name
        for name, value in expected.items():
            if self._headers.get(name) != value:
                raise RpcError(-32020, f"The header {name} does not match the body of the request")

    # ---- methods of the protocol ----

    async def discover(self) -> dict[str, object]:
        found: dict[str, object] = {"supportedVersions": [MODERN], "capabilities": {"tools": {}}}
        return _complete({**found, **_CACHE, "instructions": INSTRUCTIONS})

    async def initialize(self) -> dict[str, object]:
        wanted = self.message.params.wanted_version
        return {
            "protocolVersion": wanted if wanted in HANDSHAKE else HANDSHAKE[0],
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": _SERVER,
            "instructions": INSTRUCTIONS,
        }

    async def ping(self) -> dict[str, object]:
        return {}

    async def list_tools(self) -> dict[str, object]:
        return _complete({"tools": [tool.describe() for tool in self.tools().values()], **_CACHE})

    async def call_tool(self) -> dict[str, object]:
        tool = self.tools().get(self.message.params.name)
        if tool is None:
            raise RpcError(-32602, f"Unknown tool: {self.message.params.name[:100]}")
        try:
            answer = await self._act(tool)
        except PioreactorError as error:
            return _tool_failed(f"{error}. {error.remedy}")
        if len(answer.body) > _MAX_RESULT_BYTES:
            return _tool_failed(f"The result has {len(answer.body)} bytes. Ask for a shorter time or fewer lines.")
        return _tool_answered(answer.value(), is_error=not answer.is_success)

    def tools(self) -> dict[str, "Tool"]:
        """Return the tools that the rights of the agent allow; all are generated at the first call."""
        from pioreactor.web.leader.agent_tools import known_tools

        known = known_tools(self._api, self._request.app, self._leader.unit.catalog)
        return {name: tool for name, tool in known.items() if tool.is_offered_to(self.rights)}

    async def _act(self, tool: "Tool") -> ApiAnswer:
        call = tool.call(self.message.params.arguments)
        if tool.needs_approval:
            call = Call("POST", "/api/proposals", body={"tool": tool.name, "arguments": self.message.params.arguments})
        elif tool.counts and self.rights.budget is not None:
            proposals, agent = self._leader.database.proposals, agent_of(self.identity)
            await asyncio.to_thread(proposals.count, agent, tool.name)
        return await self._api.ask(
            self.identity, call.method, call.path, query=call.query, body=call.body, agent=self.agent
        )


Method = Callable[[Exchange], Awaitable[object]]
_TOOLS: Final[Mapping[str, Method]] = {"tools/list": Exchange.list_tools, "tools/call": Exchange.call_tool}
_MODERN_METHODS: Final[Mapping[str, Method]] = {"server/discover": Exchange.discover, **_TOOLS}
_HANDSHAKE_METHODS: Final[Mapping[str, Method]] = {"initialize": Exchange.initialize, "ping": Exchange.ping, **_TOOLS}


@post("/mcp", status_code=200, guards=[only_agents], include_in_schema=False)
async def call_mcp(request: AnyRequest, leader: LeaderPorts) -> Response[bytes]:
    """Answer one JSON-RPC message of the Model Context Protocol: lists tools, calls one."""
    try:
        message = msgspec.json.decode(await request.body(), type=RpcRequest)
    except (msgspec.DecodeError, RecursionError) as error:
        code = -32600 if isinstance(error, msgspec.ValidationError) else -32700
        return _json({"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": str(error)}}, 400)
    if message.id is None:
        return Response(b"", status_code=202, media_type=MediaType.JSON)
    exchange = Exchange(message, request, leader)
    try:
        return _json({"jsonrpc": "2.0", "id": message.id, "result": await exchange.answer()}, 200)
    except RpcError as error:
        status = _HTTP_STATUS.get(error.code, 200) if exchange.is_modern else 200
        return _json({"jsonrpc": "2.0", "id": message.id, "error": error.describe()}, status)


@get("/mcp", guards=[only_agents], include_in_schema=False)
async def no_stream() -> Response[bytes]:
    """Refuse a stream of the server: nothing is sent without a request."""
    return Response(b"", status_code=405, headers={"allow": "POST"}, media_type=MediaType.JSON)


def _json(body: object, status: int) -> Response[bytes]:
    headers = {"cache-control": "no-store"}
    return Response(msgspec.json.encode(body), status_code=status, media_type=MediaType.JSON, headers=headers)


def _tool_failed(text: str) -> dict[str, object]:
    return _complete({"content": [{"type": "text", "text": text}], "isError": True})


def _tool_answered(value: object, *, is_error: bool) -> dict[str, object]:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    result = {"content": [{"type": "text", "text": text}], "isError": is_error}
    return _complete(result | ({"structuredContent": value} if isinstance(value, dict) else {}))


def _complete(result: dict[str, object]) -> dict[str, object]:
    """Add what the revision without handshake asks for, and others ignore."""
    return {**result, "resultType": "complete", "_meta": {_SERVER_KEY: _SERVER}}


ROUTES = Router(
    "/",
    route_handlers=[call_mcp, no_stream],
    tags=["agents"],
    opt=needs(None, change="read", carries_requests=True),
)
