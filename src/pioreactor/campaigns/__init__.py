"""Campaigns: experiments over several units whose next settings follow from what was measured."""
