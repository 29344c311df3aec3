"""What suggestions of campaigns cost, and how good they are."""
