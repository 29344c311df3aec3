"""Headers of every response."""

from typing import Any


def test_security_headers_are_on_every_response(leader: Any) -> None:
    for path in ("/", "/api/health", "/api/nowhere", "/auth/me"):
        headers = leader.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        script = next(part for part in headers["content-security-policy"].split("; ") if part.startswith("script-src"))
        assert script == "script-src 'self'"
