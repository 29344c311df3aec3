"""Curves through calibration data: polynomials and piecewise cubics, read forwards and backwards."""

from pioreactor.science.curves.curve import Curve as Curve
from pioreactor.science.curves.curve import PiecewiseCubic as PiecewiseCubic
from pioreactor.science.curves.curve import Polynomial as Polynomial
from pioreactor.science.curves.curve import check_invertible as check_invertible
from pioreactor.science.curves.curve import sampled as sampled
from pioreactor.science.curves.inverse import AboveDomainError as AboveDomainError
from pioreactor.science.curves.inverse import BelowDomainError as BelowDomainError
from pioreactor.science.curves.inverse import NoSolutionError as NoSolutionError
from pioreactor.science.curves.inverse import invert as invert
