"""Where a unit keeps its files: one value, worked out from the environment that it is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from pioreactor.exc import ConfigurationError

DEFAULT_DOT_PIOREACTOR = Path("/home/pioreactor/.pioreactor")
DEFAULT_RUN_PIOREACTOR = Path("/run/pioreactor")
DEFAULT_LOG_FILE = Path("/var/log/pioreactor.log")
SERVER_SCHEMES: Final = ("postgresql://", "postgres://")
"""How the address of a database server begins."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The layout of spec core §0.1. Nothing is created or looked at here."""

    dot_pioreactor: Path
    """Root of what survives a reboot."""
    run_pioreactor: Path
    """Root of what does not (a tmpfs in production)."""
    global_config: Path
    local_config: Path
    exports: Path
    usb: Path
    log_file: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read `DOT_PIOREACTOR`, `RUN_PIOREACTOR`, `GLOBAL_CONFIG`, `LOCAL_CONFIG`, `PIO_EXPORTS_DIR`,
        `PIOREACTOR_USB_MOUNT_ROOT` and `PIO_LOG_FILE`; an empty variable counts as absent."""

        def path(name: str, default: Path) -> Path:
            text = environment.get(name, "")
            return Path(text).expanduser() if text else default

        dot = path("DOT_PIOREACTOR", DEFAULT_DOT_PIOREACTOR)
        run = path("RUN_PIOREACTOR", DEFAULT_RUN_PIOREACTOR)
        return cls(
            dot_pioreactor=dot,
            run_pioreactor=run,
            global_config=path("GLOBAL_CONFIG", dot / "config.ini"),
            local_config=path("LOCAL_CONFIG", dot / "unit_config.ini"),
            # Not below `run`, which is memory on a unit: an archive can be larger than that.
            exports=path("PIO_EXPORTS_DIR", dot / "storage" / "exports"),
            usb=path("PIOREACTOR_USB_MOUNT_ROOT", run / "usb"),
            log_file=path("PIO_LOG_FILE", DEFAULT_LOG_FILE),
        )

    @classmethod
    def below(cls, root: Path) -> Self:
        """Put everything of one unit below one directory: a simulated unit, or a test's."""
        return cls.from_environment(
            {
                "DOT_PIOREACTOR": str(root / "dot_pioreactor"),
                "RUN_PIOREACTOR": str(root / "run"),
                "PIO_LOG_FILE": str(root / "pioreactor.log"),
            }
        )

    @property
    def storage(self) -> Path:
        return self.dot_pioreactor / "storage"

    @property
    def database(self) -> Path:
        """The leader's database, unless `[storage] database` names another."""
        return self.storage / "pioreactor.sqlite"

    def database_named(self, name: str | None) -> Path:
        """Return the file of the leader's database; `name` is what `[storage] database` has, blank for the usual place.

        Raise `ConfigurationError` where the data are on a server.
        """
        if name and name.startswith(SERVER_SCHEMES):
            raise ConfigurationError(
                "this works with a database of SQLite only, and the leader's is PostgreSQL",
                remedy="See the how-to Keep the database in PostgreSQL for what to do instead.",
            )
        return Path(name) if name else self.database

    def experiment_record(self, created_at: str) -> Path:
        """Return the folder of what came over with an experiment besides its rows.

        It is found by the moment at which the experiment was created, which stays when it is renamed.
        """
        return self.storage / "experiment_records" / "".join(filter(str.isalnum, created_at))[:40]

    @property
    def persistent_store(self) -> Path:
        return self.storage / "local_persistent_pioreactor_metadata.sqlite"

    @property
    def journal(self) -> Path:
        return self.storage / "journal.sqlite"

    @property
    def simulated_vial(self) -> Path:
        """What is in the vial of a simulated reactor."""
        return self.storage / "simulated_vial.json"

    @property
    def audit_spool(self) -> Path:
        """Commands that were typed on this machine and are not in the audit trail of the leader yet."""
        return self.storage / "audit_spool"

    @property
    def secrets(self) -> Path:
        """Passwords and keys of this unit; mode 0700."""
        return self.storage / "secrets"

    @property
    def tls(self) -> Path:
        """Certificates and keys of this unit."""
        return self.secrets / "tls"

    @property
    def authority(self) -> Path:
        """Certificate of the cluster's authority; absent where no cluster with certificates was joined."""
        return self.tls / "ca.pem"

    @property
    def calibrations(self) -> Path:
        return self.storage / "calibrations"

    @property
    def estimators(self) -> Path:
        return self.storage / "estimators"

    @property
    def camera_stills(self) -> Path:
        return self.storage / "camera_stills"

    @property
    def camera_focus_previews(self) -> Path:
        return self.storage / "camera_focus_previews"

    @property
    def camera_options(self) -> Path:
        """Options of the program that takes pictures, one `name=value` per line; absent unless a person wrote them."""
        return self.dot_pioreactor / "camera" / "viewing.conf"

    @property
    def hardware(self) -> Path:
        return self.dot_pioreactor / "hardware"

    @property
    def models(self) -> Path:
        return self.dot_pioreactor / "models"

    @property
    def plugins(self) -> Path:
        return self.dot_pioreactor / "plugins"

    @property
    def ui(self) -> Path:
        return self.dot_pioreactor / "ui"

    @property
    def experiment_profiles(self) -> Path:
        return self.dot_pioreactor / "experiment_profiles"

    @property
    def rehearsals(self) -> Path:
        return self.storage / "rehearsals"

    @property
    def exportable_datasets(self) -> Path:
        return self.dot_pioreactor / "exportable_datasets"

    @property
    def cache(self) -> Path:
        return self.run_pioreactor / "cache"

    @property
    def volatile_store(self) -> Path:
        return self.cache / "local_intermittent_pioreactor_metadata.sqlite"

    @property
    def tasks(self) -> Path:
        """Results of background tasks of the web API."""
        return self.cache / "tasks.sqlite"

    @property
    def locks(self) -> Path:
        """Lock files of actuators; the kernel drops a lock when its owner dies."""
        return self.run_pioreactor / "locks"

    @property
    def fork_server(self) -> Path:
        """Socket of the process that forks jobs."""
        return self.run_pioreactor / "fork_server.sock"
