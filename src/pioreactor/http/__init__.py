"""Asking other units over HTTP."""
