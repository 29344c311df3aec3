"""The process of the embedded broker: `python -m pioreactor.messaging.embedded`."""

import argparse
import asyncio
import logging
import os
import signal
from pathlib import Path

from pioreactor.messaging.embedded.broker_core import BrokerCore
from pioreactor.messaging.embedded.connection import Connection
from pioreactor.private_files import restrict_new_files

_SAVE_INTERVAL_S = 30.0


async def serve(core: BrokerCore, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reloads the accounts."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, core.load_accounts)
    server = await loop.create_server(lambda: Connection(core), host, port)
    logging.info("Serving MQTT on %s:%d.", host, port)
    try:
        while not stopping.is_set():
            try:
                await asyncio.wait_for(stopping.wait(), _SAVE_INTERVAL_S)
            except TimeoutError:
                core.save()
    finally:
        server.close()
        core.evict_all()
        core.save()


def main() -> None:
    """Parse the command line and run the broker."""
    restrict_new_files()
    parser = argparse.ArgumentParser(description="A small MQTT 3.1.1 broker.")
    parser.add_argument("--host", default="127.0.0.1", help="the interface to listen on")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--passwords", type=Path, required=True, help="a Mosquitto password file ($7$)")
    parser.add_argument("--permissions", type=Path, required=True, help="a Mosquitto ACL file")
    parser.add_argument("--retained", type=Path, help="file that keeps retained messages")
    parser.add_argument("--pid-file", type=Path, help="file for the process id, which SIGHUP is sent to")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if options.pid_file is not None:
        options.pid_file.write_text(f"{os.getpid()}\n")
    asyncio.run(serve(BrokerCore(options.passwords, options.permissions, options.retained), options.host, options.port))


if __name__ == "__main__":
    main()
