mock_provider "azurerm" {
  source = "../../mocks"
}

variables {
  name                = "diamonds-test"
  environment         = "staging"
  location            = "westeurope"
  resource_group_name = "diamonds"
  image               = "mockregistry.azurecr.io/diamond-inventory:abc"
  registry            = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ContainerRegistry/registries/mockregistry", login_server = "mockregistry.azurecr.io" }
  service_bus = {
    namespace          = "mock"
    namespace_id       = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ServiceBus/namespaces/mock"
    hostname           = "mock.servicebus.windows.net"
    max_delivery_count = 10
    queues             = { work_items = { name = "work-items", id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ServiceBus/namespaces/mock/queues/work-items" }, work_done = { name = "work-done", id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ServiceBus/namespaces/mock/queues/work-done" }, consolidate = { name = "consolidate", id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ServiceBus/namespaces/mock/queues/consolidate" } }
  }
  storage            = { url = "https://mockaccount.blob.core.windows.net/", container = { name = "watermarks", id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.Storage/storageAccounts/mockaccount/blobServices/default/containers/watermarks" } }
  secrets            = { DATABASE_URL = "a", REDIS_URL = "rediss://:b@redis.example.com:10000/0", NIVODA_USERNAME = "c", NIVODA_PASSWORD = "d" }
  api                = { min_replicas = 0 }
  consolidator       = { min_replicas = 0 }
  jobs               = { min_replicas = 1 }
  log_retention_days = 7
}

run "a_secret_among_the_settings_is_refused" {
  command = plan
  variables {
    settings = { NIVODA_PASSWORD = "in the open" }
  }
  expect_failures = [var.settings]
}

run "a_database_among_the_settings_of_a_role_is_refused" {
  command = plan
  variables {
    settings_of = { api = { DATABASE_URL = "postgresql://in-the-open" } }
  }
  expect_failures = [var.settings_of]
}

run "settings_of_an_unknown_role_are_refused" {
  command = plan
  variables {
    settings_of = { wroker = { LOG_LEVEL = "DEBUG" } }
  }
  expect_failures = [var.settings_of]
}

run "a_missing_database_is_refused" {
  command = plan
  variables {
    secrets = { REDIS_URL = "rediss://:b@redis.example.com:10000/0", NIVODA_USERNAME = "c", NIVODA_PASSWORD = "d" }
  }
  expect_failures = [azurerm_container_app_environment.this]
}

run "a_missing_account_of_a_feed_is_refused" {
  command = plan
  variables {
    settings = { FEEDS = "nivoda,acme", FEED_ACME_KIND = "csv" }
    secrets  = { DATABASE_URL = "a", REDIS_URL = "rediss://:b@redis.example.com:10000/0" }
  }
  expect_failures = [azurerm_container_app_environment.this]
}

run "feeds_of_files_need_no_account" {
  command = plan
  variables {
    settings = { FEEDS = "acme, new-stones", FEED_ACME_KIND = "csv", FEED_NEW_STONES_KIND = "csv" }
    secrets  = { DATABASE_URL = "a", REDIS_URL = "rediss://:b@redis.example.com:10000/0" }
  }
  assert {
    condition     = !contains(local.needed_names, "NIVODA_PASSWORD")
    error_message = "An installation that reads files only does not need the account."
  }
}

run "a_secret_by_value_and_by_reference_is_refused" {
  command = plan
  variables {
    key_vault = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/people/providers/Microsoft.KeyVault/vaults/acme-diamonds", secrets = ["DATABASE_URL"] }
  }
  expect_failures = [azurerm_container_app_environment.this]
}

run "a_key_vault_by_its_mere_name_is_refused" {
  command = plan
  variables {
    key_vault = { id = "acme-diamonds", secrets = ["HMAC_SECRETS"] }
  }
  expect_failures = [var.key_vault]
}

run "references_without_a_key_vault_are_refused" {
  command = plan
  variables {
    key_vault = { secrets = ["HMAC_SECRETS"] }
  }
  expect_failures = [var.key_vault]
}

run "the_name_of_a_secret_in_the_vault_is_not_the_name_of_a_setting" {
  command = plan
  variables {
    key_vault = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/people/providers/Microsoft.KeyVault/vaults/acme-diamonds", secrets = ["hmac-secrets"] }
  }
  expect_failures = [var.key_vault]
}

run "an_empty_secret_is_refused" {
  command = plan
  variables {
    secrets = { DATABASE_URL = "", REDIS_URL = "rediss://:b@redis.example.com:10000/0", NIVODA_USERNAME = "c", NIVODA_PASSWORD = "d" }
  }
  expect_failures = [var.secrets]
}

run "a_secret_for_an_unknown_role_is_refused" {
  command = plan
  variables {
    secret_readers = { REDIS_URL = ["everyone"] }
  }
  expect_failures = [var.secret_readers]
}

run "more_than_thirty_workers_are_refused" {
  command = plan
  variables {
    worker = { max_replicas = 31 }
  }
  expect_failures = [var.worker]
}

run "limits_that_cross_are_refused" {
  command = plan
  variables {
    api = { min_replicas = 3, max_replicas = 2 }
  }
  expect_failures = [var.api]
}

run "a_consolidator_that_can_not_run_is_refused" {
  command = plan
  variables {
    consolidator = { min_replicas = 0, max_replicas = 0 }
  }
  expect_failures = [var.consolidator]
}

run "cores_that_azure_does_not_have_are_refused" {
  command = plan
  variables {
    api = { min_replicas = 0, cpu = 0.3 }
  }
  expect_failures = [var.api]
}

run "jobs_that_nobody_starts_are_refused" {
  command = plan
  variables {
    jobs = { min_replicas = 0 }
  }
  expect_failures = [var.jobs]
}

run "a_schedule_that_is_none_is_refused" {
  command = plan
  variables {
    scheduler = { cron = "at night" }
  }
  expect_failures = [var.scheduler]
}

run "the_tag_latest_is_refused" {
  command = plan
  variables {
    image = "mockregistry.azurecr.io/diamond-inventory:latest"
  }
  expect_failures = [var.image]
}

run "an_unknown_environment_is_refused" {
  command = plan
  variables {
    environment = "development"
  }
  expect_failures = [var.environment]
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
    registry = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ContainerRegistry/registries/mockregistry", login_server = "mockregistry.azurecr.io", pull = "anonymous" }
  }
  expect_failures = [var.registry]
}

run "a_missing_queue_is_refused" {
  command = plan
  variables {
    service_bus = { namespace = "mock", namespace_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ServiceBus/namespaces/mock", hostname = "mock.servicebus.windows.net", max_delivery_count = 10, queues = { work_items = { name = "work-items", id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.ServiceBus/namespaces/mock/queues/work-items" } } }
  }
  expect_failures = [var.service_bus]
}

run "storage_without_tls_is_refused" {
  command = plan
  variables {
    storage = { url = "http://mockaccount.blob.core.windows.net/", container = { name = "watermarks", id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.Storage/storageAccounts/mockaccount/blobServices/default/containers/watermarks" } }
  }
  expect_failures = [var.storage]
}

run "less_time_to_drain_than_the_api_takes_is_refused" {
  command = plan
  variables {
    drain_seconds = 10
  }
  expect_failures = [var.drain_seconds]
}

run "probes_that_azure_does_not_have_are_refused" {
  command = plan
  variables {
    probes = { readiness_failures = 31 }
  }
  expect_failures = [var.probes]
}

run "logs_for_two_days_are_refused" {
  command = plan
  variables {
    log_retention_days = 2
  }
  expect_failures = [var.log_retention_days]
}

run "a_quota_of_nothing_is_refused" {
  command = plan
  variables {
    log_daily_quota_gb = 0
  }
  expect_failures = [var.log_daily_quota_gb]
}

run "a_migration_without_time_is_refused" {
  command = plan
  variables {
    migrate_timeout_seconds = 5
  }
  expect_failures = [var.migrate_timeout_seconds]
}

run "an_action_group_by_its_mere_name_is_refused" {
  command = plan
  variables {
    alarms = { action_groups = ["on-call"] }
  }
  expect_failures = [var.alarms]
}

run "receivers_that_differ_by_case_only_are_refused" {
  command = plan
  variables {
    alarms = { emails = ["operators@example.com", "Operators@Example.com"] }
  }
  expect_failures = [var.alarms]
}

run "a_region_by_its_display_name_is_refused" {
  command = plan
  variables {
    location = "West Europe"
  }
  expect_failures = [var.location]
}

run "a_resource_group_that_is_none_is_refused" {
  command = plan
  variables {
    resource_group_name = "diamonds."
  }
  expect_failures = [var.resource_group_name]
}

run "zones_without_a_subnet_are_refused" {
  command = plan
  variables {
    network = { zone_redundant = true }
  }
  expect_failures = [var.network]
}

run "a_subnet_by_its_mere_name_is_refused" {
  command = plan
  variables {
    network = { subnet_id = "apps" }
  }
  expect_failures = [var.network]
}

run "a_domain_with_a_scheme_is_refused" {
  command = plan
  variables {
    custom_domain = { name = "https://api.example.com" }
  }
  expect_failures = [var.custom_domain]
}

run "a_certificate_without_a_domain_is_refused" {
  command = plan
  variables {
    custom_domain = { certificate_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.App/managedEnvironments/mock/certificates/wildcard" }
  }
  expect_failures = [var.custom_domain]
}

run "a_managed_certificate_is_not_given_by_its_id" {
  command = plan
  variables {
    custom_domain = { name = "api.example.com", certificate_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/diamonds/providers/Microsoft.App/managedEnvironments/mock/managedCertificates/api" }
  }
  expect_failures = [var.custom_domain]
}

run "an_unknown_validation_of_a_domain_is_refused" {
  command = plan
  variables {
    custom_domain = { name = "api.example.com", validation = "MAIL" }
  }
  expect_failures = [var.custom_domain]
}

run "no_delay_after_sigterm_is_refused" {
  command = plan
  variables {
    shutdown_delay_seconds = 0
  }
  expect_failures = [var.shutdown_delay_seconds]
}

run "a_rule_by_processor_that_never_applies_is_refused" {
  command = plan
  variables {
    api = { min_replicas = 1, cpu_percent = 100 }
  }
  expect_failures = [var.api]
}

run "redis_without_tls_is_refused" {
  command = plan
  variables {
    secrets = { DATABASE_URL = "a", REDIS_URL = "redis://:b@redis.example.com:6379/0", NIVODA_USERNAME = "c", NIVODA_PASSWORD = "d" }
  }
  expect_failures = [var.secrets]
}

run "redis_without_an_access_key_is_refused" {
  command = plan
  variables {
    secrets = { DATABASE_URL = "a", REDIS_URL = "rediss://redis.example.com:10000/0", NIVODA_USERNAME = "c", NIVODA_PASSWORD = "d" }
  }
  expect_failures = [var.secrets]
}

run "redis_without_a_port_is_refused" {
  command = plan
  variables {
    secrets = { DATABASE_URL = "a", REDIS_URL = "rediss://:b@redis.example.com/0", NIVODA_USERNAME = "c", NIVODA_PASSWORD = "d" }
  }
  expect_failures = [var.secrets]
}

run "a_database_with_an_ipv6_address_only_is_refused" {
  command = plan
  variables {
    secrets = { DATABASE_URL = "a", DATABASE_DIRECT_URL = "postgresql://postgres:x@db.abcdefgh.supabase.co:5432/postgres", REDIS_URL = "rediss://:b@redis.example.com:10000/0", NIVODA_USERNAME = "c", NIVODA_PASSWORD = "d" }
  }
  expect_failures = [var.secrets]
}
