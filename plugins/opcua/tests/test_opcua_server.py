"""The server, asked by a client of OPC UA on loopback."""

import asyncio
from collections.abc import Iterator
from datetime import datetime

import pytest
from asyncua import Client, ua

from pioreactor.background_jobs.stirring.job import Stirrer
from pioreactor.messaging.ports import Message
from pioreactor.testing.ports import free_ports
from pioreactor.testing.simulation import EXPERIMENT, simulated_bench
from pioreactor_opcua.job import OpcUaServer
from pioreactor_opcua.server_thread import ServerThread
from pioreactor_opcua.values import values_of

TEMPERATURE = b'{"temperature":37.25,"timestamp":"2030-01-01T10:00:00.000Z"}'


@pytest.fixture
def served() -> Iterator[tuple[ServerThread, str]]:
    port = free_ports(1)
    server = ServerThread("127.0.0.1", port, name="test")
    yield server, f"opc.tcp://127.0.0.1:{port}/pioreactor"
    server.close()


def test_the_job_serves_what_other_jobs_publish() -> None:
    port = free_ports(1)
    with simulated_bench(config=f"[opcua_server.config]\nport={port}\n") as bench:
        job = bench.start(lambda: OpcUaServer(bench.unit.name, EXPERIMENT))
        bench.start(lambda: Stirrer(500.0, bench.unit.name, EXPERIMENT))
        bench.wait(5)

        async def ask() -> float:
            async with Client(f"opc.tcp://127.0.0.1:{port}/pioreactor") as client:
                index = await client.get_namespace_index("https://pioreactor.com/opcua")
                return float(
                    await client.get_node(ua.NodeId(f"{bench.unit.name}.stirring.target_rpm", index)).read_value()
                )

        assert asyncio.run(ask()) == 500.0
        job.clean_up()


def send(server: ServerThread, topic: str, payload: bytes) -> None:
    for value in values_of(Message(topic, payload)):
        server.put(value)


def test_a_client_reads_values_with_unit_and_time_and_writes_nothing(served: tuple[ServerThread, str]) -> None:
    server, url = served
    send(server, "pioreactor/unit1/batch 3/temperature_automation/temperature", TEMPERATURE)
    send(server, "pioreactor/unit1/batch 3/stirring/target_rpm", b"500.0")
    send(server, "pioreactor/unit1/batch 3/stirring/$state", b"ready")
    send(server, "pioreactor/unit1/batch 3/stirring/target_rpm", b"")
    send(server, "pioreactor/unit1/batch 3/temperature_automation/temperature", b"{nonsense")

    async def ask() -> None:
        async with Client(url) as client:
            index = await client.get_namespace_index("https://pioreactor.com/opcua")
            units = await client.nodes.objects.get_child(f"{index}:Pioreactor")
            assert [(await one.read_browse_name()).Name for one in await units.get_children()] == ["unit1"]
            node = client.get_node(ua.NodeId("unit1.temperature_automation.temperature", index))
            data = await node.read_data_value()
            assert (data.Value.Value, data.SourceTimestamp.replace(tzinfo=None)) == (37.25, datetime(2030, 1, 1, 10))
            unit = await (await node.get_child("0:EngineeringUnits")).read_value()
            assert (unit.DisplayName.Text, unit.UnitId) == ("°C", 4408652)
            speed = client.get_node(ua.NodeId("unit1.stirring.target_rpm", index))
            assert await speed.read_value() == 500.0
            for target in (node, speed):
                with pytest.raises(ua.UaStatusCodeError):
                    await target.write_value(1.0)
            with pytest.raises(ua.UaStatusCodeError):
                await client.nodes.objects.add_object(index, "intruder")
            send(server, "pioreactor/unit1/batch 3/stirring/$state", b"lost")
            for _ in range(100):
                status = (await speed.read_data_value(raise_on_bad_status=False)).StatusCode
                if status.value == ua.StatusCodes.UncertainLastUsableValue:
                    break
                await asyncio.sleep(0.02)
            assert status.value == ua.StatusCodes.UncertainLastUsableValue

    asyncio.run(ask())


def test_an_administrator_writes_nothing_either(served: tuple[ServerThread, str]) -> None:
    server, url = served
    send(server, "pioreactor/unit1/batch 3/stirring/target_rpm", b"500.0")

    async def ask() -> None:
        client = Client(url)
        client.set_user("admin")
        async with client:
            index = await client.get_namespace_index("https://pioreactor.com/opcua")
            with pytest.raises(ua.UaStatusCodeError):
                await client.get_node(ua.NodeId("unit1.stirring.target_rpm", index)).write_value(1.0)

    asyncio.run(ask())
