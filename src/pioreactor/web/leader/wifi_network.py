"""Routes of the leader about the Wi-Fi network that it opens itself."""

from litestar import Router, get, post
from litestar.params import JSONBody

from pioreactor.identity.access_point import AccessPoint, WifiAccessPoint, check
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import Body
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.utc_clock import refuse_simulated


class ChangeAccessPoint(Body):
    """`even_if_disconnected`: do it although the connection by which the leader is reached may end."""

    even_if_disconnected: bool = False


@get("/local_access_point", sync_to_thread=True)
def local_access_point(leader: LeaderPorts) -> AccessPoint:
    """Return whether the leader opens a Wi-Fi network of its own, and who is in it."""
    return _access_point(leader).state()


@post("/local_access_point/start", status_code=202, sync_to_thread=True)
def start_access_point(leader: LeaderPorts, data: JSONBody[ChangeAccessPoint | None] = None) -> Accepted:
    """Open the Wi-Fi network of `[local_access_point]`. Refused where a connection ends, unless that is meant."""
    refuse_simulated(leader.unit, "its network")
    settings = leader.settings.read().local_access_point
    check(settings)
    is_meant = data is not None and data.even_if_disconnected

    def start() -> AccessPoint:
        _access_point(leader).start(settings, even_if_disconnected=is_meant)
        return _access_point(leader).state()

    return leader.unit.tasks.start("opening the access point", start, lock="access point")


@post("/local_access_point/stop", status_code=202, sync_to_thread=True)
def stop_access_point(leader: LeaderPorts, data: JSONBody[ChangeAccessPoint | None] = None) -> Accepted:
    """Close the Wi-Fi network of the leader. Refused where nothing else reaches it, unless that is meant."""
    refuse_simulated(leader.unit, "its network")
    is_meant = data is not None and data.even_if_disconnected

    def stop() -> AccessPoint:
        _access_point(leader).stop(even_if_disconnected=is_meant)
        return _access_point(leader).state()

    return leader.unit.tasks.start("closing the access point", stop, lock="access point")


def _access_point(leader: LeaderServices) -> WifiAccessPoint:
    return WifiAccessPoint(leader.unit.paths.run_pioreactor)


ROUTES = Router(
    "/",
    route_handlers=[local_access_point, start_access_point, stop_access_point],
    tags=["inventory"],
    opt=needs("cluster", change="manage"),
)
