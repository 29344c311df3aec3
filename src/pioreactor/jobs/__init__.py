"""The framework of jobs: a job is an actor on one lane."""
