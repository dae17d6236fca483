"""Settings of authentication and rate limits."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from inventory.core.settings.section import SettingsSection, setting
from inventory.core.settings.values import Checked, SecretStr
from inventory.core.tls import Tls


def _are_secrets(value: SecretStr, _tls: Tls) -> SecretStr:
    _secrets_by_client(value.get_secret_value())
    return value


def _secrets_by_client(text: str) -> Mapping[str, Sequence[bytes]]:
    wrong = ValueError("should be a JSON object from client ids to a secret or a list of secrets, none of them empty")
    try:
        given = msgspec.json.decode(text, type=dict[str, str | list[str]])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise wrong from None
    listed = {client: [secrets] if isinstance(secrets, str) else secrets for client, secrets in given.items()}
    if not all(client and secrets and all(secrets) for client, secrets in listed.items()):
        raise wrong
    return {client: [secret.encode() for secret in secrets] for client, secrets in listed.items()}


SigningSecrets = Annotated[SecretStr, Checked(_are_secrets)]


class AuthSettings(SettingsSection, title="Access"):
    """Settings of authentication and rate limits."""

    hmac_secrets: Annotated[
        SigningSecrets | None,
        setting(
            "JSON object from the id of each signing client to its secret, or to a list of secrets during a rotation.",
            example='{"acme": "a long secret"}',
        ),
    ] = None

    hmac_hosts: Annotated[
        str,
        setting(
            "Hosts accepted in request signatures (version 2), separated by commas; when not set, any.",
            example="inventory.example.com",
        ),
    ] = ""

    rate_limit_reads_per_minute: Annotated[
        int, setting("Read requests per minute of one key.", ge=1, le=60_000_000)
    ] = 60_000
    rate_limit_writes_per_minute: Annotated[
        int, setting("Write requests per minute of one key.", ge=1, le=60_000_000)
    ] = 600
    rate_limit_failures_per_minute: Annotated[
        int, setting("Failed logins per minute of one client address.", ge=1, le=60_000_000)
    ] = 120
    rate_limit_local_share: Annotated[
        float,
        setting("Share of these limits that each process grants while Redis is unavailable.", gt=0, le=1),
    ] = 0.2

    @property
    def signing_hosts(self) -> frozenset[str]:
        """Hosts accepted in signatures, in lower case. An empty set accepts any."""
        return frozenset(host.strip().lower() for host in self.hmac_hosts.split(",") if host.strip())

    def signing_secrets(self) -> Mapping[str, Sequence[bytes]]:
        """Valid secrets by id of the signing client."""
        return _secrets_by_client(self.hmac_secrets.get_secret_value()) if self.hmac_secrets else {}
