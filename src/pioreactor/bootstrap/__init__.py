"""The composition root: the only importer of adapters."""

from pioreactor.bootstrap.process import build_runtime as build_runtime
