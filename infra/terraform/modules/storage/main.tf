# The account that keeps the watermarks: up to where each feed has been taken in.

resource "azurerm_storage_account" "this" {
  name                     = var.name
  location                 = var.location
  resource_group_name      = var.resource_group_name
  account_kind             = "StorageV2"
  account_tier             = "Standard"
  account_replication_type = var.replication_type
  min_tls_version          = "TLS1_2"

  https_traffic_only_enabled       = true
  allow_nested_items_to_be_public  = false
  local_user_enabled               = false
  cross_tenant_replication_enabled = false
  default_to_oauth_authentication  = true
  shared_access_key_enabled        = var.connection_strings_enabled

  blob_properties {
    versioning_enabled = var.versioning_enabled

    dynamic "delete_retention_policy" {
      for_each = var.soft_delete_days > 0 ? [var.soft_delete_days] : []
      content {
        days = delete_retention_policy.value
      }
    }

    dynamic "container_delete_retention_policy" {
      for_each = var.soft_delete_days > 0 ? [var.soft_delete_days] : []
      content {
        days = container_delete_retention_policy.value
      }
    }
  }

  tags = var.tags
}

# Named by its account's id: Azure then creates it without asking the account for a key.
resource "azurerm_storage_container" "watermarks" {
  name                  = var.container_name
  storage_account_id    = azurerm_storage_account.this.id
  container_access_type = "private"
}

# A version is kept for every move of the watermark; those older than anyone would go back to are removed.
resource "azurerm_storage_management_policy" "versions" {
  count = var.versioning_enabled ? 1 : 0

  storage_account_id = azurerm_storage_account.this.id

  rule {
    name    = "old-versions"
    enabled = true

    filters {
      blob_types   = ["blockBlob"]
      prefix_match = ["${azurerm_storage_container.watermarks.name}/"]
    }

    actions {
      version {
        delete_after_days_since_creation = var.version_days
      }
    }
  }
}
