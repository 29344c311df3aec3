"""Filters find their topics, quickly and in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pioreactor import topics
from pioreactor.exc import InvalidRequestError
from pioreactor.messaging.router import Router, check_filter, check_topic

LEVEL = st.sampled_from(["a", "b", "$state", ""])
TOPIC = st.lists(LEVEL, min_size=1, max_size=4).map("/".join).filter(bool)
FILTER = (
    st.lists(st.sampled_from(["a", "b", "$state", "", "+"]), min_size=1, max_size=4)
    .flatmap(lambda levels: st.sampled_from([levels, [*levels, "#"], ["#"]]))
    .map("/".join)
    .filter(bool)
)


@given(st.lists(FILTER, max_size=6), st.lists(TOPIC, min_size=1, max_size=6))
def test_the_router_agrees_with_the_definition_of_matching(filters: list[str], given_topics: list[str]) -> None:
    router: Router[int] = Router()
    for number, topic_filter in enumerate(filters):
        router.add(topic_filter, number)
    for topic in [*given_topics, *given_topics]:
        expected = tuple(number for number, wanted in enumerate(filters) if topics.matches(wanted, topic))
        assert router.targets(topic) == expected


@given(st.lists(FILTER, min_size=1, max_size=6, unique=True), st.data())
def test_removing_a_route_keeps_the_others(filters: list[str], data: st.DataObject) -> None:
    router: Router[str] = Router()
    routes = [router.add(topic_filter, topic_filter) for topic_filter in filters]
    gone = data.draw(st.sampled_from(routes))
    topic = gone.topic_filter.replace("+", "a").replace("#", "a")
    router.targets(topic)
    assert router.remove(gone)
    assert not router.remove(gone)
    left = [route for route in routes if route is not gone]
    assert router.targets(topic) == tuple(route.target for route in left if topics.matches(route.topic_filter, topic))
    assert router.filters() == [route.topic_filter for route in left]
    assert not router.has_filter(gone.topic_filter)


@given(st.lists(FILTER, min_size=1, max_size=4), st.lists(TOPIC, min_size=1, max_size=6))
def test_known_topics_follow_routes_that_come_and_go(filters: list[str], known: list[str]) -> None:
    router: Router[str] = Router()

    def check(*present: str) -> None:
        for topic in known:
            assert router.targets(topic) == tuple(wanted for wanted in present if topics.matches(wanted, topic))

    check()
    routes = [router.add(filters[0], filters[0])]
    check(filters[0])
    routes += [router.add(topic_filter, topic_filter) for topic_filter in filters[1:]]
    check(*filters)
    router.remove(routes[0])
    check(*filters[1:])


def test_the_cache_of_topics_is_bounded() -> None:
    router: Router[str] = Router()
    router.add("#", "all")
    for number in range(10_000):
        assert router.targets(f"a/{number}") == ("all",)
    assert len(router._cache) <= 4096


@pytest.mark.parametrize("topic", ["", "a/+", "#", "a\0", "a" * 65_536, "µ" * 40_000, "/" * 200])
def test_invalid_topics(topic: str) -> None:
    with pytest.raises(InvalidRequestError):
        check_topic(topic)


@pytest.mark.parametrize(
    "topic_filter", ["", "a/#/b", "a+", "+a/b", "a#", "a/b#", "\0", "a" * 65_536, "/" * 30_000, "+/" * 200]
)
def test_invalid_filters(topic_filter: str) -> None:
    with pytest.raises(InvalidRequestError):
        check_filter(topic_filter)


def test_the_deepest_filter_is_removed_completely() -> None:
    router: Router[str] = Router()
    deep, kept = router.add("/".join(["a"] * 200), "deep"), router.add("a/a", "kept")
    assert router.remove(deep)
    assert router.routes() == [kept]
    assert router.targets("a/a") == ("kept",)
    router.remove(kept)
    assert not router._root.children
