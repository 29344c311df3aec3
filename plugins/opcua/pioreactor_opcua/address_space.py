"""The nodes of the server, which appear with the first value, and what they hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from asyncua import Server, ua
from asyncua.common.node import Node

from pioreactor_opcua.values import Scalar, Value

NAMESPACE = "https://pioreactor.com/opcua"
_UNIT_CODES = {"°C": "CEL", "V": "VLT", "mL": "MLT", "RPM": "RPM", "%": "P1", "1/h": "H10", "s": "SEC", "h": "HUR"}
"""Codes of UNECE Recommendation 20, from which OPC UA makes the ids of units."""
_UNECE = "http://www.opcfoundation.org/UA/units/un/cefact"
_TYPES: dict[type, ua.VariantType] = {
    bool: ua.VariantType.Boolean,
    int: ua.VariantType.Double,
    float: ua.VariantType.Double,
    str: ua.VariantType.String,
}


class AddressSpace:
    """Objects of units and jobs below one folder. To be used on the server's event loop."""

    def __init__(self, server: Server, index: int, root: Node) -> None:
        self._server = server
        self._index = index
        self._root = root
        self._nodes: dict[str, Node] = {}
        self._last: dict[str, tuple[Value, ua.DataValue]] = {}

    @classmethod
    async def create(cls, server: Server) -> AddressSpace:
        """Make the folder of the units."""
        index = await server.register_namespace(NAMESPACE)
        root = await server.nodes.objects.add_folder(ua.NodeId("units", index), ua.QualifiedName("Pioreactor", index))
        return cls(server, index, root)

    async def put(self, value: Value) -> None:
        """Show a value; the state of a job is applied to its other values."""
        node = await self._variable(value)
        good = ua.StatusCode(ua.StatusCodes.Good)
        data = _data(value, good)
        self._last[value.identifier] = (value, data)
        await self._server.write_attribute_value(node.nodeid, data)
        if value.name == "state":
            await self._mark(value, is_running=value.value in ("init", "ready", "sleeping"))

    async def _mark(self, state: Value, *, is_running: bool) -> None:
        code = ua.StatusCodes.Good if is_running else ua.StatusCodes.UncertainLastUsableValue
        prefix = f"{state.unit}.{state.job}."
        for identifier, (value, data) in list(self._last.items()):
            if identifier.startswith(prefix) and value.name != "state" and data.StatusCode.value != code:
                marked = _data(value, ua.StatusCode(code), data.SourceTimestamp)
                self._last[identifier] = (value, marked)
                await self._server.write_attribute_value(self._nodes[identifier].nodeid, marked)

    async def _variable(self, value: Value) -> Node:
        found = self._nodes.get(value.identifier)
        if found is not None:
            return found
        parent = await self._object(await self._object(self._root, value.unit, value.unit), value.job, _path(value))
        kind = _TYPES[type(value.value)]
        initial = ua.Variant(_plain(value.value), kind)
        identifier = ua.NodeId(value.identifier, self._index)
        node = await parent.add_variable(identifier, ua.QualifiedName(value.name, self._index), initial)
        await node.write_attribute(ua.AttributeIds.DisplayName, ua.DataValue(ua.Variant(ua.LocalizedText(value.label))))
        if value.unit_text:
            await node.add_property(
                ua.NodeId(f"{value.identifier}.unit", self._index),
                ua.QualifiedName("EngineeringUnits", 0),
                _engineering_unit(value.unit_text),
            )
        self._nodes[value.identifier] = node
        return node

    async def _object(self, parent: Node, name: str, identifier: str) -> Node:
        found = self._nodes.get(identifier)
        if found is None:
            found = await parent.add_object(ua.NodeId(identifier, self._index), ua.QualifiedName(name, self._index))
            self._nodes[identifier] = found
        return found


def _path(value: Value) -> str:
    return f"{value.unit}.{value.job}"


def _plain(value: Scalar) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _data(value: Value, status: ua.StatusCode, at: datetime | None = None) -> ua.DataValue:
    now = datetime.now(UTC).replace(tzinfo=None)
    source = at if at is not None else value.at if value.at is not None else now
    variant = ua.Variant(_plain(value.value), _TYPES[type(value.value)])
    return ua.DataValue(variant, StatusCode=status, SourceTimestamp=source, ServerTimestamp=now)


def _engineering_unit(text: str) -> ua.EUInformation:
    code = _UNIT_CODES.get(text, "")
    unit_id = int.from_bytes(code.encode(), "big") if code else -1
    return ua.EUInformation(_UNECE, unit_id, ua.LocalizedText(text), ua.LocalizedText(text))
