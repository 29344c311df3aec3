"""The server, asked by a client of SiLA 2 on loopback."""

import asyncio
from collections.abc import Iterator

import pytest
from sila.client import Client, ClientConfig, InvalidMetadata, UndefinedExecutionError

from pioreactor.http.loopback import LoopbackHttp, Request, json_response
from pioreactor.http.ports import Response
from pioreactor.messaging.ports import Message
from pioreactor.testing.ports import free_ports
from pioreactor.testing.simulation import EXPERIMENT, simulated_bench
from pioreactor_sila.job import SilaServer
from pioreactor_sila.latest import measured
from pioreactor_sila.leader_api import LeaderApi
from pioreactor_sila.server_thread import ServerThread

TEMPERATURE = b'{"temperature":37.25,"timestamp":"2030-01-01T10:00:00.000Z"}'
JOBS = "/api/workers/unit1/jobs"


def test_the_job_publishes_the_readings_of_its_unit() -> None:
    port = free_ports(1)
    with simulated_bench(config=f"[sila_server.config]\nport={port}\n") as bench:
        job = bench.start(lambda: SilaServer(bench.unit.name, EXPERIMENT))
        bench.bus.publish(f"pioreactor/{bench.unit.name}/{EXPERIMENT}/temperature_automation/temperature", TEMPERATURE)
        bench.wait(1)

        async def ask() -> float:
            async with Client(ClientConfig(hostname="127.0.0.1", port=port, tls=False)) as client:
                return float(await client.ReactorController.Temperature.read())

        assert asyncio.run(ask()) == 37.25
        job.clean_up()


def leader(request: Request) -> Response:
    """Answer like a leader to which only one token is known."""
    if request.headers["Authorization"] != "Bearer good":
        return json_response({"error": "this needs the role operator"}, 403)
    if request.path.startswith("/unit_api/task_results/"):
        failed = request.path.endswith("/update")
        return json_response({"error": "target_rpm must be between 0 and 1500 RPM" if failed else None})
    kind = request.path.removeprefix(JOBS).split("/")[1]
    return json_response({"result_url_path": f"/unit_api/task_results/{kind}"}, 202)


@pytest.fixture
def served() -> Iterator[tuple[ServerThread, LoopbackHttp, int]]:
    port, http = free_ports(1), LoopbackHttp()
    http.hosts["leader.local:80"] = leader
    api = LeaderApi(http, "http://leader.local:80", "unit1", experiment=lambda: "batch 3")
    server = ServerThread("127.0.0.1", port, unit="unit1", leader=api)
    yield server, http, port
    server.close()


def test_a_client_reads_and_commands_with_the_rights_of_its_token(
    served: tuple[ServerThread, LoopbackHttp, int],
) -> None:
    server, http, port = served
    value = measured(Message("pioreactor/unit1/batch 3/temperature_automation/temperature", TEMPERATURE))
    assert value == 37.25
    assert measured(Message("pioreactor/unit1/batch 3/temperature_automation/temperature", b"{")) is None
    server.put("Temperature", value)

    async def ask() -> None:
        async with Client(ClientConfig(hostname="127.0.0.1", port=port, tls=False)) as client:
            reactor = client.ReactorController
            assert await reactor.Temperature.read() == 37.25
            values = aiter(await reactor.Temperature.subscribe())
            assert await anext(values) == 37.25
            server.put("Temperature", 38.0)
            assert await anext(values) == 38.0

            good = await reactor.AccessToken.from_native(client, "good")
            await reactor.StartJob(Job="stirring", metadata=[good])
            await reactor.StopJob(Job="stirring", metadata=[good])
            with pytest.raises(UndefinedExecutionError, match="between 0 and 1500 RPM"):
                await reactor.ChangeSetting(Job="stirring", Setting="target_rpm", Value="9000", metadata=[good])
            changes = [request.path for _, request in http.asked if request.method == "POST"]
            assert changes == [
                f"{JOBS}/run/job_name/stirring/experiments/batch%203",
                f"{JOBS}/stop/job_name/stirring/experiments/batch%203",
                f"{JOBS}/update/job_name/stirring/experiments/batch%203",
            ]
            bad = await reactor.AccessToken.from_native(client, "bad")
            with pytest.raises(UndefinedExecutionError, match="needs the role operator"):
                await reactor.StopJob(Job="stirring", metadata=[bad])
            asked = len(http.asked)
            with pytest.raises(InvalidMetadata):
                await reactor.StopJob(Job="stirring")
            assert len(http.asked) == asked

    asyncio.run(ask())
