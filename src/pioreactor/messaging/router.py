"""Routing of topics to subscriptions, in constant time for topics seen before."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pioreactor.exc import InvalidRequestError

T = TypeVar("T")

_MAX_TOPIC_BYTES = 65_535
_MAX_CACHED_TOPICS = 4096
_MAX_LEVELS = 200  # the limit of Mosquitto


def check_topic(topic: str) -> None:
    """Raise InvalidRequestError when a topic cannot be published to (empty, too long, or with wildcards)."""
    has_wildcard = "+" in topic or "#" in topic or "\0" in topic
    if not topic or has_wildcard or topic.count("/") >= _MAX_LEVELS or len(topic.encode()) > _MAX_TOPIC_BYTES:
        raise InvalidRequestError(f"{topic[:200]!r} is not a valid topic")


def check_filter(topic_filter: str) -> None:
    """Raise InvalidRequestError when a filter is malformed: `#` only at the end, wildcards alone in their level."""
    levels = topic_filter.split("/")
    malformed = (
        not topic_filter
        or "\0" in topic_filter
        or len(levels) > _MAX_LEVELS
        or len(topic_filter.encode()) > _MAX_TOPIC_BYTES
        or "#" in levels[:-1]
        or any(len(level) > 1 and ("+" in level or "#" in level) for level in levels)
    )
    if malformed:
        raise InvalidRequestError(f"{topic_filter[:200]!r} is not a valid topic filter")


@dataclass(frozen=True, slots=True, eq=False)
class Route(Generic[T]):
    """One entry of a router: a topic filter and its target."""

    topic_filter: str
    target: T
    order: int


@dataclass(slots=True)
class _Node(Generic[T]):
    children: dict[str, "_Node[T]"] = field(default_factory=dict)
    routes: list[Route[T]] = field(default_factory=list)


class Router(Generic[T]):
    """A collection of routes, matched in the order in which they were added. Thread-safe."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._routes: dict[Route[T], None] = {}
        self._cache: dict[str, tuple[T, ...]] = {}
        self._lock = threading.Lock()
        self._order = 0

    def add(self, topic_filter: str, target: T) -> Route[T]:
        """Add a route; raise `InvalidRequestError` if the filter is malformed."""
        check_filter(topic_filter)
        with self._lock:
            self._order += 1
            route = Route(topic_filter, target, self._order)
            node = self._root
            for level in topic_filter.split("/"):
                node = node.children.setdefault(level, _Node())
            node.routes.append(route)
            self._routes[route] = None
            self._forget(topic_filter)
        return route

    def remove(self, route: Route[T]) -> bool:
        """Remove a route; return False if it was removed before."""
        with self._lock:
            if route not in self._routes:
                return False
            del self._routes[route]
            _prune(self._root, route)
            self._forget(route.topic_filter)
        return True

    def has_filter(self, topic_filter: str) -> bool:
        """Return whether a route has exactly this filter."""
        return topic_filter in self.filters()

    def filters(self) -> list[str]:
        """Return each filter once, in the order of their first use."""
        with self._lock:
            return list(dict.fromkeys(route.topic_filter for route in self._routes))

    def routes(self) -> list[Route[T]]:
        """Return all routes."""
        with self._lock:
            return list(self._routes)

    def _forget(self, topic_filter: str) -> None:
        """Forget the targets of topics that a filter may match; actions come and go, and most topics stay known."""
        beginning = topic_filter.partition("+")[0].partition("#")[0].rstrip("/")  # `a/#` matches `a` as well
        for topic in filter(lambda known: known.startswith(beginning), list(self._cache)):
            del self._cache[topic]

    def targets(self, topic: str) -> tuple[T, ...]:
        """Return the targets of all routes that match a topic."""
        if (cached := self._cache.get(topic)) is not None:
            return cached
        with self._lock:
            found = sorted(_matching(self._root, topic.split("/")), key=lambda route: route.order)
            if len(self._cache) >= _MAX_CACHED_TOPICS:
                self._cache.clear()
            self._cache[topic] = targets = tuple(route.target for route in found)
        return targets


def _prune(root: _Node[T], route: Route[T]) -> None:
    """Remove a route, and the nodes that only it needed."""
    levels = route.topic_filter.split("/")
    nodes = [root]
    for level in levels:
        nodes.append(nodes[-1].children[level])
    nodes[-1].routes.remove(route)
    for parent, level, child in zip(reversed(nodes[:-1]), reversed(levels), reversed(nodes[1:]), strict=True):
        if child.routes or child.children:
            return
        del parent.children[level]


def _matching(root: _Node[T], levels: list[str]) -> Iterator[Route[T]]:
    nodes = [root]
    for depth, level in enumerate(levels):
        hidden = depth == 0 and level.startswith("$")
        following: list[_Node[T]] = []
        for node in nodes:
            if "#" in node.children and not hidden:
                yield from node.children["#"].routes
            if level in node.children:
                following.append(node.children[level])
            if "+" in node.children and not hidden:
                following.append(node.children["+"])
        nodes = following
    for node in nodes:
        yield from node.routes
        if "#" in node.children:
            yield from node.children["#"].routes
