"""Benchmarks: each measures ours beside a stated reference."""
