# What each process finds in its environment. New settings and secrets need no change here: they come by the maps
# `settings` and `secrets`.

locals {
  roles           = ["api", "worker", "consolidator", "jobs", "scheduler", "migrate"]
  pipeline        = ["worker", "consolidator", "jobs", "scheduler"]
  by_identity     = var.access == "identity"
  by_admin        = var.registry.pull == "admin"
  password_secret = "registry-password"

  # Known at plan time, and no secret: the names are those of .env.example.
  given_names  = nonsensitive(toset(keys(var.secrets)))
  secret_names = setunion(local.given_names, var.key_vault.secrets)

  # The account is needed unless every feed consists of files. An empty kind: the default of the feed `nivoda`.
  feeds        = [for name in split(",", lookup(var.settings, "FEEDS", lookup(var.settings, "SYNC_FEED", "nivoda"))) : upper(replace(trimspace(name), "-", "_"))]
  files_only   = alltrue([for feed in local.feeds : lookup(var.settings, "FEED_${feed}_KIND", "") == "csv"])
  needed_names = concat(["DATABASE_URL", "REDIS_URL"], local.files_only ? [] : ["NIVODA_USERNAME", "NIVODA_PASSWORD"])

  # A secret goes to everyone who may need it; these are needed by fewer. The migration reads nothing but the database.
  secret_readers = merge(
    { for name in local.secret_names : name => setsubtract(local.roles, ["migrate"]) },
    {
      DATABASE_URL        = toset(local.roles)
      DATABASE_DIRECT_URL = toset(local.roles)
      HMAC_SECRETS        = toset(["api"])
      RESEND_API_KEY      = toset(["jobs"])
      ALERT_WEBHOOK_URL   = toset(["jobs"])
    },
    var.secret_readers,
  )

  # Connection strings of this installation's own resources, where identities are not to be used.
  own_secrets = local.by_identity ? {} : {
    AZURE_SERVICE_BUS_CONNECTION_STRING = var.service_bus.connection_string
    AZURE_STORAGE_CONNECTION_STRING     = var.storage.connection_string
  }

  # Setting to value, for each role. Everything in here is sensitive.
  secrets = {
    for role in local.roles : role => merge(
      { for name in local.given_names : name => var.secrets[name] if contains(local.secret_readers[name], role) },
      contains(local.pipeline, role) ? local.own_secrets : {},
    )
  }

  # The names alone, to build blocks from.
  secrets_of = {
    for role in local.roles : role => toset(concat(
      [for name in local.secret_names : name if contains(local.secret_readers[name], role)],
      contains(local.pipeline, role) && !local.by_identity ? ["AZURE_SERVICE_BUS_CONNECTION_STRING", "AZURE_STORAGE_CONNECTION_STRING"] : [],
    ))
  }

  # Without a version: Container Apps take a new version of the secret within 30 minutes and restart what uses it
  # ("Manage secrets in Azure Container Apps", https://learn.microsoft.com/azure/container-apps/manage-secrets).
  vault_secrets = {
    for name in var.key_vault.secrets : name => "https://${basename(var.key_vault.id)}.vault.azure.net/secrets/${local.secret_key[name]}"
  }

  fixed_for_all = {
    ENVIRONMENT        = var.environment
    LOG_FORMAT         = "json"
    SYNC_NIGHTLY       = "false" # the job `scheduler` starts the run; the jobs retry it
    SYNC_DRAIN_SECONDS = tostring(var.drain_seconds)
  }

  fixed_for_pipeline = merge(
    {
      QUEUE_WORK_ITEMS         = var.service_bus.queues.work_items.name
      QUEUE_WORK_DONE          = var.service_bus.queues.work_done.name
      QUEUE_CONSOLIDATE        = var.service_bus.queues.consolidate.name
      QUEUE_MAX_DELIVERY_COUNT = tostring(var.service_bus.max_delivery_count)
      WATERMARK_CONTAINER      = var.storage.container.name
    },
    local.by_identity ? {
      AZURE_SERVICE_BUS_NAMESPACE = var.service_bus.hostname
      AZURE_STORAGE_ACCOUNT_URL   = var.storage.url
    } : {},
  )

  # Defaults of the mails that the jobs send: `settings` and `settings_of` may replace them.
  mail_defaults = {
    ALERT_SHELL         = "az containerapp exec --resource-group ${var.resource_group_name} --name {role} --command sh"
    ALERT_DASHBOARD_URL = "https://${local.api_host}/dashboard"
  }

  # What this module decides comes last: the processes and what surrounds them must agree.
  settings = {
    for role in local.roles : role => merge(
      role == "jobs" ? local.mail_defaults : {},
      var.settings,
      lookup(var.settings_of, role, {}),
      local.fixed_for_all,
      role == "jobs" ? { SYNC_NIGHTLY_RETRY = "true" } : {},
      role == "api" ? { PORT = tostring(local.port), SHUTDOWN_DELAY_SECONDS = tostring(var.shutdown_delay_seconds) } : {},
      contains(local.pipeline, role) ? local.fixed_for_pipeline : {},
      # Which of its identities a process is to use: the one for its work, not the one for scaling.
      { AZURE_CLIENT_ID = azurerm_user_assigned_identity.role[role].client_id },
    )
  }

  # Container Apps wants lower case and hyphens.
  secret_key = { for name in setunion(local.secret_names, keys(local.own_secrets)) : name => lower(replace(name, "_", "-")) }
}
