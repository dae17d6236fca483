# Alarms on what the inventory can't report itself: the jobs send its mails, and a mail that is not sent is not missed. Each
# alarm has a row in docs/how-to/runbook.md.

locals {
  alarms = {
    api-errors = {
      says      = "The API answers with errors of its own."
      scope     = azurerm_container_app.service["api"].id
      namespace = "Microsoft.App/containerapps"
      metric    = "Requests", aggregation = "Total", operator = "GreaterThan", threshold = var.alarms.api_errors
      dimension = { name = "statusCodeCategory", values = ["5xx"] }
      window    = "PT15M", severity = 1
    }
    messages-wait = {
      says      = "Messages have been waiting for an hour: no replica takes them, or the scaler starts none."
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
  }

  # Every receiver: the group of the addresses, and the groups that exist elsewhere.
  action_groups = concat(azurerm_monitor_action_group.operators[*].id, var.alarms.action_groups)

  # Services with at least one replica: an alarm reports when there is none.
  staying = toset([for name in ["api", "consolidator", "jobs"] : name if local.services[name].min_replicas > 0])

  # Alarms on logs. `Count` counts the rows that a query returns; no row is 0, so "LessThan 1" also works without data.
  # A metric alert does not: without a replica there is no metric "Replicas" and the rule is not evaluated.
  log_alarms = merge(
    {
      # Not the metric RestartCount: it is the sum since a replica was created, so that the alarm would never end
      # (https://github.com/microsoft/azure-container-apps/issues/467). Reasons and texts of the system log:
      # https://azureossd.github.io/2024/01/19/Container-Apps-Backoff-restarts-and-container-exits/
      for name, app in azurerm_container_app.service : "${name}-restarts" => {
        says      = "The ${name} stops with an error and is started again."
        query     = <<-KQL
          ContainerAppSystemLogs_CL
          | where ContainerAppName_s == '${app.name}'
          | where Reason_s == 'ContainerBackOff'
              or (Reason_s == 'ContainerTerminated' and Log_s matches regex @"exit code '[1-9]")
        KQL
        operator  = "GreaterThan"
        threshold = var.alarms.restarts
        severity  = 2
      }
    },
    {
      for name in local.staying : "${name}-away" => {
        says      = "There is no replica of the ${name}."
        query     = <<-KQL
          AzureMetrics
          | where ResourceId =~ '${azurerm_container_app.service[name].id}'
          | where MetricName == 'Replicas' and Maximum >= 1
        KQL
        operator  = "LessThan"
        threshold = 1
        severity  = 1
      }
    },
    # Where services scale to zero, a job does what is due: its log is what shows that the jobs are done.
    var.jobs.once_cron == null ? {} : {
      jobs-once-away = {
        says      = "What is due regularly was not done for an hour."
        query     = <<-KQL
          ContainerAppConsoleLogs_CL
          | where ContainerJobName_s == 'jobs-once'
        KQL
        operator  = "LessThan"
        threshold = 1
        severity  = 1
        window    = "PT1H"
      }
    },
    {
      # By its log, which needs no replica now: a night without a completed run is noticed at zero replicas too.
      freshness = {
        says      = "No sync run has completed for ${var.alarms.freshness_hours} hours."
        query     = <<-KQL
          ContainerAppConsoleLogs_CL
          | where TimeGenerated > ago(${var.alarms.freshness_hours}h)
          | where Log_s has 'run_completed'
        KQL
        operator  = "LessThan"
        threshold = 1
        severity  = 1
        window    = "P2D"
        frequency = "PT1H"
      }
      redis = {
        says      = "Redis does not answer: no job starts, and rate limits are those of each process."
        query     = <<-KQL
          ContainerAppConsoleLogs_CL
          | where Log_s has_any ('redis_unavailable', 'redis_script_failed', 'redis_misconfigured')
        KQL
        operator  = "GreaterThan"
        threshold = var.alarms.redis_failures
        severity  = 1
      }
    },
  )
}

# A receiver from the first deployment on: an alarm without one shows in the portal only.
resource "azurerm_monitor_action_group" "operators" {
  count = length(var.alarms.emails) > 0 ? 1 : 0

  name                = "${var.name}-operators"
  resource_group_name = var.resource_group_name
  short_name          = "operators"
  tags                = var.tags

  dynamic "email_receiver" {
    for_each = toset(var.alarms.emails)
    content {
      name                    = email_receiver.value
      email_address           = email_receiver.value
      use_common_alert_schema = true
    }
  }
}

resource "azurerm_monitor_metric_alert" "alarm" {
  for_each = local.alarms

  name                = "${var.name}-${each.key}"
  resource_group_name = var.resource_group_name
  description         = "${each.value.says} See docs/how-to/runbook.md."
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
    for_each = local.action_groups
    content {
      action_group_id = action.value
    }
  }
}

resource "azurerm_monitor_scheduled_query_rules_alert_v2" "alarm" {
  for_each = local.log_alarms

  name                 = "${var.name}-${each.key}"
  location             = var.location
  resource_group_name  = var.resource_group_name
  description          = "${each.value.says} See docs/how-to/runbook.md."
  scopes               = [azurerm_log_analytics_workspace.this.id]
  severity             = each.value.severity
  evaluation_frequency = lookup(each.value, "frequency", "PT5M")
  window_duration      = lookup(each.value, "window", "PT15M")
  # The alarm ends by itself when the rule is no longer met.
  auto_mitigation_enabled = true
  # The tables exist only after the first logs.
  skip_query_validation = true
  tags                  = var.tags

  criteria {
    query                   = each.value.query
    time_aggregation_method = "Count"
    operator                = each.value.operator
    threshold               = each.value.threshold
  }

  dynamic "action" {
    for_each = length(local.action_groups) > 0 ? [local.action_groups] : []
    content {
      action_groups = action.value
    }
  }
}

# The number of replicas as rows of the workspace, for the alarms "away".
resource "azurerm_monitor_diagnostic_setting" "replicas" {
  for_each = local.staying

  name                       = "metrics"
  target_resource_id         = azurerm_container_app.service[each.key].id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id

  enabled_metric {
    category = "AllMetrics"
  }
}
