"""Takes over what the existing software has recorded: data, calibrations, profiles, plugins and configuration."""
