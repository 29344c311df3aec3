"""Framework of background jobs: each job is an actor that runs on one lane."""
