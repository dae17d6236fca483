# Where the services run, and where their logs go.

locals {
  # A workspace keeps 30 days at least, whatever is asked for. Shorter times are set on its tables, once they exist.
  workspace_retention_days = max(30, var.log_retention_days)
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
}
