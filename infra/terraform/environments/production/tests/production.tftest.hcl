# Every row of the table of environments, every wire between the modules, and who can be reached.

mock_provider "azurerm" {
  source = "../../mocks"
}

# Wires can be told apart where they come from different places.
override_resource {
  target = module.service_bus.azurerm_servicebus_queue.this["work_items"]
  values = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ServiceBus/namespaces/mock/queues/work_items" }
}

override_resource {
  target = module.service_bus.azurerm_servicebus_queue.this["work_done"]
  values = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ServiceBus/namespaces/mock/queues/work_done" }
}

override_resource {
  target = module.service_bus.azurerm_servicebus_queue.this["consolidate"]
  values = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ServiceBus/namespaces/mock/queues/consolidate" }
}

variables {
  subscription_id = "00000000-0000-0000-0000-000000000000"
  unique          = "acme"
  image           = "diamond-inventory:first"
  alarm_emails    = ["operators@example.com"]
  settings        = { NIVODA_ENDPOINT = "https://nivoda.example.com/api/diamonds" }
  secrets = {
    DATABASE_URL    = "postgresql://database-secret"
    REDIS_URL       = "rediss://:redis-secret@redis.example.com:10000/0"
    NIVODA_USERNAME = "user-secret"
    NIVODA_PASSWORD = "password-secret"
    HMAC_SECRETS    = "hmac-secret"
    RESEND_API_KEY  = "resend-secret"
  }
}

run "service_bus_sku" {
  assert {
    condition     = module.service_bus.sku == "Standard"
    error_message = "Service Bus is Standard in production."
  }

  assert {
    condition     = { for purpose, queue in module.service_bus.queues : purpose => queue.name } == { work_items = "work-items", work_done = "work-done", consolidate = "consolidate" }
    error_message = "The queues are work-items, work-done and consolidate."
  }
}

run "storage_replication_versioning_and_tls" {
  assert {
    condition     = module.storage.replication_type == "GRS"
    error_message = "Storage is GRS in production."
  }

  assert {
    condition     = module.storage.versioning_enabled
    error_message = "Versioning is on in production."
  }

  assert {
    condition     = module.storage.min_tls_version == "TLS1_2" && module.storage.container.name == "watermarks" && module.storage.soft_delete_days == 30
    error_message = "TLS 1.2, the container watermarks, and 30 days in which a deletion can be undone."
  }
}

run "registry_sku" {
  assert {
    condition     = module.container_registry.sku == "Standard"
    error_message = "The registry is Standard in production."
  }
}

run "replicas" {
  assert {
    condition = { for name, service in module.container_apps.services : name => [service.min_replicas, service.max_replicas] } == {
      api          = [1, 5]
      worker       = [0, 30]
      consolidator = [1, 2]
      jobs         = [1, 1]
    }
    error_message = "Always on, but for the workers, which scale from 0 to 30."
  }

  assert {
    condition = { for name, service in module.container_apps.services : name => service.queue if service.queue != null } == {
      worker       = "work-items"
      consolidator = "consolidate"
      jobs         = "work-done"
    }
    error_message = "Each service is woken by the queue that it takes from."
  }
}

run "schedules" {
  assert {
    condition = { for name, job in module.container_apps.jobs : name => job.cron if job.cron != null } == {
      scheduler = "0 2 * * *"

    }
    error_message = "The nightly run is started at 02:00 UTC."
  }

  assert {
    condition     = contains(keys(module.container_apps.jobs), "migrate") && alltrue([for settings in module.container_apps.environment_of : settings.SYNC_NIGHTLY == "false"])
    error_message = "There is a job to migrate, and nobody else starts the nightly run."
  }
}

run "log_retention" {
  assert {
    condition     = module.container_apps.log_workspace.asked_days == 30 && module.container_apps.log_workspace.retention_days == 30
    error_message = "Logs are kept for 30 days."
  }
}

run "nothing_but_the_api_can_be_reached" {
  assert {
    condition     = [for name, service in module.container_apps.services : name if service.ingress] == ["api"]
    error_message = "Only the API has ingress."
  }

  assert {
    condition     = startswith(output.api_url, "https://") && module.container_apps.environment_of.api.PORT == "3000" && module.container_apps.environment_of.api.TRUSTED_PROXIES == "100.64.0.0/10"
    error_message = "The API is served over HTTPS, and believes the ingress on who its clients are."
  }
}

run "no_secret_is_a_plain_value" {
  assert {
    condition     = alltrue(flatten([for settings in module.container_apps.environment_of : [for value in values(settings) : !can(regex("(-secret(@|$)|bus-key|storage-key|registry-key)", value))]]))
    error_message = "A secret stands in the open."
  }

  assert {
    condition     = alltrue([for name in ["DATABASE_URL", "REDIS_URL", "HMAC_SECRETS"] : startswith(module.container_apps.environment_of.api[name], "secret: ")])
    error_message = "Secrets reach the API as secrets."
  }
}

