# The services that stay: the API, which alone is reached from outside, and the three that take messages.

locals {
  port = 3000

  services = {
    api          = merge(var.api, { arguments = ["-m", "app", "serve"] })
    worker       = merge(var.worker, { arguments = ["-m", "sync", "worker"] })
    consolidator = merge(var.consolidator, { arguments = ["-m", "sync", "consolidator"] })
    jobs         = merge(var.jobs, { arguments = ["-m", "sync", "jobs"] })
  }

  # Which queue wakes a service, and how many of its messages one replica is to have before another is started.
  scaled_by = {
    worker       = { queue = "work_items", messages = var.worker.messages_per_replica }
    consolidator = { queue = "consolidate", messages = 1 }
    jobs         = { queue = "work_done", messages = 100 }
  }
}

resource "azurerm_container_app" "service" {
  for_each = local.services

  name                         = each.key
  container_app_environment_id = azurerm_container_app_environment.this.id
  resource_group_name          = var.resource_group_name
  workload_profile_name        = local.workload_profile
  revision_mode                = "Single"
  max_inactive_revisions       = 10
  tags                         = var.tags

  identity {
    type = "UserAssigned"
    identity_ids = concat(
      [azurerm_user_assigned_identity.role[each.key].id],
      local.by_identity && contains(keys(local.scaled_by), each.key) ? [azurerm_user_assigned_identity.scaler[0].id] : [],
    )
  }

  registry {
    server               = var.registry.login_server
    identity             = local.by_admin ? null : azurerm_user_assigned_identity.role[each.key].id
    username             = local.by_admin ? var.registry_admin.username : null
    password_secret_name = local.by_admin ? local.password_secret : null
  }

  dynamic "secret" {
    for_each = local.secrets_of[each.key]
    content {
      name                = local.secret_key[secret.value]
      value               = contains(keys(local.vault_secrets), secret.value) ? null : local.secrets[each.key][secret.value]
      key_vault_secret_id = lookup(local.vault_secrets, secret.value, null)
      identity            = contains(keys(local.vault_secrets), secret.value) ? azurerm_user_assigned_identity.role[each.key].id : null
    }
  }

  dynamic "secret" {
    for_each = local.by_admin ? [local.password_secret] : []
    content {
      name  = secret.value
      value = var.registry_admin.password
    }
  }

  # GraphQL subscriptions come over websockets, which `auto` lets through.
  dynamic "ingress" {
    for_each = each.key == "api" ? [local.port] : []
    content {
      external_enabled           = true
      allow_insecure_connections = false
      target_port                = ingress.value
      transport                  = "auto"

      traffic_weight {
        latest_revision = true
        percentage      = 100
      }
    }
  }

  template {
    min_replicas                     = each.value.min_replicas
    max_replicas                     = each.value.max_replicas
    termination_grace_period_seconds = var.drain_seconds + local.leave_seconds + (each.key == "api" ? var.shutdown_delay_seconds : 0)

    container {
      name    = each.key
      image   = var.image
      cpu     = each.value.cpu
      memory  = format("%gGi", each.value.cpu * 2)
      command = ["python"]
      args    = each.value.arguments

      dynamic "env" {
        for_each = local.settings[each.key]
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.secrets_of[each.key]
        content {
          name        = env.value
          secret_name = local.secret_key[env.value]
        }
      }

      dynamic "startup_probe" {
        for_each = each.key == "api" ? [local.port] : []
        content {
          transport               = "HTTP"
          port                    = startup_probe.value
          path                    = "/health"
          interval_seconds        = 2
          timeout                 = var.probes.timeout_seconds
          failure_count_threshold = var.probes.startup_failures
        }
      }

      dynamic "liveness_probe" {
        for_each = each.key == "api" ? [local.port] : []
        content {
          transport               = "HTTP"
          port                    = liveness_probe.value
          path                    = "/health"
          interval_seconds        = var.probes.interval_seconds
          timeout                 = var.probes.timeout_seconds
          failure_count_threshold = var.probes.liveness_failures
        }
      }

      dynamic "readiness_probe" {
        for_each = each.key == "api" ? [local.port] : []
        content {
          transport               = "HTTP"
          port                    = readiness_probe.value
          path                    = "/ready"
          interval_seconds        = var.probes.interval_seconds
          timeout                 = var.probes.timeout_seconds
          failure_count_threshold = var.probes.readiness_failures
          success_count_threshold = 1
        }
      }
    }

    # The rule counts the requests of 15 seconds and divides by 15: new requests a second, whatever its name says. An open
    # request or socket counts once ("Set scaling rules", https://learn.microsoft.com/azure/container-apps/scale-app).
    dynamic "http_scale_rule" {
      for_each = each.key == "api" ? [var.api.requests_per_second] : []
      content {
        name                = "requests"
        concurrent_requests = tostring(http_scale_rule.value)
      }
    }

    # Few expensive requests, and events for open sockets, show in the processor only. A service with this rule does not
    # scale to zero (https://keda.sh/docs/latest/scalers/cpu/), so that it is left out where zero is the smallest number.
    dynamic "custom_scale_rule" {
      for_each = each.key == "api" && each.value.min_replicas > 0 ? [var.api.cpu_percent] : []
      content {
        name             = "processor"
        custom_rule_type = "cpu"
        metadata         = { type = "Utilization", value = tostring(custom_scale_rule.value) }
      }
    }

    dynamic "custom_scale_rule" {
      for_each = { for name, rule in local.scaled_by : name => rule if name == each.key }
      content {
        name             = "queue-depth"
        custom_rule_type = "azure-servicebus"
        identity_id      = local.by_identity ? azurerm_user_assigned_identity.scaler[0].id : null

        metadata = {
          # Named also beside a connection string: without it a service may never scale to zero.
          namespace              = var.service_bus.namespace
          queueName              = var.service_bus.queues[custom_scale_rule.value.queue].name
          messageCount           = tostring(custom_scale_rule.value.messages)
          activationMessageCount = "0"
        }

        dynamic "authentication" {
          for_each = local.by_identity ? [] : ["connection"]
          content {
            secret_name       = local.secret_key["AZURE_SERVICE_BUS_CONNECTION_STRING"]
            trigger_parameter = authentication.value
          }
        }
      }
    }
  }

  # The pipelines roll images out, by digest; Terraform sets the first one and leaves it to them.
  lifecycle {
    ignore_changes = [template[0].container[0].image]
  }

  # A role works some minutes after it was assigned, and a revision that can't start fails after 15
  # (https://github.com/microsoft/azure-container-apps/issues/646). docs/how-to/deploy.md assigns the roles a step earlier.
  depends_on = [
    azurerm_role_assignment.pull,
    azurerm_role_assignment.queue,
    azurerm_role_assignment.scaler,
    azurerm_role_assignment.vault,
    azurerm_role_assignment.watermarks,
  ]
}
