output "id" {
  description = "Resource id of the account."
  value       = azurerm_storage_account.this.id
}

output "account" {
  description = "Name of the account."
  value       = azurerm_storage_account.this.name
}

output "url" {
  description = "Address of its blobs, as the processes want it."
  value       = azurerm_storage_account.this.primary_blob_endpoint
}

output "container" {
  description = "The container of the watermarks: name and resource id."
  value       = { name = azurerm_storage_container.watermarks.name, id = azurerm_storage_container.watermarks.id }
}

output "replication_type" {
  description = "How the account is replicated."
  value       = azurerm_storage_account.this.account_replication_type
}

output "min_tls_version" {
  description = "The oldest TLS that is accepted."
  value       = azurerm_storage_account.this.min_tls_version
}

output "versioning_enabled" {
  description = "Whether earlier watermarks are kept."
  value       = azurerm_storage_account.this.blob_properties[0].versioning_enabled
}

output "soft_delete_days" {
  description = "Days in which a deleted blob can be restored."
  value       = try(azurerm_storage_account.this.blob_properties[0].delete_retention_policy[0].days, 0)
}

output "connection_strings_enabled" {
  description = "Whether keys are accepted beside identities."
  value       = azurerm_storage_account.this.shared_access_key_enabled
}

output "connection_string" {
  description = "Connection string of the blobs. Of use only where connection strings are enabled."
  value       = azurerm_storage_account.this.primary_blob_connection_string
  sensitive   = true
}
