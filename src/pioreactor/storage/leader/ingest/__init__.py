"""The database writer's side: how rows of measurements enter the leader's database."""
