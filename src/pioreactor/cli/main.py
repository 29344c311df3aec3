"""`pio`: this unit's command line."""

import sys


def main() -> None:
    """Run one command and exit with its status."""
    arguments = sys.argv[1:]
    if arguments in (["version"], ["--version"]):
        # asked by scripts and by every update: answered before anything else is imported
        from pioreactor.version import __version__

        sys.stdout.write(f"{__version__}\n")
        return
    from pioreactor.cli import fast_start

    if fast_start.can_start(arguments):
        fast_start.start_and_exit(arguments[1])
    from pioreactor.cli.exit_codes import run_and_exit
    from pioreactor.cli.tree import pio

    run_and_exit(pio, arguments)


if __name__ == "__main__":
    main()
