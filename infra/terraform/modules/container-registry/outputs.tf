output "id" {
  description = "Resource id of the registry, to grant pulls on."
  value       = azurerm_container_registry.this.id
}

output "name" {
  description = "Name of the registry."
  value       = azurerm_container_registry.this.name
}

output "login_server" {
  description = "Host that images are pulled from."
  value       = azurerm_container_registry.this.login_server
}

output "sku" {
  description = "SKU of the registry."
  value       = azurerm_container_registry.this.sku
}

output "admin" {
  description = "The admin account, null where it is off."
  value = azurerm_container_registry.this.admin_enabled ? {
    username = azurerm_container_registry.this.admin_username
    password = azurerm_container_registry.this.admin_password
  } : null
  sensitive = true
}
