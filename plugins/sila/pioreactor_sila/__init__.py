"""SiLA 2 server of a unit."""

from pioreactor_sila.job import SilaServer as SilaServer
