output "namespace" {
  description = "Short name of the namespace, as the scaling rules want it."
  value       = azurerm_servicebus_namespace.this.name
}

output "hostname" {
  description = "Host of the namespace, as the processes want it."
  value       = "${azurerm_servicebus_namespace.this.name}.servicebus.windows.net"
}

output "namespace_id" {
  description = "Resource id of the namespace."
  value       = azurerm_servicebus_namespace.this.id
}

output "queues" {
  description = "The queues by what they are for: name and resource id."
  value       = { for purpose, queue in azurerm_servicebus_queue.this : purpose => { name = queue.name, id = queue.id } }
}

output "max_delivery_count" {
  description = "Deliveries before a dead letter, as set on every queue."
  value       = one(distinct([for queue in azurerm_servicebus_queue.this : queue.max_delivery_count]))
}

output "sku" {
  description = "SKU of the namespace."
  value       = azurerm_servicebus_namespace.this.sku
}

output "connection_strings_enabled" {
  description = "Whether keys are accepted beside identities."
  value       = azurerm_servicebus_namespace.this.local_auth_enabled
}

output "connection_string" {
  description = "Connection string with the right to manage, which scaling by queue depth needs. Of use only where connection strings are enabled."
  value       = azurerm_servicebus_namespace.this.default_primary_connection_string
  sensitive   = true
}
