# What runs and ends: the nightly run, the migration before a rollout, and where nothing stays, what is due regularly.

locals {
  # Closing connections after the time to drain; then the platform kills.
  leave_seconds = 15

  jobs = merge(
    {
      scheduler = {
        role            = "scheduler"
        arguments       = ["-m", "sync", "schedule", "--nightly"]
        cron            = var.scheduler.cron
        cpu             = var.scheduler.cpu
        timeout_seconds = var.scheduler.timeout_seconds
        retries         = var.scheduler.retries
      }
      migrate = {
        role            = "migrate"
        arguments       = ["-m", "app", "migrate"]
        cron            = null
        cpu             = 0.5
        timeout_seconds = var.migrate_timeout_seconds
        retries         = 0
      }
    },
    # A service that scales to zero wakes for its queue only, not for the clock and not for what the API asks for.
    var.jobs.once_cron == null ? {} : {
      jobs-once = {
        role            = "jobs"
        arguments       = ["-m", "sync", "jobs", "--once"]
        cron            = var.jobs.once_cron
        cpu             = var.jobs.cpu
        timeout_seconds = 1800
        retries         = 0
      }
    },
  )
}

resource "azurerm_container_app_job" "job" {
  for_each = local.jobs

  name                         = each.key
  location                     = var.location
  container_app_environment_id = azurerm_container_app_environment.this.id
  resource_group_name          = var.resource_group_name
  workload_profile_name        = local.workload_profile
  replica_timeout_in_seconds   = each.value.timeout_seconds
  replica_retry_limit          = each.value.retries
  tags                         = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.role[each.value.role].id]
  }

  registry {
    server               = var.registry.login_server
    identity             = local.by_admin ? null : azurerm_user_assigned_identity.role[each.value.role].id
    username             = local.by_admin ? var.registry_admin.username : null
    password_secret_name = local.by_admin ? local.password_secret : null
  }

  dynamic "secret" {
    for_each = local.secrets_of[each.value.role]
    content {
      name                = local.secret_key[secret.value]
      value               = contains(keys(local.vault_secrets), secret.value) ? null : local.secrets[each.value.role][secret.value]
      key_vault_secret_id = lookup(local.vault_secrets, secret.value, null)
      identity            = contains(keys(local.vault_secrets), secret.value) ? azurerm_user_assigned_identity.role[each.value.role].id : null
    }
  }

  dynamic "secret" {
    for_each = local.by_admin ? [local.password_secret] : []
    content {
      name  = secret.value
      value = var.registry_admin.password
    }
  }

  # Runs may overlap in spite of this: the scheduler takes a lease of its own, and every duty of the jobs is safe twice.
  dynamic "schedule_trigger_config" {
    for_each = each.value.cron == null ? [] : [each.value.cron]
    content {
      cron_expression          = schedule_trigger_config.value
      parallelism              = 1
      replica_completion_count = 1
    }
  }

  dynamic "manual_trigger_config" {
    for_each = each.value.cron == null ? [1] : []
    content {
      parallelism              = 1
      replica_completion_count = 1
    }
  }

  template {
    container {
      name    = each.key
      image   = var.image
      cpu     = each.value.cpu
      memory  = format("%gGi", each.value.cpu * 2)
      command = ["python"]
      args    = each.value.arguments

      dynamic "env" {
        for_each = local.settings[each.value.role]
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.secrets_of[each.value.role]
        content {
          name        = env.value
          secret_name = local.secret_key[env.value]
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [template[0].container[0].image]
  }

  depends_on = [
    azurerm_role_assignment.pull,
    azurerm_role_assignment.queue,
    azurerm_role_assignment.vault,
    azurerm_role_assignment.watermarks,
  ]
}
