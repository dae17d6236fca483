# The namespace and its three queues. The database knows what is true; a message only says where to look.

resource "azurerm_servicebus_namespace" "this" {
  name                = var.name
  location            = var.location
  resource_group_name = var.resource_group_name
  sku                 = var.sku
  minimum_tls_version = "1.2"
  local_auth_enabled  = var.connection_strings_enabled
  tags                = var.tags
}

resource "azurerm_servicebus_queue" "this" {
  for_each = var.queues

  name                                 = each.value
  namespace_id                         = azurerm_servicebus_namespace.this.id
  lock_duration                        = var.lock_duration
  max_delivery_count                   = var.max_delivery_count
  default_message_ttl                  = var.message_ttl
  dead_lettering_on_message_expiration = true
  max_size_in_megabytes                = 1024
}
