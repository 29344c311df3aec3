"""Check of the plugins that a profile requires."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pioreactor.experiment_profiles.profile_struct import InvalidProfileError, PluginRequirement


def check_plugins(needed: Iterable[PluginRequirement], installed: Mapping[str, str]) -> None:
    """Raise `InvalidProfileError` when a plugin is missing or of another version. `installed`: name → version."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion, Version

    for plugin in needed:
        version = installed.get(plugin.name, installed.get(plugin.name.replace("_", "-")))
        if version is None:
            raise InvalidProfileError(
                f"the profile needs the plugin {plugin.name}, which is not installed",
                remedy=f"Install {plugin.name} {plugin.version} on the leader and the workers.",
            )
        wanted = plugin.version.strip()
        try:
            fits = Version(version) in SpecifierSet(wanted if wanted[:1] in "<>=" else f"=={wanted}", prereleases=True)
        except (InvalidSpecifier, InvalidVersion) as error:
            raise InvalidProfileError(f"the version of {plugin.name} cannot be compared: {error}") from error
        if not fits:
            raise InvalidProfileError(
                f"the profile needs {plugin.name} {wanted}, but {version} is installed",
                remedy="Install a matching version, or change `plugins` in the profile.",
            )
