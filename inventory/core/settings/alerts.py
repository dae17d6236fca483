"""Settings of alert mails."""

from typing import Annotated

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from inventory.core.settings.addresses import HttpUrl
from inventory.core.settings.section import ServerSection, setting


class AlertSettings(ServerSection):
    """Settings of alert mails."""

    model_config = SettingsConfigDict(title="Alerts")

    resend_api_key: Annotated[SecretStr | None, setting("Key of resend.com.", example="re_...")] = None
    resend_api_url: Annotated[HttpUrl, setting("Endpoint of Resend.")] = "https://api.resend.com"
    alert_from: Annotated[str | None, setting("Sender of alerts.", example="Diamond Inventory <sync@example.com>")] = (
        None
    )
    alert_to: Annotated[str | None, setting("Recipients, separated by commas.", example="ops@example.com")] = None
