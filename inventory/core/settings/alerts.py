"""Settings of alert mails."""

from typing import Annotated

from pydantic import BaseModel, SecretStr

from inventory.core.settings.addresses import HttpUrl
from inventory.core.settings.field import setting


class AlertSettings(BaseModel):
    """Settings of alert mails."""

    resend_api_key: Annotated[SecretStr | None, setting("Alerts", "Key of resend.com.", example="re_...")] = None
    resend_api_url: Annotated[HttpUrl, setting("Alerts", "Endpoint of Resend.")] = "https://api.resend.com"
    alert_from: Annotated[
        str | None, setting("Alerts", "Sender of alerts.", example="Diamond Inventory <sync@example.com>")
    ] = None
    alert_to: Annotated[
        str | None, setting("Alerts", "Recipients, separated by commas.", example="ops@example.com")
    ] = None
