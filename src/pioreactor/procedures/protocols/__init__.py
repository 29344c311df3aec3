"""The calibration protocols that are built in. Importing this package registers them."""

from pioreactor.procedures.protocols import dc_based as dc_based
from pioreactor.procedures.protocols import duration_based as duration_based
from pioreactor.procedures.protocols import manual_focus as manual_focus
from pioreactor.procedures.protocols import od_fusion_offset as od_fusion_offset
from pioreactor.procedures.protocols import od_fusion_standards as od_fusion_standards
from pioreactor.procedures.protocols import standards as standards
