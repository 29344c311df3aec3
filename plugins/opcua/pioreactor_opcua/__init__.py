"""Read-only OPC UA server of a cluster."""

from pioreactor_opcua.job import OpcUaServer as OpcUaServer