run "service_bus_is_wired_to_the_services" {
  assert {
    condition     = alltrue([for role in ["worker", "consolidator", "jobs", "scheduler"] : module.container_apps.environment_of[role].AZURE_SERVICE_BUS_NAMESPACE == module.service_bus.hostname && module.container_apps.environment_of[role].QUEUE_MAX_DELIVERY_COUNT == tostring(module.service_bus.max_delivery_count)])
    error_message = "The services know the namespace and its dead letters."
  }

  assert {
    condition     = alltrue([for role in ["worker", "consolidator", "jobs", "scheduler"] : module.container_apps.environment_of[role].QUEUE_WORK_ITEMS == module.service_bus.queues.work_items.name && module.container_apps.environment_of[role].QUEUE_WORK_DONE == module.service_bus.queues.work_done.name && module.container_apps.environment_of[role].QUEUE_CONSOLIDATE == module.service_bus.queues.consolidate.name])
    error_message = "The services know the queues."
  }

  assert {
    condition     = basename(module.container_apps.grants["worker receives work_items"].scope) == "work_items" && basename(module.container_apps.grants["jobs receives work_done"].scope) == "work_done" && basename(module.container_apps.grants["consolidator receives consolidate"].scope) == "consolidate" && basename(module.container_apps.grants["scaler counts for worker"].scope) == "work_items"
    error_message = "Rights are given on the queues of this namespace."
  }

  assert {
    condition     = !module.service_bus.connection_strings_enabled && module.service_bus.hostname == "diamonds-production-acme.servicebus.windows.net"
    error_message = "The namespace takes identities only."
  }
}

run "storage_is_wired_to_the_services" {
  assert {
    condition     = alltrue([for role in ["worker", "consolidator", "jobs", "scheduler"] : module.container_apps.environment_of[role].AZURE_STORAGE_ACCOUNT_URL == module.storage.url && module.container_apps.environment_of[role].WATERMARK_CONTAINER == module.storage.container.name])
    error_message = "The services know where the watermarks are."
  }

  assert {
    condition     = module.container_apps.grants["consolidator watermarks"].scope == module.storage.container.id && !module.storage.connection_strings_enabled
    error_message = "Rights are given on that container, and the account takes identities only."
  }
}

run "azure_watches_what_the_inventory_can_not_tell_of_itself" {
  variables {
    alarm_action_groups = ["/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/people/providers/Microsoft.Insights/actionGroups/on-call"]
  }

  assert {
    condition     = keys(module.container_apps.alarms) == ["api-away", "api-errors", "api-restarts", "consolidator-away", "consolidator-restarts", "dead-letters", "freshness", "jobs-away", "jobs-restarts", "messages-wait", "redis", "worker-restarts"]
    error_message = "Whatever stays is watched for being away."
  }

  assert {
    condition     = alltrue([for alarm in module.container_apps.alarms : alarm.told == 2]) && startswith(module.container_apps.alarms["messages-wait"].metric, module.service_bus.namespace_id)
    error_message = "The group of this environment and the given one are notified, about this namespace too."
  }
}

run "the_registry_is_wired_to_the_services" {
  assert {
    condition     = module.container_apps.registry_servers == tolist([module.container_registry.login_server]) && module.container_apps.grants["api pulls"].scope == module.container_registry.id
    error_message = "Services pull from this environment's registry."
  }
}

run "connection_strings_are_wired_where_they_are_asked_for" {
  variables {
    access = "connection_string"
  }

  assert {
    condition     = module.service_bus.connection_strings_enabled && module.storage.connection_strings_enabled
    error_message = "Keys must be accepted for connection strings to work."
  }

  assert {
    condition     = module.container_apps.environment_of.worker.AZURE_SERVICE_BUS_CONNECTION_STRING == "secret: azure-service-bus-connection-string" && module.container_apps.environment_of.consolidator.AZURE_STORAGE_CONNECTION_STRING == "secret: azure-storage-connection-string"
    error_message = "The services get them as secrets."
  }
}

run "a_subscription_that_is_none_is_refused" {
  command = plan
  variables {
    subscription_id = "mine"
  }
  expect_failures = [var.subscription_id]
}

run "a_name_that_is_too_long_is_refused" {
  command = plan
  variables {
    unique = "toolong"
  }
  expect_failures = [var.unique]
}

run "an_unknown_way_in_is_refused" {
  command = plan
  variables {
    access = "password"
  }
  expect_failures = [var.access]
}

run "an_unknown_way_to_pull_is_refused" {
  command = plan
  variables {
    registry_pull = "anonymous"
  }
  expect_failures = [var.registry_pull]
}

