# One registry for each environment: production imports the image that staging proved, by its digest.

resource "azurerm_container_registry" "this" {
  name                   = var.name
  location               = var.location
  resource_group_name    = var.resource_group_name
  sku                    = var.sku
  admin_enabled          = var.admin_enabled
  anonymous_pull_enabled = false
  tags                   = var.tags
}
