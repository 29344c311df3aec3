"""Processes of this computer: launching, liveness, termination, stopping of jobs, and the watchdog."""
