# A domain of the operator's own for the API. DNS records at its provider come first (output dns_records): Azure refuses a
# domain without them.

locals {
  managed_domain = var.custom_domain.name != null && var.custom_domain.certificate_id == null
  given_domain   = var.custom_domain.name != null && var.custom_domain.certificate_id != null

  api_host = coalesce(var.custom_domain.name, "api.${azurerm_container_app_environment.this.default_domain}")
}

# With a certificate that was uploaded to the environment.
resource "azurerm_container_app_custom_domain" "given" {
  count = local.given_domain ? 1 : 0

  name                                     = var.custom_domain.name
  container_app_id                         = azurerm_container_app.service["api"].id
  container_app_environment_certificate_id = var.custom_domain.certificate_id
  certificate_binding_type                 = "SniEnabled"
}

# With Azure's own certificate, which it issues for a domain that a service already has, and renews.
resource "azurerm_container_app_custom_domain" "managed" {
  count = local.managed_domain ? 1 : 0

  name             = var.custom_domain.name
  container_app_id = azurerm_container_app.service["api"].id

  # Set outside of Terraform once the certificate is bound; taken as a difference, they would replace the domain
  # (https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs/resources/container_app_custom_domain).
  lifecycle {
    ignore_changes = [certificate_binding_type, container_app_environment_certificate_id]
  }
}

resource "azurerm_container_app_environment_managed_certificate" "api" {
  count = local.managed_domain ? 1 : 0

  name                         = "api"
  container_app_environment_id = azurerm_container_app_environment.this.id
  subject_name                 = azurerm_container_app_custom_domain.managed[0].name
  domain_control_validation    = var.custom_domain.validation
  tags                         = var.tags
}
