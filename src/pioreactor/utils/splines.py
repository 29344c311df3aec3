"""Curve fitting under the name plugins import."""

from pioreactor.science.curves.fitting import spline_fit as spline_fit
