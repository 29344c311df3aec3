"""The calibrations of a unit: load, save and delete them, and select the active one of each device."""

from pioreactor.calibrations.models import PUMP_DEVICES as PUMP_DEVICES
from pioreactor.calibrations.models import check_device as check_device
from pioreactor.calibrations.models import files

# `ArtifactStore` says what each does.
parse, check = files.parse, files.check
load, save, delete, names, list_all = files.load, files.save, files.delete, files.names, files.list_all
load_active, set_active = files.load_active, files.set_active
active_name, active_names = files.active_name, files.active_names
