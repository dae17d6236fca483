# What the inventory can't tell of itself: its mails are sent by the jobs, and their absence would not be noticed. Each alarm has its
# paragraph in docs/runbook.md.

locals {
  alarms = merge(
    {
      api-errors = {
        says      = "The API answers with errors of its own."
        scope     = azurerm_container_app.service["api"].id
        namespace = "Microsoft.App/containerapps"
        metric    = "Requests", aggregation = "Total", operator = "GreaterThan", threshold = var.alarms.api_errors
        dimension = { name = "statusCodeCategory", values = ["5xx"] }
        window    = "PT15M", severity = 1
      }
      messages-wait = {
        says      = "Messages have been waiting for an hour: no service receives them, or none starts."
        scope     = var.service_bus.namespace_id
        namespace = "Microsoft.ServiceBus/namespaces"
        metric    = "ActiveMessages", aggregation = "Minimum", operator = "GreaterThan", threshold = 0
        dimension = { name = "EntityName", values = [for queue in var.service_bus.queues : queue.name] }
        window    = "PT1H", severity = 1
      }
      dead-letters = {
        says      = "Messages were put aside."
        scope     = var.service_bus.namespace_id
        namespace = "Microsoft.ServiceBus/namespaces"
        metric    = "DeadletteredMessages", aggregation = "Maximum", operator = "GreaterThan", threshold = 0
        dimension = { name = "EntityName", values = [for queue in var.service_bus.queues : queue.name] }
        window    = "PT15M", severity = 2
      }
    },
    {
      for name, app in azurerm_container_app.service : "${name}-restarts" => {
        says      = "The ${name} is started again and again."
        scope     = app.id
        namespace = "Microsoft.App/containerapps"
        metric    = "RestartCount", aggregation = "Maximum", operator = "GreaterThan", threshold = var.alarms.restarts
        dimension = null
        window    = "PT15M", severity = 2
      }
    },
    {
      for name in ["api", "consolidator", "jobs"] : "${name}-away" => {
        says      = "There is no replica of the ${name}."
        scope     = azurerm_container_app.service[name].id
        namespace = "Microsoft.App/containerapps"
        metric    = "Replicas", aggregation = "Maximum", operator = "LessThan", threshold = 1
        dimension = null
        window    = "PT15M", severity = 1
      } if local.services[name].min_replicas > 0
    },
  )
}

resource "azurerm_monitor_metric_alert" "alarm" {
  for_each = local.alarms

  name                = "${var.name}-${each.key}"
  resource_group_name = var.resource_group_name
  description         = "${each.value.says} See docs/runbook.md."
  scopes              = [each.value.scope]
  severity            = each.value.severity
  frequency           = "PT5M"
  window_size         = each.value.window
  tags                = var.tags

  criteria {
    metric_namespace = each.value.namespace
    metric_name      = each.value.metric
    aggregation      = each.value.aggregation
    operator         = each.value.operator
    threshold        = each.value.threshold

    dynamic "dimension" {
      for_each = each.value.dimension == null ? [] : [each.value.dimension]
      content {
        name     = dimension.value.name
        operator = "Include"
        values   = dimension.value.values
      }
    }
  }

  dynamic "action" {
    for_each = var.alarms.action_groups
    content {
      action_group_id = action.value
    }
  }
}
