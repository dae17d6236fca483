mock_provider "azurerm" {
  source = "../../mocks"
}

# Two identities that can be told apart from the others.
override_resource {
  target = azurerm_user_assigned_identity.role["worker"]
  values = {
    id           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ManagedIdentity/userAssignedIdentities/worker"
    client_id    = "33333333-3333-3333-3333-333333333333"
    principal_id = "44444444-4444-4444-4444-444444444444"
  }
}

override_resource {
  target = azurerm_user_assigned_identity.scaler[0]
  values = {
    id           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ManagedIdentity/userAssignedIdentities/scaler"
    principal_id = "55555555-5555-5555-5555-555555555555"
  }
}

# The addresses that Azure tells of a service.
override_resource {
  target = azurerm_container_app.service["worker"]
  values = {
    id                    = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.App/containerApps/mock"
    outbound_ip_addresses = ["20.0.0.2", "20.0.0.1"]
  }
}

variables {
  name                = "diamonds-test"
  environment         = "production"
  location            = "westeurope"
  resource_group_name = "diamonds"
  image               = "mockregistry.azurecr.io/diamond-inventory:abc"
  registry = {
    id           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ContainerRegistry/registries/mockregistry"
    login_server = "mockregistry.azurecr.io"
  }
  registry_admin = { username = "mockadmin", password = "registry-key" }
  service_bus = {
    namespace          = "mock"
    namespace_id       = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ServiceBus/namespaces/mock"
    hostname           = "mock.servicebus.windows.net"
    max_delivery_count = 7
    connection_string  = "Endpoint=sb://mock.servicebus.windows.net/;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=bus-key"
    queues = {
      work_items  = { name = "work-items", id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ServiceBus/namespaces/mock/queues/work-items" }
      work_done   = { name = "work-done", id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ServiceBus/namespaces/mock/queues/work-done" }
      consolidate = { name = "consolidate", id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ServiceBus/namespaces/mock/queues/consolidate" }
    }
  }
  storage = {
    url               = "https://mockaccount.blob.core.windows.net/"
    connection_string = "DefaultEndpointsProtocol=https;AccountName=mockaccount;AccountKey=storage-key"
    container = {
      name = "watermarks"
      id   = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.Storage/storageAccounts/mockaccount/blobServices/default/containers/watermarks"
    }
  }
  settings    = { NIVODA_ENDPOINT = "https://nivoda.example.com/api/diamonds" }
  settings_of = { worker = { SYNC_PARTITION_CONCURRENCY = "2" } }
  secrets = {
    DATABASE_URL        = "postgresql://pooled-secret"
    DATABASE_DIRECT_URL = "postgresql://direct-secret"
    REDIS_URL           = "rediss://:redis-secret@redis.example.com:10000/0"
    NIVODA_USERNAME     = "nivoda-user-secret"
    NIVODA_PASSWORD     = "nivoda-password-secret"
    HMAC_SECRETS        = "hmac-secret"
    RESEND_API_KEY      = "resend-secret"
  }
  api                = { min_replicas = 1 }
  consolidator       = { min_replicas = 1 }
  jobs               = { min_replicas = 1 }
  log_retention_days = 30
}

run "five_services_and_the_migration_each_with_its_command" {
  assert {
    condition = { for name, app in azurerm_container_app.service : name => join(" ", concat(app.template[0].container[0].command, app.template[0].container[0].args)) } == {
      api          = "python -m app serve"
      worker       = "python -m sync worker"
      consolidator = "python -m sync consolidator"
      jobs         = "python -m sync jobs"
    }
    error_message = "Four services stay."
  }

  assert {
    condition = { for name, job in azurerm_container_app_job.job : name => join(" ", concat(job.template[0].container[0].command, job.template[0].container[0].args)) } == {
      scheduler = "python -m sync schedule --nightly"
      migrate   = "python -m app migrate"
    }
    error_message = "Two jobs run and end."
  }

  assert {
    condition     = alltrue([for app in azurerm_container_app.service : app.template[0].container[0].image == var.image]) && alltrue([for job in azurerm_container_app_job.job : job.template[0].container[0].image == var.image])
    error_message = "All of them run the one image."
  }

  assert {
    condition     = alltrue([for app in azurerm_container_app.service : app.container_app_environment_id == azurerm_container_app_environment.this.id && app.revision_mode == "Single"]) && alltrue([for job in azurerm_container_app_job.job : job.container_app_environment_id == azurerm_container_app_environment.this.id])
    error_message = "All of them live in the environment, one revision at a time."
  }
}

run "nothing_but_the_api_has_ingress_and_that_is_https_on_port_3000" {
  assert {
    condition     = [for name, app in azurerm_container_app.service : name if length(app.ingress) > 0] == ["api"]
    error_message = "Only the API is reached from outside."
  }

  assert {
    condition     = azurerm_container_app.service["api"].ingress[0].external_enabled && azurerm_container_app.service["api"].ingress[0].target_port == 3000 && azurerm_container_app.service["api"].ingress[0].transport == "auto" && !azurerm_container_app.service["api"].ingress[0].allow_insecure_connections
    error_message = "The API is served on port 3000 over HTTPS, websockets included."
  }

  assert {
    condition     = output.environment_of.api.PORT == "3000"
    error_message = "The API listens where the ingress looks."
  }
}

run "the_api_is_asked_whether_it_lives_and_whether_it_can_work" {
  assert {
    condition     = one(azurerm_container_app.service["api"].template[0].container[0].liveness_probe).path == "/health" && one(azurerm_container_app.service["api"].template[0].container[0].startup_probe).path == "/health" && one(azurerm_container_app.service["api"].template[0].container[0].readiness_probe).path == "/ready"
    error_message = "Life is asked for at /health, readiness at /ready."
  }

  assert {
    condition = alltrue([for probe in concat(
      azurerm_container_app.service["api"].template[0].container[0].liveness_probe[*].port,
      azurerm_container_app.service["api"].template[0].container[0].startup_probe[*].port,
      azurerm_container_app.service["api"].template[0].container[0].readiness_probe[*].port,
    ) : probe == 3000])
    error_message = "The probes ask at the API's port."
  }
}

run "a_process_may_drain_before_the_platform_kills_it" {
  variables {
    drain_seconds = 60
  }

  assert {
    condition     = { for name, app in azurerm_container_app.service : name => app.template[0].termination_grace_period_seconds } == { api = 80, worker = 75, consolidator = 75, jobs = 75 }
    error_message = "The platform waits longer than the processes drain."
  }

  assert {
    condition     = alltrue([for settings in output.environment_of : settings.SYNC_DRAIN_SECONDS == "60"])
    error_message = "The processes know how long they may drain."
  }
}

run "queues_wake_the_services_and_workers_scale_from_0_to_30" {
  assert {
    condition     = azurerm_container_app.service["worker"].template[0].min_replicas == 0 && azurerm_container_app.service["worker"].template[0].max_replicas == 30
    error_message = "Workers scale from 0 to 30."
  }

  assert {
    condition = { for name, app in azurerm_container_app.service : name => one(app.template[0].custom_scale_rule[*].metadata) if name != "api" } == {
      worker       = tomap({ namespace = "mock", queueName = "work-items", messageCount = "4", activationMessageCount = "0" })
      consolidator = tomap({ namespace = "mock", queueName = "consolidate", messageCount = "1", activationMessageCount = "0" })
      jobs         = tomap({ namespace = "mock", queueName = "work-done", messageCount = "100", activationMessageCount = "0" })
    }
    error_message = "Each service scales by the depth of the queue that it takes from, named with its namespace."
  }

  assert {
    condition     = alltrue([for app in azurerm_container_app.service : one(app.template[0].custom_scale_rule[*].custom_rule_type) == "azure-servicebus" if app.name != "api"])
    error_message = "The queues are those of Service Bus."
  }

  assert {
    condition     = alltrue([for app in azurerm_container_app.service : one(app.template[0].custom_scale_rule[*].identity_id) == azurerm_user_assigned_identity.scaler[0].id && length(app.template[0].custom_scale_rule[0].authentication) == 0 if app.name != "api"])
    error_message = "The queues are counted by the scaler's identity."
  }
}

run "the_scheduler_starts_at_two_at_night_once_and_the_migration_when_it_is_told" {
  assert {
    condition     = azurerm_container_app_job.job["scheduler"].schedule_trigger_config[0].cron_expression == "0 2 * * *" && azurerm_container_app_job.job["scheduler"].schedule_trigger_config[0].parallelism == 1 && azurerm_container_app_job.job["scheduler"].schedule_trigger_config[0].replica_completion_count == 1
    error_message = "The scheduler runs at 02:00 UTC, once."
  }

  assert {
    condition     = alltrue([for settings in output.environment_of : settings.SYNC_NIGHTLY == "false"])
    error_message = "Nobody else starts the nightly run."
  }

  assert {
    condition     = length(azurerm_container_app_job.job["migrate"].schedule_trigger_config) == 0 && azurerm_container_app_job.job["migrate"].manual_trigger_config[0].replica_completion_count == 1
    error_message = "The migration runs when it is started, once."
  }
}

run "no_secret_is_a_plain_value_and_each_goes_only_to_those_who_need_it" {
  assert {
    condition = alltrue([for env in flatten([
      [for app in azurerm_container_app.service : app.template[0].container[0].env],
      [for job in azurerm_container_app_job.job : job.template[0].container[0].env],
    ]) : !can(regex("(-secret(@|$)|bus-key|storage-key|registry-key)", env.value))])
    error_message = "A secret stands in the open."
  }

  assert {
    condition     = alltrue(flatten([for settings in output.environment_of : [for name, value in settings : value == "secret: ${lower(replace(name, "_", "-"))}" if startswith(value, "secret: ")]]))
    error_message = "A variable must come from the secret of its own name."
  }

  assert {
    condition = { for name, settings in output.environment_of : name => sort([for key, value in settings : key if startswith(value, "secret: ")]) } == {
      api          = tolist(["DATABASE_DIRECT_URL", "DATABASE_URL", "HMAC_SECRETS", "NIVODA_PASSWORD", "NIVODA_USERNAME", "REDIS_URL"])
      worker       = tolist(["DATABASE_DIRECT_URL", "DATABASE_URL", "NIVODA_PASSWORD", "NIVODA_USERNAME", "REDIS_URL"])
      consolidator = tolist(["DATABASE_DIRECT_URL", "DATABASE_URL", "NIVODA_PASSWORD", "NIVODA_USERNAME", "REDIS_URL"])
      jobs         = tolist(["DATABASE_DIRECT_URL", "DATABASE_URL", "NIVODA_PASSWORD", "NIVODA_USERNAME", "REDIS_URL", "RESEND_API_KEY"])
      scheduler    = tolist(["DATABASE_DIRECT_URL", "DATABASE_URL", "NIVODA_PASSWORD", "NIVODA_USERNAME", "REDIS_URL"])
      migrate      = tolist(["DATABASE_DIRECT_URL", "DATABASE_URL"])
    }
    error_message = "Each role gets its secrets and no other's."
  }

  assert {
    condition = alltrue([for container in concat(
      [for name, app in azurerm_container_app.service : { env = output.environment_of[name], secrets = nonsensitive(toset([for secret in app.secret : secret.name])) }],
      [for name, job in azurerm_container_app_job.job : { env = output.environment_of[name], secrets = nonsensitive(toset([for secret in job.secret : secret.name])) }],
      ) : toset([for value in values(container.env) : trimprefix(value, "secret: ") if startswith(value, "secret: ")]) == container.secrets
    ])
    error_message = "Every secret that is named exists, and none lies about that nobody names."
  }

  assert {
    condition     = nonsensitive({ for secret in azurerm_container_app.service["api"].secret : secret.name => secret.value })["database-url"] == "postgresql://pooled-secret"
    error_message = "A secret holds the value that was given for it."
  }
}

run "the_processes_and_the_queues_agree" {
  assert {
    condition = alltrue([for role in ["worker", "consolidator", "jobs", "scheduler"] : {
      for name in ["QUEUE_WORK_ITEMS", "QUEUE_WORK_DONE", "QUEUE_CONSOLIDATE", "QUEUE_MAX_DELIVERY_COUNT", "WATERMARK_CONTAINER", "AZURE_SERVICE_BUS_NAMESPACE", "AZURE_STORAGE_ACCOUNT_URL"] : name => output.environment_of[role][name]
      } == {
      QUEUE_WORK_ITEMS    = "work-items", QUEUE_WORK_DONE = "work-done", QUEUE_CONSOLIDATE = "consolidate", QUEUE_MAX_DELIVERY_COUNT = "7"
      WATERMARK_CONTAINER = "watermarks", AZURE_SERVICE_BUS_NAMESPACE = "mock.servicebus.windows.net", AZURE_STORAGE_ACCOUNT_URL = "https://mockaccount.blob.core.windows.net/"
    }])
    error_message = "Whoever takes part in the sync knows the queues and the watermark's place."
  }

  assert {
    condition     = alltrue([for settings in output.environment_of : settings.ENVIRONMENT == "production" && settings.NIVODA_ENDPOINT == "https://nivoda.example.com/api/diamonds"])
    error_message = "Settings for all reach all."
  }

  assert {
    condition     = { for name, settings in output.environment_of : name => lookup(settings, "SYNC_PARTITION_CONCURRENCY", "") if contains(keys(settings), "SYNC_PARTITION_CONCURRENCY") } == { worker = "2" }
    error_message = "A setting of one role reaches that role alone."
  }
}

run "a_setting_that_this_module_decides_can_not_be_changed_from_outside" {
  variables {
    settings = { SYNC_NIGHTLY = "true", QUEUE_WORK_ITEMS = "elsewhere" }
  }

  assert {
    condition     = output.environment_of.jobs.SYNC_NIGHTLY == "false" && output.environment_of.worker.QUEUE_WORK_ITEMS == "work-items"
    error_message = "What must agree with the resources is not open."
  }
}

run "each_role_has_the_least_rights" {
  assert {
    condition = { for name, grant in output.grants : name => "${grant.role} on ${basename(grant.scope)}" } == {
      "worker receives work_items"        = "Azure Service Bus Data Receiver on work-items"
      "worker sends work_items"           = "Azure Service Bus Data Sender on work-items"
      "worker sends work_done"            = "Azure Service Bus Data Sender on work-done"
      "worker sends consolidate"          = "Azure Service Bus Data Sender on consolidate"
      "consolidator receives consolidate" = "Azure Service Bus Data Receiver on consolidate"
      "consolidator sends work_items"     = "Azure Service Bus Data Sender on work-items"
      "consolidator sends consolidate"    = "Azure Service Bus Data Sender on consolidate"
      "jobs receives work_items"          = "Azure Service Bus Data Receiver on work-items"
      "jobs receives work_done"           = "Azure Service Bus Data Receiver on work-done"
      "jobs receives consolidate"         = "Azure Service Bus Data Receiver on consolidate"
      "jobs sends work_items"             = "Azure Service Bus Data Sender on work-items"
      "jobs sends work_done"              = "Azure Service Bus Data Sender on work-done"
      "jobs sends consolidate"            = "Azure Service Bus Data Sender on consolidate"
      "scheduler sends work_items"        = "Azure Service Bus Data Sender on work-items"
      "scheduler sends consolidate"       = "Azure Service Bus Data Sender on consolidate"
      "scaler counts for worker"          = "Azure Service Bus Data Owner on work-items"
      "scaler counts for consolidator"    = "Azure Service Bus Data Owner on consolidate"
      "scaler counts for jobs"            = "Azure Service Bus Data Owner on work-done"
      "consolidator watermarks"           = "Storage Blob Data Contributor on watermarks"
      "jobs watermarks"                   = "Storage Blob Data Contributor on watermarks"
      "scheduler watermarks"              = "Storage Blob Data Reader on watermarks"
      "api pulls"                         = "AcrPull on mockregistry"
      "worker pulls"                      = "AcrPull on mockregistry"
      "consolidator pulls"                = "AcrPull on mockregistry"
      "jobs pulls"                        = "AcrPull on mockregistry"
      "scheduler pulls"                   = "AcrPull on mockregistry"
      "migrate pulls"                     = "AcrPull on mockregistry"
    }
    error_message = "Someone may do more, or less, than the work asks for."
  }
}

run "nobody_works_under_another_name" {
  assert {
    condition     = { for name, settings in output.environment_of : name => settings.AZURE_CLIENT_ID if settings.AZURE_CLIENT_ID != "11111111-1111-1111-1111-111111111111" } == { worker = "33333333-3333-3333-3333-333333333333" }
    error_message = "Each process is told which identity is its own, and it is never the scaler's."
  }

  assert {
    condition     = toset([for id in azurerm_container_app.service["worker"].identity[0].identity_ids : basename(id)]) == toset(["worker", "scaler"]) && azurerm_container_app.service["worker"].identity[0].type == "UserAssigned" && [for id in azurerm_container_app.service["api"].identity[0].identity_ids : basename(id)] == ["mock"] && [for id in azurerm_container_app_job.job["scheduler"].identity[0].identity_ids : basename(id)] == ["mock"]
    error_message = "A service has its own identity, and where a queue wakes it the scaler's."
  }

  assert {
    condition     = basename(azurerm_container_app.service["worker"].template[0].custom_scale_rule[0].identity_id) == "scaler" && alltrue([for grant in azurerm_role_assignment.scaler : grant.principal_id == "55555555-5555-5555-5555-555555555555"])
    error_message = "The scaler counts, and may manage the queues."
  }

  assert {
    condition     = [for name, grant in azurerm_role_assignment.queue : name if grant.principal_id == "44444444-4444-4444-4444-444444444444"] == ["worker receives work_items", "worker sends consolidate", "worker sends work_done", "worker sends work_items"]
    error_message = "The worker's rights are the worker's."
  }
}

run "without_a_key_vault_secrets_are_values" {
  assert {
    condition     = length(azurerm_role_assignment.vault) == 0 && alltrue(flatten([for app in azurerm_container_app.service : [for secret in app.secret : nonsensitive(!can(regex("vault[.]azure[.]net", secret.key_vault_secret_id)) && secret.value == local.secrets[app.name][one([for name, key in local.secret_key : name if key == secret.name])])]]))
    error_message = "Nothing refers to a vault unless one is given."
  }
}

run "secrets_of_a_key_vault_are_references" {
  variables {
    secrets   = { HMAC_SECRETS = "hmac-secret" }
    key_vault = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/people/providers/Microsoft.KeyVault/vaults/acme-diamonds", secrets = ["DATABASE_URL", "REDIS_URL", "NIVODA_USERNAME", "NIVODA_PASSWORD", "RESEND_API_KEY"] }
  }

  assert {
    condition = { for secret in azurerm_container_app.service["worker"].secret : nonsensitive(secret.name) => nonsensitive([secret.key_vault_secret_id, secret.identity, secret.value == null]) } == {
      for name in ["database-url", "nivoda-password", "nivoda-username", "redis-url"] : name => ["https://acme-diamonds.vault.azure.net/secrets/${name}", azurerm_user_assigned_identity.role["worker"].id, true]
    }
    error_message = "The worker's secrets are references that its own identity reads, without a version and without a value."
  }

  assert {
    condition     = alltrue([for job in azurerm_container_app_job.job : alltrue([for secret in job.secret : nonsensitive(startswith(secret.key_vault_secret_id, "https://acme-diamonds.vault.azure.net/secrets/") && secret.value == null)])])
    error_message = "The jobs' secrets are references too."
  }

  assert {
    condition     = [for secret in azurerm_container_app.service["api"].secret : nonsensitive(secret.value) if nonsensitive(secret.name) == "hmac-secrets"] == ["hmac-secret"]
    error_message = "A secret that is given by value stays one."
  }

  assert {
    condition     = output.environment_of.worker.DATABASE_URL == "secret: database-url" && output.environment_of.migrate.DATABASE_URL == "secret: database-url"
    error_message = "The processes find them under the same names."
  }

  assert {
    condition     = alltrue([for grant in azurerm_role_assignment.vault : grant.role_definition_name == "Key Vault Secrets User" && grant.principal_type == "ServicePrincipal"]) && [for name, grant in azurerm_role_assignment.vault : name if grant.principal_id == "44444444-4444-4444-4444-444444444444"] == ["worker reads database-url", "worker reads nivoda-password", "worker reads nivoda-username", "worker reads redis-url"]
    error_message = "A role may read what it gets."
  }

  assert {
    condition     = azurerm_role_assignment.vault["jobs reads resend-api-key"].scope == "${var.key_vault.id}/secrets/resend-api-key" && !contains(keys(azurerm_role_assignment.vault), "api reads resend-api-key") && [for name in keys(azurerm_role_assignment.vault) : name if startswith(name, "migrate ")] == ["migrate reads database-url"]
    error_message = "The right is on the single secret, and no role has it that does not need the secret."
  }
}

run "identities_pull_the_image" {
  assert {
    condition     = alltrue([for name, app in azurerm_container_app.service : app.registry[0].server == "mockregistry.azurecr.io" && app.registry[0].identity == azurerm_user_assigned_identity.role[name].id]) && alltrue([for name, job in azurerm_container_app_job.job : job.registry[0].server == "mockregistry.azurecr.io" && job.registry[0].identity == azurerm_user_assigned_identity.role[name].id])
    error_message = "Every service and job pulls by its own identity."
  }

  assert {
    condition     = alltrue([for grant in azurerm_role_assignment.pull : grant.principal_type == "ServicePrincipal"]) && { for name, grant in azurerm_role_assignment.pull : name => grant.principal_id } == { for name, identity in azurerm_user_assigned_identity.role : name => identity.principal_id }
    error_message = "That identity may pull."
  }
}

run "connection_strings_are_secrets_where_they_are_asked_for" {
  variables {
    access = "connection_string"
  }

  assert {
    condition     = alltrue([for role in ["worker", "consolidator", "jobs", "scheduler"] : output.environment_of[role].AZURE_SERVICE_BUS_CONNECTION_STRING == "secret: azure-service-bus-connection-string" && output.environment_of[role].AZURE_STORAGE_CONNECTION_STRING == "secret: azure-storage-connection-string" && !contains(keys(output.environment_of[role]), "AZURE_SERVICE_BUS_NAMESPACE")])
    error_message = "Whoever takes part in the sync gets the connection strings, as secrets."
  }

  assert {
    condition     = alltrue([for role in ["api", "migrate"] : !contains(keys(output.environment_of[role]), "AZURE_SERVICE_BUS_CONNECTION_STRING")])
    error_message = "The API and the migration don't get them."
  }

  assert {
    condition     = alltrue([for app in azurerm_container_app.service : one(app.template[0].custom_scale_rule[0].authentication).secret_name == "azure-service-bus-connection-string" && one(app.template[0].custom_scale_rule[0].authentication).trigger_parameter == "connection" && app.template[0].custom_scale_rule[0].metadata.namespace == "mock" if app.name != "api"])
    error_message = "The queues are counted with the connection string, and the namespace is named all the same."
  }

  assert {
    condition     = alltrue([for name in keys(output.grants) : endswith(name, " pulls")]) && length(azurerm_user_assigned_identity.scaler) == 0
    error_message = "No role is granted that nobody uses."
  }
}

run "the_admin_pulls_where_that_is_asked_for" {
  variables {
    registry = {
      id           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ContainerRegistry/registries/mockregistry"
      login_server = "mockregistry.azurecr.io"
      pull         = "admin"
    }
  }

  assert {
    condition     = alltrue([for app in azurerm_container_app.service : app.registry[0].username == "mockadmin" && app.registry[0].password_secret_name == "registry-password" && contains(nonsensitive([for secret in app.secret : secret.name]), "registry-password")])
    error_message = "The password is a secret."
  }

  assert {
    condition     = length(azurerm_role_assignment.pull) == 0
    error_message = "No identity needs to pull."
  }
}

run "jobs_that_scale_to_zero_are_started_by_the_clock" {
  variables {
    jobs = { min_replicas = 0, once_cron = "*/5 * * * *" }
  }

  assert {
    condition     = azurerm_container_app_job.job["jobs-once"].schedule_trigger_config[0].cron_expression == "*/5 * * * *" && azurerm_container_app_job.job["jobs-once"].schedule_trigger_config[0].replica_completion_count == 1 && join(" ", azurerm_container_app_job.job["jobs-once"].template[0].container[0].args) == "-m sync jobs --once"
    error_message = "What is due is done every five minutes."
  }

  assert {
    condition     = output.environment_of["jobs-once"] == output.environment_of["jobs"]
    error_message = "They are the same jobs."
  }
}

run "memory_goes_with_cores" {
  assert {
    condition     = azurerm_container_app.service["api"].template[0].container[0].cpu == 0.5 && azurerm_container_app.service["api"].template[0].container[0].memory == "1Gi" && azurerm_container_app.service["consolidator"].template[0].container[0].memory == "2Gi"
    error_message = "A core has two GiB: other pairs are refused by Azure."
  }
}

run "logs_go_to_the_workspace" {
  variables {
    log_retention_days = 7
  }

  assert {
    condition     = azurerm_container_app_environment.this.log_analytics_workspace_id == azurerm_log_analytics_workspace.this.id && azurerm_container_app_environment.this.logs_destination == "log-analytics"
    error_message = "Logs are kept."
  }

  assert {
    condition     = output.log_workspace.retention_days == 30 && output.log_workspace.asked_days == 7 && azurerm_log_analytics_workspace.this.immediate_data_purge_on_30_days_enabled
    error_message = "A workspace keeps 30 days at least, and not a day more than that."
  }
}

run "alarms_say_what_is_too_much" {
  assert {
    condition = { for name, alarm in output.alarms : name => trimprefix(alarm.metric, "${split(" ", alarm.metric)[0]} ") } == {
      api-errors            = "Requests Total GreaterThan 20 in PT15M"
      messages-wait         = "ActiveMessages Minimum GreaterThan 0 in PT1H"
      dead-letters          = "DeadletteredMessages Maximum GreaterThan 0 in PT15M"
      api-restarts          = "ContainerAppSystemLogs_CL Count GreaterThan 5 in PT15M"
      worker-restarts       = "ContainerAppSystemLogs_CL Count GreaterThan 5 in PT15M"
      consolidator-restarts = "ContainerAppSystemLogs_CL Count GreaterThan 5 in PT15M"
      jobs-restarts         = "ContainerAppSystemLogs_CL Count GreaterThan 5 in PT15M"
      api-away              = "AzureMetrics Count LessThan 1 in PT15M"
      consolidator-away     = "AzureMetrics Count LessThan 1 in PT15M"
      jobs-away             = "AzureMetrics Count LessThan 1 in PT15M"
      freshness             = "ContainerAppConsoleLogs_CL Count LessThan 1 in P2D"
      redis                 = "ContainerAppConsoleLogs_CL Count GreaterThan 3 in PT15M"
    }
    error_message = "Each alarm has its measure; the workers may well be away."
  }

  assert {
    condition     = one(azurerm_monitor_metric_alert.alarm["api-errors"].criteria[0].dimension).values == tolist(["5xx"]) && toset(one(azurerm_monitor_metric_alert.alarm["messages-wait"].criteria[0].dimension).values) == toset(["work-items", "work-done", "consolidate"])
    error_message = "Only errors of our own count, and each queue for itself."
  }

  assert {
    condition     = alltrue([for alarm in azurerm_monitor_metric_alert.alarm : alarm.criteria[0].metric_name != "RestartCount" && alarm.criteria[0].operator != "LessThan"])
    error_message = "RestartCount never falls, and a metric alert on too little is not evaluated without data."
  }
}

run "an_alarm_on_logs_watches_the_service_that_it_names_and_works_without_data" {
  assert {
    condition     = alltrue([for name, alarm in azurerm_monitor_scheduled_query_rules_alert_v2.alarm : strcontains(alarm.criteria[0].query, trimsuffix(name, "-restarts")) if endswith(name, "-restarts")])
    error_message = "Restarts are counted by the service's name."
  }

  assert {
    condition     = strcontains(azurerm_monitor_scheduled_query_rules_alert_v2.alarm["jobs-away"].criteria[0].query, azurerm_container_app.service["jobs"].id)
    error_message = "Replicas are counted by the service's id."
  }

  assert {
    condition     = alltrue([for alarm in azurerm_monitor_scheduled_query_rules_alert_v2.alarm : alarm.scopes == tolist([azurerm_log_analytics_workspace.this.id]) && alarm.skip_query_validation && alarm.criteria[0].time_aggregation_method == "Count"])
    error_message = "The rules count rows of the workspace, and can be made before its tables exist."
  }

  assert {
    condition     = keys(azurerm_monitor_diagnostic_setting.replicas) == ["api", "consolidator", "jobs"] && alltrue([for setting in azurerm_monitor_diagnostic_setting.replicas : setting.log_analytics_workspace_id == azurerm_log_analytics_workspace.this.id && one(setting.enabled_metric).category == "AllMetrics"])
    error_message = "The number of replicas reaches the workspace."
  }
}

run "a_service_that_scales_to_zero_is_not_watched_for_being_away" {
  variables {
    api = { min_replicas = 0 }
  }

  assert {
    condition     = !contains(keys(output.alarms), "api-away") && !contains(keys(azurerm_monitor_diagnostic_setting.replicas), "api")
    error_message = "No replica is no fault there."
  }
}

run "the_environment_has_a_workload_profile" {
  assert {
    condition     = one(azurerm_container_app_environment.this.workload_profile).workload_profile_type == "Consumption"
    error_message = "Without a profile the environment is of the legacy kind, and that can't be changed later."
  }

  assert {
    condition     = alltrue([for app in azurerm_container_app.service : app.workload_profile_name == "Consumption"]) && alltrue([for job in azurerm_container_app_job.job : job.workload_profile_name == "Consumption"])
    error_message = "Everything runs in that profile."
  }
}

run "a_subnet_and_zones_are_chosen_at_creation" {
  variables {
    network = { subnet_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.Network/virtualNetworks/diamonds/subnets/apps", zone_redundant = true }
  }

  assert {
    condition     = azurerm_container_app_environment.this.infrastructure_subnet_id == var.network.subnet_id && azurerm_container_app_environment.this.zone_redundancy_enabled
    error_message = "The environment is in the subnet and in several zones."
  }
}

run "the_api_scales_by_requests_a_second_and_by_processor" {
  assert {
    condition     = one(azurerm_container_app.service["api"].template[0].http_scale_rule).concurrent_requests == "20"
    error_message = "The rule counts new requests a second, so that the figure is what one replica answers."
  }

  assert {
    condition     = one(azurerm_container_app.service["api"].template[0].custom_scale_rule).custom_rule_type == "cpu" && one(azurerm_container_app.service["api"].template[0].custom_scale_rule).metadata == tomap({ type = "Utilization", value = "70" })
    error_message = "A replica that works for sockets and expensive requests gets help."
  }
}

run "an_api_that_scales_to_zero_has_no_rule_by_processor" {
  variables {
    api = { min_replicas = 0 }
  }

  assert {
    condition     = length(azurerm_container_app.service["api"].template[0].custom_scale_rule) == 0 && length(azurerm_container_app.service["api"].template[0].http_scale_rule) == 1
    error_message = "With a rule by processor a service never reaches zero."
  }
}

run "the_platform_waits_for_the_delay_of_the_api" {
  variables {
    shutdown_delay_seconds = 12
  }

  assert {
    condition     = azurerm_container_app.service["api"].template[0].termination_grace_period_seconds == 52 && output.environment_of.api.SHUTDOWN_DELAY_SECONDS == "12"
    error_message = "The API accepts requests for a while after SIGTERM, and the platform waits as much longer."
  }
}

run "without_a_custom_domain_the_api_has_the_address_of_azure" {
  assert {
    condition     = length(azurerm_container_app_custom_domain.managed) + length(azurerm_container_app_custom_domain.given) + length(azurerm_container_app_environment_managed_certificate.api) == 0 && output.custom_domain == null
    error_message = "No domain and no certificate unless one is given."
  }

  assert {
    condition     = output.environment_of.jobs.ALERT_DASHBOARD_URL == "https://api.mock.westeurope.azurecontainerapps.io/dashboard"
    error_message = "Mails link to that address."
  }
}

run "a_custom_domain_has_a_managed_certificate" {
  variables {
    custom_domain = { name = "api.example.com" }
  }

  assert {
    condition     = azurerm_container_app_custom_domain.managed[0].name == "api.example.com" && azurerm_container_app_custom_domain.managed[0].container_app_id == azurerm_container_app.service["api"].id && length(azurerm_container_app_custom_domain.given) == 0
    error_message = "The API gets the domain."
  }

  assert {
    condition     = azurerm_container_app_environment_managed_certificate.api[0].subject_name == "api.example.com" && azurerm_container_app_environment_managed_certificate.api[0].domain_control_validation == "CNAME" && azurerm_container_app_environment_managed_certificate.api[0].container_app_environment_id == azurerm_container_app_environment.this.id
    error_message = "Azure issues its certificate in the environment."
  }

  assert {
    condition     = output.api_url == "https://api.example.com" && output.environment_of.jobs.ALERT_DASHBOARD_URL == "https://api.example.com/dashboard"
    error_message = "The API and the dashboard are found there."
  }

  assert {
    condition     = output.dns_records == { cname = azurerm_container_app.service["api"].ingress[0].fqdn, a = azurerm_container_app_environment.this.static_ip_address, txt = azurerm_container_app.service["api"].custom_domain_verification_id }
    error_message = "The records for its DNS are listed."
  }
}

run "a_custom_domain_has_a_given_certificate" {
  variables {
    custom_domain = { name = "api.example.com", certificate_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.App/managedEnvironments/mock/certificates/wildcard" }
  }

  assert {
    condition     = azurerm_container_app_custom_domain.given[0].container_app_environment_certificate_id == var.custom_domain.certificate_id && azurerm_container_app_custom_domain.given[0].certificate_binding_type == "SniEnabled" && azurerm_container_app_custom_domain.given[0].name == "api.example.com"
    error_message = "The domain is bound to the given certificate."
  }

  assert {
    condition     = length(azurerm_container_app_custom_domain.managed) + length(azurerm_container_app_environment_managed_certificate.api) == 0
    error_message = "Azure issues no second certificate."
  }
}

run "outgoing_addresses_are_listed_for_firewalls" {
  assert {
    condition     = output.outgoing_addresses == tolist(["20.0.0.1", "20.0.0.2"])
    error_message = "Every address that a service sends from is there, once."
  }
}
