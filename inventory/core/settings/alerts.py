"""Settings of alerts: mails, and a webhook."""

from typing import Annotated, Literal
from uuid import UUID

from inventory.core.settings.addresses import HttpUrl, SecretHttpUrl
from inventory.core.settings.section import ServerSection, setting
from inventory.core.settings.values import SecretStr


class AlertSettings(ServerSection, title="Alerts"):
    """Settings of alert mails."""

    resend_api_key: Annotated[SecretStr | None, setting("Key of resend.com.", example="re_...")] = None
    resend_api_url: Annotated[HttpUrl, setting("Endpoint of Resend.")] = "https://api.resend.com"
    alert_from: Annotated[str | None, setting("Sender of alerts.", example="Diamond Inventory <sync@example.com>")] = (
        None
    )
    alert_to: Annotated[str | None, setting("Recipients, separated by commas.", example="ops@example.com")] = None
    alert_webhook_url: Annotated[
        SecretHttpUrl | None,
        setting(
            "Address that receives each alert as an HTTP POST, beside the mails. It is a secret.",
            example="https://hooks.slack.com/services/...",
        ),
    ] = None
    alert_webhook_format: Annotated[
        Literal["generic", "slack"], setting("Body of the POST: a JSON object of the alert, or Slack's `text`.")
    ] = "generic"
    alert_shell: Annotated[
        str | None,
        setting(
            "Command in alerts that opens a shell of a role, named by {role}; when not set, the commands run in a terminal.",
            example="az containerapp exec --resource-group diamonds --name {role} --command sh",
        ),
    ] = None
    alert_dashboard_url: Annotated[
        str | None,
        setting("Public address of the dashboard, for links in alerts.", example="https://example.com/dashboard"),
    ] = None

    def shell_of(self, role: str) -> str:
        """Return the command that opens a shell of a role."""
        return (self.alert_shell or "").replace("{role}", role)

    def dashboard_page(self, run_id: UUID | None) -> str:
        """Return the address of a run in the dashboard; empty if the address of the dashboard is not set."""
        if not self.alert_dashboard_url:
            return ""
        base = self.alert_dashboard_url.rstrip("/")
        return f"{base}#/runs/{run_id}" if run_id else base
