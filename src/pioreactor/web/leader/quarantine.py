"""Routes of the leader about records that could not be read or stored."""

import msgspec
from litestar import Router, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from pioreactor.background_jobs.leader.topic_parsers import rows_of
from pioreactor.storage.leader.ingest.record_sinks import open_record_sink
from pioreactor.storage.leader.repositories.quarantine import PAGE_ROWS, QuarantinedRow
from pioreactor.types import UNIVERSAL_EXPERIMENT
from pioreactor.web.leader.notifications import write_log
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts
from pioreactor.web.request_bodies import RetryQuarantined, Whole
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted

MAX_REASONS = 20


class Quarantined(msgspec.Struct):
    """How many there are, and a page of them, newest first, with the beginnings of their payloads."""

    total: int
    rows: list[QuarantinedRow]


@get("/quarantine", sync_to_thread=True)
def list_quarantined(leader: LeaderPorts, skip: FromQuery[int] = 0, limit: FromQuery[int] = PAGE_ROWS) -> Quarantined:
    """A page of at most 100 records after `skip` of them."""
    found = leader.database.quarantine
    return Quarantined(found.count(), found.page(skip=skip, limit=min(limit, PAGE_ROWS)))


@get("/quarantine/{id_:str}", sync_to_thread=True)
def one_quarantined(leader: LeaderPorts, id_: FromPath[Whole]) -> QuarantinedRow:
    """One record with its whole payload."""
    return leader.database.quarantine.get(id_)


@post("/quarantine/retry", status_code=202, sync_to_thread=True)
def retry(leader: LeaderPorts, data: JSONBody[RetryQuarantined]) -> Accepted:
    """Store these records, or all, as if they came now. The result has how many were stored, and why others stay."""
    database = leader.database

    def work() -> object:
        ids = database.quarantine.ids() if data.ids is None else data.ids
        sink = open_record_sink(database.location)
        try:
            results = sink.retry(ids, rows_of)
        finally:
            sink.close()
        failed = [result for result in results if result.reason is not None]
        reasons = {str(result.id): result.reason for result in failed[:MAX_REASONS]}
        return {"stored": len(results) - len(failed), "failed": len(failed), "reasons": reasons}

    return leader.unit.tasks.start("trying quarantined records again", work, pool="requests", lock="quarantine")


@delete("/quarantine/{id_:str}", status_code=200, sync_to_thread=True)
def discard(leader: LeaderPorts, id_: FromPath[Whole]) -> Status:
    """Delete one record for ever: the units have let go of it. The log says so."""
    row = leader.database.quarantine.get(id_)
    leader.database.quarantine.discard([id_])
    what = row.table_name if row.topic is None else row.topic
    sentence = f"A quarantined record of {row.pioreactor_unit} for {what} was discarded by hand."
    write_log(leader, leader.unit.name, UNIVERSAL_EXPERIMENT, sentence, level="NOTICE", task="quarantine")
    return Status()


ROUTES = Router(
    "/",
    route_handlers=[list_quarantined, one_quarantined, retry, discard],
    tags=["quarantine"],
    opt=needs("cluster", change="manage"),
)
