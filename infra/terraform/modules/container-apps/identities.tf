# Who the processes are, and the least that each may do. One identity for each role; none is shared.

resource "azurerm_user_assigned_identity" "role" {
  for_each = toset(local.roles)

  name                = "${var.name}-${each.key}"
  location            = var.location
  resource_group_name = var.resource_group_name
  tags                = var.tags
}

# Scaling by queue depth asks the queue for its length, which Service Bus grants only with the right to manage it. That
# right belongs to a separate identity, which no process uses.
resource "azurerm_user_assigned_identity" "scaler" {
  count = local.by_identity ? 1 : 0

  name                = "${var.name}-scaler"
  location            = var.location
  resource_group_name = var.resource_group_name
  tags                = var.tags
}

locals {
  # Every role reconciles when it starts: it may have to send work items and triggers that someone else lost.
  sends = {
    worker       = ["work_items", "work_done", "consolidate"]
    consolidator = ["work_items", "consolidate"]
    jobs         = ["work_items", "work_done", "consolidate"]
    scheduler    = ["work_items", "consolidate"]
  }

  # The jobs look at the dead letters of every queue, and replay them when a person says so.
  receives = {
    worker       = ["work_items"]
    consolidator = ["consolidate"]
    jobs         = ["work_items", "work_done", "consolidate"]
  }

  watermark_roles = {
    consolidator = "Storage Blob Data Contributor"
    jobs         = "Storage Blob Data Contributor"
    scheduler    = "Storage Blob Data Reader"
  }

  queue_grants = local.by_identity ? merge(
    { for pair in flatten([for role, queues in local.sends : [for queue in queues : { role = role, queue = queue }]]) :
    "${pair.role} sends ${pair.queue}" => merge(pair, { grant = "Azure Service Bus Data Sender" }) },
    { for pair in flatten([for role, queues in local.receives : [for queue in queues : { role = role, queue = queue }]]) :
    "${pair.role} receives ${pair.queue}" => merge(pair, { grant = "Azure Service Bus Data Receiver" }) },
  ) : {}
}

resource "azurerm_role_assignment" "queue" {
  for_each = local.queue_grants

  scope                = var.service_bus.queues[each.value.queue].id
  role_definition_name = each.value.grant
  principal_id         = azurerm_user_assigned_identity.role[each.value.role].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "scaler" {
  for_each = local.by_identity ? local.scaled_by : {}

  scope                = var.service_bus.queues[each.value.queue].id
  role_definition_name = "Azure Service Bus Data Owner"
  principal_id         = azurerm_user_assigned_identity.scaler[0].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "watermarks" {
  for_each = local.by_identity ? local.watermark_roles : {}

  scope                = var.storage.container.id
  role_definition_name = each.value
  principal_id         = azurerm_user_assigned_identity.role[each.key].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "pull" {
  for_each = local.by_admin ? toset([]) : toset(local.roles)

  scope                = var.registry.id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_user_assigned_identity.role[each.key].principal_id
  principal_type       = "ServicePrincipal"
}

# Each role may read the secrets of the vault that it gets, and no other.
resource "azurerm_role_assignment" "vault" {
  for_each = {
    for pair in flatten([for name in var.key_vault.secrets : [for role in local.secret_readers[name] : { role = role, name = name }]]) :
    "${pair.role} reads ${local.secret_key[pair.name]}" => pair
  }

  scope                = "${var.key_vault.id}/secrets/${local.secret_key[each.value.name]}"
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.role[each.value.role].principal_id
  principal_type       = "ServicePrincipal"
}