run "replication_in_zones_is_the_other_choice" {
  variables {
    storage_replication = "ZRS"
  }

  assert {
    condition     = module.storage.replication_type == "ZRS"
    error_message = "Zones are chosen."
  }
}

run "a_single_building_is_refused" {
  command = plan
  variables {
    storage_replication = "LRS"
  }
  expect_failures = [var.storage_replication]
}

run "a_region_by_its_display_name_is_refused" {
  command = plan
  variables {
    location = "West Europe"
  }
  expect_failures = [var.location]
}

run "an_image_without_a_tag_is_refused" {
  command = plan
  variables {
    image = "diamond-inventory"
  }
  expect_failures = [var.image]
}

run "alarms_without_a_receiver_are_refused" {
  command = plan
  variables {
    alarm_emails = []
  }
  expect_failures = [azurerm_resource_group.this]
}

run "the_jobs_retry_a_nightly_run_that_was_not_planned" {
  assert {
    condition     = module.container_apps.environment_of.jobs.SYNC_NIGHTLY == "false" && module.container_apps.environment_of.jobs.SYNC_NIGHTLY_RETRY == "true"
    error_message = "The job starts the nightly run, and the jobs role retries it: an outage at 02:00 does not lose the night."
  }

  assert {
    condition     = [for role, settings in module.container_apps.environment_of : role if contains(keys(settings), "SYNC_NIGHTLY_RETRY")] == ["jobs"]
    error_message = "Only the jobs role retries."
  }
}

run "settings_of_a_role_are_merged" {
  variables {
    settings_of = { api = { MAX_CONNECTIONS = "500" }, jobs = { ALERT_SHELL = "kubectl exec -it {role} -- sh" } }
  }

  assert {
    condition     = module.container_apps.environment_of.api.MAX_CONNECTIONS == "500" && module.container_apps.environment_of.api.TRUSTED_PROXIES == "100.64.0.0/10"
    error_message = "A setting of the API does not remove the others."
  }

  assert {
    condition     = module.container_apps.environment_of.jobs.ALERT_SHELL == "kubectl exec -it {role} -- sh"
    error_message = "A default of the mails can be replaced."
  }
}

run "mails_name_the_commands_of_this_environment" {
  assert {
    condition     = module.container_apps.environment_of.jobs.ALERT_SHELL == "az containerapp exec --resource-group diamonds-production --name {role} --command sh"
    error_message = "The shell is opened in this resource group."
  }

  assert {
    condition     = endswith(module.container_apps.environment_of.jobs.ALERT_DASHBOARD_URL, "/dashboard")
    error_message = "Mails link to the dashboard."
  }
}

run "nothing_is_locked_unless_it_is_asked_for" {
  assert {
    condition     = length(azurerm_management_lock.this) == 0
    error_message = "Locks are off."
  }
}

run "locks_keep_what_holds_data_or_is_hard_to_recreate" {
  variables {
    locks = true
  }

  assert {
    condition = output.locks == {
      watermarks  = { scope = module.storage.id, level = "CanNotDelete" }
      registry    = { scope = module.container_registry.id, level = "CanNotDelete" }
      logs        = { scope = module.container_apps.log_workspace_id, level = "CanNotDelete" }
      environment = { scope = module.container_apps.environment_id, level = "CanNotDelete" }
    }
    error_message = "Storage, registry, logs and environment can't be deleted by mistake."
  }

  assert {
    condition     = length(distinct([for lock in azurerm_management_lock.this : lock.scope])) == 4
    error_message = "Each lock is on a resource of its own."
  }
}

run "receivers_that_differ_by_case_only_are_refused" {
  command = plan
  variables {
    alarm_emails = ["operators@example.com", "Operators@example.com"]
  }
  expect_failures = [var.alarm_emails]
}

run "secrets_of_a_key_vault_are_wired_to_the_services" {
  variables {
    secrets   = { HMAC_SECRETS = "hmac-secret" }
    key_vault = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/people/providers/Microsoft.KeyVault/vaults/acme-diamonds", secrets = ["DATABASE_URL", "REDIS_URL", "NIVODA_USERNAME", "NIVODA_PASSWORD"] }
  }

  assert {
    condition     = module.container_apps.grants["api reads database-url"] == { role = "Key Vault Secrets User", scope = "${var.key_vault.id}/secrets/database-url" } && module.container_apps.environment_of.api.DATABASE_URL == "secret: database-url"
    error_message = "The API reads the address of the database from the vault."
  }
}

run "a_custom_domain_is_wired_to_the_api" {
  variables {
    custom_domain = { name = "api.example.com" }
  }

  assert {
    condition     = output.api_url == "https://api.example.com" && output.custom_domain.name == "api.example.com"
    error_message = "The API is served at the domain."
  }
}
