# Staging: as small as it gets. Nothing runs while there are no requests.

locals {
  name = "diamonds-staging"
  tags = merge({ application = "diamond-inventory", environment = "staging", managed-by = "terraform" }, var.tags)
}

resource "azurerm_resource_group" "this" {
  name     = local.name
  location = var.location
  tags     = local.tags
}

module "service_bus" {
  source = "../../modules/service-bus"

  name                       = "${local.name}-${var.unique}"
  location                   = azurerm_resource_group.this.location
  resource_group_name        = azurerm_resource_group.this.name
  sku                        = "Basic"
  connection_strings_enabled = var.access == "connection_string"
  tags                       = local.tags
}

module "storage" {
  source = "../../modules/storage"

  name                       = "diamondsstaging${var.unique}"
  location                   = azurerm_resource_group.this.location
  resource_group_name        = azurerm_resource_group.this.name
  replication_type           = "LRS"
  versioning_enabled         = false
  soft_delete_days           = 7
  connection_strings_enabled = var.access == "connection_string"
  tags                       = local.tags
}

module "container_registry" {
  source = "../../modules/container-registry"

  name                = "diamondsstaging${var.unique}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  sku                 = "Basic"
  admin_enabled       = var.registry_admin_enabled
  tags                = local.tags
}

module "container_apps" {
  source = "../../modules/container-apps"

  name                = local.name
  environment         = "staging"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name

  image          = "${module.container_registry.login_server}/${var.image}"
  registry_admin = module.container_registry.admin
  registry = {
    id           = module.container_registry.id
    login_server = module.container_registry.login_server
    pull         = var.registry_pull
  }

  access = var.access
  service_bus = {
    namespace          = module.service_bus.namespace
    namespace_id       = module.service_bus.namespace_id
    hostname           = module.service_bus.hostname
    queues             = module.service_bus.queues
    max_delivery_count = module.service_bus.max_delivery_count
    connection_string  = module.service_bus.connection_string
  }
  storage = {
    url               = module.storage.url
    container         = module.storage.container
    connection_string = module.storage.connection_string
  }

  settings    = var.settings
  settings_of = local.settings_of
  secrets     = var.secrets
  key_vault   = var.key_vault

  api          = { min_replicas = 0, max_replicas = 2 }
  consolidator = { min_replicas = 0 }
  jobs         = { min_replicas = 0, once_cron = "*/5 * * * *" }
  worker       = { min_replicas = 0, max_replicas = 30 }

  custom_domain      = var.custom_domain
  network            = var.network
  alarms             = { action_groups = var.alarm_action_groups, emails = var.alarm_emails }
  log_retention_days = 7
  tags               = local.tags
}

# What holds data or is hard to recreate: watermarks, images that were proved, logs, and the environment, with which addresses
# and domains would change. Not Service Bus: the processes send lost messages again.
resource "azurerm_management_lock" "this" {
  for_each = var.locks ? {
    watermarks  = module.storage.id
    registry    = module.container_registry.id
    logs        = module.container_apps.log_workspace_id
    environment = module.container_apps.environment_id
  } : {}

  name       = "keep-${each.key}"
  scope      = each.value
  lock_level = "CanNotDelete"
  notes      = "Set by Terraform (locks). See docs/how-to/deploy.md, \"Locks\"."
}

locals {
  # The ingress of Container Apps comes from this range and says who is behind it. Nothing else reaches a replica.
  api_settings = { TRUSTED_PROXIES = "100.64.0.0/10" }

  # Merged for each role: a setting for the API replaces that setting only.
  settings_of = merge(var.settings_of, { api = merge(local.api_settings, lookup(var.settings_of, "api", {})) })
}
