# Where the services run, and where their logs go.

locals {
  # A workspace keeps 30 days at least, whatever is asked for. Shorter times are set on its tables, once they exist.
  workspace_retention_days = max(30, var.log_retention_days)

  workload_profile = "Consumption"
}

resource "azurerm_log_analytics_workspace" "this" {
  name                                    = "${var.name}-logs"
  location                                = var.location
  resource_group_name                     = var.resource_group_name
  sku                                     = "PerGB2018"
  retention_in_days                       = local.workspace_retention_days
  immediate_data_purge_on_30_days_enabled = local.workspace_retention_days == 30
  daily_quota_gb                          = var.log_daily_quota_gb
  tags                                    = var.tags
}

resource "azurerm_container_app_environment" "this" {
  name                       = var.name
  location                   = var.location
  resource_group_name        = var.resource_group_name
  logs_destination           = "log-analytics"
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id
  tags                       = var.tags

  # All three are chosen at creation; changing one replaces the environment with everything in it.
  # Without a workload profile the environment is of the legacy kind, which has neither NAT gateways nor routes
  # ("Networking in Azure Container Apps environment", https://learn.microsoft.com/azure/container-apps/networking).
  infrastructure_subnet_id = var.network.subnet_id
  zone_redundancy_enabled  = var.network.subnet_id == null ? null : var.network.zone_redundant

  workload_profile {
    name                  = local.workload_profile
    workload_profile_type = "Consumption"
  }

  # Azure names the group of the environment's own resources. Taken as a difference, it would replace the environment.
  lifecycle {
    ignore_changes = [infrastructure_resource_group_name]

    precondition {
      condition     = length(setsubtract(local.needed_names, local.secret_names)) == 0
      error_message = "${join(", ", local.needed_names)} must be given, in secrets or in key_vault.secrets."
    }

    precondition {
      condition     = length(setintersection(local.given_names, var.key_vault.secrets)) == 0
      error_message = "A secret is given by value (secrets) or by reference (key_vault.secrets), not by both."
    }
  }
}
