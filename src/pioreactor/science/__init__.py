"""Formulas: values in, values out."""
